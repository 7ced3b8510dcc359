"""Where images wait for one of the readers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from utils.reader import ExportedNetwork, Reading, read_digits
from utils.service.settings import Settings
from utils.service.upload import RefusedError


class Desk:
    """Reads images in the order in which they came, beside the thread that talks to browsers, and lets few wait.

    Parameters
    ----------
    network
        The trained network.
    settings
        The limits.
    """

    def __init__(self, network: ExportedNetwork, settings: Settings) -> None:
        self._network, self._settings = network, settings
        self._readers = ThreadPoolExecutor(settings.readers, thread_name_prefix="reader")
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether as many images wait as may."""
        return self._waiting >= self._settings.waiting

    def check(self) -> None:
        """Refuse another image if too many are waiting.

        Raises
        ------
        RefusedError
            If so.
        """
        if self.full:
            raise RefusedError(503, "Too many images are waiting: try again in a second.", {"Retry-After": "1"})

    async def read(self, data: bytes, name: str) -> Reading:
        """Read an image when its turn comes.

        Parameters
        ----------
        data
            The image.
        name
            What it is called.

        Returns
        -------
        Reading
            Its digits, or why it cannot be read.

        Raises
        ------
        RefusedError
            If too many are waiting, or it takes too long.
        """
        self.check()
        self._waiting += 1
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def work() -> Reading:
            loop.call_soon_threadsafe(begun.set)
            return read_digits(self._network, name, data)

        future = self._readers.submit(work)
        future.add_done_callback(lambda _: self._leave(loop))
        reading = asyncio.wrap_future(future)
        try:
            await asyncio.wait_for(begun.wait(), self._settings.patience)
            return await asyncio.wait_for(reading, self._settings.seconds)
        except TimeoutError:
            if begun.is_set():
                raise RefusedError(
                    503, f"Reading took longer than {self._settings.seconds:g} seconds: send a smaller image."
                ) from None
            raise RefusedError(503, "Too many images are waiting: try again later.", {"Retry-After": "10"}) from None
        finally:
            reading.cancel()  # if it has not begun, it never will: nobody waits for it any longer

    def close(self) -> None:
        """Wait for what is under way."""
        self._readers.shutdown()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make room for another; called by the reader's thread when an image that was given up is done, too."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._make_room)

    def _make_room(self) -> None:
        self._waiting -= 1
