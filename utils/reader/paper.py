"""Finding the sheet of paper in a photo of a desk, and putting it upright: perspective and all.

A sheet's sides are long, straight steps of brightness, and all of them go the same way. Candidates for them come from
the Hough transform (Duda and Hart, "Use of the Hough transformation to detect lines and curves in pictures", 1972); of
all ways to choose up to four, the one counts whose sides are seen best. A side may lie outside the image.
"""

from itertools import product
from typing import NamedTuple

import cv2
import numpy as np

from utils.reader.pieces import Box

#: The outline is looked for in an image reduced to so many pixels at its longer side.
SIDE = 400
#: A smaller image is no photo of a desk.
LEAST = 120
#: What is darker and narrower, in pixels of the reduced image, is ink; past its border, the image goes on so far.
PEN = 9
#: Across a sheet's side, the brightness changes by a factor of that exponential, at least.
#: Of 30 drawn photos of desks, the sheet is found in 30 from 0.05 to 0.14.
STEP = 0.1
#: How far on either side of a line one looks: at what lies there, and, next to it, at the step.
AWAY = (-36, -24, -12, -6, -4, -2, 2, 4, 6, 12, 24, 36)
#: The sheet begins so many pixels within its sides, where the step is over.
INSET = 2
#: How many lines are looked at, and how many of them for each side.
LINES, CHOICES = 24, 5
#: If a side is missing, the others must be as long as that, as a share of the image's shorter side.
LONG = 0.4
#: This share of a side must be seen; a finger or a pen may lie on the rest. Where a side is missing, what is left may
#: be a stroke at the image's border, and those of digits have joints. 0.55 to 0.85, and 0.85 to 0.97, find the same.
SEEN, CLEAR = 0.7, 0.92
#: This share of the image is the sheet, at least, by how many sides are seen: one alone may be anything.
COVERED = {4: 0.04, 3: 0.25, 2: 0.5, 1: 0.7}


class Outline(NamedTuple):
    """Where a sheet of paper is in an image, in pixels, (x, y).

    Attributes
    ----------
    corners : (4, 2) float32 array
        Clockwise from the one that is the top left when the sheet is turned upright by less than 45°; some may lie
        outside the image.
    visible : (n, 2) float32 array
        The part of the image that shows the sheet: a convex polygon.
    """

    corners: np.ndarray
    visible: np.ndarray


class Sheet(NamedTuple):
    """What a sheet of paper looks like from above.

    Attributes
    ----------
    grey : (h, w) uint8 array
        The sheet, upright: 0 = black, 255 = white.
    back : (3, 3) float64 array or None
        The homography from pixels of it to pixels of the image, unless they are the same.
    """

    grey: np.ndarray
    back: np.ndarray | None = None

    def locate(self, box: Box) -> Box:
        """Say where a box in the sheet is in the image: the upright box around it."""
        if self.back is None:
            return box
        x, y = np.array([box.x, box.x + box.w]), np.array([box.y, box.y + box.h])
        corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2).astype(np.float64)
        corners = cv2.perspectiveTransform(corners, self.back)[:, 0]
        left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int).tolist()
        right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
        return Box(left, top, max(1, right - left), max(1, bottom - top))


class _Side(NamedTuple):
    """A line that may be a side of the sheet, which is where ``normal · point >= offset``.

    Attributes
    ----------
    normal, offset
        A unit vector, (x, y), and the distance from the origin in its direction, in pixels.
    gain, seen, counted
        Sums over the pixels of its way through the image, from 0 to each: how much they speak for a side; in how many
        there is a step; and how many there are, but for those at the image's border, where the side has left it.
    start
        The place of the first of them, in pixels along (−y, x) of the normal.
    height
        Of the step, where there is one.
    """

    normal: np.ndarray
    offset: float
    gain: np.ndarray
    seen: np.ndarray
    counted: np.ndarray
    start: float
    height: float

    def sums(self, start: np.ndarray | float, end: np.ndarray | float) -> list[np.ndarray]:
        """Add up `gain`, `seen` and `counted` from one place to another, in pixels along (−y, x) of the normal."""
        first, last = (
            np.clip(np.round(np.asarray(edge) - self.start), 0, len(self.gain) - 1).astype(int) for edge in (start, end)
        )
        return [part[np.maximum(first, last)] - part[first] for part in (self.gain, self.seen, self.counted)]


