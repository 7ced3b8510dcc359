"""Without these, a script or a person at the command line gets a traceback, a wrong exit status, or broken JSON."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from utils import check, training
from utils.cli import main
from utils.paths import ROOT, learned_models


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
    labels = dict(line.split(",") for line in (ROOT / "digits" / "labels.csv").read_text().splitlines()[1:])
    read = {record["file"].replace("\\", "/").rsplit("/")[-1]: record["text"] for record in json.loads(out)}
    assert status == 0
    assert sum(read[file] == label for file, label in labels.items()) >= 0.9 * len(labels)


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


def test_sheet(tmp_path, save, draw, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    status, _, err = run("predict", str(save("7.png", draw("7"))), "--sheet", str(sheet), capsys=capsys)
    assert status == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert "sheet.png" in err


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


def test_train_saves_the_network_and_its_curves(sample, monkeypatch, capsys):
    monkeypatch.setitem(training.EPOCHS, "mlp", 2)
    status, out, _ = run("train", "--model", "mlp", capsys=capsys)
    assert status == 0
    assert sorted(path.name for path in learned_models().iterdir()) == ["mlp-sample.keras", "mlp-sample.png"]
    assert re.search(r"Test loss \d\.\d{4}, test accuracy \d\d\.\d\d% \(\d+ of 1,000\)", out)


def test_train_finds_out_before_the_training_that_it_cannot_save(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "train", lambda *args: pytest.fail("it was trained"))
    (tmp_path / "file").touch()
    status, _, err = run("train", "--output", str(tmp_path / "file" / "a.keras"), capsys=capsys)
    assert status == 1
    assert "cannot be written" in err
    status, _, err = run("train", "--output", str(tmp_path / "a.txt"), capsys=capsys)
    assert status == 1
    assert "does not end in .keras" in err


def test_ctrl_c_keeps_what_was_learned(sample, monkeypatch, tmp_path, capsys):
    plain = training.keras.Model.fit

    def interrupted(self, *args, callbacks, **options):
        class Interrupt(training.keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    raise KeyboardInterrupt

        return plain(self, *args, callbacks=[*callbacks, Interrupt()], **options)

    monkeypatch.setattr(training.keras.Model, "fit", interrupted)
    output = tmp_path / "mine.keras"
    status, out, _ = run("train", "--model", "mlp", "--output", str(output), capsys=capsys)
    assert status == 130
    assert "the best weights so far are kept" in out
    assert output.is_file()


@pytest.mark.parametrize("arguments", [("train", "--epochs", "0"), ("fly",), ()])
def test_a_command_typed_wrongly(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_check_is_content_here(sample, capsys):
    status, out, _ = run("check", capsys=capsys)
    assert status == 0, out
    assert out.endswith("Everything is here.\n")
    assert "MISSING" not in out


def test_check_names_what_is_wrong_and_the_remedy(sample, monkeypatch, tmp_path, capsys):
    learned_models().mkdir(parents=True)
    (learned_models() / "cnn-mnist.keras").write_text("no model")
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "none.npz"))
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert re.search("MISSING  MNIST: .*none.npz does not exist: set MNIST_PATH", out)
    assert re.search("MISSING  .*cnn-mnist.keras is damaged .*: train it again", out)

    monkeypatch.setattr(check, "pinned_packages", lambda: {"numpy": "0.1", "no-such-package": "1"})
    status, out, _ = run("check", capsys=capsys)
    assert status == 1
    assert "MISSING  no-such-package is not installed: python -m pip install -r requirements.txt" in out
    assert re.search("MISSING  numpy .*tested with 0.1", out)


def test_the_screen_stays_clean(save, draw):
    """TensorFlow's start-up notes look like errors to a student."""
    command = [sys.executable, "-m", "utils", "predict", "--json", str(save("7.png", draw("7")))]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert json.loads(result.stdout)[0]["text"] == "7"
    assert re.fullmatch(r"Model: .*\n", result.stderr)
