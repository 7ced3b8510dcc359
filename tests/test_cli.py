"""Without these, a script or a person at the command line gets a traceback, a wrong exit status, or broken JSON."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from utils import check, networks, service
from utils.cli import main
from utils.mnist import cache_file
from utils.networks import Verdict
from utils.paths import ROOT
from utils.reader import SURE, add_labelled, read_labels


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_predict_prints_a_line_for_each_file(save, draw, capsys):
    seven, row = save("7.png", draw("7")), save("row.png", draw("42"))
    status, out, _ = run("predict", str(seven), str(row), capsys=capsys)
    lines = out.splitlines()
    assert status == 0
    assert re.fullmatch(rf"{re.escape(str(seven))}  7  \(\d+\.\d%\)", lines[0])
    assert re.fullmatch(rf"{re.escape(str(row))}  42  \(\d+\.\d%, \d+\.\d%\)", lines[1])


def test_predict_reads_the_shipped_images(capsys):
    status, out, _ = run("predict", "--json", capsys=capsys)
    labels = {path.name: label for path, label in read_labels(ROOT / "digits").items()}
    read = {record["file"].replace("\\", "/").rsplit("/")[-1]: record["text"] for record in json.loads(out)}
    assert status == 0
    assert sum(read[file] == label for file, label in labels.items() if label) >= 0.9 * len(labels)


def test_json_is_one_array_and_nothing_else_in_the_order_given(tmp_path, save, draw, capsys):
    files = [save("b.png", draw("7")), tmp_path / "text.png", save("a.png", draw("31"))]
    files[1].write_text("no image")
    status, out, err = run("predict", "--json", *map(str, files), capsys=capsys)
    records = json.loads(out)
    assert status == 1
    assert [record["file"] for record in records] == [str(file) for file in files]
    assert [record["text"] for record in records] == ["7", "", "31"]
    assert "is not an image" in records[1]["error"]
    assert records[0]["error"] is None
    assert err.startswith("Model: ")
    digit = records[2]["digits"][0]
    assert digit["digit"] == 3
    assert 0 < digit["probability"] <= 1
    x, y, w, h = digit["box"]
    assert draw("31")[y : y + h, x : x + w].min() < 128
    assert (digit["line"], digit["confident"]) == (0, digit["probability"] >= SURE)
    assert (records[0]["note"], records[1]["note"]) == (None, None)


@pytest.mark.parametrize("kind", ["missing", "empty folder", "empty file"])
def test_paths_with_nothing_to_read(kind, tmp_path, save, draw, capsys):
    """One bad path among good ones: its message stands in its place, the others are read, the exit status is 1."""
    path = tmp_path / "thing.png"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "empty file":
        path.touch()
    status, out, _ = run("predict", str(path), str(save("1.png", draw("1"))), capsys=capsys)
    first, second = out.splitlines()
    assert status == 1
    assert "thing.png" in first
    assert {"missing": "does not exist", "empty folder": "has no image in it", "empty file": "is empty"}[kind] in first
    assert "  1  " in second


def test_an_empty_page_is_no_error(save, capsys):
    status, out, _ = run("predict", str(save("blank.png", np.full((50, 50), 255, np.uint8))), capsys=capsys)
    assert status == 0
    assert out.strip().endswith("no digit found")
    status, out, _ = run("predict", "--json", str(save("blank.png", np.full((50, 50), 255, np.uint8))), capsys=capsys)
    (record,) = json.loads(out)
    assert (status, record["text"], record["note"], record["error"]) == (0, "", "no digit found", None)


def test_letters_are_said_not_to_look_like_digits(save, draw, capsys):
    """Else a word comes out as a number, with a question mark at most behind some of it."""
    word = save("word.png", draw("KARWEN"))
    status, out, _ = run("predict", str(word), capsys=capsys)
    assert status == 0
    assert re.search(r"  (\d\?)+  \(.*%\)  this does not look like digits$", out.strip())
    _, out, _ = run("predict", "--json", str(word), capsys=capsys)
    (record,) = json.loads(out)
    assert (record["note"], record["error"]) == ("this does not look like digits", None)
    assert not any(digit["confident"] for digit in record["digits"])


def test_several_lines(save, draw, capsys):
    """A page of numbers: a line of text for each, in JSON, and on the screen one line for the file."""
    page = save("page.png", np.vstack([draw("123"), draw("456")]))
    _, out, _ = run("predict", "--json", str(page), capsys=capsys)
    assert json.loads(out)[0]["text"] == "123\n456"
    _, out, _ = run("predict", str(page), capsys=capsys)
    assert "  123 / 456  " in out


def test_what_is_unsure_is_marked(save, capsys):
    """A scribble is no digit, and whoever uses the result must be able to tell."""
    rng = np.random.default_rng(3)
    page = np.full((200, 200), 255, np.uint8)
    cv2.polylines(page, [rng.integers(20, 180, (25, 2)).astype(np.int32)], False, 0, 6, cv2.LINE_AA)
    scribble = save("scribble.png", page)
    _, out, _ = run("predict", str(scribble), capsys=capsys)
    assert re.search(r"  .*\d[?].*  [(]", out)
    _, out, _ = run("predict", "--json", str(scribble), capsys=capsys)
    assert not all(digit["confident"] for digit in json.loads(out)[0]["digits"])


def test_one_bad_file_among_a_hundred(tmp_path, draw, save, capsys):
    """A class hands in its drawings, and one file is broken: the other ninety-nine must be read."""
    for index in range(100):
        save(f"{index:02}.png", draw(str(index % 10)))
    (tmp_path / "42.png").write_bytes((tmp_path / "42.png").read_bytes()[:200])
    status, out, _ = run("predict", "--json", str(tmp_path), capsys=capsys)
    records = json.loads(out)
    assert status == 1
    assert [Path(record["file"]).name for record in records if record["error"]] == ["42.png"]
    assert sum(bool(record["text"]) for record in records) == 99


def test_sheet(tmp_path, save, draw, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    status, _, err = run("predict", str(save("7.png", draw("7"))), "--sheet", str(sheet), capsys=capsys)
    assert status == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert "sheet.png" in err


@pytest.mark.parametrize("name", ["sheet", "sheet.xyz", "sheet.tar.gz"])
def test_a_sheet_with_an_ending_that_is_no_picture_s(name, tmp_path, save, draw, capsys):
    status, out, err = run("predict", str(save("7.png", draw("7"))), "--sheet", str(tmp_path / name), capsys=capsys)
    assert (status, out) == (1, "")
    assert "has no ending of a picture" in err


def test_names_of_all_kinds(save, draw, tmp_path, capsys):
    """A dollar sign is mathematics to matplotlib, and not every screen can show every script."""
    files = [save("a$^$.png", draw("7")), save("七.png", draw("7"))]
    status, out, _ = run("predict", "--json", *map(str, files), "--sheet", str(tmp_path / "s.png"), capsys=capsys)
    assert status == 0
    assert out.isascii()
    assert [record["file"] for record in json.loads(out)] == [str(file) for file in files]
    command = [sys.executable, "-m", "utils", "predict", str(files[1])]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"})
    assert result.returncode == 0
    assert b"  7  " in result.stdout


def test_a_pattern_that_the_shell_has_not_replaced(save, draw, tmp_path, monkeypatch, capsys):
    """The shells of Windows hand `*.png` on as it is; and some files have a bracket in their name."""
    save("b.png", draw("1"))
    save("a.png", draw("7"))
    save("[1].png", draw("4"))
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    status, out, _ = run("predict", "[1].png", "*.png", capsys=capsys)
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["[1].png", "4"], ["[1].png", "4"], ["a.png", "7"], ["b.png", "1"],
    ]  # fmt: skip
    (tmp_path / "below").mkdir()  # without an image: no reason to lose the others
    status, out, _ = run("predict", "[ab]*", capsys=capsys)
    assert [line.split()[0] for line in out.splitlines()] == ["a.png", "b.png"]
    status, out, _ = run("predict", "*.jpg", capsys=capsys)
    assert status == 1
    assert "*.jpg matches no file: check the name." in out


def test_a_folder_of_folders(save, draw, tmp_path, capsys):
    """Each student has a folder: `predict` looks where `score` does."""
    for name in ("anna", "ben", ".trash"):
        (tmp_path / name).mkdir()
        save(f"{name}/1.png", draw("7"))
    status, out, _ = run("predict", str(tmp_path), capsys=capsys)
    assert status == 0
    assert [Path(line.split()[0]).parent.name for line in out.splitlines()] == ["anna", "ben"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_cannot_command_the_terminal_and_need_not_be_utf_8(save, draw, tmp_path, capsys):
    """A name may clear the screen, retype the title or forge a line; one that is not UTF-8 once ended `--sheet`."""
    source = save("plain.png", draw("7"))
    names = [b"\x1b[2Jred.png", b"a\nb.png  4  (100.0%).png", b"\xff\xfe.png", "sieben七ä.png".encode()]
    files = []
    for name in names:
        files.append(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
        shutil.copy(source, files[-1])
    broken = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"\x1b]0;broken\xff.png"))
    Path(broken).touch()
    status, out, _ = run("predict", *files, broken, "--sheet", str(tmp_path / "s.png"), capsys=capsys)
    lines = out.splitlines()
    assert status == 1
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert ["\\x1b[2Jred.png  7" in lines[0], "a\\nb.png" in lines[1], "\\udcff" in lines[2], "七ä" in lines[3]] == [
        True
    ] * 4
    assert (tmp_path / "s.png").is_file()
    status, out, _ = run("predict", "--json", *files, broken, capsys=capsys)
    assert [record["file"] for record in json.loads(out)] == [*files, broken]


def test_decoders_print_no_notes_of_their_own(tmp_path, draw):
    """Libtiff writes to standard error whatever it comes across, between the answers."""
    Image.fromarray(draw("7")).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[300:340] = bytes(40)
    (tmp_path / "a.tif").write_bytes(data)
    command = [sys.executable, "-m", "utils", "predict", str(tmp_path / "a.tif")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "is damaged" in done.stdout
    assert re.fullmatch(r"Model: .*\n", done.stderr)


def test_what_may_not_be_read_is_named_and_the_rest_is_read(save, draw, tmp_path, monkeypatch, capsys):
    """Root may read everything, so the refusal is made here."""
    private, good = save("private.png", draw("1")), save("good.png", draw("7"))
    folder = tmp_path / "folder"
    folder.mkdir()
    plain_open, plain_list = Path.open, Path.iterdir

    def refuse_open(self, *args, **options):
        if self == private:
            raise PermissionError(13, "Permission denied")
        return plain_open(self, *args, **options)

    def refuse_list(self):
        if self == folder:
            raise PermissionError(13, "Permission denied")
        return plain_list(self)

    monkeypatch.setattr(Path, "open", refuse_open)
    monkeypatch.setattr(Path, "iterdir", refuse_list)
    status, out, _ = run("predict", str(private), str(folder), "n" * 300, str(good), capsys=capsys)
    lines = out.splitlines()
    assert status == 1
    assert "private.png cannot be opened (Permission denied)" in lines[0]
    assert "folder cannot be listed (Permission denied)" in lines[1]
    assert "cannot be opened (File name too long)" in lines[2] or "does not exist" in lines[2]
    assert "  7  " in lines[3]


def test_a_sheet_that_cannot_be_written_is_said_before_the_reading(tmp_path, save, draw, capsys):
    (tmp_path / "file").touch()
    status, out, err = run(
        "predict", str(save("7.png", draw("7"))), "--sheet", str(tmp_path / "file/s.png"), capsys=capsys
    )
    assert (status, out) == (1, "")
    assert "cannot be written" in err


def test_predict_with_a_model_that_is_missing(tmp_path, capsys):
    status, out, err = run("predict", "--model", str(tmp_path / "none.keras"), capsys=capsys)
    assert (status, out) == (1, "")
    assert "There is no model at" in err


@pytest.fixture
def poor():
    """A network of one's own that has learned nothing."""
    keras.utils.set_random_seed(0)
    return networks.save_model(networks.build_cnn(), networks.learned_models() / "cnn-mnist.keras")


