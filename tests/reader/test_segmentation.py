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


@pytest.mark.parametrize(("slope", "drift"), [(0.25, 0.15), (-0.25, 0.15), (0, 0.4), (0.1, 0.3)])
def test_lines_that_slope_or_digits_that_drift_stay_lines(slope, drift):
    """Written on blank paper: a line came out as two or three, and its digits in the wrong order."""
    ink = np.zeros((900, 1000), np.uint8)
    places = [(line, 120 + 140 * step, (0, -1, 1, 0, 1, -1)[step]) for line in range(3) for step in range(6)]
    for line, x, up in places:
        y = round(250 + 160 * line + slope * (x - 470) + drift * 80 * up)
        cv2.ellipse(ink, (x, y), (22, 40), 0, 0, 360, 255, 6)
    found = find_digits(ink)
    assert [digit.line for digit in found] == [line for line, _, _ in places]
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


def test_a_bar_between_two_lines_does_not_join_their_digits():
    """Lines written close: the foot of the 1 is near the head of the 6 below it, and both were read as one 8."""
    ink = np.zeros((300, 140), np.uint8)
    cv2.line(ink, (70, 20), (70, 108), 255, 6)
    cv2.line(ink, (30, 122), (110, 122), 255, 6)
    cv2.ellipse(ink, (70, 190), (36, 50), 0, 0, 360, 255, 6)
    assert [digit.line for digit in find_digits(ink)] == [0, 1]


@pytest.mark.parametrize(("whole", "count"), [(0.75, 2), (0.95, 1)])
def test_two_known_digits_are_joined_only_to_a_known_one(whole, count):
    """A 5 close above a 6 was read as an 8 that was not even sure; a broken 8 is still one."""
    ink = np.zeros((300, 140), np.uint8)
    cv2.ellipse(ink, (70, 80), (36, 46), 0, 0, 360, 255, 8)
    cv2.ellipse(ink, (70, 200), (36, 54), 0, 0, 360, 255, 8)

    def judge(images: np.ndarray) -> np.ndarray:
        narrow = images.any(axis=1).sum(axis=1) < 12
        return np.where(narrow, whole, 1.0)

    assert len(find_digits(ink, judge)) == count


def test_a_digit_in_two_strokes_is_joined_though_it_is_hardly_known():
    """A 4 whose stem does not touch its hook was read as a 2 and a 1; together they are no higher than a digit."""
    ink = np.zeros((160, 120), np.uint8)
    cv2.polylines(ink, [np.array([(40, 10), (30, 90), (72, 90)])], False, 255, 6)
    cv2.line(ink, (90, 68), (70, 128), 255, 6)
    assert len(find_digits(ink, lambda images: np.full(len(images), 0.7))) == 1


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


def test_a_thin_2_broken_into_pieces_is_read_whole(judge):
    """What a pen of one pixel leaves in a compressed drawing: its upper half is a 7, and its foot is left out."""
    ink = np.zeros((160, 240), np.uint8)
    cv2.line(ink, (50, 30), (50, 129), 255, 3)
    cv2.ellipse(ink, (120, 55), (25, 25), 0, -170, 30, 255, 2)
    for x, y in ((134, 78), (126, 90), (118, 102), (110, 114)):
        cv2.line(ink, (x, y), (x - 2, y + 3), 255, 2)
    cv2.line(ink, (101, 128), (145, 130), 255, 2)
    assert [digit.box.h > 90 for digit in find_digits(ink, judge)] == [True, True]


def test_grain_is_not_joined_to_a_digit(judge):
    """A photo of rough paper is read with one digit more, and sure."""
    ink = np.zeros((400, 400), np.uint8)
    cv2.line(ink, (60, 30), (60, 129), 255, 6)
    rng = np.random.default_rng(0)
    for x, y in rng.integers((150, 200), (390, 390), (300, 2)):
        cv2.ellipse(ink, (int(x), int(y)), (3, 1), rng.uniform(0, 180), 0, 360, 255, -1)
    assert sum(digit.box.y < 150 for digit in find_digits(ink, judge)) == 1
    heights = [digit.box.h for digit in find_digits(ink, judge) if digit.box.y > 150]
    assert max(heights, default=0) < 50


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


