"""Training images beyond MNIST's: the same digits redrawn with other pens, forms that MNIST lacks, and no digits.

A network reads people's drawings as well as its training images resemble what `utils.reader.normalise` makes of
them. So each kind of image here is drawn the way a person would, in some size and with some pen, and then takes the
same way as a person's drawing does. That things which are no digit are shown as well, with ten equal probabilities for
an answer, is Hendrycks, Mazeika and Dietterich, "Deep anomaly detection with outlier exposure", ICLR 2019. What a bad
cut leaves of a digit is among them, for the network is asked where to cut: as in LeCun, Bottou, Bengio and Haffner,
"Gradient-based learning applied to document recognition", 1998, whose segmenter learns from its mistakes.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count

import cv2
import numpy as np

from utils.mnist import SIDE
from utils.networks import printed
from utils.networks.pen import FORMS, LETTERS, Point, Stroke, draw_form, smooth, vary
from utils.reader import normalise_digit, shift_outline, stroke_width, trim

#: For each set: how many digits are drawn with a pen and how many images are no digit, for each MNIST image.
PEN_SHARE, NONE_SHARE = 0.5, 0.25
#: And how many are what a cut between two digits leaves of one of them.
PIECE_SHARE = 0.2
#: A piece is still its digit with so much of its ink, and so little of the neighbour's in it; and no digit with less
#: of its own than that, or more of the neighbour's. What lies between the two is not shown.
WHOLE, BROKEN = (0.93, 0.1), (0.65, 0.3)
#: What is narrower than this share of its height could always be a 1, whatever it was cut from.
SLIM = 0.4
#: Which digits the pen draws: more of those whose forms differ between countries.
PEN_DIGITS = np.array([1, 4, 1, 1, 1.5, 1, 1, 2, 1, 2]) / 15.5
#: How many of the pen's digits are printed instead, and how many of the pen's digits and of the others are scanned in
#: few pixels: of the forms that MNIST lacks, too little else is seen so.
PRINT_SHARE, COARSE_PEN_SHARE, COARSE_SHARE = 0.1, 0.3, 0.15
#: A hand writes up to so much wider or narrower than another, as a power of e, beside what varies within one hand.
PROPORTION = 0.3
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
    pieces, own = zip(*(cut_piece(images, labels, rng) for _ in range(round(PIECE_SHARE * len(images)))), strict=True)
    nothing = [draw_nothing(images, rng) for _ in range(round(NONE_SHARE * len(images)))]
    answers = np.vstack([np.eye(10, dtype=np.float32), np.full(10, 0.1, np.float32)])  # the last one: no digit
    digits = np.concatenate([labels, digits, own, np.full(len(nothing), 10)])
    return np.array([*redrawn, *drawn, *pieces, *nothing]), answers[digits]


def redraw(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw an MNIST digit once more, its shape varied and with another pen, and prepare it as a drawing is.

    Parameters
    ----------
    image, rng
        As for `draw_again`, which draws it. Some of the drawings are then scanned in few pixels, or stretched.

    Returns
    -------
    (28, 28) uint8 array
        In the form of MNIST's images.
    """
    return normalise_digit(_hand_in(draw_again(image, rng, PROPORTION), rng))


def draw_again(image: np.ndarray, rng: np.random.Generator, proportion: float = 0.0) -> np.ndarray:
    """Draw an MNIST digit once more, its shape varied and with another pen.

    Parameters
    ----------
    image : (28, 28) uint8 array
        0 = background, 255 = ink.
    rng
        Turns, slants, stretches and bends it, and chooses the pen and the size of the drawing.
    proportion
        How much wider or narrower the hand may write than MNIST's, as a power of e; 0: as they do.

    Returns
    -------
    (H, W) uint8 array
        The drawing: 0 = paper, 255 = ink.
    """
    side = FINE * SIDE
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    matrix = _random_hand(rng, proportion)
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
    """Draw a digit with a pen, in one of its forms, or print it.

    Parameters
    ----------
    digit
        0 to 9.
    rng
        Chooses the form or the font, the hand, the pen and the scanner.

    Returns
    -------
    (28, 28) uint8 array
        In the form of MNIST's images.
    """
    if rng.random() < PRINT_SHARE:
        ink = _print(str(digit), rng)
    else:
        ink = _draw_form(vary(FORMS[digit][rng.integers(len(FORMS[digit]))], rng), rng, stretch=digit == 1)
    return normalise_digit(_hand_in(ink, rng, COARSE_PEN_SHARE))


