"""Measure how fast and how well pages are read: ``python tests/benchmarks/reading.py [PAGES [KIND ...]]``.

Prints the time and the memory that a photo of 12 megapixels and a small drawing take, once TensorFlow is there; how
many pages of each kind are read whole, with MNIST test digits on them or such as other countries write (20 pages of
each unless told), and in how many without a digit none is sure; then how many of 2,000 test digits redrawn by
a program, one to a page, and of 300 pairs of digits pushed into each other. Named kinds, or words of their names,
are measured alone: ``reading.py 50 desk form``. Run it from the project's root, on all of MNIST.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
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
from make_digits import (
    BLACK,
    BLUE,
    CREAM,
    DESKS,
    HOUSE,
    RED,
    SEPIA,
    SLATE,
    WHITE,
    color_page,
    dry_brush,
    expose,
    fill_cells,
    lined_paper,
    photograph,
    photograph_sheet,
    place,
    printed_cells,
    reink,
    sketch,
)

from utils.mnist import Mnist, load_mnist
from utils.networks import FORMS, LETTERS, draw_again, draw_form, load_model, shipped_models
from utils.reader import Reading, Score, read_digits, read_page

SHAPE = 600, 800
MEGABYTE = 1024  # resource counts in kilobytes


def main(pages: int, words: list[str]) -> None:
    mnist = load_mnist()
    model = load_model(shipped_models() / "cnn.keras")
    if not words:
        with tempfile.TemporaryDirectory() as folder:
            measure_time(mnist, model, Path(folder))
    for name, draw in KINDS.items():
        if not words or any(word in name for word in words):
            measure_kind(model, name, make_pages(draw, mnist, pages))
    if not words:
        measure_hands(mnist, model)
        measure_pairs(mnist, model)


def make_pages(draw: Callable, mnist: Mnist, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Draw pages of a kind, always the same: what a person reads, and the grey image."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        text, page = draw(mnist, rng)
        yield text, cv2.cvtColor(page, cv2.COLOR_RGB2GRAY) if page.ndim == 3 else page


def measure_kind(model: keras.Model, name: str, pages: Iterable[tuple[str, np.ndarray]]) -> None:
    right, digits = [], []
    for text, grey in pages:
        reading = Reading("", read_page(model, grey)[0])
        right += Score([reading], [text]).right
        digits += [digit.confident for digit in reading.digits]
    what = "whole" if text else "without a sure digit"
    sure = f", {np.mean(digits):.1%} of the digits sure" if text else ""
    print(f"{name:34} {sum(right):3} of {len(right)} pages {what}{sure}", flush=True)


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


def written(draw: Callable) -> Callable:
    """A kind of page from a way to draw the lines that `write` gives."""

    def page(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        text, lines = write(mnist, rng)
        return text, draw(lines, rng)

    return page


def askew(page: np.ndarray, desk: str, rng: np.random.Generator) -> np.ndarray:
    """Photograph a sheet on a desk from the chair, neither straight nor from above."""
    turn, lean, share = rng.normal(0, 10), rng.uniform(0, 30), rng.uniform(0.6, 0.9)
    return photograph_sheet(page, rng, desk, turn, lean, share, SHAPE)


def on_desk(desk: str) -> Callable:
    return written(lambda lines, rng: askew(drawn(lines, rng), desk, rng))


def turned(*quarters: int) -> Callable:
    """A photo in which the page lies on its side, or upside down; two digits at least say which way is up."""

    def page(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        text = ""
        while sum(map(text.count, "347")) < 2:
            text, lines = write(mnist, rng)
        return text, np.rot90(photographed(drawn)(lines, rng), rng.choice(quarters))

    return page


def pens(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A photo of two or three lines, the first pale or the last, the others in other pens."""
    lines = []
    while len(lines) < 2:
        text, lines = write(mnist, rng)
    colors = [(165, 165, 170), BLACK, BLUE, RED][: len(lines)][:: rng.choice((1, -1))]
    page = np.full((*SHAPE, 3), 255, np.uint8)
    for color, this in zip(colors, lines, strict=True):
        ink = [[digit * (line is this) for digit in line] for line in lines]
        page = color_page(place(ink, SHAPE, gap=24), color, page)
    return text, photograph(page, rng, rng.normal(0, 3))


