"""Keep what C++ libraries print on standard error off the screen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import RLock

#: Standard error belongs to the whole process: two threads that silenced it at once could leave it silent for good.
_LOCK = RLock()


@contextmanager
def stderr_silenced() -> Iterator[None]:
    """Throw away what is written to standard error in a block, by this process's C++ parts too.

    TensorFlow and LiteRT print notes about processors and graphics cards when they start. They tell a student nothing
    and look like errors.
    """
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