def test_a_filled_area_is_not_cut(judge):
    """A square of a chessboard came out as 111, and sure."""
    ink = np.zeros((160, 320), np.uint8)
    ink[40:120, 40:120] = 255
    cv2.circle(ink, (240, 80), 45, 255, -1)
    assert len(find_digits(ink, judge)) == 2


def beside(draw, kind: str) -> np.ndarray:
    """The ink of 4 0 2 7, with something much bigger on the sheet."""
    ink = np.zeros((700, 900), np.uint8)
    ink[300:460, 220:680] = 255 - draw("4027")
    if kind == "wedge":
        cv2.fillPoly(ink, [np.int32([(0, 0), (420, 0), (0, 680)])], 255)
    elif kind == "frame":
        cv2.polylines(ink, [np.int32([(150, 20), (730, 40), (720, 660), (160, 650)])], True, 255, 7, cv2.LINE_AA)
    else:
        cv2.ellipse(ink, (450, 380), (400, 310), 0, 0, 360, 255, 7, cv2.LINE_AA)
    return ink


@pytest.mark.parametrize("kind", ["wedge", "frame", "circle"])
def test_something_big_does_not_make_specks_of_the_digits(judge, draw, kind):
    """The edge of a table, or a frame drawn around a number, and nothing else was read than a 7, or a 0."""
    found = find_digits(beside(draw, kind), judge)
    assert [round((digit.box.x - 250) / 100) for digit in found] == list(range(4))
    assert all(digit.box.h < 100 for digit in found)


def test_a_big_digit_beside_small_ones_stays(judge, draw):
    """A crumb or the date in a corner must not take its place."""
    ink = np.zeros((800, 800), np.uint8)
    cv2.putText(ink, "8", (150, 750), cv2.FONT_HERSHEY_SIMPLEX, 22, 255, 40, cv2.LINE_AA)
    ink[:80, :230] = cv2.resize(255 - draw("4027"), (230, 80), interpolation=cv2.INTER_AREA)
    (digit,) = find_digits(ink, judge)
    assert digit.box.h > 400


def test_the_eyes_of_a_face_are_not_read(judge):
    """A head is no frame around the number 00."""
    ink = np.zeros((600, 600), np.uint8)
    cv2.circle(ink, (300, 300), 220, 255, 9, cv2.LINE_AA)
    cv2.ellipse(ink, (300, 360), (120, 70), 0, 20, 160, 255, 9, cv2.LINE_AA)
    for x in (220, 380):
        cv2.ellipse(ink, (x, 240), (22, 30), 0, 0, 360, 255, 9, cv2.LINE_AA)
    assert all(digit.box.h > 200 for digit in find_digits(ink, judge))


def test_a_dash_is_no_digit_but_the_foot_of_a_broken_2_is_kept(judge, draw):
    """404-1000 came out as 40451000; but a part of a digit that gets lost is a digit read wrong, and sure."""
    ink = 255 - draw("40 27")
    cv2.line(ink, (245, 85), (275, 84), 255, 8)
    assert len(find_digits(ink, judge)) == 4
    ink = 255 - draw("40 27")
    cv2.line(ink, (240, 118), (280, 118), 255, 8)
    assert len(find_digits(ink, judge)) == 5


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
    pairs = segmentation._near_pairs

    def watched(near):
        def count(*extents):
            looked.append(len(extents[0]))
            return near(*extents)

        return count

    def watched_pairs(*arguments):
        return pairs(*[watched(one) if callable(one) else one for one in arguments])

    monkeypatch.setattr(segmentation, "_near_pairs", watched_pairs)
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
