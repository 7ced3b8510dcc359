"""Without these, the same command gives another network each time, or an interrupt costs what was learned."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from utils.networks import training
from utils.paths import ROOT


def test_training_repeats_itself_and_an_interrupt_keeps_the_best(sample, monkeypatch):
    """Ctrl-C after the third epoch must not throw away what the second was good for."""
    first, _ = training.train("mlp", sample, epochs=2)
    second, _ = training.train("mlp", sample, epochs=2)
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
    model, history = training.train("mlp", sample, epochs=9)
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


SHORT_TRAINING = """
import json
from dataclasses import replace
from utils.mnist import load_mnist
from utils.networks import load_model, train
mnist = load_mnist(verbose=False)
few = replace(mnist, x_train=mnist.x_train[::20], y_train=mnist.y_train[::20])
model, history = train("cnn", few, epochs=1)
shipped = load_model("models/cnn.keras").predict(few.x_train[:9, ..., None] / 255, verbose=0)
result = [*history.history["loss"], *history.history["val_loss"], model.count_params(), *shipped.max(axis=1).tolist()]
"""


def test_a_keras_json_of_another_course_changes_nothing(sample, tmp_path, monkeypatch):
    """Its channels_first ends every training, with its float16 the loss is no number, with a typing error all ends."""
    settings = tmp_path / "keras.json"
    text = '{"floatx": "bf16", "epsilon": 0.1, "backend": "torch", "image_data_format": "channels_first"}'
    settings.write_text(text)
    monkeypatch.chdir(ROOT)
    here: dict[str, list[float]] = {}
    exec(SHORT_TRAINING, here)
    home = "assert keras.src.backend.config.keras_home() == os.environ['KERAS_HOME']\n"  # where downloads are kept
    command = [sys.executable, "-c", SHORT_TRAINING + "import keras, os\n" + home + "print(json.dumps(result))"]
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == pytest.approx(here["result"], rel=1e-3)
    assert settings.read_text() == text
