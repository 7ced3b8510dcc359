"""Keras and TensorFlow, without what TensorFlow writes on the screen when it starts.

TensorFlow's C++ parts print notes about processors and graphics cards before any of its settings can tell them
not to. They tell a student nothing and look like errors, so they are kept off the screen during the import.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def _stderr_silenced() -> Iterator[None]:
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


with _stderr_silenced():
    import keras
    import tensorflow

__all__ = ["keras", "tensorflow"]