def form(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A photo of a form: a date, a postcode, a telephone number, a digit in each cell."""
    groups = [(2, 2, 4), (5,), (3, 4), (4, 4), (6,)][rng.integers(5)]
    paper, middles = printed_cells(SHAPE, groups, side := int(rng.integers(56, 76)))
    chosen = rng.integers(0, len(mnist.x_test), len(middles))
    digits = [shrink(reink(mnist.x_test[index], int(side * rng.uniform(0.55, 0.8))), side) for index in chosen]
    page = color_page(fill_cells(digits, SHAPE, middles, rng), (BLACK, BLUE)[rng.integers(2)], paper)
    return "".join(str(mnist.y_test[index]) for index in chosen), photograph(page, rng, rng.normal(0, 2))


def shrink(digit: np.ndarray, side: int) -> np.ndarray:
    """Make a digit that is too wide for its cell smaller."""
    factor = min(1, 0.8 * side / digit.shape[1])
    return cv2.resize(digit, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else digit


def crop(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A number cut out of a photo of a table: little margin, and a rule through its feet, or above its heads."""
    height, chosen = int(rng.integers(32, 64)), rng.integers(0, len(mnist.x_test), rng.integers(2, 5))
    digits = [reink(mnist.x_test[index], height) for index in chosen]
    shape = height + 20, sum(digit.shape[1] for digit in digits) + 4 * len(digits) + 12
    page = color_page(place([digits], shape, gap=4), (SEPIA, BLUE, BLACK)[rng.integers(3)], SLATE)
    row = int(rng.choice((10, height + 9)) + rng.integers(-2, 3))
    page[row : row + max(1, height // 20)] = (SEPIA, (70, 90, 120))[rng.integers(2)]
    return "".join(str(mnist.y_test[index]) for index in chosen), expose(page, rng)


def dithered(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    page = photograph(color_page(place(lines, SHAPE, gap=24), BLACK, CREAM), rng)
    return np.asarray(Image.fromarray(page).convert("1")) * np.uint8(255)


def touching(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return color_page(place(lines, SHAPE, gap=-3), BLACK, WHITE)


def dashed(lines: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    """A dash in each number, such as a telephone's."""
    dash = np.zeros((30, 34), np.float32)
    cv2.line(dash, (3, 16), (30, 14), 1, 5, cv2.LINE_AA)
    cuts = [rng.integers(1, len(line)) for line in lines]
    return drawn([[*line[:cut], dash, *line[cut:]] for line, cut in zip(lines, cuts, strict=True)], rng)


def foreign(draw: Callable) -> Callable:
    """A page of digits in the forms that people in different countries write, each drawn along a pen's path."""

    def page(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        height = int(rng.integers(60, 90))
        rows = [rng.integers(0, 10, rng.integers(2, 6)) for _ in range(rng.integers(1, 4))]
        lines = [[draw(FORMS[d][rng.integers(len(FORMS[d]))], height, rng) for d in row] for row in rows]
        return "\n".join("".join(map(str, row)) for row in rows), drawn(lines, rng)

    return page


def large(draw: Callable) -> Callable:
    """One digit, in a drawing of 240 × 240 pixels."""

    def page(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        digit = int(rng.integers(10))
        ink = draw(FORMS[digit][rng.integers(len(FORMS[digit]))], int(rng.integers(90, 150)), rng)
        return str(digit), color_page(place([[ink]], (240, 240)), BLACK, WHITE)

    return page


def by_pen(form: list, height: int, rng: np.random.Generator) -> np.ndarray:
    return draw_form(form, height, max(2, round(height * rng.uniform(0.04, 0.1))), rng) / np.float32(255)


def broken(form: list, height: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit with a thin pen, and knock three to six gaps out of its stroke."""
    ink = draw_form(form, height, 2, rng) / np.float32(255)
    rows, columns = np.nonzero(ink > 0.5)
    for index in rng.choice(len(rows), rng.integers(3, 7)):
        gap = max(3, round(height * rng.uniform(0.02, 0.1)))
        cv2.circle(ink, (int(columns[index]), int(rows[index])), (gap + 1) // 2, 0, -1)
    return ink


def by_sketch(form: list, height: int, rng: np.random.Generator) -> np.ndarray:
    """Go over a digit three to six times, with a thin pen, and never quite on the same path."""
    pen, times = max(2, round(height * rng.uniform(0.015, 0.03))), rng.integers(3, 7)
    return sketch([draw_form(form, height, pen, rng, wobble=0.035, slant=0.05) / np.float32(255) for _ in range(times)])


def by_brush(form: list, height: int, rng: np.random.Generator) -> np.ndarray:
    return dry_brush(draw_form(form, height, 2, rng) / np.float32(255), int(height * rng.uniform(0.12, 0.2)), rng)


def blank(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    return "", askew(np.full((*SHAPE, 3), 250, np.uint8), rng.choice(list(DESKS)), rng)


def noise(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Noise, from pixel by pixel to clouds."""
    values = rng.normal(0, 1, (300, 400)).astype(np.float32)
    values = cv2.GaussianBlur(values, (0, 0), sigma) if (sigma := rng.uniform(0, 5)) > 0.5 else values
    return "", np.clip(128 + rng.uniform(10, 60) * values / values.std(), 0, 255).astype(np.uint8)


def letters(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    height = int(rng.integers(60, 90))
    rows = [rng.integers(0, len(LETTERS), rng.integers(3, 6)) for _ in range(rng.integers(1, 4))]
    return "", drawn([[by_pen(LETTERS[index], height, rng) for index in row] for row in rows], rng)


def drawing(mnist: Mnist, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    return "", drawn([[by_pen(HOUSE, int(rng.integers(150, 300)), rng)]], rng)


#: The first eight stay as they are, so that they can be compared from one version to the next.
KINDS = {
    "drawn": written(drawn),
    "drawn, light on dark": written(negative),
    "photo with a shadow": written(photographed(drawn)),
    "photo of a faint pencil": written(pencil),
    "photo of squared paper": written(photographed(squared)),
    "photo of ruled paper": written(photographed(ruled)),
    "photo of a sheet on a dark table": written(photographed(drawn, on_table=True)),
    "photo of chalk on a board": written(photographed(negative)),
    "sheet askew on a leather desk": on_desk("leather"),
    "sheet askew on a wooden desk": on_desk("wood"),
    "sheet askew on a grey desk": on_desk("grey"),
    "page on its side": turned(1, 3),
    "page upside down": turned(2),
    "pale and dark pens": pens,
    "cells of a form": form,
    "crop with a rule": crop,
    "dithered scan": written(dithered),
    "numbers whose digits touch": written(touching),
    "numbers with a dash": written(dashed),
    "other countries' forms": foreign(by_pen),
    "broken strokes of a thin pen": foreign(broken),
    "large sketched digit": large(by_sketch),
    "large digit of a dry brush": large(by_brush),
    "no digit: blank sheet on a desk": blank,
    "no digit: noise": noise,
    "no digit: letters": letters,
    "no digit: drawing of a house": drawing,
}

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2:])
