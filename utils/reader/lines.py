"""Finding printed lines among ink: the rules of a notebook, the squares of squared paper, the cells of a form.

A printed line is straight, thin and long. It is taken away as the lines of a staff are in reading music: one goes along
the line and takes its pixels, but not those where the ink across it is thicker than the line, for there a stroke
crosses. This is "LineTrack" in Dalitz, Droettboom, Pranzas and Fujinaga, "A comparative study of staff removal
algorithms", IEEE Transactions on Pattern Analysis and Machine Intelligence 30 (5), 2008.
"""

from typing import NamedTuple

import cv2
import numpy as np

#: A line is longer than this share of the image's longer side.
LONG = 0.25
#: A line is so many times as long as what is written is high: no digit has a stroke like that.
LONGER_THAN_DIGITS = 1.5
#: A line is so many times as long as it is thick, and not thicker than so many pixels.
THIN, THICKEST = 25, 12
#: Where more than this share is streaks, it is a pattern, and no written page; nor has one more lines than that.
DENSEST, MOST = 0.4, 400
#: A stroke that leaves a line and comes back to it within such a share of the digits' height lies on it between.
GAP = 0.25
#: If less than this share of the ink is left without lines, they may be the strokes of digits; unless they go through
#: the whole image, or more rules lie above each other, or more lines beside each other both ways, than in any digit.
LEFT, RULES, GRID = 0.5, 3, 2
#: Ink so many times as dark as the lines has a level of its own.
DARKER_THAN_LINES = 1.4
#: What stands in a frame is at least this share as high as the room in it: a digit in a cell.
FILLS = 0.35


def without_lines(contrast: np.ndarray, least: float, level: float) -> tuple[float, np.ndarray]:
    """Take the ink that is no printed line.

    Parameters
    ----------
    contrast : (H, W) float32 array
        How much darker each pixel is than its paper, 0 to 1.
    least
        Above it, there may be ink.
    level
        Above it, there is ink.

    Returns
    -------
    least : float
        The same, or a higher one that leaves out lines which are fainter than what is written.
    keep : (H, W) bool array
        Where the ink is.
    """
    for low in (level, least):
        mask = _without_frames(contrast > low, full=True)
        lines, rest = _erase_lines(mask)
        if lines:
            erased, written = mask & ~rest, _large_parts(rest & (contrast > level))
            line, ink = (float(np.median(contrast[where])) if where.any() else 0.0 for where in (erased, written))
            least = max(level, (line * ink) ** 0.5) if ink > DARKER_THAN_LINES * line else level
            rest = _without_remains(rest & (contrast > least), lines)
            break
    return least, _without_frames(rest, full=False)


class _Line(NamedTuple):
    """A straight line of ink, by the pixels on it and what there is across it.

    Attributes
    ----------
    upright
        Whether it runs down rather than across.
    along, across : (n,) int array
        Its pixels: the columns and rows, or, if it is upright, the rows and columns.
    before, behind : (n,) int array
        How many more pixels of ink there are on either side of it.
    inked : (n,) bool array
        Where there is ink at all.
    """

    upright: bool
    along: np.ndarray
    across: np.ndarray
    before: np.ndarray
    behind: np.ndarray
    inked: np.ndarray

    @property
    def thickness(self) -> float:
        """The typical thickness, in pixels."""
        return float(np.median((self.before + self.behind + 1)[self.inked])) if self.inked.any() else 0.0

    @property
    def bare(self) -> np.ndarray:
        """Where there is the line and no stroke on it: (n,) bool."""
        return self.inked & (self.before + self.behind + 1 <= 1.5 * self.thickness + 1)

    def is_thin(self) -> bool:
        """Say whether it is a thin line almost all along, and not a row of strokes that lie on a straight line."""
        thin = self.thickness <= min(len(self.along) / THIN, THICKEST)
        return thin and self.inked.mean() > 0.8 and self.bare.mean() > 0.5

    def is_parallel(self, other: "_Line") -> bool:
        """Say whether another line runs in the same direction, within three degrees."""
        return self.upright == other.upright and abs(self.slope - other.slope) < np.tan(np.pi / 60)

    def is_whole(self, shape: tuple[int, int]) -> bool:
        """Say whether it goes through the whole image, ``(H, W)``."""
        length = shape[0] if self.upright else shape[1]
        edge = max(2, 0.02 * length)
        return bool(self.along[0] <= edge and self.along[-1] >= length - 1 - edge)

    @property
    def slope(self) -> float:
        """How many pixels it moves across in each along it."""
        return float(self.across[-1] - self.across[0]) / max(len(self.along) - 1, 1)


