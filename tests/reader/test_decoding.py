"""Without these, a file from a stranger stops the reader, holds it for minutes, or is read as what it is not."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from utils.errors import DigitsError
from utils.reader import decoding
from utils.reader.images import decode_image


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=8, height=8, depth=8, color=0, data=None, before=b"", after=b"", end=None) -> bytes:
    """A PNG file from its parts, valid or not."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(color, 1)
    row = b"\0" + b"\xc3" * max(1, width * channels * depth // 8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(row * height)) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + (chunk(b"IEND") if end is None else end)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(*tags: tuple[int, int, bytes], order: str = "<") -> bytes:
    """EXIF with tags of any type: each its number, its type, and the four bytes of its value."""
    entries = b"".join(struct.pack(f"{order}HHL4s", tag, kind, 1, value) for tag, kind, value in tags)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}LH", 8, len(tags))
    return b"Exif\0\0" + start + entries + bytes(4)


#: Turned by a quarter, and with a tag that should be of another type.
TURN = (0x112, 3, b"\6\0\0\0")
BROKEN_EXIF = {
    "0x111 as a float": exif(TURN, (0x111, 11, b"\0\0\x80?")),
    "0xa005 as bytes": exif(TURN, (0xA005, 7, b"abcd")),
    "0x10e as a float": exif(TURN, (0x10E, 11, b"\0\0\x80?")),
    "cut off": exif(TURN, (0x111, 4, b"\0\0\0\0"))[:30],
    "an orientation that is text": exif((0x112, 2, b"six\0")),
    "an orientation that is not there": exif((0x112, 3, b"\x63\0\0\0")),
}


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    """All kinds of files that are read, in the modes that people have."""
    rng = np.random.default_rng(0)
    grey = Image.fromarray(np.kron(rng.integers(0, 256, (6, 8)), np.ones((4, 4))).astype(np.uint8))
    colour, see_through = grey.convert("RGB"), grey.convert("LA")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    files = {
        "grey png": saved(grey, "PNG"),
        "1-bit png": saved(grey.convert("1"), "PNG"),
        "palette png": saved(grey.quantize(16), "PNG", transparency=3),
        "16-bit png": saved(deep, "PNG"),
        "see-through png": saved(see_through, "PNG"),
        "rgba png": saved(see_through.convert("RGBA"), "PNG"),
        "moving png": saved(colour, "PNG", save_all=True, append_images=[colour.rotate(90)]),
        "turned png": saved(colour, "PNG", exif=exif(TURN)),
        "grey jpeg": saved(grey, "JPEG"),
        "progressive jpeg": saved(colour, "JPEG", progressive=True),
        "jpeg for print": saved(colour.convert("CMYK"), "JPEG"),
        "turned jpeg": saved(colour, "JPEG", exif=exif(TURN)),
        "two jpegs": saved(colour, "MPO", save_all=True, append_images=[colour]),
        "webp": saved(colour, "WEBP"),
        "lossless webp": saved(see_through.convert("RGBA"), "WEBP", lossless=True),
        "moving webp": saved(colour, "WEBP", save_all=True, append_images=[colour.rotate(90)]),
        "bmp": saved(colour, "BMP"),
        "1-bit bmp": saved(grey.convert("1"), "BMP"),
        "palette bmp": saved(grey.quantize(16), "BMP"),
        "gif": saved(grey, "GIF", comment=b"a comment"),
        "moving gif": saved(grey, "GIF", save_all=True, append_images=[grey.rotate(90)], disposal=2, transparency=1),
        "heic": saved(colour, "HEIF"),
        "turned heic": saved(colour, "HEIF", exif=exif(TURN)),
        "plain tiff": saved(colour, "TIFF"),
        "fax tiff": saved(grey.convert("1"), "TIFF", compression="group4"),
        "float tiff": saved(grey.convert("F"), "TIFF"),
        "16-bit tiff": saved(deep, "TIFF", compression="tiff_lzw"),
        "two tiffs": saved(grey, "TIFF", save_all=True, append_images=[grey], compression="tiff_adobe_deflate"),
    }
    for kind in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        files[f"{kind} tiff"] = saved(colour, "TIFF", compression=kind)
    return files | {f"jpeg with {name}": saved(colour, "JPEG", exif=data) for name, data in BROKEN_EXIF.items()}


