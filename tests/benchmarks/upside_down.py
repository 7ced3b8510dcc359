"""Count what digits look like upside down: ``python tests/benchmarks/upside_down.py``.

The network in ``models/`` reads the first 12,000 of MNIST's training images upright and turned by 180 degrees. Printed
are the counts that `utils.reader.turning` knows: those read as the row's digit upright and the column's upside down,
and 5 more, for what did not happen may still do so. Run it from the project's root, on all of MNIST.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
from utils.mnist import load_mnist
from utils.networks import load_model, shipped_models
from utils.reader import predict_probabilities

COUNT, UNSEEN = 12_000, 5


def main() -> None:
    """Count, and print the table as it stands in the module."""
    images = load_mnist().x_train[:COUNT]
    model = load_model(shipped_models() / "cnn.keras")
    upright, turned = (predict_probabilities(model, part).argmax(axis=1) for part in (images, images[:, ::-1, ::-1]))
    table = np.full((10, 10), UNSEEN)
    np.add.at(table, (upright, turned), 1)
    for row in table:
        print(f"    [{', '.join(map(str, row))}],")


if __name__ == "__main__":
    main()