def cut_piece(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Let two digits touch, cut between them, well or badly, and take the piece on one side.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        MNIST's: 0 = background, 255 = ink.
    labels : (n,) uint8 array
        Their digits.
    rng
        Chooses the digits, how they stand, and the cut.

    Returns
    -------
    image : (28, 28) uint8 array
        The piece, in the form of MNIST's images.
    digit : int
        Which digit it still is, or 10 if it is none.
    """
    while True:
        chosen = rng.integers(0, len(images), 2)
        first, second = (_enlarge(trim(images[index]), 3 * np.exp(rng.normal(0, 0.1))) for index in chosen)
        (h, w), (other_h, other_w) = first.shape, second.shape
        left = w - round(rng.uniform(-0.1, 0.3) * min(w, other_w))
        top = round(max(h, other_h) * (1 + rng.normal(0, 0.08))) - other_h
        own, other = np.zeros((2, max(h, other_h) + abs(top), max(w, left + other_w)), np.uint8)
        own[max(-top, 0) : max(-top, 0) + h, :w] = first
        other[max(top, 0) : max(top, 0) + other_h, left : left + other_w] = second
        cut = (w + left) / 2 + 0.25 * w * rng.normal()
        y, x = np.mgrid[: own.shape[0], : own.shape[1]]
        before = x < cut + rng.normal(0, 0.25) * (y - own.shape[0] / 2)
        if rng.random() < 0.5:
            own, other, before, chosen = other, own, ~before, chosen[::-1]
        piece = np.where(before, np.maximum(own, other), 0).astype(np.uint8)
        kept = own[before].sum() / max(own.sum(), 1)
        foreign = other[before].sum() / max(piece.sum(), 1)
        shape = trim(piece).shape
        if kept >= WHOLE[0] and foreign <= WHOLE[1]:
            return normalise_digit(piece), int(labels[chosen[0]])
        if (kept < BROKEN[0] or foreign > BROKEN[1]) and shape[1] > SLIM * shape[0] and shape[0] > SLIM * shape[1]:
            return normalise_digit(piece), 10


def _enlarge(image: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def draw_nothing(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw something that is no digit: several digits, a letter, a scribble, a sign, a stain, or dashes.

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
    kinds = (lambda rng: _several(images, rng)), _letter, _printed_letter, _scribble, _sign, _stain, _dashes
    while True:
        ink = kinds[rng.choice(7, p=(0.35, 0.15, 0.1, 0.1, 0.1, 0.08, 0.12))](rng)
        image = normalise_digit(_hand_in(ink, rng, squares=0))  # a dash stretched to a square could be a 1
        if image.any():
            return image


def _letter(rng: np.random.Generator) -> np.ndarray:
    return _draw_form(LETTERS[rng.integers(len(LETTERS))], rng)


def _printed_letter(rng: np.random.Generator) -> np.ndarray:
    return _print(printed.LETTERS[rng.integers(len(printed.LETTERS))], rng)


def _print(character: str, rng: np.random.Generator) -> np.ndarray:
    """Print a character, turned, slanted and stretched as if by a hand."""
    image = printed.print_character(character, 100, rng)
    matrix = _random_hand(rng)
    middle = np.array(image.shape[::-1]) / 2
    return cv2.warpAffine(image, np.column_stack([matrix, 150 - matrix @ middle]), (300, 300))


def _hand_in(
    ink: np.ndarray, rng: np.random.Generator, share: float = COARSE_SHARE, squares: float = 0.5
) -> np.ndarray:
    """Scan a share of the drawings coarsely, part of these stretched to a square, and leave the others as they are."""
    if rng.random() >= share or not trim(ink).size:
        return ink
    digit = trim(ink)
    return _scan_coarsely(_fill_square(digit) if rng.random() < squares else digit, rng)


def _scan_coarsely(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scan a digit in 8 to 16 pixels, half of the time in black and white, as collections of digits often are."""
    black_and_white = rng.random() < 0.5
    scale = np.exp(rng.uniform(np.log(11 if black_and_white else 8), np.log(17))) / max(digit.shape)
    mask = (digit > 127).astype(np.uint8)
    pen = stroke_width(mask)
    least = rng.uniform(1.2, 2) / scale  # a line spreads over one or two pixels; thinner than that, it would break
    if pen < least:
        digit = _to_ink(shift_outline(mask, (least - pen) / 2))
    small = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if black_and_white:
        small = np.where(small > rng.uniform(80, 140), 255, 0).astype(np.uint8)
    if (small > 127).sum() < 5:
        return digit
    return (
        small if rng.random() < 0.5 else cv2.resize(np.pad(small, 1), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    )


def _fill_square(digit: np.ndarray) -> np.ndarray:
    """Stretch a digit to a square, as some collections do; a bare 1 would become a block and stays narrower."""
    height, width = digit.shape
    side = max(height, width)
    size = min(side, 3 * width), min(side, 3 * height)
    return cv2.resize(digit, size, interpolation=cv2.INTER_AREA)


def _sign(rng: np.random.Generator) -> np.ndarray:
    """Several short strokes, as in the signs of other scripts."""
    canvas, pen = np.zeros((180, 180), np.uint8), int(rng.integers(4, 14))
    for _ in range(rng.integers(3, 7)):
        start, angle, length = rng.uniform(30, 150, 2), rng.uniform(0, np.pi), rng.uniform(30, 100)
        along = np.array([np.cos(angle), np.sin(angle)]) * length
        bend = np.array([-along[1], along[0]]) * rng.normal(0, 0.15)
        path = smooth(np.array([start, start + along / 2 + bend, start + along]))
        cv2.polylines(canvas, [np.round(path * 8).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 3)
    return canvas


def _draw_form(form: list[Stroke], rng: np.random.Generator, stretch: bool = False) -> np.ndarray:
    """Draw a form by some hand and with some pen; stretched, a 1 has a foot that is short or long."""
    matrix = _random_hand(rng)
    if stretch:
        matrix[:, 0] *= np.exp(rng.normal(0, 0.25))
    turned = [[tuple((np.array(point) - 0.5) @ matrix.T + 0.5) for point in stroke] for stroke in form]
    pen = int(np.exp(rng.uniform(np.log(4), np.log(26))))
    ink = draw_form(turned, 100, pen, rng, slant=0, angular=rng.random() < 0.3)
    return _draw_small(ink, pen, rng) if rng.random() < 0.5 else ink


def _random_hand(rng: np.random.Generator, proportion: float = PROPORTION) -> np.ndarray:
    angle, shear, (wide, high) = np.radians(rng.normal(0, 7)), rng.normal(0, 0.17), np.exp(rng.normal(0, 0.14, 2))
    if proportion:
        wide *= np.exp(rng.uniform(-proportion, proportion))
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
