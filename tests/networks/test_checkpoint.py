"""Without these, an interruption, a full disk or a loss gone wild costs a learner the whole training."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from utils import mnist, networks, plots
from utils.cli import main
from utils.errors import DigitsError
from utils.networks import checkpoint, training
from utils.networks.checkpoint import only_training, read_state, state_path, write_state
from utils.networks.store import load_model
from utils.paths import ROOT
from utils.widgets import LiveCurves


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
    live = LiveCurves("a")
    model, history = training.train(kind, sample, epochs=3, state=state, resume=True, live=live)
    assert history.epoch == [0, 1, 2]
    assert history.whole_epochs == 3
    assert live.curves["val_loss"] == ([1, 2, 3], history.history["val_loss"]), "the curves are those of all epochs"
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
    result = subprocess.run([*command, str(output), "--resume"], **options, timeout=600, check=False)
    assert result.returncode == 0, result.stdout
    assert f"epoch {done + 1:2} of 40" in result.stdout
    assert f"epoch {done:2} of 40" not in result.stdout
    assert load_model(output)
    assert not state_path(output).exists(), "there is nothing left to resume"


def test_going_on_that_is_interrupted_at_once_keeps_what_there_is(few, tmp_path, monkeypatch):
    """The network that was saved then was one that had learned nothing."""
    state = tmp_path / "a.state.npz"
    trained, _ = training.train("mlp", few, epochs=1, state=state)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "fit", interrupt)
    model, history = training.train("mlp", few, epochs=1, state=state, resume=True)
    assert (history.interrupted, history.whole_epochs) == (True, 1)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), trained.get_weights(), strict=True))


class Killed(BaseException):
    """Ends everything on the spot, as kill -9 does; what is done on the way out, the tests undo."""


@pytest.fixture(scope="module")
def few():
    """So few images that a training takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_PATH", "sample")
        whole = mnist.load_mnist(verbose=False)
    return replace(whole, x_train=whole.x_train[::10], y_train=whole.y_train[::10])


@pytest.fixture
def train(few, tmp_path, monkeypatch, capsys):
    """Train at the command line: ``train("--augment") → (status, weights, what it says of its end)``."""
    monkeypatch.setattr(mnist, "load_mnist", lambda: few)
    monkeypatch.setattr(training, "SETS", 1)  # in this process
    monkeypatch.setattr(training, "PATIENCE", 1)
    output = tmp_path / "a.keras"

    def run(*options):
        capsys.readouterr()
        status = main(["train", "--model", "mlp", "--epochs", "3", "--output", str(output), *options])
        lines = capsys.readouterr().out.splitlines()
        return (
            status,
            load_model(output).get_weights(),
            [line for line in lines if re.match("The best was|Test", line)],
        )

    return run


@pytest.fixture(scope="module")
def undisturbed():
    """What trainings that nobody has killed have given, by their options."""
    return {}


def kill_in_the_write(monkeypatch, times):
    """Be killed in the middle of writing a state, which leaves the part that is written."""
    plain, calls = np.savez, []

    def half(part, **arrays):
        calls.append(part)
        if len(calls) < times:
            return plain(part, **arrays)
        part.with_name(f".{part.name.split('.')[1]}.state.0123abcd.npz").write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(np, "savez", half)


def kill_at(target, name, after=False, times=1):
    """Be killed when something is called, or has returned, for the given time."""

    def kill(monkeypatch, times=times):
        plain, calls = getattr(target, name), []

        def call(*arguments, **options):
            calls.append(1)
            if len(calls) == times and not after:
                raise Killed
            result = plain(*arguments, **options)
            if len(calls) == times:
                raise Killed
            return result

        monkeypatch.setattr(target, name, call)

    return kill


