"""Without these, whoever learned to write elsewhere than MNIST's writers is misread."""

import numpy as np
import pytest

from utils.networks import FORMS, draw_form, load_model, printed, shipped_models
from utils.networks.pen import vary
from utils.networks.printed import FONTS
from utils.reader import normalise_digit, predict_probabilities


def test_the_shipped_network_reads_every_form():
    """A 1 with a flag close to its stem, a 7 with a foot, a 9 with a waist: each is taught or usual somewhere."""
    rng = np.random.default_rng(0)
    drawn = [(digit, draw_form(form, 100, pen, rng, slant=0.05))
             for digit, forms in FORMS.items() for form in forms for pen in (6, 10, 14)]  # fmt: skip
    images = np.array([normalise_digit(ink) for _, ink in drawn])
    read = predict_probabilities(load_model(shipped_models() / "cnn.keras"), images).argmax(axis=1)
    assert np.mean(read == [digit for digit, _ in drawn]) > 0.99


def test_a_loop_becomes_small_and_a_tail_long():
    """One form must teach the hands that write it with other proportions, but no other digit."""
    rng = np.random.default_rng(0)
    nine = FORMS[9][1]
    for stroke, *others in zip(nine, *(vary(nine, rng) for _ in range(200)), strict=True):
        heights = np.array([[y for _, y in other] for other in others])
        assert np.ptp(heights, axis=0).max() > 0.3
        assert (np.sign(np.diff(heights)) == np.sign(np.diff([y for _, y in stroke]))).all()
        assert [[x for x, _ in other] for other in others] == [[x for x, _ in stroke]] * 200
    assert max(y for stroke in vary(nine, rng) for _, y in stroke) == pytest.approx(1.4)


@pytest.mark.parametrize("name", FONTS)
def test_a_font_has_what_is_printed(name, monkeypatch):
    """A font that lacks a character prints a box, and the network would learn to read boxes."""
    monkeypatch.setattr(printed, "FONTS", (name,))
    rng = np.random.default_rng(0)
    box = printed.print_character("\uffff", 40, rng)
    for character in "0123456789" + printed.LETTERS:
        image = printed.print_character(character, 40, rng)
        assert (image > 127).sum() > 30
        assert not np.array_equal(image, box)
        assert not image[[0, -1]].any(), "it is cut off"
