"""Make the images of this folder again: ``python digits/make_digits.py`` from the project's root.

Half of them are MNIST *test* digits in new ink (no network of the series was trained on those), half are drawn here
along the path of a pen. They stand for what people bring: pens and pencils, light on dark, transparent, coloured,
small and off centre, under a shadow, several in a row. The labels go into ``labels.csv``.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from utils.mnist import load_mnist  # noqa: E402

Color = tuple[int, int, int]
BLACK, WHITE, BLUE, RED, GREEN = (25, 25, 30), (255, 255, 255), (30, 60, 160), (190, 40, 40), (20, 110, 70)
PENCIL, CHALK, BOARD, CREAM = (165, 165, 165), (235, 240, 235), (35, 60, 50), (250, 244, 228)

#: The path of the pen for each digit, stroke by stroke, in a box that is 1 wide and 1.4 high; smoothed when drawn.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(0.55, 0.02), (0.2, 0.2), (0.05, 0.7), (0.25, 1.3), (0.6, 1.38), (0.92, 1.1), (0.95, 0.5), (0.75, 0.1),
         (0.5, 0.03)]],
    1: [[(0.25, 0.35), (0.45, 0.15), (0.56, 0.0), (0.55, 0.5), (0.52, 1.0), (0.5, 1.4)]],
    2: [[(0.1, 0.35), (0.25, 0.08), (0.6, 0.0), (0.85, 0.25), (0.75, 0.65), (0.4, 1.05), (0.05, 1.37), (0.5, 1.36),
         (0.98, 1.34)]],
    3: [[(0.12, 0.15), (0.5, 0.0), (0.82, 0.2), (0.72, 0.52), (0.4, 0.65), (0.78, 0.78), (0.9, 1.1), (0.6, 1.38),
         (0.1, 1.25)]],
    4: [[(0.4, 0.0), (0.25, 0.4), (0.05, 0.85), (0.5, 0.86), (0.98, 0.84)], [(0.7, 0.35), (0.68, 0.9), (0.64, 1.4)]],
    5: [[(0.25, 0.05), (0.22, 0.3), (0.18, 0.6), (0.55, 0.55), (0.88, 0.8), (0.82, 1.2), (0.45, 1.4), (0.08, 1.25)],
        [(0.25, 0.05), (0.6, 0.06), (0.9, 0.02)]],
    6: [[(0.7, 0.0), (0.35, 0.35), (0.12, 0.85), (0.2, 1.25), (0.55, 1.4), (0.88, 1.15), (0.75, 0.8), (0.4, 0.8),
         (0.14, 1.05)]],
    7: [[(0.08, 0.1), (0.5, 0.08), (0.92, 0.04), (0.7, 0.5), (0.5, 0.95), (0.38, 1.4)]],
    8: [[(0.75, 0.2), (0.45, 0.0), (0.2, 0.25), (0.5, 0.62), (0.85, 1.0), (0.6, 1.38), (0.2, 1.25), (0.25, 0.9),
         (0.6, 0.55), (0.8, 0.3), (0.68, 0.1)]],
    9: [[(0.85, 0.25), (0.5, 0.02), (0.18, 0.3), (0.35, 0.65), (0.7, 0.55), (0.86, 0.2), (0.84, 0.7), (0.7, 1.4)]],
}  # fmt: skip

#: The MNIST test images used, by digit: the first clear one of each.
TEST_INDEX = {0: 3, 1: 2, 2: 1, 3: 18, 4: 4, 5: 15, 6: 21, 7: 0, 8: 61, 9: 7}


def draw_strokes(digit: int, height: int, width: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit along the path of a pen, never twice the same.

    Parameters
    ----------
    digit
        0 to 9.
    height
        Of the digit, in pixels.
    width
        Of the pen, as a share of the height.
    rng
        Moves the points a little and slants the whole.

    Returns
    -------
    (h, w) float32 array
        The digit in its frame; 0 = paper, 1 = ink.
    """
    unit, pen = height / 1.4, max(1, round(width * height))
    margin, fine = pen + 2, 4
    slant = rng.normal(0, 0.08)
    canvas = np.zeros((fine * (height + 2 * margin), fine * int(unit * 1.5 + 2 * margin)), np.uint8)
    for stroke in STROKES[digit]:
        points = np.array(stroke) + rng.normal(0, 0.015, (len(stroke), 2))
        points[:, 0] += slant * (0.7 - points[:, 1]) + 0.2
        path = np.round((smooth(points) * unit + margin) * fine).astype(np.int32)
        cv2.polylines(canvas, [path], False, 255, pen * fine, cv2.LINE_AA)
    small = cv2.resize(canvas, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)
    return trim(small / np.float32(255))


