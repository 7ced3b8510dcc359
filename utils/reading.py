"""28 × 28 arrays → probabilities → text, and a whole file from end to end."""

import os
from dataclasses import asdict, dataclass, field

import numpy as np

from utils.errors import DigitsError
from utils.images import Box, prepare_image, read_image, scale_pixels
from utils.quiet import keras


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
    """

    digit: int
    probability: float
    box: Box


@dataclass(frozen=True)
class Reading:
    """What was read in one file.

    Attributes
    ----------
    file
        The file, as it was named.
    digits
        From left to right; empty if there is none.
    error
        Why the file could not be read, or None.
    images
        What the network saw: ``(n, 28, 28) uint8``, one for each digit.
    """

    file: str
    digits: list[Digit] = field(default_factory=list)
    error: str | None = None
    images: np.ndarray | None = None

    @property
    def text(self) -> str:
        """The digits as a string, from left to right."""
        return "".join(str(digit.digit) for digit in self.digits)

    def record(self) -> dict:
        """Return what ``--json`` prints of it."""
        digits = [asdict(digit) | {"box": list(digit.box)} for digit in self.digits]
        return {"file": self.file, "text": self.text, "digits": digits, "error": self.error}


def predict_probabilities(model: keras.Model, images: np.ndarray) -> np.ndarray:
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
    if len(images) == 0:
        return np.zeros((0, 10), np.float32)
    return model.predict(scale_pixels(images), batch_size=256, verbose=0)


def read_digits(model: keras.Model, file: str | os.PathLike) -> Reading:
    """Read the digits in one image file.

    Parameters
    ----------
    model
        A trained network.
    file
        The image.

    Returns
    -------
    Reading
        What it says. A file that cannot be read is no exception here: the reason is in ``error``.
    """
    try:
        boxes, images = prepare_image(read_image(file))
    except DigitsError as error:
        return Reading(str(file), error=str(error))
    probabilities = predict_probabilities(model, images)
    digits = [
        Digit(int(row.argmax()), round(float(row.max()), 4), box) for row, box in zip(probabilities, boxes, strict=True)
    ]
    return Reading(str(file), digits, images=images)
