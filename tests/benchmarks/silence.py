"""Measure how often nothing is read where there is no digit: ``python tests/benchmarks/silence.py [PAGES] [--fit]``.

Draws pages of each kind (20 unless told), without a digit and with digits, and prints in how many without one a digit
is found, how many come back with a sure one, and of how many with digits it is said that they do not look like any; the
table goes to ``results/silence.md``. With ``--fit``, it fits the weights in `utils.reader.doubt`, but that of the bars,
on other pages, with training digits, and writes them there. Run it from the project's root, on all of MNIST.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "digits"))
sys.path.insert(0, str(ROOT))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
import keras
from make_digits import BLACK, BLUE, FAINT, WHITE, color_page, lined_paper, photograph, place, reink

from utils.errors import DigitsError
from utils.mnist import load_mnist
from utils.networks import FORMS, LETTERS, draw_again, draw_form, load_model, shipped_models
from utils.reader import gather_evidence, keep_readable, predict_probabilities, prepare_page, read_page

RESULTS = ROOT / "tests" / "benchmarks" / "results" / "silence.md"
DOUBT = ROOT / "utils" / "reader" / "doubt.py"
Grey = np.ndarray
Draw = Callable[[np.random.Generator], Grey]
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SHAPE = 600, 800


def camera(page: np.ndarray, rng: np.random.Generator) -> Grey:
    """Photograph a grey or coloured page, and return it in grey."""
    page = page if page.ndim == 3 else np.repeat(page[..., None], 3, axis=2)
    return cv2.cvtColor(photograph(page, rng, rng.normal(0, 3)), cv2.COLOR_RGB2GRAY)


def either(draw: Draw) -> Draw:
    """Make pages of which every second one is photographed."""

    def draw_either(rng: np.random.Generator) -> Grey:
        page = draw(rng)
        return camera(page, rng) if rng.random() < 0.5 else page

    return draw_either


# What holds no digit.


def field(rng: np.random.Generator, shape: tuple[int, int], scale: float, down: float | None = None) -> np.ndarray:
    """Draw smooth noise of mean 0 and deviation 1; with another scale down the page, it has a direction."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), scale, sigmaY=down or scale)
    return noise / noise.std()


def to_grey(values: np.ndarray) -> Grey:
    return np.clip(values, 0, 255).astype(np.uint8)


def blank(rng: np.random.Generator) -> Grey:
    """Draw empty paper in a photo: a shadow, and folds or stains that are hardly seen."""
    page = 250 + 3 * field(rng, SHAPE, 60) + rng.uniform(0, 2) * field(rng, SHAPE, 1.5)
    if rng.random() < 0.5:
        x = int(rng.integers(100, 700))
        page[:, x : x + 3] -= rng.uniform(5, 25)
    return camera(to_grey(page), rng)


def grain(rng: np.random.Generator) -> Grey:
    """Draw a sensor's noise, coarse or fine."""
    return to_grey(rng.uniform(60, 200) + rng.uniform(10, 60) * field(rng, SHAPE, np.exp(rng.uniform(-1, 1.2))))


def salt(rng: np.random.Generator) -> Grey:
    """Draw specks, as a bad scan has them, or a test of a filter."""
    shape = tuple(rng.integers(20, 900, 2)) if rng.random() < 0.5 else (1200, 900)
    specks = rng.random(shape) < np.exp(rng.uniform(np.log(0.003), np.log(0.4)))
    page = np.where(specks, 0, 255)
    return to_grey(255 - page if rng.random() < 0.3 else page)


def blobs(rng: np.random.Generator) -> Grey:
    """Draw clouds, marble, stains."""
    values = field(rng, SHAPE, np.exp(rng.uniform(1.2, 3.5)))
    if rng.random() < 0.5:
        return to_grey(160 + 50 * values)
    return np.where(values > rng.uniform(0.3, 2), 30, 240).astype(np.uint8)


def wood(rng: np.random.Generator) -> Grey:
    """Draw the top of a table."""
    values = field(rng, SHAPE, 60, 2) + 0.5 * np.sin(field(rng, SHAPE, 120, 25) * rng.uniform(4, 12))
    page = to_grey(rng.uniform(70, 190) + rng.uniform(8, 25) * values)
    return page if rng.random() < 0.5 else page.T


