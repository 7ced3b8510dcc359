"""The search for good settings with Optuna, in several processes that share one storage.

The storage is an address: ``sqlite:///search.db`` is a file on this machine; with
``postgresql://user@host/digits`` the same command, typed on several machines, is one search. A worker that is killed
loses nothing: what it was trying is noticed by its missing heartbeat and is tried again.

The workers train, so they load TensorFlow, in the functions that need it; the process that starts them does not.
"""

import csv
import multiprocessing
import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState, create_trial
from sklearn.model_selection import train_test_split

from utils.errors import DigitsError
from utils.mnist import load_mnist
from utils.paths import shown, whole_file

#: A trial is over when it came to its end or was ended for doing badly.
OVER = (TrialState.COMPLETE, TrialState.PRUNED)
#: A worker says that it is alive so often, and is thought dead after so long, in seconds.
HEARTBEAT, GRACE = 5, 60
NAME = "digits"
#: What is searched, and where; the widths are the filters of the first block, doubled in each block after it.
SPACE: dict[str, optuna.distributions.BaseDistribution] = {
    "learning_rate": optuna.distributions.FloatDistribution(3e-4, 3e-2, log=True),
    "batch_size": optuna.distributions.CategoricalDistribution((64, 128, 256)),
    "dropout": optuna.distributions.FloatDistribution(0.0, 0.6),
    "distortion": optuna.distributions.FloatDistribution(0.0, 2.0),
    "width": optuna.distributions.CategoricalDistribution((8, 12, 16)),
}


@dataclass(frozen=True)
class Budget:
    """How much is spent: trials in all, and for each the training images and the epochs.

    Raises
    ------
    DigitsError
        If there are fewer trials or epochs than one, or fewer images than digits.
    """

    trials: int = 60
    images: int = 10_000
    epochs: int = 6

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("images", 10), ("epochs", 1)):
            if getattr(self, name) < least:
                raise DigitsError(f"A search with {name} {getattr(self, name)} is not possible: take {least} or more.")


def open_study(storage: str) -> optuna.Study:
    """Open a search, or begin it.

    Parameters
    ----------
    storage
        The address of a database, such as ``sqlite:///search.db``.

    Returns
    -------
    optuna.Study
        It minimises the validation loss. After four trials, one whose loss is above the median of the others at the
        same epoch is ended. Its sampler has no fixed seed: workers that were given the same one, on several machines,
        would try the same settings.

    Raises
    ------
    DigitsError
        If the storage cannot be opened.
    """
    if "://" not in storage:
        raise DigitsError(f"{storage} is no address of a database: for a file, write sqlite:///{storage}.")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _stored_in(storage, ImportError, RuntimeError), warnings.catch_warnings():  # of its driver
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # the heartbeat is one
        url = sqlalchemy.make_url(storage)
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite and ":memory:" in (url.database or ":memory:"):
            raise DigitsError(
                f"{storage} is in one process's memory, and a search has several: name a file, as in sqlite:///search.db."
            )
        return optuna.create_study(
            study_name=NAME,
            storage=optuna.storages.RDBStorage(
                storage,
                engine_kwargs={"connect_args": _patience(url)},
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=3),
            ),
            sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
            load_if_exists=True,
        )


def _patience(url: sqlalchemy.URL) -> dict[str, float | str]:
    """Return what the driver is told, so that nobody waits for ever for what another has locked.

    A host that is switched off in the middle of a write says no goodbye: PostgreSQL would keep its locks for hours.
    """
    if url.get_backend_name() == "sqlite":
        return {"timeout": 60}
    if url.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        return {"options": f"-c idle_in_transaction_session_timeout={GRACE}s"}
    return {}


