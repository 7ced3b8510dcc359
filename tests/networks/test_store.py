"""Without these, a learner's network is lost, or judged on images that it has learned by heart."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from utils.errors import DigitsError
from utils.networks import training
from utils.networks.files import learned_path, shipped_models
from utils.networks.models import build_mlp
from utils.networks.store import load_model, load_unseeing, save_model
from utils.paths import ROOT
from utils.reader import predict_probabilities, read_image, read_page, scale_pixels

DIGITS = ROOT / "digits"


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
    with pytest.raises(DigitsError, match="text.keras is a text file, not a Keras model"):
        load_model(tmp_path / "text.keras")
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    save_model(other, tmp_path / "other.keras")
    with pytest.raises(DigitsError, match="not a network for 28 × 28"):
        load_model(tmp_path / "other.keras")


@pytest.fixture(scope="module")
def shipped():
    return load_model(shipped_models() / "mlp.keras")


@pytest.fixture(scope="module")
def images():
    """Digits as `predict_probabilities` takes them."""
    return read_page(load_model(shipped_models() / "cnn.keras"), read_image(DIGITS / "1789_2026-lines.png"))[1]


def without_softmax(shipped):
    """The shipped network up to its logits."""
    logits = layers.Dense(10, name="logits")
    model = keras.Sequential([keras.Input((28, 28, 1)), *shipped.layers[1:-1], logits])
    logits.set_weights(shipped.layers[-1].get_weights())
    return model


STRANGERS = {
    "logits": without_softmax,
    "logs of probabilities": lambda shipped: keras.Sequential(
        [without_softmax(shipped), layers.Activation("log_softmax")]
    ),
    "28 × 28": lambda shipped: keras.Sequential([keras.Input((28, 28)), layers.Reshape((28, 28, 1)), shipped]),
    "784": lambda shipped: keras.Sequential([keras.Input((784,)), layers.Reshape((28, 28, 1)), shipped]),
    "channels first": lambda shipped: keras.Sequential(
        [keras.Input((1, 28, 28)), layers.Reshape((28, 28, 1)), shipped]
    ),
    "pixels 0 to 255": lambda shipped: keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), shipped]),
    "dark on white": lambda shipped: keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(-1, 1), shipped]),
    "all of it": lambda shipped: keras.Sequential(
        [keras.Input((784,)), layers.Reshape((28, 28, 1)), layers.Rescaling(-1 / 255, 1), without_softmax(shipped)]
    ),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_networks_that_others_have_made_give_the_same(kind, shipped, images, tmp_path):
    """Else '545.0%' stands behind a digit, or a good network reads noise."""
    STRANGERS[kind](shipped).save(tmp_path / "a.keras")
    model = load_model(tmp_path / "a.keras")
    expected = predict_probabilities(shipped, images)
    assert np.allclose(predict_probabilities(model, images), expected, atol=1e-3)
    again = load_model(save_model(model, tmp_path / "again.keras"))
    assert np.allclose(predict_probabilities(again, images), expected, atol=1e-3)


def two_outputs():
    inputs = keras.Input((28, 28, 1))
    x = layers.Flatten()(inputs)
    return keras.Model(inputs, [layers.Dense(10, activation="softmax")(x), layers.Dense(2)(x)])


def dense(shape=(28, 28, 1), classes=10, activation="softmax"):
    model = [keras.Input(shape), layers.Flatten(), layers.Rescaling(9), layers.Dense(classes, activation=activation)]
    return keras.Sequential(model)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (two_outputs, "has 1 inputs and 2 outputs, not one of each"),
        (lambda: dense((32, 32, 1)), r"takes 32 × 32 × 1 values and gives 10\)"),
        (lambda: dense((28, 28, 3)), r"takes 28 × 28 × 3 values and gives 10\)"),
        (lambda: dense(classes=11), r"takes 28 × 28 × 1 values and gives 11\)"),
        (lambda: dense(activation="sigmoid"), r"no probabilities \(they add up to .*let its last layer have a softmax"),
        (lambda: dense(activation="relu"), "ends in relu, so it gives no probabilities"),
        (lambda: keras.Sequential([layers.Flatten(), layers.Dense(10)]), "was saved before it had seen an image"),
    ],
)
@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_networks_that_cannot_read_digits_are_refused_for_their_reason(build, message, tmp_path):
    build().save(tmp_path / "a.keras")
    with pytest.raises(DigitsError, match=message):
        load_model(tmp_path / "a.keras")


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