def test_one_s_own_network_is_not_taken_if_it_is_clearly_worse(poor, sample, save, draw, tmp_path, monkeypatch, capsys):
    """Its two scores are said, and the way to take it all the same; the check says so, too."""
    monkeypatch.setenv("DIGITS_PATH", str(tmp_path))
    image, why = str(save("7.png", draw("7"))), r"shipped with .* is clearly worse: it reads \d+ of the 80 .* one 80"
    _, out, err = run("predict", image, capsys=capsys)
    assert "  7  " in out
    assert re.fullmatch(rf"Model: .*{why}; --model .*cnn-mnist.keras takes yours\n", err)
    _, _, err = run("predict", "--model", str(poor), image, capsys=capsys)
    assert re.fullmatch(r"Model: .*cnn-mnist.keras [(]your own.*[)]\n", err)
    status, out, _ = run("check", capsys=capsys)
    assert status == 0
    assert re.search(rf"^ok +Model: .*{why}$", out, re.MULTILINE)

    served = []
    monkeypatch.setattr(service, "serve", lambda path, *others: served.append(path))
    status, out, _ = run("serve", capsys=capsys)
    assert re.fullmatch(rf"Model: .*{why}; --model .*cnn-mnist.keras takes yours\n", out)
    run("serve", "--model", str(poor), capsys=capsys)
    assert served == [networks.shipped_models() / "cnn.keras", poor]


