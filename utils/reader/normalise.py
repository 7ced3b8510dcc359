"""From one digit's ink to 28 × 28 pixels that look like MNIST's.

MNIST's own normalisation (a 20 × 20 box, then the centre of mass in the middle of 28 × 28) is described in LeCun,
Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86
(11), 1998. That the stroke is brought to the width of MNIST's, too, is ours.
"""

import cv2
import numpy as np

from utils.mnist import SIDE

#: The side of the box in an MNIST image that holds the digit, in pixels.
BOX = 20
#: The widths of stroke that are left as they are, in pixels of 28 × 28; thinner ones are widened and wider ones
#: thinned. Nine in ten of MNIST's own lie between 1.6 and 4.2.
STROKE = (2.0, 4.2)
#: The stroke's width is changed on a grid so much finer than the result's.
FINE = 4
#: What is wider than this share of its longer side is no stroke, but an area: the widest brush stays below it.
AREA = 0.35


def normalise_digit(ink: np.ndarray, stroke: tuple[float, float] | None = STROKE) -> np.ndarray:
    """Bring one digit into the form of MNIST's images.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink: one digit, anywhere.
    stroke
        The least and the greatest width of stroke in the result, in pixels; None leaves the stroke as it is.

    Returns
    -------
    (28, 28) uint8 array
        The digit with its longer side scaled to 20 pixels and its centre of mass on pixel (14, 14); 0 = background,
        255 = ink. All 0 if there is no ink.
    """
    digit = trim(ink)
    if digit.size == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    if stroke is not None:
        digit = limit_stroke(digit, *stroke)
    digit = _fit(digit, BOX)
    height, width = digit.shape
    moments = cv2.moments(digit)
    mass = max(moments["m00"], 1)
    # MNIST's images have their centre of mass on pixel (14, 14), counted from 0 (notebook 02 measures it).
    left = int(np.clip(round(SIDE / 2 - moments["m10"] / mass), 0, SIDE - width))
    top = int(np.clip(round(SIDE / 2 - moments["m01"] / mass), 0, SIDE - height))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + height, left : left + width] = digit
    return image


def limit_stroke(ink: np.ndarray, least: float, greatest: float) -> np.ndarray:
    """Widen a thin stroke and thin a wide one.

    Parameters
    ----------
    ink : (H, W) uint8 array
        0 = paper, 255 = ink: one digit.
    least, greatest
        The limits, in pixels of the digit when its longer side is scaled to 20.

    Returns
    -------
    (h, w) uint8 array
        The digit without a margin; as it was, if its stroke is within the limits.
    """
    digit = trim(ink)
    if digit.size == 0:
        return digit
    fine = FINE * BOX
    scale = fine / max(digit.shape)
    large = _fit(np.pad(digit, 1), fine)
    if scale > 1.5:  # smooths the steps of large pixels
        large = cv2.GaussianBlur(large, (0, 0), max(0.35 * scale, 0.5))
    mask = (large > 127).astype(np.uint8)
    width = stroke_width(mask)
    target = float(np.clip(width, FINE * least, FINE * greatest))
    if not mask.any() or abs(target - width) < 0.3:
        return digit
    # The wider stroke makes the digit larger, and scaling that back to the box makes the stroke thinner again.
    target *= (fine - width) / (fine - target)
    return trim((np.clip(shift_outline(mask, (target - width) / 2) + 0.5, 0, 1) * 255).astype(np.uint8))


def stroke_width(mask: np.ndarray) -> float:
    """Measure the typical width of a stroke.

    Parameters
    ----------
    mask : (H, W) array
        Not 0 = ink.

    Returns
    -------
    float
        In pixels; 0 if there is no ink. Inside a long stroke, the distance to its edge rises from 0 to half of its
        width, so that the mean distance is a quarter of the width.
    """
    ink = cv2.copyMakeBorder((mask > 0).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(ink, cv2.DIST_L2, 5)
    inside = distance[distance > 0]
    return 4 * float(inside.mean() - 0.5) if len(inside) else 0.0


def is_area(ink: np.ndarray) -> bool:
    """Say whether ink, ``(H, W)`` without a margin, is a filled area, such as a square or a blot, and no strokes."""
    return stroke_width(ink > 127) > AREA * max(ink.shape)


def is_scribble(ink: np.ndarray) -> bool:
    """Say whether ink, ``(H, W)`` without a margin, is struck out: an area, once the gaps in it are filled.

    The gaps are up to two widths of the stroke wide, and no wider than an eighth of the ink: a digit's loops are.
    """
    mask = (ink > 127).astype(np.uint8)
    size = 2 * round(min(stroke_width(mask), max(ink.shape) / 16)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return is_area(255 * cv2.morphologyEx(np.pad(mask, size), cv2.MORPH_CLOSE, kernel)[size:-size, size:-size])


def shift_outline(mask: np.ndarray, distance: float) -> np.ndarray:
    """Move the outline of ink outwards.

    Parameters
    ----------
    mask : (H, W) uint8 array
        0 = paper, 1 = ink.
    distance
        How far, in pixels; negative: inwards.

    Returns
    -------
    (H', W') float32 array
        How deep each pixel lies within the moved outline, in pixels; negative outside. There is as much margin
        around the image as the ink needs.
    """
    mask = np.pad(mask, max(0, int(np.ceil(distance))) + 2)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    return np.where(mask > 0, inside - 0.5, 0.5 - outside) + distance


def trim(ink: np.ndarray) -> np.ndarray:
    """Cut off the empty margin around ink, ``(H, W) uint8`` → ``(h, w) uint8``; nothing is left if there is no ink."""
    x, y, w, h = cv2.boundingRect((ink > 127).astype(np.uint8))
    return ink[y : y + h, x : x + w]


def scale_pixels(images: np.ndarray) -> np.ndarray:
    """Bring images into the form that the networks take.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        0 = background, 255 = ink.

    Returns
    -------
    (n, 28, 28, 1) float32 array
        In [0, 1].
    """
    return images[..., np.newaxis].astype("float32") / 255


def _fit(ink: np.ndarray, longer: int) -> np.ndarray:
    """Scale the longer side to so many pixels."""
    scale = longer / max(ink.shape)
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    return cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
