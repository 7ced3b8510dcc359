"""Without these, a page photographed from the side is read as nonsense, or one that lies right is turned."""

import numpy as np
import pytest

from utils.networks import load_model, shipped_models
from utils.reader.pieces import Box
from utils.reader.reading import Reading, read_page
from utils.reader.turning import find_turn, turn_back


@pytest.fixture(scope="module")
def model():
    return load_model(shipped_models() / "cnn.keras")


def read(model, grey: np.ndarray) -> Reading:
    return Reading("page.png", read_page(model, grey)[0])


@pytest.fixture
def page(draw):
    return np.vstack([draw("24735"), draw("75324")])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_whichever_way_it_lies(model, page, turn):
    """A phone that is held over a table does not know what is up, and its photo has no mark or a wrong one."""
    reading = read(model, np.ascontiguousarray(np.rot90(page, -turn // 90)))
    assert reading.text == "24735\n75324"
    assert {digit.turn for digit in reading.digits} == {turn}
    assert reading.note == {0: None, 180: "read upside down"}.get(turn, "read on its side")


@pytest.mark.parametrize("text", ["8008", "1111", "69", "88", "61889", "6", "9", "1"])
def test_what_reads_either_way_stays_as_it_is(model, draw, text):
    """A wrong turn of what lies right is worse than a missed one."""
    assert {digit.turn for digit in read_page(model, draw(text))[0]} == {0}


@pytest.mark.parametrize("text", ["8008", "69", "7", "4"])
def test_few_digits_upside_down_stay_as_they_are(model, draw, text):
    """A digit alone says little of the page: what looks like another one upside down may be drawn so."""
    page = np.ascontiguousarray(np.rot90(draw(text), 2))
    assert {digit.turn for digit in read_page(model, page)[0]} == {0}


def test_a_list_of_single_digits_stays_as_it_is(model, draw):
    """Answers below each other: the digits of a page on its side stand so, too."""
    assert read(model, np.vstack([draw(digit) for digit in "24735"])).text == "2\n4\n7\n3\n5"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_boxes_are_where_the_digits_are_in_the_image(model, page, quarters):
    """The frames of the web page are drawn on the image as it was sent."""
    upright, _ = read_page(model, page)
    lying = np.ascontiguousarray(np.rot90(page, -quarters))
    digits, _ = read_page(model, lying)
    for digit, same in zip(digits, upright, strict=True):
        x, y, w, h = digit.box
        there = np.zeros(lying.shape, bool)
        there[y : y + h, x : x + w] = True
        rows, columns = np.nonzero(np.rot90(there, quarters))
        box = np.array([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])
        assert np.abs(box - same.box).max() <= 2
        assert digit.line == same.line


@pytest.mark.parametrize("turn", range(4))
def test_turning_a_box_back(turn):
    page = np.zeros((5, 9), np.uint8)
    page[1:3, 2:7] = 1
    rows, columns = np.nonzero(np.rot90(page, turn))
    box = Box(int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    assert turn_back(box, turn, page.shape) == Box(2, 1, 5, 2)


def test_few_pieces_are_looked_at(page):
    """A page of thousands of marks must not be shown to the network four times over."""
    seen = []

    def read(images: np.ndarray) -> np.ndarray:
        seen.append(len(images))
        return np.full((len(images), 10), 0.1)

    assert find_turn(np.tile(255 - page, (9, 9)), read) == 0
    assert 4 * 25 <= sum(seen) <= 4 * 50
    assert find_turn(np.zeros((50, 50), np.uint8), read) == 0


@pytest.mark.parametrize(("now", "then", "turn"), [("8668", "3473", 2), ("8668", "8998", 0), ("3473", "8668", 0)])
def test_what_each_piece_looks_like_tells_what_is_up(page, now, then, turn):
    """Most digits look like another one upside down, surely: without this, half of the pages that lie so stay so."""

    def read(images: np.ndarray) -> np.ndarray:
        digits = now if len(images) == 4 else f"1111{then}1111"
        return 0.01 + 0.9 * np.eye(10)[list(map(int, digits))]

    ink = np.zeros((100, 400), np.uint8)
    ink[20:80, 50:350:80] = 255
    assert find_turn(ink, read) == turn