def gradient(rng: np.random.Generator) -> Grey:
    """Draw a sky, a wall: shades without anything in them."""
    y, x = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    a, b, c = rng.normal(0, 60, 3)
    return to_grey(128 + a * x + b * y + c * (x**2 + y**2) + rng.normal(0, rng.uniform(0, 4), SHAPE))


LATIN = "ABCDEFGHJKLMNPQRTUVWXYabcdefhijkmnpqrstuvwxyz"  # without I, O, S, Z, g, l, o: they pass for digits
SCRIPTS = {
    "print": LATIN * 3 + "IOSZglo",
    "Greek and Cyrillic": "ΑΒΓΔΕΗΘΚΛΜΝΞΠΡΣΤΥΦΧΨΩαβγδεζηθκλμνξπρστυφχψωБГДЖИЙКЛПУФЦЧШЩЫЭЮЯбвгджийклптцчшщыюя",
    "other scripts": "աբգդեզէըթժիլխծկհձղճմაბგდევზთიკლმნოპჟრსᐁᐂᐃᐄᐅᐆᑌᑎᒋᓀᔦᗅᗑᘔⵀⵁⵂⵃⵄⵞⵟⵣⵥກຂຄງຈຊຍດຕถ",
    "signs": "★☆☀☁☂☎☺☻♀♂♔♕♖♗♘♙♠♣♥♦♫✂✈✉✎✓✗✠✶❄❤➔∀∃∇∈∑∏∫≈≠≤≥⊂⊕⌂⌘⏏◆●◐◢◤",
}


def printed(alphabet: str, fonts: str) -> Draw:
    """Make pages of print: rows of words, or a few large letters."""

    def draw(rng: np.random.Generator) -> Grey:
        file = str(rng.choice(sorted(FONTS.glob(fonts))))
        rows = int(rng.integers(1, 9))
        size = int(rng.uniform(0.35, 0.8) * SHAPE[0] / max(rows, 3))
        font = ImageFont.truetype(file, size)
        page = Image.new("L", SHAPE[::-1], 255)
        for row in range(rows):
            text = "".join(
                " " if rows > 2 and rng.random() < 0.17 else str(rng.choice(list(alphabet)))
                for _ in range(int(rng.integers(1 if rows < 3 else 5, max(2, round(SHAPE[1] / size)) + 2)))
            )
            ImageDraw.Draw(page).text((40, 20 + row * SHAPE[0] / max(rows, 3)), text, 20, font)
        return np.asarray(page)

    return either(draw)


def terminal(rng: np.random.Generator) -> Grey:
    """Draw a screen full of code, light on dark."""
    page = Image.new("L", SHAPE[::-1], int(rng.integers(0, 50)))
    font = ImageFont.truetype(str(FONTS / "DejaVuSansMono.ttf"), int(rng.integers(12, 26)))
    for row in range(int(rng.integers(4, 24))):
        indent = " " * int(rng.integers(0, 3) * 4)
        words = ["".join(rng.choice(list(LATIN.lower() + "_.()[]{}=:"), rng.integers(2, 9))) for _ in range(5)]
        ImageDraw.Draw(page).text((10, 8 + row * font.size * 1.3), indent + " ".join(words), 220, font)
    return np.asarray(page)


def formula(rng: np.random.Generator) -> Grey:
    """Draw letters and signs of mathematics in their own fonts."""
    page = Image.new("L", SHAPE[::-1], 255)
    for _ in range(int(rng.integers(3, 14))):
        name = str(rng.choice(["cmmi10", "cmsy10", "cmex10", "STIXGeneralItalic"]))
        font = ImageFont.truetype(str(FONTS / f"{name}.ttf"), int(rng.integers(50, 130)))
        sign = str(rng.choice(list("abdefhkmnpqrtuvwxyABDEFHKMNRTX")))
        ImageDraw.Draw(page).text((rng.integers(20, 700), rng.integers(10, 450)), sign, 20, font)
    return np.asarray(page)


def script(rng: np.random.Generator) -> Grey:
    """Write words in the line fonts of plotters, upright or joined."""
    page = np.full(SHAPE, 255, np.uint8)
    font = int(rng.choice([cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_DUPLEX]))
    scale = rng.uniform(1.5, 4)
    for row in range(int(rng.integers(1, 5))):
        text = "".join(rng.choice(list(LATIN), rng.integers(3, 9)))
        pen = int(rng.integers(2, 7))
        cv2.putText(page, text, (30, int(120 + row * 40 * scale)), font, scale, 20, pen, cv2.LINE_AA)
    return page


