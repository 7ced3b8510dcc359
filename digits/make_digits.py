"""Make the images of this folder again: ``python digits/make_digits.py`` from the project's root.

Some are MNIST *test* digits in new ink (no network of the series was trained on those), the others are drawn along the
path of a pen. They stand for what people bring: pens and pencils, markers and chalk, light on dark, transparent,
coloured, small and off centre, photographed under a lamp or on a desk, askew, on their side or upside down, on ruled
and on squared paper and in the cells of a form, in rows and lines; and images that hold no digit. The labels go into
``labels.csv``.
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
from utils.networks import FORMS, LETTERS, draw_form

Color = tuple[int, int, int]
BLACK, WHITE, BLUE, RED, GREEN = (25, 25, 30), (255, 255, 255), (30, 60, 160), (190, 40, 40), (20, 110, 70)
PENCIL, FAINT, CHALK, BOARD, CREAM = (120, 120, 120), (205, 205, 205), (235, 240, 235), (35, 60, 50), (250, 244, 228)
YELLOW, SKY, TABLE = (240, 200, 0), (170, 205, 235), (70, 50, 38)
SEPIA, SLATE, PRINTED = (95, 35, 45), (176, 184, 190), (60, 60, 70)
#: The colour of a desk, and how its grain runs: across and along, in pixels, and how strong it is.
DESKS = {
    "leather": ((38, 37, 40), (1.6, 1.6), 0.16),
    "wood": ((146, 98, 60), (60, 1.8), 0.12),
    "grey": ((150, 152, 155), (1.2, 1.2), 0.03),
}

#: The MNIST test images used, by digit: the first clear ones of each.
TEST_INDEX = {
    0: (3, 10), 1: (2, 5), 2: (1, 35), 3: (18, 30), 4: (4, 6),
    5: (15, 23), 6: (21, 22), 7: (0, 17), 8: (61, 84), 9: (7, 9),
}  # fmt: skip
#: The forms that each digit's drawings in 28 × 28 pixels are chosen from: the first ones of `FORMS`.
PAINT_FORMS = (4, 8, 4, 3, 4, 4, 5, 5, 3, 5)
#: A house with a door and a window, a tree beside it: strokes as those of `FORMS`.
HOUSE = [
    [(0.2, 0.7), (0.2, 1.4)], [(1.1, 0.7), (1.1, 1.4)], [(0.2, 1.4), (1.1, 1.4)], [(0.1, 0.7), (1.2, 0.7)],
    [(0.1, 0.7), (0.65, 0.2)], [(0.65, 0.2), (1.2, 0.7)], [(0.35, 1.4), (0.35, 1.0)], [(0.35, 1.0), (0.55, 1.0)],
    [(0.55, 1.0), (0.55, 1.4)], [(0.7, 0.85), (0.98, 0.85)], [(0.98, 0.85), (0.98, 1.1)], [(0.98, 1.1), (0.7, 1.1)],
    [(0.7, 1.1), (0.7, 0.85)], [(0.84, 0.85), (0.84, 1.1)], [(0.7, 0.97), (0.98, 0.97)], [(0.9, 0.43), (0.9, 0.15)],
    [(0.9, 0.15), (1.02, 0.15)], [(1.02, 0.15), (1.02, 0.54)], [(1.6, 1.4), (1.62, 0.9)], [(1.72, 1.4), (1.72, 0.9)],
    [(1.62, 0.9), (1.35, 0.85), (1.3, 0.6), (1.45, 0.5), (1.45, 0.3), (1.65, 0.2), (1.85, 0.3), (1.9, 0.5),
     (2.05, 0.6), (2.0, 0.85), (1.72, 0.9)], [(0.0, 1.4), (0.2, 1.4)], [(1.1, 1.4), (2.1, 1.4)],
]  # fmt: skip


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


def printed_cells(
    shape: tuple[int, int], groups: Sequence[int], side: int, color: Color = PRINTED
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Print the cells of a form, a digit each, in groups such as day, month and year.

    Parameters
    ----------
    shape
        Height and width of the page.
    groups
        How many cells stand side by side in each group.
    side
        Of a cell, in pixels.
    color
        Of the print.

    Returns
    -------
    paper : (H, W, 3) uint8 array
        The form.
    middles : list of (y, x)
        The middle of each cell.
    """
    paper = np.full((*shape, 3), 255, np.uint8)
    gap = side // 2
    x = (shape[1] - sum(groups) * side - (len(groups) - 1) * gap) // 2
    y, middles = (shape[0] - side) // 2, []
    for count in groups:
        for _ in range(count):
            cv2.rectangle(paper, (x, y), (x + side, y + side), color, max(1, side // 40))
            middles.append((y + side // 2, x + side // 2))
            x += side
        x += gap
    return paper, middles


def fill_cells(
    digits: Sequence[np.ndarray], shape: tuple[int, int], middles: Sequence[tuple[int, int]], rng: np.random.Generator
) -> np.ndarray:
    """Write a digit into each cell, none quite in the middle: digits ``(h, w)`` → page ``(H, W)``, 1 = ink."""
    page = np.zeros(shape, np.float32)
    for digit, middle in zip(digits, middles, strict=True):
        h, w = digit.shape
        top, left = (round(m - size / 2 + rng.normal(0, 0.05) * h) for m, size in zip(middle, digit.shape, strict=True))
        np.maximum(page[top : top + h, left : left + w], digit, out=page[top : top + h, left : left + w])
    return page


def sketch(drawings: Sequence[np.ndarray]) -> np.ndarray:
    """Lay drawings of one digit over each other, as a pencil that goes over it again and again: ``(h, w)`` ink each."""
    shape = tuple(max(drawing.shape[axis] for drawing in drawings) for axis in (0, 1))
    return np.maximum.reduce([place([[drawing]], shape) for drawing in drawings])


def dry_brush(path: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """Follow a thin line with a flat brush that runs dry: two of five bristles leave gaps.

    Parameters
    ----------
    path : (h, w) float32 array
        The line; 0 = paper, 1 = ink.
    width
        Of the brush, in pixels. It is held at 45°.
    rng
        Where the paint holds.

    Returns
    -------
    (H, W) float32 array
        0 = paper, 1 = ink.
    """
    page = np.zeros((path.shape[0] + width, path.shape[1] + width), np.float32)
    for bristle in range(width):
        wet = cv2.GaussianBlur(rng.normal(0, 1, path.shape).astype(np.float32), (0, 0), 7)
        wet = wet > (np.quantile(wet, 0.65) if bristle % 5 < 2 else -np.inf)
        window = page[width - bristle :, bristle:][: path.shape[0], : path.shape[1]]
        np.maximum(window, path * wet, out=window)
    return page


def make_desk(shape: tuple[int, int], material: str, rng: np.random.Generator) -> np.ndarray:
    """Cover a desk: the name of one of `DESKS` → ``(H, W, 3) float32``, 0 … 255."""
    color, (across, along), strength = DESKS[material]
    grain = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), across, sigmaY=along)
    return (np.array(color) * (1 + strength * grain / grain.std())[..., None]).astype(np.float32)


def look_at(sheet: tuple[int, int], shape: tuple[int, int], turn: float, lean: float, share: float) -> np.ndarray:
    """Find where the corners of a sheet come in a photo.

    Parameters
    ----------
    sheet, shape
        Height and width of the sheet and of the photo.
    turn
        By how many degrees the sheet is turned.
    lean
        By how many degrees the camera leans back from looking straight down: what is farther away gets smaller.
    share
        How much of the photo's height or width the sheet would fill, seen from straight above.

    Returns
    -------
    (4, 2) float32 array
        x and y of the corners, clockwise from the one at the top left of what is written.
    """
    h, w = np.array(sheet) * share * min(shape[0] / sheet[0], shape[1] / sheet[1]) / 2
    turned, leaning = np.deg2rad((turn, lean))
    x, y = np.array([(-w, -h), (w, -h), (w, h), (-w, h)]).T
    x, y = x * np.cos(turned) - y * np.sin(turned), x * np.sin(turned) + y * np.cos(turned)
    depth = 1 - y * np.sin(leaning) / (1.3 * max(shape))  # the camera is so far away
    return np.float32([x / depth + shape[1] / 2, y * np.cos(leaning) / depth + shape[0] / 2]).T


def lay(page: np.ndarray, ground: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Lay a sheet on a desk, with a thin shadow along its edge.

    Parameters
    ----------
    page : (h, w, 3) uint8 array
        The sheet.
    ground : (H, W, 3) float32 array
        The desk.
    corners : (4, 2) float32 array
        Where those of the sheet come: `look_at`.

    Returns
    -------
    (H, W, 3) float32 array
        0 … 255.
    """
    h, w = page.shape[:2]
    size = ground.shape[1::-1]
    matrix = cv2.getPerspectiveTransform(np.float32([(0, 0), (w, 0), (w, h), (0, h)]), corners)
    seen = cv2.warpPerspective(
        page.astype(np.float32), matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    sheet = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, size)[..., None]
    shadow = cv2.GaussianBlur(np.roll(sheet[..., 0], (3, 3), (0, 1)), (0, 0), 4)[..., None]
    return sheet * seen + (1 - sheet) * ground * (1 - 0.5 * shadow)


def shade(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Cast the shadow of the hand that holds the phone, from below: ``(H, W) float32``, 1 = none."""
    height, width = shape
    box = ((rng.uniform(0.3, 0.7) * width, height), (0.35 * width, 0.9 * height), rng.uniform(-25, 25))
    dark = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(dark, cv2.boxPoints(box).astype(np.int32), 1)
    return 1 - 0.4 * cv2.GaussianBlur(dark, (0, 0), 0.06 * width)


def expose(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take a photo of a scene, ``(H, W, 3)`` in 0 … 255: light from one side, soft focus and a sensor's noise."""
    height, width = scene.shape[:2]
    y, x = np.mgrid[:height, :width]
    light = 0.95 - 0.45 * (x / width) ** 1.5 - 0.1 * y / height
    photo = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), 1.2) * light[..., None]
    return np.clip(photo + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8)


def photograph_sheet(
    page: np.ndarray,
    rng: np.random.Generator,
    desk: str = "leather",
    turn: float = 0,
    lean: float = 0,
    share: float = 0.75,
    shape: tuple[int, int] = (480, 640),
) -> np.ndarray:
    """Photograph a sheet on a desk, from the chair: in perspective, and with the shadow of the phone.

    Parameters
    ----------
    page : (h, w, 3) uint8 array
        The sheet.
    rng
        For the grain of the desk, the shadow and the noise.
    desk
        One of `DESKS`.
    turn, lean, share
        How the sheet lies and how the camera looks at it: `look_at`.
    shape
        Height and width of the photo.

    Returns
    -------
    (H, W, 3) uint8 array
        The photo.
    """
    scene = lay(page, make_desk(shape, desk, rng), look_at(page.shape[:2], shape, turn, lean, share))
    return expose(scene * shade(shape, rng)[..., None], rng)


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
    photo = page.astype(np.float32)
    if turn or on_table:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 0.84 if on_table else 1)
        photo = cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if on_table:
        sheet = cv2.warpAffine(np.ones((height, width), np.float32), matrix, (width, height))[..., None]
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 30, sigmaY=1.5)
        table = np.array(TABLE) * (1 + 0.15 * grain / grain.std())[..., None]
        photo = sheet * photo + (1 - sheet) * table
    return expose(photo, rng)


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
        """Save an image; its name begins with its label, lines separated by an underscore, or with none."""
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
        if name.endswith((".jpg", ".webp", ".heic")):
            options = {"quality": 80} | options
        picture.save(FOLDER / name, **options)
        self.labels[name] = name.split("-")[0].replace("_", "\n").removeprefix("none")


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
            form = int(make.rng.integers(PAINT_FORMS[int(digit)]))
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

    # Sheets on a desk, on their side and upside down.
    sheet = color_page(place([make.pen("1947", 90, 0.05), make.pen("582", 90, 0.05)], photo, gap=34), BLUE, WHITE)
    make.save("1947_582-desk.jpg", photograph_sheet(sheet, make.rng, "leather", turn=-14, lean=25, share=0.72))
    sheet = color_page(place([make.test("36", 130)], photo, gap=50), BLACK, WHITE)
    make.save("36-mnist-desk.jpg", photograph_sheet(sheet, make.rng, "wood", turn=9, lean=30, share=0.7))
    lines = place([make.test("2473", 90), make.test("5482", 90)], photo, gap=34)
    side = np.rot90(color_page(lines, BLACK, CREAM))
    make.save("2473_5482-mnist-side.jpg", photograph(side, make.rng))
    upside = np.rot90(color_page(place([make.pen("7345", 100, 0.06)], photo, gap=40), BLUE, WHITE), 2)
    make.save("7345-upside-down.jpg", photograph(upside, make.rng))
    # Two pens; the cells of a form; a crop from a table; what touches.
    dark, pale = (
        place([make.pen(text, 80, width)], photo, at, gap=36)
        for text, width, at in (("317", 0.11, (0.3, 0.4)), ("2548", 0.05, (0.68, 0.5)))
    )
    make.save(
        "317_2548-two-pens.jpg", photograph(color_page(pale, (165, 165, 170), color_page(dark, BLACK, WHITE)), make.rng)
    )
    paper, middles = printed_cells((160, 640), (2, 2, 4), 60)
    make.save(
        "24112026-form.png",
        color_page(fill_cells(make.pen("24112026", 42, 0.07), (160, 640), middles, make.rng), BLUE, paper),
    )
    paper, middles = printed_cells(photo, (5,), 90)
    make.save(
        "60427-mnist-form.jpg",
        photograph(color_page(fill_cells(make.test("60427", 62), photo, middles, make.rng), BLACK, paper), make.rng, 2),
    )
    crop = color_page(place([make.pen("286", 56, 0.07)], (84, 130), (0.55, 0.5), gap=2), SEPIA, SLATE)
    crop[70:73] = SEPIA
    make.save("286-crop.png", expose(crop, make.rng))
    make.save(
        "1000-touching.png",
        color_page(place([make.pen("1000", 90, 0.06, wobble=0.03)], (150, 330), gap=-5), BLUE, WHITE),
    )
    dash = np.zeros((70, 34), np.float32)
    cv2.line(dash, (2, 38), (32, 35), 1, 5, cv2.LINE_AA)
    number = [*make.pen("404", 70, 0.07), dash, *make.pen("1000", 70, 0.07)]
    make.save("4041000-dash.png", color_page(place([number], (130, 560), gap=12), BLACK, WHITE))
    # Sketched, brushed, and dithered to black and white.
    strokes = [make.pen("8", 130, 0.025, wobble=0.035)[0] for _ in range(5)]
    make.save("8-sketched.png", color_page(place([[sketch(strokes)]], small), BLACK, WHITE))
    brushed = dry_brush(make.pen("5", 110, 0.012)[0], 26, make.rng)
    make.save("5-dry-brush.png", color_page(place([[brushed]], small), BLACK, WHITE))
    scan = photograph(color_page(place([make.pen("3692", 90, 0.07)], (300, 480), gap=30), BLACK, CREAM), make.rng)
    make.save("3692-dithered.png", Image.fromarray(scan).convert("1"))
    # No digit.
    blank = np.full((*photo, 3), 250, np.uint8)
    make.save("none-blank.jpg", photograph_sheet(blank, make.rng, "leather", turn=7, lean=20))
    make.save("none-noise.png", make.rng.integers(0, 256, (160, 160), dtype=np.uint8))
    letters = [
        draw_form(LETTERS[i], 80, 6, make.rng, 0.015, slant=0.08) / np.float32(255) for i in (7, 0, 10, 6, 2, 11)
    ]
    make.save("none-letters.png", color_page(place([letters], (160, 560), gap=24), BLUE, WHITE))
    house = draw_form(HOUSE, 180, 5, make.rng, 0.01, slant=0.02) / np.float32(255)
    make.save("none-house.png", color_page(place([[house]], page), BLACK, WHITE))

    table = FOLDER / "labels.csv"
    others = []  # of images that somebody has added
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
