"""Cutting digits that touch: more cuts than needed, then the best row of the pieces between them.

That is the heuristic over-segmentation of LeCun, Bottou, Bengio and Haffner (1998), part V; the cuts are the minimal
seams of Avidan and Shamir, "Seam carving for content-aware image resizing", ACM Transactions on Graphics 26 (3), 2007,
each held near a straight line: digits lean, and where two of them touch along their sides, the way between them is no
shorter than one across a stroke.
"""

from typing import NamedTuple

import cv2
import numpy as np

from utils.reader.normalise import normalise_digit, stroke_width
from utils.reader.pieces import Box, Effort, Judge, Piece

#: The pieces between two cuts, by the numbers of the cuts.
Between = tuple[int, int]

#: Cuts are looked for in an image of so many rows.
ROWS = 64
#: How many lines begin in a width that equals the height, and how each of them leans: columns to the right, a row up.
DENSE, LEANS = 8, (-0.4, 0.0, 0.4, 0.8)
#: How far from its line a cut runs, in heights, and how much ink it may go through, in widths of the stroke.
REACH, MOST_INK = 0.06, 3.5
#: What a row of pieces costs: each cut, and a piece of no height at all.
CUT, LOW = 0.05, 1.0
#: How much ink lies between two cuts that are not the same, in squares of the width of the stroke.
APART = 1.5
#: How wide a piece is at most, in heights; swept on pairs and rows of MNIST's training digits, pushed into each other.
WIDEST = 1.5
#: By how much the pieces of a row must be better than the whole, in the mean, if it is no wider than a digit.
BETTER = 0.3
#: What no row of pieces falls below, in the mean: the doubt at 0.99999.
LEAST_DOUBT = 0.1


class _Cut(NamedTuple):
    """A cut from top to bottom.

    Attributes
    ----------
    seam : (h,) int array
        Its column in each row.
    before : (ROWS,) int array
        How much ink is left of it in each row.
    """

    seam: np.ndarray
    before: np.ndarray


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
    if not 0.6 <= box.w / box.h <= 12:  # two are not so narrow; what is wider is a line
        return [(box, own)]
    doubt = _doubt(judge(normalise_digit(own)[np.newaxis]))[0] if judge else _disproportion(box)
    better = BETTER * (1 - _disproportion(box))
    if doubt <= better + LEAST_DOUBT:  # no pieces can be that much better
        return [(box, own)]
    cuts = _propose_cuts(box, own, effort)
    pieces = _pieces_between(cuts, box, own, effort)
    if judge:
        doubts = _doubt(judge(np.array([normalise_digit(ink) for _, ink in pieces.values()]))).tolist()
    else:
        doubts = [BETTER] * len(pieces)  # the fewer, the better
    costs = {
        between: cost + LOW * (1 - place.h / box.h) + _disproportion(place)
        for (between, (place, _)), cost in zip(pieces.items(), doubts, strict=True)
    }
    return [pieces[between] for between in _best_row(costs, len(cuts), doubt - better)]


def _doubt(sure: np.ndarray) -> np.ndarray:
    """Turn how sure the judge is into a cost, 0 to 1.

    Half a digit is one, too, for a network: between 0.99 for the stump of a 0 and 0.9999 for a digit there is a world.
    The root spreads what lies so near to 1.
    """
    return np.clip(1 - sure.astype(np.float64), 0, 1) ** 0.2


def _disproportion(box: Box) -> float:
    """Say how much wider a box is than a single digit, 0 to 1."""
    return float(np.clip(1.2 * box.w / box.h - 1.2, 0, 1))


