"""The learner's ten digits. Without these, what a pupil has written is lost, or changes what others see."""

import base64
import importlib.util
import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.lesson import load_ten, write_ten
from utils.lesson.drawings import keep_drawing, shipped_drawings, ten_folder
from utils.lesson.pads import Pads
from utils.lesson.ten import describe
from utils.paths import ROOT


def page(line=((90, 40), (90, 240))):
    drawing = np.full((280, 280), 255, np.uint8)
    cv2.line(drawing, *line, 0, 12, cv2.LINE_AA)
    return drawing


def as_sent(image):
    picture = io.BytesIO()
    Image.fromarray(image).convert("RGBA").save(picture, "png")
    return base64.b64encode(picture.getvalue()).decode()


def draw_on(panel, digit, image):
    """What the page does when a pen lifts, or when Clear is pressed."""
    (pads,) = [child for child in panel.children if isinstance(child, Pads)]
    drawings = list(pads.drawings)
    drawings[digit] = "" if image is None else as_sent(image)
    pads.drawings = drawings


def status(panel):
    return panel.children[1].value


def test_without_a_drawing_the_series_own_take_their_place(capsys):
    """A reader without a pad would have no digits to follow."""
    ten = load_ten()
    assert ten.images.shape == (10, 280, 280)
    assert ten.images.dtype == np.uint8
    assert ten.own == ()
    assert ten.labels.tolist() == list(range(10))
    assert (np.median(ten.images, axis=(1, 2)) == 255).all(), "dark on white"
    assert capsys.readouterr().out == "Ten digits that came with the series (write your own in notebook 01).\n"


def test_prepared_digits_are_in_the_form_of_mnist():
    """A network would be shown what it was not trained on."""
    prepared = load_ten().prepared
    assert prepared.shape == (10, 28, 28)
    assert prepared.dtype == np.uint8
    for image in prepared:
        rows, columns = np.nonzero(image > 30)
        assert max(np.ptp(rows), np.ptp(columns)) in (18, 19, 20)
        moments = cv2.moments(image)
        assert moments["m10"] / moments["m00"] == pytest.approx(14, abs=1)


def test_a_drawing_is_one_digit_whatever_its_pieces_and_an_empty_one_is_zeros(monkeypatch):
    """A 5 whose flag floats would become two digits, or none; an empty page would stop the notebook."""
    apart = page()
    cv2.line(apart, (180, 60), (230, 60), 0, 12)
    keep_drawing(5, apart)
    prepared = load_ten().prepared
    assert np.ptp(np.nonzero(prepared[5].any(axis=0))[0]) > 10, "both pieces are there"
    Image.fromarray(np.full((280, 280), 255, np.uint8)).save(ten_folder() / "6.png")
    assert not load_ten().prepared[6].any()


def test_a_drawing_is_kept_as_the_pen_lifts_and_loaded(capsys):
    """The pupil would write ten digits for nothing."""
    panel = write_ten()
    assert "Write a digit on each pad" in status(panel)
    draw_on(panel, 3, page())
    assert "Still to write: 0, 1, 2, 4, 5, 6, 7, 8 and 9." in status(panel)
    assert 'role="status"' in status(panel)
    ten = load_ten()
    assert ten.own == (3,)
    assert np.array_equal(ten.images[3], page())
    assert np.array_equal(ten.images[4], shipped_drawings()[4])
    assert capsys.readouterr().out == "Your ten digits: you wrote 3; the other nine came with the series.\n"
    for digit in range(10):
        draw_on(panel, digit, page())
    assert "All ten are written" in status(panel)
    assert "All ten are written" in status(write_ten()), "and it says so again later"
    assert sorted(path.name for path in ten_folder().iterdir()) == [f"{digit}.png" for digit in range(10)]


def test_clear_takes_a_drawing_away():
    """A slip of the pen would stay for ever."""
    panel = write_ten()
    draw_on(panel, 3, page())
    draw_on(panel, 3, None)
    assert load_ten().own == ()
    assert "Write a digit on each pad" in status(panel)
    assert list(ten_folder().iterdir()) == []


