"""Without these, a number is read with a digit too many or too few, or in the wrong order."""

import io
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.networks import load_model, shipped_models
from utils.reader import segmentation
from utils.reader.ink import extract_ink
from utils.reader.pieces import Effort, TooManyMarksError
from utils.reader.reading import Reading, predict_probabilities, read_digits
from utils.reader.segmentation import find_digits


@pytest.fixture(scope="module")
def judge():
    model = load_model(shipped_models() / "cnn.keras")
    return lambda images: predict_probabilities(model, images).max(axis=1)


def test_digits_are_found_from_left_to_right(draw):
    found = find_digits(extract_ink(draw("1234567")))
    assert [round((digit.box.x + digit.box.w / 2 - 60) / 100) for digit in found] == list(range(7))


def test_lines_are_found_from_top_to_bottom(draw):
    """Held a little askew, too: the end of the first line is then lower than the beginning of the second."""
    page = np.vstack([draw("1234"), draw("5678")])
    turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), -8, 0.9)
    for image in (page, cv2.warpAffine(page, turn, page.shape[::-1], borderValue=255)):
        found = find_digits(extract_ink(image))
        assert [digit.line for digit in found] == [0] * 4 + [1] * 4
        assert all(a.box.x < b.box.x for a, b in pairwise(found) if a.line == b.line)


def test_a_stroke_above_belongs_to_its_digit_and_a_speck_does_not():
    """The bar of a 5, drawn without touching; and a crumb on the scanner."""
    ink = np.zeros((100, 100), np.uint8)
    cv2.ellipse(ink, (45, 65), (18, 20), 0, -120, 120, 255, 6)
    cv2.line(ink, (35, 30), (65, 28), 255, 6)
    ink[10:12, 90:92] = 255
    ((box, _, _),) = find_digits(ink)
    assert box.y < 30
    assert box.x + box.w < 80


def test_each_digit_has_its_own_ink_only():
    """Where a slanted neighbour reaches into the box, its ink must not come along."""
    ink = np.zeros((120, 160), np.uint8)
    cv2.line(ink, (20, 110), (80, 10), 255, 8)
    cv2.line(ink, (60, 110), (120, 10), 255, 8)
    first, second = find_digits(ink)
    assert first.box.x + first.box.w > second.box.x
    for digit in (first, second):
        assert cv2.connectedComponents((digit.ink > 127).astype(np.uint8))[0] == 2  # the paper and one stroke


def test_a_0_broken_into_two_halves_is_joined(judge):
    """What a dry pen writes; without a network that knows digits, it is ( and )."""
    ink = np.zeros((140, 120), np.uint8)
    cv2.ellipse(ink, (60, 70), (35, 50), 0, 100, 260, 255, 9)
    cv2.ellipse(ink, (60, 70), (35, 50), 0, -80, 80, 255, 9)
    assert len(find_digits(ink)) == 2
    assert len(find_digits(ink, judge)) == 1


@pytest.mark.parametrize(("pair", "overlap"), [("38", 4), ("10", 6), ("56", 8), ("00", 6)])
def test_digits_that_touch_are_cut(judge, draw, pair, overlap):
    (left,), (right,) = (find_digits(extract_ink(draw(digit, pen=10))) for digit in pair)
    height = max(left.box.h, right.box.h)
    width = left.box.w + right.box.w - overlap
    page = np.zeros((height + 40, width + 40), np.uint8)
    page[20 : 20 + left.box.h, 20 : 20 + left.box.w] = left.ink
    window = page[20 : 20 + right.box.h, 20 + width - right.box.w : 20 + width]
    np.maximum(window, right.ink, out=window)
    assert cv2.connectedComponents((page > 127).astype(np.uint8))[0] == 2  # they do touch
    assert len(find_digits(page, judge)) == 2


@pytest.mark.parametrize("kind", ["salt", "noise"])
def test_a_page_of_specks_is_read_as_nothing(judge, kind):
    """Thousands of specks once took minutes, and some were read as a 0."""
    rng = np.random.default_rng(0)
    if kind == "salt":
        page = np.where(rng.random((1000, 1400)) < 0.002, 0, 255).astype(np.uint8)
    else:
        page = rng.normal(128, 30, (600, 800)).clip(0, 255).astype(np.uint8)
    assert find_digits(extract_ink(page), judge) == []