@contextmanager
def _stored_in(storage: str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a storage may raise, and more kinds of errors, into one line."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, *more) as error:
        cause: BaseException = error
        while cause.__cause__:
            cause = cause.__cause__
        reason = (str(cause) or type(cause).__name__).splitlines()[0]
        raise DigitsError(
            f"The storage {_named(storage)} does not work ({reason}): check its address, that its driver is installed, "
            "that it may be written and that its disk is not full."
        ) from error


def _named(storage: str) -> str:
    """Name a storage without its password."""
    return re.sub(r"//([^:/@]*):[^@]*@", r"//\1:…@", storage)


def try_settings(trial: optuna.Trial, data: tuple[np.ndarray, ...], epochs: int) -> float:
    """Train the CNN with settings that Optuna suggests: the objective of the search.

    Parameters
    ----------
    trial
        Suggests the settings, is told the validation loss after each epoch, and may end the training.
    data
        ``x_train, x_val, y_train, y_val``, as of `utils.networks.training.split_training`.
    epochs
        How many passes over the training images.

    Returns
    -------
    float
        The lowest validation loss.
    """
    import keras

    from utils.networks.batches import Batches, distort
    from utils.networks.models import build_cnn
    from utils.networks.training import compile_model

    values = {name: suggest(trial, name) for name in SPACE}
    x_train, x_val, y_train, y_val = data
    strength = values["distortion"]

    def change(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return distort(images, rng, pixels=2 * strength, turn=10 * strength, size=0.1 * strength, slant=0.15 * strength)

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            trial.report(logs["val_loss"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    keras.utils.set_random_seed(0)
    model = build_cnn(values["dropout"], values["width"])
    batches = Batches(x_train, y_train, change, values["batch_size"])
    compile_model(model, epochs * len(batches), values["learning_rate"])
    history = model.fit(
        batches, epochs=epochs, validation_data=(x_val, y_val), validation_batch_size=1000, callbacks=[Report()],
        shuffle=False, verbose=0,
    )  # fmt: skip
    trial.set_user_attr("accuracy", max(history.history["val_accuracy"]))
    return float(np.nanmin([*history.history["val_loss"], 1e3]))


def suggest(trial: optuna.Trial, name: str) -> float | int:
    """Ask a trial for the value of one of the settings in `SPACE`."""
    space = SPACE[name]
    if isinstance(space, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def search(
    storage: str, budget: Budget, workers: int = 2, show: Callable[[list[FrozenTrial]], None] = lambda trials: None
) -> optuna.Study:
    """Search with several processes, until the storage holds as many trials as the budget says.

    Parameters
    ----------
    storage
        The address of a database; see `open_study`. A search that was begun there goes on.
    budget
        How much to spend.
    workers
        How many processes work at a time. One that dies is replaced.
    show
        Called about twice a second with the trials that are over.

    Returns
    -------
    optuna.Study
        With all its trials.

    Raises
    ------
    DigitsError
        If the storage cannot be opened or written, or holds a search that spends something else on a trial, or the
        workers fail.
    """
    study = open_study(storage)
    with _stored_in(storage), _Workers(storage, budget, workers) as pool:
        _agree_on_spending(study, budget, storage)
        while (missing := to_do(study, budget)) or study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            show(finished(study))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                optuna.storages.fail_stale_trials(study)  # and let them be tried again
            pool.replace_dead(missing)
            time.sleep(0.5)
    show(finished(study))
    return study


def _agree_on_spending(study: optuna.Study, budget: Budget, storage: str) -> None:
    """Note what a trial may spend, or see that it is what the search was begun with."""
    spent = {"images": budget.images, "epochs": budget.epochs}
    if not study.trials:
        study.set_user_attr("spent", spent)
    elif study.user_attrs.get("spent", spent) != spent:
        before = study.user_attrs["spent"]
        raise DigitsError(
            f"The search in {_named(storage)} spends {before['images']:,} images and {before['epochs']} epochs on a "
            "trial: give the same, or name another storage."
        )


class _Workers:
    """Processes that try settings. At the end of a block, what they are at is finished; after an error, it is ended.

    An interrupt is this process's: they do not hear it, but are ended.
    """

    def __init__(self, storage: str, budget: Budget, count: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._reasons = self._context.SimpleQueue()
        self._arguments, self._count = (storage, budget, count, self._reasons), count
        self._running: list[multiprocessing.Process] = []
        self._deaths, self._reason = 0, "The workers of the search fail one after the other: try python -m utils check."

    def __enter__(self) -> "_Workers":
        return self

    def replace_dead(self, wanted: bool) -> None:
        """Forget those that have ended and, if there is work, start others in their places."""
        while not self._reasons.empty():
            self._reason = self._reasons.get()
        self._deaths += sum(not process.is_alive() and process.exitcode != 0 for process in self._running)
        if self._deaths > 3 * self._count:
            raise DigitsError(self._reason)
        self._running = [process for process in self._running if process.is_alive()]
        for _ in range(self._count - len(self._running) if wanted else 0):
            self._running.append(self._context.Process(target=_work_or_say_why, args=self._arguments, daemon=True))
            with _deaf():  # so is what is started in here
                self._running[-1].start()

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            for process in self._running:
                process.join()
            return
        with _deaf():
            for process in self._running:
                process.terminate()
            for process in self._running:
                process.join(GRACE)


@contextmanager
def _deaf() -> Iterator[None]:
    """Hear no interrupts in a block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


def to_do(study: optuna.Study, budget: Budget) -> bool:
    """Say whether there are trials to begin: too few are over, or one waits to be tried again."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return bool(waiting) or len(finished(study)) < budget.trials


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that are over, in the order of their beginning."""
    return study.get_trials(deepcopy=False, states=OVER)


def best_trial(study: optuna.Study) -> FrozenTrial:
    """Return the trial with the lowest validation loss, of those that came to their end."""
    whole = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return min(whole, key=lambda trial: trial.value)


def describe_trial(trial: FrozenTrial) -> str:
    """Say in a line for people what a trial tried, and what came of it."""
    settings = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in trial.params.items())
    if trial.state == TrialState.PRUNED:
        return f"ended after epoch {trial.last_step + 1}  ({settings})"
    return f"loss {trial.value:.4f}, accuracy {trial.user_attrs['accuracy']:.2%}  ({settings})"


def limit_threads(processes: int) -> None:
    """Take only this process's share of the processor's cores.

    Parameters
    ----------
    processes
        How many processes train at the same time. It must be said before the first network is built.
    """
    import tensorflow

    threads = max(1, (os.cpu_count() or 1) // processes)
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


def work(storage: str, budget: Budget, workers: int) -> None:
    """Try settings until there are enough trials: what each process of the search does.

    Parameters
    ----------
    storage
        The address of the database.
    budget
        How much is spent by all workers together.
    workers
        How many share the processors of this machine.
    """
    mnist = load_mnist(verbose=False)  # before TensorFlow, which takes its time: what is wrong here is said at once
    study = open_study(storage)
    data = "all of MNIST" if mnist.complete else "the sample"
    with _stored_in(storage):
        before = study.user_attrs.get("data", data)
        if before != data:
            raise DigitsError(
                f"The search in {_named(storage)} is on {before}, and here is {data}: name another storage."
            )
        study.set_user_attr("data", data)
    limit_threads(workers)
    from utils.networks.training import split_training

    x_train, x_val, y_train, y_val = split_training(mnist)
    if budget.images <= len(x_train) - 10:  # to leave fewer than one of each digit out is to take all
        x_train, _, y_train, _ = train_test_split(
            x_train, y_train, train_size=budget.images, stratify=y_train, random_state=0
        )
    with _stored_in(storage), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

        def objective(trial: optuna.Trial) -> float:
            trial.set_user_attr("process", os.getpid())
            return try_settings(trial, (x_train, x_val, y_train, y_val), budget.epochs)

        study.optimize(
            objective,
            callbacks=[lambda study, _: None if to_do(study, budget) else study.stop()],
        )


def _work_or_say_why(storage: str, budget: Budget, workers: int, reasons: SimpleQueue) -> None:
    """Work; hand what the user can put right to the process that has started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows it is not deaf yet
    try:
        work(storage, budget, workers)
    except DigitsError as error:
        reasons.put(str(error))
        raise SystemExit(1) from error


def write_trials(study: optuna.Study, path: Path) -> None:
    """Write the trials that are over as a table (CSV), whole or not at all.

    Parameters
    ----------
    study
        The search.
    path
        The file.
    """
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "state", "loss", "accuracy", "epochs", "seconds", *SPACE])
        for trial in finished(study):
            values = list(trial.intermediate_values.values())
            loss = trial.value if trial.value is not None else min(values)
            seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
            accuracy = trial.user_attrs.get("accuracy", "")
            settings = [f"{value:.4g}" if isinstance(value, float) else value for value in map(trial.params.get, SPACE)]
            writer.writerow([trial.number, trial.state.name, f"{loss:.5f}", accuracy and f"{accuracy:.4f}",
                             len(values), f"{seconds:.1f}", *settings])  # fmt: skip


def read_trials(path: Path) -> optuna.Study:
    """Read a table of trials back into a search, for Optuna's own evaluations.

    Parameters
    ----------
    path
        What `write_trials` has written.

    Returns
    -------
    optuna.Study
        In memory, with the same trials.

    Raises
    ------
    DigitsError
        If the file is missing or is no such table.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name=NAME)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {*SPACE, "state", "loss"} <= set(reader.fieldnames or ()):
                raise ValueError("other columns")
            for row in reader:
                params = {
                    name: float(row[name])
                    if isinstance(space, optuna.distributions.FloatDistribution)
                    else int(row[name])
                    for name, space in SPACE.items()
                }
                study.add_trial(
                    create_trial(
                        state=TrialState[row["state"]],
                        value=float(row["loss"]),
                        params=params,
                        distributions=SPACE,
                        intermediate_values={int(row["epochs"]) - 1: float(row["loss"])},
                        user_attrs={"accuracy": float(row["accuracy"] or "nan")},
                    )
                )
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:  # TypeError: a row that is too short
        raise DigitsError(f"{shown(path)} is no table of trials: make it with python -m utils tune.") from error
    return study
