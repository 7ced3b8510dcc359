"""From an image file to 28 × 28 arrays that look like MNIST's: the part of reading that needs no network.

Data flows one way, and each step can be called alone::

    file ── read_image ──► grey ── extract_ink ──► ink ── find_digits ──► boxes ── normalise_digit ──► 28 × 28

Nothing here imports TensorFlow. MNIST's own normalisation (a 20 × 20 box, then the centre of mass in the middle of
28 × 28) is described in LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86 (11), 1998.
"""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from utils.errors import DigitsError
from utils.paths import shown

#: The file name endings that are taken for images when a folder is read.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
MAX_MEGAPIXELS = 100
#: The side of an MNIST image, and of the box in it that holds the digit, in pixels.
SIDE, BOX = 28, 20

# The limit on the size is this module's own, with its own message.
Image.MAX_IMAGE_PIXELS = None


class Box(NamedTuple):
    """Where a digit is: left, top, width and height in pixels of the image."""

    x: int
    y: int
    w: int
    h: int


def list_images(paths: Iterable[str | os.PathLike]) -> list[Path]:
    """List the image files that paths name.

    Parameters
    ----------
    paths
        Files, taken as they are, and folders, of which the images are taken in the order of their names.

    Returns
    -------
    list of Path
        The files, in the order given.

    Raises
    ------
    DigitsError
        If a folder cannot be listed, or has no image in it.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not os.path.isdir(path):
            files.append(path)
            continue
        try:
            inside = sorted(path.iterdir())
        except OSError as error:
            raise DigitsError(f"{shown(path)} cannot be listed ({error.strerror}): check its permissions.") from error
        found = [
            file
            for file in inside
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and os.path.isfile(file)
        ]
        if not found:
            raise DigitsError(f"{shown(path)} has no image in it: put some there ({', '.join(sorted(SUFFIXES))}).")
        files += found
    return files


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image file as a person sees it, in grey.

    Parameters
    ----------
    path
        A PNG, JPEG, WebP, BMP, TIFF or GIF file. A photo's orientation mark is followed, what is transparent
        counts as white paper, and of several frames the first is taken.

    Returns
    -------
    (H, W) uint8 array
        0 = black, 255 = white.

    Raises
    ------
    DigitsError
        If the file is missing, empty, not an image, truncated, or above 100 megapixels.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise DigitsError(f"{shown(path)} is a folder: name an image in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise DigitsError(f"{shown(path)} is not a file: name an image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that cannot be read; the pixels are what counts
            with Image.open(path) as image:
                megapixels = image.width * image.height / 1e6
                if megapixels > MAX_MEGAPIXELS:
                    raise DigitsError(
                        f"{shown(path)} has {megapixels:.0f} megapixels: make it smaller than {MAX_MEGAPIXELS}."
                    )
                return _to_grey(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise DigitsError(f"{shown(path)} does not exist: check the name.") from error
    except UnidentifiedImageError as error:
        what = "is empty" if os.path.getsize(path) == 0 else "is not an image that can be read"
        raise DigitsError(f"{shown(path)} {what}: save it again as PNG or JPEG.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if getattr(error, "errno", None):  # from the system: no permission, a name that is too long
            raise DigitsError(
                f"{shown(path)} cannot be opened ({error.strerror}): check its name and rights."
            ) from error
        # From Pillow's decoders, on broken data.
        raise DigitsError(f"{shown(path)} is damaged ({error}): save it again as PNG or JPEG.") from error


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """Tell the ink from the paper, whichever of them is the darker.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.

    Returns
    -------
    (H, W) uint8 array
        0 = paper, 255 = ink, and the shades of the strokes' edges between them. All 0 if there is no ink.
    """
    light_paper = np.median(_frame(grey)) > _otsu(grey)
    ink = (255 - grey if light_paper else grey).astype(np.float32)
    ink = np.maximum(ink - _background(ink), 0)  # evens out shadows
    level = _otsu(np.clip(ink, 0, 255).astype(np.uint8))
    strokes = ink[ink > level]
    if len(strokes) == 0 or np.median(strokes) < 16:  # the grain of the paper, no stroke
        return np.zeros(grey.shape, np.uint8)
    # Half of the threshold becomes paper and a typical stroke becomes full ink.
    low, high = level / 2, np.median(strokes)
    return np.clip((ink - low) * 255 / max(high - low, 1), 0, 255).astype(np.uint8)


def find_digits(ink: np.ndarray) -> list[Box]:
    """Find the digits of one line.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink.

    Returns
    -------
    list of Box
        From left to right; empty if there is no ink. Strokes that stand above each other (the bar of a 5) are
        one digit, and specks are none.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats((ink > 127).astype(np.uint8), connectivity=8)
    parts = [(Box(*map(int, part[:4])), int(part[4])) for part in stats[1:]]
    if not parts:
        return []
    tallest = max(box.h for box, _ in parts)
    most = max(area for _, area in parts)
    boxes = sorted(box for box, area in parts if max(box.w, box.h) >= tallest / 5 and area >= most / 50)
    digits = boxes[:1]
    for box in boxes[1:]:
        last = digits[-1]
        shared = min(last.x + last.w, box.x + box.w) - box.x
        if shared > min(last.w, box.w) / 2:
            digits[-1] = _union(last, box)
        else:
            digits.append(box)
    return digits