def test_one_s_own_network_that_is_broken_does_not_stop_a_reading(poor, save, draw, capsys):
    poor.write_bytes(b"half a network")
    status, out, err = run("predict", str(save("7.png", draw("7"))), capsys=capsys)
    assert status == 0
    assert "  7  " in out
    assert re.fullmatch(
        r"Model: models/cnn.keras .*; your own cannot read: .*cnn-mnist.keras is a text file, not a Keras model.*\n",
        err,
    )


@pytest.fixture
def contest(tmp_path, save, draw):
    """A labelled folder: three right labels, one wrong, one file that is no image."""
    labels = {"a.png": "7", "b.png": "3", "c.png": "42", "d.png": "5", "e.png": "1"}
    for name, text in {"a.png": "7", "b.png": "3", "c.png": "42", "d.png": "7"}.items():
        save(name, draw(text))
    (tmp_path / "e.png").write_text("no image")
    rows = "".join(f"{name},{label}\n" for name, label in labels.items())
    (tmp_path / "labels.csv").write_text("file,label\n" + rows, encoding="utf-8-sig")
    return tmp_path


def test_score_counts(contest, capsys):
    status, out, _ = run("score", str(contest), capsys=capsys)
    assert status == 1  # for the file that cannot be read
    assert re.search(r"^single digits +2 of +4 +50.0%$", out, re.MULTILINE)
    assert re.search(r"^all images +3 of +5 +60.0%$", out, re.MULTILINE)
    assert re.search(r"^7 +1 of +1 +100.0%$", out, re.MULTILINE)
    assert re.search(r"^5 read as 7: .*d.png$", out, re.MULTILINE)
    assert re.search(r"^.*e.png  .*is not an image", out, re.MULTILINE)


