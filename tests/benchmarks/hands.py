"""How a network reads hands that MNIST lacks: ``python tests/benchmarks/hands.py [NETWORK.keras …]``.

Each network reads, all of them already found and cut out:

- MNIST's test images;
- the first 5,000 of them drawn again by another hand and with another pen, as `utils.networks.redraw` does it;
- the same 5,000 as other collections keep their digits: stretched until they fill 16 × 16 pixels, black or white;
- scikit-learn's ``load_digits``: 1,797 digits of 13 writers in Turkey, in 8 × 8 pixels.

For each: the share that is read correctly; the expected calibration error (Guo, Pleiss, Sun
and Weinberger, 2017, with 15 bins); how many are marked as unsure, and how many of the others are wrong. Nothing is
chosen by any of it. Run it from the project's root, on all of MNIST. Without a name, both networks in ``models/`` read,
and the table is written to ``tests/benchmarks/results/hands.md``.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
from sklearn.datasets import load_digits

from utils.mnist import Mnist, load_mnist
from utils.networks import load_model, redraw, shipped_models
from utils.reader import SURE, normalise_digit, predict_probabilities, trim

RESULTS = Path(__file__).resolve().parent / "results" / "hands.md"
COUNT, BINS = 5000, 15


def make_sets(mnist: Mnist) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the images, ``(n, 28, 28) uint8``, and the digits of each set, by its name."""
    rng = np.random.default_rng(0)
    first, digits = mnist.x_test[:COUNT], mnist.y_test[:COUNT]
    others = load_digits()
    return {
        "MNIST's test images": (mnist.x_test, mnist.y_test),
        "drawn again": (np.array([redraw(image, rng) for image in first]), digits),
        "16 × 16, black or white": (np.array([normalise_digit(enlarge(stretch(image))) for image in first]), digits),
        "`load_digits`, 8 × 8": (
            np.array([normalise_digit(enlarge((16 * image).clip(0, 255))) for image in others.images]),
            others.target,
        ),
    }


def stretch(image: np.ndarray) -> np.ndarray:
    """Let a digit fill 16 × 16 pixels, whatever its proportions, each of them black or white."""
    small = cv2.resize(trim(image), (16, 16), interpolation=cv2.INTER_AREA)
    return np.where(small > 127, 255, 0)


def enlarge(image: np.ndarray) -> np.ndarray:
    """Enlarge a few pixels ten times, as notebook 09 does."""
    return cv2.resize(np.pad(image.astype(np.uint8), 1), None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC)


def calibration_error(table: np.ndarray, digits: np.ndarray) -> float:
    """Compute the expected calibration error: how far confidence and accuracy are apart, bin by bin."""
    sure, right = table.max(axis=1), table.argmax(axis=1) == digits
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    sums = np.bincount(bins, sure - right, minlength=BINS)
    return float(np.abs(sums).sum() / len(digits))


def describe(table: np.ndarray, digits: np.ndarray) -> list[str]:
    """Write what a network did with a set: read, calibration error, unsure, wrong without a mark."""
    right = table.argmax(axis=1) == digits
    unsure = table.max(axis=1) < SURE
    return [
        f"{right.mean():.2%}",
        f"{calibration_error(table, digits):.1%}",
        f"{unsure.mean():.1%}",
        f"{(~right & ~unsure).mean():.2%}",
    ]


def main(files: list[Path]) -> None:
    """Let each network read each set; print the table, and write it if the networks are the shipped ones."""
    sets = make_sets(load_mnist())
    networks = files or [shipped_models() / f"{kind}.keras" for kind in ("cnn", "mlp")]
    rows = ["| | digits | network | read | calibration error | unsure | wrong without `?` |", "|" + " --- |" * 7]
    for name, (images, digits) in sets.items():
        for file in networks:
            cells = describe(predict_probabilities(load_model(file), images), digits)
            rows.append(f"| {name} | {len(digits):,} | {file.stem} | {' | '.join(cells)} |")
    print("\n".join(rows))
    if not files:
        RESULTS.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
