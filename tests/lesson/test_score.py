"""The line of scores. Without these, it says what was not measured, or something else in another order."""

import json

import numpy as np
import pytest

from utils.errors import DigitsError
from utils.lesson import keep_score, load_ten, score, show_ten
from utils.lesson.drawings import keep_drawing, shipped_drawings, ten_folder


def some(right):
    """So many digits read correctly, the others as the next one."""
    return np.array([digit if digit < right else (digit + 1) % 10 for digit in range(10)])


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """The series' own scores, in a copy."""
    images = tmp_path / "shipped"
    images.mkdir()
    monkeypatch.setattr(score, "SHIPPED", images)
    return images / "scores.json"


@pytest.fixture
def own(capsys):
    """A learner who has written a 3."""
    keep_drawing(3, shipped_drawings()[4])
    load_ten()
    capsys.readouterr()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr("utils.lesson.ten._latest", None)


def test_the_line_grows_from_notebook_to_notebook(own, capsys):
    """The pupil would not see that each method reads more of their digits."""
    for notebook, right in (("01", 3), ("02", 6), ("03", 9)):
        keep_score(notebook, some(right))
    assert capsys.readouterr().out.splitlines() == [
        "Read correctly of the ten: 3 (notebook 01)",
        "Read correctly of the ten: 3 (notebook 01) · 6 (02)",
        "Read correctly of the ten: 3 (notebook 01) · 6 (02) · 9 (03)",
    ]


def test_the_line_is_the_same_in_whichever_order_notebooks_are_run(own, capsys):
    """It goes as far as the notebook that prints it, and no further."""
    keep_score("03", some(9))
    keep_score("01", some(3))
    assert capsys.readouterr().out.splitlines()[1] == "Read correctly of the ten: 3 (notebook 01)"
    keep_score("03", some(9))
    assert capsys.readouterr().out == "Read correctly of the ten: 3 (notebook 01) · 9 (03)\n"


def test_scores_of_other_drawings_do_not_count(own, capsys):
    """A pupil who writes a digit anew would see old and new ones in one line."""
    keep_score("01", some(3))
    keep_drawing(3, shipped_drawings()[5])
    load_ten()
    capsys.readouterr()
    keep_score("02", some(6))
    assert capsys.readouterr().out == "Read correctly of the ten: 6 (notebook 02)\n"


def test_a_broken_file_starts_anew(own, capsys):
    """One bad byte would stop every notebook."""
    for broken in ("no json", "[]", '{"right": 3}', '{"drawings": "x", "right": {"01": 3}}'):
        (ten_folder() / "scores.json").write_text(broken)
        keep_score("02", some(6))
        assert capsys.readouterr().out == "Read correctly of the ten: 6 (notebook 02)\n"


def test_scores_are_kept_in_memory_where_nothing_can_be_written(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEN_PATH", str(tmp_path / "file" / "ten"))
    keep_drawing(3, shipped_drawings()[4])
    load_ten()
    keep_score("01", some(3))
    keep_score("02", some(6))
    assert capsys.readouterr().out.endswith("Read correctly of the ten: 3 (notebook 01) · 6 (02)\n")


def test_scores_of_the_series_own_come_from_the_series(shipped, capsys, monkeypatch):
    """A reader on the web would see a line that does not grow; and a reader's run must not change the project."""
    keep_score("01", some(3))
    assert not shipped.exists(), "nobody asked to store it"
    monkeypatch.setenv(score.STORE, "yes")
    keep_score("01", some(3))
    keep_score("03", some(9))
    monkeypatch.delenv(score.STORE)
    capsys.readouterr()
    keep_score("02", some(6))
    assert capsys.readouterr().out == "Read correctly of the ten: 3 (notebook 01) · 6 (02)\n"
    assert json.loads(shipped.read_text(encoding="utf-8"))["right"] == {"01": 3, "03": 9}
    assert not ten_folder().exists()


def test_wrong_arguments_are_told_in_words():
    """The pupil who passes probabilities would get a score that means nothing."""
    with pytest.raises(DigitsError, match="argmax"):
        keep_score("01", np.eye(10))
    with pytest.raises(DigitsError, match=r"\(5,\)"):
        show_ten(load_ten().images, np.arange(5))
    with pytest.raises(DigitsError, match="two digits"):
        keep_score("1", np.arange(10))


@pytest.mark.parametrize("form", ["images", "prepared", "floats"])
def test_the_ten_are_drawn_dark_on_white_with_what_they_were_read_as(form):
    """A colour-blind reader would not see which are wrong."""
    ten = load_ten()
    images = {"images": ten.images, "prepared": ten.prepared, "floats": ten.prepared / 255}[form]
    figure = show_ten(images, some(8))
    axes = figure.axes
    assert [one.get_xlabel() for one in axes] == [*(f"✓ {digit}" for digit in range(8)), "✗ 9", "✗ 0"]
    assert figure.get_suptitle() == "8 of the ten are read correctly"
    for one in axes:
        assert np.median(np.asarray(one.images[0].get_array())) < one.images[0].get_clim()[1] / 2, "the paper is white"
