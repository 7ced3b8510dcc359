"""Without these, a network of an interrupted lesson reads in the place of a good one, and nobody knows why."""

import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from utils.networks import choice
from utils.networks.choice import Comparison, choose_model, load_reader
from utils.networks.files import describe_model, learned_models, shipped_models
from utils.networks.models import build_cnn
from utils.networks.store import load_model, save_model
from utils.paths import ROOT

SHIPPED = shipped_models() / "cnn.keras"


@pytest.fixture
def own():
    """Put a network into models/learned/: ``own() → path`` puts a copy of the shipped one."""

    def put(model=None, name="cnn-mnist"):
        path = learned_models() / f"{name}.keras"
        path.parent.mkdir(exist_ok=True)
        if model is None:
            shutil.copy(SHIPPED, path)
        else:
            save_model(model, path)
        return path

    return put


@pytest.fixture
def few_images(monkeypatch):
    """Nine images, which take less time than all."""
    monkeypatch.setattr(choice, "IMAGES", 9)


@pytest.mark.parametrize(
    ("own", "shipped", "worse"),
    [(0, 4, False), (0, 5, True), (0, 63, True), (5, 0, False), (3, 8, False), (2, 9, True), (0, 0, False)],
)
def test_clearly_worse_means_more_than_chance(own, shipped, worse):
    """One image more or less is luck, and a learner's own network is his own. Against coins, counted by hand."""
    rng = np.random.default_rng(0)
    heads = rng.binomial(own + shipped, 0.5, 200_000)
    assert Comparison(9, own, shipped, 9).worse == (np.mean(heads >= shipped) < 0.05) == worse


def test_without_one_of_one_s_own_the_shipped_one_reads(capsys):
    """Outputs of the notebooks are compared with this line."""
    load_reader()
    assert capsys.readouterr().out == "Model: models/cnn.keras (shipped with the series)\n"
    assert choose_model().why == describe_model(SHIPPED)
    assert not learned_models().exists()


def test_one_s_own_that_reads_as_well_is_taken_and_all_images_are_counted(own, capsys):
    path = own()
    load_reader()
    said = capsys.readouterr().out
    assert said.startswith("Model: ")
    assert "cnn-mnist.keras (your own; delete the file to return to the shipped one)" in said
    assert said.endswith("it reads 80 of the 80 images in digits/, the shipped one 80\n")
    assert choose_model().path == path


def test_one_s_own_that_reads_clearly_worse_is_passed_over_with_both_scores(own, few_images):
    """As after one epoch: 5 of 63 images were read right, and the check was content."""
    keras.utils.set_random_seed(0)
    path = own(build_cnn())
    chosen = choose_model()
    assert (chosen.path, chosen.passed_over, chosen.problem) == (SHIPPED, path, None)
    assert chosen.why.startswith(describe_model(SHIPPED) + "; your own, ")
    assert "cnn-mnist.keras, is clearly worse: it reads " in chosen.why
    assert chosen.why.endswith("of the 9 images in digits/, the shipped one 9")


def test_one_of_the_sample_or_of_a_training_broken_off_is_not_taken_unasked(own, few_images):
    path = own(name="cnn-sample")
    assert "has learned from the sample alone: it reads 9 of the 9" in choose_model().why
    path = path.rename(path.with_name("cnn-mnist.keras"))
    assert choose_model().path == path
    state = path.with_suffix(".state.npz")
    state.touch()
    os.utime(path, (os.path.getmtime(state) + 1,) * 2)  # saved after the state: what an interrupt leaves
    assert "is of a training that was broken off: it reads 9 of the 9" in choose_model().why
    os.utime(path, (os.path.getmtime(state) - 1,) * 2)  # another training has begun since
    assert choose_model().path == path


@pytest.fixture
def measured(monkeypatch):
    """Count how often networks are compared; what comes of it is made up."""
    calls = []
    monkeypatch.setattr(choice, "_measure", lambda *files: [calls.append(files), Comparison(60, 1, 2, 0)][1])
    return calls