def _propose_cuts(box: Box, own: np.ndarray, effort: Effort) -> list[_Cut]:
    """Find cuts all over the width, by how much ink is left of them; the first and the last are the edges."""
    scale = ROWS / box.h
    size = max(2, round(scale * box.w)), ROWS
    ink = cv2.resize(own, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR) > 127
    pen = max(stroke_width(ink), 1)
    places = np.linspace(0, size[0], max(3, round(DENSE * box.w / box.h)) + 1)[1:-1]
    leans = np.outer(LEANS, np.linspace(ROWS / 2, -ROWS / 2, ROWS))
    lines = (places[:, None, None] + leans).reshape(-1, ROWS)
    effort.spend(box, len(places))
    seams = _find_seams(ink, lines)
    rows = np.arange(ROWS)
    through = np.pad(ink, ((0, 0), (0, 1)))[rows, seams]
    before = np.pad(np.cumsum(ink, axis=1), ((0, 0), (1, 0)))[rows, seams]
    cuts = [_Cut(np.zeros(box.h, np.intp), np.zeros(ROWS, np.intp))]
    cuts.append(_Cut(np.full(box.h, box.w), ink.sum(axis=1)))
    own_rows = (np.arange(box.h) + 0.5) * scale - 0.5
    for index in np.argsort(through.sum(axis=1), kind="stable").tolist():
        if through[index].sum() > MOST_INK * pen:
            break
        if all(np.abs(before[index] - cut.before).sum() > APART * pen**2 for cut in cuts):  # not the same again
            seam = np.interp(own_rows, rows, seams[index]) / scale
            seam = np.clip(seam.round(), 0, box.w).astype(np.intp)
            cuts.append(_Cut(seam, before[index]))
    return sorted(cuts, key=lambda cut: cut.before.sum())


def _find_seams(ink: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Find the paths from top to bottom that cross least ink, each near a straight line.

    Parameters
    ----------
    ink : (h, w) bool array
        Where ink is.
    lines : (n, h) array
        The column of each line in each row.

    Returns
    -------
    (n, h) int array
        The column of each path in each row, 0 to w; seen from its line, it moves by at most one from row to row.
    """
    height, width = ink.shape
    reach = round(REACH * height)
    offsets = np.arange(-reach, reach + 1)
    columns = np.clip(np.round(lines).astype(np.intp)[..., None] + offsets, 0, width)
    cost = np.pad(ink.astype(np.float32), ((0, 0), (0, 1)))[np.arange(height)[:, None], columns]
    total = np.pad(cost + 1e-5 * np.abs(offsets), ((0, 0), (0, 0), (1, 1)), constant_values=np.inf)
    for row in range(1, height):
        above = total[:, row - 1]
        total[:, row, 1:-1] += np.minimum(np.minimum(above[:, :-2], above[:, 2:]) + 0.05, above[:, 1:-1])
    each = np.arange(len(lines))
    path = np.empty((len(lines), height), np.intp)
    path[:, -1] = total[:, -1].argmin(axis=1)
    for row in range(height - 2, -1, -1):
        below = path[:, row + 1]
        steps = [total[each, row, below - 1] + 0.05, total[each, row, below], total[each, row, below + 1] + 0.05]
        path[:, row] = below - 1 + np.argmin(steps, axis=0)
    return np.take_along_axis(columns, path[..., None] - 1, axis=2)[..., 0]


def _pieces_between(cuts: list[_Cut], box: Box, own: np.ndarray, effort: Effort) -> dict[Between, Piece]:
    """Cut out what lies between any two cuts, if it may be a digit; the whole is always among them."""
    pieces: dict[Between, Piece] = {(0, len(cuts) - 1): (box, own)}
    for end in range(1, len(cuts)):
        for start in range(end):
            first, last = cuts[start].seam, cuts[end].seam
            left, right = int(first.min()), int(last.max())
            if (
                (start, end) in pieces
                or not 0.04 * box.h <= right - left
                or last.min() - first.max() > WIDEST * box.h
                or (cuts[start].before > cuts[end].before).any()  # they cross each other
            ):
                continue
            effort.spend(box._replace(w=right - left))
            columns = np.arange(left, right)
            inside = (columns >= first[:, None]) & (columns < last[:, None])
            piece = np.where(inside, own[:, left:right], 0).astype(np.uint8)
            x, y, w, h = cv2.boundingRect((piece > 127).astype(np.uint8))
            if 0.55 * box.h <= h and 0.08 * h <= w <= WIDEST * h:
                pieces[start, end] = Box(int(box.x + left + x), box.y + y, w, h), piece[y : y + h, x : x + w]
    return pieces


def _best_row(costs: dict[Between, float], count: int, most: float) -> list[Between]:
    """Choose the cheapest row of pieces from the first cut to the last, or the whole: no mean may reach `most`."""
    whole = 0, count - 1
    best: list[tuple[float, list[Between]]] = [(0.0, [])] + [(np.inf, [])] * (count - 1)
    for (start, end), cost in sorted(costs.items()):
        if (start, end) != whole:
            total = best[start][0] + cost + CUT
            if total < best[end][0]:
                best[end] = total, [*best[start][1], (start, end)]
    total, row = best[-1]
    return row if row and total / len(row) < most else [whole]
