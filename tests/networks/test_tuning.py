"""Without these, a search loses what its workers were at, or its figures are not those of the trials."""

import multiprocessing
import re
import signal
import sqlite3
from types import SimpleNamespace

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState, create_trial

from utils import networks
from utils.cli import main
from utils.errors import DigitsError
from utils.networks import tuning
from utils.networks.tuning import (
    SPACE,
    Budget,
    best_trial,
    describe_trial,
    finished,
    open_study,
    read_trials,
    write_trials,
)


def trial(number, loss, state=TrialState.COMPLETE):
    params = {"learning_rate": 1e-3 * number, "batch_size": 64, "dropout": 0.2, "distortion": 1.0, "width": 8}
    return create_trial(
        state=state,
        value=loss,
        params=params,
        distributions=SPACE,
        intermediate_values={0: loss + 1, 1: loss},
        user_attrs={"accuracy": 1 - loss},
    )


@pytest.fixture
def study():
    study = optuna.create_study(study_name="a")
    for number, loss in enumerate((0.3, 0.1, 0.2), 1):
        study.add_trial(trial(number, loss))
    study.add_trial(trial(4, 0.05, TrialState.PRUNED))
    return study


def test_a_killed_worker_loses_no_trial(tmp_path, monkeypatch):
    """A machine goes down in the middle of a trial: it is noticed, and the same settings are tried again."""
    monkeypatch.setenv("MNIST_PATH", "sample")
    monkeypatch.setattr(tuning, "GRACE", 10)
    storage, lost = f"sqlite:///{tmp_path / 'a.db'}", []

    looks = open_study(storage)

    def at_work():
        trials = looks.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return {trial.user_attrs.get("process"): trial for trial in trials if trial.params}

    def kill_one(_):  # as soon as it is seen at work. If its trial is over before that, none is lost: another is killed
        trials = {} if lost else at_work()
        for worker in multiprocessing.active_children():
            if worker.pid in trials:
                worker.kill()
                worker.join()
                lost.extend(trial for process, trial in at_work().items() if process == worker.pid)
                return

    study = tuning.search(storage, Budget(trials=5, images=400, epochs=6), workers=2, show=kill_one)
    assert lost, "a worker was killed in the middle of a trial"
    assert len(finished(study)) >= 5
    for trial in lost:
        assert study.trials[trial.number].state == TrialState.FAIL
        assert any(trial.params.items() <= again.params.items() for again in finished(study)), "tried again"
    assert not [trial for trial in study.trials if not trial.state.is_finished()], "nothing is left half done"

    again = tuning.search(storage, Budget(trials=5, images=400, epochs=6))
    assert len(again.trials) == len(study.trials), "a search that is done is not begun again"
    with pytest.raises(DigitsError, match="spends 400 images and 6 epochs on a trial"):
        tuning.search(storage, Budget(trials=9, images=500, epochs=6))


def test_workers_that_cannot_work_are_not_replaced_for_ever(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "missing.npz"))
    with pytest.raises(DigitsError, match="missing.npz does not exist: set MNIST_PATH"):  # what the worker has met
        tuning.search(f"sqlite:///{tmp_path / 'a.db'}", Budget(trials=2, images=400, epochs=1), workers=1)


def test_the_best_is_the_lowest_loss_among_those_that_came_to_their_end(study):
    assert best_trial(study).number == 1
    assert describe_trial(best_trial(study)).startswith("loss 0.1000, accuracy 90.00%  (learning rate 0.002,")
    assert describe_trial(study.trials[3]).startswith("ended after epoch 2  (")


def test_the_table_of_trials_is_what_was_tried(tmp_path):
    path = tmp_path / "a.csv"
    study = optuna.create_study(study_name="a")
    study.optimize(lambda trial: sum(tuning.suggest(trial, name) for name in SPACE), n_trials=8)
    write_trials(study, path)
    back = read_trials(path)
    assert len(back.trials) == 8
    for a, b in zip(study.trials, back.trials, strict=True):
        assert b.params == pytest.approx(a.params, rel=1e-3)
        assert b.value == pytest.approx(a.value, abs=1e-5)
    assert best_trial(back).number == best_trial(study).number

    header, row, *_ = path.read_text().splitlines()
    for wrong in (
        "",
        "no table",
        f"{header}\n{row[:20]}",
        f"{header}\n{row.replace('COMPLETE', 'DONE')}",
        '"' + "x" * 200_000,
    ):
        path.write_text(wrong)
        with pytest.raises(DigitsError, match="no table of trials"):
            read_trials(path)
    with pytest.raises(DigitsError, match="no table of trials"):
        read_trials(tmp_path / "missing.csv")