def find_sheet(grey: np.ndarray) -> Outline | None:
    """Find a sheet of paper that lies on something else.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.

    Returns
    -------
    Outline or None
        None if there is nothing else to be seen.
    """
    if max(grey.shape) < LEAST or min(grey.shape) < LEAST / 4:
        return None
    light, scale = _without_ink(grey)
    edges = _find_edges(light)
    lines = _find_lines(edges, 0.15)
    traced = [_trace(light, *line) for line in lines]
    best, found = 0.0, None
    for polarity in (1, -1):
        sides = [side for both in traced for side in both[polarity]]
        for turn in (0, np.pi / 4):
            score, chosen = _choose(sides, turn, light.shape)
            if chosen is not None and score > best:
                best, found = score, (polarity, chosen)
    if found is None:
        return None
    polarity, chosen = found
    visible = _visible_part(chosen, light.shape)
    corners = _find_corners(chosen, visible)
    visible = _without_wedges(light, edges, visible, chosen, polarity)
    return Outline(*(((points - PEN + 0.5) / scale - 0.5).astype(np.float32) for points in (corners, visible)))


def _without_ink(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Reduce an image, take the strokes out of it, and return the logarithm: a step is the same in light and shadow."""
    scale = min(1.0, SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, PEN, PEN, PEN, PEN, cv2.BORDER_REPLICATE)  # a strip at the border is no stroke
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PEN, PEN))
    small = cv2.morphologyEx(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)
    return np.log(cv2.GaussianBlur(small, (0, 0), 1).astype(np.float32) + 16), scale


def _find_edges(light: np.ndarray) -> np.ndarray:
    steep = 2400 * STEP  # a step of that height, blurred as above, as Sobel's filter sees it
    gradient = [np.clip(1000 * cv2.Sobel(light, cv2.CV_32F, *order), -32768, 32767) for order in ((1, 0), (0, 1))]
    edges = cv2.Canny(*(part.astype(np.int16) for part in gradient), steep / 2, steep, L2gradient=True)
    edges[:3] = edges[-3:] = edges[:, :3] = edges[:, -3:] = 0
    return edges


def _find_lines(edges: np.ndarray, shortest: float) -> list[tuple[np.ndarray, float]]:
    """Find the straight edges, the longest first: the normal of each, and its offset."""
    found = cv2.HoughLines(edges, 1, np.pi / 180, round(shortest * min(edges.shape)))
    lines: list[tuple[np.ndarray, float]] = []
    for offset, angle in [] if found is None else found[:, 0].tolist():
        normal = np.array([np.cos(angle), np.sin(angle)])
        if all(_apart((normal, offset), line, edges.shape) for line in lines):
            lines.append((normal, offset))
        if len(lines) == LINES:
            break
    return lines


def _apart(first: tuple[np.ndarray, float], second: tuple[np.ndarray, float], shape: tuple[int, int]) -> bool:
    """Say whether two lines are more than the same one, found twice."""
    cosine = first[0] @ second[0]
    middle = np.array(shape[::-1]) / 2
    away, other = (normal @ middle - offset for normal, offset in (first, second))
    return abs(cosine) < np.cos(np.radians(5)) or abs(away - np.sign(cosine) * other) > 0.02 * max(shape)


def _frame(shape: tuple[int, int]) -> list[tuple[np.ndarray, float]]:
    """Return the image's own sides: left, top, right and bottom."""
    height, width = shape
    return [
        (np.array([1.0, 0.0]), 0.0),
        (np.array([0.0, 1.0]), 0.0),
        (np.array([-1.0, 0.0]), 1.0 - width),
        (np.array([0.0, -1.0]), 1.0 - height),
    ]


def _between(normal: np.ndarray, offset: float, others: list[tuple[np.ndarray, float]]) -> tuple[float, float]:
    """Say from where to where a line is within half-planes, in pixels along it."""
    low, high = -1e6, 1e6
    along, foot = np.array([-normal[1], normal[0]]), offset * normal
    for other, limit in others:
        slope, rest = float(other @ along), float(limit - other @ foot)
        if abs(slope) < 1e-9:
            if rest > 0:
                return 0.0, -1e6
        elif slope > 0:
            low = max(low, rest / slope)
        else:
            high = min(high, rest / slope)
    return low, high


def _trace(light: np.ndarray, normal: np.ndarray, offset: float, step: float = STEP) -> dict[int, list[_Side]]:
    """Measure the step along a line; it may be a side of what is on either side of it, if that is light, or dark."""
    low, high = _between(normal, offset, _frame(light.shape))
    places = np.arange(np.ceil(low), np.floor(high) + 1)
    sides: dict[int, list[_Side]] = {1: [], -1: []}
    if len(places) < 2:
        return sides
    points = (offset * normal)[:, None] + np.array([[-normal[1]], [normal[0]]]) * places
    x, y = (points[:, None] + normal[:, None, None] * np.array(AWAY)[:, None]).astype(np.float32)
    seen_away = cv2.remap(light, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    x, y = points
    depth = np.min([x, y, light.shape[1] - 1 - x, light.shape[0] - 1 - y], axis=0)
    # A shade that goes on is no step; black or white, it may end on one side.
    drift = np.maximum(np.abs(seen_away[0] - seen_away[2]), np.abs(seen_away[11] - seen_away[9]))
    # A stroke that is left has ended there, and it is as it was before it.
    ground = {-1: _middle(*seen_away[:3]), 1: _middle(*seen_away[9:])}
    near = {-1: seen_away[5:2:-1], 1: seen_away[6:9]}
    for polarity, sign in product((1, -1), (1, -1)):
        within, beyond = (polarity * ground[way] for way in (sign, -sign))
        inner, outer = polarity * near[sign], polarity * near[-sign][::-1]
        best = np.max(np.minimum(inner, within) - np.maximum(outer, beyond), axis=0)  # no sheet is quite flat
        seen = best > np.maximum(step, drift)
        counted = seen | (depth > PEN + 0.02 * max(light.shape))
        height = float(np.median(best[seen])) if seen.any() else 0.0
        gain = np.where(counted, np.clip(best / step, -2, 6) - 1, 0)
        sums = (np.concatenate([[0.0], np.cumsum(part)]) for part in (gain, seen, counted))
        line = (sign * normal, sign * offset)
        if sign < 0:  # then its way goes the other way, too
            sums = (part[-1] - part[::-1] for part in sums)
        sides[polarity].append(_Side(*line, *sums, float(places[0] if sign > 0 else -places[-1]), height))
    return sides


def _middle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))  # ten times as fast as `numpy.median`


