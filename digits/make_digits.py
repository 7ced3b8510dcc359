"""Make the images of this folder again: ``python digits/make_digits.py`` from the project's root.

Some are MNIST *test* digits in new ink (no network of the series was trained on those), the others are drawn along the
path of a pen. They stand for what people bring: pens and pencils, markers and chalk, light on dark, transparent,
coloured, small and off centre, photographed under a lamp or on a table, on ruled and on squared paper, in rows and
lines. The labels go into ``labels.csv``.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from PIL import Image

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from utils.mnist import load_mnist
from utils.networks import FORMS, draw_form

Color = tuple[int, int, int]
BLACK, WHITE, BLUE, RED, GREEN = (25, 25, 30), (255, 255, 255), (30, 60, 160), (190, 40, 40), (20, 110, 70)
PENCIL, FAINT, CHALK, BOARD, CREAM = (120, 120, 120), (205, 205, 205), (235, 240, 235), (35, 60, 50), (250, 244, 228)
YELLOW, SKY, TABLE = (240, 200, 0), (170, 205, 235), (70, 50, 38)

#: The MNIST test images used, by digit: the first clear ones of each.
TEST_INDEX = {
    0: (3, 10), 1: (2, 5), 2: (1, 35), 3: (18, 30), 4: (4, 6),
    5: (15, 23), 6: (21, 22), 7: (0, 17), 8: (61, 84), 9: (7, 9),
}  # fmt: skip


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
    digit = np.pad(trim(image / np.float32(255)), 2)
    scale = height / digit.shape[0]
    large = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), scale * 0.35)
    return trim(np.clip((large - 0.42) * 8, 0, 1))


def trim(ink: np.ndarray) -> np.ndarray:
    """Cut the empty margin off."""
    x, y, w, h = cv2.boundingRect((ink > 0.05).astype(np.uint8))
    return ink[y : y + h, x : x + w]


def place(
    lines: Sequence[Sequence[np.ndarray]], shape: tuple[int, int], at: tuple[float, float] = (0.5, 0.5), gap: int = 0
) -> np.ndarray:
    """Lay digits side by side, line below line, on an empty page.

    Parameters
    ----------
    lines
        Of each line the digits, each ``(h, w)``, 0 = paper, 1 = ink.
    shape
        Height and width of the page.
    at
        Where the middle of the text comes, as shares of the height and the width.
    gap
        Pixels between two digits; below 0, they overlap.

    Returns
    -------
    (H, W) float32 array
        0 = paper, 1 = ink.
    """
    page = np.zeros(shape, np.float32)
    pitch = round(1.5 * max(digit.shape[0] for line in lines for digit in line))
    for row, line in enumerate(lines):
        x = round(at[1] * shape[1] - (sum(d.shape[1] for d in line) + gap * (len(line) - 1)) / 2)
        middle = at[0] * shape[0] + (row - (len(lines) - 1) / 2) * pitch
        for digit in line:
            h, w = digit.shape
            window = page[round(middle - h / 2) : round(middle - h / 2) + h, x : x + w]
            np.maximum(window, digit, out=window)
            x += w + gap
    return page


def color_page(ink: np.ndarray, pen: Color, paper: Color | np.ndarray) -> np.ndarray:
    """Colour a page: ``(H, W)`` ink in 0 … 1, on one colour or on ``(H, W, 3)`` → ``(H, W, 3) uint8``."""
    shade = ink[..., None]
    return (shade * np.array(pen) + (1 - shade) * np.asarray(paper)).round().astype(np.uint8)


def lined_paper(shape: tuple[int, int], step: int, squared: bool, color: Color = SKY) -> np.ndarray:
    """Print lines on white paper, or squares: ``(H, W, 3) uint8``."""
    paper = np.full((*shape, 3), 255, np.uint8)
    for y in range(step // 2, shape[0], step):
        paper[y : y + 2] = color
    for x in range(step // 2, shape[1] if squared else 0, step):
        paper[:, x : x + 2] = color
    return paper


def photograph(page: np.ndarray, rng: np.random.Generator, turn: float = 0, on_table: bool = False) -> np.ndarray:
    """Make a page look like a photo of it: light from one side, soft focus and a sensor's noise.

    Parameters
    ----------
    page : (H, W, 3) uint8 array
        What is photographed.
    rng
        For the noise, and for the grain of the table.
    turn
        By how many degrees the camera was held askew.
    on_table
        Whether the sheet lies on a dark table that shows around it.

    Returns
    -------
    (H, W, 3) uint8 array
        The photo.
    """
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    photo = page.astype(np.float32)
    if turn or on_table:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 0.84 if on_table else 1)
        photo = cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if on_table:
        sheet = cv2.warpAffine(np.ones((height, width), np.float32), matrix, (width, height))[..., None]
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 30, sigmaY=1.5)
        table = np.array(TABLE) * (1 + 0.15 * grain / grain.std())[..., None]
        photo = sheet * photo + (1 - sheet) * table
    light = 0.95 - 0.45 * (x / width) ** 1.5 - 0.1 * y / height
    photo = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), 1.2) * light[..., None]
    return np.clip(photo + rng.normal(0, 4, page.shape), 0, 255).astype(np.uint8)


def paint(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit somewhere in 28 × 28 pixels, each of them black or white: ``(h, w)`` ink → ``(28, 28)`` ink."""
    height = int(rng.integers(15, 24))
    width = min(26, max(1, round(height * digit.shape[1] / digit.shape[0])))
    small = cv2.resize(digit, (width, height), interpolation=cv2.INTER_AREA)
    page = np.zeros((28, 28), np.float32)
    top, left = rng.integers(1, 28 - height), rng.integers(1, 28 - width)
    page[top : top + height, left : left + width] = small > 0.25
    return page


