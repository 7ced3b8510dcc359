"""Without these, a number is read with a digit too many or too few, or in the wrong order."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from utils.networks import load_model, shipped_models
from utils.reader.ink import extract_ink
from utils.reader.reading import predict_probabilities
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