def _choose(sides: list[_Side], turn: float, shape: tuple[int, int]) -> tuple[float, list[_Side | None] | None]:
    """Choose the left, top, right and bottom side, each of which may be missing."""
    classes: list[list[int]] = [[], [], [], []]
    order = sorted(range(len(sides)), key=lambda index: -sides[index].seen[-1])
    for index in order:
        x, y = sides[index].normal
        of = classes[round((np.arctan2(y, x) - turn) / (np.pi / 2)) % 4]
        if len(of) < CHOICES and sides[index].seen[-1] > 0.15 * min(shape):
            of.append(index)
    if not any(classes):
        return 0.0, None
    low, high = _cross(sides)
    none = len(sides)
    ways = np.array(list(product(*([*of, none] for of in classes))))
    score, valid = np.zeros(len(ways)), np.ones(len(ways), bool)
    for place in range(4):
        own, others = ways[:, place], np.delete(ways, place, axis=1)
        start, end = low[own[:, None], others].max(axis=1), high[own[:, None], others].min(axis=1)
        for index in classes[place]:
            here = np.flatnonzero(own == index)
            gain, seen, counted = sides[index].sums(start[here], end[here])
            score[here] += gain
            missing = (others[here] == none).any(axis=1)
            valid[here] &= seen >= np.where(missing, CLEAR, SEEN) * counted
            valid[here] &= seen > np.where(missing, LONG, 0.1) * min(shape)
    for way in np.argsort(-np.where(valid, score, 0))[:20]:
        chosen = [None if index == none else sides[index] for index in ways[way]]
        count = sum(side is not None for side in chosen)
        if not valid[way] or score[way] <= 0 or count == 0:
            break
        if _share(chosen, shape) > COVERED[count] and _is_rectangle(chosen):
            return float(score[way]), chosen
    return 0.0, None


