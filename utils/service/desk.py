"""Where images wait for one of the readers."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from utils.errors import DigitsError
from utils.service.readers import LostError, Reader
from utils.service.settings import Settings
from utils.service.upload import RefusedError

log = logging.getLogger("uvicorn.error")


class Desk:
    """Has images read in the order in which they came, each in a process that is ended if it takes too long.

    Parameters
    ----------
    settings
        The network and the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._readers = [Reader(settings) for _ in range(settings.workers)]
        self._free, self._lock = list(self._readers), threading.Lock()
        # One thread for each reader, to wait for it.
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="reader")
        self._waiting = 0

    @property
    def ready(self) -> bool:
        """Whether an image could be taken now: there is room, and not every reader is stuck or cannot be started."""
        return not self._full and any(reader.able for reader in self._readers)

    @property
    def _full(self) -> bool:
        return self._waiting >= self._settings.waiting

    def check(self) -> None:
        """Refuse another image if too many are waiting.

        Raises
        ------
        RefusedError
            If so.
        """
        if self._full:
            raise RefusedError(503, "Too many images are waiting: try again in a second.", {"Retry-After": "1"})

    def launch(self) -> None:
        """Let the first reader begin to start, so that what takes as long can be done meanwhile."""
        with suppress(LostError):  # `start` will say it
            self._readers[0].launch()

    def start(self) -> None:
        """Wait until the first reader is ready.

        Raises
        ------
        DigitsError
            If it cannot read with this network.
        """
        try:
            self._readers[0].start()
        except LostError as error:
            raise DigitsError("A reading process does not start: is there memory for it?") from error

    async def keep(self) -> None:
        """Start the readers before they are needed, and again when one has ended, for as long as the service runs."""
        while True:
            await asyncio.gather(*(asyncio.to_thread(reader.keep) for reader in self._readers))
            await asyncio.sleep(1)

    async def read(self, data: bytes, name: str) -> dict:
        """Read an image when its turn comes.

        Parameters
        ----------
        data
            The image.
        name
            What it is called.

        Returns
        -------
        dict
            What ``--json`` prints of it: its digits, or why it cannot be read.

        Raises
        ------
        RefusedError
            If too many are waiting, it takes too long, or the one who reads it is ended.
        """
        self.check()
        self._waiting += 1
        loop = asyncio.get_running_loop()
        turn = _Turn(loop, self._settings.seconds)

        def work() -> dict:
            with self._lock:
                reader = max(self._free, key=lambda reader: reader.started)  # rather than one that must be started
                self._free.remove(reader)
            try:
                return reader.read(data, name, lambda end: loop.call_soon_threadsafe(turn.begin, end))
            finally:
                with self._lock:
                    self._free.append(reader)

        future = self._threads.submit(work)
        future.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(self._leave, turn))
        reading = asyncio.wrap_future(future)
        try:
            wanted = {turn.begun, reading}
            done, _ = await asyncio.wait(wanted, timeout=self._settings.patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise RefusedError(503, "Too many images are waiting: try again later.", {"Retry-After": "10"})
            return await reading
        except DigitsError as error:  # its network has become unreadable
            raise RefusedError(503, str(error)) from None
        except LostError:
            if turn.late:
                sentence = f"Reading took longer than {self._settings.seconds:g} seconds: send a smaller image."
            else:
                sentence = f"The process that read {name} was ended, perhaps for want of memory: send a smaller image."
                log.error("A reading process has ended before its answer.")
            raise RefusedError(503, sentence) from None
        finally:
            reading.cancel()  # if it has not begun, it never will: nobody waits for it any longer

    def close(self) -> None:
        """End the readers. Whoever waits for an answer has got it before, or has gone."""
        for reader in self._readers:
            reader.close()
        self._threads.shutdown(cancel_futures=True)

    def _leave(self, turn: "_Turn") -> None:
        """Make room for another; called when an image that was given up is done, too."""
        turn.end()
        self._waiting -= 1


class _Turn:
    """An image's turn: it begins when a reader takes the image, and may last for so many seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop, self._seconds = loop, seconds
        self._timer: asyncio.TimerHandle | None = None
        self.begun, self.late = loop.create_future(), False

    def begin(self, end_reading: Callable[[], bool]) -> None:
        if not self.begun.done():
            self.begun.set_result(None)
        self._timer = self._loop.call_later(self._seconds, self._expire, end_reading)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self, end_reading: Callable[[], bool]) -> None:
        self.late = end_reading()
