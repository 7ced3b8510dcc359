"""The drawings of the ten digits: the learner's own, in a folder of their own, and those that come with the series."""

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from utils.errors import DigitsError
from utils.paths import from_root, shown, whole_file
from utils.reader import digits_folder, read_image

#: The side of a drawing, in pixels.
SIDE = 280
#: The ten that come with the series, drawn by ``digits/make_ten.py``.
SHIPPED = Path(__file__).with_name("ten")

# What could not be written to the folder, for as long as the kernel runs; None stands for a drawing that was cleared.
_unwritten: dict[Path, np.ndarray | None] = {}


def ten_folder() -> Path:
    """Return the folder of the learner's ten digits: ``TEN_PATH``, or ``my-ten/`` beside the folder of images."""
    if os.environ.get("TEN_PATH"):
        return from_root(os.environ["TEN_PATH"])
    return digits_folder().parent / "my-ten"


def shipped_drawings() -> np.ndarray:
    """Return the ten that come with the series: ``(10, 280, 280) uint8``, dark ink on white."""
    return np.stack([read_image(SHIPPED / f"{digit}.png") for digit in range(10)])


def own_drawings() -> tuple[dict[int, np.ndarray], list[str]]:
    """Read the learner's drawings.

    Returns
    -------
    drawings : dict
        By digit, each ``(280, 280) uint8``, dark ink on white. Digits that are not drawn yet are missing.
    problems : list of str
        A line for each file that cannot be read.
    """
    drawings, problems = {}, []
    for digit in range(10):
        path = ten_folder() / f"{digit}.png"
        if path in _unwritten:
            if (image := _unwritten[path]) is not None:
                drawings[digit] = image
        elif path.exists():
            try:
                drawings[digit] = fit(read_image(path))
            except DigitsError as error:
                problems.append(f"{error} The {digit} that came with the series takes its place.")
    return drawings, problems


def keep_drawing(digit: int, image: np.ndarray) -> str:
    """Keep a drawing in the learner's folder, or in memory if nothing can be written there.

    Parameters
    ----------
    digit
        What it shows, 0 to 9.
    image : (H, W) uint8 array
        0 = black, 255 = white. An image of one shade only takes the drawing away.

    Returns
    -------
    str
        Empty, or what is wrong with the folder.
    """
    path = ten_folder() / f"{digit}.png"
    blank = image.min() == image.max()
    try:
        if blank:
            path.unlink(missing_ok=True)
        else:
            with whole_file(path) as part:
                Image.fromarray(fit(image)).save(part, "png")
    except (DigitsError, OSError) as error:
        _unwritten[path] = None if blank else fit(image)
        reason = str(error) if isinstance(error, DigitsError) else f"{shown(path)} cannot be deleted."
        return f"{reason} Until then, your digits are kept as long as this kernel runs."
    _unwritten.pop(path, None)
    return ""


def fit(image: np.ndarray) -> np.ndarray:
    """Bring an image to the size of a drawing, on white where it is not square: ``(H, W) → (280, 280) uint8``."""
    height, width = image.shape
    if (height, width) == (SIDE, SIDE):
        return image
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(
        image, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=255
    )
    return cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR)
