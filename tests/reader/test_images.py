"""Without these, an image that a person brings is read as something else, or stops everything."""

import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.errors import DigitsError
from utils.reader import decoding
from utils.reader import images as module
from utils.reader.images import list_images, prepare_image, read_image


def test_reading_images_needs_no_tensorflow():
    """Importing TensorFlow takes seconds; looking at an image must not."""
    modules = "utils.reader.images, utils.networks.augment, utils.mnist, utils.plots"
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=module.__file__.rsplit("utils", 1)[0]).returncode == 0


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.webp", "a.gif", "a.heic"])
def test_kinds_of_files(save, draw, name):
    page = draw("7")
    assert np.abs(read_image(save(name, page)).astype(int) - page).mean() < 2


def test_colour_palette_transparency_and_16_bits(tmp_path, draw):
    """All of these hold the same drawing, and must be seen as the same."""
    page = draw("4")
    grey = Image.fromarray(page)
    blank = np.zeros_like(page)
    variants = {
        "rgb": grey.convert("RGB"),
        "palette": grey.quantize(256),
        "transparent": Image.fromarray(np.dstack([blank, blank, blank, 255 - page])),
        "grey and alpha": Image.fromarray(np.dstack([blank, 255 - page])),
        "16 bits": Image.fromarray(page.astype(np.uint16) * 257),
    }
    for name, image in variants.items():
        image.save(tmp_path / f"{name}.png")
        difference = np.abs(read_image(tmp_path / f"{name}.png").astype(int) - page).mean()
        assert difference < 2, name
    Image.fromarray(page > 127).save(tmp_path / "1 bit.png")
    assert set(np.unique(read_image(tmp_path / "1 bit.png"))) == {0, 255}


@pytest.mark.parametrize("bits", [2, 4])
def test_few_grey_levels(tmp_path, draw, bits):
    """Scanners save documents with 4 or 16 shades."""
    page = draw("2")
    few = Image.fromarray((page // 2 ** (8 - bits)).astype(np.uint8)).convert("P")
    few.putpalette([shade * 255 // (2**bits - 1) for shade in range(2**bits) for _ in "rgb"])
    few.save(tmp_path / "few.png", bits=bits)
    assert np.abs(read_image(tmp_path / "few.png").astype(int) - page).mean() < 255 / 2**bits


def test_an_interlaced_png_and_the_first_frame_of_a_gif(tmp_path, draw):
    """An animated or interlaced image, read wrongly, is a stack of strips or a mixture of frames."""
    page, other = draw("6"), draw("1")
    Image.fromarray(page).save(
        tmp_path / "moving.gif", save_all=True, append_images=[Image.fromarray(other)], duration=100
    )
    assert np.abs(read_image(tmp_path / "moving.gif").astype(int) - page).mean() < 2
    (tmp_path / "laced.png").write_bytes(interlaced(page))
    assert np.array_equal(read_image(tmp_path / "laced.png"), page)


def interlaced(page: np.ndarray) -> bytes:
    """Write a PNG in Adam7's seven passes, which Pillow reads but does not write."""
    height, width = page.shape
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + row.tobytes() for y, x, down, across in starts for row in page[y::down, x::across] if row.size
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_jpeg_for_print(tmp_path, draw):
    """Scans for print are CMYK; read as RGB they turn negative."""
    page = draw("9")
    Image.fromarray(page).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "print.jpg").astype(int) - page).mean() < 3


@pytest.mark.parametrize(
    ("pen", "paper"), [((255, 255, 150), (255, 255, 255)), ((0, 0, 130), (0, 0, 0)), ((255, 0, 0), (0, 130, 0))]
)
def test_ink_as_bright_as_its_paper(tmp_path, draw, pen, paper):
    """Yellow on white: a person sees it, and grey alone does not show it."""
    share = draw("2")[..., None] / 255
    page = (share * np.array(paper) + (1 - share) * np.array(pen)).astype(np.uint8)
    Image.fromarray(page).save(tmp_path / "pale.png")
    ((box, _, _),), _ = prepare_image(read_image(tmp_path / "pale.png"))
    assert box.h > 50


def test_light_ink_on_nothing_is_seen(tmp_path, draw):
    """White ink on a transparent ground, from a drawing program with a dark theme, vanishes on white paper."""
    page = draw("5")
    white = np.full_like(page, 255)
    Image.fromarray(np.dstack([white, white, white, 255 - page])).save(tmp_path / "light.png")
    assert np.array_equal(read_image(tmp_path / "light.png"), 255 - page)


def test_a_phone_s_photo_is_turned_upright(tmp_path, draw):
    """Phones save the picture as the sensor saw it and note how it was held."""
    page = draw("7")
    turned = Image.fromarray(np.rot90(page))
    exif = turned.getexif()
    exif[0x0112] = 6  # turn by 90° clockwise to view
    turned.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    assert np.abs(read_image(tmp_path / "photo.jpg").astype(int) - page).mean() < 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"Dear teacher, this is a text file.", "is not an image"),
        ("truncated", "is damaged"),
    ],
)
def test_files_that_are_no_images(tmp_path, save, draw, content, message):
    if content == "truncated":
        content = save("whole.png", draw("31415926")).read_bytes()
        content = content[: len(content) // 2]
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DigitsError, match=message) as caught:
        read_image(path)
    assert "bad.png" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.webp", "a.gif", "a.heic"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_half_an_image_is_no_image(save, draw, name, share):
    """A download that broke off must not be read: the digit in the missing half would be lost without a word."""
    path = save(name, draw("31415926"))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DigitsError, match="a[.]") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_damaged_data_are_no_image(save, draw, name):
    """Formats with checksums say so when a byte is not what it was; then the image must not be believed."""
    path = save(name, draw("31415926"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(DigitsError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (2, 2)])
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_the_smallest_images_are_read_as_nothing(save, shape, shade):
    path = save("tiny.png", np.full(shape, shade, np.uint8))
    boxes, images = prepare_image(read_image(path))
    assert boxes == []
    assert images.shape == (0, 28, 28)


def test_a_path_that_does_not_exist_and_a_folder(tmp_path):
    with pytest.raises(DigitsError, match="nowhere.png does not exist"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(DigitsError, match="is a folder"):
        read_image(tmp_path)


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """A few kilobytes can unpack to gigabytes and freeze the machine."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    monkeypatch.setattr(decoding, "_to_grey", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(DigitsError, match="has 400 megapixels"):
        read_image(tmp_path / "huge.png")


def test_folders_are_listed_in_order_and_only_images(tmp_path, draw, save):
    for name in ("b.png", "a.JPG", "c.jpeg"):
        save(name, draw("1"))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    assert [path.name for path in list_images([tmp_path])] == ["a.JPG", "b.png", "c.jpeg"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DigitsError, match="has no image in it"):
        list_images([empty])


def test_boxes_are_in_pixels_of_the_image(draw):
    """Large images are reduced and small ones enlarged on the way; a frame drawn by the box must still fit."""
    page = draw("4")
    ink = np.argwhere(page < 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    for scale in (0.2, 1, 15):
        grey = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ((box, _, _),), _ = prepare_image(grey)
        found = np.array([box.x, box.y, box.x + box.w, box.y + box.h])
        assert np.abs(found / scale - [left, top, right, bottom]).max() < 6
