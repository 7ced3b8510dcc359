"""Finding out which way up a page lies, by the digits on it: a phone that was held over a table does not know.

Each piece of ink is shown to a network in all four directions. Those that look alike in several, such as 0, 1 and 8,
or 6 and 9, say nothing; the others do. Tesseract judges pages so, too: Unnikrishnan and Smith, "Combined script and
page orientation estimation using the Tesseract OCR engine", MOCR 2009. Upside down, most look like some digit; but
what looks like an 8 as it lies, and like a 3 when turned, is a 3.
"""

from collections.abc import Callable

import cv2
import numpy as np

from utils.mnist import SIDE
from utils.reader.normalise import normalise_digit
from utils.reader.pieces import Box

#: Fewer digits, such as a 6 or a 9 alone, are taken as they lie; and no more need to be looked at.
FEWEST, MOST = 3, 50
#: A page is looked at if the network gives less to its pieces, as a geometric mean, ...
DOUBT = 0.95
#: ... and turned, if it gives at least that to its pieces then, and they are so many times as likely then as now. Of
#: 250 drawn pages that lay right, with the forms of several countries, none was turned from 1.3 on.
GOOD, LIKELIER = 0.7, 20
#: How many of 12,000 digits of MNIST's training set are read as the row's digit upright and the column's upside down,
#: and 5 more (``python tests/benchmarks/upside_down.py``).
UPSIDE_DOWN = np.array([
    [1162, 6, 5, 5, 5, 5, 6, 8, 10, 45],
    [11, 1295, 16, 5, 8, 11, 10, 22, 11, 7],
    [118, 13, 317, 13, 74, 17, 34, 110, 516, 13],
    [10, 8, 106, 5, 9, 139, 21, 5, 889, 83],
    [28, 44, 18, 23, 432, 50, 497, 111, 16, 14],
    [5, 5, 8, 18, 8, 585, 8, 5, 50, 407],
    [6, 6, 7, 7, 6, 7, 5, 116, 8, 1091],
    [9, 55, 168, 5, 226, 8, 831, 15, 11, 5],
    [6, 7, 15, 46, 6, 7, 5, 5, 1071, 10],
    [17, 5, 8, 12, 11, 57, 1117, 5, 7, 6],
])  # fmt: skip


def find_turn(ink: np.ndarray, read: Callable[[np.ndarray], np.ndarray]) -> int:
    """Find out by how much a page has to be turned to be upright.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink.
    read
        Gives of images, ``(n, 28, 28) uint8``, the probability of each digit: ``(n, 10)``.

    Returns
    -------
    int
        Quarter turns counterclockwise, as `numpy.rot90` counts them; 0 if it is upright, or nothing says otherwise.
    """
    pieces = _cut_pieces(ink)
    if len(pieces) < FEWEST:
        return 0
    upright = read(pieces)
    if _sureness(upright).mean() >= np.log(DOUBT):  # ordinary pages take no more time than that
        return 0
    turned = read(np.concatenate([np.ascontiguousarray(np.rot90(pieces, turn, axes=(1, 2))) for turn in range(1, 4)]))
    ways = np.concatenate([upright, turned]).reshape(4, len(pieces), -1)
    sure = _sureness(ways)
    gain = (sure - sure[0]).sum(axis=1)
    now = ((ways[0] @ UPSIDE_DOWN) * ways[2]).sum(axis=1)
    then = ((ways[2] @ UPSIDE_DOWN) * ways[0]).sum(axis=1)
    gain[2] += np.log(then / now).sum()
    best = int(gain.argmax())
    return best if gain[best] > np.log(LIKELIER) and sure[best].mean() > np.log(GOOD) else 0


def _sureness(probabilities: np.ndarray) -> np.ndarray:
    """Take the logarithm of what is given to the likeliest digit."""
    return np.log(np.maximum(probabilities.max(axis=-1), 1e-6))


def _cut_pieces(ink: np.ndarray) -> np.ndarray:
    """Cut out the larger parts as they are, since to tell what belongs together one has to know what is up.

    None is cut out if there are too few of them.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 127).astype(np.uint8), connectivity=8)
    longer, area = stats[1:, 2:4].max(axis=1), stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    if len(longer) < FEWEST:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    order = np.argsort(longer)
    total = np.cumsum(area[order] ** 2)
    typical = longer[order[np.searchsorted(total, total[-1] / 2)]]  # specks do not count
    large = 1 + np.flatnonzero(longer > 0.5 * typical)
    images = []
    for index in large[:: -(-len(large) // MOST)] if len(large) >= FEWEST else ():
        x, y, w, h = stats[index, :4]
        window = np.s_[y : y + h, x : x + w]
        images.append(normalise_digit(np.where(labels[window] == index, ink[window], 0).astype(np.uint8)))
    return np.array(images, np.uint8).reshape(-1, SIDE, SIDE)


def turn_back(box: Box, turn: int, shape: tuple[int, int]) -> Box:
    """Say where a box of a turned page is in the page as it lay.

    Parameters
    ----------
    box
        Where it is in the turned page.
    turn
        Of `find_turn`.
    shape
        Height and width of the page as it lay.
    """
    height, width = shape
    return (
        box,
        Box(width - box.y - box.h, box.x, box.h, box.w),
        Box(width - box.x - box.w, height - box.y - box.h, box.w, box.h),
        Box(box.y, height - box.x - box.w, box.h, box.w),
    )[turn]
