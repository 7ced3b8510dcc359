"""Without these, an interruption, a full disk or a loss gone wild costs a learner the whole training."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from utils.errors import DigitsError
from utils.networks import checkpoint, training
from utils.networks.checkpoint import read_state, state_path, write_state
from utils.networks.store import load_model
from utils.paths import ROOT


@pytest.fixture
def interrupt_at(monkeypatch):
    """Do something in a batch of an epoch, both counted from 0."""
    plain = keras.Model.fit

    def install(epoch, batch, action):
        class Act(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch

            def on_train_batch_begin(self, at, logs=None):
                if (self.epoch, at) == (epoch, batch):
                    action(self.model)

        def fit(self, *arguments, callbacks, **options):
            return plain(self, *arguments, callbacks=[*callbacks, Act()], **options)

        monkeypatch.setattr(keras.Model, "fit", fit)
        return lambda: monkeypatch.setattr(keras.Model, "fit", plain)

    return install


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_a_resumed_training_gives_what_the_undisturbed_one_gives(kind, sample, tmp_path, interrupt_at):
    expected, expected_history = training.train(kind, sample, epochs=3)
    state = tmp_path / "a.state.npz"
    undo = interrupt_at(1, 4, lambda model: signal.raise_signal(signal.SIGINT))
    _, history = training.train(kind, sample, epochs=3, state=state)
    assert history.interrupted
    undo()
    model, history = training.train(kind, sample, epochs=3, state=state, resume=True)
    assert history.epoch == [0, 1, 2]
    assert history.whole_epochs == 3
    for key, values in expected_history.history.items():
        assert history.history[key] == pytest.approx(values, rel=1e-3, abs=1e-4)
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-3)


def test_the_command_line_goes_on_after_a_kill(tmp_path):
    """The power fails: what the epochs before have brought is there, and --resume goes on with it."""
    command = [sys.executable, "-m", "utils", "train", "--model", "mlp", "--epochs", "40", "--output"]
    output = tmp_path / "a.keras"
    environment = os.environ | {"MNIST_PATH": "sample"}
    options = {"cwd": ROOT, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([*command, str(output)], **options)
    for line in process.stdout:
        if line.startswith("epoch  3"):
            break
    process.kill()
    process.wait()
    process.stdout.close()
    assert not output.exists()
    with np.load(state_path(output)) as file:
        done = json.loads(str(file["about"]))["epoch"]
    assert done >= 2
    result = subprocess.run([*command, str(output), "--resume"], **options, timeout=120, check=False)
    assert result.returncode == 0, result.stdout
    assert f"epoch {done + 1:2} of 40" in result.stdout
    assert f"epoch {done:2} of 40" not in result.stdout
    assert load_model(output)
    assert not state_path(output).exists(), "there is nothing left to resume"


def test_what_cannot_be_resumed_is_said_in_one_line(sample, tmp_path):
    state = tmp_path / "a.state.npz"
    with pytest.raises(DigitsError, match="There is no interrupted training"):
        training.train("mlp", sample, state=state, resume=True)
    training.train("mlp", sample, epochs=1, state=state)
    with pytest.raises(DigitsError, match="with epochs 1, not 2"):
        training.train("mlp", sample, epochs=2, state=state, resume=True)
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(DigitsError, match="damaged"):
        training.train("mlp", sample, epochs=1, state=state, resume=True)


def test_a_full_disk_is_found_out_before_the_training(sample, tmp_path, monkeypatch):
    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    began = []
    monkeypatch.setattr(keras.callbacks.History, "on_epoch_begin", lambda *a, **k: began.append(1), raising=False)
    with pytest.raises(DigitsError, match="No space left"):
        training.train("mlp", sample, epochs=1, state=tmp_path / "a.state.npz")
    assert not began


def test_a_disk_that_fills_up_later_does_not_end_the_training(sample, tmp_path, monkeypatch):
    plain, calls = checkpoint.write_state, []

    def write(path, state):
        calls.append(state.epoch)
        if len(calls) == 2:
            raise DigitsError("a.state.npz was not written (No space left on device): is the disk full?")
        plain(path, state)

    monkeypatch.setattr(checkpoint, "write_state", write)
    _, history = training.train("mlp", sample, epochs=3, state=tmp_path / "a.state.npz")
    assert calls == [0, 1, 2, 3]
    assert "No space left" in history.failure
    assert history.whole_epochs == 3


@pytest.mark.parametrize(("epoch", "whole"), [(0, 0), (2, 2)])
def test_a_loss_that_is_no_number_leaves_the_last_good_weights(epoch, whole, sample, interrupt_at):
    interrupt_at(epoch, 5, lambda model: model.layers[-1].bias.assign(np.full(10, np.nan)))
    model, history = training.train("mlp", sample, epochs=5)
    assert history.failed
    assert not history.interrupted
    assert history.whole_epochs == whole
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_a_state_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.state.npz"
    state = checkpoint.State({"seed": 1}, 3, {"loss": [3, 2, 1]}, (0.5, 2), [np.arange(4)], [np.ones((2, 3))])
    write_state(path, state)
    back = read_state(path, {"seed": 1})
    assert (back.epoch, back.history, back.best) == (3, {"loss": [3, 2, 1]}, (0.5, 2))
    assert np.array_equal(back.variables[0], np.arange(4))
    assert np.array_equal(back.best_weights[0], np.ones((2, 3)))
    before = path.read_bytes()

    def half(part, **arrays):
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(DigitsError):
        write_state(path, state)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"