def letters(rng: np.random.Generator) -> Grey:
    """Write letters by hand."""
    height, pen = int(rng.integers(50, 110)), int(rng.integers(3, 12))
    lines = [
        [
            draw_form(LETTERS[rng.integers(len(LETTERS))], height, pen, rng) / np.float32(255)
            for _ in range(rng.integers(1, 6))
        ]
        for _ in range(rng.integers(1, 4))
    ]
    return color_page(place(lines, SHAPE, gap=20), BLACK, WHITE)[..., 0]


def characters(rng: np.random.Generator) -> Grey:
    """Write characters of many strokes, as Chinese, Korean and Japanese have them."""
    page = np.full(SHAPE, 255, np.uint8)
    side, pen = int(rng.integers(60, 140)), int(rng.integers(3, 10))
    for top in range(30, SHAPE[0] - side, round(1.5 * side)):
        for left in range(30, SHAPE[1] - side, round(1.3 * side)):
            for _ in range(int(rng.integers(3, 8))):
                start = rng.uniform(0, 1, 2)
                turn = np.radians(rng.choice([0, 90, 45, 135]) + rng.normal(0, 12))
                step = rng.uniform(0.3, 0.9) * np.array([np.cos(turn), np.sin(turn)])
                bend = rng.normal(0, 0.12, 2)
                path = np.clip(start + np.linspace(0, 1, 12)[:, None] * step, 0, 1)
                path += np.sin(np.linspace(0, np.pi, 12))[:, None] * bend
                points = np.round(np.array([left, top]) + path * side).astype(np.int32)
                cv2.polylines(page, [points], False, 25, pen, cv2.LINE_AA)
        if rng.random() < 0.4:
            break
    return page


def board(rng: np.random.Generator) -> Grey:
    """Draw the squares of a chessboard, or stripes."""
    step, side = int(rng.integers(30, 150)), int(rng.integers(400, 900))
    y, x = np.mgrid[:side, :side] // step
    page = np.where((x + (y if rng.random() < 0.8 else 0)) % 2, 20, 240).astype(np.uint8)
    return np.pad(page, int(rng.integers(0, 60)), constant_values=255)


def shapes(rng: np.random.Generator) -> Grey:
    """Draw stars, triangles, arrows, hearts: one or several, filled or as outlines."""
    page = np.full(SHAPE, 255, np.uint8)
    for _ in range(int(rng.choice([1, 1, 2, 4, 8]))):
        spikes, size = int(rng.integers(3, 9)), rng.uniform(30, 220)
        turn = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False) + rng.uniform(0, 7)
        reach = np.where(np.arange(2 * spikes) % 2, rng.uniform(0.35, 1), 1) * size
        points = np.column_stack([np.cos(turn), np.sin(turn)]) * reach[:, None]
        points = np.round(points + rng.uniform((size, size), (800 - size, 600 - size))).astype(np.int32)
        if rng.random() < 0.6:
            cv2.fillPoly(page, [points], int(rng.integers(0, 180)), cv2.LINE_AA)
        else:
            cv2.polylines(page, [points], True, 20, int(rng.integers(2, 12)), cv2.LINE_AA)
    return page