def test_a_long_line_is_not_cut_in_all_ways(judge):
    """An underline below a number once took seconds: more pieces than anyone could count."""
    asked = []

    def count(images):
        asked.append(len(images))
        return judge(images)

    ink = np.zeros((300, 1000), np.uint8)
    cv2.putText(ink, "42", (100, 200), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, 8)
    cv2.line(ink, (60, 250), (900, 250), 255, 6)
    find_digits(ink, count)
    assert sum(asked) < 100


def test_single_digits_are_not_cut(judge, sample):
    """A wide 2 or a 4 is no pair: with every tenth of the sample's digits, drawn large."""
    split = 0
    for image in sample.x_test[::10]:
        ink = extract_ink(cv2.resize(255 - np.pad(image, 4), (360, 360), interpolation=cv2.INTER_CUBIC))
        split += len(find_digits(ink, judge)) != 1
    assert split <= 3  # of 100; MNIST itself has digits in pieces


def page_of(kind: str) -> np.ndarray:
    """Ink that no page of digits has, with which the reader was busy for minutes."""
    ink = np.zeros((1600, 1600), np.uint8)
    if kind == "specks":
        for shift in range(6):
            ink[shift::9, ::9] = ink[shift::9, 1::9] = ink[shift::9, 2::9] = 255
    elif kind == "rings":
        for edge in range(4, 780, 4):
            cv2.rectangle(ink, (edge, edge), (1599 - edge, 1599 - edge), 255, 1)
        ink[edge:-edge, edge:-edge] = 0
    else:
        for y in range(0, 1570, 24):
            for x in range(0, 1360, 240):
                ink[y : y + 20, x : x + 230] = 255
                ink[y + 5 : y + 20, x + 2 : x + 228 : 4] = 0
    return ink


@pytest.mark.parametrize("kind", ["specks", "rings", "combs"])
def test_a_page_with_too_many_marks_is_given_up(judge, kind):
    """A PNG of 2 kB held the only reader of a service for a minute."""
    asked = []

    def count(images):
        asked.append(len(images))
        return judge(images)

    with pytest.raises(TooManyMarksError, match="too many marks for a page of digits: crop"):
        find_digits(page_of(kind), count)
    assert sum(asked) <= Effort.MOST


@pytest.mark.parametrize("step", [4, 9])
def test_marks_are_not_compared_each_with_each(monkeypatch, step):
    """A PNG of 7 kB, full of dashes, held the reader for 40 seconds before it was given up."""
    looked = []
    pairs = segmentation._pairs

    def watched(near):
        def count(*extents):
            looked.append(len(extents[0]))
            return near(*extents)

        return count

    def watched_pairs(*arguments):
        return pairs(*[watched(one) if callable(one) else one for one in arguments])

    monkeypatch.setattr(segmentation, "_pairs", watched_pairs)
    ink = np.zeros((900, 900), np.uint8)
    for shift in range(6):
        for row in range(step // 2):
            ink[row:-step:step, shift:-8:8] = 255
    marks = cv2.connectedComponents((ink > 127).astype(np.uint8))[0] - 1
    assert marks > 10_000
    with pytest.raises(TooManyMarksError):
        find_digits(ink)
    assert sum(looked) < 200 * marks


def test_a_page_of_2500_digits_is_read(sample):
    """Much, but a page of digits: the pictures of MNIST that everyone knows."""
    tiles = [cv2.resize(image, (32, 32)) for image in sample.x_train[:2500]]
    page = np.block([tiles[row * 50 : row * 50 + 50] for row in range(50)])
    assert 2400 < len(find_digits(extract_ink(page))) < 2700


def test_the_note_of_a_page_with_too_many_marks(judge):
    """It is no error of the file, and no empty page either."""
    reading = Reading("page.png", crowded="too many marks")
    assert (reading.note, reading.error, reading.text) == ("too many marks", None, "")
    page = io.BytesIO()
    Image.fromarray(255 - page_of("specks")).save(page, "PNG")
    model = load_model(shipped_models() / "cnn.keras")
    reading = read_digits(model, "page.png", page.getvalue())
    assert reading.note.startswith("too many marks")
    assert reading.record()["note"] == reading.note
