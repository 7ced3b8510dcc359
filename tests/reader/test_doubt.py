"""Without these, whoever shows the reader a text, a drawing or a table is told a number."""

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from utils.networks import load_model, shipped_models
from utils.reader.doubt import Evidence, gather_evidence, holds_no_digits, probability_of_none
from utils.reader.pieces import Box
from utils.reader.reading import Digit, Reading, keep_readable, read_digits, read_page
from utils.reader.segmentation import Found, find_digits


@pytest.fixture(scope="module")
def model():
    return load_model(shipped_models() / "cnn.keras")


def text(rng: np.random.Generator, alphabet: str) -> np.ndarray:
    """A few rows of print, in a font that comes with matplotlib."""
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", int(rng.integers(40, 90)))
    page = Image.new("L", (800, 500), 255)
    for row in range(3):
        line = "".join(rng.choice(list(alphabet), 9))
        ImageDraw.Draw(page).text((20, 20 + 150 * row), line, 20, font)
    return np.asarray(page)


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Stains of all sizes."""
    field = cv2.GaussianBlur(rng.normal(0, 1, (300, 400)).astype(np.float32), (0, 0), rng.uniform(4, 9))
    return np.where(field > field.std(), 30, 240).astype(np.uint8)


def board(rng: np.random.Generator) -> np.ndarray:
    """The squares of a chessboard, apart, as its lines leave them."""
    step = int(rng.integers(40, 80))
    y, x = np.mgrid[: 8 * step, : 8 * step]
    dark = (x // step + y // step) % 2 == 1
    dark &= (x % step > 2) & (y % step > 2)
    return np.pad(np.where(dark, 20, 250).astype(np.uint8), 30, constant_values=250)


def signs(rng: np.random.Generator) -> np.ndarray:
    return text(rng, "★☀☂☎☺♀♔♕♖♘♣♥♫✂✈✎✗❄➔∀∃∇∑∏∫≈≠⊕⌂⌘◆◢")


def letters(rng: np.random.Generator) -> np.ndarray:
    return text(rng, "ABCDEFGHKMNPRTVWXYabdefhkmnprtuvwxy")


@pytest.mark.parametrize("kind", [letters, signs, clouds, board])
def test_a_page_without_digits_gives_no_sure_digit(model, kind):
    """An E is a 6, a Y is a 4, some cloud is a 0: one of them, by chance, for sure."""
    silent, found = 0, 0
    for seed in range(4):
        digits, _ = read_page(model, kind(np.random.default_rng(seed)))
        found += bool(digits)
        silent += not any(digit.confident for digit in digits)
    assert found  # there is something to be silent about
    assert silent >= 3


def test_pages_of_digits_are_not_doubted(model, sample):
    """What is right and sure stays so: rows of all sizes, and single digits with any pen."""
    rng = np.random.default_rng(0)
    for height in (28, 60, 100):
        page = np.zeros((3 * height, 12 * height), np.uint8)
        for column in range(9):
            digit = cv2.resize(sample.x_test[rng.integers(1000)], (height, height), interpolation=cv2.INTER_CUBIC)
            page[height : 2 * height, (column + 1) * height : (column + 2) * height] = digit
        assert not any(digit.doubted for digit in read_page(model, 255 - page)[0])
    for pen in (2, 8, 30):
        page = np.full((300, 300), 255, np.uint8)
        cv2.polylines(page, [np.int32([(80, 60), (210, 60), (130, 250)])], False, 0, pen, cv2.LINE_AA)
        assert [(digit.digit, digit.confident) for digit in read_page(model, page)[0]] == [(7, True)]


def bar(x: int, y: int, w: int, h: int, thin: int = 4) -> Found:
    """A ring of ink in a box."""
    ink = np.full((h, w), 255, np.uint8)
    ink[thin:-thin, thin:-thin] = 0
    return Found(Box(x, y, w, h), ink, 0)


def test_each_piece_of_evidence():
    """Only so can a student be told why a page was doubted."""
    row = [bar(100 * index, 50, 60, 80) for index in range(4)]
    sure = np.full(4, 0.999)
    perfect = gather_evidence(row, sure)
    assert perfect == pytest.approx((0.001, 0, 0, 0, 0), abs=1e-4)
    assert gather_evidence(row, np.full(4, 0.1)).unknown == pytest.approx(np.log(10))
    sizes = [bar(100 * index, 50, 10 * 2**index, 10 * 2**index) for index in range(4)]
    assert gather_evidence(sizes, sure).uneven == pytest.approx(np.log(2) * np.std(range(4)))
    filled = [*row[:3], Found(Box(300, 50, 60, 60), np.full((60, 60), 255, np.uint8), 0)]
    assert gather_evidence(filled, sure).areas == 0.25
    inside = [*row[:3], bar(10, 60, 20, 30)]
    assert gather_evidence(inside, sure).nested == 0.5
    beside = [bar(0, 0, 60, 80), bar(45, 0, 60, 80)]  # two slanted neighbours reach over each other
    assert gather_evidence(beside, sure[:2]).nested == 0


@pytest.mark.parametrize(("bars", "others", "doubted"), [(1, 0, False), (4, 3, False), (10, 0, False), (30, 0, True)])
def test_a_few_ones_are_digits_and_the_grain_of_wood_is_not(bars, others, doubted):
    """To a network, each dark streak in a board is a sure 1; but nobody writes 30 of them and nothing else."""
    found = [Found(Box(40 * index, 0, 8, 80), np.full((80, 8), 255, np.uint8), 0) for index in range(bars)]
    found += [bar(2000 + 100 * index, 0, 60, 80) for index in range(others)]
    assert holds_no_digits(found, np.full(len(found), 0.99)) == doubted


def test_crumbs_beside_digits_are_no_reason_to_doubt_them():
    """The edge of the desk shows on many photos; what is left out of the text must not silence the rest."""
    found = [bar(100 * index, 50, 60, 80) for index in range(4)]
    found += [bar(100 * index, 300, 30, 20)._replace(line=1) for index in range(4)]
    sure = np.array([0.99] * 4 + [0.15] * 4)
    kept = keep_readable(found, sure)
    assert kept == [0, 1, 2, 3]
    assert holds_no_digits(found, sure)
    assert not holds_no_digits([found[index] for index in kept], sure[kept])


@pytest.mark.parametrize("pen", [4, 6, 9])
def test_what_is_struck_out_is_no_digit(draw, pen):
    """Whoever corrects a number scribbles over the wrong digit: it was read as one more, with a question mark."""
    rows, columns = np.linspace(60, 118, 14), np.where(np.arange(14) % 2, 30, 90)
    page = np.full((160, 160), 255, np.uint8)
    cv2.polylines(page, [np.stack([columns, rows], axis=1).astype(np.int32)], False, 0, pen, cv2.LINE_AA)
    (scribble,) = find_digits(255 - page)
    digits = [find_digits(255 - draw(digit, pen))[0] for digit in "0123456789"]
    found = [digit._replace(line=0) for digit in digits] + [scribble]
    assert keep_readable(found, np.array([0.99] + [0.2] * 10)) == list(range(10))


def test_the_size_of_the_image_is_no_evidence():
    """A photo of twelve megapixels is judged as its thumbnail is."""
    small = [bar(100 * index, 50, 60, 60 + 10 * index) for index in range(3)]
    large = [bar(400 * index, 200, 240, 240 + 40 * index, thin=16) for index in range(3)]
    sure = np.array([0.9, 0.5, 0.99])
    assert gather_evidence(small, sure) == pytest.approx(gather_evidence(large, sure), abs=0.02)


def test_every_piece_of_evidence_makes_digits_less_probable():
    """A weight with the wrong sign would take scribbles for digits."""
    nothing = Evidence(*[0] * len(Evidence._fields))
    perfect = probability_of_none(nothing)
    assert perfect < 0.25
    for name in Evidence._fields:
        assert probability_of_none(nothing._replace(**{name: 1})) > perfect


def test_nothing_found_is_nothing_to_doubt():
    """A blank sheet is said to be blank, and does not end in a division by 0."""
    assert not holds_no_digits([], np.zeros(0))


def test_the_note_says_it_and_the_marks_do():
    """Both who reads the text and whose program reads the JSON must see it."""
    digits = [Digit(7, 0.99, Box(0, 0, 9, 9), doubted=True), Digit(1, 0.5, Box(9, 0, 9, 9), doubted=True)]
    reading = Reading("star.png", digits)
    assert (reading.marked, reading.text, reading.confident) == ("7?1?", "71", False)
    assert reading.note == "this does not look like digits"
    record = reading.record()
    assert record["note"] == reading.note
    assert [digit["confident"] for digit in record["digits"]] == [False, False]
    assert Reading("7.png", [Digit(7, 0.99, Box(0, 0, 9, 9))]).note is None


def test_a_file_without_digits_has_the_note(model, save):
    """From the file to the note, as the command line and the service have it."""
    reading = read_digits(model, save("letters.png", letters(np.random.default_rng(1))))
    assert reading.digits
    assert reading.note == "this does not look like digits"
