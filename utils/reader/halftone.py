"""Undoing dithering: black and white dots → shades of grey.

A fax, a scanner's black-and-white mode or `PIL.Image.Image.convert` with ``"1"`` turns a shade into dots, as many of
them as it is dark (Floyd and Steinberg, "An adaptive algorithm for spatial greyscale", Proceedings of the Society for
Information Display 17 (2), 1976). To the eye they are grey again, for it does not see them one by one: nor does a low
pass.
"""

import cv2
import numpy as np

#: A smaller image has no room for dots beside its strokes.
SMALLEST = 100
#: Of the pixels of the rarer value, dots are more than this share; a drawing has hardly any.
DOTS = 0.02
#: The low pass's standard deviation, in pixels.
BLUR = 2.0


def undo_dithering(grey: np.ndarray) -> np.ndarray:
    """Turn an image of black and white dots into shades of grey.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.

    Returns
    -------
    (H, W) uint8 array
        Smoothed, if it is dithered; as it was, if it has shades or clean strokes of one shade.
    """
    return cv2.GaussianBlur(grey, (0, 0), BLUR) if max(grey.shape) >= SMALLEST and is_dithered(grey) else grey


def is_dithered(grey: np.ndarray) -> bool:
    """Say whether an image, ``(H, W) uint8``, has two shades and many pixels that no neighbour shares theirs with."""
    some = grey[::16, ::16]  # tells most photos
    if np.any((some > some.min()) & (some < some.max())):
        return False
    low, high = int(grey.min()), int(grey.max())
    light = grey == high
    if low == high or not np.all(light | (grey == low)):
        return False
    same = cv2.filter2D(light.astype(np.uint8), -1, np.float32([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    dots = np.where(light, same == 0, same == 4).sum()
    return bool(dots > DOTS * min(light.sum(), light.size - light.sum()))
