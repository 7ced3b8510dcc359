"""What a class is given is whole, is nobody's handwriting, and opens where there is nothing else."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from PIL import Image

from utils.cli import main
from utils.errors import DigitsError
from utils.paths import ROOT
from utils.reader import add_labelled, read_labels
from utils.teaching import handout, own, write_handout

OWN = b"somebody's seven"
#: A notebook with a gap of a teacher's own, and no answer to it.
GAP = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("# your turn\ncheck(mine)")]))


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A copy of the project in which somebody has drawn."""
    root = tmp_path / "project"
    for name in (*handout.TAKEN, "README.md"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("learned", "__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    monkeypatch.setattr(handout, "ROOT", root)
    add_labelled(root / "digits", OWN, ".png", "7")
    (root / "digits" / "8-mine.png").write_bytes(OWN)
    with open(root / "digits" / "labels.csv", "a", encoding="utf-8") as table:
        table.write("8-mine.png,8\n")
    (root / "models" / "learned").mkdir()
    (root / "models" / "learned" / "cnn.keras").write_bytes(b"somebody's network")
    return root


def test_the_students_folder_is_whole_and_holds_nobodys_drawings(project, tmp_path, capsys):
    """What is missing, a class of 28 is missing at once; what is too much cannot be taken back."""
    folder = tmp_path / "class"
    assert main(["handout", str(folder)]) == 0
    assert "11 notebooks" in capsys.readouterr().out
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {"START.md", "requirements.txt", "notebooks/glossary.md", "digits/labels.csv", "models/cnn.keras"} <= set(
        files
    )
    assert not [name for name in files if "mine" in name or "learned" in name or "__pycache__" in name]
    assert not any(OWN in path.read_bytes() for path in files.values())
    assert "digits/labels-mine.csv" not in files
    assert "-mine" not in files["digits/labels.csv"].read_text(encoding="utf-8")  # 8-mine.png is of an earlier version
    assert len(read_labels(folder / "digits")) == len(read_labels(project / "digits")) - 2
    start = files["START.md"].read_text(encoding="utf-8")
    for name in (name for name in files if name.endswith(".ipynb")):
        assert name in start
        assert not [cell for cell in nbformat.read(files[name], as_version=4).cells if cell.get("outputs")]


def test_photos_that_were_put_in_by_hand_are_not_handed_out(project, tmp_path, monkeypatch, capsys):
    """Last year's class would be in this year's folder, by name."""
    digits = project / "digits"
    (digits / "anna.jpg").write_bytes(OWN)
    (digits / "5b").mkdir()
    (digits / "5b" / "7.png").write_bytes(OWN)
    (digits / "bob").mkdir()
    (digits / "bob" / "7-mine.png").write_bytes(OWN)
    table = (digits / "labels.csv").read_text(encoding="utf-8")
    (digits / "labels.csv").write_text(table.replace(",", ";"), encoding="utf-8")  # as some spreadsheets save it
    monkeypatch.setattr("utils.reader.shipped_digits", lambda: digits)
    folder = tmp_path / "class"
    assert main(["handout", str(folder)]) == 0
    assert not any(OWN in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert {path.name for path in (folder / "digits").iterdir()} == own.series_names(digits) & set(
        os.listdir(ROOT / "digits")
    )
    said = capsys.readouterr().out
    assert "not the series' own: " in said
    assert "5b, " in said
    assert said.endswith("anna.jpg\n"), "bob's is left out without a word, as all that a pad has saved"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_publishes_no_drawing_and_no_label(project, tmp_path):
    """The class keeps its folder in a repository: a pupil draws, and types ``git add .`` as they have learned it."""
    folder = tmp_path / "class"
    write_handout(folder)

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    git("init")
    git("add", ".")
    before = git("ls-files", "--stage")
    (folder / "digits" / "anna").mkdir()
    for place in (folder / "digits", folder / "digits" / "anna"):
        add_labelled(place, OWN, ".png", "7")
    git("add", ".")
    assert git("ls-files", "--stage") == before, "nothing new, and no file changed that an update may bring"


def test_the_students_folder_works_alone(project, tmp_path):
    """It is copied to a stick, and the project is not there."""
    folder = tmp_path / "class"
    write_handout(folder)
    lines = (
        "from utils.lesson import check, quiz, load_ten; from utils.reader import digits_folder; print(digits_folder())"
    )
    ran = subprocess.run([sys.executable, "-c", lines], cwd=folder, capture_output=True, text=True, timeout=600)
    assert ran.stdout.strip() == str(folder / "digits"), ran.stderr


def test_the_teachers_folder_has_the_guide(project, tmp_path):
    """Without it, the answers to the questions in the text are missing."""
    (project / "teaching").mkdir()
    (project / "teaching" / "README.md").write_text("Guide")
    write_handout(tmp_path / "mine", "teacher")
    assert (tmp_path / "mine" / "teaching" / "README.md").read_text() == "Guide"
    assert "every solution is open" in (tmp_path / "mine" / "START.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("edition", ["students", "teacher"])  # nbgrader takes each notebook out of its folder
def test_every_link_in_the_folder_leads_somewhere(project, tmp_path, edition):
    """A teacher clicks on the page of figures in the README, and it is not there."""
    shutil.copytree(ROOT / "teaching", project / "teaching")
    folder = tmp_path / "class"
    write_handout(folder, edition)
    pages = [path for path in folder.rglob("*.md") if "utils/teaching" not in path.as_posix()]  # those are templates
    texts = [(path, path.read_text(encoding="utf-8")) for path in pages]
    for path in folder.rglob("*.ipynb"):
        texts += [
            (path, cell.source) for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"
        ]
    dead = [
        (path.relative_to(folder).as_posix(), target)
        for path, text in texts
        for target in re.findall(r"\]\(([^)#\s]+)", text)
        if not re.match("[a-z]+:", target) and not (path.parent / target).exists()
    ]
    assert dead == []
    if edition == "teacher":
        assert "CONTRIBUTING.md (in the whole project)" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("edition", "parts"),
    [
        ("students", {"mnist", "wheels"}),
        ("teacher", {"mnist", "wheels", "site"}),
        ("nbgrader", {"mnist", "wheels"}),
    ],
)
def test_a_room_without_a_connection_gets_all_but_the_solutions(project, monkeypatch, tmp_path, edition, parts):
    """The website shows every solution: on a student's stick, nothing would be left to think about."""
    monkeypatch.setattr(handout, "add_mnist", lambda folder: (folder / "mnist").mkdir())
    asked = []
    monkeypatch.setattr(
        handout, "add_packages", lambda folder, names: (folder / "wheels").mkdir() or asked.extend(names)
    )
    monkeypatch.setattr(handout, "write_site", lambda folder: folder.mkdir())
    write_handout(tmp_path / "stick", edition, offline=True)
    assert {"mnist", "wheels", "site"} & set(os.listdir(tmp_path / "stick")) == parts
    start = (tmp_path / "stick" / "START.md").read_text(encoding="utf-8")
    (line,) = re.findall("pip install --no-index --find-links wheels (.*)", start)
    assert line == " ".join(f"-r {name}" for name in asked), "what is to be installed is in the folder"
    assert edition == "nbgrader" or "MNIST_PATH=mnist.npz" in start


def test_for_nbgrader_each_notebook_is_an_assignment_with_its_pictures(project, tmp_path):
    """Nbgrader takes an assignment's folder alone: a picture outside of it is lost."""
    written = write_handout(tmp_path / "course", "nbgrader")
    assert [path.parent.parent for path in written] == [tmp_path / "course" / "source"] * 11
    assert all((path.parent / "images" / f"{path.name[:2]}-opening.png").is_file() for path in written)


def test_what_is_there_already_stays(project, tmp_path):
    """A teacher's own notes in last year's folder."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "notes.txt").write_text("last year")
    with pytest.raises(DigitsError, match="is there already"):
        write_handout(folder)
    assert os.listdir(folder) == ["notes.txt"]
    with pytest.raises(DigitsError, match="beside it"):
        write_handout(project / "notebooks" / "class")


def test_what_a_killed_run_has_left_does_not_matter(project, tmp_path):
    """The next run would say that there is no room."""
    (tmp_path / ".class.part" / "digits").mkdir(parents=True)
    write_handout(tmp_path / "class")
    assert sorted(os.listdir(tmp_path)) == ["class", "project"]


@pytest.mark.parametrize(
    ("edition", "spoil", "reason"),
    [
        *[
            (
                "students",
                lambda path, text=text: path.write_text(text),
                "02-.*[.]ipynb cannot be made into this edition",
            )
            for text in ("{", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}')
        ],
        ("students", lambda path: path.with_name("notes.md").symlink_to("nowhere"), "cannot be written .*No such file"),
        ("nbgrader", lambda path: path.write_text(GAP), "02-.*[.]ipynb cannot be made into this edition .mine"),
    ],
    ids=["damaged", "a list", "nothing", "no cells", "dangling", "a gap without an answer"],
)
def test_what_cannot_be_handed_out_is_named(project, tmp_path, edition, spoil, reason):
    """A traceback, or `None` for a reason, the evening before the lesson."""
    spoil(project / "notebooks" / "02-preprocess-the-images.ipynb")
    with pytest.raises(DigitsError, match=reason):
        write_handout(tmp_path / "class", edition)
    assert not list(tmp_path.glob("*class*"))


def test_copies_and_what_npm_has_installed_are_not_handed_out(project, tmp_path):
    """A teacher's copy of a notebook holds what they tried in it, perhaps the answers."""
    first = project / "notebooks" / "02-preprocess-the-images.ipynb"
    for ending in ("-Copy1", " (2)", "-mine"):
        shutil.copy(first, first.with_stem(f"{first.stem}{ending}"))
    (project / "utils" / "browser" / "node_modules").mkdir(exist_ok=True)
    written = write_handout(tmp_path / "class")
    assert [path.name for path in written if path.name[:2] == "02"] == [first.name]
    assert not list((tmp_path / "class").rglob("*Copy1*"))
    assert not list((tmp_path / "class").rglob("node_modules"))


def test_a_whole_disk_is_no_folder_to_write():
    """A teacher names the stick itself, and after minutes of work nothing can be put in its place."""
    with pytest.raises(DigitsError, match="is a whole disk: name a new folder on it"):
        write_handout("/")


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(project, tmp_path):
    """Half a folder would be handed out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DigitsError, match="cannot be written"):
        write_handout(tmp_path / "file" / "class")
    assert sorted(os.listdir(tmp_path)) == ["file", "project"]


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """A folder of images with one of the learner's own in it, and two of their ten digits."""
    images, ten = tmp_path / "images", tmp_path / "ten"
    images.mkdir()
    ten.mkdir()
    (images / "labels.csv").write_text('file,label\n8.png,8\n8-mine.png,8\n"12.png","1\n2"\n', encoding="utf-8")
    (images / "8-mine.png").touch()  # an earlier version put its row into labels.csv
    Image.new("L", (20, 20)).save(images / "8.png")
    add_labelled(images, b"drawn", ".png", "12 34")
    for digit in (0, 7):
        Image.new("L", (280, 280)).save(ten / f"{digit}.png")
    monkeypatch.setenv("DIGITS_PATH", str(images))
    monkeypatch.setenv("TEN_PATH", str(ten))
    return images, ten


def test_forget_deletes_what_was_drawn_and_nothing_else(drawn, capsys):
    """Handwriting is personal: who wants it gone must not have to look for it."""
    images, ten = drawn
    (images / "holiday.jpg").touch()
    assert main(["forget", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "delete yourself what is to go" in said
    assert "holiday.jpg" in said.splitlines()[0]
    assert "12_34-mine.png" in said
    assert "labels-mine.csv" in said
    assert "Deleted 5 files" in said
    assert sorted(os.listdir(images)) == ["8.png", "holiday.jpg", "labels.csv"]
    assert (images / "labels.csv").read_text(encoding="utf-8") == 'file,label\n8.png,8\n"12.png","1\n2"\n'
    assert not ten.exists()
    assert main(["forget", "--yes"]) == 0
    assert "Nothing was drawn" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "left"), [("yes\n", 0), ("no\n", 2), ("", 2)])
def test_forget_asks_first(drawn, monkeypatch, answer, left):
    """A word typed too soon, and a term's drawings are gone."""
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert main(["forget"]) == (0 if left == 0 else 1)
    assert len(list(drawn[1].glob("*.png"))) == left


def test_a_file_that_cannot_be_deleted_is_told(drawn, monkeypatch):
    """Else one believes that it is gone."""
    paths = own.find_own()
    (paths[0]).unlink()
    with pytest.raises(DigitsError, match="cannot be deleted"):
        own.forget(paths)


def test_a_table_that_cannot_be_read_is_told_before_anything_is_gone(drawn):
    """A spreadsheet has saved it: half of what was drawn would be gone, and its labels there."""
    table = drawn[0] / "labels.csv"
    table.write_bytes(table.read_bytes() + "zwölf.png,12\n".encode("cp1252"))
    with pytest.raises(DigitsError, match="not in UTF-8: save it as CSV in UTF-8"):
        own.forget(own.find_own())
    assert (drawn[0] / "8-mine.png").is_file()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_of_a_spreadsheets_table_only_the_rows_of_what_is_gone_go(drawn, encoding):
    """Else a label stays without its drawing; and no other byte of a teacher's table is changed."""
    table = drawn[0] / "labels.csv"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""  # the others write their own
    table.write_bytes(mark + 'file;label;who\r\n8.png;8;"Anna; Bob"\r\n8-mine.png;8;Cem\r\n'.encode(encoding))
    own.forget(own.find_own())
    assert table.read_bytes() == mark + 'file;label;who\r\n8.png;8;"Anna; Bob"\r\n'.encode(encoding)
