"""A contest for a class: who writes a digit that people read and the network does not? It is kept in memory alone.

A phone sends a drawing and what was meant. The service reads it itself, so nobody can claim a success, and what has
fooled it joins the board, which a projector shows. All of it is gone when the service ends.
"""

import itertools
import secrets
import time
from dataclasses import dataclass, field
from io import BytesIO

from utils.service.upload import RefusedError

#: So many drawings are on the board; the weakest, then the oldest, makes room.
MOST = 60
#: The largest drawing, in bytes: what the page sends has a tenth of that.
LARGEST = 200_000
#: The longest name, in characters.
LONGEST = 20
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Entry:
    """A drawing that has fooled the reader.

    Attributes
    ----------
    number
        Its own.
    drawing
        A PNG, as it was sent.
    name
        Who drew it, in their own words; may be empty.
    meant, read
        What the digit is, and what it was read as.
    probability
        What the network gave to its answer, from 0 to 1.
    sure
        Whether it was read without a mark.
    when
        In seconds, by `time.monotonic`.
    """

    number: int
    drawing: bytes
    name: str
    meant: int
    read: int
    probability: float
    sure: bool
    when: float = field(default_factory=time.monotonic)

    @property
    def rank(self) -> tuple[bool, float, float]:
        """The order on the board: first who fooled a network that was sure, then by how much it believed it."""
        return self.sure, self.probability, self.when

    def record(self) -> dict:
        """Return what the board shows, but for the drawing."""
        names = "number", "name", "meant", "read", "probability", "sure"
        return {name: getattr(self, name) for name in names}


class Contest:
    """The board.

    Parameters
    ----------
    address
        Where phones find the page.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        #: Who knows it may take drawings off the board: it stands in the address of the projector's page.
        self.key = secrets.token_urlsafe(8)
        self.tried = self.fooled = 0
        self._numbers = itertools.count(1)
        self._entries: dict[int, Entry] = {}

    def enter(self, drawing: bytes, record: dict, meant: int, name: str) -> bool:
        """Count a drawing, and put it on the board if it has fooled the reader.

        Parameters
        ----------
        drawing
            A PNG.
        record
            What ``--json`` prints of its reading.
        meant
            The digit that it shows, 0 to 9.
        name
            Who drew it; of this, what can be printed is kept, up to 20 characters.

        Returns
        -------
        bool
            Whether one digit was read, and it is another one.
        """
        self.tried += 1
        digits = record["digits"]
        if len(digits) != 1 or digits[0]["digit"] == meant:
            return False
        self.fooled += 1
        (digit,) = digits
        name = " ".join("".join(one for one in name if one.isprintable()).split())[:LONGEST]
        number = next(self._numbers)
        self._entries[number] = Entry(
            number, drawing, name, meant, digit["digit"], digit["probability"], digit["confident"]
        )
        if len(self._entries) > MOST:
            del self._entries[min(self._entries.values(), key=lambda entry: entry.rank).number]
        return True

    def board(self) -> dict:
        """Return the counts, and the entries with the best first."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.rank, reverse=True)
        return {"tried": self.tried, "fooled": self.fooled, "entries": [entry.record() for entry in entries]}

    def drawing(self, number: int) -> bytes:
        """Return a drawing, as PNG; `RefusedError` if it is not on the board."""
        if number not in self._entries:
            raise RefusedError(404, "This drawing is not on the board.")
        return self._entries[number].drawing

    def take_off(self, number: int, key: str) -> None:
        """Take a drawing off the board; `RefusedError` without the key of the projector's page."""
        if not secrets.compare_digest(key.encode(), self.key.encode()):
            raise RefusedError(403, "Only the projector's page may do that: open the address that the service printed.")
        self._entries.pop(number, None)

    def code(self) -> bytes:
        """Draw the address as a QR code: an SVG of black on white."""
        import segno

        stream = BytesIO()
        segno.make(self.address, error="m").save(stream, kind="svg", scale=10, border=2, light="#fff", xmldecl=False)
        return stream.getvalue()


def check_drawing(data: bytes, meant: str) -> int:
    """See whether a drawing may take part, and what was meant.

    Parameters
    ----------
    data
        What was sent.
    meant
        What was meant, as it was sent.

    Returns
    -------
    int
        The digit.

    Raises
    ------
    RefusedError
        If it is no small PNG, or nothing or no digit was meant.
    """
    if not data.startswith(PNG) or len(data) > LARGEST:
        raise RefusedError(422, f"Only drawings take part: a PNG of at most {LARGEST // 1000} kB.")
    if len(meant) != 1 or meant not in "0123456789":
        raise RefusedError(422, "Say which digit was meant: 0 to 9.")
    return int(meant)
