"""Nothing is lost: a training that leaves all it needs in a file after each epoch, and goes on from there."""

import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from utils.errors import DigitsError
from utils.paths import shown, whole_file


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
    variables, best_weights
        The network's and the optimizer's variables, and the weights of the best epoch.
    """

    settings: Mapping[str, object]
    epoch: int
    history: Mapping[str, list[float]]
    best: tuple[float | None, int]
    variables: list[np.ndarray]
    best_weights: list[np.ndarray]


def state_path(model: Path) -> Path:
    """Return the file in which the training of a network keeps its state, beside the network's own."""
    return model.with_suffix(".state.npz")


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
    about = {"settings": state.settings, "epoch": state.epoch, "history": state.history, "best": state.best}
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
        If there is no such file, it is damaged, or the settings are others.
    """
    if not os.path.isfile(path):
        raise DigitsError(f"There is no interrupted training at {shown(path)}: start one without --resume.")
    try:
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            values = {
                kind: [file[f"{kind}_{index}"] for index in range(sum(name.startswith(kind) for name in file.files))]
                for kind in ("variable", "best")
            }
        state = State(
            about["settings"],
            about["epoch"],
            about["history"],
            tuple(about["best"]),
            values["variable"],
            values["best"],
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DigitsError(f"{shown(path)} is damaged: start the training again, without --resume.") from error
    for name, value in settings.items():
        if state.settings.get(name) != value:
            raise DigitsError(
                f"{shown(path)} is of a training with {name} {state.settings.get(name)}, not {value}: "
                "give the same settings, or start without --resume."
            )
    return state


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
        self.failure: str | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Go on where the training was, and see that the state can be written."""
        super().on_train_begin(logs)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self._history: dict[str, list[float]] = {}
        self.best_weights, self.best_epoch = self.model.get_weights(), -1
        if self._resumed:
            for variable, value in zip(self._variables(), self._resumed.variables, strict=True):
                variable.assign(value)
            self._history = {key: list(values) for key, values in self._resumed.history.items()}
            self.best, self.best_epoch = self._resumed.best
            self.best_weights, self.wait = self._resumed.best_weights, self._resumed.epoch - 1 - self.best_epoch
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
        values = [np.asarray(variable) for variable in self._variables()]
        return State(self._settings, epoch, self._history, (self.best, self.best_epoch), values, self.best_weights)

    def _variables(self) -> list[keras.Variable]:
        metrics = {id(variable) for variable in self.model.metrics_variables}
        own = [variable for variable in self.model.variables if id(variable) not in metrics]
        return own + list(self.model.optimizer.variables)
