"""Telling ink from paper: a grey image → ink, for drawings and for photos.

A drawing's paper has one shade, which its frame shows. A photo's paper has shadows, grain and perhaps lines, and a
table around it; there, ink is what is darker than the paper *beside* it, in a band that is narrow. That is
morphology's black top-hat: Serra, "Image analysis and mathematical morphology", 1982.
"""

from typing import NamedTuple

import cv2
import numpy as np

from utils.reader.halftone import undo_dithering
from utils.reader.lines import without_lines

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
#: In a photo, what is above this share of the level still belongs to a stroke that is above it elsewhere.
WEAK = 0.5
#: A paler pen's digits are within this factor as high as those of the darker one.
ALIKE = 1.5


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
    floor = FAINTEST if paper.tiny else max(FAINTEST, 5 * _noise(contrast))
    level = _find_level(contrast, floor)
    nothing = np.zeros(grey.shape, np.uint8)
    if level is None:
        return nothing
    clean = paper.plain and np.mean(np.abs(contrast[contrast <= level]) < 1.5 / 255) > 0.75
    contrast = np.maximum(contrast, 0)
    if paper.plain and sheets < MOST_SHEETS and (sheet := _find_sheet(contrast > level)):
        nothing[sheet] = extract_ink(np.ascontiguousarray(grey[sheet]), sheets + 1)
        return nothing
    least = floor if clean else max(floor, WEAK * level)
    least, keep = _keep_strokes(contrast, least, level, paper)
    return _shade(contrast, least, level, keep, paper) if keep.any() else nothing


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
        grey = _resize(undo_dithering(grey))
    grey = _without_slope(grey) if tiny else grey
    plain = tiny or _is_plain(grey)
    by_camera = not plain or (not tiny and _noise(grey) > 0.5)
    if by_camera:
        grey = cv2.medianBlur(grey, 3)  # not in a clean drawing, where it would only break thin lines
    return grey, _Paper(tiny, plain, by_camera)


def _keep_strokes(contrast: np.ndarray, least: float, level: float, paper: _Paper) -> tuple[float, np.ndarray]:
    """Choose the pixels that are somebody's strokes, and the level that they all lie above."""
    least, keep = without_lines(contrast, least, level)
    if not paper.by_camera:
        return least, keep
    _, labels, stats, _ = cv2.connectedComponentsWithStats(keep.astype(np.uint8), connectivity=8)
    wanted = _are_strong(labels, stats, keep & (contrast > level))
    if not paper.plain:
        wanted &= ~_are_faint(labels, stats, wanted, contrast)
    inner = wanted & ~_are_edges(labels, stats, 0.8 if paper.plain else 0.1)
    return least, (inner if inner.any() else wanted)[labels]  # a digit that fills the image is all there is


def _are_strong(labels: np.ndarray, stats: np.ndarray, strong: np.ndarray) -> np.ndarray:
    """Choose the parts with a strong pixel in them, as Canny's second threshold does (1986), and those as high.

    What is as high as what is written strongly is written, too, with a paler pen.
    """
    wanted = np.zeros(len(stats), bool)
    wanted[labels[strong]] = True
    heights = stats[:, cv2.CC_STAT_HEIGHT]
    if wanted.any():
        typical = np.average(heights[wanted], weights=stats[wanted, cv2.CC_STAT_AREA])
        wanted |= (heights > typical / ALIKE) & (heights < typical * ALIKE)
    wanted[0] = False
    return wanted