def test_score_says_where_labels_and_images_do_not_agree(contest, save, draw, capsys):
    """A class's images that nobody labelled, or labels of images that are lost, changed the result without a word."""
    (contest / "e.png").unlink()
    save("f.png", draw("1"))
    with open(contest / "labels.csv", "a", encoding="utf-8") as table:
        table.write("b.png,three\n".replace("b.png", "f.png"))
    save("g.png", draw("1"))
    status, out, _ = run("score", str(contest), capsys=capsys)
    assert status == 1
    assert re.search(r"^all images +3 of +4 +75.0%$", out, re.MULTILINE)
    assert re.search(r"^1 with a label that is no number, not counted: .*f.png \(three\)$", out, re.MULTILINE)
    assert re.search(r"^1 labelled, but not there: e.png$", out, re.MULTILINE)
    assert re.search(r"^1 not labelled: .*g.png$", out, re.MULTILINE)
    record = json.loads(run("score", str(contest), "--json", capsys=capsys)[1])
    assert [len(record[name]) for name in ("no_number", "missing", "unlabelled")] == [1, 1, 1]


def test_score_takes_lines_as_predict_prints_them(save, draw, tmp_path, capsys):
    save("page.png", np.vstack([draw("123"), draw("456")]))
    (tmp_path / "labels.csv").write_text("file,label\npage.png,123 / 456\n")
    status, out, _ = run("score", str(tmp_path), capsys=capsys)
    assert status == 0
    assert re.search(r"^all images +1 of +1 ", out, re.MULTILINE)