def spoiled(data: bytes, rng: random.Random) -> bytes:
    """Change a file as transfers, disks and strangers do."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not data:
            break
        at, size = rng.randrange(len(data)), rng.randrange(1, 30)
        match rng.randrange(7):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice((0, 1, 127, 128, 255))
            case 2:
                data[at : at + size] = rng.randbytes(size)
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[max(0, at - size) : at] or b"\0"
            case 5:
                other = rng.randrange(len(data))
                data[at : at + size], data[other : other + size] = data[other : other + size], data[at : at + size]
            case 6:
                del data[max(at, 4) :]
    if data[1:4] == b"PNG" and rng.random() < 0.7:  # with the right checksums, more is looked at than those
        return b"".join(with_checksums(bytes(data)))
    return bytes(data) or b"\0"


def with_checksums(data: bytes) -> Iterator[bytes]:
    yield data[:8]
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        yield data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length


def read_or_refuse(data: bytes, name: str) -> str:
    """Read a file and return "read", or the line that refuses it."""
    try:
        grey = decode_image(data, "a file")
    except DigitsError as error:
        line = str(error)
        assert line.startswith("a file "), name
        assert line.isprintable(), name
        return line
    assert (grey.dtype, grey.ndim) == (np.uint8, 2), name
    return "read"


def test_the_corpus_itself_is_read(corpus):
    assert {name: read_or_refuse(data, name) for name, data in corpus.items()} == dict.fromkeys(corpus, "read")


@pytest.mark.parametrize("seed", range(4))
def test_no_exception_of_a_decoder_escapes(corpus, seed):
    """One bad file among a class's would take the others' answers along, and the service would say 500."""
    rng = random.Random(seed)
    outcomes = {read_or_refuse(spoiled(data, rng), name) for name, data in corpus.items() for _ in range(6)}
    assert len(outcomes) > 20  # in many ways, not always in the first lines


ODD = {
    "palette png without a palette": png(color=3),
    "png that ends after its head": png(data=b"", end=b""),
    "empty chunk of pixels": png(data=chunk(b"IDAT")),
    "head that is too short": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0"),
}


@pytest.mark.parametrize("name", ODD)
def test_files_that_once_ended_in_a_traceback(name):
    assert "is damaged" in read_or_refuse(ODD[name], name) or "is not an image" in read_or_refuse(ODD[name], name)


@pytest.mark.parametrize("name", BROKEN_EXIF)
def test_a_photo_with_broken_marks_is_read_and_turned(name):
    """The pixels are whole; and how it was held is known, unless that mark is the broken one."""
    page = Image.fromarray(np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1)))
    grey = decode_image(saved(page, "JPEG", exif=BROKEN_EXIF[name]), "a photo")
    assert grey.shape == ((32, 48) if "orientation" in name else (48, 32))


HEAD = b"\x89PNG\r\n\x1a\n"
FLIPPED = chunk(b"IDAT", zlib.compress((b"\0" + b"\xc3" * 8) * 8))
CORRUPT = {
    "first byte of the signature": b"\x09" + png()[1:],
    "second byte": png().replace(b"\x89PNG", b"\x89QNG"),
    "small letters": png().replace(b"\x89PNG", b"\x89Png"),
    "seventh byte": png().replace(b"\x1a", b" ", 1),
    "a return added": png().replace(HEAD, b"\x89PNG\r\r\n\x1a\n"),
    "a return taken away": png().replace(HEAD, b"\x89PNG\n\x1a\n"),
    "checksum of the head": png()[:29] + b"\0\0\0\0" + png()[33:],
    "checksum of the pixels": png(data=FLIPPED[:-4] + b"\0\0\0\0"),
    "colour type 1": png(color=1),
    "colour type 9": png(color=9),
    "0 bits": png(depth=0, color=2),
    "3 bits": png(depth=3, color=2),
    "99 bits": png(depth=99, color=2),
    "no pixels": png(data=b""),
}


@pytest.mark.parametrize("name", CORRUPT)
def test_a_corrupt_png_is_refused(name):
    """The fourteen kinds of PngSuite; whoever draws a 1 and gets a 7 for it would never know."""
    assert read_or_refuse(CORRUPT[name], name) != "read"
    assert read_or_refuse(png(), "whole") == "read"


def test_a_flipped_bit_in_a_png_is_noticed(corpus):
    """Disks and cheap memory sticks flip one; every part of a PNG has a checksum against that."""
    rng = random.Random(0)
    whole = corpus["grey png"]
    for _ in range(300):
        data = bytearray(whole)
        data[rng.randrange(len(data) - 12)] ^= 1 << rng.randrange(8)  # what follows is the end's own mark
        assert read_or_refuse(bytes(data), "flipped") != "read"


def test_what_follows_the_end_of_an_image_does_not_matter(corpus):
    """Phones put films behind their photos, and mail programs line breaks."""
    for name in ("grey png", "turned jpeg", "gif"):
        assert read_or_refuse(corpus[name] + b"\r\n" + bytes(1000), name) == "read"


def repeated_scans(times: int) -> bytes:
    """A progressive JPEG that goes over its pixels again and again; the thumbnail in its marks has scans of its own."""
    thumbnail = saved(Image.new("L", (8, 8)), "JPEG") * 60
    whole = saved(Image.new("L", (64, 64), 200), "JPEG", progressive=True, exif=b"Exif\0\0" + thumbnail)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * times + b"\xff\xd9"


GIF = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0)
JPEG = saved(Image.new("L", (8, 8)), "JPEG")


def tiled(tiles: int, big: bool = False) -> bytes:
    """A TIFF of so many tiles of one pixel."""
    tags = ((256, 4, 1, 900), (257, 4, 1, 900), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1))
    tags += ((322, 4, 1, 1), (323, 4, 1, 1), (324, 4, tiles, 200))
    entries = b"".join(struct.pack("<HHQQ" if big else "<HHLL", *tag) for tag in tags)
    head = (
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(tags)) if big else b"II*\0" + struct.pack("<LH", 8, len(tags))
    )
    return (head + entries + bytes(8)).ljust(200, b"\0") + bytes(4 * tiles)


#: Each holds a decoder for long, though it is small: here as small as shows it.
ENDLESS = {
    "scans": (repeated_scans(100), "goes over its pixels more than 50 times"),
    "chunks before the pixels": (png(before=chunk(b"prVt") * 2000), "is cut into more parts"),
    "marks of a photo": (JPEG[:2] + (b"\xff\xe1\0\x0cExif\0\0more") * 2000 + JPEG[2:], "is cut into more parts"),
    "filling": (JPEG[:2] + b"\xff" * 5000 + JPEG[2:], "is cut into more parts"),
    "comments": (GIF + b"!\xfe" + b"\x01a" * 5000 + b"\0;", "is cut into more parts"),
    "tiles": (tiled(200_001), "is cut into more parts"),
    "tiles, 64 bits": (tiled(200_001, big=True), "is cut into more parts"),
    "extensions": (GIF + b"!\xfe\0" * 5000 + b";", "is cut into more parts"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_small_files_that_would_hold_the_reader(name):
    """One such upload kept everyone else waiting, and the service said that it was well."""
    data, message = ENDLESS[name]
    assert message in read_or_refuse(data, name)


def test_usual_scans_are_read():
    assert read_or_refuse(repeated_scans(20), "twenty more than usual") == "read"


@pytest.mark.parametrize(
    ("image", "kind", "message"),
    [
        (Image.new("1", (70_000, 1)), "PNG", "is 70,000 pixels long: crop it to 65,535 at most"),
        (Image.new("1", (1, 70_000)), "PNG", "is 70,000 pixels long"),
        (Image.new("L", (3000, 1000)), "WEBP", "has 3 megapixels: make it smaller than 1, or save it as PNG or JPEG"),
        (Image.new("CMYK", (3000, 1000)), "JPEG", "has 3 megapixels: make it smaller than 1, or save it as PNG"),
        (Image.new("1", (11_000, 11_000)), "PNG", "has 121 megapixels: make it smaller than 100."),
    ],
)  # fmt: skip
def test_what_would_take_more_memory_than_is_stated(image, kind, message, monkeypatch):
    """A long strip of a few kilobytes took two gigabytes, and a machine that has less kills the whole service."""
    data = saved(image, kind)
    monkeypatch.setattr(decoding, "MEGAPIXELS", dict.fromkeys(decoding.MEGAPIXELS, 1))  # to be quick
    monkeypatch.setattr(decoding, "_to_grey", lambda image: pytest.fail("it was decoded"))
    assert message in read_or_refuse(data, kind)


def test_a_frame_of_a_gif_that_is_larger_than_its_head_says():
    """Its memory is taken as soon as the file is opened."""
    frame = b"!\xf9\x04\x09\0\0\0\0," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x4c\x01\0;"
    assert "has 3600 megapixels" in read_or_refuse(GIF + frame, "frame")


def test_too_little_memory_is_said(monkeypatch):
    """Nobody finds it out from "is damaged"."""

    def full(image):
        raise MemoryError

    monkeypatch.setattr(decoding, "_to_grey", full)
    assert read_or_refuse(png(), "png") == "a file takes more memory than there is: make it smaller."


def test_what_is_wrong_with_the_text_in_a_png_is_said():
    """It was no image at all, by a wrong checksum of a comment, or damaged by a name out of Pillow's code."""
    comment = chunk(b"tEXt", b"Comment\0old").replace(b"old", b"new")
    with pytest.raises(DigitsError, match=r"^a\.png is damaged: save"):
        decode_image(png(before=comment), "a.png")
    long = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(5_000_000)))
    with pytest.raises(DigitsError, match=r"^a\.png is damaged \(a text in it is too long\): save"):
        decode_image(png(before=long), "a.png")
    with pytest.raises(DigitsError, match=r"^a\.png is not an image"):
        decode_image(b"hello", "a.png")
