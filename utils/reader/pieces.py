"""What finding digits and cutting them apart share: boxes, pieces of ink, and the judge that is asked about them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from utils.errors import DigitsError

#: Says of images, ``(n, 28, 28) uint8``, how sure it is that each is a digit: ``(n,)``, 0 to 1.
Judge = Callable[[np.ndarray], np.ndarray]
#: By how much the judge must be surer of a digit joined than of its parts.
SURER = 0.15


class Box(NamedTuple):
    """Where a digit is: left, top, width and height in pixels of the image."""

    x: int
    y: int
    w: int
    h: int

    def scaled(self, down: float, across: float) -> "Box":
        """Return the box in an image that is so many times as high and as wide."""
        left, top = round(self.x * across), round(self.y * down)
        return Box(
            left, top, max(1, round((self.x + self.w) * across) - left), max(1, round((self.y + self.h) * down) - top)
        )


class TooManyMarksError(DigitsError):
    """There is more ink in more parts than on any page of digits, and sorting it would take minutes."""


class Effort:
    """How much ink may still be looked at on a page.

    Whatever is cut out is counted: a piece as one, a large one as one more for every `LARGE` of its pixels, which take
    as long, and so is a tiny one, which has to be enlarged. A page of 2,500 digits stays below the limit.
    """

    #: How many pieces are looked at, at most.
    MOST = 15_000
    LARGE = 60_000

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, box: "Box", times: int = 1) -> None:
        """Count a piece, or several of the same size.

        Raises
        ------
        TooManyMarksError
            If it is one too many.
        """
        self.spent += times * (1 + box.w * box.h // self.LARGE + 10 // max(box.w, box.h, 1))
        if self.spent > self.MOST:
            raise TooManyMarksError("too many marks for a page of digits: crop the image to its digits, or clean it")


#: A piece of ink and where it is: 0 = paper, 255 = ink.
Piece = tuple[Box, np.ndarray]


def union(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around all of them."""
    x, y = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.w for box in boxes), max(box.y + box.h for box in boxes)
    return Box(x, y, right - x, bottom - y)


def shared_extent(a: Box, b: Box) -> tuple[int, int]:
    """Count the columns and the rows that two boxes share; negative: the gap between them."""
    return min(a.x + a.w, b.x + b.w) - max(a.x, b.x), min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