def test_score_as_a_record_and_a_sheet(contest, capsys):
    sheet = contest / "new" / "mistakes.png"
    (contest / "e.png").unlink()
    (contest / "below").mkdir()
    (contest / "d.png").rename(contest / "below" / "d.png")  # labels may stand above the images
    status, out, _ = run("score", str(contest), "--json", "--sheet", str(sheet), capsys=capsys)
    record = json.loads(out)
    assert status == 1
    assert record["images"] == {"right": 3, "of": 4}
    assert record["by_digit"]["3"] == {"right": 1, "of": 1}
    assert record["confusions"][0]["label"] == "5"
    assert (record["errors"], record["missing"]) == ([], ["e.png"])
    assert sheet.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "content", ["File; Label\na.png;7\n", "file\tlabel\na.png\t7\n\t\n", "label,file\n7,a.png\n,\n"]
)
def test_labels_as_spreadsheets_write_them(tmp_path, save, draw, content, capsys):
    """In half of Europe a CSV file has semicolons."""
    save("a.png", draw("7"))
    (tmp_path / "labels.csv").write_text(content)
    status, out, _ = run("score", str(tmp_path), capsys=capsys)
    assert status == 0
    assert re.search(r"^all images +1 of +1 ", out, re.MULTILINE)


def test_labels_above_the_folder(tmp_path, save, draw, monkeypatch, capsys):
    """Each student has a folder, and the teacher one file of labels."""
    for name in ("anna", "ben"):
        (tmp_path / name).mkdir()
        save(f"{name}/{name}.png", draw("7"))
    (tmp_path / "labels.csv").write_text("file,label\nanna/anna.png,7\nben/ben.png,7\n")
    for folder in (str(tmp_path / "anna"), "."):
        monkeypatch.chdir(tmp_path / "anna")
        status, out, _ = run("score", folder, capsys=capsys)
        assert status == 0
        assert re.search(r"^all images +1 of +1 ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no labels.csv"),
        ("name;digit\na.png;7\n", "has no columns file and label"),
        ("file,label\n", "has no row for an image"),
        ("file,label\na.png,1\na.png,2\n", "names a.png twice"),
        ("file,label\nä.png,1\n".encode("cp1252"), "is not in UTF-8"),
    ],
)
def test_score_without_labels(tmp_path, content, message, capsys):
    if content:
        (tmp_path / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    status, out, err = run("score", str(tmp_path), capsys=capsys)
    assert (status, out) == (1, "")
    assert message in err


def test_train_saves_the_network_and_its_curves(sample, monkeypatch, capsys):
    monkeypatch.setitem(networks.EPOCHS, "mlp", 2)
    status, out, _ = run("train", "--model", "mlp", capsys=capsys)
    assert status == 0
    assert sorted(path.name for path in networks.learned_models().iterdir()) == [
        "mlp-sample.curves.png",
        "mlp-sample.keras",
    ]
    assert re.search(r"Test loss \d\.\d{4}, test accuracy \d\d\.\d\d% \(\d+ of 1,000\)", out)


def test_train_finds_out_before_the_training_that_it_cannot_save(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(networks, "train", lambda *args: pytest.fail("it was trained"))
    (tmp_path / "file").touch()
    status, _, err = run("train", "--output", str(tmp_path / "file" / "a.keras"), capsys=capsys)
    assert status == 1
    assert "cannot be written" in err
    status, _, err = run("train", "--output", str(tmp_path / "a.txt"), capsys=capsys)
    assert status == 1
    assert "does not end in .keras" in err


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C in a batch of an epoch, both counted from 0."""
    plain = keras.Model.fit

    def press(epoch, batch):
        class Press(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch

            def on_train_batch_end(self, at, logs=None):
                if (self.epoch, at) == (epoch, batch):
                    signal.raise_signal(signal.SIGINT)

        def fit(self, *args, callbacks, **options):
            return plain(self, *args, callbacks=[*callbacks, Press()], **options)

        monkeypatch.setattr(keras.Model, "fit", fit)

    return press


def test_ctrl_c_keeps_what_was_learned(sample, ctrl_c, tmp_path, capsys):
    ctrl_c(1, 5)
    output = tmp_path / "mine.keras"
    status, out, _ = run("train", "--model", "mlp", "--output", str(output), capsys=capsys)
    assert status == 130
    assert "Stopped in epoch 2 of 10, after batch 7 of 29" in out
    assert "the best weights so far are kept" in out
    assert output.is_file()


def test_a_second_ctrl_c_does_not_take_away_what_the_first_one_left(sample, ctrl_c, monkeypatch, tmp_path, capsys):
    ctrl_c(1, 5)
    plain = networks.save_model
    monkeypatch.setattr(networks, "save_model", lambda *args: [signal.raise_signal(signal.SIGINT), plain(*args)])
    output = tmp_path / "mine.keras"
    status, _, _ = run("train", "--model", "mlp", "--output", str(output), capsys=capsys)
    assert status == 130
    assert output.is_file()


def test_ctrl_c_while_the_first_is_answered_shows_no_traceback(monkeypatch):
    """A hasty second one would fill the screen."""

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("utils.cli.main", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("utils", run_name="__main__")
    assert caught.value.code == 130
    assert signal.signal(signal.SIGINT, before) is signal.SIG_DFL


def test_ctrl_c_at_once_spares_the_network_that_was_there(sample, ctrl_c, tmp_path, capsys):
    ctrl_c(0, 5)
    output = tmp_path / "good.keras"
    output.write_bytes(b"a good network")
    status, out, _ = run("train", "--model", "mlp", "--output", str(output), capsys=capsys)
    assert status == 130
    assert "nothing is saved" in out
    assert output.read_bytes() == b"a good network"


def test_a_loss_that_is_no_number_says_what_to_try(sample, tmp_path, capsys):
    """And the network that was there is spared."""
    output = tmp_path / "good.keras"
    output.write_bytes(b"a good network")
    status, out, err = run("train", "--model", "mlp", "--learning-rate", "1e30", "--output", str(output), capsys=capsys)
    assert status == 1
    assert "The loss is no longer a number. Try a learning rate of a tenth" in err
    assert "nothing is saved" in out
    assert output.read_bytes() == b"a good network"
    assert list(tmp_path.glob("*.npz")) == []


def test_what_cannot_be_resumed(sample, ctrl_c, tmp_path, capsys):
    output = tmp_path / "a.keras"
    status, _, err = run("train", "--model", "mlp", "--resume", "--output", str(output), capsys=capsys)
    assert status == 1
    assert "There is no interrupted training at" in err

    ctrl_c(1, 5)
    status, out, _ = run("train", "--model", "mlp", "--output", str(output), capsys=capsys)
    assert status == 130
    assert "The same command with --resume goes on." in out
    status, _, err = run("train", "--model", "mlp", "--seed", "1", "--resume", "--output", str(output), capsys=capsys)
    assert status == 1
    assert "with seed 0, not 1" in err


def test_tune_searches_and_writes_its_table(sample, tmp_path, capsys):
    """Two processes share a search; the same command a second time finds it done."""
    arguments = ["tune", "--trials", "2", "--images", "300", "--epochs", "1"]
    arguments += ["--storage", f"sqlite:///{tmp_path / 'a.db'}", "--table", str(tmp_path / "a.csv")]
    status, out, err = run(*arguments, capsys=capsys)
    assert (status, err) == (0, "")
    assert re.search(r"^  1 of \d: (loss|ended)", out, re.MULTILINE)
    assert re.search(r"^The best: loss \d\.\d{4}, accuracy \d+\.\d\d%  \(learning rate ", out, re.MULTILINE)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) >= 3
    _, again, _ = run(*arguments, capsys=capsys)
    assert again.splitlines()[-3:] == out.splitlines()[-3:]


@pytest.fixture
def corrected(tmp_path, draw):
    """A folder with nine drawings and what was meant."""
    folder = tmp_path / "corrected"
    folder.mkdir()
    for digit in "012345678":
        add_labelled(folder, cv2.imencode(".png", draw(digit))[1].tobytes(), ".png", digit)
    return folder


@pytest.mark.parametrize("better", [True, False])
def test_train_keeps_corrections_by_a_rule(better, corrected, sample, monkeypatch, capsys):
    """A version that has forgotten the old must not become the one that reads."""
    taught = []

    def correct(model, kind, mnist, corrections, seed, rate):
        taught.append((kind, corrections.labels.tolist(), seed, rate))
        return Verdict(24, 25 if better else 99, 1000, 2, 0, 3)

    monkeypatch.setattr(networks, "correct", correct)
    status, out, _ = run("train", "--corrections", str(corrected), "--seed", "3", capsys=capsys)
    assert taught == [("cnn", list(range(9)), 3, None)]
    assert "9 corrected digits: 6 to learn from, 3 held out." in out
    assert "24 of 1,000 before" in out
    assert (networks.learned_models() / "cnn-sample-corrected.keras").exists() is better
    assert status == (0 if better else 1)
    assert ("nothing is saved" in out) is not better


def test_corrections_are_learned_for_real(corrected, sample, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(networks.corrections, "STEPS", 5)
    monkeypatch.setattr(networks.corrections, "REDRAWN", 20)
    output = tmp_path / "new.keras"
    status, out, _ = run("train", "--corrections", str(corrected), "--output", str(output), capsys=capsys)
    assert re.search(r"misread: \d+ of 3 before, \d+ after\. MNIST's validation images, misread: \d+ of 400", out)
    assert output.exists() is (status == 0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--augment"], "leave --augment out"),
        (["--resume"], "leave --resume out"),
        (["--epochs", "3"], "leave --epochs out"),
        (["--output", "a.h5"], "does not end in .keras"),
        (["--corrections", "nowhere"], "nowhere does not exist"),
    ],
)
def test_what_does_not_go_with_corrections(more, message, corrected, sample, capsys):
    status, _, err = run("train", "--corrections", str(corrected), *more, capsys=capsys)
    assert status == 1
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--epochs", "0"),
        ("train", "--learning-rate", "0"),
        ("tune", "--trials", "x"),
        ("train", "--epochs", "1e3"),
        ("train", "--seed", "-1"),
        ("fly",),
        (),
    ],
)
def test_a_command_typed_wrongly(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.fixture
def imported(monkeypatch):
    """What is installed has been tried: another process for it takes seconds."""
    monkeypatch.setattr(check, "COMPILED", ())


def test_check_is_content_here(sample, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DIGITS_PATH", str(tmp_path))
    status, out, _ = run("check", capsys=capsys)
    assert status == 0, out
    assert out.endswith("Everything is here.\n")
    assert "MISSING" not in out
    assert not networks.learned_models().exists(), "check leaves nothing behind"


@pytest.mark.usefixtures("imported")
def test_check_looks_at_the_cache_without_touching_it(monkeypatch, capsys):
    monkeypatch.delenv("MNIST_PATH", raising=False)
    cache_file().parent.mkdir(parents=True)
    cache_file().write_bytes(b"half a file")
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search("MISSING  MNIST: .*mnist.npz is a text file, not MNIST: delete it", out)
    assert cache_file().read_bytes() == b"half a file"


@pytest.mark.usefixtures("imported")
def test_check_names_a_folder_that_cannot_be_written(sample, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEARNED_PATH", str(tmp_path / "file" / "learned"))
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search("MISSING  .*learned cannot be written to: .*LEARNED_PATH", out)


@pytest.mark.usefixtures("imported")
def test_check_does_not_make_a_folder_that_is_misspelt(sample, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DIGITS_PATH", str(tmp_path / "typo"))
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search("MISSING  .*typo is not a folder: .*DIGITS_PATH", out)
    assert not (tmp_path / "typo").exists()


@pytest.mark.usefixtures("imported")
def test_check_names_what_is_wrong_and_the_remedy(sample, monkeypatch, tmp_path, capsys):
    networks.learned_models().mkdir(parents=True)
    (networks.learned_models() / "cnn-mnist.keras").write_text("no model")
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "none.npz"))
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search("MISSING  MNIST: .*none.npz does not exist: set MNIST_PATH", out)
    assert re.search("MISSING  .*cnn-mnist.keras is a text file, not a Keras model: copy it", out)

    monkeypatch.setattr(check, "pinned_packages", lambda: {"numpy": "0.1", "no-such-package": "1"})
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert "MISSING  no-such-package is not installed: python -m pip install -r requirements.txt" in out
    assert re.search("MISSING  numpy .*tested with 0.1", out)


@pytest.mark.parametrize(
    ("module", "code", "line"),
    [
        (
            "cv2",
            "raise ImportError('libGL.so.1: cannot open shared object file')",
            "fails .libGL.so.1: .*: .*uninstall",
        ),
        ("cv2", "raise ImportError('DLL load failed while importing cv2')", "fails .DLL .*: .* Visual C\\+\\+"),
        ("tensorflow", "import os; os.kill(os.getpid(), 4)", "ends Python at once .exit status .*: .* AVX"),
        ("tensorflow", "raise RuntimeError('one\\ntwo')", "fails .one two.: install it anew"),
    ],
)
def test_check_tries_what_is_installed(sample, monkeypatch, tmp_path, capsys, module, code, line):
    """Installed is not enough: cv2 needs libraries that a container lacks, TensorFlow a processor with AVX."""
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(check, "COMPILED", ("numpy", module))
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search(f"MISSING  import {module} {line}", out)


def test_the_screen_stays_clean(sample, save, draw):
    """TensorFlow's start-up notes look like errors to a student."""
    assert subprocess.run([sys.executable, "-m", "utils", "check"], cwd=ROOT, capture_output=True).stderr == b""
    command = [sys.executable, "-m", "utils", "predict", "--json", str(save("7.png", draw("7")))]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert json.loads(result.stdout)[0]["text"] == "7"
    assert re.fullmatch(r"Model: .*\n", result.stderr)
