"""Where images wait for one of the readers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from utils.exported import ExportedNetwork
from utils.reading import Reading, read_digits
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
        if self.full:
            raise RefusedError(503, "Too many images are waiting: try again in a second.", {"Retry-After": "1"})
        self._waiting += 1
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def work() -> Reading:
            loop.call_soon_threadsafe(begun.set)
            return read_digits(self._network, name, data)

        future = self._readers.submit(work)
        future.add_done_callback(lambda _: self._leave(loop))
        reading = asyncio.wrap_future(future)
        await begun.wait()
        try:
            return await asyncio.wait_for(reading, self._settings.seconds)
        except TimeoutError:
            raise RefusedError(
                503,
                f"Reading took longer than {self._settings.seconds:g} seconds: try again, or send a smaller image.",
                {"Retry-After": "5"},
            ) from None

    def close(self) -> None:
        """Wait for what is under way."""
        self._readers.shutdown()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make room for another; called by the reader's thread when an image that was given up is done, too."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._make_room)

    def _make_room(self) -> None:
        self._waiting -= 1
