"""The ten digits that meet every method of the series: the learner's own, or those that come with it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from utils.lesson.drawings import own_drawings, shipped_drawings
from utils.reader import extract_ink, normalise_digit

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, eq=False)
class Ten:
    """Ten drawings, of 0 to 9.

    Attributes
    ----------
    images : (10, 280, 280) uint8 array
        As drawn: dark ink on white.
    own : tuple of int
        Which of them the learner has drawn.
    """

    images: np.ndarray
    own: tuple[int, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """What they show: ``(10,)``, 0 to 9 in order."""
        return np.arange(10)

    @cached_property
    def prepared(self) -> np.ndarray:
        """The same in MNIST's form: ``(10, 28, 28) uint8``, 0 = background, 255 = ink; all 0 without ink."""
        return np.stack([normalise_digit(extract_ink(image)) for image in self.images])

    @cached_property
    def fingerprint(self) -> str:
        """A short text that tells these drawings from all others."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()[:16]


# What `load_ten` has returned last: what a score is about.
_latest: Ten | None = None


def load_ten() -> Ten:
    """Load the learner's ten digits; those not drawn yet come from the series. Print a line that says which.

    Returns
    -------
    Ten
    """
    global _latest
    ten, problems = read_ten()
    for problem in problems:
        print(problem)
    print(describe(ten.own))
    _latest = ten
    return ten


def latest_ten() -> Ten:
    """Return what `load_ten` has returned last, or what it would return."""
    return _latest or read_ten()[0]


def read_ten() -> tuple[Ten, list[str]]:
    """Read the ten digits, and a line for each file that cannot be read."""
    images, (own, problems) = shipped_drawings(), own_drawings()
    for digit, image in own.items():
        images[digit] = image
    return Ten(images, tuple(own)), problems


def describe(own: tuple[int, ...]) -> str:
    """Say in a line whose the ten digits are."""
    if not own:
        return "Ten digits that came with the series (write your own in notebook 01)."
    if len(own) == 10:
        return "Your ten digits: 0 to 9, as you wrote them."
    missing = sorted(set(range(10)) - set(own))
    if len(missing) == 1:
        return f"Your ten digits: you wrote all but the {missing[0]}, which came with the series."
    return f"Your ten digits: you wrote {enumerate_digits(own)}; the other {_WORDS[len(missing)]} came with the series."


def enumerate_digits(digits: tuple[int, ...]) -> str:
    """Write digits as in a sentence: 1, 4 and 7."""
    *first, last = map(str, digits)
    return f"{', '.join(first)} and {last}" if first else last
