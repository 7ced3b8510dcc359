"""What each threshold of the ink is worth: ``python tests/benchmarks/ink.py [PAGES]``, from the project's root.

Changes one threshold at a time, and prints at each of its values how many synthetic pages of each kind that it concerns
have all their digits found, each about as high as it was written: 20 pages of a kind unless told. No network is asked.
The value in use is marked with a star: it should lie on a plateau. Digits are MNIST's test digits.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "digits"))
sys.path.insert(0, str(ROOT))

from make_digits import BLACK, WHITE, color_page, lined_paper, photograph, place, reink

from utils.mnist import load_mnist
from utils.reader import extract_ink, find_digits

SHAPE, HEIGHT = (300, 520), 64

#: The ink of four digits on a page, and chance → a grey page.
Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def grey(page: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)


def small_crop(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut out a number with the rule that it stands on, and reduce it until it is 40 to 60 pixels high."""
    y, x, h, w = box(ink)
    page = 255 - 200 * ink
    row, tilt = y + h - int(rng.integers(0, 10)), int(rng.integers(-8, 9))
    rule = np.full(SHAPE, 255, np.uint8)
    cv2.line(rule, (0, row - tilt), (SHAPE[1], row + tilt), 90, int(rng.integers(2, 5)), cv2.LINE_AA)
    page = np.minimum(page, rule)[y - 12 : y + h + 14, max(x - 15, 0) : x + w + 15]
    scale = rng.integers(40, 60) / len(page)
    page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return (page * 0.8 + 20 + rng.normal(0, 2, page.shape)).clip(0, 255).astype(np.uint8)


def ruled(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return grey(photograph(color_page(ink, BLACK, lined_paper(SHAPE, 70, squared=False)), rng, rng.normal(0, 3)))


def squared(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return grey(photograph(color_page(ink, BLACK, lined_paper(SHAPE, 30, squared=True)), rng, rng.normal(0, 3)))


def table(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a box around the row by hand, and lines between the digits."""
    y, x, h, w = box(ink)
    page = 255 - 225 * ink
    gaps = [column for column in range(x, x + w) if not ink[:, column].any()]
    between = [run[len(run) // 2] for run in np.split(gaps, np.flatnonzero(np.diff(gaps) > 1) + 1) if len(run)]
    columns, rows = [x - 15, *between, x + w + 15], [y - 15, y + h + 15]
    ends = [((column, rows[0]), (column, rows[1])) for column in columns]
    for start, end in [*ends, *(((columns[0], row), (columns[-1], row)) for row in rows)]:
        points = np.linspace(start, end, 12) + rng.normal(0, 0.8, (12, 2))
        cv2.polylines(page, [points.round().astype(np.int32)], False, 40, 2, cv2.LINE_AA)
    return page.astype(np.uint8)


def pens(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write each digit with a pen of its own, one of them a pale one."""
    _, labels = cv2.connectedComponents(cv2.dilate((ink > 0).astype(np.uint8), np.ones((9, 9))))
    shades = rng.permutation([1, 0.7, 0.4, 0.15])
    return (255 - 255 * ink * shades[labels % 4]).astype(np.uint8)


def fading(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let the pressure of a pencil go up and down along each digit, in a photo."""
    waves = 0.6 + 0.4 * np.sin(np.arange(SHAPE[0])[:, None] / 9 + rng.uniform(0, 6)) * np.ones(SHAPE)
    return grey(photograph(color_page(ink * waves, BLACK, WHITE), rng, rng.normal(0, 3)))


def dithered(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scan a photo as a fax does."""
    photo = photograph(color_page(ink * rng.uniform(0.5, 1), BLACK, WHITE), rng, rng.normal(0, 3))
    return np.array(Image.fromarray(photo).convert("1")).astype(np.uint8) * 255


def two_colours(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw in a paint program, without shades."""
    return np.where(ink > rng.uniform(0.3, 0.7), 0, 255).astype(np.uint8)


def single(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut out the first digit alone, to its very edge."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((ink > 0.5).astype(np.uint8))
    x, y, w, h, _ = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    return (255 - 255 * ink[y - 2 : y + h + 2, x - 2 : x + w + 2]).astype(np.uint8)


#: Module, threshold, values, and the kinds of page that it concerns.
SWEEPS: list[tuple[str, str, list[float], list[Draw]]] = [
    ("lines", "LONG", [0.1, 0.15, 0.2, 0.25, 0.35, 0.5], [small_crop, ruled, squared, single]),
    ("lines", "LONGER_THAN_DIGITS", [0.5, 1.0, 1.5, 2.0, 3.0, 5.0], [small_crop, ruled, squared, single]),
    ("lines", "THIN", [5, 10, 15, 25, 40, 80], [small_crop, ruled, squared, single]),
    ("lines", "DARKER_THAN_LINES", [1.0, 1.2, 1.4, 1.7, 2.0, 3.0], [small_crop, ruled, squared]),
    ("lines", "GAP", [0.0, 0.1, 0.25, 0.4, 0.6], [small_crop, ruled, squared]),
    ("lines", "FILLS", [0.05, 0.2, 0.35, 0.5, 0.7, 0.9], [table, two_colours]),
    ("ink", "WEAK", [0.3, 0.4, 0.5, 0.6, 0.8, 1.0], [fading, ruled, squared]),
    ("halftone", "DOTS", [0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3], [dithered, two_colours]),
    ("halftone", "BLUR", [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0], [dithered]),
    ("ink", "FAINTEST", [0.02, 0.04, 0.06, 0.08, 0.12], [pens, fading, dithered]),
]


def box(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, height and width of what is written."""
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    return y, x, h, w


def is_found(page: np.ndarray, draw: Draw) -> bool:
    """Say whether as many digits are found as there are, of about the same height."""
    heights = [digit.box.h for digit in find_digits(extract_ink(page))]
    return len(heights) == (1 if draw is single else 4) and min(heights) > 0.7 * max(heights)


def main(count: int) -> None:
    """Print a table for each threshold."""
    mnist = load_mnist(verbose=False)
    pages: dict[Draw, list[np.ndarray]] = {}
    for draw in {draw for *_, draws in SWEEPS for draw in draws}:
        rng = np.random.default_rng(0)
        rows = [[reink(mnist.x_test[i], HEIGHT) for i in rng.integers(0, len(mnist.x_test), 4)] for _ in range(count)]
        pages[draw] = [draw(place([row], SHAPE, gap=34), rng) for row in rows]
    for name, threshold, values, draws in SWEEPS:
        module = importlib.import_module(f"utils.reader.{name}")  # thresholds are nothing that a door offers
        used = getattr(module, threshold)
        print(f"\n{name}.{threshold:24}" + "".join(f"{draw.__name__:>14}" for draw in draws))
        for value in values:
            setattr(module, threshold, value)
            shares = [sum(is_found(page, draw) for page in pages[draw]) for draw in draws]
            print(
                f"{value:>20} {'*' if value == used else ' '}       " + "".join(f"{n:>14}" for n in shares), flush=True
            )
        setattr(module, threshold, used)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
