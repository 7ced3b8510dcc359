"""Finding the digits on a page: ink → one piece of ink for each digit, in reading order.

Connected components are the start. Then parts that belong together are joined (the bar of a 5, a broken 0), specks
are left out, digits that touch are cut (`utils.reader.cutting`), and lines are found. Geometry settles most
of it. What it leaves open can be asked of a network that knows what a digit looks like.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from utils.reader.cutting import cut_touching
from utils.reader.normalise import normalise_digit
from utils.reader.pieces import SURER, Box, Effort, Judge, Piece, shared_extent, union

#: Nothing smaller is legible, in pixels of the ink.
LEAST = 10
#: With more parts than that, it is no page of digits, and the judge is not asked.
MOST = 500
#: What is counted as one piece, and how many pairs of parts can be compared in the time that one takes.
ONE, PAIRS = Box(0, 0, 20, 20), 50_000


class Found(NamedTuple):
    """One digit on a page.

    Attributes
    ----------
    box
        Where it is.
    ink : (h, w) uint8 array
        Its own strokes and no neighbour's: 0 = paper, 255 = ink.
    line
        The line that it stands in, from the top, counted from 0.
    """

    box: Box
    ink: np.ndarray
    line: int


def find_digits(ink: np.ndarray, judge: Judge | None = None) -> list[Found]:
    """Find the digits on a page.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink.
    judge
        Decides what the geometry leaves open. Without one, parts side by side stay apart, and only what is much
        wider than a digit is cut.

    Returns
    -------
    list of Found
        In reading order: line by line, each from left to right; empty if there is no ink.

    Raises
    ------
    TooManyMarksError
        If there are more marks than on any page of digits.
    """
    page = _Page(ink)
    groups = page.join_parts()
    if len(groups) > MOST:
        judge = None
    if judge:
        groups = page.join_judged(groups, judge)
    digits = []
    for group in groups:
        box, own = page.piece(group)
        if max(box.w, box.h) >= max(0.3 * page.height, LEAST):
            digits += cut_touching(box, own, judge, page.effort)
    return _in_reading_order(digits)


#: Indices of connected components.
Group = list[int]


class _Page:
    """The connected components of a page, without specks."""

    def __init__(self, ink: np.ndarray) -> None:
        self.ink = ink
        self.effort = Effort()
        _, self.labels, stats, _ = cv2.connectedComponentsWithStats((ink > 127).astype(np.uint8), connectivity=8)
        areas, heights = stats[:, cv2.CC_STAT_AREA], stats[:, cv2.CC_STAT_HEIGHT]
        #: The typical height of a digit: the median, weighted by the square of its area, so that specks do not count.
        self.height = 0.0
        if len(stats) > 1:
            order = 1 + np.argsort(heights[1:])
            total = np.cumsum(areas[order].astype(np.float64) ** 2)
            self.height = float(heights[order[np.searchsorted(total, total[-1] / 2)]])
        longer = np.maximum(stats[:, cv2.CC_STAT_WIDTH], heights)
        large = (longer >= max(0.15 * self.height, LEAST / 2)) & (areas >= 0.003 * self.height**2)
        large[0] = False
        self.parts = np.flatnonzero(large).tolist()
        Effort().spend(ONE, len(self.parts))  # each will be cut out: with too many, nothing is begun
        self.boxes = {index: Box(*stats[index, :4].tolist()) for index in self.parts}
        self._outlines: dict[int, np.ndarray] = {}

    def piece(self, group: Group) -> Piece:
        """Cut a group of components out of the page."""
        box = union([self.boxes[index] for index in group])
        self.effort.spend(box)
        window = np.s_[box.y : box.y + box.h, box.x : box.x + box.w]
        return box, np.where(np.isin(self.labels[window], group), self.ink[window], 0).astype(np.uint8)

    def join_parts(self) -> list[Group]:
        """Group the parts that, by their places and sizes, are strokes of one digit."""
        groups = {index: [index] for index in self.parts}
        parts = sorted(self.parts, key=lambda index: self.boxes[index].x)

        def near(across: np.ndarray, down: np.ndarray, *_: np.ndarray) -> np.ndarray:
            return (across >= -0.2 * self.height) & (down >= -0.3 * self.height)

        for first, second in _pairs([self.boxes[index] for index in parts], 0.2 * self.height, near, self.effort):
            a, b = parts[first], parts[second]
            if groups[a] is not groups[b] and self._belong(a, b):
                groups[a] += groups[b]
                for index in groups[b]:
                    groups[index] = groups[a]
        return list({id(group): group for group in groups.values()}.values())

    def _belong(self, a: int, b: int) -> bool:
        first, second = self.boxes[a], self.boxes[b]
        across, down = shared_extent(first, second)
        lower, narrower = min(first.h, second.h), min(first.w, second.w)
        if lower > 0.5 * self.height and union([first, second]).h > 1.5 * self.height:  # one below the other
            return False
        if across > 0.6 * narrower and down > 0.6 * lower and lower < 0.7 * self.height:
            return True  # within the other
        if across >= 0.5 * narrower and lower < 0.7 * self.height:
            return True  # the bar above a 5
        return lower < 0.6 * self.height and self._gap(a, b) <= 0.08 * self.height

    def _gap(self, a: int, b: int) -> float:
        """Measure the distance between two components, in pixels."""
        for index in (a, b):
            if index not in self._outlines:
                box, own = self.piece([index])
                contours, _ = cv2.findContours(
                    (own > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(box.x, box.y)
                )
                points = np.concatenate(contours)[:, 0]
                self._outlines[index] = points[:: max(1, len(points) // 200)].astype(np.float32)
        self.effort.spend(union([self.boxes[a], self.boxes[b]]))
        steps = self._outlines[a][:, None] - self._outlines[b][None]
        return float(np.sqrt((steps**2).sum(axis=2).min()))

    def join_judged(self, groups: list[Group], judge: Judge) -> list[Group]:
        """Join neighbours that look more like a digit together than apart."""
        groups = list(groups)
        scores: dict[tuple[int, ...], float] = {}

        def score(wanted: list[Group]) -> None:
            new = [group for group in wanted if tuple(group) not in scores]
            if new:
                judged = judge(np.array([normalise_digit(self.piece(group)[1]) for group in new]))
                scores.update(zip(map(tuple, new), map(float, judged), strict=True))

        while True:
            pairs = self._neighbours(groups)
            if not pairs:
                return groups
            score([group for pair in pairs for group in (*pair, pair[0] + pair[1])])
            gains = sorted(((self._gain(a, b, scores), a, b) for a, b in pairs), key=lambda one: -one[0])
            joined: dict[int, Group] = {}
            for gain, a, b in gains:
                if gain >= SURER and id(a) not in joined and id(b) not in joined:
                    joined[id(a)] = joined[id(b)] = a + b
            if not joined:
                return groups
            groups = list({id(group): group for group in (joined.get(id(g), g) for g in groups)}.values())

    def _neighbours(self, groups: list[Group]) -> list[tuple[Group, Group]]:
        """List the pairs that may be one digit, by their places and sizes."""
        boxes = [union([self.boxes[index] for index in group]) for group in groups]
        heights = [box.h for box in boxes]
        # Where there are many, they tell how high a digit is; a few may all be pieces.
        tallest = 1.6 * np.median(heights) if len(groups) > 3 else 3 * max(heights, default=0)
        ordered = sorted(zip(groups, boxes, strict=True), key=lambda one: one[1].x)

        def near(across: np.ndarray, down: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
            close = np.minimum(across, down) > -0.25 * np.maximum(width, height)
            return close & (width <= 1.3 * height) & (height <= tallest)

        reach = 0.25 * 1.3 * tallest  # of two that are as wide together as one digit can be
        pairs = _pairs([box for _, box in ordered], reach, near, self.effort)
        return [(ordered[first][0], ordered[second][0]) for first, second in pairs]

    def _gain(self, a: Group, b: Group, scores: dict[tuple[int, ...], float]) -> float:
        """Say by how much the judge is surer of two groups as one digit than as two."""
        boxes = [union([self.boxes[index] for index in group]) for group in (a, b)]
        both = union(boxes)
        apart = min(
            scores[tuple(group)] * min(1.0, 2 * box.h / both.h)  # a low one is less of a digit beside a high one
            for group, box in zip((a, b), boxes, strict=True)
        )
        across, down = shared_extent(*boxes)
        # Two digits seldom stand so near above each other that they could be one.
        stacked = 2 * SURER if across > 0 and down > -0.15 * both.h else 0.0
        return scores[tuple(a + b)] - apart + stacked


def _pairs(
    boxes: Sequence[Box], reach: float, near: Callable[..., np.ndarray], effort: Effort
) -> Iterator[tuple[int, int]]:
    """Go through the pairs of boxes, ordered by their left edges, of which `near` says so.

    It is asked of arrays, one value for each pair: the columns and rows that the two share, as of `shared_extent`, and
    the width and height of both together. It is not asked of those that are further apart than `reach`, in columns.
    """
    left, top, width, height = np.array(boxes, np.int64).reshape(-1, 4).T
    right, bottom = left + width, top + height
    ends = np.searchsorted(left, right + reach, "right")
    effort.spend(ONE, int((ends - np.arange(len(ends))).sum()) // PAIRS)
    for first, end in enumerate(ends.tolist()):
        rest = np.s_[first + 1 : end]
        across = np.minimum(right[rest], right[first]) - np.maximum(left[rest], left[first])
        down = np.minimum(bottom[rest], bottom[first]) - np.maximum(top[rest], top[first])
        both = (
            np.maximum(right[rest], right[first]) - np.minimum(left[rest], left[first]),
            np.maximum(bottom[rest], bottom[first]) - np.minimum(top[rest], top[first]),
        )
        for second in np.flatnonzero(near(across, down, *both)).tolist():
            yield first, first + 1 + second


def _in_reading_order(digits: list[Piece]) -> list[Found]:
    lines: list[list[Piece]] = []
    ends = np.empty((2, len(digits)))  # the top and the bottom of the last digit of each line
    for digit in sorted(digits, key=lambda one: one[0].x):
        box = digit[0]
        top, bottom = ends[:, : len(lines)]
        shared = np.minimum(box.y + box.h, bottom) - np.maximum(box.y, top)
        shared /= np.minimum(box.h, bottom - top)
        best = int(np.argmax(shared)) if lines else -1
        if lines and shared[best] > 0.35:
            lines[best].append(digit)
        else:
            best = len(lines)
            lines.append([digit])
        ends[:, best] = box.y, box.y + box.h
    lines.sort(key=lambda line: np.mean([box.y + box.h / 2 for box, _ in line]))
    return [Found(box, own, index) for index, line in enumerate(lines) for box, own in line]
