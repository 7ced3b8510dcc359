"""Without these, a fax or a black-and-white scan is read as the dots that it is made of."""

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.reader.halftone import is_dithered, undo_dithering
from utils.reader.ink import extract_ink
from utils.reader.segmentation import find_digits


def dither(grey: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(grey.astype(np.uint8)).convert("1")).astype(np.uint8) * 255


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(("paper", "ink"), [(240, 140), (225, 80)])
def test_dots_are_neither_ink_nor_gaps(draw, paper, ink, invert):
    """Each dot beside a stroke was once taken for ink, and a pale stroke for nothing but dots."""
    written = draw("3157", pen=9) < 128
    page = dither(np.where(written, ink, paper))
    found = extract_ink(255 - page if invert else page) > 127
    assert (found & written).sum() > 0.75 * (found | written).sum()
    assert len(find_digits(found.astype(np.uint8) * 255)) == 4


def test_dots_under_a_shadow(draw):
    page = draw("3157", pen=9) * np.linspace(0.95, 0.4, 460)
    assert len(find_digits(extract_ink(dither(page)))) == 4


@pytest.mark.parametrize("pen", [1, 3, 9])
def test_clean_strokes_stay_sharp(draw, pen):
    """A paint program's two colours are no dots: smoothed, thin strokes would fade."""
    page = np.where(draw("3157", pen=pen) < 128, 0, 255).astype(np.uint8)
    assert not is_dithered(page)
    assert np.array_equal(undo_dithering(page), page)


def test_shades_are_no_dots(draw):
    """The noise of a photo is left to those who know photos."""
    page = draw("31") + np.random.default_rng(0).normal(0, 40, (160, 260))
    assert not is_dithered(page.clip(0, 255).astype(np.uint8))


def test_a_tiny_drawing_stays_as_it_is(draw):
    """In 28 × 28 pixels, a single one may be a part of a stroke."""
    tiny = dither(cv2.resize(draw("3")[:, :130], (28, 28), interpolation=cv2.INTER_AREA))
    assert np.array_equal(undo_dithering(tiny), tiny)
