"""From an image file to 28 × 28 arrays that look like MNIST's: the part of reading that needs no network.

Data flows one way, and each step can be called alone::

    file ── read_image ──► grey ── extract_ink ──► ink ── find_digits ──► digits ── normalise_digit ──► 28 × 28

Files are read here; the other steps have modules of their own. None of them imports TensorFlow.
"""

import io
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import ROOT, from_root, shown
from utils.reader.ink import extract_ink
from utils.reader.normalise import normalise_digit
from utils.reader.pieces import Judge
from utils.reader.segmentation import Found, find_digits

#: The file name endings that are taken for images when a folder is read.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif"})
MAX_MEGAPIXELS = 100
#: The kinds that are opened, whatever a file's name says; Pillow knows more, some of which start other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "HEIF")

pillow_heif.register_heif_opener()
# The limit on the size is this module's own, with its own message.
Image.MAX_IMAGE_PIXELS = None


def digits_folder() -> Path:
    """Return the folder of images to read: ``DIGITS_PATH`` if it is set, ``digits/`` otherwise."""
    return from_root(os.environ.get("DIGITS_PATH") or "digits")


def shipped_digits() -> Path:
    """Return the folder of images that comes with the series, for examples; a learner's own may be elsewhere."""
    return ROOT / "digits"


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
            if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and os.path.isfile(file)
        ]
        if not found:
            raise DigitsError(
                f"{shown(path)} has no image in it: put some there ({', '.join(sorted(IMAGE_SUFFIXES))})."
            )
        files += found
    return files


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
        If the file is missing, empty, not an image, truncated, or above 100 megapixels.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise DigitsError(f"{shown(path)} is a folder: name an image in it.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise DigitsError(f"{shown(path)} is not a file: name an image.")
    return _decode(path, shown(path))


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
    return _decode(io.BytesIO(data), name)


def _decode(source: Path | io.BytesIO, name: str) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that cannot be read; the pixels are what counts
            with Image.open(source, formats=FORMATS) as image:
                megapixels = image.width * image.height / 1e6
                if megapixels > MAX_MEGAPIXELS:
                    raise DigitsError(f"{name} has {megapixels:.0f} megapixels: make it smaller than {MAX_MEGAPIXELS}.")
                ImageOps.exif_transpose(image, in_place=True)
                return _to_grey(image)
    except FileNotFoundError as error:
        raise DigitsError(f"{name} does not exist: check the name.") from error
    except UnidentifiedImageError as error:
        size = os.path.getsize(source) if isinstance(source, Path) else source.getbuffer().nbytes
        what = "is empty" if size == 0 else "is not an image that can be read"
        raise DigitsError(f"{name} {what}: save it again as PNG or JPEG.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if getattr(error, "errno", None):  # from the system: no permission, a name that is too long
            raise DigitsError(f"{name} cannot be opened ({error.strerror}): check its name and rights.") from error
        reason = " ".join(str(error).split())  # from the decoders, on broken data, in a line or in several
        raise DigitsError(f"{name} is damaged ({reason}): save it again as PNG or JPEG.") from error


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
    ink = extract_ink(grey)
    found = find_digits(ink, judge)
    images = [normalise_digit(digit.ink) for digit in found]
    scale = grey.shape[0] / max(ink.shape[0], 1), grey.shape[1] / max(ink.shape[1], 1)
    digits = [digit._replace(box=digit.box.scaled(*scale)) for digit in found]
    return digits, np.array(images, np.uint8).reshape(-1, SIDE, SIDE)


def _to_grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more: Pillow would clip, not scale
        strips = [np.nan_to_num(np.asarray(strip, np.float32)).max(initial=0) for _, strip in _strips(image)]
        top = 1 if image.mode == "F" and max(strips) <= 1 else 255 if max(strips) <= 255 else 65535
        grey = np.empty((image.height, image.width), np.uint8)
        for row, strip in _strips(image):
            pixels = np.nan_to_num(np.asarray(strip, np.float32))
            grey[row : row + strip.height] = np.clip(pixels * np.float32(255 / top) + 0.5, 0, 255)
        return grey
    if image.has_transparency_data:
        paper, flat = _paper_below(image), Image.new("RGB", image.size)
        for row, strip in _strips(image):
            strip = strip.convert("RGBA")
            flat.paste(Image.alpha_composite(Image.new("RGBA", strip.size, paper), strip).convert("RGB"), (0, row))
        image = flat
    grey = np.array(image.convert("L"))
    if image.mode in ("L", "1", "LA"):
        return grey
    # Ink that is as bright as its paper, such as yellow on white, shows in one of the colours.
    image = image if image.mode == "RGB" else image.convert("RGB")
    few = np.array(image.resize((min(image.width, 300), min(image.height, 300)), Image.Resampling.NEAREST), np.float32)
    spreads = [_spread(few[..., index]) for index in range(3)]
    if _spread(few @ np.float32([0.299, 0.587, 0.114])) < 0.4 * max(spreads):
        return np.array(image.getchannel(int(np.argmax(spreads))))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Cut an image into strips with the numbers of their first rows: the whole, converted, might not fit the memory."""
    for row in range(0, image.height, 256):
        yield row, image.crop((0, row, image.width, min(row + 256, image.height)))


def _spread(channel: np.ndarray) -> float:
    """Measure how far the pixels lie from those at the border: the most distant of a hundred."""
    border = np.concatenate([channel[0], channel[-1], channel[:, 0], channel[:, -1]])
    return float(np.percentile(np.abs(channel - np.median(border)), 99))


def _paper_below(image: Image.Image) -> str:
    """Choose what a transparent image lies on: black, if there is little but light ink on it."""
    image = image.resize((min(image.width, 1000), min(image.height, 1000)), Image.Resampling.NEAREST).convert("RGBA")
    grey, alpha = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
    opaque = alpha > 127
    light_ink = 0 < opaque.mean() < 0.5 and grey[opaque].mean() > 200
    return "black" if light_ink else "white"
