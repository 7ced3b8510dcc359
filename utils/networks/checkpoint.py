"""Nothing is lost: a training that leaves all it needs in a file after each epoch, and goes on from there."""

import json
import math
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from filelock import FileLock, Timeout

from utils.errors import DigitsError
from utils.paths import shown, whole_file

#: No state is nearly as large, in bytes; what claims to be is not read into memory.
LARGEST = 100_000_000


@dataclass(frozen=True)
class State:
    """What a training needs to go on.

    Attributes
    ----------
    settings
        What must be the same when it goes on.
    epoch
        How many epochs are done.
    history
        What Keras's ``History.history`` held.
    best
        The lowest validation loss, and the epoch it was in; None and -1 before the first.
    wait
        How many epochs have brought nothing since.
    variables, best_weights
        The network's and the optimizer's variables, and the weights of the best epoch.
    """

    settings: Mapping[str, object]
    epoch: int
    history: Mapping[str, list[float]]
    best: tuple[float | None, int]
    wait: int
    variables: list[np.ndarray]
    best_weights: list[np.ndarray]


def state_path(model: Path) -> Path:
    """Return the file in which the training of a network keeps its state, beside the network's own."""
    return model.with_suffix(".state.npz")


@contextmanager
def only_training(model: Path) -> Iterator[None]:
    """Let no second training write the same network, in a block.

    A lock that the operating system gives up when the process ends, however it ends. Where the folder knows no locks,
    as some network folders do not, there is none.

    Parameters
    ----------
    model
        The network's file, in a folder that is there.

    Raises
    ------
    DigitsError
        If such a training is under way.
    """
    path = model.with_name(f".{model.stem}.training")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DigitsError(
            f"A training of {shown(model)} is under way{_holder(path)}: wait for it, end it, or name another --output."
        ) from None
    except (OSError, NotImplementedError):
        yield
        return
    try:
        with suppress(OSError), path.open("wb") as file:  # the first byte is what Windows locks
            file.seek(1)
            file.write(json.dumps([os.getpid(), time.time()]).encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # before others can lock it; Windows does it then
        lock.release()


def _holder(lock: Path) -> str:
    """Say who holds a lock and since when, if that can be read."""
    try:
        with lock.open("rb", buffering=0) as file:
            file.seek(1)
            process, began = json.loads(file.read())
        return f" (process {process}, started {time.strftime('%d %B, %H:%M', time.localtime(began))})"
    except (OSError, ValueError, TypeError):
        return ""


def write_state(path: Path, state: State) -> None:
    """Write a state, whole or not at all.

    Parameters
    ----------
    path
        The file, ending in ``.npz``.
    state
        What to write.

    Raises
    ------
    DigitsError
        If it cannot be written.
    """
    about = {
        "settings": state.settings,
        "epoch": state.epoch,
        "history": state.history,
        "best": state.best,
        "wait": state.wait,
    }
    arrays = {f"variable_{index}": value for index, value in enumerate(state.variables)}
    arrays |= {f"best_{index}": value for index, value in enumerate(state.best_weights)}
    with whole_file(path) as part:
        np.savez(part, about=json.dumps(about), **arrays)


def read_state(path: Path, settings: Mapping[str, object]) -> State:
    """Read the state of an interrupted training.

    Parameters
    ----------
    path
        The file.
    settings
        Those of the training that is to go on.

    Returns
    -------
    State
        What was written.

    Raises
    ------
    DigitsError
        If there is no such file, it is no state that can be read, or the settings are others.
    """
    if not os.path.isfile(path):
        raise DigitsError(f"There is no interrupted training at {shown(path)}: start one without --resume.")
    try:
        with zipfile.ZipFile(path) as archive:  # looked at before it is read: a small file can hold a lot
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError(f"more than {LARGEST:,} bytes")
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            values = {
                kind: [file[f"{kind}_{index}"] for index in range(sum(name.startswith(kind) for name in file.files))]
                for kind in ("variable", "best")
            }
        state = State(
            about["settings"],
            int(about["epoch"]),
            {key: [float(value) for value in values] for key, values in about["history"].items()},
            (about["best"][0], int(about["best"][1])),
            int(about["wait"]),
            values["variable"],
            values["best"],
        )
    except PermissionError as error:
        raise DigitsError(f"{shown(path)} may not be read: check its permissions.") from error
    except Exception as error:  # zipfile, NumPy and JSON raise many kinds for a file that is not a whole state
        raise DigitsError(
            f"{shown(path)} is damaged or not the state of a training: start again, without --resume."
        ) from error
    for name, value in settings.items():
        if state.settings.get(name) != value:
            raise DigitsError(
                f"{shown(path)} is of a training with {name} {state.settings.get(name)}, not {value}: "
                "give the same settings, or start without --resume."
            )
    return state


def check_fit(state: State, model: keras.Model, path: Path) -> None:
    """See that a state is one of this network and its optimizer.

    Parameters
    ----------
    state
        What `read_state` gave.
    model
        The compiled network that is to go on.
    path
        The state's file.

    Raises
    ------
    DigitsError
        If it has more or fewer arrays than the network, or arrays of other shapes.
    """
    for found, wanted in ((state.variables, _variables(model)), (state.best_weights, model.weights)):
        if [array.shape for array in found] != [tuple(variable.shape) for variable in wanted]:
            raise DigitsError(
                f"{shown(path)} is of another network, or another Keras than {keras.__version__} wrote it: "
                "start again, without --resume."
            )


class Checkpoint(keras.callbacks.EarlyStopping):
    """Give the network its best weights in the end, and write the training's state to a file after each epoch.

    The best are those with the lowest validation loss. A training that is ended within an epoch leaves the state of
    the epoch before; one in which the loss is no longer a number gets the best weights from before, or the ones that
    it started with.

    Parameters
    ----------
    path
        Where to write the state, or None for nowhere.
    settings
        What must be the same when the training goes on.
    patience
        After so many epochs that bring nothing, the training ends.
    resumed
        The state to go on from.
    """

    def __init__(
        self,
        path: Path | None = None,
        settings: Mapping[str, object] | None = None,
        patience: int = 3,
        resumed: State | None = None,
    ) -> None:
        super().__init__(monitor="val_loss", patience=patience, restore_best_weights=True)
        self._path, self._settings, self._resumed = path, dict(settings or {}), resumed
        self.best_weights = resumed.best_weights if resumed else None  # if it is ended before it begins
        self.failure: str | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Go on where the training was, and see that the state can be written."""
        super().on_train_begin(logs)
        self._history: dict[str, list[float]] = {}
        self.best_weights, self.best_epoch = self.model.get_weights(), -1
        if self._resumed:
            for variable, value in zip(_variables(self.model), self._resumed.variables, strict=True):
                variable.assign(value)
            self._history = {key: list(values) for key, values in self._resumed.history.items()}
            self.best, self.best_epoch = self._resumed.best
            self.best_weights, self.wait = self._resumed.best_weights, self._resumed.wait
        elif self._path:
            write_state(self._path, self._state(0))  # a full disk is found out now

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep the weights if they are the best, and write the state if the epoch was a whole one."""
        cut_short = self.model.stop_training
        for key, value in (logs or {}).items():
            self._history.setdefault(key, []).append(float(value))
        if not math.isfinite((logs or {}).get("val_loss", math.nan)):
            return
        super().on_epoch_end(epoch, logs)
        if self._path and not cut_short:
            try:
                write_state(self._path, self._state(epoch + 1))
            except DigitsError as error:  # the training is worth more than its safety net
                self.failure = str(error)

    def _state(self, epoch: int) -> State:
        values = [np.asarray(variable) for variable in _variables(self.model)]
        best = self.best, self.best_epoch
        return State(self._settings, epoch, self._history, best, self.wait, values, self.best_weights)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Return the network's and the optimizer's variables, in the order in which a state holds them."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics] + list(model.optimizer.variables)
