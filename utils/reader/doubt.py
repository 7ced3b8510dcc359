"""Does a page hold digits at all? A network that is shown anything finds some digits in it: here the page is judged.

Five things tell a page of digits from print, drawings and noise: the network knows most of what was found, all of it
is about as large, it is strokes and no areas, it stands side by side, and not all of it is 1s, as the grain of wood
is. Logistic regression weighs them (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd
edition, section 4.4). ``tests/benchmarks/silence.py --fit`` finds all weights but the last, on drawn pages with and
without digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.reader.normalise import is_area
from utils.reader.segmentation import Found

#: A page is taken for one without digits above this probability: to be silent about digits is twice as bad as to
#: read some where there are none.
NO_PAGE = 2 / 3


class Evidence(NamedTuple):
    """What speaks against a page of digits: 0 is a perfect one.

    Attributes
    ----------
    unknown
        How little the network knows what was found: the mean of -log(probability), up to log(10).
    uneven
        How much the pieces differ in size: the standard deviation of the logarithm of their longer sides.
    areas
        Which share of the pieces is no strokes, but a filled area.
    nested
        Which share of the pieces lies within another one, or around it, by more than half of the smaller box.
    bars
        How improbable it is that so many of the pieces are 1s: Chernoff's bound (1952), as the number of digits in a
        row that would all have to be 1s; 1 for twenty and more.
    """

    unknown: float
    uneven: float
    areas: float
    nested: float
    bars: float


#: What is so many times as long as wide is a bar, as most 1s are; of ten digits, one is.
BAR, ONES = 4, 0.1
#: The weights of the evidence, as the logarithm of the odds that there are no digits; `BIAS` is that of a perfect page.
#: That of the bars is set: up to 4, ten 1s in a row are a page.
BIAS, WEIGHTS = -1.33, Evidence(5.27, 1.60, 5.12, 3.93, 3.40)


def gather_evidence(found: Sequence[Found], sure: np.ndarray) -> Evidence:
    """Measure what speaks against digits.

    Parameters
    ----------
    found
        At least one.
    sure : (n,) array
        The highest probability that the network gives to a digit, for each.

    Returns
    -------
    Evidence
        None of it depends on the size of the image.
    """
    longer = np.array([max(one.ink.shape) for one in found], np.float64)
    return Evidence(
        unknown=float(-np.log(np.maximum(sure, 0.1)).mean()),
        uneven=float(np.log(longer).std()),
        areas=float(np.mean([is_area(one.ink) for one in found])),
        nested=float(_nested(np.array([one.box for one in found], np.float64)).mean()),
        bars=_bars(longer, np.array([min(one.ink.shape) for one in found])),
    )


def _bars(longer: np.ndarray, shorter: np.ndarray) -> float:
    """Say how improbable it is that so many are bars: the logarithm of Chernoff's bound, 0 to 1."""
    share = float(np.mean(longer >= BAR * shorter))
    if share <= ONES:
        return 0.0
    rest = (1 - share) * np.log((1 - share) / (1 - ONES)) if share < 1 else 0.0
    return float(min(1, len(longer) * (share * np.log(share / ONES) + rest) / (-20 * np.log(ONES))))


def _nested(boxes: np.ndarray) -> np.ndarray:
    """Say which boxes, ``(n, 4)``, share more than half of the smaller one with another."""
    left, top, width, height = boxes.T
    right, bottom, area = left + width, top + height, width * height
    nested = np.zeros(len(boxes), bool)
    for index in range(len(boxes)):
        across = np.minimum(right, right[index]) - np.maximum(left, left[index])
        down = np.minimum(bottom, bottom[index]) - np.maximum(top, top[index])
        within = np.maximum(across, 0) * np.maximum(down, 0) > 0.5 * np.minimum(area, area[index])
        nested[index] = within.sum() > 1  # each shares all of itself with itself
    return nested


def probability_of_none(evidence: Evidence) -> float:
    """Weigh the evidence: the probability that a page with it holds no digits, 0 to 1."""
    return float(1 / (1 + np.exp(-(BIAS + np.dot(WEIGHTS, evidence)))))


def holds_no_digits(found: Sequence[Found], sure: np.ndarray) -> bool:
    """Say whether a page does not look like digits.

    Parameters
    ----------
    found, sure
        As of `gather_evidence`; none found is nothing to be judged.

    Returns
    -------
    bool
        Whether that is more probable than `NO_PAGE`.
    """
    return len(found) > 0 and probability_of_none(gather_evidence(found, sure)) > NO_PAGE
