"""Without these, a teacher's table is counted wrongly, or an image or a label is lost without a word."""

import os

import pytest

from utils.errors import DigitsError
from utils.reader.labels import add_labelled, find_labels, read_labels


@pytest.fixture
def folder(tmp_path):
    """Three images, and a function that labels them."""
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).touch()
    return tmp_path


def write(folder, content: str | bytes) -> None:
    (folder / "labels.csv").write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("02 / 468 / 13579", "02\n468\n13579"),
        ("02/468/13579", "02\n468\n13579"),
        ('"02\n468\r\n13579"', "02\n468\n13579"),
        ('"02\r468"', "02\n468"),
        ("4 2", "42"),
        (" 42\xa0", "42"),
        ("4.0", "4"),
        ('"4,0"', "4"),
        ("042", "042"),
        ("100", "100"),
        ("", ""),
    ],
)
def test_a_label_is_what_a_person_means(folder, written, meant):
    write(folder, f"file,label\na.png,{written}\n")
    assert read_labels(folder) == {folder / "a.png": meant}


@pytest.mark.parametrize("written", ["seven", "1e5", "-4", "4.5", "4?", "٣", "10.000", "1/2/2026"])
def test_a_label_that_is_no_number_is_said_and_not_counted(folder, written):
    write(folder, f"file,label\na.png,{written}\nb.png,1\n")
    found = find_labels(folder)
    assert found.of == {folder / "b.png": "1"}
    assert found.no_number == {str(folder / "a.png"): written}


def test_what_spreadsheets_make_of_thousands_and_of_nothing_is_said(folder):
    """1,000 would count as a 1, and a row that is broken off as an empty page."""
    write(folder, 'file,label\na.png,"1,000"\nb.png\nc.png,\n')
    found = find_labels(folder)
    assert found.of == {folder / "c.png": ""}
    assert found.no_number == {str(folder / "a.png"): "1,000", str(folder / "b.png"): ""}


def test_a_wrong_place_is_named(folder):
    write(folder, "file,label\na.png,7\n")
    with pytest.raises(DigitsError, match=r"labels\.csv is a file: name its folder"):
        find_labels(folder / "labels.csv")
    with pytest.raises(DigitsError, match="typo does not exist: check the name"):
        find_labels(folder / "typo")


def test_a_table_without_an_end_is_not_read_to_its_end(folder):
    with open(folder / "labels.csv", "wb") as file:
        file.truncate(10**12)
    with pytest.raises(DigitsError, match="is larger than 20 MB"):
        find_labels(folder)


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\r\nfile;label\r\na.png;7\r\n",
        '"sep=;"\nfile;label\na.png;7\n',
        "SEP=,\nfile,label\na.png,7\n",
        "\n\nfile,label\n\na.png,7\n\n",
        ",,\nfile,label\na.png,7\n,\n",
        "file\tlabel\ra.png\t7\r",
        " File ; LABEL \na.png; 7\n",
        '"file","label"\r\n"a.png","7"\r\n',
        "number;file;label\n1;a.png;7\n",
        b"\xef\xbb\xbffile,label\na.png,7\n",
        "file\tlabel\r\na.png\t7\r\n".encode("utf-16"),
        b"\xfe\xff" + "file,label\na.png,7\n".encode("utf-16-be"),
    ],
)
def test_tables_of_all_spreadsheets(folder, content):
    write(folder, content)
    assert read_labels(folder) == {folder / "a.png": "7"}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('file,label\n"a.png,7\nb.png,1\n', 2),
        ('file,label\na.png,7\n"b.png,1\n"c.png",2\n', 3),
        ('file,label\na.png,"1\n2"\nb.png,"3\n', 4),
        ("file,label\na.png,7\nb.png," + "1" * 131_073 + "\n", 3),
    ],
)
def test_an_open_quotation_mark_is_an_error_with_its_line(folder, content, line):
    """It swallowed the rows behind it, and the score was that of half a class."""
    write(folder, content)
    with pytest.raises(DigitsError, match=rf"labels\.csv cannot be read from line {line} on"):
        read_labels(folder)


