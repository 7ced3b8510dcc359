"""28 × 28 arrays → probabilities → text, and a whole file from end to end.

TensorFlow is imported when a Keras network is given; with an exported one (`utils.reader.exported`), it is not needed.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.reader.doubt import holds_no_digits
from utils.reader.exported import ExportedNetwork
from utils.reader.images import decode_image, prepare_page, read_image
from utils.reader.normalise import is_scribble, scale_pixels
from utils.reader.pieces import Box, TooManyMarksError
from utils.reader.segmentation import Found

if TYPE_CHECKING:
    import keras
    import tensorflow

    #: A trained network, in Keras or exported.
    Network = keras.Model | ExportedNetwork

#: A digit is marked unsure below this probability; notebook 09 shows how it was chosen.
SURE = 0.8
#: On a page with digits that are read for sure, what is below this, and stands outside their lines or has another
#: height, is left out: a crumb, the grain of a table; and so is a scribble.
NO_DIGIT = 0.3


@dataclass(frozen=True)
class Digit:
    """One digit that was read.

    Attributes
    ----------
    digit
        0 to 9.
    probability
        What the network gives it, 0 to 1.
    box
        Where it is in the image.
    line
        The line that it stands in, counted from 0.
    probabilities
        What the network gives to each of the ten digits; they add up to 1.
    turn
        By how many degrees counterclockwise the image was turned to read it, since it lay on its side or upside down.
    doubted
        Whether the page that it is from does not look like digits.
    """

    digit: int
    probability: float
    box: Box
    line: int = 0
    probabilities: tuple[float, ...] = ()
    turn: int = 0
    doubted: bool = False

    @property
    def confident(self) -> bool:
        """Whether the probability reaches `SURE`, on a page that looks like digits."""
        return self.probability >= SURE and not self.doubted

    def __str__(self) -> str:
        return f"{self.digit}{'' if self.confident else '?'}"


@dataclass(frozen=True)
class Reading:
    """What was read in one file.

    Attributes
    ----------
    file
        The file, as it was named.
    digits
        In reading order; empty if there is none.
    error
        Why the file could not be read, or None.
    images
        What the network saw: ``(n, 28, 28) uint8``, one for each digit.
    crowded
        Why no digit was looked for in an image that has too much on it, or None.
    """

    file: str
    digits: list[Digit] = field(default_factory=list)
    error: str | None = None
    images: np.ndarray | None = None
    crowded: str | None = None

    @property
    def text(self) -> str:
        """The digits as a string: each line from left to right, the lines joined by a line break."""
        return self._join("{0.digit}")

    @property
    def marked(self) -> str:
        """The text, with a ``?`` behind each digit that is not sure."""
        return self._join("{0}")

    @property
    def confident(self) -> bool:
        """Whether there is a digit, and all of them are sure."""
        return bool(self.digits) and all(digit.confident for digit in self.digits)

    @property
    def note(self) -> str | None:
        """What there is to say of an image: nothing in it, no digits by the looks of it, or not read upright."""
        if any(digit.doubted for digit in self.digits):
            return "this does not look like digits"
        if self.digits and (turn := self.digits[0].turn):
            return "read upside down" if turn == 180 else "read on its side"
        return self.crowded or ("no digit found" if self.error is None and not self.digits else None)

    def _join(self, form: str) -> str:
        lines: dict[int, str] = {}
        for digit in self.digits:
            lines[digit.line] = lines.get(digit.line, "") + form.format(digit)
        return "\n".join(lines[line] for line in sorted(lines))

    def record(self) -> dict:
        """Return what ``--json`` prints of it."""
        digits = [
            {
                "digit": digit.digit,
                "probability": digit.probability,
                "confident": digit.confident,
                "box": list(digit.box),
                "line": digit.line,
                "probabilities": list(digit.probabilities),
            }
            for digit in self.digits
        ]
        return {"file": self.file, "text": self.text, "digits": digits, "note": self.note, "error": self.error}


def predict_probabilities(model: "Network", images: np.ndarray) -> np.ndarray:
    """Let a network judge prepared images.

    Parameters
    ----------
    model
        A trained network.
    images : (n, 28, 28) uint8 array
        0 = background, 255 = ink.

    Returns
    -------
    (n, 10) float32 array
        The probability of each digit; each row adds up to 1.
    """
    if isinstance(model, ExportedNetwork):
        return model.predict(images)
    batches = [_compile(model)(scale_pixels(images[i : i + 1000])) for i in range(0, len(images), 1000)]
    return np.concatenate(batches) if batches else np.zeros((0, 10), np.float32)


@lru_cache(maxsize=4)
def _compile(model: "keras.Model") -> "Callable[[np.ndarray], tensorflow.Tensor]":
    """Make one graph for batches of any size: for a few images, `keras.Model.predict` takes ten times as long."""
    import tensorflow

    shape = tensorflow.TensorSpec((None, SIDE, SIDE, 1))
    return tensorflow.function(lambda images: model(images, training=False), input_signature=[shape])


def read_page(model: "Network", grey: np.ndarray) -> tuple[list[Digit], np.ndarray]:
    """Read the digits in a grey image.

    Parameters
    ----------
    model
        A trained network. It is asked where the geometry leaves open what is one digit, too.
    grey : (H, W) uint8 array
        0 = black, 255 = white.

    Returns
    -------
    digits : list of Digit
        In reading order.
    images : (n, 28, 28) uint8 array
        What the network saw of each.

    Raises
    ------
    DigitsError
        If there are more marks in it than on any page of digits.
    """

    def read(images: np.ndarray) -> np.ndarray:
        return predict_probabilities(model, images)

    found, images, turn = prepare_page(grey, judge=lambda pieces: read(pieces).max(axis=1), read=read)
    table = predict_probabilities(model, images)
    sure = table.max(axis=1, initial=0)
    kept = keep_readable(found, sure)
    doubted = holds_no_digits([found[index] for index in kept], sure[kept])
    lines = sorted({found[index].line for index in kept})
    digits = [
        Digit(
            int(table[index].argmax()),
            round(float(sure[index]), 4),
            found[index].box,
            lines.index(found[index].line),
            tuple(round(float(probability), 4) for probability in table[index]),
            turn,
            doubted,
        )
        for index in kept
    ]
    return digits, images[kept]


def keep_readable(found: Sequence[Found], sure: np.ndarray) -> list[int]:
    """Leave out crumbs and grain beside digits, and what was struck out.

    Parameters
    ----------
    found
        What was found on a page.
    sure : (n,) array
        The highest probability that the network gives to a digit, for each.

    Returns
    -------
    list of int
        The indices of the others: all, if none is read for sure.
    """
    heights: dict[int, list[int]] = {}
    for one, probability in zip(found, sure, strict=True):
        if probability >= SURE:
            heights.setdefault(one.line, []).append(one.box.h)
    return [
        index
        for index, one in enumerate(found)
        if sure[index] >= NO_DIGIT
        or not heights
        or (_fits(one.box.h, heights.get(one.line, [])) and not is_scribble(one.ink))
    ]


def _fits(height: int, others: list[int]) -> bool:
    return bool(others) and 0.6 < height / np.median(others) < 1.6


def read_digits(model: "Network", file: str | os.PathLike, data: bytes | None = None) -> Reading:
    """Read the digits in one image file.

    Parameters
    ----------
    model
        A trained network.
    file
        The image.
    data
        What would be in the file, if it came over a wire; ``file`` is then only its name.

    Returns
    -------
    Reading
        What it says. A file that cannot be read is no exception here: the reason is in ``error``. Nor is an image with
        too much on it: the reason is in ``note``.
    """
    try:
        digits, images = read_page(model, read_image(file) if data is None else decode_image(data, str(file)))
    except TooManyMarksError as error:
        return Reading(str(file), crowded=str(error))
    except DigitsError as error:
        return Reading(str(file), error=str(error))
    return Reading(str(file), digits, images=images)
