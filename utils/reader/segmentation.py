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
from utils.reader.normalise import is_area, normalise_digit
from utils.reader.pieces import SURER, Box, Effort, Judge, Piece, shared_extent, union

#: Nothing smaller is legible, in pixels of the ink.
LEAST = 10
#: What is smaller than this share of a typical digit is none.
SPECK = 0.3
#: A digit is no wider than this many times its height.
WIDE = 1.3
#: The parts of a broken stroke are no further apart than this share of a typical height; 0.16 to 0.25 are alike.
GAP = 0.2
#: A speck of so many pixels may be a part of a thin stroke.
SPECKLE = 3
#: So many pieces are enough to tell whether there are digits among what looks like specks.
SAMPLE = 20
#: The judge knows a digit if it is as sure as that.
KNOWN = 0.8
#: Digits are at least this share as high as the frame that they stand in: a crumb beside a 1 looks like one, too.
FRAMED = 0.05
#: With more parts than that, it is no page of digits, and the judge is not asked.
MOST = 500
#: A digit shares at least this share of its rows with one of the last two in its line.
SAME_ROWS = 0.25
#: No line is steeper than that, in pixels down for each to the right.
STEEPEST = 0.3
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
    if judge:
        page.look_closer(judge)
    groups = page.join_parts()
    if len(groups) > MOST:
        judge = None
    if judge:
        groups = page.join_judged(page.mend(groups, judge), judge)
    digits = []
    for group in groups:
        box, own = page.piece(group)
        if max(box.w, box.h) >= max(SPECK * page.height, LEAST):
            digits += [(box, own)] if is_area(own) else cut_touching(box, own, judge, page.effort)
    return _in_reading_order(digits)


#: Indices of connected components.
Group = list[int]


