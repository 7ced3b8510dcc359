"""Run every notebook with the tests; compare it with its stored outputs where all of MNIST is there."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tests.comparing import pytest_itemcollected, pytest_runtest_call  # noqa: E402, F401 (pytest calls them)
from tests.series import is_of_the_series  # noqa: E402

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling
    from xdist.workermanage import WorkerController

SERVICE = "page", "service", "readers", "limits", "guard", "proxy"
#: Files whose tests share a server, a browser or a JupyterLab.
TOGETHER = (
    "tests/widgets/test_browser.py",
    "tests/lesson/test_in_browser.py",
    "tests/teaching/test_site.py",
    *(f"tests/service/test_{name}.py" for name in SERVICE),
    *(f"tests/browser/test_{name}.py" for name in ("build", "hosting", "learning", "same_reader", "visit")),
)
MNIST = pytest.StashKey[str]()
FOLDER = pytest.StashKey[tempfile.TemporaryDirectory]()
SEEN = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find out once which MNIST there is, so that all tests use the same, and compare outputs only with the whole."""
    if config.option.nbval_sanitize_with:  # pyproject.toml cannot say that it counts from the root
        config.option.nbval_sanitize_with = str(ROOT / config.option.nbval_sanitize_with)
    config.stash[FOLDER] = tempfile.TemporaryDirectory(prefix="digits-")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = config.stash[FOLDER].name  # it would leave a folder here
    if hasattr(config, "workerinput"):  # one of several processes: the first has found it out
        config.option.nbval, config.option.nbval_lax = config.workerinput["nbval"]
        _take_share(config.workerinput["workercount"])
        return
    if not config.option.nbval:
        return
    from utils.errors import DigitsError
    from utils.mnist import load_mnist

    try:
        mnist = load_mnist(verbose=False)
    except DigitsError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[MNIST] = str(mnist)
    if not mnist.complete:
        os.environ["MNIST_PATH"] = "sample"
        config.option.nbval, config.option.nbval_lax = False, True


def _take_share(processes: int) -> None:
    """Let what this process starts use its share of the cores: threads that wait for each other take twice the time."""
    threads = max(1, (os.cpu_count() or 1) // processes)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: "WorkerController") -> None:
    """Tell another process how notebooks are compared."""
    node.workerinput["nbval"] = node.config.option.nbval, node.config.option.nbval_lax


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling":
    """Share the tests out: a notebook's cells to one process, and tests that share a server or a browser.

    The longest of these come first, and single tests fill what is left of the time.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return file if file.startswith("notebooks/") or file in TOGETHER else nodeid

    return Scheduling(config, log)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which MNIST the notebooks run on, and whether their outputs are compared."""
    mnist = config.stash.get(MNIST, None)
    if mnist is None:
        return []
    if config.option.nbval_lax:
        note = "stored outputs are NOT compared: they come from all of MNIST. Every cell and every assertion is run."
    else:
        note = "stored outputs are compared."
    return [mnist, f"notebooks: {note}"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a learner's copies of the notebooks, unless one is asked for by its name."""
    if collection_path.suffix != ".ipynb" or is_of_the_series(collection_path):
        return None
    return None if collection_path in map(_named, config.args) else True


def _named(argument: str) -> Path:
    return Path(argument.partition("::")[0]).resolve()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give each notebook, before its kernel starts, a state that no other notebook and no learner has touched."""
    notebook = item.parent
    if notebook is None or notebook.path.suffix != ".ipynb" or SEEN in notebook.stash:
        return
    notebook.stash[SEEN] = True
    folder = Path(item.config.stash[FOLDER].name) / notebook.path.stem
    digits = folder / "digits"
    digits.mkdir(parents=True)
    os.environ["DIGITS_PATH"] = str(digits)  # without the images that a learner has added
    os.environ["LEARNED_PATH"] = str(folder / "learned")  # without the networks that a learner has trained
    os.environ["TEN_PATH"] = str(folder / "ten")  # without the ten digits that a learner has written
    os.environ.pop("STORE_SCORES", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    config.stash[FOLDER].cleanup()
