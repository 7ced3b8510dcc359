"""Without these, what lies around the sheet is read, and what is written on it is not."""

import cv2
import numpy as np
import pytest

from utils.reader.images import prepare_image
from utils.reader.paper import find_sheet, lift_sheet
from utils.reader.pieces import Box

#: Where the sheet of `page` is put: askew and at a slant; and so near that a corner or a side is not in the image.
ASKEW = [(150, 90), (790, 170), (700, 610), (90, 530)]
CUT = {
    "a corner outside": [(150, 90), (1010, 190), (840, 660), (60, 560)],
    "a side outside": [(-160, 90), (760, 60), (790, 590), (-120, 600)],
    "two sides outside": [(-160, -90), (760, -40), (720, 590), (-200, 560)],
}


def desk(kind: str, shape: tuple[int, int] = (700, 900)) -> np.ndarray:
    """What a sheet lies on, (H, W) float32: its shades, and its grain."""
    rng = np.random.default_rng(4)

    def grain(across: float, down: float) -> np.ndarray:
        rough = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), across, sigmaY=down)
        return rough / rough.std()

    if kind == "leather":  # the lamp is mirrored in it
        y, x = np.mgrid[: shape[0], : shape[1]]
        lamp = np.exp(-((x - 250) ** 2 + (y - 40) ** 2) / 200**2)
        return (35 + 70 * lamp) * (1 + 0.25 * grain(2, 2))
    if kind == "wood":
        boards = np.where(np.arange(shape[1]) % 170 < 4, 0.6, 1)
        return 130 * boards * (1 + 0.12 * grain(60, 2))
    if kind == "cloth":
        y, x = np.mgrid[: shape[0], : shape[1]]
        return 100 + 30 * np.sign(np.sin((x + 0.3 * y) / 8)) + 15 * np.sign(np.sin(y / 8))
    return {"even": 60, "light": 240}[kind] + 3 * grain(5, 5)