@pytest.mark.parametrize(
    ("own", "line"),
    [
        (tuple(range(10)), "Your ten digits: 0 to 9, as you wrote them."),
        ((1, 4), "Your ten digits: you wrote 1 and 4; the other eight came with the series."),
        (tuple(range(9)), "Your ten digits: you wrote all but the 9, which came with the series."),
    ],
)  # fmt: skip
def test_the_line_says_whose_digits_they_are(own, line):
    """The pupil would not know whether the network read their own hand."""
    assert describe(own) == line


def test_an_unreadable_drawing_is_one_line_and_the_series_own_takes_its_place(capsys):
    """One damaged file would stop every notebook."""
    ten_folder().mkdir(parents=True)
    (ten_folder() / "7.png").write_bytes(b"no image")
    ten = load_ten()
    first, second = capsys.readouterr().out.splitlines()
    assert "7.png is not an image" in first
    assert first.endswith("The 7 that came with the series takes its place.")
    assert second.startswith("Ten digits that came")
    assert np.array_equal(ten.images[7], shipped_drawings()[7])


def test_any_image_in_the_folder_is_brought_to_size():
    """A photo that a pupil has put there would not fit into the array."""
    ten_folder().mkdir(parents=True)
    Image.fromarray(page()[:, :200]).save(ten_folder() / "1.png")
    ten = load_ten()
    assert ten.own == (1,)
    assert ten.images.shape == (10, 280, 280)


def test_a_folder_that_cannot_be_written_is_said_and_the_drawings_are_kept(monkeypatch, tmp_path):
    """On a school's read-only disk the pads would be of no use."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEN_PATH", str(tmp_path / "file" / "ten"))
    panel = write_ten()
    draw_on(panel, 2, page())
    assert "cannot be written" in status(panel)
    assert "kept as long as this kernel runs" in status(panel)
    assert load_ten().own == (2,)
    draw_on(panel, 2, None)
    assert load_ten().own == ()


def test_what_is_no_image_is_refused_in_words():
    """A broken message from the page would be a traceback, or a file that no notebook can read."""
    panel = write_ten()
    (pads,) = [child for child in panel.children if isinstance(child, Pads)]
    pads.drawings = ["bm8gaW1hZ2U=", *[""] * 9]
    assert "the drawing of 0 is not an image" in status(panel)
    pads.drawings = ["é", *[""] * 9]
    assert "the drawing of 0" in status(panel)
    assert not ten_folder().exists()


def test_the_folder_lies_beside_the_images_unless_it_is_named(monkeypatch):
    """On a hub, where the project cannot be written to, everyone needs a folder of their own."""
    assert Path(os.environ["TEN_PATH"]) == ten_folder()
    monkeypatch.delenv("TEN_PATH")
    assert ten_folder() == ROOT / "my-ten"
    assert "my-ten/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    monkeypatch.setenv("DIGITS_PATH", "~/digits/images")
    assert ten_folder() == Path("~/digits/my-ten").expanduser()


def test_pads_carry_a_picture_for_those_without_a_page():
    """On the web the pads would be a line of text."""
    bundle = write_ten()._repr_mimebundle_()
    assert "image/png" in bundle
    assert bundle["text/plain"] == "Write the ten digits: run this cell in JupyterLab to use it."


def test_the_script_draws_the_series_own_again(monkeypatch, tmp_path):
    """Nobody could tell how they were made, or change one of them."""
    spec = importlib.util.spec_from_file_location("make_ten", ROOT / "digits" / "make_ten.py")
    make_ten = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_ten)
    monkeypatch.setattr(make_ten, "FOLDER", tmp_path)
    make_ten.main()
    for digit, there in enumerate(shipped_drawings()):
        made = np.array(Image.open(tmp_path / f"{digit}.png"))
        assert np.abs(made.astype(int) - there).mean() < 1, digit
        rows, columns = np.nonzero(there < 128)
        assert 0.4 < (np.ptp(rows) + 1) / 280 < 0.9
        assert min(rows.min(), columns.min()) > 0
