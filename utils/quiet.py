"""Start Keras and TensorFlow the same way on every machine: without a word, and with Keras's own defaults.

TensorFlow and LiteRT print notes about processors and graphics cards when they start, before any of their settings can
tell them not to. They tell a student nothing and look like errors. And Keras reads its defaults from a file of its
user's, ``~/.keras/keras.json``: with ``channels_first`` or ``float16`` from another course, no network of this series
would train.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType

#: The packages that start TensorFlow.
LOUD = ("keras", "tensorflow")
#: Standard error belongs to the whole process: two threads that silenced it at once could leave it silent for good.
_LOCK = RLock()


@contextmanager
def stderr_silenced() -> Iterator[None]:
    """Throw away what is written to standard error in a block, by this process's C++ parts too."""
    with _LOCK:
        with suppress(Exception):  # a closed or replaced sys.stderr has nothing to flush
            sys.stderr.flush()
        try:
            saved = os.dup(2)
        except OSError:  # no standard error at all (a service, pythonw): nothing to silence
            yield
            return
        with open(os.devnull, "w") as sink:
            os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class _QuietFinder(MetaPathFinder):
    """Finds the loud packages where Python would, and silences standard error while they are imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LOUD else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_quietly(module: ModuleType) -> None:
            with stderr_silenced(), _no_settings() if name == "keras" else nullcontext():
                execute(module)

        spec.loader.exec_module = execute_quietly
        return spec


@contextmanager
def _no_settings() -> Iterator[None]:
    """Keep Keras from reading a user's ``keras.json``, valid or not, and from writing one, while it is imported."""
    named = os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = os.devnull  # nothing can be in it
    try:
        yield
    finally:
        if named is None:
            del os.environ["KERAS_HOME"]
        else:
            os.environ["KERAS_HOME"] = named
    home = os.path.expanduser("~")  # as Keras itself chooses its folder, which it keeps downloads in
    config = sys.modules["keras.src.backend.config"]
    config._KERAS_DIR = named or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")


def import_quietly() -> None:
    """Let ``import keras`` and ``import tensorflow`` print nothing from now on; what they raise is raised as ever.

    Keras then has its own defaults, whatever its user's ``keras.json`` says.
    """
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())