def smooth(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """Lead a Catmull-Rom curve through points, ``(n, 2)`` → ``(steps · (n - 1) + 1, 2)``."""
    p = np.vstack([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.vstack([*pieces, points[-1:]])


def reink(image: np.ndarray, height: int) -> np.ndarray:
    """Draw an MNIST image anew with a smooth, even stroke.

    Parameters
    ----------
    image : (28, 28) uint8 array
        0 = background, 255 = ink.
    height
        Of the digit, in pixels.

    Returns
    -------
    (h, w) float32 array
        The digit in its frame; 0 = paper, 1 = ink.
    """
    digit = trim(image / np.float32(255))
    digit = np.pad(digit, 2)
    scale = height / digit.shape[0]
    large = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), scale * 0.35)
    return trim(np.clip((large - 0.42) * 8, 0, 1))


def trim(ink: np.ndarray) -> np.ndarray:
    """Cut the empty margin off."""
    x, y, w, h = cv2.boundingRect((ink > 0.05).astype(np.uint8))
    return ink[y : y + h, x : x + w]


def place(digits: Sequence[np.ndarray], shape: tuple[int, int], at: tuple[float, float], gap: int = 0) -> np.ndarray:
    """Lay digits side by side on an empty page.

    Parameters
    ----------
    digits
        Each ``(h, w)``, 0 = paper, 1 = ink.
    shape
        Height and width of the page.
    at
        Where the middle of the row comes, as shares of the height and the width.
    gap
        Pixels between two digits.

    Returns
    -------
    (H, W) float32 array
        0 = paper, 1 = ink.
    """
    page = np.zeros(shape, np.float32)
    x = round(at[1] * shape[1] - (sum(d.shape[1] for d in digits) + gap * (len(digits) - 1)) / 2)
    for digit in digits:
        y = round(at[0] * shape[0] - digit.shape[0] / 2)
        page[y : y + digit.shape[0], x : x + digit.shape[1]] += digit
        x += digit.shape[1] + gap
    return page


def color_page(ink: np.ndarray, pen: Color, paper: Color) -> np.ndarray:
    """Colour a page: ``(H, W)`` ink in 0 … 1 → ``(H, W, 3) uint8``."""
    shade = ink[..., None]
    return (shade * np.array(pen) + (1 - shade) * np.array(paper)).round().astype(np.uint8)


def photograph(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a page look like a photo of it: a shadow from one side, soft focus and a sensor's noise."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    light = 0.95 - 0.45 * (x / width) ** 1.5 - 0.1 * y / height
    photo = cv2.GaussianBlur(page.astype(np.float32), (0, 0), 1.2) * light[..., None]
    return np.clip(photo + rng.normal(0, 4, page.shape), 0, 255).astype(np.uint8)


def main() -> None:
    """Write all images and ``labels.csv``."""
    mnist = load_mnist()
    if not mnist.complete:
        sys.exit("All of MNIST is needed to make these images: set MNIST_PATH, or connect once.")
    rng = np.random.default_rng(2026)
    labels: dict[str, str] = {}

    def pen(digit: int, height: int, width: float) -> np.ndarray:
        return draw_strokes(digit, height, width, rng)

    def test(digit: int, height: int) -> np.ndarray:
        index = TEST_INDEX[digit]
        assert mnist.y_test[index] == digit
        return reink(mnist.x_test[index], height)

    def save(name: str, label: int, image: np.ndarray) -> None:
        picture = Image.fromarray(image)
        if name.endswith(".jpg"):
            picture.save(FOLDER / name, quality=88)
        else:
            picture.save(FOLDER / name, optimize=True)
        labels[name] = str(label)

    middle = (0.5, 0.5)
    save("0-pen.png", 0, color_page(place([pen(0, 120, 0.06)], (200, 200), middle), BLACK, WHITE))
    save("1-pencil.png", 1, color_page(place([pen(1, 110, 0.045)], (200, 200), middle), PENCIL, WHITE))
    save("2-marker.png", 2, color_page(place([pen(2, 130, 0.14)], (200, 200), middle), BLACK, WHITE))
    save("3-chalk.png", 3, color_page(place([pen(3, 120, 0.07)], (200, 200), middle), CHALK, BOARD))
    save("4-blue.png", 4, color_page(place([pen(4, 120, 0.06)], (200, 200), middle), BLUE, CREAM))
    save("5-small.png", 5, color_page(place([pen(5, 60, 0.08)], (300, 400), (0.27, 0.78)), BLACK, WHITE))
    save("6-paint.png", 6, color_page(place([pen(6, 20, 0.08)], (28, 28), middle), BLACK, WHITE))
    seven = place([pen(7, 120, 0.06)], (200, 200), middle)
    save("7-transparent.png", 7, np.dstack([color_page(seven, BLACK, BLACK), (seven * 255).astype(np.uint8)]))
    save("8-red.png", 8, color_page(place([pen(8, 120, 0.07)], (200, 200), middle), RED, WHITE))
    save(
        "9-photo.jpg", 9, photograph(color_page(place([pen(9, 260, 0.06)], (480, 640), (0.5, 0.45)), BLACK, CREAM), rng)
    )
    save(
        "42-pen.png", 42, color_page(place([pen(4, 100, 0.07), pen(2, 100, 0.07)], (160, 260), middle, 24), BLUE, WHITE)
    )

    save("0-mnist-photo.jpg", 0, photograph(color_page(place([test(0, 240)], (480, 640), middle), BLUE, WHITE), rng))
    save("1-mnist-negative.png", 1, color_page(place([test(1, 120)], (200, 200), middle), WHITE, BLACK))
    save("2-mnist-green.png", 2, color_page(place([test(2, 120)], (200, 200), middle), GREEN, CREAM))
    save("3-mnist-pencil.png", 3, color_page(place([test(3, 120)], (200, 200), middle), PENCIL, WHITE))
    save("4-mnist-corner.png", 4, color_page(place([test(4, 70)], (240, 240), (0.76, 0.26)), BLACK, WHITE))
    save("5-mnist-chalk.png", 5, color_page(place([test(5, 120)], (200, 200), middle), CHALK, BOARD))
    save("6-mnist-red.png", 6, color_page(place([test(6, 120)], (200, 200), middle), RED, CREAM))
    save("7-mnist-large.png", 7, color_page(place([test(7, 180)], (200, 200), middle), BLACK, WHITE))
    eight = place([test(8, 120)], (200, 200), middle)
    save("8-mnist-transparent.png", 8, np.dstack([color_page(eight, BLUE, BLUE), (eight * 255).astype(np.uint8)]))
    save("9-mnist-grey.png", 9, 255 - (place([test(9, 120)], (200, 200), middle) * 150).astype(np.uint8))
    row = [test(digit, 90) for digit in (3, 1, 4, 1, 5)]
    save("31415-mnist-row.png", 31415, color_page(place(row, (180, 480), middle, 22), BLACK, WHITE))

    with open(FOLDER / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label"])
        writer.writerows(sorted(labels.items()))
    print(f"Wrote {len(labels)} images and labels.csv to digits/.")


if __name__ == "__main__":
    main()