@pytest.mark.parametrize(
    ("kill", "options"),
    [
        pytest.param(kill_at(checkpoint.Checkpoint, "on_train_begin", after=True), (), id="before the first epoch"),
        pytest.param(kill_at(LiveCurves, "on_train_batch_end", times=5), (), id="within an epoch"),
        pytest.param(lambda patch: kill_in_the_write(patch, 3), (), id="while the state is written"),
        pytest.param(kill_at(LiveCurves, "on_train_end"), (), id="after the last epoch"),
        pytest.param(
            kill_at(LiveCurves, "on_train_end"),
            ("--epochs", "12", "--learning-rate", "0.01"),
            id="after early stopping",
        ),
        pytest.param(kill_at(training, "find_temperature"), ("--augment",), id="while it is calibrated"),
        pytest.param(kill_at(networks, "save_model"), (), id="before it is saved"),
        pytest.param(kill_at(networks, "save_model", after=True), (), id="after it is saved"),
        pytest.param(kill_at(plots, "plot_histories"), (), id="before the curves are saved"),
    ],
)
def test_killed_at_any_moment_it_comes_to_the_same_end(kill, options, train, undisturbed, tmp_path, monkeypatch):
    """Hours of training would be lost, or lead to another network, without a word."""
    if options not in undisturbed:
        undisturbed[options] = train(*options)
        (tmp_path / "a.keras").unlink()
    with monkeypatch.context() as patch:
        kill(patch)
        with pytest.raises(Killed):
            train(*options)
    status, weights, lines = train(*options, "--resume")
    _, expected, expected_lines = undisturbed[options]
    if "--learning-rate" in options:
        assert "epoch 3:" in expected_lines[0], "after one more it was ended early"
    assert (status, lines) == (0, expected_lines)
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(weights, expected, strict=True))
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {"a.keras", "a.curves.png"}, "nothing else is left"


def test_what_cannot_be_resumed_is_said_in_one_line(sample, tmp_path, monkeypatch):
    state = tmp_path / "a.state.npz"
    with pytest.raises(DigitsError, match="There is no interrupted training"):
        training.train("mlp", sample, state=state, resume=True)
    training.train("mlp", sample, epochs=1, state=state)
    with pytest.raises(DigitsError, match="with epochs 1, not 2"):
        training.train("mlp", sample, epochs=2, state=state, resume=True)
    monkeypatch.setitem(training.BUILDERS, "mlp", training.BUILDERS["cnn"])
    with pytest.raises(DigitsError, match="is of another network, or another Keras"):
        training.train("mlp", sample, epochs=1, state=state, resume=True)


def text(**about):
    return {"about": json.dumps({"settings": {}, "epoch": 1, "history": {}, "best": [0, 0], "wait": 0} | about)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 half a file",
        text(epoch="many"),
        text(history=[]),
        text(best=1),
        {"about": "[]"},
        {"about": "no json"},
        {"about": np.array({}, dtype=object)},
        text() | {"variable_1": np.zeros(3)},  # number 0 is missing
        text() | {"best_0": np.zeros(13_000_000)},
    ],
)
def test_a_file_that_is_no_state_is_said_in_one_line(content, tmp_path):
    """Also a small one that would fill the memory."""
    path = tmp_path / "a.state.npz"
    path.write_bytes(content) if isinstance(content, bytes) else np.savez_compressed(path, **content)
    with pytest.raises(DigitsError, match="damaged or not the state of a training"):
        read_state(path, {})


def test_one_training_at_a_time_writes_a_network(few, tmp_path, monkeypatch, capsys):
    """A second one would overwrite the first one's state and network, or be told that it was interrupted."""
    monkeypatch.setattr(mnist, "load_mnist", lambda: few)
    arguments = ["train", "--model", "mlp", "--epochs", "1", "--output", str(tmp_path / "a.keras")]
    with only_training(tmp_path / "a.keras"), only_training(tmp_path / "b.keras"):
        assert main(arguments) == 1
        out, err = capsys.readouterr()
        assert "interrupted" not in out
        assert re.search(rf"A training of .*a.keras is under way \(process {os.getpid()}, started \d", err)
        assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".a.training").write_text("what a killed one has left")
    assert main(arguments) == 0


def test_a_folder_that_knows_no_locks_can_be_trained_in(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(checkpoint.FileLock, "acquire", refuse)
    with only_training(tmp_path / "a.keras"):
        pass


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
    state = checkpoint.State({"seed": 1}, 3, {"loss": [3, 2, 1]}, (0.5, 2), 0, [np.arange(4)], [np.ones((2, 3))])
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