def photo_of(page: np.ndarray, corners: list[tuple[int, int]], ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay a page on a desk, under a lamp at the left; return the photo, and the homography from page to photo."""
    height, width = page.shape
    ends = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    there = cv2.getPerspectiveTransform(ends, np.float32(corners))
    size = ground.shape[::-1]
    laid = cv2.warpPerspective(page.astype(np.float32), there, size, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpPerspective(np.ones(page.shape, np.float32), there, size)
    shadow = 1 - 0.25 * cv2.GaussianBlur(share, (0, 0), 4)
    photo = (share * laid + (1 - share) * ground * shadow) * np.linspace(1, 0.65, size[0])
    photo = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), 1) + np.random.default_rng(1).normal(0, 3, ground.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), there


@pytest.fixture
def page(draw):
    """A sheet with four digits, in its middle."""
    page = np.full((480, 640), 225, np.uint8)
    page[160:320, 90:550] = np.minimum(page[160:320, 90:550], draw("3157", pen=9))
    return page


@pytest.mark.parametrize("kind", ["leather", "wood", "cloth", "even", "light"])
def test_a_sheet_on_a_desk_is_put_upright(page, kind):
    """A teacher's photo of a page: the desk, its grain and its boards are no digits, and the lines are level."""
    shade = 0.75 if kind == "light" else 1  # grey paper on a white desk
    photo, _ = photo_of(page * shade, ASKEW, desk(kind))
    outline = find_sheet(photo)
    assert np.abs(outline.corners - ASKEW).max() < 12
    digits, _ = prepare_image(photo)
    assert len(digits) == 4
    sheet = lift_sheet(photo, outline)
    tops = [digit.box.y for digit in prepare_image(sheet.grey)[0]]
    assert max(tops) - min(tops) < 12


def test_boxes_are_where_the_digits_are_in_the_photo(page):
    """A frame drawn around a digit must fit the photo that was sent, not the sheet that was cut out of it."""
    photo, there = photo_of(page, ASKEW, desk("wood"))
    digits, _ = prepare_image(photo)
    assert len(digits) == 4
    for index, digit in enumerate(digits):
        start = 120 + 100 * index
        points = np.argwhere(page[:, start : start + 85] < 128)[:, ::-1] + np.array([start, 0])
        points = cv2.perspectiveTransform(points[None].astype(np.float64), there)[0]
        left, top, right, bottom = *points.min(axis=0), *points.max(axis=0)
        x, y, w, h = digit.box
        assert np.abs(np.array([x, y, x + w, y + h]) - [left, top, right, bottom]).max() < 12


@pytest.mark.parametrize("corners", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("kind", ["leather", "even"])
def test_a_sheet_that_is_not_quite_in_the_photo(page, corners, kind):
    """Strips and wedges of the desk at the image's border were read as ones."""
    photo, _ = photo_of(page, corners, desk(kind))
    digits, _ = prepare_image(photo)
    assert [digit.line for digit in digits] == [0] * 4


def test_a_narrow_strip_of_the_desk_is_no_digit(page):
    """Most people hold the phone so that the sheet fills the photo, and a strip of the desk is left."""
    page[:, -7:] = 40 + 30 * np.random.default_rng(0).random((480, 7))
    digits, _ = prepare_image(page)
    assert len(digits) == 4


def test_an_empty_sheet_on_a_desk_holds_nothing():
    """The sheet itself was once taken for the ink."""
    photo, _ = photo_of(np.full((480, 640), 225, np.uint8), ASKEW, desk("leather"))
    assert prepare_image(photo)[0] == []


def test_small_writing_in_a_large_photo_is_seen_as_it_is(page):
    """A large photo is reduced before it is read: the sheet alone, not the desk around it."""
    corners = 3 * (np.array(ASKEW) * 0.5 + [200, 150])
    photo, _ = photo_of(page, corners.tolist(), cv2.resize(desk("even"), None, fx=3, fy=3))
    assert photo.shape == (2100, 2700)
    digits, _ = prepare_image(photo)
    assert len(digits) == 4
    assert min(digit.ink.shape[0] for digit in digits) > 80


@pytest.mark.parametrize("digit", "147")
@pytest.mark.parametrize("pen", [8, 24])
@pytest.mark.parametrize("invert", [False, True])
def test_a_digit_alone_is_no_sheet(draw, digit, pen, invert):
    """Its straight strokes are as long as the image, and some touch the border."""
    page = cv2.resize(draw(digit, pen=pen)[35:135, 20:110], None, fx=4, fy=4)
    assert find_sheet(255 - page if invert else page) is None


def test_frames_and_cells_are_no_sheets(draw):
    """What is drawn around a digit is a line, light on both sides."""
    page = cv2.resize(draw("4567"), None, fx=2, fy=2)
    cv2.rectangle(page, (20, 20), (900, 300), 0, 9)
    assert find_sheet(page) is None
    for x in range(220, 900, 200):
        cv2.line(page, (x, 20), (x, 300), 0, 9)
    assert find_sheet(page) is None


def test_a_shadow_is_no_desk(page):
    """What is written in the shadow of a hand must stay."""
    light = np.where(np.arange(640) + 0.3 * np.arange(480)[:, None] < 400, 1, 0.5)
    assert find_sheet((page * cv2.GaussianBlur(light, (0, 0), 6)).astype(np.uint8)) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_shade_is_no_sheet(seed):
    """A sky or a wall has no sides; what was cut out of it and put upright was read as digits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:480j, -1:1:640j]
    across, down, around = rng.normal(0, 60), rng.normal(0, 50), rng.uniform(60, 160)
    shade = 128 + across * x - down * y - around * (x**2 + y**2)
    assert find_sheet(shade.clip(0, 255).astype(np.uint8)) is None


def test_what_the_photo_does_not_show_of_a_sheet_is_empty_paper(page):
    """Continued as it is at the image's border, the desk and strokes that are cut off would be read as digits."""
    photo, _ = photo_of(page, CUT["a corner outside"], desk("even"))
    sheet = lift_sheet(photo, find_sheet(photo))
    assert sheet.locate(Box(sheet.grey.shape[1] - 9, 0, 9, 9)).x > photo.shape[1]
    assert sheet.grey[:, -60:].min() > 100