def test_it_is_measured_once_and_again_when_anything_has_changed(own, measured, monkeypatch):
    path = own()
    for _ in range(2):
        assert choose_model().why.endswith("it reads 61 of the 63 images in digits/, the shipped one 62")
    kept = path.with_suffix(".score.json")
    assert (len(measured), sorted(os.listdir(path.parent))) == (1, ["cnn-mnist.keras", "cnn-mnist.score.json"])

    good = json.loads(kept.read_text())
    damaged = ["", "[]", "{}", "null", "[" * 100_000, json.dumps(good | {"own": "5"}), json.dumps(good | {"x": 5}), "ÿ"]
    for text in damaged:
        kept.write_text(text, encoding="latin-1")
        assert choose_model().path == path
        assert json.loads(kept.read_text()) == good
    assert len(measured) == 1 + len(damaged)

    path.write_bytes(path.read_bytes() + b"x")
    choose_model()
    assert len(measured) == 2 + len(damaged)
    monkeypatch.setattr(choice, "IMAGES", 8)
    choose_model()
    assert len(measured) == 3 + len(damaged)


def test_where_nothing_can_be_kept_it_is_measured_each_time(own, measured):
    path = own()
    path.with_suffix(".score.json").mkdir()
    for _ in range(2):
        assert choose_model().path == path
    assert len(measured) == 2
    assert sorted(os.listdir(path.parent)) == ["cnn-mnist.keras", "cnn-mnist.score.json"]


def test_looking_up_takes_no_tensorflow(own, measured):
    """The service starts in a second and takes 90 MB, with a network of one's own, too."""
    own()
    choose_model()
    code = (
        "import sys; from utils.networks import choose_model; why = choose_model().why; "
        "sys.exit('tensorflow' in sys.modules or 'reads 61 of the 63' not in why)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_one_s_own_that_cannot_be_used_does_not_stop_the_others(own, few_images):
    path = own()
    path.write_bytes(path.read_bytes()[:1000])
    chosen = choose_model()
    assert (chosen.path, chosen.passed_over) == (SHIPPED, path)
    assert "cnn-mnist.keras is cut off" in str(chosen.problem)
    assert chosen.why.startswith(describe_model(SHIPPED) + "; your own cannot read: ")
    assert "cnn-mnist.keras is cut off" in chosen.why
    path.unlink()
    path.symlink_to("nowhere.keras")
    assert choose_model().passed_over is None


def test_without_the_shipped_images_or_network_it_says_so(own, few_images, monkeypatch, tmp_path):
    """Many clear the folder out for their own images; a comparison by nothing would call all networks equal."""
    path, copy = own(), tmp_path / "project"
    shutil.copytree(ROOT / "digits", copy / "digits")
    monkeypatch.setattr(choice, "ROOT", copy)
    for file in (copy / "digits").glob("*.*g"):
        file.unlink()
    (copy / "digits" / "labels.csv").write_text("file,label\n7-mine.png,7\n0-pen.png,0\n")
    chosen = choose_model()
    assert (chosen.path, chosen.passed_over) == (SHIPPED, path)
    assert chosen.why.endswith(
        "was not compared with it: the images that came with the series are no longer in digits/"
    )
    (copy / "digits" / "labels.csv").unlink()
    assert "was not compared with it: " in choose_model().why
    assert "has no labels.csv" in choose_model().why

    monkeypatch.setattr(choice, "ROOT", ROOT)
    monkeypatch.setattr(choice, "shipped_models", lambda: tmp_path)
    chosen = choose_model()
    assert chosen.path == path
    assert "; not compared with the shipped one: " in chosen.why


def test_a_network_of_another_make_can_be_one_s_own(own, few_images):
    """Someone who has built without a softmax reads with it all the same."""
    model = keras.Sequential([keras.Input((784,)), layers.Reshape((28, 28, 1)), load_model(SHIPPED)])
    learned_models().mkdir()
    model.save(learned_models() / "cnn-mnist.keras")
    assert "it reads 9 of the 9" in choose_model().why
