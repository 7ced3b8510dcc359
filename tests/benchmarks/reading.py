"""Measure how fast and how well pages are read: ``python tests/benchmarks/reading.py [PAGES]``.

Prints the time and the memory that a photo of 12 megapixels and a small drawing take, once TensorFlow is there, and
how many pages of each kind are read whole, with MNIST test digits on them (20 pages of each unless told); then how many
of 2,000 test digits drawn again by another hand, one to a page, and of 300 pairs of digits pushed into each other. Run
it from the project's root, on all of MNIST.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "digits"))
sys.path.insert(0, str(ROOT))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
import keras
from make_digits import BLACK, BLUE, WHITE, color_page, lined_paper, photograph, place, reink

from utils.mnist import Mnist, load_mnist
from utils.networks import draw_again, load_model, shipped_models
from utils.reader import Reading, read_digits, read_page

SHAPE = 600, 800
MEGABYTE = 1024  # resource counts in kilobytes


def main(pages: int) -> None:
    mnist = load_mnist()
    model = load_model(shipped_models() / "cnn.keras")
    with tempfile.TemporaryDirectory() as folder:
        measure_time(mnist, model, Path(folder))
    for name, draw in KINDS.items():
        rng = np.random.default_rng(0)
        whole = digits = sure = 0
        for _ in range(pages):
            text, lines = write(mnist, rng)
            grey = cv2.cvtColor(draw(lines, rng), cv2.COLOR_RGB2GRAY)
            read, _ = read_page(model, grey)
            whole += Reading("", read).text == text
            digits += len(read)
            sure += sum(digit.confident for digit in read)
        print(f"{name:34} {whole:3} of {pages} pages whole, {sure / digits:.1%} of the digits sure", flush=True)
    measure_hands(mnist, model)
    measure_pairs(mnist, model)


def measure_time(mnist: Mnist, model: keras.Model, folder: Path) -> None:
    rng = np.random.default_rng(0)
    page = photograph(squared(write(mnist, rng)[1], rng), rng, 2)
    photo = folder / "photo.jpg"
    Image.fromarray(cv2.resize(page, (4000, 3000), interpolation=cv2.INTER_CUBIC)).save(photo, quality=90)
    drawing = folder / "drawing.png"
    ink = cv2.resize(reink(mnist.x_test[0], 140), (20, 20), interpolation=cv2.INTER_AREA)
    Image.fromarray(color_page(np.pad(ink, 4), BLACK, WHITE)).save(drawing)
    read_digits(model, drawing)  # the first call builds TensorFlow's graph
    for name, file, times in (("12-megapixel photo", photo, 5), ("drawing of 28 x 28", drawing, 20)):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = []
        for _ in range(times):
            began = time.perf_counter()
            reading = read_digits(model, file)
            seconds.append(time.perf_counter() - began)
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / MEGABYTE
        print(
            f"{name}: {1000 * statistics.median(seconds):.0f} ms ({1000 * min(seconds):.0f} to "
            f"{1000 * max(seconds):.0f}), {more:.0f} MB more than before; read {reading.text!r}",
            flush=True,
        )


def measure_hands(mnist: Mnist, model: keras.Model, count: int = 2000) -> None:
    rng = np.random.default_rng(0)
    right = wrong_and_sure = 0
    for index in rng.choice(len(mnist.x_test), count, replace=False):
        ink = draw_again(mnist.x_test[index], rng)
        read, _ = read_page(model, 255 - np.pad(ink, max(ink.shape) // 6))
        reading = Reading("", read)
        right += reading.text == str(mnist.y_test[index])
        wrong_and_sure += reading.confident and reading.text != str(mnist.y_test[index])
    print(f"drawn by another hand: {right} of {count} right ({right / count:.1%}); {wrong_and_sure} wrong and sure")


def measure_pairs(mnist: Mnist, model: keras.Model, count: int = 300) -> None:
    rng = np.random.default_rng(0)
    right = 0
    for _ in range(count):
        a, b = rng.integers(0, len(mnist.x_test), 2)
        pair = [reink(mnist.x_test[index], 100) for index in (a, b)]
        apart = sum((digit > 0.5).sum() for digit in pair)
        gap, page = 0, np.zeros((0, 0))
        while gap > -100 and (page.size == 0 or apart - (page > 0.5).sum() < 15):  # until they share 15 pixels
            gap -= 1
            page = place([pair], (160, 300), gap=gap)
        read, _ = read_page(model, color_page(page, BLACK, WHITE)[..., 0])
        right += Reading("", read).text == f"{mnist.y_test[a]}{mnist.y_test[b]}"
    print(f"pairs that touch: {right} of {count} right")


def write(mnist: Mnist, rng: np.random.Generator) -> tuple[str, list[list[np.ndarray]]]:
    """Write one to three lines of two to six test digits: the text, and the ink of each digit."""
    height = int(rng.integers(60, 110))
    rows = [rng.integers(0, len(mnist.x_test), rng.integers(2, 7)) for _ in range(rng.integers(1, 4))]
    text = "\n".join("".join(str(mnist.y_test[index]) for index in row) for row in rows)
    return text, [[reink(mnist.x_test[index], int(height * rng.uniform(0.85, 1))) for index in row] for row in rows]


def drawn(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return color_page(place(lines, SHAPE, gap=24), BLACK, WHITE)


def negative(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return color_page(place(lines, SHAPE, gap=24), WHITE, BLACK)


def pencil(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return photograph(color_page(place(lines, SHAPE, gap=24), (170, 170, 170), WHITE), rng, rng.normal(0, 3))


def squared(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return color_page(place(lines, SHAPE, gap=24), BLUE, lined_paper(SHAPE, 36, squared=True))


def ruled(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return color_page(place(lines, SHAPE, gap=24), BLACK, lined_paper(SHAPE, 80, squared=False))


def photographed(draw: Callable, **options: bool) -> Callable:
    return lambda lines, rng: photograph(draw(lines, rng), rng, rng.normal(0, 3), **options)


KINDS = {
    "drawn": drawn,
    "drawn, light on dark": negative,
    "photo with a shadow": photographed(drawn),
    "photo of a faint pencil": pencil,
    "photo of squared paper": photographed(squared),
    "photo of ruled paper": photographed(ruled),
    "photo of a sheet on a dark table": photographed(drawn, on_table=True),
    "photo of chalk on a board": photographed(negative),
}

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