class _Page:
    """The connected components of a page, without specks, and without what is too big for a digit."""

    def __init__(self, ink: np.ndarray) -> None:
        self.ink = ink
        self.effort = Effort()
        _, self.labels, stats, _ = cv2.connectedComponentsWithStats((ink > 127).astype(np.uint8), connectivity=8)
        self._places, self._areas = stats[:, :4], stats[:, cv2.CC_STAT_AREA].astype(np.float64)
        self._longer = self._places[:, 2:].max(axis=1)
        self._outlines: dict[int, np.ndarray] = {}
        self._scores: dict[tuple[int, ...], float] = {}
        self._settle(np.arange(1, len(stats)))

    def _settle(self, parts: np.ndarray) -> None:
        """Take these parts, without specks, for those of the page.

        The typical height of a digit is the median, weighted by the square of the area, so that specks do not count.
        """
        self.height = 0.0
        if len(parts):
            parts = parts[np.argsort(self._places[parts, 3])]
            total = np.cumsum(self._areas[parts] ** 2)
            self.height = float(self._places[parts[np.searchsorted(total, total[-1] / 2)], 3])
        large = self._longer[parts] >= max(SPECK / 2 * self.height, LEAST / 2)
        large &= self._areas[parts] >= 0.003 * self.height**2
        self.parts = np.sort(parts[large]).tolist()
        Effort().spend(ONE, len(self.parts))  # each will be cut out: with too many, nothing is begun
        self.boxes = {index: Box(*self._places[index].tolist()) for index in self.parts}

    def look_closer(self, judge: Judge) -> None:
        """Leave out what is so big that digits beside or in it pass for specks: a frame, a drawing, an edge of a table.

        The judge must know the small ones, and not know the big one, unless that lies around them and they are no
        crumbs; but where other big strokes lie in it, too, it is no frame: a face has eyes that look like 0 and 0.
        """
        while True:
            specks = self._longer < SPECK * self.height
            big, before = [index for index in self.parts if not specks[index]], (self.parts, self.boxes, self.height)
            self._settle(np.flatnonzero(specks & (self._longer >= LEAST)))
            tall = sorted(self.parts, key=lambda index: -self._areas[index])[:SAMPLE]
            if len(tall) > 1 and len(big) <= SAMPLE and np.median(self._ask(judge, tall)) >= KNOWN:
                around = union([self.boxes[index] for index in tall])
                self.boxes |= {index: before[1][index] for index in big}
                least = FRAMED * max(self._longer[big])
                frames = [index for index in big if self.height >= least and _lies_in(around, self.boxes[index])]
                others = [index for index in big if index not in frames]
                drawn = any(_lies_in(self.boxes[other], self.boxes[frame]) for other in others for frame in frames)
                if not others or (not drawn and self._ask(judge, others).max() < KNOWN):
                    continue
            self.parts, self.boxes, self.height = before
            return

    def _ask(self, judge: Judge, parts: list[int]) -> np.ndarray:
        return np.array(self._score([[index] for index in parts], judge))

    def _score(self, groups: list[Group], judge: Judge) -> list[float]:
        """Ask the judge how sure it is that each group is a digit, once for each."""
        new = [group for group in groups if tuple(group) not in self._scores]
        if new:
            judged = judge(np.array([normalise_digit(self.piece(group)[1]) for group in new]))
            self._scores.update(zip(map(tuple, new), map(float, judged), strict=True))
        return [self._scores[tuple(group)] for group in groups]

    def piece(self, group: Group) -> Piece:
        """Cut a group of components out of the page."""
        box = self._place(group)
        self.effort.spend(box)
        window = np.s_[box.y : box.y + box.h, box.x : box.x + box.w]
        return box, np.where(np.isin(self.labels[window], group), self.ink[window], 0).astype(np.uint8)

    def join_parts(self) -> list[Group]:
        """Group the parts that, by their places and sizes, are strokes of one digit."""
        groups = {index: [index] for index in self.parts}
        parts = sorted(self.parts, key=lambda index: self.boxes[index].x)

        def near(across: np.ndarray, down: np.ndarray, *_: np.ndarray) -> np.ndarray:
            return (across >= -0.2 * self.height) & (down >= -0.3 * self.height)

        near_pairs = _near_pairs([self.boxes[index] for index in parts], 0.2 * self.height, near, self.effort)
        pairs = [(a, b) for first, second in near_pairs if self._belong(a := parts[first], b := parts[second])]
        # The nearest first: a bar between two lines belongs to one of them, and must not join the digits of both.
        for a, b in sorted(pairs, key=lambda pair: -min(shared_extent(*(self.boxes[index] for index in pair)))):
            if groups[a] is not groups[b] and not self._stacked(*(self._place(groups[index]) for index in (a, b))):
                groups[a] += groups[b]
                for index in groups[b]:
                    groups[index] = groups[a]
        return list({id(group): group for group in groups.values()}.values())

    def _belong(self, a: int, b: int) -> bool:
        first, second = self.boxes[a], self.boxes[b]
        across, down = shared_extent(first, second)
        lower, narrower = min(first.h, second.h), min(first.w, second.w)
        if self._stacked(first, second):
            return False
        if across > 0.6 * narrower and down > 0.6 * lower and lower < 0.7 * self.height:
            return True  # within the other
        if across >= 0.5 * narrower and lower < 0.7 * self.height:
            return True  # the bar above a 5
        return lower < 0.6 * self.height and self._gap(a, b) <= 0.08 * self.height

    def _stacked(self, first: Box, second: Box) -> bool:
        """Say whether two are as high as digits, and stand one below the other."""
        return min(first.h, second.h) > 0.5 * self.height and union([first, second]).h > 1.5 * self.height

    def _place(self, group: Group) -> Box:
        return union([self.boxes[index] for index in group])

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

    def mend(self, groups: list[Group], judge: Judge) -> list[Group]:
        """Join a broken stroke: the parts and specks near each other, if the judge knows the whole and not the parts.

        Grain, of which most is specks, is no stroke; and what is half as high as a digit is none, nor as high as two.
        """
        known = np.zeros(len(self._places), bool)
        known[[0, *self.parts]] = True
        specks = np.flatnonzero(~known & (self._areas >= SPECKLE)).tolist()
        if len(specks) > MOST or min(self._score(groups, judge), default=1) > 1 - SURER:
            return groups
        self.boxes |= {index: Box(*self._places[index].tolist()) for index in specks}
        owners = {index: group for group in groups for index in group}
        for cluster in self._clusters([*owners, *specks], GAP * self.height):
            parts = list({id(owners[index]): owners[index] for index in cluster if index in owners}.values())
            whole = [index for group in parts for index in group]
            whole += [index for index in cluster if index not in owners]
            grain = self._areas[whole].sum() > 2 * self._areas[[index for index in whole if known[index]]].sum()
            box = self._place(whole)
            if parts == [whole] or grain or box.w > WIDE * box.h or not 0.5 < box.h / self.height < 2:
                continue
            apart = self._apart(parts)
            if apart <= 1 - SURER and self._score([whole], judge)[0] >= max(KNOWN, apart + SURER):
                groups = [group for group in groups if group not in parts] + [whole]
        return groups

    def _clusters(self, parts: Group, gap: float) -> list[Group]:
        """Group the components that are no further from each other than a gap: single linkage."""
        side = round(gap) | 1
        chosen = np.zeros(len(self._places), np.uint8)
        chosen[parts] = 1
        wide = cv2.dilate(chosen[self.labels], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
        cluster = np.zeros(len(self._places), np.int32)
        cluster[self.labels.ravel()] = cv2.connectedComponents(wide)[1].ravel()
        clusters: dict[int, Group] = {}
        for index in parts:
            clusters.setdefault(int(cluster[index]), []).append(index)
        return list(clusters.values())

    def join_judged(self, groups: list[Group], judge: Judge) -> list[Group]:
        """Join neighbours that look more like a digit together than apart."""
        groups = list(groups)
        while True:
            pairs = self._neighbours(groups)
            if not pairs:
                return groups
            self._score([group for pair in pairs for group in (*pair, pair[0] + pair[1])], judge)
            gains = sorted(((self._gain(a, b), a, b) for a, b in pairs), key=lambda one: -one[0])
            joined: dict[int, Group] = {}
            for gain, a, b in gains:
                if gain >= SURER and id(a) not in joined and id(b) not in joined:
                    joined[id(a)] = joined[id(b)] = a + b
            if not joined:
                return groups
            groups = list({id(group): group for group in (joined.get(id(g), g) for g in groups)}.values())

    def _neighbours(self, groups: list[Group]) -> list[tuple[Group, Group]]:
        """List the pairs that may be one digit, by their places and sizes."""
        boxes = [self._place(group) for group in groups]
        heights = [box.h for box in boxes]
        # Where there are many, they tell how high a digit is; a few may all be pieces.
        tallest = 1.6 * np.median(heights) if len(groups) > 3 else 3 * max(heights, default=0)
        ordered = sorted(zip(groups, boxes, strict=True), key=lambda one: one[1].x)

        def near(across: np.ndarray, down: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
            close = np.minimum(across, down) > -0.25 * np.maximum(width, height)
            return close & (width <= WIDE * height) & (height <= tallest)

        reach = 0.25 * WIDE * tallest  # of two that are as wide together as one digit can be
        pairs = _near_pairs([box for _, box in ordered], reach, near, self.effort)
        return [(ordered[first][0], ordered[second][0]) for first, second in pairs]

    def _gain(self, a: Group, b: Group) -> float:
        """Say by how much the judge is surer of two groups as one digit than as two."""
        boxes = [self._place(group) for group in (a, b)]
        both = union(boxes)
        across, down = shared_extent(*boxes)
        # Two digits seldom stand so near above each other that they could be one, which must be known, if it is high.
        near = across > 0 and down > -0.15 * both.h
        near &= self._scores[tuple(a + b)] >= KNOWN or not self._stacked(*boxes)
        return self._scores[tuple(a + b)] - self._apart([a, b]) + 2 * SURER * near

    def _apart(self, groups: list[Group]) -> float:
        """Say how sure the judge is, at least, of each of these; a low one is less of a digit beside a high one."""
        boxes = [self._place(group) for group in groups]
        height = union(boxes).h
        return min(
            self._scores[tuple(group)] * min(1.0, 2 * box.h / height) for group, box in zip(groups, boxes, strict=True)
        )


def _lies_in(inner: Box, outer: Box) -> bool:
    return union([inner, outer]) == outer


def _near_pairs(
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
    if len(digits) == 1:
        return [Found(*digits[0], 0)]
    digits = sorted(digits, key=lambda one: one[0].x)
    boxes = np.array([box for box, _ in digits], np.float64).reshape(-1, 4)
    chains: list[Group] = []
    for _ in range(3):  # the slope is not known at first, and then not well
        chains = _chain(boxes, _slope(boxes, chains))
    lines = [_without_dashes([digits[index] for index in chain]) for chain in chains]
    lines.sort(key=lambda line: np.mean([box.y + box.h / 2 for box, _ in line]))
    return [Found(box, own, index) for index, line in enumerate(lines) for box, own in line]


def _chain(boxes: np.ndarray, slope: float) -> list[Group]:
    """Put each digit, from left to right, in the line whose last two digits stand in the same rows, or in a new one.

    Of two, one may stand too high or too low.
    """
    x, y, width, height = boxes.T
    tops = y - slope * (x + width / 2)
    lines: list[Group] = []
    ends = np.empty((2, 2, len(boxes)))  # the tops and the bottoms of the last two digits of each line
    for index, (top, high) in enumerate(zip(tops.tolist(), height.tolist(), strict=True)):
        upper, lower = ends[:, :, : len(lines)]
        shared = np.minimum(top + high, lower) - np.maximum(top, upper)
        shared = (shared / np.minimum(high, lower - upper)).max(axis=0)
        best = int(np.argmax(shared)) if lines else -1
        if lines and shared[best] > SAME_ROWS:
            lines[best].append(index)
            ends[:, 0, best] = ends[:, 1, best]
            ends[:, 1, best] = top, top + high
        else:
            ends[:, :, len(lines)] = [[top], [top + high]]
            lines.append([index])
    return lines


def _slope(boxes: np.ndarray, lines: list[Group]) -> float:
    """Fit the slope that all lines share by least squares: how many pixels they go down in each to the right."""
    centres = [boxes[line, :2] + boxes[line, 2:] / 2 for line in lines]
    x, y = np.concatenate([np.zeros((1, 2)), *(line - line.mean(axis=0) for line in centres)]).T
    return float(np.clip(x @ y / max(x @ x, 1), -STEEPEST, STEEPEST))


def _without_dashes(line: list[Piece]) -> list[Piece]:
    """Leave out what is flat and low, and at half the height of a line: a dash between numbers, or a minus."""
    boxes = np.array([box for box, _ in line])
    _, top, width, height = boxes.T
    typical, middle = np.median(height), top + height / 2
    flat = (width > 1.5 * height) & (height < 0.4 * typical) & (np.abs(middle - np.median(middle)) < 0.3 * typical)
    return [piece for piece, dash in zip(line, flat, strict=True) if not dash]
