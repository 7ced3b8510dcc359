"""Without these, a learner's network is lost, or judged on images that it has learned by heart."""

import importlib.util
import json
import os
import re
import signal
from pathlib import Path

import nbformat
import numpy as np
import pytest

from utils.errors import DigitsError
from utils.networks import training
from utils.networks.batches import distort
from utils.networks.models import (
    BUILDERS,
    build_cnn,
    build_mlp,
    describe_model,
    learned_path,
    load_model,
    load_reader,
    load_unseeing,
    model_in_use,
    save_model,
)
from utils.paths import ROOT, shipped_models
from utils.quiet import keras
from utils.reader.normalise import scale_pixels

NOTEBOOKS = ROOT / "notebooks"


def cell_with(notebook: str, text: str) -> str:
    cells = nbformat.read(NOTEBOOKS / notebook, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code" and text in cell.source)


def architecture(model):
    text = json.dumps([(type(layer).__name__, layer.get_config()) for layer in model.layers], sort_keys=True)
    for layer in model.layers:
        text = text.replace(f'"{layer.name}"', '"name"')
    return text


@pytest.mark.parametrize("build", [build_mlp, build_cnn])
def test_notebook_03_builds_the_networks_of_utils(build):
    """What the lesson shows must be what the command line trains."""
    scope = {"keras": keras, "layers": keras.layers}
    source = cell_with("03-build-the-models.ipynb", f"def {build.__name__}")
    exec(source[: source.index(f"\n{build.__name__.removeprefix('build_')} = ")], scope)
    keras.utils.set_random_seed(0)
    ours = build()
    keras.utils.set_random_seed(0)
    theirs = scope[build.__name__]()
    assert architecture(ours) == architecture(theirs)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_notebook_07_takes_its_ideas_from_the_same_network():
    """An ablation of another network would say nothing about this one."""
    spec = importlib.util.spec_from_file_location("ablation", ROOT / "tests" / "benchmarks" / "ablation.py")
    ablation = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ablation)
    scope = {"keras": keras, "layers": keras.layers}
    exec(cell_with("07-improve-the-model.ipynb", "def build(").split("\n\n\ndef train")[0], scope)
    for build in (scope["build"], ablation.build):
        assert architecture(build(True, 0.2)) == architecture(build_cnn())
        assert not [layer for layer in build(False, 0.2).layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_notebook_04_trains_with_the_recipe_of_utils():
    scope = {}
    exec(
        cell_with("04-train-the-models.ipynb", "batch_size = ")
        .split("use_style()")[0]
        .split("from keras import layers")[1],
        scope,
    )
    assert {"mlp": scope["mlp_batch_size"], "cnn": scope["cnn_batch_size"]} == training.BATCH_SIZES
    assert {"mlp": scope["mlp_epochs"], "cnn": scope["cnn_epochs"]} == training.EPOCHS
    assert {"mlp": scope["mlp_learning_rate"], "cnn": scope["cnn_learning_rate"]} == training.LEARNING_RATES

    scope |= {"keras": keras, "np": np, "x_train": np.zeros(1000)}
    exec(cell_with("04-train-the-models.ipynb", "def compile_model"), scope)

    def settings(model):
        return re.sub(r'"adam_\d+"', '"adam"', json.dumps(model.get_compile_config(), sort_keys=True))

    for kind in ("mlp", "cnn"):
        theirs, ours = build_mlp(), build_mlp()
        size, rate = training.BATCH_SIZES[kind], training.LEARNING_RATES[kind]
        scope["compile_model"](theirs, epochs=3, batch_size=size, learning_rate=rate)
        training.compile_model(ours, 3 * -(-1000 // size), rate)
        assert settings(theirs) == settings(ours)
    assert {"mlp": None, "cnn": distort} == training.CHANGES
    assert "Batches(x_train, y_train, distort, cnn_batch_size)" in cell_with("04-train-the-models.ipynb", "cnn.fit(")


def test_untrained_probabilities_add_up():
    for build in BUILDERS.values():
        output = build().predict(np.random.default_rng(0).random((3, 28, 28, 1)), verbose=0)
        assert output.shape == (3, 10)
        assert np.allclose(output.sum(axis=1), 1, atol=1e-5)


def test_saved_without_the_optimizer_and_the_same_after_loading(tmp_path):
    model = build_mlp()
    training.compile_model(model, 10, 1e-3)
    x = np.random.default_rng(0).random((8, 28, 28, 1)).astype("float32")
    model.fit(x, np.arange(8), verbose=0)
    path = save_model(model, tmp_path / "new" / "a.keras")
    assert path.stat().st_size < 1e6
    assert os.listdir(path.parent) == ["a.keras"]
    assert np.array_equal(load_model(path).predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_model_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A full disk in the middle of saving must not cost the network that was there."""
    path = tmp_path / "a.keras"
    path.write_bytes(b"the old one")

    def full(self, file, **options):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(DigitsError, match="No space left on device"):
        save_model(build_mlp(), path)
    assert path.read_bytes() == b"the old one"
    assert os.listdir(tmp_path) == ["a.keras"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DigitsError, match="cannot be written"):
        save_model(build_mlp(), tmp_path / "file" / "a.keras")
    with pytest.raises(DigitsError, match=r"does not end in \.keras"):
        save_model(build_mlp(), tmp_path / "a.h5")


def test_models_that_are_missing_damaged_or_of_another_kind(tmp_path):
    with pytest.raises(DigitsError, match="no model at .*python -m utils train"):
        load_model(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(DigitsError, match="text.keras is damaged or not a Keras model"):
        load_model(tmp_path / "text.keras")
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    save_model(other, tmp_path / "other.keras")
    with pytest.raises(DigitsError, match="not a network for 28 × 28"):
        load_model(tmp_path / "other.keras")


def test_one_s_own_network_is_preferred_and_named(sample, capsys):
    assert model_in_use() == shipped_models() / "cnn.keras"
    own = save_model(build_cnn(), learned_path("cnn", sample))
    assert own.name == "cnn-sample.keras"
    assert model_in_use() == own
    load_reader()
    assert "your own" in capsys.readouterr().out
    assert "shipped" in describe_model(shipped_models() / "cnn.keras")


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_shipped_models_are_small_and_good(kind, sample):
    """They have seen these images, so this proves only that the files are whole and the right ones."""
    path = shipped_models() / f"{kind}.keras"
    assert path.stat().st_size < 1e6
    predicted = load_model(path).predict(scale_pixels(sample.x_test), verbose=0).argmax(axis=1)
    assert np.mean(predicted == sample.y_test) > 0.97


def test_the_sample_is_never_judged_by_a_network_that_has_seen_it(sample, monkeypatch, capsys):
    """The shipped network learned from all training images, the sample's test images among them."""
    monkeypatch.setitem(training.EPOCHS, "mlp", 1)
    model = load_unseeing("mlp", sample)
    assert "trained now on the sample's 4,000 images" in capsys.readouterr().out
    shipped = load_model(shipped_models() / "mlp.keras")
    assert not np.array_equal(model.get_weights()[0], shipped.get_weights()[0])

    own = save_model(build_mlp(), learned_path("mlp", sample))
    load_unseeing("mlp", sample)
    assert own.name in capsys.readouterr().out


def test_training_repeats_itself_and_an_interrupt_keeps_the_best(sample, monkeypatch):
    """Ctrl-C after the third epoch must not throw away what the second was good for."""
    first, _ = training.train("mlp", sample, epochs=2, verbose=False)
    second, _ = training.train("mlp", sample, epochs=2, verbose=False)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-5)

    weights = []

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append((logs["val_loss"], self.model.get_weights()))

        def on_train_batch_end(self, batch, logs=None):
            if len(weights) == 3 and batch == 5:
                signal.raise_signal(signal.SIGINT)

    plain_fit = keras.Model.fit

    def fit(self, *args, callbacks, **options):
        return plain_fit(self, *args, callbacks=[*callbacks, Interrupt()], **options)

    monkeypatch.setattr(keras.Model, "fit", fit)
    model, history = training.train("mlp", sample, epochs=9, verbose=False)
    assert history.interrupted
    assert len(history.epoch) == 4, "the epoch that was cut short counts, if it is the best"
    assert history.whole_epochs == 3
    best = min(weights, key=lambda pair: pair[0])[1]
    for a, b in zip(model.get_weights(), best, strict=True):
        assert np.array_equal(a, b)


def test_validation_images_are_set_aside(sample):
    x_train, x_val, _y_train, y_val = training.split_training(sample)
    assert (len(x_train), len(x_val)) == (3600, 400)
    assert np.bincount(y_val).tolist() == [40] * 10
    assert (x_train.min(), x_train.max(), x_train.dtype) == (0, 1, np.float32)
