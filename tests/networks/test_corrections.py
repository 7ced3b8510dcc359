"""Without these, a network learns from wrong labels, forgets the old unnoticed, or the one before it is lost."""

import cv2
import keras
import numpy as np
import pytest

from utils import networks
from utils.errors import DigitsError
from utils.networks import corrections
from utils.networks.corrections import Corrections, Verdict, correct, corrected_path, fine_tune, read_corrections
from utils.paths import ROOT
from utils.reader import add_labelled, scale_pixels


@pytest.fixture
def add(tmp_path):
    """Save an image and what was meant, as the pads do."""

    def save(image, label):
        return add_labelled(tmp_path, cv2.imencode(".png", image)[1].tobytes(), ".png", label)

    return save


def test_corrections_are_read_digit_by_digit(add, draw, tmp_path):
    add(draw("7"), "7")
    add(draw("42"), "42")
    found = read_corrections(tmp_path)
    assert found.images.shape == (3, 28, 28)
    assert found.labels.tolist() == [7, 4, 2]
    assert not found.left_out


def test_an_image_whose_digits_are_not_all_found_is_left_out(add, draw, tmp_path):
    """Its labels would be given to the wrong digits."""
    wrong = add(draw("42"), "421")
    broken = add(draw("1"), "1")
    broken.write_bytes(b"no image")
    add(draw("3"), "3")
    found = read_corrections(tmp_path)
    assert found.labels.tolist() == [3]
    assert found.left_out == [wrong, broken]
    assert "1 corrected digits" in corrections.describe_corrections(found)
    assert wrong.name in corrections.describe_corrections(found)


def test_the_series_own_images_teach_nothing():
    """They judge which network reads: one that had learned them would always win."""
    assert len(read_corrections(ROOT / "digits").labels) == 0


def test_a_folder_without_labels_says_so(tmp_path):
    with pytest.raises(DigitsError, match=r"has no labels\.csv"):
        read_corrections(tmp_path / ".")


def test_too_few_corrections_are_refused(sample):
    few = Corrections(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(DigitsError, match="There are 3 corrected digits"):
        correct(networks.build_cnn(), "cnn", sample, few)


@pytest.mark.parametrize(
    ("old_after", "new_after", "better"),
    [(24, 1, True), (30, 1, True), (31, 0, False), (20, 5, False), (20, 6, False)],
)
def test_a_new_version_must_be_better_and_not_forget(old_after, new_after, better):
    assert Verdict(24, old_after, 6000, 5, new_after, 20).better is better


def test_a_version_that_was_kept_is_not_written_over(sample):
    first = corrected_path("cnn", sample)
    first.parent.mkdir(parents=True)
    first.touch()
    second = corrected_path("cnn", sample)
    assert (first.name, second.name) == ("cnn-sample-corrected.keras", "cnn-sample-corrected-2.keras")
    assert networks.newest_own("cnn") == first


def test_fine_tuning_learns_the_new_and_keeps_the_old(sample, monkeypatch):
    """A digit that was meant otherwise, again and again: the network learns it, and still reads the others."""
    monkeypatch.setattr(corrections, "STEPS", 60)
    keras.utils.set_random_seed(0)
    model = networks.build_mlp()
    x, y = scale_pixels(sample.x_train[:2000]), sample.y_train[:2000]
    targets = keras.utils.to_categorical(y, 10)
    fine_tune(model, [(x, targets, 96)], learning_rate=3e-3)
    upside_down, meant = x[y == 7][:40, ::-1], np.full(40, 7)
    old = np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)

    fine_tune(model, [(upside_down, keras.utils.to_categorical(meant, 10), 32), (x, targets, 96)], learning_rate=3e-3)
    assert np.mean(model.predict(upside_down, verbose=0).argmax(axis=1) == 7) > 0.9
    assert np.mean(model.predict(x, verbose=0).argmax(axis=1) == y) > old - 0.03
