"""A process that reads images, and can be ended: what takes too long, or too much memory, holds up nobody else."""

import atexit
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from utils.errors import DigitsError
from utils.service.settings import Settings

#: A process that is not ready to read after so many seconds will not be.
STARTING = 60
#: One that starts for longer does not count as ready, and one that does not take an image for so long is replaced.
SLOW_START, TAKING = 5, 2


class LostError(Exception):
    """The process has ended before it gave an answer."""


class Reader:
    """A process that reads one image after the other. It is started when it is first needed, and again after its end.

    It is a new Python, not a copy of this one, on all systems: it has none of the service's connections, and the
    service can use threads.

    Parameters
    ----------
    settings
        The network and the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        atexit.register(self.close)  # multiprocessing itself would only ask it to end, and wait
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._turn = threading.Lock()  # held while it starts or reads
        self._launched: float | None = None
        self._since: float | None = None
        self._failed = self._closed = False
        #: Whether it waits for an image or reads one, and need not be started first.
        self.started = False

    @property
    def able(self) -> bool:
        """Whether it could take an image now or in a moment: it can be started, and is not stuck in another."""
        since, allowed = self._since, self._settings.stuck
        if not self.started:
            since, allowed = self._launched, SLOW_START
        return not self._failed and (since is None or time.monotonic() - since < allowed)

    def start(self) -> None:
        """See that it is ready to read.

        Raises
        ------
        DigitsError
            If it cannot read with this network.
        LostError
            If it does not start, for want of memory for example.
        """
        with self._turn:
            self._start()

    def keep(self) -> None:
        """Start it if it has ended and is not being started; a failure shows in `able`."""
        if self._turn.acquire(blocking=False):
            try:
                with suppress(DigitsError, LostError):
                    self._start()
            finally:
                self._turn.release()

    def read(self, data: bytes, name: str, begin: Callable[["Callable[[], bool]"], None]) -> dict:
        """Read an image.

        Parameters
        ----------
        data
            The image.
        name
            What it is called.
        begin
            Is called when the reading begins, with a function that ends it, and the process with it; it returns
            whether there was still something to end.

        Returns
        -------
        dict
            What ``--json`` prints of it.

        Raises
        ------
        LostError
            If the process ends before the answer.
        RuntimeError
            If something went wrong in it; its text is the traceback.
        """
        with self._turn:
            self._start()
            if not self._takes(name):  # it was stopped, or has ended, while it had nothing to do
                self._end()
                self._start()
                if not self._takes(name):
                    self._end()
                    raise LostError
            process, busy = self._process, threading.Lock()

            def end() -> bool:
                with busy:  # not the next image's process
                    if self._since is not since:
                        return False
                    process.kill()
                    return True

            self._since = since = time.monotonic()
            try:
                begin(end)
                self._connection.send_bytes(data)
                kind, answer = json.loads(self._connection.recv_bytes())
            except (EOFError, OSError) as error:
                self._end()
                raise LostError from error
            finally:
                with busy:
                    self._since = None
        if kind == "failed":
            raise RuntimeError(answer)
        return answer

    def close(self) -> None:
        """End the process for good, whatever it does."""
        self._closed = True
        atexit.unregister(self.close)
        if self._process is not None:
            self._process.kill()

    def launch(self) -> None:
        """Start the process without waiting until it is ready.

        Raises
        ------
        LostError
            If the system has no process to give.
        """
        self.started = False
        self._launched = time.monotonic()
        if self._connection is not None:
            self._connection.close()
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        process = context.Process(target=work, args=(other, self._settings), name="reader", daemon=True)
        try:
            with other:
                process.start()
        except OSError as error:
            self._failed = True
            raise LostError from error
        self._process = process

    def _takes(self, name: str) -> bool:
        """Announce an image; a reader that runs says at once that it takes it."""
        with suppress(EOFError, OSError):
            self._connection.send_bytes(name.encode())
            return self._connection.poll(TAKING) and self._connection.recv_bytes() == b""
        return False

    def _end(self) -> None:
        self._process.kill()
        self._process.join()  # so that it counts as ended
        self.started = False

    def _start(self) -> None:
        if self._process is None or not self._process.is_alive():
            self.launch()
        if self.started:
            return
        try:
            if self._closed or not self._connection.poll(STARTING):
                self._process.kill()
            problem = self._connection.recv_bytes().decode()
        except (EOFError, OSError) as error:
            self._failed = True
            self._end()
            raise LostError from error
        self._failed = bool(problem)
        if problem:
            raise DigitsError(problem)
        self.started = True


def work(connection: Connection, settings: Settings) -> None:
    """Read what comes through a connection, in a process of its own, until the other end is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they go to the service, too, which finishes what is under way
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import cv2

    from utils.reader import ExportedNetwork, Reading, read_digits

    cv2.setNumThreads(1)  # the cores are shared out among images, not within one
    try:
        network = ExportedNetwork(settings.network)
    except DigitsError as error:
        connection.send_bytes(str(error).encode())
        return
    read_digits(network, "blank", BLANK)  # loads all that a reading needs
    limit_memory(settings.max_memory)
    connection.send_bytes(b"")
    with suppress(EOFError, OSError):  # the service has gone
        while True:
            name = connection.recv_bytes().decode()
            connection.send_bytes(b"")  # the image can come
            data = connection.recv_bytes()
            try:
                answer = "read", read_digits(network, name, data).record()
            except Exception as error:
                answer = "failed", traceback.format_exc()
                if isinstance(error, MemoryError) or getattr(error, "code", 0) == cv2.Error.StsNoMem:
                    gigabytes = f"{settings.max_memory / 1e9:g}"
                    sentence = f"{name} needs more than {gigabytes} GB of memory to be read: make it smaller."
                    answer = "read", Reading(name, error=sentence).record()
            connection.send_bytes(json.dumps(answer).encode())


#: A GIF of one white pixel.
BLANK = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has, where the system can see to that.

    Linux counts in ``RLIMIT_DATA`` what a process may write to and shares with nobody: what images need, and not the
    libraries, which ``RLIMIT_AS`` would count, too. Elsewhere there is no such limit.
    """
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/status") as file, suppress(OSError, ValueError):  # a lower limit is there already
        has = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
        resource.setrlimit(resource.RLIMIT_DATA, (has + more, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _end_with_the_service() -> None:
    """Leave no process behind when the service was killed."""
    parent_process().join()
    os._exit(1)
