"""Without these, the lines of a page are read as digits, or digits are taken for lines and not read at all."""

import cv2
import numpy as np
import pytest

from utils.reader.ink import extract_ink
from utils.reader.lines import without_lines
from utils.reader.segmentation import Found, find_digits


def whole(found: list[Found], count: int, height: int) -> bool:
    """Whether so many digits are found, each about as high as it was drawn."""
    return len(found) == count and all(0.85 * height < digit.box.h < 1.2 * height for digit in found)


@pytest.mark.parametrize("noise", [0, 4])
@pytest.mark.parametrize("angle", [0, 3])
@pytest.mark.parametrize("up", [0, 3, 8])
def test_a_line_that_touches_the_digits_of_a_small_crop(draw, up, angle, noise):
    """A number cut out of a ruled page, 90 pixels wide, was read with the line as a part of its digits."""
    page = draw("3157", pen=9)[30:140, 15:415]
    cv2.line(page, (0, 96 - up - 4 * angle), (400, 96 - up + 4 * angle), 90, 3)
    small = cv2.resize(page, None, fx=0.24, fy=0.24, interpolation=cv2.INTER_AREA)
    small = small * 0.7 + 40 + np.random.default_rng(0).normal(0, noise, small.shape)
    ink = extract_ink(small.clip(0, 255).astype(np.uint8))
    assert whole(find_digits(ink), 4, ink.shape[0] * 66 / 110)


@pytest.mark.parametrize("shade", [0, 150])
def test_a_margin_and_a_rule_through_the_digits(draw, shade):
    """What crosses a line keeps its stroke, whichever of the two is the darker."""
    page = np.full((480, 640), 255, np.uint8)
    cv2.line(page, (0, 250), (639, 256), shade, 2)
    cv2.line(page, (60, 0), (64, 479), shade, 2)
    page[160:320, 90:550] = np.minimum(page[160:320, 90:550], draw("3157", pen=9))
    assert whole(find_digits(extract_ink(page)), 4, 66)


def test_a_line_that_bends(draw):
    """A notebook's page is seldom flat under the camera."""
    page = np.full((480, 640), 235, np.uint8)
    page[160:320, 90:550] = np.minimum(draw("3157", pen=9), 235)
    columns = np.arange(640)
    for row in range(40, 480, 60):
        bent = np.stack([columns, row + 12 * np.sin(columns / 200)], axis=1).round().astype(np.int32)
        cv2.polylines(page, [bent], False, 120, 2, cv2.LINE_AA)
    assert whole(find_digits(extract_ink(page)), 4, 66)


@pytest.mark.parametrize("seed", range(4))
def test_a_sketched_digit_is_no_squared_paper(draw, seed):
    """Drawn with many thin strokes, it has as many gaps as paper has squares, and was not read at all."""
    rng = np.random.default_rng(seed)
    page = np.full((180, 320), 255, np.uint8)
    circle = np.linspace(0, 2 * np.pi, 60)
    for _ in range(12):
        for row, radius in ((65, 25), (115, 30)):
            x = 160 + (radius + rng.normal(0, 3)) * np.cos(circle) + rng.normal(0, 2)
            y = row + (radius + rng.normal(0, 3)) * np.sin(circle) + rng.normal(0, 2)
            cv2.polylines(page, [np.stack([x, y], axis=1).round().astype(np.int32)], False, 0, 1, cv2.LINE_AA)
    (found,) = find_digits(extract_ink(page))
    assert found.box.h > 100


def test_pens_of_different_shades(draw):
    """The paler ones were once taken for lines, beside the dark one."""
    page = np.hstack([shade + draw("3") / 255 * (255 - shade) for shade in (0, 90, 150, 190, 225)]).astype(np.uint8)
    assert whole(find_digits(extract_ink(page)), 5, 66)


def wobbly(page: np.ndarray, start: tuple[int, int], end: tuple[int, int], rng: np.random.Generator) -> None:
    points = np.linspace(start, end, 12) + rng.normal(0, 1.5, (12, 2))
    cv2.polylines(page, [points.round().astype(np.int32)], False, 40, 3, cv2.LINE_AA)


@pytest.mark.parametrize("seed", range(4))
def test_a_table_drawn_by_hand(draw, seed):
    """Its lines are not straight; but what has digits inside is no digit."""
    rng = np.random.default_rng(seed)
    page = np.full((340, 430), 255, np.uint8)
    page[5:165, :] = draw("4567")[:, :430]
    page[165:325, :] = draw("2380")[:, :430]
    for x in range(15, 416, 100):
        wobbly(page, (x, 20), (x, 320), rng)
    for y in (20, 165, 320):
        wobbly(page, (15, y), (415, y), rng)
    assert whole(find_digits(extract_ink(page)), 8, 66)


@pytest.mark.parametrize("digit", "0123456789")
@pytest.mark.parametrize("pen", [2, 8])
def test_a_digit_is_no_line(draw, digit, pen):
    """The stem of a 1, the bar of a 7 and the foot of a 2 are straight, too, and in a tight crop they go all across."""
    page = 255 - draw(digit, pen)
    x, y, w, h = cv2.boundingRect(page)
    contrast = cv2.resize(page[y : y + h, x : x + w], None, fx=2, fy=2).astype(np.float32) / 255
    _, keep = without_lines(contrast, 0.3, 0.5)
    assert keep.sum() >= (contrast > 0.5).sum()


def test_a_pattern_is_left_alone():
    """A page of stripes has more lines than can be followed one by one."""
    stripes = np.zeros((1600, 1600), np.float32)
    stripes[::8] = stripes[:, ::8] = 1
    least, keep = without_lines(stripes, 0.3, 0.5)
    assert keep.shape == stripes.shape
    assert least <= 0.5


STRAIGHT = {
    "4": ["14,15 11,55 32,55", "26,20 25,90"],
    "7": ["10,10 40,10 20,90"],
    "11": ["20,10 20,90", "60,10 60,90"],
    "5": ["40,10 10,10 10,50 40,50 40,90 10,90"],
    "0": ["10,10 40,10 40,90 10,90 10,10"],
    "3": ["10,10 40,10 40,90 10,90", "10,50 40,50"],
}


@pytest.mark.parametrize("pen", [2, 3, 4, 6])
@pytest.mark.parametrize("digits", STRAIGHT)
def test_digits_of_straight_strokes_alone_on_a_page_stay(digits, pen):
    """Drawn with a mouse, or along a ruler: a 4 lost its stem and was a 6, and of a 0 nothing was left."""
    page = np.full((300, 400), 255, np.uint8)
    for stroke in STRAIGHT[digits]:
        points = [[int(part) for part in point.split(",")] for point in stroke.split()]
        cv2.polylines(page, [np.int32(points) * (4, 3)], False, 0, pen, cv2.LINE_AA)
    assert np.count_nonzero(extract_ink(page) > 127) > 0.95 * np.count_nonzero(page < 128)