def _cross(sides: list[_Side]) -> tuple[np.ndarray, np.ndarray]:
    """Say of each line, by rows, from where to where another allows it, by columns; the last one allows all."""
    low = np.full((len(sides) + 1, len(sides) + 1), -np.inf)
    high = -low
    if sides:
        normals, offsets = np.array([side.normal for side in sides]), np.array([side.offset for side in sides])
        slopes = np.stack([-normals[:, 1], normals[:, 0]], axis=1) @ normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            places = (offsets - (normals @ normals.T) * offsets[:, None]) / slopes
        low[:-1, :-1] = np.where(slopes > 1e-9, places, -np.inf)
        high[:-1, :-1] = np.where(slopes < -1e-9, places, np.inf)
    return low, high


def _visible_part(chosen: list[_Side | None], shape: tuple[int, int]) -> np.ndarray:
    """Return the part of the image that the sheet is in: a polygon, (n, 2)."""
    height, width = shape
    polygon = np.array([(PEN, PEN), (width - PEN, PEN), (width - PEN, height - PEN), (PEN, height - PEN)], float)
    for side in filter(None, chosen):
        polygon = _cut(polygon, side)
    return polygon


def _cut(polygon: np.ndarray, side: _Side) -> np.ndarray:
    """Keep what is on the sheet's side of a line, a little within it, where the step is over."""
    depth = polygon @ side.normal - side.offset - INSET
    corners = []
    for index in range(len(polygon)):
        a, b = depth[index - 1], depth[index]
        if (a >= 0) != (b >= 0):
            corners.append(polygon[index - 1] + (polygon[index] - polygon[index - 1]) * a / (a - b))
        if b >= 0:
            corners.append(polygon[index])
    return np.array(corners).reshape(-1, 2)


def _area(polygon: np.ndarray) -> float:
    return cv2.contourArea(polygon.astype(np.float32)) if len(polygon) > 2 else 0.0


def _without_wedges(
    light: np.ndarray, edges: np.ndarray, visible: np.ndarray, chosen: list[_Side | None], polarity: int
) -> np.ndarray:
    """Cut off what is seen of the ground in the corners, where a side is too short to say how the sheet lies."""
    inner = cv2.fillConvexPoly(np.zeros(light.shape, np.uint8), visible.round().astype(np.int32), 1)
    inner = cv2.erode(inner, np.ones((5, 5), np.uint8), borderValue=0)
    step = 0.5 * float(np.median([side.height for side in chosen if side]))
    for line in _find_lines(edges * inner, 0.05):
        for side in _trace(light, *line, step)[polarity]:
            rest = _cut(visible, side)
            if not 0.85 * _area(visible) < _area(rest) < _area(visible):
                continue
            along = rest[np.abs(rest @ side.normal - side.offset - INSET) < 0.5] @ (-side.normal[1], side.normal[0])
            _, seen, counted = side.sums(along.min(initial=np.inf), along.max(initial=-np.inf))
            if seen >= CLEAR * counted and seen > 0.05 * min(light.shape):
                visible = rest
    return visible