def _erase_lines(mask: np.ndarray) -> tuple[list[_Line], np.ndarray]:
    """Find printed lines, and take away their pixels."""
    found: list[_Line] = []
    rest = mask
    for long in (LONG, LONG, LONG / 3):  # lines that bend, or are interrupted, run beside others as short ones
        lines = _find_lines(rest, long)
        if long < LONG:
            lines = [line for line in lines if any(line.is_parallel(other) for other in found)]
        if not found and not lines:
            return [], mask
        found += lines
        rest = _erase(rest, lines)
    height = _typical_height(rest)
    found = [line for line in found if height and _is_printed(line, found, mask.shape, height)]
    if np.count_nonzero(rest) < LEFT * np.count_nonzero(mask):  # a 4 drawn with a ruler is nothing but lines
        across, down = (max((_count_beside(line, found) for line in found if line.upright == way), default=0)
                        for way in (False, True))  # fmt: skip
        if across < RULES and min(across, down) < GRID:
            found = [line for line in found if line.is_whole(mask.shape)]
    return found, _erase(mask, found, max(1, round(GAP * height)))


def _find_lines(mask: np.ndarray, long: float) -> list[_Line]:
    """Find the straight and thin lines that are longer than such a share of the image's longer side."""
    if not _may_hold_lines(mask, long):
        return []
    streaks, step = _find_streaks(mask)
    if np.count_nonzero(streaks) > DENSEST * streaks.size:
        return []
    side = max(streaks.shape)
    shortest, gap = max(long * side, 16), max(2, round(0.01 * side))
    found = cv2.HoughLinesP(streaks, 1, np.pi / 360, round(0.5 * shortest), minLineLength=shortest, maxLineGap=gap)
    ends = [] if found is None else (step * found.reshape(-1, 4)).tolist()
    lines = [_follow(mask, *one) for one in ends[:MOST]]
    return [line for line in lines if line.is_thin()]


def _may_hold_lines(mask: np.ndarray, long: float) -> bool:
    """Say whether enough of the ink is thin for a line of that length: the strokes of most drawings are not."""
    side = max(mask.shape)
    size = int(1.5 * min(side / THIN, THICKEST) + 2) | 1
    ink = mask.astype(np.uint8)
    border = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}
    for axis, kernel in ((0, (size, 1)), (1, (1, size))):
        thin = ink - cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(kernel, np.uint8), **border)
        if np.count_nonzero(thin.any(axis=axis)) > max(long * side, 16) / 2:
            return True
    return False


