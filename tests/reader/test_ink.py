"""Without these, paper is taken for ink or ink for paper, and what is read has little to do with the page."""

import cv2
import numpy as np
import pytest

from utils.reader.images import prepare_image
from utils.reader.ink import extract_ink
from utils.reader.segmentation import find_digits


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
        ink = cv2.resize(extract_ink(image.astype(np.uint8) * 255), (28, 28), interpolation=cv2.INTER_AREA)
        assert np.array_equal(ink > 127, ~page)


def test_a_faint_pencil(draw):
    """Hardly darker than the paper, but all there is."""
    page = draw("3")
    ink = extract_ink((230 + page / 255 * 25).astype(np.uint8))
    assert np.mean((ink > 127) == (page < 128)) > 0.99


@pytest.mark.parametrize("noise", [0, 3])
def test_the_faint_part_of_a_stroke(noise):
    """Drawn with less pressure, the bow of a 4 was lost, and the 4 read as a 1 with something beside it."""
    page = np.full((300, 300), 255, np.uint8)
    cv2.polylines(page, [np.array([(90, 40), (60, 170), (230, 170)])], False, 190, 10, cv2.LINE_AA)
    written = page < 230
    cv2.line(page, (190, 30), (170, 270), 20, 12, cv2.LINE_AA)
    page = page + np.random.default_rng(0).normal(0, noise, page.shape)
    ink = extract_ink(page.clip(0, 255).astype(np.uint8)) > 127
    assert ink[written].mean() > 0.9


@pytest.mark.parametrize("shape", [(60, 80), (1, 1), (1, 300), (300, 400)])
@pytest.mark.parametrize("shade", [0, 200, 255])
def test_an_empty_page_has_no_ink(shape, shade):
    assert not extract_ink(np.full(shape, shade, np.uint8)).any()


def test_the_grain_of_paper_is_no_ink():
    rng = np.random.default_rng(0)
    ink = extract_ink(rng.normal(230, 3, (200, 300)).clip(0, 255).astype(np.uint8))
    assert find_digits(ink) == []


def test_a_digit_that_fills_the_image_is_no_line(draw):
    """The remover of ruled lines must leave the straight strokes of a large 4 or 7 alone."""
    for digit in "1470":
        page = draw(digit)
        y, x = np.argwhere(page < 128).min(axis=0)
        bottom, right = np.argwhere(page < 128).max(axis=0)
        tight = page[y - 3 : bottom + 4, x - 3 : right + 4]
        (found,) = find_digits(extract_ink(cv2.resize(tight, None, fx=3, fy=3)))
        assert found.box.h > 0.8 * 3 * (bottom - y)


@pytest.mark.parametrize("shape", [(1, 2000), (2000, 1), (2, 5000), (100_000, 1)])
def test_strips_of_many_shades(shape):
    """A cut-off strip of a photo once ended the whole command."""
    strip = np.linspace(0, 255, max(shape)).astype(np.uint8)
    assert extract_ink(np.resize(strip, shape)).ndim == 2


@pytest.mark.parametrize("across", [False, True])
def test_a_receipt_is_as_legible_as_a_page(draw, across):
    """Reduced by its length, 6000 pixels of it were said to hold no digit: each was 9 pixels high then."""
    rows = [draw("31572")] * (6 if across else 75)
    page = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    page = np.tile(page, (1, 22 if across else 1))
    assert max(page.shape) >= 6000
    assert len(find_digits(extract_ink(page))) == (6 * 22 if across else 75) * 5