def discs(rng: np.random.Generator) -> Grey:
    """Draw dots, balls, coins: round and filled, or rings within rings."""
    page = np.full(SHAPE, 255, np.uint8)
    for _ in range(int(rng.integers(1, 12))):
        radius = int(rng.integers(15, 130))
        at = int(rng.integers(radius, 800 - radius)), int(rng.integers(radius, 600 - radius))
        cv2.circle(page, at, radius, int(rng.integers(0, 180)), -1, cv2.LINE_AA)
        if rng.random() < 0.3:
            cv2.circle(page, at, radius * 2 // 3, 255, -1, cv2.LINE_AA)
            cv2.circle(page, at, radius // 3, 20, -1, cv2.LINE_AA)
    return page


def scribble(rng: np.random.Generator) -> Grey:
    """Draw what a small child does."""
    page = np.full(SHAPE, 255, np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        points = rng.uniform((100, 100), (700, 500)) + np.cumsum(rng.normal(0, 45, (int(rng.integers(15, 60)), 2)), 0)
        cv2.polylines(page, [np.round(points).astype(np.int32)], False, 30, int(rng.integers(2, 9)), cv2.LINE_AA)
    return page


def hatching(rng: np.random.Generator) -> Grey:
    """Draw strokes beside each other, perhaps crossed."""
    page = np.full(SHAPE, 255, np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        size, turn = rng.uniform(60, 250), rng.uniform(0.5, 1.1)
        middle = rng.uniform((150, 150), (650, 450))
        for sign in (1, -1)[: int(rng.integers(1, 3))]:
            way = np.array([np.cos(sign * turn), np.sin(sign * turn)])
            for shift in np.arange(-size, size, rng.uniform(9, 30)):
                at = middle + shift * np.array([-way[1], way[0]]) + rng.normal(0, 2, 2)
                ends = np.round([at - way * size / 2, at + way * size / 2]).astype(np.int32)
                cv2.polylines(page, [ends], False, 30, int(rng.integers(2, 5)), cv2.LINE_AA)
    return page


def face(rng: np.random.Generator) -> Grey:
    """Draw a face, or a little man, with a pen."""
    page, pen = np.full(SHAPE, 255, np.uint8), int(rng.integers(3, 12))
    x, y, size = int(rng.integers(200, 600)), int(rng.integers(180, 260)), int(rng.integers(70, 160))

    def arc(across: float, down: float, wide: float, high: float, begin: int = 0, end: int = 360) -> None:
        middle, axes = (int(x + across * size), int(y + down * size)), (int(wide * size), int(high * size))
        cv2.ellipse(page, middle, axes, 0, begin, end, 30, pen, cv2.LINE_AA)

    arc(0, 0, 1, rng.uniform(0.9, 1.2))
    for side in (-1, 1):
        arc(0.4 * side, -0.25, 0.15, 0.1)
    arc(0, 0.3, 0.5, 0.3, 20, 160)
    if rng.random() < 0.5:
        for ends in (((0, 1), (0, 2)), ((-0.8, 1.5), (0.8, 1.3)), ((0, 2), (-0.5, 2.7)), ((0, 2), (0.5, 2.7))):
            cv2.polylines(page, [np.int32(np.array(ends) * size + (x, y))], False, 30, pen, cv2.LINE_AA)
    return page


def plan(rng: np.random.Generator) -> Grey:
    """Draw the borders of a map, or the walls of a house."""
    page = np.full(SHAPE, 255, np.uint8)
    division = cv2.Subdiv2D((0, 0, SHAPE[1], SHAPE[0]))
    division.insert([(float(x), float(y)) for x, y in rng.uniform((5, 5), (795, 595), (int(rng.integers(5, 60)), 2))])
    for facet in division.getVoronoiFacetList([])[0]:
        cv2.polylines(page, [np.round(facet).astype(np.int32)], True, 40, int(rng.integers(1, 5)), cv2.LINE_AA)
    return page


def curve(rng: np.random.Generator) -> Grey:
    """Draw a diagram: axes, a curve, bars."""
    page = np.full(SHAPE, 255, np.uint8)
    cv2.polylines(page, [np.int32([(80, 50), (80, 540), (760, 540)])], False, 30, 3)
    x = np.linspace(90, 750, 100)
    for _ in range(int(rng.integers(1, 4))):
        y = 300 + rng.uniform(30, 200) * np.sin(x / rng.uniform(20, 200) + rng.uniform(0, 6)) * np.linspace(1, 0.3, 100)
        cv2.polylines(page, [np.int32(np.column_stack([x, y]))], False, 60, int(rng.integers(2, 6)), cv2.LINE_AA)
    for left in range(120, 700, 90) if rng.random() < 0.5 else ():
        cv2.rectangle(page, (left, int(rng.integers(200, 520))), (left + 40, 540), int(rng.integers(60, 200)), -1)
    return page


NOTHING: dict[str, Draw] = {
    "blank paper": blank,
    "noise": grain,
    "specks": salt,
    "clouds": blobs,
    "wood": wood,
    "shades": gradient,
    "print": printed(SCRIPTS["print"], "DejaVuS[ae]*.ttf"),
    "Greek and Cyrillic": printed(SCRIPTS["Greek and Cyrillic"], "DejaVuS[ae]*.ttf"),
    "other scripts": printed(SCRIPTS["other scripts"], "DejaVuSans.ttf"),
    "signs": printed(SCRIPTS["signs"], "DejaVuSans.ttf"),
    "terminal": terminal,
    "formulae": either(formula),
    "script": either(script),
    "letters by hand": either(letters),
    "characters by hand": either(characters),
    "boards": either(board),
    "shapes": either(shapes),
    "discs": either(discs),
    "scribbles": either(scribble),
    "hatching": either(hatching),
    "faces": either(face),
    "maps": either(plan),
    "diagrams": either(curve),
}

# What holds digits.


class Writer:
    """Writes digits of MNIST, in new ink or by another hand, and digits drawn with a pen."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def digit(self, height: int, rng: np.random.Generator) -> np.ndarray:
        """Write one digit: ``(h, w)``, 0 = paper, 1 = ink."""
        image = self.images[rng.integers(len(self.images))]
        if rng.random() < 0.5:
            return reink(image, height)
        if rng.random() < 0.5:
            form = FORMS[digit := int(rng.integers(10))][rng.integers(len(FORMS[digit]))]
            return draw_form(form, height, max(1, int(height * rng.uniform(0.02, 0.25))), rng) / np.float32(255)
        ink = draw_again(image, rng)
        x, y, w, h = cv2.boundingRect((ink > 12).astype(np.uint8))
        size = max(1, round(w * height / h)), height
        return cv2.resize(ink[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA) / np.float32(255)

    def lines(self, rng: np.random.Generator, rows: int, most: int = 6) -> list[list[np.ndarray]]:
        """Write rows of digits that are about as high as each other."""
        height = int(rng.integers(50, 100))
        return [
            [self.digit(int(height * rng.uniform(0.75, 1)), rng) for _ in range(rng.integers(1, most + 1))]
            for _ in range(rows)
        ]

    def page(self, rng: np.random.Generator, gap: tuple[int, int] = (8, 40)) -> np.ndarray:
        """Write a page: ``(H, W)``, 0 = paper, 1 = ink."""
        return place(self.lines(rng, int(rng.integers(1, 4))), SHAPE, gap=int(rng.integers(*gap)))

    def kinds(self) -> dict[str, Draw]:
        """List the kinds of pages."""

        def drawn(rng: np.random.Generator) -> Grey:
            page = color_page(self.page(rng), BLACK, WHITE)[..., 0]
            return 255 - page if rng.random() < 0.3 else page

        def single(rng: np.random.Generator) -> Grey:
            side = int(rng.choice([28, 60, 200, 500]))
            digit = self.digit(int(side * rng.uniform(0.6, 0.8)), rng)[:, : int(0.9 * side)]
            return color_page(place([[digit]], (side, side)), BLACK, WHITE)[..., 0]

        def pencil(rng: np.random.Generator) -> Grey:
            return camera(color_page(self.page(rng), FAINT if rng.random() < 0.3 else (170,) * 3, WHITE), rng)

        def table(rng: np.random.Generator) -> Grey:
            photo = photograph(color_page(self.page(rng), BLUE, WHITE), rng, rng.normal(0, 3), on_table=True)
            return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)

        def lined(squared: bool) -> Draw:
            return lambda rng: camera(color_page(self.page(rng), BLUE, lined_paper(SHAPE, 50, squared)), rng)

        def touching(rng: np.random.Generator) -> Grey:
            return color_page(self.page(rng, (-12, 4)), BLACK, WHITE)[..., 0]

        def scattered(rng: np.random.Generator) -> Grey:
            page = np.full(SHAPE, 255, np.uint8)
            for index in rng.permutation(12)[: rng.integers(2, 12)]:
                digit = self.digit(int(rng.integers(40, 110)), rng)[:120, :120]
                top, left = index // 4 * 190 + rng.integers(60), index % 4 * 190 + rng.integers(60)
                page[top : top + digit.shape[0], left : left + digit.shape[1]] = 255 - 230 * digit
            return page

        def dirty(rng: np.random.Generator) -> Grey:
            page = np.where(rng.random(SHAPE) < np.exp(rng.uniform(-9, -6)), 60, drawn(rng))
            return page.astype(np.uint8)

        def dithered(rng: np.random.Generator) -> Grey:
            return np.asarray(Image.fromarray(drawn(rng)).convert("1").convert("L"))

        return {
            "digits": drawn,
            "one digit": single,
            "digits, touching": touching,
            "digits, scattered": scattered,
            "digits and dirt": dirty,
            "digits, dithered": dithered,
            "photo of digits": lambda rng: camera(drawn(rng), rng),
            "photo of a pencil": pencil,
            "photo, squared paper": lined(True),
            "photo, ruled paper": lined(False),
            "photo on a table": table,
            "printed digits": printed("0123456789", "DejaVuS[ae]*.ttf"),
        }


def measure(model: keras.Model, kinds: dict[str, Draw], pages: int) -> list[str]:
    """Print what comes back from pages of each kind, and return it as the rows of a table."""
    total, rows = np.zeros(4, int), []
    for name, draw in kinds.items():
        counts = np.zeros(4, int)
        for number in range(pages):
            try:
                read, _ = read_page(model, draw(np.random.default_rng((number, 1))))
            except DigitsError:  # too many marks: nothing is read
                read = []
            doubted, sure = any(digit.doubted for digit in read), [digit.probability >= 0.8 for digit in read]
            counts += bool(read), any(sure), any(digit.confident for digit in read), doubted and all(sure)
        total += counts
        rows.append(_row(name, counts, pages))
        print(rows[-1], flush=True)
    print(_row("all", total, pages * len(kinds)), flush=True)
    return [*rows, _row("all", total, pages * len(kinds))]


def _row(name: str, counts: np.ndarray, pages: int) -> str:
    return f"| {name} | {pages} | {' | '.join(map(str, counts))} |"


def fit(model: keras.Model, nothing: dict[str, Draw], digits: dict[str, Draw], pages: int) -> None:
    """Fit a logistic regression to the evidence on pages without and with digits, and write bias and weights.

    That of the bars stays: these pages have few 1s, and a fit would take any five of them for no page.
    """
    rows, targets = [], []
    for target, kinds in ((1, nothing), (0, digits)):
        for draw in kinds.values():
            for number in range(pages):
                try:
                    found, images, _ = prepare_page(
                        draw(np.random.default_rng((number, 0))),
                        judge=lambda pieces: predict_probabilities(model, pieces).max(axis=1),
                        read=lambda pieces: predict_probabilities(model, pieces),
                    )
                except DigitsError:
                    continue
                if found:
                    sure = predict_probabilities(model, images).max(axis=1)
                    kept = keep_readable(found, sure)
                    rows.append(gather_evidence([found[index] for index in kept], sure[kept]))
                    targets.append(target)
    code = DOUBT.read_text(encoding="utf-8")
    bars = re.search(r"^BIAS, WEIGHTS = .* ([\d.]+)\)$", code, flags=re.MULTILINE)[1]
    weights = [*regress(np.array(rows)[:, :-1], np.array(targets)), float(bars)]
    fitted = f"BIAS, WEIGHTS = {weights[0]:.2f}, Evidence({', '.join(f'{weight:.2f}' for weight in weights[1:])})"
    print(fitted)
    DOUBT.write_text(re.sub(r"^BIAS, WEIGHTS = .*$", fitted, code, flags=re.MULTILINE), encoding="utf-8")


def regress(x: np.ndarray, y: np.ndarray, steps: int = 30) -> np.ndarray:
    """Fit by Newton's method, with a unit ridge on the weights of the standardised evidence: the bias, the weights."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    ridge = np.diag([0.0] + [1.0] * x.shape[1])
    weights = np.zeros(z.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-z @ weights))
        slope = z.T @ (y - p) - ridge @ weights
        weights += np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + ridge, slope)
    weights[1:] /= spread
    weights[0] -= weights[1:] @ mean
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="?", type=int, default=20)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    mnist = load_mnist()
    model = load_model(shipped_models() / "cnn.keras")
    if options.fit:
        fit(model, NOTHING, Writer(mnist.x_train).kinds(), options.pages)
    else:
        head = "| | pages | with a digit | with a sure one, to the network | left sure | all sure, but doubted |"
        rows = [head, "|" + " --- |" * 6, *measure(model, NOTHING, options.pages)]
        rows += measure(model, Writer(mnist.x_test).kinds(), options.pages)
        RESULTS.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
