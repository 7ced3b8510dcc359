"""From an image file to 28 × 28 arrays that look like MNIST's: the part of reading that needs no network.

Data flows one way, and each step can be called alone::

    file ── read_image ──► grey ── lift_sheet ──► sheet ── extract_ink ──► ink ── find_digits ──► digits
    digits ── normalise_digit ──► 28 × 28

Files are found and opened here; the other steps have modules of their own. None of them imports TensorFlow.
"""

import glob
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import ROOT, from_root, shown
from utils.reader.decoding import decode
from utils.reader.halftone import undo_dithering
from utils.reader.ink import extract_ink
from utils.reader.normalise import normalise_digit
from utils.reader.paper import find_sheet, lift_sheet
from utils.reader.pieces import Box, Judge
from utils.reader.segmentation import Found, find_digits
from utils.reader.turning import find_turn, turn_back

#: The file name endings that are taken for images when a folder is read.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif"})


def digits_folder() -> Path:
    """Return the folder of images to read: ``DIGITS_PATH`` if it is set, ``digits/`` otherwise."""
    return from_root(os.environ.get("DIGITS_PATH") or "digits")


def shipped_digits() -> Path:
    """Return the folder of images that comes with the series, for examples; a learner's own may be elsewhere."""
    return ROOT / "digits"


def is_image(path: Path) -> bool:
    """Say whether a file that is found in a folder is taken for an image, by its name; what is hidden is not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not any(part.startswith(".") for part in path.parts)


def list_images(paths: Iterable[str | os.PathLike]) -> list[Path]:
    """List the image files that paths name.

    Parameters
    ----------
    paths
        Files, taken as they are; folders, of which the images are taken in the order of their names, or those of the
        folders below if it has none itself; and patterns such as ``digits/*.png``, which not every shell replaces.

    Returns
    -------
    list of Path
        The files, in the order given.

    Raises
    ------
    DigitsError
        If a folder cannot be listed, or has no image in it, or no file matches a pattern.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if os.path.isdir(path):
            files += _list_folder(path)
        elif os.path.lexists(path) or not glob.has_magic(str(path)):
            files.append(path)
        elif matching := sorted(glob.glob(str(path), recursive=True)):
            files += _list_matching(matching)
        else:
            raise DigitsError(f"{shown(path)} matches no file: check the name.")
    return files


def _list_matching(paths: list[str]) -> list[Path]:
    """List the images that a pattern has found, each once; a folder without one is passed over, if others have some."""
    files: dict[Path, None] = {}
    problem = None
    for path in paths:
        try:
            files.update(dict.fromkeys(list_images([path])))
        except DigitsError as error:
            problem = error
    if problem is not None and not files:
        raise problem
    return list(files)


def _list_folder(folder: Path) -> list[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise DigitsError(f"{shown(folder)} cannot be listed ({error.strerror}): check its permissions.") from error
    below = (Path(place) / file for place, _, names in os.walk(folder) for file in names)
    for files in (inside, below):
        found = sorted(file for file in files if is_image(file.relative_to(folder)) and os.path.isfile(file))
        if found:
            return found
    raise DigitsError(f"{shown(folder)} has no image in it: put some there ({', '.join(sorted(IMAGE_SUFFIXES))}).")


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image file as a person sees it, in grey.

    Parameters
    ----------
    path
        A PNG, JPEG, WebP, BMP, TIFF, GIF or HEIC file. A photo's orientation mark is followed, what is transparent
        counts as paper, and of several frames the first is taken.

    Returns
    -------
    (H, W) uint8 array
        0 = black, 255 = white.

    Raises
    ------
    DigitsError
        If the file is missing, empty, not an image, damaged, or larger than `utils.reader.decoding` allows.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise DigitsError(f"{shown(path)} is a folder: name an image in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise DigitsError(f"{shown(path)} is not a file: name an image.")
    try:
        with path.open("rb") as file:
            return decode(file, shown(path))
    except FileNotFoundError as error:
        raise DigitsError(f"{shown(path)} does not exist: check the name.") from error
    except (OSError, ValueError) as error:  # no permission, a name that is too long or holds a zero byte
        reason = getattr(error, "strerror", None) or error
        raise DigitsError(f"{shown(path)} cannot be opened ({reason}): check its name and rights.") from error


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Read an image that came over a wire, as `read_image` reads a file.

    Parameters
    ----------
    data
        What would be in the file.
    name
        What to call it in an error.

    Returns
    -------
    (H, W) uint8 array
        As of `read_image`, which says what is refused, too.
    """
    return decode(io.BytesIO(data), name)


class Prepared(NamedTuple):
    """An image's digits, ready for a network.

    Attributes
    ----------
    digits : list of Found
        In reading order, their boxes in pixels of the image.
    images : (n, 28, 28) uint8 array
        The digits, in the form of MNIST's images.
    turn
        By how many degrees counterclockwise the page was turned to be read: 0, 90, 180 or 270.
    """

    digits: list[Found]
    images: np.ndarray
    turn: int = 0


def prepare_image(grey: np.ndarray, judge: Judge | None = None) -> tuple[list[Found], np.ndarray]:
    """Take all the steps from a grey image to what a network reads.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.
    judge
        Decides what `utils.reader.segmentation.find_digits` cannot see from the geometry alone.

    Returns
    -------
    digits : list of Found
        In reading order, their boxes in pixels of ``grey``.
    images : (n, 28, 28) uint8 array
        The digits, in the form of MNIST's images.
    """
    return prepare_page(grey, judge)[:2]


def prepare_page(
    grey: np.ndarray, judge: Judge | None = None, read: Callable[[np.ndarray], np.ndarray] | None = None
) -> Prepared:
    """Do what `prepare_image` does, and say how the page lay.

    Parameters
    ----------
    grey, judge
        As of `prepare_image`.
    read
        Gives of images, ``(n, 28, 28) uint8``, the probability of each digit, ``(n, 10)``; with it, the page may lie on
        its side or upside down.

    Returns
    -------
    Prepared
        The digits, their images, and the turn.
    """
    grey = undo_dithering(grey)  # before it is taken for a rough table
    sheet = lift_sheet(grey, find_sheet(grey))
    ink = extract_ink(sheet.grey)
    turn = find_turn(ink, read) if read else 0
    page = Prepared(*_find_and_normalise(np.ascontiguousarray(np.rot90(ink, turn)), judge), 90 * turn)
    scale = sheet.grey.shape[0] / max(ink.shape[0], 1), sheet.grey.shape[1] / max(ink.shape[1], 1)

    def locate(box: Box) -> Box:
        return sheet.locate(turn_back(box, page.turn // 90, ink.shape).scaled(*scale))

    return page._replace(digits=[digit._replace(box=locate(digit.box)) for digit in page.digits])


def _find_and_normalise(ink: np.ndarray, judge: Judge | None) -> tuple[list[Found], np.ndarray]:
    found = find_digits(ink, judge)
    images = [normalise_digit(digit.ink) for digit in found]
    return found, np.array(images, np.uint8).reshape(-1, SIDE, SIDE)
