"""Without these, the network that reads people's drawings cannot be trained again to the same result."""

import cv2
import numpy as np
import pytest

from utils.mnist import SIDE
from utils.networks import training
from utils.networks.augment import (
    NONE_SHARE,
    PIECE_SHARE,
    _scan_coarsely,
    cut_piece,
    draw_digit,
    draw_nothing,
    make_set,
    redraw,
)
from utils.networks.calibration import find_temperature, soften
from utils.networks.models import build_mlp
from utils.networks.pen import FORMS, draw_form
from utils.reader import normalise_digit, trim


def test_a_set_repeats_itself_and_has_its_targets(sample):
    images, labels = sample.x_train[::40], sample.y_train[::40]
    drawn, targets = make_set(images, labels, seed=1)
    again, _ = make_set(images, labels, seed=1)
    other, _ = make_set(images, labels, seed=2)
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)
    assert drawn.shape == (len(targets), SIDE, SIDE)
    assert drawn.dtype == np.uint8
    assert np.allclose(targets.sum(axis=1), 1)
    assert np.array_equal(targets[: len(images)].argmax(axis=1), labels)
    nothing = (targets.max(axis=1) < 0.2).sum() - round(NONE_SHARE * len(images))
    assert 0.2 < nothing / round(PIECE_SHARE * len(images)) < 0.6, "of what a cut leaves, some is no digit"


def test_a_redrawn_digit_is_another_drawing_of_the_same(sample):
    """Near enough to be the same digit, far enough to teach something."""
    rng = np.random.default_rng(0)
    alike = [np.corrcoef(redraw(image, rng).ravel(), image.ravel())[0, 1] for image in sample.x_test[::20]]
    assert 0.5 < np.median(alike) < 0.97


def test_some_are_stretched_to_a_square():
    """Collections of digits are scanned so, and a reader that has never seen a wide 1 reads something else."""
    rng = np.random.default_rng(0)
    narrow = np.zeros((SIDE, SIDE), np.uint8)
    narrow[4:24, 12:15] = narrow[4:8, 9:12] = 255  # a 1 with a flag: six pixels wide, twenty high
    shapes = np.array([trim(redraw(narrow, rng)).shape for _ in range(300)])
    ratios = shapes[:, 1] / shapes[:, 0]
    assert 0.2 < np.median(ratios) < 0.5
    assert 0.02 < np.mean(ratios > 0.8) < 0.15


def test_what_is_scanned_in_few_pixels_stays_whole():
    """A digit that falls to pieces would teach nothing."""
    rng = np.random.default_rng(0)
    ring = draw_form(FORMS[0][1], 100, 5, rng)
    images = [normalise_digit(_scan_coarsely(ring, rng)) for _ in range(100)]
    pieces = [cv2.connectedComponents((image > 80).astype(np.uint8))[0] - 1 for image in images]
    assert np.mean(np.array(pieces) == 1) > 0.9
    ink = draw_form(FORMS[0][1], 100, 12, rng)
    assert len({_scan_coarsely(ink, rng).tobytes() for _ in range(20)}) == 20


@pytest.mark.parametrize("digit", range(10))
def test_each_form_can_be_drawn(digit):
    rng = np.random.default_rng(digit)
    for _ in range(3 * len(FORMS[digit])):
        image = draw_digit(digit, rng)
        assert image.shape == (SIDE, SIDE)
        assert 20 < (image > 127).sum() < 300


def test_what_is_no_digit_has_ink(sample):
    rng = np.random.default_rng(0)
    drawn = [draw_nothing(sample.x_train, rng) for _ in range(60)]
    assert min(image.max() for image in drawn) > 127
    ink = [(image > 127).mean() for image in drawn]
    assert min(ink) < 0.1 < 0.25 < max(ink), "dashes have little ink, stains have much"


def test_a_cut_leaves_a_digit_or_none():
    """Where digits touch, the reader tries many cuts; the network tells which left a whole digit on each side."""
    ring, bar = np.zeros((2, SIDE, SIDE), np.uint8)
    cv2.circle(ring, (14, 14), 9, 255, 3)
    bar[4:24, 13:16] = 255
    rng = np.random.default_rng(0)
    left = {label: [] for label in (0, 1, 10)}
    for _ in range(300):
        image, label = cut_piece(np.array([ring, bar]), np.array([0, 1], np.uint8), rng)
        left[label].append(trim(image))
    closed = [cv2.connectedComponents((np.pad(image, 1) < 128).astype(np.uint8))[0] > 2 for image in left[0]]
    assert np.mean(closed) > 0.9, "a 0 stays closed"
    assert all(image.shape[1] < 0.6 * image.shape[0] for image in left[1]), "a 1 stays narrow"
    assert min(len(images) for images in left.values()) > 20


def test_training_with_redrawn_images(sample, monkeypatch):
    """The recipe of the shipped network: it must learn, and be unsure of what is no digit."""
    monkeypatch.setattr(training, "SETS", 1)
    model, history = training.train("mlp", sample, epochs=3, augment=True)
    assert len(history.epoch) == 3
    assert history.history["val_accuracy"][-1] > 0.75
    rng = np.random.default_rng(5)
    nothing = np.array([draw_nothing(sample.x_test, rng) for _ in range(100)])
    sure = [
        np.median(model.predict(training.scale_pixels(images), verbose=0).max(axis=1))
        for images in (sample.x_test[:100], nothing)
    ]
    assert sure[1] < sure[0]


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Measure the expected calibration error, as notebook 07 does."""
    highest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    member = np.minimum((highest * bins).astype(int), bins - 1)
    return sum(
        abs(highest[member == index].mean() - right[member == index].mean()) * np.mean(member == index)
        for index in np.unique(member)
    )


def test_too_sure_becomes_as_sure_as_right():
    """Of digits read at 90%, nine in ten must be right, or the mark for the unsure ones means nothing."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 10))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(10, p=row) for row in true])
    too_sure = true**3 / (true**3).sum(axis=1, keepdims=True)
    temperature = find_temperature(too_sure, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    softened = too_sure ** (1 / temperature)
    softened /= softened.sum(axis=1, keepdims=True)
    assert calibration_error(softened, labels) < 0.03 < 0.1 < calibration_error(too_sure, labels)


def test_softening_changes_no_answer(sample):
    model = build_mlp()
    images = training.scale_pixels(sample.x_test[:200])
    before = model.predict(images, verbose=0)
    soften(model, 2.5)
    after = model.predict(images, verbose=0)
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after.max() < before.max()