def _share(chosen: list[_Side | None], shape: tuple[int, int]) -> float:
    return _area(_visible_part(chosen, shape)) / ((shape[0] - 2 * PEN) * (shape[1] - 2 * PEN))


def _is_rectangle(chosen: list[_Side | None]) -> bool:
    """Say whether the sides may be those of a rectangle that is seen at a slant."""
    for place in range(4):
        one, next_one, opposite = (chosen[(place + step) % 4] for step in range(3))
        if one and next_one and abs(one.normal @ next_one.normal) > np.sin(np.radians(30)):
            return False
        if one and opposite and one.normal @ opposite.normal > -np.cos(np.radians(35)):
            return False
    return True


def _find_corners(chosen: list[_Side | None], visible: np.ndarray) -> np.ndarray:
    """Return the corners of the sheet; where a side is missing, the sheet goes on to where the image ends."""
    lines = []
    for place, side in enumerate(chosen):
        if side is None:
            opposite, beside = chosen[place - 2], chosen[place - 1] or chosen[(place + 1) % 4]
            if opposite is not None:
                normal = -opposite.normal
            else:
                x, y = beside.normal
                normal = np.array([y, -x]) if chosen[place - 1] is None else np.array([-y, x])
            lines.append((normal, float((visible @ normal).min())))
        else:
            lines.append((side.normal, side.offset + INSET))
    corners = []
    for place in range(4):
        (a, b), (c, d) = lines[place], lines[(place + 1) % 4]
        corners.append(np.linalg.solve([a, c], [b, d]))
    # upright is what is least turned
    first = min(range(4), key=lambda index: np.dot(corners[index], (1, 1)))
    return np.roll(corners, -first, axis=0)


def lift_sheet(grey: np.ndarray, outline: Outline | None) -> Sheet:
    """Show a sheet as it looks from above.

    Parameters
    ----------
    grey : (H, W) uint8 array
        The image: 0 = black, 255 = white.
    outline
        Of `find_sheet`; without one, the image stays as it is.

    Returns
    -------
    Sheet
        As large as it is in the image. Where the image does not show it, it is empty paper.
    """
    if outline is None:
        return Sheet(grey)
    corners = outline.corners
    ways = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = (max(1, round(float(np.mean(ways[start::2])))) for start in (0, 1))
    upright = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], np.float32)
    back = cv2.getPerspectiveTransform(upright, corners)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sheet = cv2.warpPerspective(grey, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    visible = cv2.perspectiveTransform(outline.visible[:, None], np.linalg.inv(back))[:, 0]
    empty = cv2.fillConvexPoly(np.ones((height, width), np.uint8), visible.round().astype(np.int32), 0)
    return Sheet(_continue_paper(sheet, empty), back)


def _continue_paper(sheet: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Give to pixels that are not known the shade of the paper that is nearest."""
    if not empty.any():
        return sheet
    scale = min(1.0, SIDE / max(sheet.shape))
    small = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    unknown = cv2.dilate(cv2.resize(empty * 255, small.shape[::-1], interpolation=cv2.INTER_AREA), None) > 0
    if unknown.all():
        return sheet
    small = cv2.morphologyEx(np.where(unknown, 0, small).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((PEN, PEN)))
    _, nearest = cv2.distanceTransformWithLabels(
        unknown.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    shades = np.zeros(nearest.max() + 1, np.uint8)
    shades[nearest[~unknown]] = small[~unknown]
    paper = cv2.resize(shades[nearest], sheet.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(empty > 0, paper, sheet)