def test_what_does_not_agree_is_said(folder):
    (folder / "below").mkdir()
    (folder / "below" / "d.jpg").touch()
    (folder / ".e.png").touch()
    (folder / "notes.txt").touch()
    write(folder, "file,label\na.png,7\ngone.png,1\n,5\n")
    found = find_labels(folder)
    assert found.of == {folder / "a.png": "7"}
    assert found.missing == ["gone.png", "(no file is named for 5)"]
    assert found.unlabelled == [str(folder / name) for name in ("b.png", "below/d.jpg", "c.png")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_table_that_is_no_file_is_refused_at_once(folder, kind):
    """Reading from a pipe waits for ever."""
    path = folder / "labels.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(DigitsError, match=r"labels\.csv is not a file"):
        read_labels(folder)


def test_images_outside_the_folder_are_left_alone(folder):
    """A table from elsewhere must not make anyone read, and show, what lies beside the folder."""
    inner = folder / "class"
    inner.mkdir()
    (inner / "c.png").touch()
    for name in (f"{folder}/a.png", "../a.png", "x/../../a.png"):
        write(inner, f"file,label\n{name},7\n")
        found = find_labels(inner)
        assert (found.of, found.missing) == ({}, [name])
    for name in ("/home/teacher/c.png", r"C:\class\c.png", "./c.png"):  # written on another computer
        write(inner, f"file,label\n{name},7\n")
        assert read_labels(inner) == {inner / "c.png": "7"}


def test_the_same_name_in_two_students_folders(tmp_path):
    for name in ("anna", "ben"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    write(tmp_path, "file,label\nanna/1.png,7\nben\\1.png,8\n")
    assert list(read_labels(tmp_path).values()) == ["7", "8"]
    assert list(read_labels(tmp_path / "ben").values()) == ["8"]
    write(tmp_path, "file,label\n1.png,7\n")
    with pytest.raises(DigitsError, match="is in several folders"):
        read_labels(tmp_path)


def test_a_label_of_one_s_own_leaves_the_table_that_git_knows_alone(folder):
    """A row in labels.csv: ``git add .`` publishes what a pupil wrote, and ``git pull`` stops at a conflict."""
    write(folder, "file,label\na.png,7\n")
    add_labelled(folder, b"drawn", ".png", "3")
    assert (folder / "labels.csv").read_text(encoding="utf-8") == "file,label\na.png,7\n"
    assert (folder / "labels-mine.csv").read_text(encoding="utf-8") == "file,label\n3-mine.png,3\n"
    assert read_labels(folder) == {folder / "a.png": "7", folder / "3-mine.png": "3"}


def test_the_table_of_one_s_own_may_be_the_only_one(folder):
    add_labelled(folder, b"drawn", ".png", "3")
    assert not (folder / "labels.csv").exists()
    assert read_labels(folder) == {folder / "3-mine.png": "3"}


def test_a_row_of_an_earlier_version_stays_in_force(folder):
    """It stood in labels.csv, and the drawing is still there."""
    (folder / "3-mine.png").touch()
    write(folder, "file,label\n3-mine.png,3\n")
    assert add_labelled(folder, b"drawn", ".png", "3").name == "3-mine-2.png"
    assert read_labels(folder) == {folder / "3-mine.png": "3", folder / "3-mine-2.png": "3"}


def test_an_image_in_both_tables_is_an_error(folder):
    write(folder, "file,label\na.png,7\n")
    (folder / "labels-mine.csv").write_text("file,label\na.png,1\n", encoding="utf-8")
    with pytest.raises(DigitsError, match=r"labels-mine\.csv names a\.png twice, or labels\.csv names it, too: "):
        read_labels(folder)


def test_what_several_pupils_drew_is_counted_together_and_kept_apart(folder):
    """Each has a folder, and both drew a 3: a label in a table above would be another's, and outlive its drawing."""
    (folder / "labels.csv").write_text("file,label\na.png,7\n", encoding="utf-8")
    for name in ("anna", "ben"):
        (folder / name).mkdir()
        add_labelled(folder / name, b"drawn", ".png", "3")
        assert (folder / name / "labels-mine.csv").read_text(encoding="utf-8") == "file,label\n3-mine.png,3\n"
    mine = {folder / name / "3-mine.png": "3" for name in ("anna", "ben")}
    assert read_labels(folder) == {folder / "a.png": "7"} | mine
    (folder / "labels.csv").unlink()
    assert read_labels(folder) == mine
    for path in mine:
        path.unlink()
    assert find_labels(folder).missing == ["3-mine.png", "3-mine.png"]
