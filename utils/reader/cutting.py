"""Cutting digits that touch: more cuts than needed, then the best row of the pieces between them.

That is the heuristic over-segmentation of LeCun, Bottou, Bengio and Haffner (1998), part V; the cuts are the minimal
seams of Avidan and Shamir, "Seam carving for content-aware image resizing", ACM Transactions on Graphics 26 (3), 2007.
"""

from typing import NamedTuple

import cv2
import numpy as np

from utils.reader.normalise import normalise_digit, stroke_width
from utils.reader.pieces import SURER, Box, Effort, Judge, Piece

#: The pieces between two cuts, by the numbers of the cuts.
Between = tuple[int, int]


class _Cut(NamedTuple):
    """A cut from top to bottom: its column in each row, and how many strokes' widths of ink it goes through."""

    seam: np.ndarray
    touches: float


def cut_touching(box: Box, own: np.ndarray, judge: Judge | None, effort: Effort) -> list[Piece]:
    """Cut what may be several digits that touch.

    Parameters
    ----------
    box
        Where the ink is.
    own : (h, w) uint8 array
        0 = paper, 255 = ink.
    judge
        Says of images, ``(n, 28, 28) uint8``, how sure it is that each is a digit. Without one, the proportions decide.
    effort
        Counts what is looked at.

    Returns
    -------
    list of Piece
        From left to right; the whole, if it is one digit.
    """
    if not 0.9 <= box.w / box.h <= 12:  # too narrow for two, or a line
        return [(box, own)]
    if judge and judge(normalise_digit(own)[np.newaxis])[0] > 1 - SURER / 2:  # no row of pieces can be that much better
        return [(box, own)]
    cuts = _propose_cuts(box, own, effort)
    pieces = _pieces_between(cuts, box, own, effort)
    if judge:
        images = np.array([normalise_digit(ink) for _, ink in pieces.values()])
        scores = dict(zip(pieces, judge(images), strict=True))
    else:
        scores = {between: _proportion(place) for between, (place, _) in pieces.items()}
    return [pieces[between] for between in _best_row(cuts, scores)]


def _propose_cuts(box: Box, own: np.ndarray, effort: Effort) -> list[_Cut]:
    """Find cuts all over the width, from left to right; the first and the last are the edges."""
    pen = stroke_width(own > 127)
    places = np.linspace(0, 1, max(3, round(6 * box.w / box.h)) + 1)[1:-1]
    effort.spend(box, len(places))
    cuts = [_Cut(np.zeros(box.h, np.intp), 0.0)]
    for seam, crossing in zip(*_find_seams(own, places), strict=True):
        if all(np.abs(seam - other.seam).mean() > 0.04 * box.h for other in cuts):
            cuts.append(_Cut(seam, float(crossing) / max(pen, 1)))
    cuts.append(_Cut(np.full(box.h, box.w), 0.0))
    return [cuts[index] for index in np.argsort([cut.seam.mean() for cut in cuts])]


def _pieces_between(cuts: list[_Cut], box: Box, own: np.ndarray, effort: Effort) -> dict[Between, Piece]:
    """Cut out what lies between any two cuts, if it may be a digit; the whole is always among them."""
    pieces: dict[Between, Piece] = {}
    for start in range(len(cuts)):
        for end in range(start + 1, len(cuts)):
            whole = end - start == len(cuts) - 1
            first, last = cuts[start].seam, cuts[end].seam
            if not whole and last.min() - first.max() > 1.2 * box.h:
                continue
            left, right = int(first.min()), int(last.max())
            effort.spend(box._replace(w=right - left))
            columns = np.arange(left, right)
            inside = (columns >= first[:, None]) & (columns < last[:, None])
            piece = np.where(inside, own[:, left:right], 0).astype(np.uint8)
            x, y, w, h = cv2.boundingRect((piece > 127).astype(np.uint8))
            if whole or (0.55 * box.h <= h and 0.08 * h <= w <= 1.2 * h):
                pieces[start, end] = Box(int(box.x + left + x), box.y + y, w, h), piece[y : y + h, x : x + w]
    return pieces


def _best_row(cuts: list[_Cut], scores: dict[Between, float]) -> list[Between]:
    """Choose the best row of pieces from the left edge to the right one: its worst piece counts, and its cuts cost."""
    best: list[tuple[float, list[Between]]] = [(1.0, [])] + [(-1.0, [])] * (len(cuts) - 1)
    for end in range(1, len(cuts)):
        for start in range(end):
            if (start, end) in scores:
                price = 0.1 * max(cuts[end].touches - 1.5, 0) + (SURER / 2 if end < len(cuts) - 1 else 0)
                score = min(best[start][0], scores[start, end]) - price
                if score > best[end][0]:
                    best[end] = score, [*best[start][1], (start, end)]
    return best[-1][1]


def _proportion(box: Box) -> float:
    """Say how much a box has the proportions of a single digit, 0 to 1."""
    return float(np.clip(2.2 - 1.2 * box.w / box.h, 0, 1))


def _find_seams(own: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the paths from top to bottom that cross least ink.

    Parameters
    ----------
    own : (h, w) uint8 array
        0 = paper, 255 = ink.
    places : (n,) array
        Near which part of the width each is, 0 to 1.

    Returns
    -------
    seams : (n, h) int array
        The column in each row; from row to row it moves by at most one.
    crossings : (n,) array
        The ink on each, in pixels.
    """
    height, width = own.shape
    total = np.empty((height, len(places), width), np.float32)
    for index, place in enumerate(places):
        away = np.abs(np.arange(width) - place * (width - 1))
        far = np.where(away > 0.35 * height, 1e3, 0).astype(np.float32)
        total[:, index] = own.astype(np.float32) / 255 + (1e-3 * away / height + far)
    for row in range(1, height):
        above = np.pad(total[row - 1], ((0, 0), (1, 1)), constant_values=1e6)
        total[row] += np.minimum(np.minimum(above[:, :-2], above[:, 2:]) + 0.05, above[:, 1:-1])
    seams = np.empty((len(places), height), np.intp)
    seams[:, -1] = total[-1].argmin(axis=1)
    each = np.arange(len(places))
    for row in range(height - 2, -1, -1):
        wide = np.pad(total[row], ((0, 0), (1, 1)), constant_values=np.inf)
        below = seams[:, row + 1]
        nearby = np.stack([wide[each, below] + 0.05, wide[each, below + 1], wide[each, below + 2] + 0.05])
        seams[:, row] = below - 1 + nearby.argmin(axis=0)
    return seams, own[np.arange(height), seams].sum(axis=1) / 255
