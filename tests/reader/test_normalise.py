"""Without these, what the network sees is not what it was trained on, and it fails on every second drawing."""

import cv2
import numpy as np
import pytest

from utils.reader.ink import extract_ink
from utils.reader.normalise import STROKE, limit_stroke, normalise_digit, stroke_width, trim


def test_normalised_as_mnist_was(draw):
    """Each digit has 20 pixels at its longer side and its centre of mass on pixel (14, 14)."""
    for digit in "0123456789":
        image = normalise_digit(extract_ink(draw(digit, pen=14)))
        _x, _y, w, h = cv2.boundingRect(image)
        assert max(w, h) == 20
        moments = cv2.moments(image)
        column, row = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        assert abs(column - 14) <= 0.5
        assert abs(row - 14) <= 0.5


def test_mnist_itself_is_hardly_changed(sample):
    """What the preparation makes of an MNIST digit, drawn large, must be that digit in its place."""
    overlaps = []
    for image in sample.x_test[::10]:
        ink = extract_ink(cv2.resize(255 - image, (280, 280), interpolation=cv2.INTER_LINEAR))
        overlaps.append(np.corrcoef(normalise_digit(ink).ravel(), image.ravel())[0, 1])
    assert np.median(overlaps) > 0.95  # not all: a hair's breadth decides to which pixel the centre is rounded


@pytest.mark.parametrize("pen", [1, 2, 5, 12, 24])
def test_any_pen_becomes_one_of_mnist_s(draw, pen):
    """From a line of one pixel to a fifth of the image."""
    image = normalise_digit(extract_ink(draw("2", pen=pen)))
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    assert STROKE[0] - 0.4 < stroke_width(large > 127) / 4 < STROKE[1] + 0.4


def test_a_thin_line_in_few_pixels_stays_whole():
    """One pixel wide, in stairs, as a paint program draws it."""
    ink = np.zeros((28, 28), np.uint8)
    cv2.line(ink, (8, 5), (20, 22), 255, 1)
    cv2.line(ink, (20, 5), (8, 22), 255, 1)
    image = normalise_digit(ink)
    assert cv2.connectedComponents((image > 100).astype(np.uint8))[0] == 2  # the background and one cross


def test_the_width_of_a_stroke_is_measured():
    for width in (4, 9, 16):
        mask = np.zeros((60, 300), np.uint8)
        mask[20 : 20 + width, 20:280] = 1
        assert stroke_width(mask) == pytest.approx(width, rel=0.15)
    assert stroke_width(np.zeros((9, 9))) == 0


def test_a_stroke_within_the_limits_is_left_alone(draw):
    ink = extract_ink(draw("8", pen=10))
    assert np.array_equal(limit_stroke(ink, 0.1, 10), trim(ink))
    assert not np.array_equal(limit_stroke(ink, 5, 10), trim(ink))


@pytest.mark.parametrize("box", [(3, 4, 1, 1), (0, 0, 1, 60), (2, 2, 60, 1), (0, 0, 64, 64)])
def test_the_strangest_ink(box):
    x, y, w, h = box
    ink = np.zeros((64, 64), np.uint8)
    ink[y : y + h, x : x + w] = 255
    image = normalise_digit(ink)
    assert image.shape == (28, 28)
    assert image.max() > 0
    assert not normalise_digit(np.zeros((64, 64), np.uint8)).any()
