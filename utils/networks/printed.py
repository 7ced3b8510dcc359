"""Printed characters, in the fonts that come with matplotlib: a number on a form is read, a printed letter is none."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Sans-serif, serif and typewriter faces; their zeros are plain, dotted and slashed.
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold",
    "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralItalic",
)  # fmt: skip
#: Letters and signs that cannot be taken for a digit, or hardly: no B, C, G, I, O, Q, S or Z among them.
LETTERS = "AEFHJKLMNPRTUVWXYadefhkmnprtuvwxÄéЖФДЮñ&@#%+<="


def print_character(character: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Print a character.

    Parameters
    ----------
    character
        Any that the fonts have.
    size
        Of the font, in pixels.
    rng
        Chooses the font.

    Returns
    -------
    (h, w) uint8 array
        With a narrow margin: 0 = paper, 255 = ink.
    """
    font = _load(FONTS[rng.integers(len(FONTS))], size)
    left, top, right, bottom = font.getbbox(character)
    image = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - top), character, 255, font)
    return np.array(image)


@cache
def _load(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"), size)
