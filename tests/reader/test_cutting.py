"""Without these, a number whose digits touch is read as one wrong digit, or with a digit too many."""

import cv2
import numpy as np
import pytest

from utils.networks import load_model, shipped_models
from utils.reader.cutting import _propose_cuts, cut_touching
from utils.reader.normalise import normalise_digit
from utils.reader.pieces import Box, Effort
from utils.reader.reading import predict_probabilities


@pytest.fixture(scope="module")
def model():
    return load_model(shipped_models() / "cnn.keras")


def read(model, ink: np.ndarray) -> str:
    """The digits in ink without a margin, from left to right."""

    def judge(images: np.ndarray) -> np.ndarray:
        return predict_probabilities(model, images).max(axis=1)

    pieces = cut_touching(Box(0, 0, *ink.shape[::-1]), ink, judge, Effort())
    images = np.array([normalise_digit(own) for _, own in pieces])
    return "".join(map(str, predict_probabilities(model, images).argmax(axis=1)))


def enlarge(image: np.ndarray, height: int = 100) -> np.ndarray:
    """An MNIST digit, so many pixels high, with a smooth stroke and no margin."""
    large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    large = np.where(cv2.GaussianBlur(large, (0, 0), 2) > 110, 255, 0).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(large)
    return cv2.resize(large[y : y + h, x : x + w], (max(8, round(w * height / h)), height))


def push_together(left: np.ndarray, right: np.ndarray, shared: int) -> np.ndarray:
    """Two digits, as far apart as they may be while so many pixels belong to both."""
    for overlap in range(1, 100):
        width = left.shape[1] + right.shape[1] - overlap
        both = [np.zeros((left.shape[0], width), np.uint8) for _ in "ab"]
        both[0][:, : left.shape[1]], both[1][:, -right.shape[1] :] = left, right
        if (np.minimum(*both) > 127).sum() >= shared:
            break
    return np.maximum(*both)


def test_pairs_of_digits_that_overlap_are_read(model, sample):
    """What is written in haste: of a page of such numbers, most must come out right."""
    rng = np.random.default_rng(3)
    right = 0
    for _ in range(60):
        a, b = rng.integers(0, len(sample.x_test), 2)
        pair = push_together(enlarge(sample.x_test[a]), enlarge(sample.x_test[b]), 15)
        right += read(model, pair) == f"{sample.y_test[a]}{sample.y_test[b]}"
    assert right >= 46


def leaning(slope: float) -> tuple[np.ndarray, np.ndarray]:
    """A 1 and a 0 that lean and touch along their sides, each by itself: ``(100, 150) uint8``."""
    lean = np.array([[1, -slope, 50 * slope], [0, 1, 0]], np.float32)
    stroke, ring = np.zeros((2, 100, 150), np.uint8)
    cv2.line(stroke, (50, 8), (50, 91), 255, 10)
    cv2.ellipse(ring, (84, 50), (24, 40), 0, 0, 360, 255, 10)
    return cv2.warpAffine(stroke, lean, (150, 100)), cv2.warpAffine(ring, lean, (150, 100))


@pytest.mark.parametrize("slope", [-0.3, 0.0, 0.3])
def test_there_is_a_cut_between_leaning_digits(slope):
    """Where they touch along their sides, the way between them is as long as one across the 0."""
    stroke, ring = leaning(slope)
    ink = np.maximum(stroke, ring)
    assert cv2.connectedComponents((ink > 127).astype(np.uint8))[0] == 2  # they do touch
    x, y, w, h = cv2.boundingRect(ink)
    window = np.s_[y : y + h, x : x + w]
    wrong = [
        int((stroke[window] > 127)[np.arange(w) >= cut.seam[:, None]].sum())
        + int((ring[window] > 127)[np.arange(w) < cut.seam[:, None]].sum())
        for cut in _propose_cuts(Box(x, y, w, h), ink[window], Effort())
    ]
    assert min(wrong) < 0.05 * (ink > 127).sum()


@pytest.mark.parametrize("digit", ["6", "8", "9"])
def test_a_narrow_pair_is_cut(model, draw, digit):
    """A 1 close behind another digit makes no number that is wider than high."""
    left = 255 - draw(digit, pen=10)
    x, y, w, h = cv2.boundingRect(left)
    narrow = cv2.resize(left[y : y + h, x : x + w], (50, 100))
    pair = np.zeros((100, 64), np.uint8)
    pair[:, :50] = narrow
    cv2.line(pair, (54, 5), (54, 95), 255, 10)
    x, y, w, h = cv2.boundingRect(pair)
    assert w < 0.9 * h
    assert read(model, pair[y : y + h, x : x + w]) == f"{digit}1"


def test_a_digit_wider_than_high_is_cut_off(model):
    """A 0 written wide and flat, with a 1 that touches it: no piece was as wide as the 0, and both were one digit."""
    ink = np.zeros((100, 150), np.uint8)
    cv2.ellipse(ink, (66, 50), (60, 44), 0, 0, 360, 255, 10)
    cv2.line(ink, (130, 5), (130, 94), 255, 10)
    assert read(model, ink[:, :136]) == "01"


def test_without_a_judge_only_what_is_much_wider_than_a_digit_is_cut():
    """Where there is nobody to ask, a wide 0 stays whole, and two of them do not."""
    ring = np.zeros((100, 110), np.uint8)
    cv2.ellipse(ring, (55, 50), (49, 44), 0, 0, 360, 255, 10)
    assert len(cut_touching(Box(0, 0, 110, 100), ring, None, Effort())) == 1
    both = np.concatenate([ring[:, :104], ring[:, 6:]], axis=1)
    assert len(cut_touching(Box(0, 0, *both.shape[::-1]), both, None, Effort())) == 2


@pytest.mark.parametrize(("sure", "count"), [(0.9, 2), (0.1, 1)])
def test_what_is_wider_than_a_digit_is_cut_into_what_is_somewhat_known(sure, count):
    """The zeros of 1000, written in one go, were one unknown digit and left out; of unknown parts, the whole stays."""
    ink = np.zeros((100, 200), np.uint8)
    for x in (51, 148):
        cv2.ellipse(ink, (x, 50), (46, 44), 0, 0, 360, 255, 10)

    def judge(images: np.ndarray) -> np.ndarray:
        return np.where(images.any(axis=2).sum(axis=1) >= 18, sure, 0.1)

    assert len(cut_touching(Box(0, 0, 200, 100), ink, judge, Effort())) == count
