"""Training images beyond MNIST's: the same digits by other hands and pens, forms that MNIST lacks, and no digits.

A network reads people's drawings as well as its training images resemble what `utils.reader.normalise` makes of
them. So each kind of image here is drawn the way a person would, in some size and with some pen, and then takes the
same way as a person's drawing does. That things which are no digit are shown as well, with ten equal probabilities for
an answer, is Hendrycks, Mazeika and Dietterich, "Deep anomaly detection with outlier exposure", ICLR 2019.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count

import cv2
import numpy as np

from utils.mnist import SIDE
from utils.networks.pen import FORMS, LETTERS, Point, Stroke, draw_form, smooth
from utils.reader import normalise_digit, shift_outline, stroke_width, trim

#: For each set: how many digits are drawn with a pen and how many images are no digit, for each MNIST image.
PEN_SHARE, NONE_SHARE = 0.2, 0.25
#: Which digits the pen draws: more of those whose forms differ between countries.
PEN_DIGITS = np.array([1, 3, 1, 1, 1.5, 1, 1, 2, 1, 1.5]) / 14
FINE = 4  # images are redrawn on a grid so much finer


def make_sets(images: np.ndarray, labels: np.ndarray, sets: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw several sets of training images, on all processors.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        MNIST's: 0 = background, 255 = ink.
    labels : (n,) uint8 array
        Their digits.
    sets
        How many.
    seed
        The same seed gives the same images.

    Returns
    -------
    list of (images, targets)
        ``(m, 28, 28) uint8`` and the probabilities that a network should give, ``(m, 10) float32``.
    """
    seeds = [seed * 1000 + index for index in range(sets)]
    if sets == 1:
        return [make_set(images, labels, seeds[0])]
    # One thread in each process: with images this small, threads would only wait for each other.
    with ProcessPoolExecutor(
        min(sets, cpu_count() or 1), get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        return list(pool.map(make_set, [images] * sets, [labels] * sets, seeds))


def make_set(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one set: each image once more, digits drawn with a pen, and things that are no digit.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        MNIST's: 0 = background, 255 = ink.
    labels : (n,) uint8 array
        Their digits.
    seed
        The same seed gives the same set.

    Returns
    -------
    images : (m, 28, 28) uint8 array
        The set, not shuffled.
    targets : (m, 10) float32 array
        1 for the digit; 0.1 for all ten if there is none.
    """
    rng = np.random.default_rng(seed)
    redrawn = [redraw(image, rng) for image in images]
    digits = rng.choice(10, round(PEN_SHARE * len(images)), p=PEN_DIGITS)
    drawn = [draw_digit(int(digit), rng) for digit in digits]
    nothing = [draw_nothing(images, rng) for _ in range(round(NONE_SHARE * len(images)))]
    one_hot = np.eye(10, dtype=np.float32)
    targets = np.concatenate([one_hot[labels], one_hot[digits], np.full((len(nothing), 10), 0.1, np.float32)])
    return np.array(redrawn + drawn + nothing), targets


def redraw(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw an MNIST digit once more, by another hand and with another pen, and prepare it as a drawing is.

    Parameters
    ----------
    image, rng
        As for `draw_again`, which draws it.

    Returns
    -------
    (28, 28) uint8 array
        In the form of MNIST's images.
    """
    return normalise_digit(draw_again(image, rng))


def draw_again(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw an MNIST digit once more, by another hand and with another pen.

    Parameters
    ----------
    image : (28, 28) uint8 array
        0 = background, 255 = ink.
    rng
        Turns, slants, stretches and bends it, and chooses the pen and the size of the drawing.

    Returns
    -------
    (H, W) uint8 array
        The drawing: 0 = paper, 255 = ink.
    """
    side = FINE * SIDE
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    matrix = _random_hand(rng)
    bend = [
        cv2.resize(rng.normal(0, 1.2, (4, 4)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for _ in "xy"
    ]
    source = [
        ((row[0] * x + row[1] * y + (side - 1) / 2 + shift + 0.5) / FINE - 0.5).astype(np.float32)
        for row, shift in zip(matrix, bend, strict=True)
    ]
    large = cv2.GaussianBlur(cv2.remap(image, *source, cv2.INTER_CUBIC), (0, 0), 1)
    mask = (large > 120).astype(np.uint8)
    if not mask.any():
        return image
    width = stroke_width(mask)
    pen = max(np.exp(rng.uniform(np.log(4), np.log(20))), 0.45 * width)  # thinner than that, it would fall apart
    ink = _to_ink(shift_outline(mask, (pen - width) / 2))
    return _draw_small(ink, pen, rng) if rng.random() < 0.5 else ink


def draw_digit(digit: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit with a pen, in one of its forms.

    Parameters
    ----------
    digit
        0 to 9.
    rng
        Chooses the form, the hand and the pen.

    Returns
    -------
    (28, 28) uint8 array
        In the form of MNIST's images.
    """
    return normalise_digit(_draw_form(FORMS[digit][rng.integers(len(FORMS[digit]))], rng, stretch=digit == 1))


def draw_nothing(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw something that is no digit: two or three digits at once, a letter, a scribble, a stain, or dashes.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        MNIST's, for the digits.
    rng
        Chooses.

    Returns
    -------
    (28, 28) uint8 array
        In the form of MNIST's images.
    """
    kinds = (lambda rng: _several(images, rng)), _letter, _scribble, _stain, _dashes
    while True:
        image = normalise_digit(kinds[rng.choice(5, p=(0.4, 0.2, 0.15, 0.1, 0.15))](rng))
        if image.any():
            return image


def _letter(rng: np.random.Generator) -> np.ndarray:
    return _draw_form(LETTERS[rng.integers(len(LETTERS))], rng)


def _draw_form(form: list[Stroke], rng: np.random.Generator, stretch: bool = False) -> np.ndarray:
    """Draw a form by some hand and with some pen; stretched, a 1 has a foot that is short or long."""
    matrix = _random_hand(rng)
    if stretch:
        matrix[:, 0] *= np.exp(rng.normal(0, 0.25))
    turned = [[tuple((np.array(point) - 0.5) @ matrix.T + 0.5) for point in stroke] for stroke in form]
    pen = int(np.exp(rng.uniform(np.log(4), np.log(22))))
    ink = draw_form(turned, 100, pen, rng, slant=0, angular=rng.random() < 0.3)
    return _draw_small(ink, pen, rng) if rng.random() < 0.5 else ink


def _random_hand(rng: np.random.Generator) -> np.ndarray:
    angle, shear, (wide, high) = np.radians(rng.normal(0, 7)), rng.normal(0, 0.17), np.exp(rng.normal(0, 0.14, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.array([[1, shear], [0, 1]]) @ np.diag([wide, high])


def _to_ink(depth: np.ndarray) -> np.ndarray:
    return (np.clip(depth + 0.5, 0, 1) * 255).astype(np.uint8)


def _draw_small(ink: np.ndarray, pen: float, rng: np.random.Generator) -> np.ndarray:
    """Draw it again in 14 to 29 pixels, as in a paint program: with soft edges, or with none."""
    scale = int(rng.integers(14, 30)) / max(trim(ink).shape)
    if pen * scale < 1:  # no pen is thinner than a pixel
        mask = (ink > 127).astype(np.uint8)
        ink = _to_ink(shift_outline(mask, (1 / scale - pen) / 2))
    small = cv2.resize(np.pad(ink, 8), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.6:
        small = np.where(small > rng.uniform(70, 150), 255, 0).astype(np.uint8)
    return small if (small > 127).sum() > 4 else ink


def _several(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    canvas = np.zeros((36, 100), np.uint8)
    left = 2
    for index in rng.integers(0, len(images), rng.choice((2, 3), p=(0.8, 0.2))):
        digit = trim(images[index])[:24, :24]
        h, w = digit.shape
        top = int(rng.integers(4, 36 - 4 - h + 1)) if h < 28 else 4
        canvas[top : top + h, left : left + w] = np.maximum(canvas[top : top + h, left : left + w], digit)
        left = max(left + w + int(rng.integers(-3, 5)), 2)
    return cv2.resize(canvas, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)


def _scribble(rng: np.random.Generator) -> np.ndarray:
    canvas, pen = np.zeros((180, 180), np.uint8), int(rng.integers(4, 18))
    for _ in range(rng.integers(1, 4)):
        n = int(rng.integers(6, 16))
        points = rng.uniform(20, 160, (n, 2)) if rng.random() < 0.5 else 90 + np.cumsum(rng.normal(0, 25, (n, 2)), 0)
        path = smooth(points) if rng.random() < 0.7 else points
        cv2.polylines(canvas, [np.round(path * 8).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 3)
    return canvas


def _stain(rng: np.random.Generator) -> np.ndarray:
    field = cv2.GaussianBlur(rng.normal(0, 1, (100, 100)).astype(np.float32), (0, 0), np.exp(rng.uniform(0.7, 3)))
    y, x = np.mgrid[-1:1:100j, -1:1:100j]
    return np.where(field / field.std() + rng.uniform(0, 1) > rng.uniform(0.5, 1.5) * (x**2 + y**2), 255, 0).astype(
        np.uint8
    )


#: A minus, a plus, a cross, an equals sign, three strokes, a grid: lines from point to point.
DASHES: list[list[tuple[Point, Point]]] = [
    [((20, 80), (140, 80))],
    [((20, 80), (140, 80)), ((80, 20), (80, 140))],
    [((30, 30), (130, 130)), ((130, 30), (30, 130))],
    [((30, 60), (130, 60)), ((30, 100), (130, 100))],
    [((x, 25), (x, 135)) for x in (40, 80, 120)],
    [line for at in (50, 110) for line in (((at, 20), (at, 140)), ((20, at), (140, at)))],
]


def _dashes(rng: np.random.Generator) -> np.ndarray:
    canvas, pen = np.zeros((160, 160), np.uint8), int(rng.integers(4, 16))
    kind = int(rng.choice(len(DASHES), p=(0.5, 0.1, 0.1, 0.1, 0.1, 0.1)))
    # A single dash may lie at any angle up to 30 degrees; a steeper one could be a 1.
    angle = np.radians(rng.uniform(-30, 30)) if kind == 0 else np.radians(rng.normal(0, 5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for line in DASHES[kind]:
        ends = (np.array(line) - 80) @ turn.T + 80 + rng.normal(0, 4, (2, 2))
        cv2.polylines(canvas, [np.round(ends * 8).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 3)
    return canvas