def normalise_digit(ink: np.ndarray, box: Box | None = None) -> np.ndarray:
    """Bring one digit into the form of MNIST's images.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink.
    box
        Where the digit is; all of the ink by default.

    Returns
    -------
    (28, 28) uint8 array
        The digit with its longer side scaled to 20 pixels and its centre of mass on pixel (14, 14); 0 = background,
        255 = ink. All 0 if there is no ink.
    """
    if box is None:
        box = Box(*cv2.boundingRect((ink > 127).astype(np.uint8)))
    if box.w == 0 or box.h == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    digit = ink[box.y : box.y + box.h, box.x : box.x + box.w]
    scale = BOX / max(box.w, box.h)
    width, height = max(1, round(box.w * scale)), max(1, round(box.h * scale))
    digit = cv2.resize(digit, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    moments = cv2.moments(digit)
    mass = max(moments["m00"], 1)
    # MNIST's images have their centre of mass on pixel (14, 14), counted from 0 (notebook 02 measures it).
    left = SIDE / 2 - moments["m10"] / mass
    top = SIDE / 2 - moments["m01"] / mass
    left = int(np.clip(round(left), 0, SIDE - width))
    top = int(np.clip(round(top), 0, SIDE - height))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + height, left : left + width] = digit
    return image


def prepare_image(grey: np.ndarray) -> tuple[list[Box], np.ndarray]:
    """Take all the steps from a grey image to what a network reads.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.

    Returns
    -------
    boxes : list of Box
        Where the digits are, from left to right.
    images : (n, 28, 28) uint8 array
        The digits, in the form of MNIST's images.
    """
    ink = extract_ink(grey)
    boxes = find_digits(ink)
    images = [normalise_digit(ink, box) for box in boxes]
    return boxes, np.array(images, np.uint8).reshape(-1, SIDE, SIDE)


def scale_pixels(images: np.ndarray) -> np.ndarray:
    """Bring images into the form that the networks take.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        0 = background, 255 = ink.

    Returns
    -------
    (n, 28, 28, 1) float32 array
        In [0, 1].
    """
    return images[..., np.newaxis].astype("float32") / 255


def _to_grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more: Pillow would clip, not scale
        pixels = np.asarray(image, np.float64)
        top = 65535 if pixels.max() > 255 else 255
        return np.clip(pixels * 255 / top, 0, 255).round().astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("L"))


def _otsu(grey: np.ndarray) -> float:
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return level


def _frame(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _background(ink: np.ndarray) -> np.ndarray:
    height, width = ink.shape
    if max(height, width) < 100:  # too small for a photo: no shadow, but strokes as wide as one
        return np.full(ink.shape, np.median(_frame(ink)), np.float32)
    # A wide median, on a small copy: a stroke is narrow beside it and vanishes, a shadow is wide and stays.
    scale = min(1, 128 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA).round().astype(np.uint8)
    kernel = max(3, max(size) // 2 | 1)
    return cv2.resize(cv2.medianBlur(small, kernel), (width, height)).astype(np.float32)


def _union(a: Box, b: Box) -> Box:
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Box(x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y)