class Maker:
    """Draws the digits, saves the images, and keeps the labels."""

    def __init__(self) -> None:
        self.mnist = load_mnist()
        if not self.mnist.complete:
            sys.exit("All of MNIST is needed to make these images: set MNIST_PATH, or connect once.")
        self.rng = np.random.default_rng(2026)
        self.labels: dict[str, str] = {}

    def pen(self, digits: str, height: int, width: float, form: int = 0, wobble: float = 0.015) -> list[np.ndarray]:
        """Draw digits along the path of a pen that is so many times as wide as the digit is high."""
        pen = max(1, round(width * height))
        return [
            draw_form(FORMS[int(digit)][form], height, pen, self.rng, wobble, slant=0.08) / np.float32(255)
            for digit in digits
        ]

    def test(self, digits: str, height: int) -> list[np.ndarray]:
        """Draw test digits of MNIST in new ink; the second time a digit comes, it is another one."""
        drawn = []
        for position, digit in enumerate(digits):
            index = TEST_INDEX[int(digit)][digits[:position].count(digit) % 2]
            assert self.mnist.y_test[index] == int(digit)
            drawn.append(reink(self.mnist.x_test[index], height))
        return drawn

    def save(self, name: str, image: np.ndarray | Image.Image, **options: object) -> None:
        """Save an image; its name begins with its label, lines separated by an underscore."""
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
        if name.endswith((".jpg", ".webp", ".heic")):
            options = {"quality": 80} | options
        picture.save(FOLDER / name, **options)
        self.labels[name] = name.split("-")[0].replace("_", "\n")


def with_alpha(ink: np.ndarray, pen: Color) -> np.ndarray:
    """Draw on nothing: ``(H, W)`` ink → ``(H, W, 4) uint8``."""
    return np.dstack([color_page(ink, pen, pen), (ink * 255).astype(np.uint8)])


