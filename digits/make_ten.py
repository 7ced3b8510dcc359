"""Draw the ten digits that come with the series again: ``python digits/make_ten.py`` from the project's root.

They stand in for a learner's own in the notebooks, and are drawn as a person draws on a pad with a trackpad: with
a pen of 8 to 14 pixels, about 45 to 80% of the pad high, off centre, slanted, and with a hand that is not steady.
The seed was not chosen by what any method makes of them.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils.networks import FORMS, draw_form

FOLDER = ROOT / "utils" / "lesson" / "ten"
SIDE, SEED = 280, 1
#: So many forms of each digit to choose from: the first ones, which are the commonest.
COMMON = 3
#: So many pixels stay free at the pad's edge.
MARGIN = 6


def draw(digit: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit on an empty pad.

    Parameters
    ----------
    digit
        0 to 9.
    rng
        Chooses the form, the pen, the size and the place.

    Returns
    -------
    (280, 280) uint8 array
        Dark ink on white.
    """
    form = FORMS[digit][rng.integers(COMMON)]
    height, pen = round(rng.uniform(0.45, 0.8) * SIDE), int(rng.integers(8, 15))
    ink = draw_form(form, height - pen, pen, rng, wobble=0.035, slant=0.12)
    away = rng.uniform(-0.15, 0.15, 2) * SIDE
    top, left = (
        int(np.clip(round((SIDE - size) / 2 + shift), MARGIN, SIDE - size - MARGIN))
        for size, shift in zip(ink.shape, away, strict=True)
    )
    page = np.full((SIDE, SIDE), 255, np.uint8)
    page[top : top + ink.shape[0], left : left + ink.shape[1]] -= ink
    return page


def main() -> None:
    """Draw all ten."""
    rng = np.random.default_rng(SEED)
    for digit in range(10):
        Image.fromarray(draw(digit, rng)).save(FOLDER / f"{digit}.png", optimize=True)


if __name__ == "__main__":
    main()
