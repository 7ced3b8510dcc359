"""Telling ink from paper: a grey image → ink, for drawings and for photos.

A drawing's paper has one shade, which its frame shows. A photo's paper has shadows, grain and perhaps lines, and a
table around it; there, ink is what is darker than the paper *beside* it, in a band that is narrow. That is
morphology's black top-hat: Serra, "Image analysis and mathematical morphology", 1982.
"""

from typing import NamedTuple

import cv2
import numpy as np

#: A larger image is reduced to so many pixels at its longer side: enough for a page full of digits.
MAX_SIDE = 1600
#: A long one, such as a receipt, may stay as long as that: its digits have the size that goes with its shorter side.
MAX_LENGTH = 10_000
#: A smaller image is enlarged to about this many, so that a stroke of one pixel has an inside and an outline.
MIN_SIDE = 112
#: The widest stroke in a photo, as a share of its shorter side: what is dark and wider is a shadow or a table.
WIDEST = 0.25
#: So many sheets may lie on each other, such as a scanned page in a screenshot.
MOST_SHEETS = 4
#: A stroke must differ from the paper by this share of what is possible: less is the grain of the paper.
FAINTEST = 0.06


def extract_ink(grey: np.ndarray, sheets: int = 0) -> np.ndarray:
    """Tell the ink from the paper, whichever of them is the darker.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.
    sheets
        How many sheets it lies on, as far as that was found out before.

    Returns
    -------
    (h, w) uint8 array
        0 = paper, 255 = ink, and the shades of the strokes' edges between them; all 0 if there is no ink. The size
        is that of the image, unless its longer side is above 1600 pixels or below 112: it is reduced to 1600, or
        enlarged by a whole number. If it is more than three times as long as wide, it is not reduced below a half,
        unless it is longer than 10,000 then, or has more pixels than 1600 × 1600.
    """
    if grey.size == 0:
        return grey
    grey, paper = _look_at(grey, resized=sheets > 0)
    contrast = _against_plain(grey) if paper.plain else _against_uneven(grey)
    level = _level(contrast, FAINTEST if paper.tiny else max(FAINTEST, 5 * _noise(contrast)))
    contrast, nothing = np.maximum(contrast, 0), np.zeros(grey.shape, np.uint8)
    if level is None:
        return nothing
    if paper.plain and sheets < MOST_SHEETS and (sheet := _find_sheet(contrast > level)):
        nothing[sheet] = extract_ink(np.ascontiguousarray(grey[sheet]), sheets + 1)
        return nothing
    level, keep = _keep_strokes(contrast, level, paper)
    return _shade(contrast, level, keep, paper) if keep.any() else nothing


class _Paper(NamedTuple):
    """What kind of image it is.

    Attributes
    ----------
    tiny
        No photo, and no room for lines.
    plain
        Of one shade.
    by_camera
        With the grain of a photo, a scan or a JPEG file.
    """

    tiny: bool
    plain: bool
    by_camera: bool


def _look_at(grey: np.ndarray, resized: bool) -> tuple[np.ndarray, _Paper]:
    """Bring an image to a size that can be worked with, unless it was, smooth its grain, and say what kind it is."""
    tiny = max(grey.shape) < 100
    grey = _without_frame(grey)
    if not resized:
        grey = _resize(grey)
    plain = tiny or _is_plain(grey)
    by_camera = not plain or (not tiny and _noise(grey.astype(np.float32)) > 0.5)
    if by_camera:
        grey = cv2.medianBlur(grey, 3)  # not in a clean drawing, where it would only break thin lines
    return grey, _Paper(tiny, plain, by_camera)


def _keep_strokes(contrast: np.ndarray, level: float, paper: _Paper) -> tuple[float, np.ndarray]:
    """Choose the pixels that are somebody's strokes, and the level that they lie above."""
    keep = contrast > level
    if not paper.tiny:
        level, keep = _without_lines(contrast, level)
    if not paper.plain:
        keep = _without_faint(keep, contrast)
    if paper.by_camera:
        keep = _without_edges(keep, 0.8 if paper.plain else 0.1)
    return level, keep