def test_a_receipt_on_an_even_ground(draw):
    """A long sheet on a scanner's dark lid is found in the reduced image, and not reduced once more."""
    rows = cv2.resize(np.vstack([draw("31572")] * 75), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    scan = np.pad(rows, 40, constant_values=30)
    assert len(find_digits(extract_ink(scan))) == 75 * 5


def test_a_large_photo_is_reduced():
    """What is not long has the size that all else is made for; nothing has more pixels than that allows."""
    for shape, size in [
        ((3000, 4000), (1200, 1600)),
        ((2400, 1100), (1600, 733)),
        ((600, 6000), (300, 3000)),
        ((40_000, 1200), (9238, 277)),
        ((65_000, 30), (10_000, 5)),
    ]:
        ink = extract_ink(np.full(shape, 255, np.uint8))
        assert ink.shape == size
        assert ink.size <= 1600**2


@pytest.mark.parametrize("thickness", [1, 5])
@pytest.mark.parametrize("shade", [0, 160])
def test_a_frame_around_a_drawing_is_no_digit(draw, shade, thickness):
    """A screenshot of a canvas with its border was once read as a large 0."""
    page = cv2.resize(draw("5"), (200, 200), interpolation=cv2.INTER_AREA)
    cv2.rectangle(page, (0, 0), (199, 199), shade, thickness)
    (found,) = find_digits(extract_ink(page))
    assert found.box.w < 120


def test_a_sheet_on_an_even_ground(draw):
    """A scan with a black lid around the sheet: the sheet is no digit."""
    scan = np.full((400, 600), 30, np.uint8)
    scan[80:240, 100:460] = draw("425")[:, :360]
    assert len(prepare_image(scan)[0]) == 3


def test_cells_of_a_form_are_no_digit(draw):
    page = draw("4567")
    for x in range(15, 416, 100):
        cv2.line(page, (x, 20), (x, 150), 0, 2)
    for y in (20, 150):
        cv2.line(page, (15, y), (415, y), 0, 2)
    assert len(find_digits(extract_ink(page))) == 4


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("pen", [2, 24])
def test_a_noisy_drawing_without_a_shadow(draw, pen, invert):
    """A screen photographed from near, a drawing saved as JPEG: thick strokes and such at the border must stay."""
    page = draw("2", pen=pen)[40:130, 22:100]
    large = cv2.resize(255 - page if invert else page, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    noisy = 0.8 * large + 20 + np.random.default_rng(0).normal(0, 5, large.shape)
    (found,) = find_digits(extract_ink(noisy.clip(0, 255).astype(np.uint8)))
    assert found.box.h > 0.7 * 6 * 62


@pytest.mark.parametrize("noise", [0, 4])
def test_a_stroke_along_the_border_stays(noise):
    """A 7 cut out to its very edge touches the border with its whole bar, and is all there is to read."""
    page = np.full((240, 160), 230, np.uint8)
    cv2.polylines(page, [np.array([(0, 8), (151, 8), (60, 239)])], False, 30, 17)
    page = page + np.random.default_rng(0).normal(0, noise, page.shape)
    (found,) = find_digits(extract_ink(page.clip(0, 255).astype(np.uint8)))
    assert found.box.h > 220


@pytest.mark.parametrize("slope", [(0.0, 0.6), (0.5, -0.4)])
def test_a_small_cut_out_of_a_shaded_photo(draw, slope):
    """A number cut out of a photo of a table, 60 pixels high: its darker end was taken for ink, and digits with it."""
    page = cv2.resize(draw("15"), None, fx=0.375, fy=0.375, interpolation=cv2.INTER_AREA)
    down, across = (np.linspace(-0.5, 0.5, side) for side in page.shape)
    photo = (30 + 0.5 * page) * (1 - slope[0] * down[:, None]) * (1 - slope[1] * across)
    photo = photo + np.random.default_rng(0).normal(0, 2, page.shape)
    found = find_digits(extract_ink(photo.clip(0, 255).astype(np.uint8)))
    assert len(found) == 2


class TestPhotos:
    """The same line of digits under what photos have: each must give the same digits."""

    @pytest.fixture
    def page(self, draw):
        digits = draw("3157", pen=9)
        page = np.full((480, 640), 235, np.uint8)
        h, w = digits.shape
        page[160 : 160 + h, 100 : 100 + w] = np.minimum(page[160 : 160 + h, 100 : 100 + w], digits)
        return page.astype(np.float32)

    @staticmethod
    def snap(page: np.ndarray, noise: float = 4) -> np.ndarray:
        rng = np.random.default_rng(1)
        soft = cv2.GaussianBlur(page.astype(np.float32), (0, 0), 1)
        return np.clip(soft + rng.normal(0, noise, page.shape), 0, 255).astype(np.uint8)

    @staticmethod
    def check(photo: np.ndarray, count: int = 4) -> None:
        found = find_digits(extract_ink(photo))
        assert len(found) == count
        assert all(55 < digit.box.h < 70 for digit in found)

    def test_plain(self, page):
        self.check(self.snap(page))

    def test_light_from_one_side(self, page):
        self.check(self.snap(page * np.linspace(1, 0.35, page.shape[1])))

    def test_the_edge_of_a_shadow_across_the_digits(self, page):
        light = np.where(np.arange(640) + 0.3 * np.arange(480)[:, None] < 400, 1, 0.5)
        self.check(self.snap(page * cv2.GaussianBlur(light, (0, 0), 6)))

    def test_noise_of_a_dark_room(self, page):
        self.check(self.snap(page * 0.5, noise=9))

    def test_a_paler_pen_beside_a_dark_one(self, page):
        """All that it wrote was below the level, and left out; a smudge as pale, but not as high, must be."""
        page[:, 300:] = 235 - 0.3 * (235 - page[:, 300:])
        page[380:400, 330:350] = 165
        self.check(self.snap(page))

    def test_chalk_on_a_board(self, page):
        self.check(self.snap((255 - 0.8 * page) * np.linspace(1, 0.6, page.shape[1])))

    @pytest.mark.parametrize("squared", [False, True])
    @pytest.mark.parametrize("angle", [0, 3])
    def test_ruled_and_squared_paper(self, page, squared, angle):
        lines = np.full_like(page, 255)
        lines[20::40] = lines[21::40] = 190
        if squared:
            lines[:, 20::40] = lines[:, 21::40] = 190
        both = np.minimum(page, lines)
        turn = cv2.getRotationMatrix2D((320, 240), angle, 1)
        self.check(self.snap(cv2.warpAffine(both, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)))

    @pytest.mark.parametrize("shade", [40, 90])
    def test_a_dark_table_around_the_sheet(self, page, shade):
        rng = np.random.default_rng(2)
        grain = cv2.GaussianBlur(rng.normal(0, 1, page.shape).astype(np.float32), (0, 0), 20, sigmaY=1.5)
        turn = cv2.getRotationMatrix2D((320, 240), 4, 0.82)
        sheet = cv2.warpAffine(np.ones_like(page), turn, (640, 480))
        table = shade * (1 + 0.1 * grain / grain.std())
        photo = self.snap(sheet * cv2.warpAffine(page, turn, (640, 480)) + (1 - sheet) * table)
        found = find_digits(extract_ink(photo))
        assert len(found) == 4

    def test_a_strip_of_table_at_one_edge(self, page):
        page[:, :60] = 50
        self.check(self.snap(page))

    def test_twelve_megapixels(self, page):
        photo = self.snap(cv2.resize(page, (4000, 3000), interpolation=cv2.INTER_CUBIC), noise=12)
        assert len(find_digits(extract_ink(photo))) == 4