def _find_streaks(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Keep what runs across or down for a few pixels, in an image that is reduced by some step: it takes less time."""
    streaks = mask.astype(np.uint8)
    streaks = np.maximum(*(cv2.morphologyEx(streaks, cv2.MORPH_OPEN, np.ones(size)) for size in ((1, 7), (7, 1))))
    if max(mask.shape) < 800:
        return streaks, 1
    return cv2.dilate(streaks, np.ones((2, 2)))[1::2, 1::2].copy(), 2


def _follow(mask: np.ndarray, x1: int, y1: int, x2: int, y2: int) -> _Line:
    """Go along a line, and measure the ink across it."""
    upright = abs(y2 - y1) > abs(x2 - x1)
    if upright:
        mask, x1, y1, x2, y2 = mask.T, y1, x1, y2, x2
    along = np.arange(min(x1, x2), max(x1, x2) + 1)
    across = np.rint(np.interp(along, *zip(*sorted([(x1, y1), (x2, y2)]), strict=True))).astype(int)
    reach = THICKEST + 1
    steps = np.arange(-reach, reach + 1)
    rows = across + steps[:, None]
    band = mask[np.clip(rows, 0, len(mask) - 1), along] & (rows >= 0) & (rows < len(mask))
    # The line found may be beside the ink by a pixel or two.
    near = np.where(band, np.abs(steps)[:, None], reach + 1)
    nearest = near.argmin(axis=0)
    columns = np.arange(len(along))
    inked = near[nearest, columns] <= 3
    index = np.arange(len(steps))[:, None]
    paper = ~band
    last = np.where(paper & (index < nearest), index, -1).max(axis=0)
    first = np.where(paper & (index > nearest), index, len(steps)).min(axis=0)
    return _Line(upright, along, across + steps[nearest], nearest - last - 1, first - nearest - 1, inked)


def _is_printed(line: _Line, lines: list[_Line], shape: tuple[int, int], height: float) -> bool:
    """Say whether it is longer than a stroke of a digit: a single one that is upright may still be a 1."""
    if len(line.along) < LONGER_THAN_DIGITS * height:
        return False
    return not line.upright or line.is_whole(shape) or _count_beside(line, lines) > 0


def _count_beside(line: _Line, lines: list[_Line]) -> int:
    """Count the lines that run beside it; those that are the same one, found twice, count once."""
    middle = line.along[len(line.along) // 2]
    places = sorted(
        other.across[0] + other.slope * (middle - other.along[0]) for other in lines if line.is_parallel(other)
    )
    return int((np.diff(places) > 2 * THICKEST).sum())


def _erase(mask: np.ndarray, lines: list[_Line], gap: int = 1) -> np.ndarray:
    """Take away lines where no stroke is on them, nor on both sides within a short gap: it touches the line there."""
    rest = mask.copy()
    for line in lines:
        view = rest.T if line.upright else rest
        stroke = (line.inked & ~line.bare).astype(np.uint8)[np.newaxis]
        joined = cv2.morphologyEx(stroke, cv2.MORPH_CLOSE, np.ones((1, gap)))[0] > 0
        bare = line.bare & ~joined if joined.mean() < 0.5 else line.bare  # narrow squares leave no gap
        along, top, extent = line.along[bare], (line.across - line.before)[bare], (line.before + line.behind)[bare]
        steps = np.arange(extent.max(initial=-1) + 1)[:, None]
        inside = steps <= extent
        view[(top + steps)[inside], np.broadcast_to(along, inside.shape)[inside]] = False
    return rest


def _without_remains(mask: np.ndarray, lines: list[_Line]) -> np.ndarray:
    """Leave out parts that lie wholly where a line is or goes on."""
    band = np.zeros(mask.shape, np.uint8)
    for line in lines:
        start, end = (np.array([line.along[place], line.across[place]]) for place in (0, -1))
        further = (end - start) / 4
        points = np.rint([start - further, end + further]).astype(int)
        points = points[:, ::-1] if line.upright else points
        cv2.line(band, *points.tolist(), 1, 2 * round(line.thickness) + 3)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    inside = np.bincount(labels.ravel(), band.ravel(), minlength=len(stats))
    drop = inside == stats[:, cv2.CC_STAT_AREA]
    drop[0] = False
    return mask & ~drop[labels]


def _large_parts(mask: np.ndarray) -> np.ndarray:
    """Take the parts that are at least half as high as is typical."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_HEIGHT] >= 0.5 * _typical_height(mask)
    large[0] = False
    return large[labels]


def _typical_height(mask: np.ndarray) -> float:
    """Take the median height of the parts, weighted by the square of their areas, so that specks do not count."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    heights, areas = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    if len(heights) == 0:
        return 0.0
    order = np.argsort(heights)
    total = np.cumsum(areas[order] ** 2)
    return float(heights[order[np.searchsorted(total, total[-1] / 2)]])


def _without_frames(mask: np.ndarray, full: bool) -> np.ndarray:
    """Leave out what other ink stands in: a cell drawn by hand, a table. No digit has another one inside.

    If only those that are full are wanted, something stands in each of their rooms. In another, a digit may touch the
    frame, and has to be told from it first.
    """
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    inner = mask[y : y + h, x : x + w]
    ink = np.pad(inner, 1).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if count < 3:  # a single part, which nothing else stands in
        return mask
    places, rooms, room_stats, _ = cv2.connectedComponentsWithStats(1 - ink, connectivity=4)
    if places == 2:  # the paper around all, and no room inside anything
        return mask
    # What is above the first pixel of a part is the room that it stands in; above that of a room is what it is in.
    room, owner = np.zeros(count, int), np.zeros(places, int)
    for above, below, where in ((rooms, parts, room), (parts, rooms, owner)):
        pixels = np.flatnonzero((below[1:] > 0) & (above[:-1] > 0))[::-1]
        where[below[1:].reshape(-1)[pixels]] = above[:-1].reshape(-1)[pixels]
    room[room == rooms[0, 0]] = owner[rooms[0, 0]] = 0  # all around
    high = stats[:, cv2.CC_STAT_HEIGHT] > FILLS * room_stats[room, cv2.CC_STAT_HEIGHT]
    taken = np.zeros(places, bool)
    taken[room[high & (room > 0)]] = True
    heights, highest = room_stats[:, cv2.CC_STAT_HEIGHT], np.zeros(count)
    np.maximum.at(highest, owner[taken], heights[taken])
    drop = highest > 0
    if full:
        drop[owner[~taken & (heights > 0.5 * highest[owner])]] = False
    drop &= stats[:, cv2.CC_STAT_AREA] < 0.5 * stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT]  # no sheet
    drop[0] = False
    rest = mask.copy()
    rest[y : y + h, x : x + w] = inner & ~drop[parts[1:-1, 1:-1]]
    return rest