def _shade(contrast: np.ndarray, level: float, keep: np.ndarray, paper: _Paper) -> np.ndarray:
    """Turn contrast into shades of ink, of which the level is half; beside the strokes there is none."""
    high = float(np.median(contrast[keep]))
    low = max(2 * level - high, 0)
    ink = np.clip((contrast - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    if paper.tiny:
        return ink
    near = cv2.dilate(keep.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(near, ink, np.uint8(0))


def _resize(grey: np.ndarray) -> np.ndarray:
    if max(grey.shape) < MIN_SIDE:
        scale = -(-MIN_SIDE // max(grey.shape))
        return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    longer, shorter = max(grey.shape), min(grey.shape)
    ratio = longer / shorter
    return _shrink(grey, max(MAX_SIDE, min(longer / 2, MAX_SIDE * ratio / 3, MAX_SIDE * ratio**0.5, MAX_LENGTH)))


def _shrink(image: np.ndarray, longer: int) -> np.ndarray:
    """Reduce an image, if its longer side has more pixels than that."""
    scale = longer / max(image.shape)
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _without_frame(grey: np.ndarray) -> np.ndarray:
    """Paint over a thin, even frame, such as a screenshot of a drawing program has."""
    deepest = max(1, round(0.04 * min(grey.shape)))
    for depth in range(min(deepest, (min(grey.shape) - 3) // 2)):
        ring, inner = (_frame(grey[d : grey.shape[0] - d, d : grey.shape[1] - d]) for d in (depth, depth + 1))
        if ring.std() > 8:
            break
        paper = float(np.median(inner))
        if abs(paper - np.median(ring)) > 255 * FAINTEST:
            outside = np.ones(grey.shape, bool)
            outside[depth + 1 : -depth - 1, depth + 1 : -depth - 1] = False
            return np.where(outside, np.uint8(paper), grey)
    return grey


def _frame(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _is_plain(grey: np.ndarray) -> bool:
    """Say whether the paper has one shade, but for a little noise."""
    frame = _frame(grey).astype(np.int16)
    shade = int(np.bincount(frame).argmax())
    if np.mean(np.abs(frame - shade) <= 1) > 0.6:
        return True
    # After a camera or a JPEG file, the shades of an even paper spread around one; under a shadow they drift.
    paper, spread = np.median(frame), 3 * _noise(grey.astype(np.float32)) + 1
    same = np.abs(grey.astype(np.int16) - paper) <= spread
    return bool(np.mean(np.abs(frame - paper) <= spread) > 0.6 and same.mean() > 0.4)


def _against_plain(grey: np.ndarray) -> np.ndarray:
    paper = float(np.median(_frame(grey)))
    darker = np.float32(paper) - grey
    if np.maximum(darker, 0).sum() >= np.maximum(-darker, 0).sum():
        return darker / max(paper, 1)
    return -darker / max(255 - paper, 1)


def _against_uneven(grey: np.ndarray) -> np.ndarray:
    if _is_light_on_dark(grey):
        grey = 255 - grey
    size = max(3, round(WIDEST * min(grey.shape)) | 1)
    # Past its border the image goes on as it is there: a strip of table at the edge is no stroke.
    wide = cv2.copyMakeBorder(grey, size, size, size, size, cv2.BORDER_REPLICATE)
    wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    paper = wide[size:-size, size:-size].astype(np.float32)
    contrast = (paper - grey) / np.maximum(paper, 32)
    contrast -= _around(contrast)
    # Where much differs a little, as in the grain of a table, a stroke must differ more.
    contrast = np.where(contrast > 3 * _around(np.abs(contrast)), contrast, 0)
    return np.where(_is_table(paper, contrast), 0, contrast)


def _is_table(paper: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Say where the image shows what the sheet lies on: darker than the sheet, and with a grain.

    A shadow is darker too. But what is written in it are a few large marks; a grain has many small ones.
    """
    _, dark = cv2.threshold(paper.astype(np.uint8), 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    table = cv2.dilate(dark, np.ones((9, 9), np.uint8)) > 0
    marked = contrast > max(FAINTEST, _otsu(contrast))
    on_sheet, on_table = (_areas(marked & where) for where in (~table, table))
    if len(on_sheet) and len(on_table) and paper[table].mean() < 0.75 * paper[~table].mean():
        many = len(on_table) > 30 + 3 * len(on_sheet)
        small = len(on_table) > 10 and _typical(on_table) < 0.4 * _typical(on_sheet)
        if many or small:
            return table
    return np.zeros(paper.shape, bool)


def _areas(mask: np.ndarray) -> np.ndarray:
    """Measure the parts, except the smallest ones, in pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    return areas[areas >= 8]


def _typical(areas: np.ndarray) -> float:
    """Take the mean area, weighted by area: of the part that a pixel of ink lies in."""
    return float((areas**2).sum() / areas.sum())


def _around(contrast: np.ndarray) -> np.ndarray:
    """Take the median of a wide surrounding, to which strokes, being few, do not count."""
    height, width = contrast.shape
    small = np.clip(_shrink(contrast, 160) * 1020, 0, 255).astype(np.uint8)
    small = cv2.medianBlur(small, 31)
    return cv2.resize(np.minimum(small.astype(np.float32) / 1020, 0.12), (width, height))


def _is_light_on_dark(grey: np.ndarray) -> bool:
    # Strokes are the few pixels that differ from their surroundings: the distribution leans to their side.
    small = _shrink(grey, 400).astype(np.float32)
    values = np.log(small + 16)
    difference = values - cv2.GaussianBlur(values, (0, 0), 0.06 * min(values.shape))
    return float((difference**3).sum()) > 0


def _noise(contrast: np.ndarray) -> float:
    steps = np.abs(np.diff(contrast, axis=int(contrast.shape[1] >= contrast.shape[0])))
    return float(np.median(steps)) / 0.954  # the median step between neighbours, in standard deviations


def _level(contrast: np.ndarray, floor: float) -> float | None:
    above = contrast[contrast > floor]
    if len(above) == 0:
        return None
    return float(max(floor, min(_otsu(contrast), 0.5 * np.percentile(above, 90))))


def _otsu(contrast: np.ndarray) -> float:
    scaled = np.clip(contrast * 255, 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return level / 255


def _find_sheet(mask: np.ndarray) -> tuple[slice, slice] | None:
    """Find what is too large and too square for a digit: a sheet on an even ground, as a scanner's lid shows it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    w, h, area = stats.T[2:]
    large = (np.minimum(w, h) >= MIN_SIDE + 8) & (w * h > 0.25 * mask.size) & (area > 0.5 * w * h)
    large[0] = False
    for index in np.flatnonzero(large):
        own = (labels == index).astype(np.uint8)
        (outline, *_), _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        _, (width, height), _ = cv2.minAreaRect(outline)
        if cv2.contourArea(outline) > 0.9 * width * height:
            x, y, w, h = stats[index, :4]
            return slice(y + 4, y + h - 4), slice(x + 4, x + w - 4)
    return None


def _printed(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label the parts, and say which are the lines of ruled or squared paper rather than large digits."""
    height, width = mask.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    x, y, w, h, area = stats.T
    large = (w > 0.5 * width) | (h > 0.5 * height)
    sides = sum(side.astype(int) for side in (x == 0, y == 0, x + w == width, y + h == height))
    across = large & (sides >= 2) & (area < 0.2 * w * h + 4 * np.maximum(w, h))
    across[0] = False
    printed = (w > 0.5 * width) & (h < 0.12 * w)  # no digit is as flat as that
    if across.sum() > 1:  # a single one may be a digit that fills the image
        printed |= across
    printed[0] = large[0] = False
    left = large & ~printed
    if not left.any():
        return labels, printed
    holes = _count_holes(labels, left)
    printed |= holes >= 8
    inside = np.flatnonzero(area > 20)
    for index in np.flatnonzero(left & (holes >= 3) & (holes < 8)):
        within = (x[inside] > x[index]) & (y[inside] > y[index])
        within &= ((x + w)[inside] < (x + w)[index]) & ((y + h)[inside] < (y + h)[index])
        printed[index] = within.sum() >= 2
    return labels, printed


def _count_holes(labels: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Count the holes in each of the parts that are wanted, by Euler's number (Gray, 1971): in one go, however many."""
    mask = np.pad(parts[labels], 1).astype(np.uint8)
    corners = [mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]]
    # A square of 2 × 2 pixels adds 1 if one of them is ink, and takes 1 away if three are, or 2 if two across are.
    signs = np.array([0, 1, 1, 0, 1, 0, -2, -1, 1, -2, 0, -1, 0, -1, -1, 0])
    signs = signs[sum(corner << place for place, corner in enumerate(corners))]
    rows, columns = np.nonzero(signs)
    around = np.pad(np.where(parts[labels], labels, 0), 1)
    owner = np.max([around[rows + down, columns + right] for down in (0, 1) for right in (0, 1)], axis=0, initial=0)
    return np.where(parts, 1 - np.bincount(owner, signs[rows, columns], minlength=len(parts)) / 4, 0)


def _without_lines(contrast: np.ndarray, level: float) -> tuple[float, np.ndarray]:
    for _ in range(2):
        mask = contrast > level
        # Lines are printed fainter than one writes: look for a level between the two.
        higher = _otsu(contrast[mask])
        upper, lower = contrast > higher, mask & (contrast <= higher)
        labels, lined = _printed(mask)
        apart = lower & ~np.isin(labels, np.unique(labels[upper]))  # in parts of their own, without any strong ink
        if not lined.any() and apart.sum() < 0.3 * lower.sum():
            return level, mask
        if not lower.any() or np.median(contrast[upper]) < 1.4 * np.median(contrast[lower]):
            break
        level = max(higher, level)
    mask = contrast > level
    labels, lined = _printed(mask)
    if not lined.any():
        return level, mask
    found = cv2.HoughLinesP(
        lined[labels].astype(np.uint8) * 255, 1, np.pi / 360, 80, minLineLength=0.25 * max(mask.shape), maxLineGap=12
    )
    drawn = np.zeros(mask.shape, np.uint8)
    for x1, y1, x2, y2 in [] if found is None else found.reshape(-1, 4):
        cv2.line(drawn, (x1, y1), (x2, y2), 255, 3)
    rest = mask & (drawn == 0)
    joined = cv2.morphologyEx(
        rest.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    )
    rest |= (joined > 0) & mask & (drawn > 0)
    labels, lined = _printed(rest)
    return level, rest & ~lined[labels]


def _without_edges(mask: np.ndarray, share: float) -> np.ndarray:
    """Leave out what runs along the border, over such a share of a side: the table around a sheet."""
    height, width = mask.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    contact = np.bincount(_frame(labels), minlength=len(stats))
    drop = contact > share * min(height, width)
    drop[0] = False
    rest = mask & ~drop[labels]
    return rest if rest.any() else mask  # a digit that fills the image is all there is


def _without_faint(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Leave out parts much fainter than the others: remains of lines, what shines through from the back."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    strength = np.bincount(labels.ravel(), contrast.ravel(), minlength=len(area)) / area
    area[0] = 0
    if not area.any():
        return mask
    drop = strength < 0.45 * np.average(strength, weights=area**2)
    return mask & ~drop[labels]
