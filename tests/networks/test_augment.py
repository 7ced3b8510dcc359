"""Without these, the network that reads people's drawings cannot be trained again to the same result."""

import numpy as np
import pytest

from utils.mnist import SIDE
from utils.networks import training
from utils.networks.augment import NONE_SHARE, draw_digit, draw_nothing, make_set, redraw
from utils.networks.calibration import find_temperature, soften
from utils.networks.models import build_mlp
from utils.networks.pen import FORMS


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
    assert (targets.max(axis=1) < 0.2).sum() == round(NONE_SHARE * len(images))


def test_a_redrawn_digit_is_another_drawing_of_the_same(sample):
    """Near enough to be the same digit, far enough to teach something."""
    rng = np.random.default_rng(0)
    alike = [np.corrcoef(redraw(image, rng).ravel(), image.ravel())[0, 1] for image in sample.x_test[::20]]
    assert 0.5 < np.median(alike) < 0.97


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
    """Measure the expected calibration error, as notebook 05 does."""
    highest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    member = np.minimum((highest * bins).astype(int), bins - 1)
    return sum(
        abs(highest[member == index].mean() - right[member == index].mean()) * np.mean(member == index)
        for index in np.unique(member)
    )


def test_too_sure_becomes_as_sure_as_right():
    """Of digits read at 90 %, nine in ten must be right, or the mark for the unsure ones means nothing."""
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