@pytest.fixture
def tune(monkeypatch, capsys):
    """Call ``tune`` at the command line: ``tune("--trials", "2") → (status, out, err)``."""
    monkeypatch.setattr("utils.mnist.load_mnist", lambda: SimpleNamespace(x_train=range(4000)))

    def run(*arguments):
        return main(["tune", *arguments]), *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("nonsense", "nonsense is no address of a database"),
        ("postgresql://nobody:secret@127.0.0.1:9/digits", "The storage postgresql://nobody:…@127"),
        ("mysql://nobody:secret@127.0.0.1:9/digits", "No module named 'MySQLdb'"),
        ("redis://127.0.0.1:9", "Can't load plugin"),
        ("search.db", "for a file, write sqlite:///search.db"),
        ("sqlite:////proc/a.db", "a.db cannot be written"),
        ("sqlite://", "is in one process's memory"),
        ("sqlite:///:memory:", "is in one process's memory"),
        ("sqlite:///file::memory:?cache=shared&uri=true", "is in one process's memory"),
        ("a file", "file is not a database"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_one_line(storage, message, tune, tmp_path):
    """A traceback names neither the storage nor what to do; a search in memory would wait for its workers for ever."""
    if storage == "a file":
        (tmp_path / "a.db").write_text("no database" * 100)
        storage = f"sqlite:///{tmp_path / 'a.db'}"
    status, _, err = tune("--storage", storage)
    assert status == 1
    assert message in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1


def test_a_disk_that_fills_up_during_a_search_is_one_line(tmp_path, monkeypatch):
    def full(study):
        error = sqlite3.OperationalError("database or disk is full")
        raise optuna.exceptions.StorageInternalError from sqlalchemy.exc.OperationalError("INSERT", {}, error)

    monkeypatch.setattr(tuning, "finished", full)
    with pytest.raises(
        DigitsError, match=r"a.db does not work \(.*database or disk is full.*that its disk is not full"
    ):
        tuning.search(f"sqlite:///{tmp_path / 'a.db'}", Budget(trials=2, images=400, epochs=1))


@pytest.mark.parametrize("budget", [{"images": 9}, {"trials": 0}, {"epochs": 0}])
def test_a_search_needs_an_image_of_each_digit(budget):
    """scikit-learn's words speak of classes and a train_size, from within a worker."""
    ((name, value),) = budget.items()
    with pytest.raises(DigitsError, match=f"with {name} {value} is not possible: take {10 if value else 1} or more"):
        Budget(**budget)


def test_a_search_is_kept_with_the_networks_and_an_interrupt_says_how_to_go_on(tune, tmp_path, monkeypatch):
    """In a class each student's LEARNED_PATH is their own, and the project's folder cannot be written."""
    asked = []

    def search(storage, budget, *_):
        asked.append((storage, budget))
        raise KeyboardInterrupt

    monkeypatch.setattr(networks, "search", search)
    status, out, err = tune()
    assert status == 130
    assert "the same command goes on" in err
    assert "no more" in out, "of the sample there are fewer images than the search would take"
    assert asked == [(f"sqlite:///{tmp_path / 'learned' / 'search.db'}", Budget(images=4000))]

    (tmp_path / "file").touch()
    monkeypatch.setenv("LEARNED_PATH", str(tmp_path / "file" / "learned"))
    status, _, err = tune()
    assert (status, len(asked)) == (1, 1)
    assert re.fullmatch(r".*search.db cannot be written .*\n", err)


def test_a_search_is_on_one_set_of_data(sample, tmp_path):
    """The best of the sample's trials and of all MNIST's is no best of anything."""
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    tuning.open_study(storage).set_user_attr("data", "all of MNIST")
    with pytest.raises(DigitsError, match="is on all of MNIST, and here is the sample: name another storage"):
        tuning.work(storage, Budget(trials=1, images=50, epochs=1), workers=1)


def test_workers_do_not_hear_interrupts_which_are_for_the_search():
    """Ctrl-C goes to all processes of a terminal: each worker would print a traceback."""
    with tuning._deaf():
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_bad_trial_is_ended_early(tmp_path):
    """The pruning must save time: a loss above the median of the others ends a trial."""
    study = open_study(f"sqlite:///{tmp_path / 'a.db'}")
    ended = []

    def objective(trial):
        for epoch in range(4):
            trial.report(1.0 if trial.number < 4 else 5.0, epoch)
            if trial.should_prune():
                ended.append((trial.number, epoch))
                raise optuna.TrialPruned
        return 1.0

    study.optimize(objective, n_trials=6)
    assert ended == [(4, 1), (5, 1)]
