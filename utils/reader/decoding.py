"""From an image file to grey pixels: what a stranger sends is decoded, or refused with one sentence.

Pillow's decoders are fast in C and trusting in Python: they follow a file's structure step by step, however many steps
there are, and raise whatever their code runs into. So the steps are counted, the sizes are looked at before any pixel
is decoded, and every exception of a decoder means the same: the file is damaged.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from utils.errors import DigitsError

#: The kinds that are opened, whatever a file's name says; Pillow knows more, some of which start other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "HEIF")
#: How many megapixels an image may have. Some kinds take more memory for each, or more time: see `_kind`.
MEGAPIXELS = {"WebP": 50, "CMYK": 75, "compressed BMP": 20}
MAX_MEGAPIXELS = 100
#: How long a side may be: more than any camera or scanner makes it, and all that JPEG can say.
LONGEST = 65_535
#: How often a decoder may read from the file until it knows the size, and until it has the pixels.
READS = 3_000, 1_000_000
#: In how many tiles or strips a TIFF may be cut.
TILES = 200_000
#: How often a progressive JPEG may go over its pixels, each time adding a little; usual are ten times.
SCANS = 50

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
# Some decoders make room for the image as soon as they know its size; Pillow refuses what has twice as many pixels.
Image.MAX_IMAGE_PIXELS = MAX_MEGAPIXELS * 500_000

#: What EXIF's orientation, 2 to 8, asks for.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: A marker of a JPEG file; between its scans' data, two bytes that look like one are none.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def decode(file: BinaryIO, name: str) -> np.ndarray:
    """Decode an image.

    Parameters
    ----------
    file
        The open file, or its bytes as one.
    name
        What to call it in an error.

    Returns
    -------
    (H, W) uint8 array
        0 = black, 255 = white: as a person sees it, see `utils.reader.images.read_image`.

    Raises
    ------
    DigitsError
        If it is empty, not an image, damaged, or too large.
    """
    source = _Counted(file, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that cannot be read; the pixels are what counts
            _check_tiles(file, name)
            with _open(source, file, name) as image:
                grey = _to_grey(image)
                turn = _find_turn(image)
                return grey if turn is None else np.array(Image.fromarray(grey).transpose(turn))
    except DigitsError:
        raise
    except UnidentifiedImageError as error:
        if file.seek(0, io.SEEK_END) == 0:
            what = "is empty"
        else:  # Pillow passes over a PNG file of which a part before the pixels is broken
            file.seek(0)
            what = "is damaged" if file.read(8) == b"\x89PNG\r\n\x1a\n" else "is not an image that can be read"
        raise DigitsError(f"{name} {what}: save it again as PNG or JPEG.") from error
    except Image.DecompressionBombError as error:
        megapixels = int(re.findall(r"\d+", str(error))[0]) / 1e6
        raise DigitsError(f"{name} has {megapixels:.0f} megapixels: make it smaller than {MAX_MEGAPIXELS}.") from error
    except MemoryError as error:
        raise DigitsError(f"{name} takes more memory than there is: make it smaller.") from error
    except Exception as error:  # whatever decoders run into, on broken data
        reason = " ".join(str(error).split()) or type(error).__name__
        if "MAX_TEXT" in reason:  # Pillow's own name for its limit
            reason = "a text in it is too long"
        raise DigitsError(f"{name} is damaged ({reason}): save it again as PNG or JPEG.") from error


class _Counted:
    """A file that gives up if it is read in too many small steps: some files are nothing else."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name, self._left = file, name, 0

    def allow(self, reads: int) -> None:
        self._left = reads

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise DigitsError(f"{self._name} is cut into more parts than any image: save it again as PNG or JPEG.")
        return self._file.read(size)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def _open(source: _Counted, file: BinaryIO, name: str) -> Image.Image:
    """Open an image whose pixels may be decoded."""
    source.allow(READS[0])
    image = Image.open(source, formats=FORMATS)
    _check_size(image, name)
    if image.format in ("JPEG", "MPO"):
        _check_scans(file, name)
    source.allow(READS[1])
    if image.format == "PNG":  # only this looks at the checksums of the pixels
        image.verify()
        source.allow(READS[1])
        image = Image.open(source, formats=FORMATS)
    return image


def _check_size(image: Image.Image, name: str) -> None:
    if max(image.size) > LONGEST:
        raise DigitsError(f"{name} is {max(image.size):,} pixels long: crop it to {LONGEST:,} at most.")
    megapixels, kind = image.width * image.height / 1e6, _kind(image)
    most = MEGAPIXELS.get(kind, MAX_MEGAPIXELS)
    if megapixels > most:
        advice = f", or save it as PNG or JPEG ({kind} takes more)" if most < megapixels <= MAX_MEGAPIXELS else ""
        raise DigitsError(f"{name} has {megapixels:.0f} megapixels: make it smaller than {most}{advice}.")


def _kind(image: Image.Image) -> str:
    if image.format == "WEBP":  # decoded as if it moved: three copies in colour
        return "WebP"
    if image.tile and image.tile[0].codec_name == "bmp_rle":  # Pillow's only decoder that is written in Python
        return "compressed BMP"
    return image.mode


def _check_tiles(file: BinaryIO, name: str) -> None:
    """Refuse a TIFF file with millions of tiles, which would be listed one by one."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or not {42, 43} & set(head[2:4]):
        return
    big = 43 in head[2:4]
    file.seek(*struct.unpack_from(f"{order}{'Q' if big else 'L'}", head, 8 if big else 4))
    (tags,) = struct.unpack(f"{order}{'Q' if big else 'H'}", file.read(8 if big else 2))
    for _ in range(min(tags, READS[0])):
        tag, _, count = struct.unpack(f"{order}{'HHQ8x' if big else 'HHL4x'}", file.read(20 if big else 12))
        if tag in (273, 324) and count > TILES:  # where the strips are, and the tiles
            raise DigitsError(f"{name} is cut into more parts than any image: save it again as PNG or JPEG.")


def _check_scans(file: BinaryIO, name: str) -> None:
    """Refuse a JPEG file that goes over its pixels again and again: a few bytes each time, and seconds of work."""
    file.seek(0)
    data, position, scans = file.read(), 2, 0
    for _ in range(READS[0]):
        match = _MARKER.search(data, position)
        if match is None or match[1] == b"\xd9":
            return
        position = match.end()
        if match[1] >= b"\xc0" and match[1] != b"\xd8":  # the others have no length
            position += max(2, int.from_bytes(data[position : position + 2]))
        scans += match[1] == b"\xda"
        if scans > SCANS:
            break
    raise DigitsError(f"{name} goes over its pixels more than {SCANS} times: save it again as PNG or JPEG.")


def _find_turn(image: Image.Image) -> Image.Transpose | None:
    """Read how the photo was held, and nothing else: other marks may be broken, and do not matter."""
    try:
        return _TURNS.get(image.getexif().get(0x0112))
    except Exception:
        return None


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
    rows = max(1, 2_500_000 // image.width)
    for row in range(0, image.height, rows):
        yield row, image.crop((0, row, image.width, min(row + rows, image.height)))


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