def main() -> None:
    """Write all images and ``labels.csv``."""
    pillow_heif.register_heif_opener()
    make = Maker()
    small, page, photo = (200, 200), (300, 400), (480, 640)

    # Pens, pencils and brushes.
    make.save("0-pen.png", color_page(place([make.pen("0", 120, 0.06)], small), BLACK, WHITE))
    make.save("1-flag-and-foot.png", color_page(place([make.pen("1", 110, 0.06, form=4)], small), BLUE, WHITE))
    make.save("1-pencil.png", color_page(place([make.pen("1", 110, 0.045)], small), PENCIL, WHITE))
    make.save("2-marker.png", color_page(place([make.pen("2", 130, 0.14)], small), BLACK, WHITE))
    make.save("3-brush.png", color_page(place([make.pen("3", 140, 0.2)], small), BLACK, WHITE))
    make.save("4-thin.png", color_page(place([make.pen("4", 150, 0.005)], small), BLACK, WHITE))
    make.save("6-paint.png", color_page(place([make.pen("6", 20, 0.08)], (28, 28)), BLACK, WHITE))
    make.save("7-bar.png", color_page(place([make.pen("7", 120, 0.05, form=1)], small), BLACK, WHITE))
    make.save("9-paint-thin.png", color_page(place([make.pen("9", 22, 0.02)], (28, 28)), BLACK, WHITE))
    make.save("5-faint.png", color_page(place([make.pen("5", 120, 0.05)], small), FAINT, WHITE))
    # Colours, light on dark, and what is transparent.
    make.save("3-chalk.png", color_page(place([make.pen("3", 120, 0.07)], small), CHALK, BOARD))
    make.save("4-blue.png", color_page(place([make.pen("4", 120, 0.06)], small), BLUE, CREAM))
    make.save("8-red.png", color_page(place([make.pen("8", 120, 0.07)], small), RED, WHITE))
    make.save("2-yellow.png", color_page(place([make.pen("2", 120, 0.1)], small), YELLOW, WHITE))
    make.save("7-transparent.png", with_alpha(place([make.pen("7", 120, 0.06)], small), BLACK))
    make.save("0-transparent-white.png", with_alpha(place([make.pen("0", 120, 0.08)], small), WHITE))
    # Small, and in a corner.
    make.save("5-small.png", color_page(place([make.pen("5", 60, 0.08)], page, (0.27, 0.78)), BLACK, WHITE))
    make.save("9-border.png", color_page(np.pad(make.pen("9", 100, 0.1)[0], ((0, 0), (90, 0))), BLACK, WHITE))
    # What most people try first: a paint program, 28 × 28 pixels, and a pen that is one pixel or many wide.
    for digit in "0123456789":
        for index, (pen, shades) in enumerate((((0.02, 0.03), (BLACK, WHITE)), ((0.12, 0.22), (WHITE, BLACK)))):
            form = int(make.rng.integers(len(FORMS[int(digit)])))
            (drawn,) = make.pen(digit, 160, make.rng.uniform(*pen), form, wobble=0.04)
            make.save(f"{digit}-paint-{index + 1}.png", color_page(paint(drawn, make.rng), *shades))
    # Photos, and several digits.
    make.save(
        "9-photo.jpg",
        photograph(color_page(place([make.pen("9", 260, 0.06)], photo, (0.5, 0.45)), BLACK, CREAM), make.rng),
    )
    make.save("42-pen.png", color_page(place([make.pen("42", 100, 0.07)], (160, 260), gap=24), BLUE, WHITE))
    make.save("68-touching.png", color_page(place([make.pen("68", 120, 0.08)], (180, 240), gap=-8), BLACK, WHITE))
    make.save(
        "1789_2026-lines.png",
        color_page(place([make.pen(t, 90, 0.07) for t in ("1789", "2026")], (330, 460), gap=28), BLUE, WHITE),
    )
    make.save(
        "27-squared.png",
        color_page(place([make.pen("27", 120, 0.07)], page, gap=40), BLUE, lined_paper(page, 30, squared=True)),
    )
    make.save(
        "365-ruled.png",
        color_page(place([make.pen("365", 100, 0.07)], page, gap=30), BLACK, lined_paper(page, 60, squared=False)),
    )
    make.save(
        "507-table.jpg",
        photograph(
            color_page(place([make.pen("507", 110, 0.08)], photo, gap=40), BLACK, WHITE), make.rng, 5, on_table=True
        ),
    )

    # MNIST's test digits in new ink.
    make.save("0-mnist-photo.jpg", photograph(color_page(place([make.test("0", 240)], photo), BLUE, WHITE), make.rng))
    make.save("1-mnist-negative.png", color_page(place([make.test("1", 120)], small), WHITE, BLACK))
    make.save("2-mnist-green.png", color_page(place([make.test("2", 120)], small), GREEN, CREAM))
    make.save("3-mnist-pencil.png", color_page(place([make.test("3", 120)], small), PENCIL, WHITE))
    make.save("4-mnist-corner.png", color_page(place([make.test("4", 70)], (240, 240), (0.76, 0.26)), BLACK, WHITE))
    make.save("5-mnist-chalk.png", color_page(place([make.test("5", 120)], small), CHALK, BOARD))
    make.save("6-mnist-red.png", color_page(place([make.test("6", 120)], small), RED, CREAM))
    make.save("7-mnist-large.png", color_page(place([make.test("7", 180)], small), BLACK, WHITE))
    make.save("8-mnist-transparent.png", with_alpha(place([make.test("8", 120)], small), BLUE))
    make.save("9-mnist-grey.png", 255 - (place([make.test("9", 120)], small) * 150).astype(np.uint8))
    sixteen = 65535 - (place([make.test("6", 120)], small) * 40000).astype(np.uint16)
    make.save("6-mnist-16-bit.png", Image.fromarray(sixteen))
    palette = Image.fromarray(color_page(place([make.test("3", 120)], small), RED, CREAM)).quantize(8)
    make.save("3-mnist-palette.gif", palette)
    make.save("8-mnist-phone.heic", photograph(color_page(place([make.test("8", 240)], photo), BLACK, CREAM), make.rng))
    turned = Image.fromarray(
        np.rot90(photograph(color_page(place([make.test("4", 240)], photo), BLUE, WHITE), make.rng))
    )
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held upright; turn by 90 degrees to view
    make.save("4-mnist-upright.jpg", turned, exif=exif)
    row = color_page(place([make.test("31415", 90)], (180, 480), gap=22), BLACK, WHITE)
    make.save("31415-mnist-row.png", row)
    make.save(
        "92-mnist-squared.jpg",
        photograph(
            color_page(place([make.test("92", 150)], photo, gap=60), BLACK, lined_paper(photo, 40, squared=True)),
            make.rng,
            3,
        ),
    )
    ruled = color_page(place([make.test("806", 130)], photo, gap=50), BLUE, lined_paper(photo, 90, squared=False))
    make.save("806-mnist-ruled.webp", photograph(ruled, make.rng, -2))
    lines = place([make.test(t, 90) for t in ("02", "468", "13579")], photo, gap=26)
    make.save("02_468_13579-mnist-table.jpg", photograph(color_page(lines, BLACK, CREAM), make.rng, -4, on_table=True))

    table = FOLDER / "labels.csv"
    others = []  # such as drawings that were saved from the pad of notebook 06
    if table.exists():
        with open(table, newline="", encoding="utf-8") as file:
            others = [row for row in csv.reader(file) if row and row[0] not in {"file", *make.labels}]
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label"])
        writer.writerows([*sorted(make.labels.items()), *others])
    print(f"Wrote {len(make.labels)} images and labels.csv to digits/.")


if __name__ == "__main__":
    main()
