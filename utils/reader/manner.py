"""What a network of any origin wants and gives, found out by showing it digits: its file does not say.

One network wants pixels from 0 to 1, another from 0 to 255; one gives probabilities, another logits. Whoever guesses
wrong reads noise, or is "545%" sure.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import shown
from utils.reader.images import prepare_image
from utils.reader.normalise import scale_pixels

#: Factor and offset for pixels from 0 to 1, for what people train their networks on: 0 to 1, 0 to 255, -1 to 1, MNIST's
#: mean 0 and standard deviation 1, and black ink on white paper. The first that will do is taken.
RANGES = ((1, 0), (255, 0), (2, -1), (1 / 0.3081, -0.1307 / 0.3081), (-1, 1), (-255, 255))
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
#: A network that gives the right digits such a probability, in the geometric mean, is at home in its range; one that is
#: not must read so many of the forty drawn digits more in another range to be given that one.
AT_HOME, MORE = 0.4, 5


@dataclass(frozen=True)
class Manner:
    """How pixels from 0 to 1 must be brought to a network, and its outputs to probabilities.

    Attributes
    ----------
    scale, offset
        What pixels are multiplied by, and what is added then.
    logits
        Whether its outputs still need a softmax.
    """

    scale: float = 1
    offset: float = 0
    logits: bool = False


def find_manner(judge: Callable[[np.ndarray], np.ndarray], path: str | os.PathLike) -> Manner:
    """Find out what a network wants and gives.

    Parameters
    ----------
    judge
        The network: takes ``(n, 28, 28, 1) float32``, gives ``(n, 10)``.
    path
        Its file, for messages.

    Returns
    -------
    Manner
        Pixels from 0 to 1, unless it is not at home there, and reads clearly more of forty drawn digits, and at least
        half of them, in another range. One that has learned nothing is taken as it is.

    Raises
    ------
    DigitsError
        If its outputs are neither probabilities nor logits.
    """
    images, digits = _specimens()
    outputs, right = {}, {}
    for scale, offset in RANGES:
        table = outputs[scale, offset] = np.asarray(judge(images * np.float32(scale) + np.float32(offset)), np.float32)
        right[scale, offset] = int((table[: len(digits)].argmax(axis=1) == digits).sum())
        if _sureness(table[: len(digits)], digits) >= AT_HOME:
            break
    most = max(right.values())
    moves = most >= max(len(digits) / 2, right[RANGES[0]] + MORE)
    best = next(one for one in RANGES if right.get(one, 0) >= most - 2) if moves else RANGES[0]
    table = outputs[best]
    if not np.isfinite(table).all():
        raise DigitsError(f"{shown(path)} gives no numbers (NaN): train it again with a lower learning rate.")
    sums = table.sum(axis=1)
    within = _are_shares(table)
    if within and np.abs(sums - 1).max() > 0.05:
        raise DigitsError(
            f"{shown(path)} gives ten numbers that are no probabilities (they add up to {sums.min():.2f} to "
            f"{sums.max():.2f}, not to 1): let its last layer have a softmax, and train it again."
        )
    return Manner(*best, logits=not within)


def _sureness(table: np.ndarray, digits: np.ndarray) -> float:
    """Return the geometric mean of what a network gives to the right digits; 0 if its outputs are no numbers."""
    if not np.isfinite(table).all():
        return 0.0
    if not _are_shares(table):
        table = np.exp(table - table.max(axis=1, keepdims=True))
        table /= table.sum(axis=1, keepdims=True)
    return float(np.exp(np.log(np.clip(table[np.arange(len(digits)), digits], 1e-7, 1)).mean()))


def _are_shares(table: np.ndarray) -> bool:
    """Whether all numbers may be probabilities; what is above or below is a logit."""
    return bool(table.min() >= -0.01 and table.max() <= 1.01)


@lru_cache(maxsize=1)
def _specimens() -> tuple[np.ndarray, np.ndarray]:
    """Draw each digit in each font, as pixels from 0 to 1; behind them, an empty image and a full one."""
    drawn = []
    for font in FONTS:
        for digit in range(10):
            page = np.full((160, 160), 255, np.uint8)
            cv2.putText(page, str(digit), (40, 120), font, 3, 0, 8, cv2.LINE_AA)
            drawn.append(prepare_image(page)[1][0])
    plain = [np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 255, np.uint8)]
    return scale_pixels(np.stack(drawn + plain)), np.tile(np.arange(10), len(FONTS))
