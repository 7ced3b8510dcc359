"""Without these, an image that a person brings is read as something else, or stops everything."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from utils import images as module
from utils.errors import DigitsError
from utils.images import Box, extract_ink, find_digits, list_images, normalise_digit, prepare_image, read_image


def test_reading_images_needs_no_tensorflow():
    """Importing TensorFlow takes seconds; looking at an image must not."""
    code = "import sys, utils.images, utils.mnist, utils.plots; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=module.__file__.rsplit("utils", 1)[0]).returncode == 0


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.webp", "a.gif"])
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


def test_a_path_that_does_not_exist_and_a_folder(tmp_path):
    with pytest.raises(DigitsError, match="nowhere.png does not exist"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(DigitsError, match="is a folder"):
        read_image(tmp_path)


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """A few kilobytes can unpack to gigabytes and freeze the machine."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    monkeypatch.setattr(module, "_to_grey", lambda image: pytest.fail("it was decoded"))
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


@pytest.mark.parametrize("invert", [False, True])
def test_ink_is_found_whichever_is_the_darker(draw, invert):
    page = draw("5")
    ink = extract_ink(255 - page if invert else page)
    assert ink.max() == 255
    assert np.mean((ink > 127) == (page < 128)) > 0.99


def test_two_values_only(draw):
    """A drawing of 28 × 28 pixels without shades, light on dark, was once taken for an empty page."""
    page = cv2.resize(draw("7"), (28, 28), interpolation=cv2.INTER_NEAREST) > 127
    for image in (page, ~page):
        ink = extract_ink(image.astype(np.uint8) * 255)
        assert np.array_equal(ink > 127, ~page)


def test_a_shadow_is_no_ink(draw):
    """The usual photo: one side is half as bright as the other."""
    page = draw("31")
    light = np.linspace(1, 0.45, page.shape[1])
    ink = extract_ink((page * light).astype(np.uint8))
    assert np.mean((ink > 127) == (page < 128)) > 0.98


@pytest.mark.parametrize("shape", [(60, 80), (1, 1), (1, 300)])
@pytest.mark.parametrize("shade", [0, 200, 255])
def test_an_empty_page_has_no_digit(shape, shade):
    boxes, images = prepare_image(np.full(shape, shade, np.uint8))
    assert boxes == []
    assert images.shape == (0, 28, 28)


def test_the_grain_of_paper_is_no_digit():
    rng = np.random.default_rng(0)
    boxes, _ = prepare_image(rng.normal(230, 3, (200, 300)).clip(0, 255).astype(np.uint8))
    assert boxes == []


def test_digits_are_found_from_left_to_right(draw):
    page = draw("1234567")
    boxes = find_digits(extract_ink(page))
    assert len(boxes) == 7
    assert boxes == sorted(boxes)
    for index, box in enumerate(boxes):
        assert abs(box.x + box.w / 2 - (60 + 100 * index)) < 30


def test_a_stroke_above_belongs_to_its_digit_and_a_speck_does_not():
    """The bar of a 5, drawn without touching; and a crumb on the scanner."""
    ink = np.zeros((100, 100), np.uint8)
    cv2.ellipse(ink, (45, 65), (18, 20), 0, -120, 120, 255, 6)
    cv2.line(ink, (35, 30), (65, 28), 255, 6)
    ink[10:12, 90:92] = 255
    (box,) = find_digits(ink)
    assert box.y < 30
    assert box.x + box.w < 80


def test_normalised_as_mnist_was(draw):
    """Each digit has 20 pixels at its longer side and its centre of mass on pixel (14, 14)."""
    for digit in "0123456789":
        image = normalise_digit(extract_ink(draw(digit, pen=14)))
        _x, _y, w, h = cv2.boundingRect(image)
        assert max(w, h) == 20
        moments = cv2.moments(image)
        column, row = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        assert abs(column - 14) <= 0.5
        assert abs(row - 14) <= 0.5


def test_mnist_itself_is_hardly_changed(sample):
    """What the preparation makes of an MNIST digit, drawn large, must be that digit in its place."""
    overlaps = []
    for image in sample.x_test[::10]:
        ink = extract_ink(cv2.resize(255 - image, (280, 280), interpolation=cv2.INTER_LINEAR))
        overlaps.append(np.corrcoef(normalise_digit(ink).ravel(), image.ravel())[0, 1])
    assert np.median(overlaps) > 0.95  # not all: a hair's breadth decides to which pixel the centre is rounded


@pytest.mark.parametrize("box", [Box(3, 4, 1, 1), Box(0, 0, 1, 60), Box(2, 2, 60, 1)])
def test_the_thinnest_strokes(box):
    ink = np.zeros((64, 64), np.uint8)
    ink[box.y : box.y + box.h, box.x : box.x + box.w] = 255
    image = normalise_digit(ink, box)
    assert image.shape == (28, 28)
    assert image.max() > 0
