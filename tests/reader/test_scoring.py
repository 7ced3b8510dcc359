"""Without these, a label of one's own gets lost, or overwrites another, or a score says what is not so."""

import re

import pytest

from utils.errors import DigitsError
from utils.reader.labels import add_labelled, read_labels
from utils.reader.pieces import Box
from utils.reader.reading import SURE, Digit, Reading
from utils.reader.scoring import Score


def test_labels_of_one_s_own_join_those_that_are_there(tmp_path):
    (tmp_path / "labels.csv").write_text("label;file\n3;a.png", encoding="utf-8")
    (tmp_path / "a.png").touch()
    paths = [add_labelled(tmp_path, b"picture", ".jpg", label) for label in ("42", "42", "1 23")]
    assert [path.name for path in paths] == ["42-mine.jpg", "42-mine-2.jpg", "1_23-mine.jpg"]
    assert list(read_labels(tmp_path).values()) == ["3", "42", "42", "1\n23"]


def test_a_name_that_only_the_table_has_is_not_given_again(tmp_path):
    (tmp_path / "labels.csv").write_text('"file","label"\r\n"7-mine.png",7\r\n', encoding="utf-8-sig", newline="")
    assert add_labelled(tmp_path, b"picture", ".png", "7").name == "7-mine-2.png"
    assert read_labels(tmp_path) == {tmp_path / "7-mine-2.png": "7"}


def test_labels_above_the_folder_stay_in_force(tmp_path):
    below = tmp_path / "anna"
    below.mkdir()
    (below / "a.png").touch()
    (tmp_path / "labels.csv").write_text("file,label\nanna/a.png,3\n", encoding="utf-8")
    add_labelled(below, b"picture", ".png", "7")
    assert list(read_labels(below).values()) == ["3", "7"]
    assert not (below / "labels.csv").exists()


@pytest.mark.parametrize("name", ["labels.csv", "labels-mine.csv"])
@pytest.mark.parametrize("content", [b"", b"name;digit\n", b"file,label\n\xe4.png,3\n"])
def test_a_table_that_cannot_be_read_is_left_alone(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DigitsError, match=re.escape(name)):
        add_labelled(tmp_path, b"picture", ".png", "7")
    assert (tmp_path / name).read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("label", ["", " ", "a", "1,2", "٣"])
def test_a_label_is_made_of_digits(tmp_path, label):
    with pytest.raises(DigitsError, match="is no label"):
        add_labelled(tmp_path, b"picture", ".png", label)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["labels.csv", "labels-mine.csv"])
def test_a_picture_without_its_label_is_not_left_behind(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(DigitsError, match=re.escape(name)):
        add_labelled(tmp_path, b"picture", ".png", "7")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("probabilities", "label", "right"),
    [
        ((), "", True),
        ((SURE - 0.1, SURE - 0.3), "", True),
        ((SURE,), "", False),
        ((SURE - 0.1, 1), "", False),
        ((SURE - 0.1,), "1", True),
        ((), "1", False),
    ],
)
def test_where_there_is_no_digit_it_is_right_not_to_be_sure_of_one(probabilities, label, right):
    """A blank sheet whose smudge is marked as doubtful misleads nobody; one that is read as a sure 1 does."""
    digits = [Digit(1, probability, Box(0, 0, 9, 9)) for probability in probabilities]
    score = Score([Reading("a.png", digits)], [label])
    assert score.right == [right]
    assert score.record()["without_digits"] == {"right": int(right and not label), "of": int(not label)}


def test_images_without_a_digit_are_counted_apart():
    """In one sum with the others, a folder of letters and blank sheets hides how its numbers are read."""
    one = Reading("a.png", [Digit(1, 1, Box(0, 0, 9, 9))])
    assert re.search(r"^without digits +1 of +2 +50.0% ", str(Score([one, one, Reading("b.png")], ["1", "", ""])), re.M)
    assert "without digits" not in str(Score([one], ["1"]))
    assert Score([Reading("a.png", error="is not an image")], [""]).right == [False]