def _shade(contrast: np.ndarray, least: float, level: float, keep: np.ndarray, paper: _Paper) -> np.ndarray:
    """Turn contrast into shades of ink, of which the level is half; beside the strokes there is none.

    Where a stroke is faint, its level is half of what it has at its darkest nearby, but not below the least.
    """
    side = 2 * (5 if paper.tiny else 3) + 1
    darkest = cv2.dilate(contrast, np.ones((side, side), np.uint8))
    levels = np.clip(darkest / 2, least, max(level, least))
    strong = contrast[keep & (contrast > level)]
    high = np.minimum(float(np.median(strong)) if len(strong) else 1.0, darkest)
    low = np.maximum(2 * levels - high, 0)
    ink = np.clip((contrast - low) * (255 / np.maximum(high - low, 1e-6)), 0, 255).astype(np.uint8)
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
    inner = _frame(grey)
    for depth in range(min(deepest, (min(grey.shape) - 3) // 2)):
        ring, inner = inner, _frame(grey[depth + 1 : -depth - 1, depth + 1 : -depth - 1])
        if not np.ptp(ring) and ring[0] == inner.min() == inner.max():
            continue
        if ring.std() > 8:
            break
        paper = _median_of(inner)
        if abs(paper - _median_of(ring)) > 255 * FAINTEST:
            outside = np.ones(grey.shape, bool)
            outside[depth + 1 : -depth - 1, depth + 1 : -depth - 1] = False
            return np.where(outside, np.uint8(paper), grey)
    return grey


def _frame(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _without_slope(grey: np.ndarray) -> np.ndarray:
    """Even out the light in a small cut-out of a photo, which is a slope: a plane through the shades of the frame.

    Ink that reaches the frame is left out of the fit, as what is furthest from it: trimmed least squares.
    """
    shades = _frame(grey).astype(np.float64)
    if not np.ptp(shades):
        return grey
    places = np.stack([*(np.indices(grey.shape) / max(grey.shape) - 0.5), np.ones(grey.shape)], axis=-1)
    where = np.concatenate([places[0], places[-1], places[:, 0], places[:, -1]])
    plane = np.array([0, 0, np.median(shades)])
    for _ in range(5):
        away = np.abs(shades - where @ plane)
        near = away <= 2 * np.median(away) + 1
        plane = np.linalg.lstsq(where[near], shades[near], rcond=None)[0]
    return np.clip(np.rint(grey - places[..., :2] @ plane[:2]), 0, 255).astype(np.uint8)


def _is_plain(grey: np.ndarray) -> bool:
    """Say whether the paper has one shade, but for a little noise."""
    frame = _frame(grey).astype(np.int16)
    shade = int(np.bincount(frame).argmax())
    if np.mean(np.abs(frame - shade) <= 1) > 0.6:
        return True
    # After a camera or a JPEG file, the shades of an even paper spread around one; under a shadow they drift.
    paper, spread = np.median(frame), 3 * _noise(grey) + 1
    same = np.abs(grey.astype(np.int16) - paper) <= spread
    return bool(np.mean(np.abs(frame - paper) <= spread) > 0.6 and same.mean() > 0.4)


def _against_plain(grey: np.ndarray) -> np.ndarray:
    paper = float(np.median(_frame(grey)))
    if paper * grey.size >= grey.sum(dtype=np.int64):
        return (np.float32(paper) - grey) / max(paper, 1)
    return (grey - np.float32(paper)) / max(255 - paper, 1)


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
        small = len(on_table) > 10 and _typical_area(on_table) < 0.4 * _typical_area(on_sheet)
        if many or small:
            return table
    return np.zeros(paper.shape, bool)


def _areas(mask: np.ndarray) -> np.ndarray:
    """Measure the parts, except the smallest ones, in pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    return areas[areas >= 8]


def _typical_area(areas: np.ndarray) -> float:
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


def _noise(image: np.ndarray) -> float:
    wide = image.shape[1] >= image.shape[0]
    steps = cv2.absdiff(image[:, 1:], image[:, :-1]) if wide else cv2.absdiff(image[1:], image[:-1])
    return _median_of(steps) / 0.954  # the median step between neighbours, in standard deviations


def _median_of(values: np.ndarray) -> float:
    """Take the median: of shades, from their histogram; of others, none of them below 0, if it is not 0 anyway."""
    if values.dtype != np.uint8:
        return float(np.median(values)) if 2 * np.count_nonzero(values) >= values.size - 1 else 0.0
    total = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]), dtype=np.float64)
    return float(np.searchsorted(total, [(values.size - 1) // 2, values.size // 2], "right").mean())


def _find_level(contrast: np.ndarray, floor: float) -> float | None:
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
    if np.count_nonzero(mask) <= 0.125 * mask.size:  # half of a quarter, as below
        return None
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


def _are_edges(labels: np.ndarray, stats: np.ndarray, share: float) -> np.ndarray:
    """Say which parts run along the border, over such a share of a side: the table around a sheet."""
    return np.bincount(_frame(labels), minlength=len(stats)) > share * min(labels.shape)


def _are_faint(labels: np.ndarray, stats: np.ndarray, wanted: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Say which parts are much fainter than those wanted: remains of lines, what shines through from the back."""
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    strength = np.bincount(labels.ravel(), contrast.ravel(), minlength=len(area)) / area
    if not wanted.any():
        return ~wanted
    return strength < 0.45 * np.average(strength[wanted], weights=area[wanted] ** 2)
