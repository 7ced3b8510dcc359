"""The functions that students write in notebooks 01 to 11, and what their mistakes are called.

Each entry is found by the function's name::

    "mean_image": Check(
        right=lambda images: images.mean(axis=0),
        cases=[(np.arange(8.0).reshape(2, 2, 2),), (np.ones((3, 28, 28)),)],
        mistakes={"It takes the mean over the pixels of each image: the mean over the images is asked for.":
                  lambda images: images.mean(axis=(1, 2))},
        hint="`axis=0` runs over the images.",
    ),

``tests/lesson/test_checks.py`` tries every entry: the right function must pass, and each mistake must be told by its
sentence. Two or three cases are enough; the first should be one that can be reckoned in the head, for it is shown.
"""

import threading
import time
import zlib
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from utils.errors import DigitsError
from utils.lesson.wording import Ending, as_array


@dataclass(frozen=True)
class Check:
    """How a student's function is tried.

    Attributes
    ----------
    right
        The function as it should be.
    cases
        Of each case the arguments, in order: numbers, text, arrays, or functions.
    mistakes
        By the sentence to say, a function that makes this mistake.
    hint
        A sentence that helps without giving the answer away.
    tolerance
        By which share a number may differ; also the absolute difference that is allowed near 0.
    lets_through
        Errors that are an outcome like a value: the function should let them through where the right one does.
    raises
        The same of errors that the function itself should raise.
    effect
        What counts of a result, where several are right: it takes the result and the case's arguments, and what it
        gives is compared in the result's place.
    around
        A context in which each call runs.
    """

    right: Callable
    cases: Sequence[tuple]
    mistakes: Mapping[str, Callable] = field(default_factory=dict)
    hint: str = ""
    tolerance: float = 1e-5
    lets_through: tuple[type[Exception], ...] = ()
    raises: tuple[type[Exception], ...] = ()
    effect: Callable | None = None
    around: Callable[[], AbstractContextManager] = nullcontext

    def outcome(self, function: Callable, case: tuple) -> object:
        """Call a function on a case; return what it gives, or which of the expected errors it ends in."""
        try:
            with self.around():
                return function(*case)
        except self.raises as error:
            return Ending(type(error).__name__, "raised")
        except self.lets_through as error:
            return Ending(type(error).__name__, "let through")

    def matters(self, result: object, case: tuple) -> object:
        """Return what counts of a result: its effect, or else itself."""
        return result if self.effect is None else self.effect(result, *case)


class EndlessError(BaseException):
    """Ends a function that would never end; its text is told to the student, whose `except` should not catch it."""


def _move_right(images: np.ndarray, pixels: int) -> np.ndarray:
    moved = np.zeros_like(images)
    moved[:, :, pixels:] = images[:, :, :-pixels]
    return moved


def _distances(image: np.ndarray, means: np.ndarray) -> np.ndarray:
    return np.linalg.norm(means - image, axis=(1, 2))


#: An image of two pixels and three means to find the nearest of, by hand: it is the second.
_PIXELS, _THREE = np.array([[3.0, 4.0]]), np.array([[[0.0, 0.0]], [[4.0, 4.0]], [[3.0, 9.5]]])


def _slide(image: np.ndarray, respond: Callable) -> np.ndarray:
    """Ask for the response to the 3 × 3 pixels around each pixel; outside the image they are 0."""
    patches = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    return np.array([[respond(patch) for patch in row] for row in patches])


def _normalise(values: np.ndarray, scale: float, shift: float, epsilon: float) -> np.ndarray:
    """Batch normalisation, each channel by itself."""
    mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
    return scale * (values - mean) / np.sqrt(variance + epsilon) + shift


def _move_each(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    moved, width = np.zeros_like(images), images.shape[2]
    for image, shift, empty in zip(images, shifts, moved, strict=True):
        from_here = slice(max(0, -shift), width - max(0, shift))
        empty[:, max(0, shift) : width - max(0, -shift)] = image[:, from_here]
    return moved


#: Ink in the bottom row of 3 × 3: an upper edge.
_STEP = np.array([[0.0, 0, 0], [0, 0, 0], [1, 1, 1]])

#: Notebook 01: Explore the data.
EXPLORE: dict[str, Check] = {
    "mean_image": Check(
        right=lambda images: images.mean(axis=0),
        cases=[
            (np.array([[[0, 10]], [[0, 20]], [[6, 31]]], np.uint8),),
            (np.arange(24.0).reshape(4, 2, 3),),
            (np.full((3, 28, 28), 200, np.uint8),),
        ],
        mistakes={
            "It takes the mean over the pixels of each image; what is asked for is the mean over the images.": (
                lambda images: images.mean(axis=(1, 2))
            ),
            "It takes one mean over everything, and one number is left; an image is asked for.": (
                lambda images: images.mean()
            ),
            "It adds the images up; the mean is that sum divided by how many there are.": (
                lambda images: images.sum(axis=0)
            ),
            "It takes the median, the image in the middle; what is asked for is the mean.": (
                lambda images: np.median(images, axis=0)
            ),
            "Bytes that are added up begin anew at 0 after 255: NumPy's `mean` and `sum` add in larger numbers.": (
                lambda images: sum(images) / len(images)
            ),
            "It leaves off what comes after the point: the mean of whole numbers need not be whole.": (
                lambda images: np.floor(images.mean(axis=0))
            ),
        },
        hint="`mean` takes an `axis`, and axis 0 counts the images.",
    ),
    "nearest": Check(
        right=lambda image, means: _distances(image, means).argmin(),
        cases=[
            (_PIXELS, _THREE),
            (_PIXELS, _THREE[::-1].copy()),
            (_PIXELS, _THREE[[0, 2]].copy()),
            (np.eye(4), np.stack([np.eye(4) * level for level in (0.2, 2.5, 1.5, 0.9)])),
            (np.array([[1.0, 1.0]]), np.array([[[4.0, -2.0]], [[2.0, 2.0]]])),
        ],
        mistakes={
            "It returns the farthest: `argmin` finds the smallest distance.": (
                lambda image, means: _distances(image, means).argmax()
            ),
            "It returns the distance itself: the place of the smallest is asked for, which is `argmin`, not `min`.": (
                lambda image, means: _distances(image, means).min()
            ),
            "It returns all distances: the place of the smallest is asked for.": _distances,
            "It adds differences up without squaring them, so that those above and below 0 cancel out.": (
                lambda image, means: (means - image).sum(axis=(1, 2)).argmin()
            ),
            "It compares the amount of ink: the pixels must be subtracted one by one, and then squared.": (
                lambda image, means: abs((means - image).sum(axis=(1, 2))).argmin()
            ),
        },
        hint="`means - image` subtracts the image from each mean; take the norm over axes 1 and 2, then `argmin`.",
    ),
    "move_right": Check(
        right=_move_right,
        cases=[
            (np.array([[[1, 2, 3]]]), 1),
            (np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]), 2),
            (np.arange(32, dtype=np.uint8).reshape(2, 4, 4), 1),
        ],
        mistakes={
            "It moves to the left.": (lambda images, pixels: _move_right(images[:, :, ::-1], pixels)[:, :, ::-1]),
            "What leaves on the right comes in again on the left, as `np.roll` does it; these columns must be 0.": (
                lambda images, pixels: np.roll(images, pixels, axis=2)
            ),
            "It moves down: the axes are images, rows, columns, and moving to the right changes the columns.": (
                lambda images, pixels: _move_right(images.swapaxes(1, 2), pixels).swapaxes(1, 2)
            ),
            "It rolls the rows: the axes are images, rows, columns, and moving to the right changes the columns.": (
                lambda images, pixels: np.roll(images, pixels, axis=1)
            ),
            "The columns on the left keep their old ink; they must be 0.": (
                lambda images, pixels: np.concatenate([images[:, :, :pixels], images[:, :, :-pixels]], axis=2)
            ),
            "It returns empty images: copy the columns into them.": lambda images, pixels: np.zeros_like(images),
        },
        hint="Fill `moved[:, :, pixels:]` with all columns of `images` but the last few.",
    ),
    "how_far_ahead": Check(
        right=lambda distances, label: np.delete(distances, label).min() - distances[label],
        cases=[
            (np.array([7.0, 4.0, 9.0]), 1),
            (np.array([7.0, 4.0, 9.0]), 2),
            (np.array([1.5, 1.5, 2.0]), 0),
            *((np.random.default_rng(label).uniform(1500, 3000, 10), label) for label in (0, 4, 9)),
        ],
        mistakes={
            "The sign is wrong: it is the distance of the nearest other mean minus that of the right one.": (
                lambda distances, label: distances[label] - np.delete(distances, label).min()
            ),
            "The right mean is among those it is compared with: leave it out before you look for the nearest.": (
                lambda distances, label: distances.min() - distances[label]
            ),
            "This is the lead of whichever mean is nearest. The right one's is below 0 where another is nearer.": (
                lambda distances, label: np.sort(distances)[1] - distances.min()
            ),
            "This holds only where the right mean is the nearest: leave it out by its place.": (
                lambda distances, label: np.sort(distances)[1] - distances[label]
            ),
            "Another mean may be just as far: leave the right one out by its place, not by its distance.": (
                lambda distances, label: distances[distances != distances[label]].min() - distances[label]
            ),
            "Below 0 is an answer, too: another mean is nearer than the right one. Leave the sign as it is.": (
                lambda distances, label: abs(np.delete(distances, label).min() - distances[label])
            ),
            "It compares with the mean distance of the others: only the nearest of them counts.": (
                lambda distances, label: np.delete(distances, label).mean() - distances[label]
            ),
            "It compares with the farthest of the others: the nearest is the rival.": (
                lambda distances, label: np.delete(distances, label).max() - distances[label]
            ),
            "This is how far the nearest other mean is: subtract the distance of the right one.": (
                lambda distances, label: np.delete(distances, label).min()
            ),
        },
        hint="`np.delete(distances, label)` is a copy without the right mean.",
    ),
}


def _crop_to_ink(image: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (columns * image).sum() / image.sum(), (rows * image).sum() / image.sum()


def _lay(image: np.ndarray, left: float, top: float) -> np.ndarray:
    height, width = image.shape
    left, top = int(np.clip(round(left), 0, 28 - width)), int(np.clip(round(top), 0, 28 - height))
    laid = np.zeros((28, 28), np.uint8)
    laid[top : top + height, left : left + width] = image
    return laid


def _centre_by_mass(image: np.ndarray, middle: float = 14) -> np.ndarray:
    column, row = _centre_of_mass(image)
    return _lay(image, middle - column, middle - row)


def _centred(result: object, image: np.ndarray) -> object:
    """Return a result; where an odd number stays free, the one with less free above and on the left."""
    top, left = (28 - image.shape[0]) // 2, (28 - image.shape[1]) // 2
    odd = [image.shape[axis] % 2 for axis in (0, 1)]
    ways = [_lay(image, left + right, top + down) for down in range(1 + odd[0]) for right in range(1 + odd[1])]
    array = as_array(result)
    return ways[0] if array is not None and any(np.array_equal(array, way) for way in ways) else result


def _pad_evenly(image: np.ndarray) -> np.ndarray:
    down, right = (28 - image.shape[0]) // 2, (28 - image.shape[1]) // 2
    return np.pad(image, ((down, down), (right, right)))


def _crop_by(image: np.ndarray, cut: Callable) -> np.ndarray:
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    return cut(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)


def _drawing(shape: tuple[int, int], *strokes: tuple[int, int, int, int]) -> np.ndarray:
    """Draw bars, each from one row and column up to another, in ink that grows lighter to the right."""
    image = np.zeros(shape, np.uint8)
    for top, left, bottom, right in strokes:
        image[top:bottom, left:right] = np.linspace(255, 100, right - left).astype(np.uint8)
    return image


#: A 1 and a 7 without a margin: all columns of the first are ink, and most ink of the second is at the top.
_ONE, _SEVEN = _drawing((13, 3), (0, 0, 13, 3)), _drawing((20, 14), (0, 0, 4, 14), (4, 9, 20, 12))
#: Nearly all its ink is in the upper corner on the left: with its centre of mass on (14, 14), it would leave the image.
_LOPSIDED = _drawing((20, 20), (0, 0, 5, 5), (19, 19, 20, 20))

#: Notebook 02: Preprocess the images.
PREPROCESS: dict[str, Check] = {
    "crop_to_ink": Check(
        right=_crop_to_ink,
        cases=[
            (np.array([[0, 0, 0, 0], [0, 9, 7, 0], [0, 0, 0, 0]], np.uint8),),
            (_drawing((30, 40), (5, 12, 25, 15), (5, 20, 8, 30)),),
            (_drawing((20, 20), (0, 3, 20, 8)),),
        ],
        mistakes={
            "Rows and columns without ink inside the drawing belong to it: cut from the first ink to the last.": (
                lambda image: image[image.any(axis=1)][:, image.any(axis=0)]
            ),
            "Rows and columns are mixed up: y and the height choose the rows, which come first in an array.": (
                lambda image: _crop_by(image, lambda x, y, w, h: image[x : x + w, y : y + h])
            ),
            "It ends at `h` and `w`, which count from the corner: the rows end at `y + h`, the columns at `x + w`.": (
                lambda image: _crop_by(image, lambda x, y, w, h: image[y:h, x:w])
            ),
            "The last row and the last column are missing: the end of a slice is not part of it.": (
                lambda image: _crop_by(image, lambda x, y, w, h: image[y : y + h - 1, x : x + w - 1])
            ),
            "It cuts off the rows above and below only: the columns on the left and right must go, too.": (
                lambda image: _crop_by(image, lambda x, y, w, h: image[y : y + h])
            ),
            "It returns the box, four numbers: cut that part out of the image.": (
                lambda image: _crop_by(image, lambda x, y, w, h: (x, y, w, h))
            ),
            "It returns the image as it was.": lambda image: image,
        },
        hint="A slice for the rows comes first, from `y` to `y + h`; then one for the columns.",
    ),
    "centre_by_mass": Check(
        right=_centre_by_mass,
        cases=[
            *((np.full((1, 1), 255, np.uint8),), (_ONE,), (_SEVEN,), (_SEVEN[::-1, ::-1].copy(),)),
            *((_LOPSIDED,), (_LOPSIDED[::-1, ::-1].copy(),)),
        ],
        mistakes={
            "Rows and columns are mixed up: `centre_of_mass` returns the column first, an array has the rows first.": (
                lambda image: _lay(image, 14 - _centre_of_mass(image)[1], 14 - _centre_of_mass(image)[0])
            ),
            "It brings the middle of the box to the middle; the centre of mass is asked for.": (
                lambda image: _lay(image, (28 - image.shape[1]) // 2, (28 - image.shape[0]) // 2)
            ),
            "It brings the centre to pixel 13; MNIST's lies on pixel 14.": lambda image: _centre_by_mass(image, 13),
            "It ends up to a pixel too far left and above: bring the centre to 14, and `round` the places.": (
                lambda image: _lay(image, *(int(14 - centre) for centre in _centre_of_mass(image)))
            ),
            "It begins the image at (14, 14); its centre of mass belongs there.": lambda image: _lay(
                image[:14, :14], 14, 14
            ),
            "It lays the image into the top left corner.": lambda image: _lay(image, 0, 0),
            "It returns an empty image: copy the small image into it.": lambda image: np.zeros((28, 28), np.uint8),
        },
        hint=(
            "If the centre of the small image lies in its column 5, the image must begin in column 14 − 5 = 9. "
            "Keep this number within 0 and 28 − width, and that of the row within 0 and 28 − height."
        ),
    ),
    "centre_box": Check(
        right=lambda image: _lay(image, (28 - image.shape[1]) // 2, (28 - image.shape[0]) // 2),
        cases=[
            *((np.full((2, 2), 255, np.uint8),), (_drawing((8, 12), (0, 0, 8, 2), (7, 0, 8, 12)),)),
            *((_SEVEN,), (_SEVEN[::-1, ::-1].copy(),), (_LOPSIDED,)),
            (_ONE[:5],),
        ],
        effect=_centred,
        mistakes={
            "Where an odd number stays free, a row or a column is missing: one side must have one more.": _pad_evenly,
            "Rows and columns are mixed up: the height decides about the rows, the width about the columns.": (
                lambda image: _lay(image, (28 - image.shape[0]) // 2, (28 - image.shape[1]) // 2)
            ),
            "It brings the centre of mass to the middle, as before; here it is the middle of the box.": (
                _centre_by_mass
            ),
            "It lies a pixel too far left and above: leave as many columns free on the left as on the right.": (
                lambda image: _lay(image, (27 - image.shape[1]) // 2, (27 - image.shape[0]) // 2)
            ),
            "It begins the image in the middle; the middle of the image belongs there.": (
                lambda image: _lay(image[:14, :14], 14, 14)
            ),
            "It lays the image into the top left corner.": lambda image: _lay(image, 0, 0),
            "It returns an empty image: copy the small image into it.": lambda image: np.zeros((28, 28), np.uint8),
        },
        hint="Of 28 rows, 28 − height stay free: half of them above the image. The same goes for the columns.",
    ),
}

_rng = np.random.default_rng(0)


def _gradients(x: np.ndarray, p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    error = p - np.eye(10)[y]
    return x.T @ error / len(x), error.mean(axis=0)


def _take_step(
    w: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray, rate: float, biases: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    powers = np.exp(x @ w + (b if biases else 0))
    slopes_w, slopes_b = _gradients(x, powers / powers.sum(axis=1, keepdims=True), y)
    return w - rate * slopes_w, b - rate * slopes_b


def _backward(
    x: np.ndarray,
    hidden: np.ndarray,
    p: np.ndarray,
    y: np.ndarray,
    w2: np.ndarray,
    mask: Callable = lambda hidden: hidden > 0,
    bend: int = 1,
) -> tuple[np.ndarray, ...]:
    error = (p - np.eye(10)[y]) / len(x)
    behind = error @ w2.T * mask(hidden)
    return x.T @ behind / bend, behind.sum(axis=0) / bend, hidden.T @ error, error.sum(axis=0)


#: Three images of six pixels, four hidden units, ten digits.
_SMALL = (
    _rng.random((3, 6)),
    np.maximum(_rng.normal(size=(3, 4)), 0),
    _rng.dirichlet(np.ones(10), 3),
    np.array([3, 0, 7]),
)


def _roll(w: np.ndarray, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return w + velocity, velocity


#: Notebook 03: Learn by hand.
LEARN: dict[str, Check] = {
    "slope_at": Check(
        right=lambda loss, w, h=1e-4: (loss(w + h) - loss(w - h)) / (2 * h),
        cases=[(np.square, 3.0), (np.sin, 0.5), (np.exp, 0.0, 0.5)],
        mistakes={
            "The two places lie 2 * h apart, not h: the slope is twice as large as it should be.": (
                lambda loss, w, h=1e-4: (loss(w + h) - loss(w - h)) / h
            ),
            "The sign is wrong: take the height on the right minus the height on the left.": lambda loss, w, h=1e-4: (
                (loss(w - h) - loss(w + h)) / (2 * h)
            ),
            "That is only the difference of the heights: divide it by the distance.": lambda loss, w, h=1e-4: (
                loss(w + h) - loss(w - h)
            ),
            "It divides by 2 and multiplies by h: the distance needs brackets, `/ (2 * h)`.": lambda loss, w, h=1e-4: (
                (loss(w + h) - loss(w - h)) / 2 * h
            ),
            "It compares w with its right-hand side only: take a place on either side.": lambda loss, w, h=1e-4: (
                (loss(w + h) - loss(w)) / h
            ),
        },
        hint="The two places are w + h and w - h. How high is the loss at each, and how far apart are they?",
        tolerance=1e-6,
    ),
    "gradients": Check(
        right=_gradients,
        cases=[
            (np.array([[1.0, 0.5]]), np.full((1, 10), 0.1), np.array([3])),
            (_SMALL[0], _SMALL[2], _SMALL[3]),
        ],
        mistakes={
            "The signs are wrong: the error is what it gave minus what it should have given.": lambda x, p, y: tuple(
                -one for one in _gradients(x, p, y)
            ),
            "It adds up over the images: the loss is their mean, so divide by `len(x)`.": lambda x, p, y: tuple(
                one * len(x) for one in _gradients(x, p, y)
            ),
            "The slopes of the weights are right; those of the biases are a mean, too.": lambda x, p, y: (
                _gradients(x, p, y)[0],
                (p - np.eye(10)[y]).sum(axis=0),
            ),
            "The biases are right; divide the slopes of the weights by `len(x)`, too.": lambda x, p, y: (
                _gradients(x, p, y)[0] * len(x),
                _gradients(x, p, y)[1],
            ),
            "The right digits are missing: subtract the one-hot rows from p first.": lambda x, p, y: (
                x.T @ p / len(x),
                p.mean(axis=0),
            ),
        },
        hint="Subtract the one-hot rows from p and divide by `len(x)`: these are the errors. Then `x.T @ error` for "
        "the weights, and the sum of the errors over the images for the biases.",
    ),
    "take_step": Check(
        right=_take_step,
        cases=[
            (np.zeros((2, 10)), np.zeros(10), np.array([[1.0, 0.5]]), np.array([3]), 1.0),
            (_rng.normal(size=(6, 10)), _rng.normal(size=10), _SMALL[0], _SMALL[3], 0.5),
        ],
        mistakes={
            "It goes uphill: step against the slopes, with a minus.": lambda w, b, x, y, rate: _take_step(
                w, b, x, y, -rate
            ),
            "The rate is missing: it says how far a slope takes you.": lambda w, b, x, y, rate: _take_step(
                w, b, x, y, 1
            ),
            "The weights take their step, and the biases stay where they were: they need one, too.": (
                lambda w, b, x, y, rate: (_take_step(w, b, x, y, rate)[0], b)
            ),
            "The logits lack the biases: `x @ w + b`.": lambda w, b, x, y, rate: _take_step(
                w, b, x, y, rate, biases=False
            ),
            "These are the slopes. The new weights are the old ones minus rate times slope.": lambda w, b, x, y, rate: (
                (w - _take_step(w, b, x, y, rate)[0]) / rate,
                (b - _take_step(w, b, x, y, rate)[1]) / rate,
            ),
        },
        hint="Predict, gradient, step: `softmax(x @ w + b)`, `gradients(…)`, `w - rate * …`.",
    ),
    "momentum_step": Check(
        right=lambda w, velocity, slope, rate, momentum: _roll(w, momentum * velocity - rate * slope),
        cases=[
            (5.0, 1.0, 2.0, 0.5, 0.9),
            (np.array([1.0, -2.0]), np.array([0.5, 0.1]), np.array([2.0, -1.0]), 0.1, 0.8),
            (_rng.normal(size=(4, 3)), np.zeros((4, 3)), _rng.normal(size=(4, 3)), 0.3, 0.9),
            (_rng.normal(size=(4, 3)), _rng.normal(size=(4, 3)), _rng.normal(size=(4, 3)), 0.02, 0),
        ],
        mistakes={
            "It goes uphill: rate times slope is subtracted.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, momentum * velocity + rate * slope)
            ),
            "It subtracts the velocity from w: the minus is in the velocity already.": (
                lambda w, velocity, slope, rate, momentum: (
                    w - (momentum * velocity - rate * slope),
                    momentum * velocity - rate * slope,
                )
            ),
            "w moves by the old velocity: compute the new one first, and add that.": (
                lambda w, velocity, slope, rate, momentum: (w + velocity, momentum * velocity - rate * slope)
            ),
            "The rate is missing: it says how far a slope takes you.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, momentum * velocity - slope)
            ),
            "The rate shortens the velocity as well: it belongs to the slope alone.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, rate * (momentum * velocity - slope))
            ),
            "The rate belongs in the velocity, where it multiplies the slope; w then moves by the velocity as it is.": (
                lambda w, velocity, slope, rate, momentum: (
                    w + rate * (momentum * velocity - slope),
                    momentum * velocity - slope,
                )
            ),
            "The old velocity is kept whole: multiply it by the momentum.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, velocity - rate * slope)
            ),
            "The old velocity is gone: this is a plain step.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, -rate * slope)
            ),
            "It takes 1 − momentum of the slope: here the slope counts in full.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, momentum * velocity - (1 - momentum) * rate * slope)
            ),
            "Both are there, but in another order: w, velocity.": (
                lambda w, velocity, slope, rate, momentum: _roll(w, momentum * velocity - rate * slope)[::-1]
            ),
        },
        hint="Two lines as in the text, with new names for what is new: then w and velocity stay as they were.",
    ),
}


def _leak(z: np.ndarray) -> np.ndarray:
    """Return the slope of a leaky ReLU."""
    return np.where(z > 0, 1, 0.1)


#: The same, with hidden units that leak.
_LEAKY = (_SMALL[0], (lambda z: z * _leak(z))(_rng.normal(size=(3, 4))), *_SMALL[2:])

#: Notebook 04: Add a layer.
ADD: dict[str, Check] = {
    "dense_parameters": Check(
        right=lambda inputs, units: inputs * units + units,
        cases=[(3, 2), (784, 128), (64, 10)],
        mistakes={
            "The biases are missing: each neuron has one.": lambda inputs, units: inputs * units,
            "It adds a bias for each input: each neuron has one, however many inputs it reads.": (
                lambda inputs, units: inputs * units + inputs
            ),
            "It adds a single bias for the whole layer: each neuron has its own.": (
                lambda inputs, units: inputs * units + 1
            ),
            "It gives each neuron a single weight: each has one for every input.": lambda inputs, units: inputs + units,
        },
        hint="Draw two neurons that read three inputs each. Count the lines from inputs to neurons, then the biases.",
    ),
    "backward": Check(
        right=_backward,
        cases=[(*_SMALL, _rng.normal(size=(4, 10))), (*(one[:2] for one in _SMALL), _rng.normal(size=(4, 10)))],
        mistakes={
            "The error passes through every ReLU: let it pass only where `hidden > 0`.": lambda x, hidden, p, y, w2: (
                _backward(x, hidden, p, y, w2, mask=np.ones_like)
            ),
            "The error is multiplied by `hidden`. It should pass whole where `hidden > 0`, and not at all elsewhere.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=np.positive)
            ),
            "It goes by the sign of the error: the sign of `hidden` says what passes.": (
                lambda x, hidden, p, y, w2: _backward(
                    x, hidden, p, y, w2, mask=lambda hidden: (p - np.eye(10)[y]) @ w2.T > 0
                )
            ),
            "The first layer is divided by the number of images twice: `error` has been divided already.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, bend=len(x))
            ),
            "All four are there, but in another order: w1, b1, w2, b2.": lambda x, hidden, p, y, w2: (
                *_backward(x, hidden, p, y, w2)[2:],
                *_backward(x, hidden, p, y, w2)[:2],
            ),
        },
        hint="`error @ w2.T` comes back to the hidden units. `(hidden > 0)` is True, which counts as 1, where a ReLU "
        "is open. The rest is the old rule: what came in × the error that came out.",
    ),
    "leaky_backward": Check(
        right=lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=_leak),
        cases=[(*_LEAKY, _rng.normal(size=(4, 10))), (*(one[:2] for one in _LEAKY), _rng.normal(size=(4, 10)))],
        mistakes={
            "Where `hidden` is negative, no error passes: through a *leaky* ReLU a tenth of it does.": _backward,
            "The error passes whole everywhere: where `hidden` is negative, only a tenth of it does.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=np.ones_like)
            ),
            "Only a tenth of the error passes everywhere: where `hidden` is positive, all of it does.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=lambda hidden: 0.1)
            ),
            "It is the wrong way round: the whole error passes where `hidden` is positive.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=lambda hidden: _leak(-hidden))
            ),
            "The error is multiplied by `hidden`. What counts is its sign: 1 where it is positive, 0.1 elsewhere.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=np.positive)
            ),
            "It goes by the sign of the error: the sign of `hidden` says how much passes.": (
                lambda x, hidden, p, y, w2: _backward(
                    x, hidden, p, y, w2, mask=lambda hidden: _leak((p - np.eye(10)[y]) @ w2.T)
                )
            ),
            "The first layer is divided by the number of images twice: `error` has been divided already.": (
                lambda x, hidden, p, y, w2: _backward(x, hidden, p, y, w2, mask=_leak, bend=len(x))
            ),
            "It is not divided by the number of images: the loss is the mean over them.": (
                lambda x, hidden, p, y, w2: tuple(
                    len(x) * slopes for slopes in _backward(x, hidden, p, y, w2, mask=_leak)
                )
            ),
        },
        hint="What is the slope of a leaky ReLU on either side of 0?",
    ),
}

#: Notebook 05: Build a CNN.
BUILD: dict[str, Check] = {
    "convolve": Check(
        right=lambda image, kernel: _slide(image, lambda patch: (patch * kernel).sum()),
        cases=[
            (_STEP, np.array([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])),
            (np.arange(12.0).reshape(3, 4), np.arange(1.0, 10.0).reshape(3, 3)),
            (np.ones((6, 5)), np.array([[0.0, 1, 0], [1, -4, 2], [0, 1, 0]])),
        ],
        mistakes={
            "Nothing is written into `result` yet: every pixel of it is still 0.": (
                lambda image, kernel: np.zeros(image.shape)
            ),
            "The filter is flipped before it slides, as mathematicians do: here it is laid on as it stands.": (
                lambda image, kernel: _slide(image, lambda patch: (patch * kernel[::-1, ::-1]).sum())
            ),
            "It takes the mean of the nine products: their sum is asked for.": (
                lambda image, kernel: _slide(image, lambda patch: (patch * kernel).mean())
            ),
            "It takes a matrix product, `@`: each pixel is to be multiplied by the weight that lies on it, `*`.": (
                lambda image, kernel: _slide(image, lambda patch: (patch @ kernel).sum())
            ),
            "It adds up the pixels of the window, but does not multiply them by the kernel.": (
                lambda image, kernel: _slide(image, lambda patch: patch.sum())
            ),
        },
        hint="The window is three rows and three columns of `padded`. Multiply it by the kernel, and add up all nine.",
    ),
    "normalise_batch": Check(
        right=lambda values, scale, shift, epsilon=0.001: _normalise(values, scale, shift, epsilon),
        cases=[
            (np.array([1.0, 3.0, 5.0, 7.0]).reshape(4, 1, 1, 1), 1.0, 0.0),
            (np.random.default_rng(0).normal(3, 2, (5, 4, 4, 2)), np.array([2.0, 0.5]), np.array([1.0, -1.0])),
            (np.random.default_rng(1).normal(0, 0.05, (5, 4, 4, 3)), 1.5, 0.5, 0.01),
        ],
        mistakes={
            "It has an epsilon of its own: take `epsilon`, which need not be 0.001.": (
                lambda values, scale, shift, epsilon=0.001: _normalise(values, scale, shift, 0.001)
            ),
            "It divides by the variance: divide by its square root.": (
                lambda values, scale, shift, epsilon=0.001: (
                    scale * (values - values.mean(axis=(0, 1, 2))) / (values.var(axis=(0, 1, 2)) + epsilon) + shift
                )
            ),
            "The scale and the shift are missing.": (
                lambda values, scale, shift, epsilon=0.001: _normalise(values, 1, 0, epsilon)
            ),
            "The shift is missing.": lambda values, scale, shift, epsilon=0.001: _normalise(values, scale, 0, epsilon),
            "The scale is missing.": lambda values, scale, shift, epsilon=0.001: _normalise(values, 1, shift, epsilon),
            "The shift is multiplied by the scale too: multiply first, then add.": (
                lambda values, scale, shift, epsilon=0.001: scale * (_normalise(values, 1, 0, epsilon) + shift)
            ),
            "Epsilon is missing below the root.": (
                lambda values, scale, shift, epsilon=0.001: _normalise(values, scale, shift, 0)
            ),
            "Epsilon is added to the root: it belongs below it, beside the variance.": (
                lambda values, scale, shift, epsilon=0.001: (
                    scale * (values - values.mean(axis=(0, 1, 2))) / (values.std(axis=(0, 1, 2)) + epsilon) + shift
                )
            ),
            "The mean is not subtracted.": (
                lambda values, scale, shift, epsilon=0.001: (
                    scale * values / np.sqrt(values.var(axis=(0, 1, 2)) + epsilon) + shift
                )
            ),
        },
        hint="Subtract the mean, divide by the root of variance + epsilon, multiply by the scale, add the shift.",
    ),
    "move_each": Check(
        right=lambda images, shifts: _move_each(images, shifts),
        cases=[
            (np.random.default_rng(2).uniform(0.1, 1, (2, 28, 28, 1)), np.array([1, -1])),
            (np.random.default_rng(0).uniform(0.1, 1, (4, 28, 28, 1)), np.array([2, 0, -3, 1])),
            (np.random.default_rng(1).uniform(0.1, 1, (3, 28, 28, 1)), np.array([-1, -2, 3])),
        ],
        mistakes={
            "What leaves on one side comes in again on the other, as `np.roll` does it; these columns must be 0.": (
                lambda images, shifts: np.stack(
                    [np.roll(image, shift, axis=1) for image, shift in zip(images, shifts, strict=True)]
                )
            ),
            "The directions are swapped: a shift above 0 goes to the right.": lambda images, shifts: _move_each(
                images, -shifts
            ),
            "All move to the right: where the shift is below 0, move to the left.": (
                lambda images, shifts: _move_each(images, abs(shifts))
            ),
            "All move as the first image does: each has a shift of its own.": (
                lambda images, shifts: _move_each(images, np.full_like(shifts, shifts[0]))
            ),
            "It moves down: the axes are images, rows, columns, channel, and to the right changes the columns.": (
                lambda images, shifts: _move_each(images.swapaxes(1, 2), shifts).swapaxes(1, 2)
            ),
            "With a shift of 0 an image comes out empty: it should stay as it is.": (
                lambda images, shifts: _move_each(images, shifts) * (shifts != 0)[:, None, None, None]
            ),
            "Nothing has moved: the images came back as they were.": lambda images, shifts: images,
        },
        hint="Pad each image with columns of 0 on both sides, then cut out 28; the shift says where to begin.",
    ),
}

#: Notebook 06: Train the models.
TRAIN: dict[str, Check] = {
    "falling_rate": Check(
        right=lambda first, step, steps: _fall(first, step, steps),
        cases=[(4, 50, 100), (0.006, 0, 30), (0.01, 15, 60), (0.002, 90, 90)],
        mistakes={
            "It rises: with a minus before the cosine, it begins at 0.": lambda first, step, steps: (
                first * (1 - np.cos(np.pi * step / steps)) / 2
            ),
            "It falls along a straight line: where is the cosine?": lambda first, step, steps: (
                first * (1 - step / steps)
            ),
            "That is a whole cosine wave: half of one reaches to π, not to 2π.": lambda first, step, steps: (
                first * (1 + np.cos(2 * np.pi * step / steps)) / 2
            ),
            "The 1 + is missing: it falls below 0.": lambda first, step, steps: (
                first * np.cos(np.pi * step / steps) / 2
            ),
            "The ½ is missing: it begins at twice the first rate.": lambda first, step, steps: (
                first * (1 + np.cos(np.pi * step / steps))
            ),
            "It begins at 1: multiply by the first rate.": lambda first, step, steps: _fall(1, step, steps),
            "It takes `step` for *t*, which grows from 0 to 1: divide it by `steps`.": lambda first, step, steps: _fall(
                first, step, 1
            ),
            "`np.cos` takes radians, where half a wave is π long, not 180.": lambda first, step, steps: (
                first * (1 + np.cos(180 * step / steps)) / 2
            ),
        },
        hint="First `t = step / steps`, then the formula. `np.cos` and `np.pi` have the rest.",
    ),
    "early_stop": Check(
        right=lambda losses, patience: _early_stop(losses, patience),
        cases=[
            ([5, 4, 3, 4, 5, 6], 2),
            ([5, 4, 3, 2, 1], 2),
            ([3, 4, 2, 3, 4, 1, 2], 2),
            ([3, 4, 2, 3, 1, 1, 3, 2, 1], 3),
            ([5, 3, 4, 3.5, 3.2, 1], 3),
        ],
        mistakes={
            "This is the epoch with the lowest loss: the training goes on for `patience` epochs after it.": (
                lambda losses, patience: int(np.argmin(losses)) + 1
            ),
            "Epochs are counted from 1, and this counts from 0.": lambda losses, patience: (
                _early_stop(losses, patience) - 1
            ),
            "It stops an epoch too late: `patience` epochs without a new low are enough.": lambda losses, patience: (
                _early_stop(losses, patience + 1)
            ),
            "It compares each loss with the one before: the lowest so far is what counts.": lambda losses, patience: (
                _stop_when_rising(losses, patience)
            ),
            "A loss that is as low as the lowest is no new low: begin to count anew where one is lower.": (
                lambda losses, patience: _early_stop(losses, patience, ties=True)
            ),
        },
        hint="`np.argmin(losses[:epoch]) + 1` is the best epoch so far. How long ago was it?",
    ),
    "ranges_overlap": Check(
        right=lambda some, others: min(some) <= max(others) and min(others) <= max(some),
        cases=[
            ([1, 2, 3], [2, 4, 6]),
            ([1, 2, 3], [4, 5, 6]),
            ([4, 5, 6], [1, 2, 3]),
            ([4, 5], [1, 9]),
            ([1, 9], [4, 5]),
            ([3, 1, 2], [5, 2.5, 4]),
            ([1, 2], [2, 3]),
        ],
        mistakes={
            "It is the wrong way round: True where they overlap.": lambda some, others: (
                min(some) > max(others) or min(others) > max(some)
            ),
            "The second range may also lie wholly below the first: a second comparison is missing.": (
                lambda some, others: min(others) <= max(some)
            ),
            "The second range may also lie wholly above the first: a second comparison is missing.": (
                lambda some, others: min(some) <= max(others)
            ),
            "One comparison is not enough: both must hold, so join them with `and`.": lambda some, others: (
                min(some) <= max(others) or min(others) <= max(some)
            ),
            "One range may lie within the other, with none of its ends inside: ask from both sides.": (
                lambda some, others: any(min(others) <= one <= max(others) for one in some)
            ),
            "It looks for a number that is in both lists: the ranges go from the lowest to the highest.": (
                lambda some, others: bool(set(some) & set(others))
            ),
            "The lowest number need not come first, nor the highest last: take `min` and `max`.": lambda some, others: (
                some[0] <= others[-1] and others[0] <= some[-1]
            ),
            "It asks whether one range lies within the other: part of it is enough.": lambda some, others: (
                (min(some) <= min(others) and max(others) <= max(some))
                or (min(others) <= min(some) and max(some) <= max(others))
            ),
            "Ranges that only touch share that one value: `<=`, not `<`.": lambda some, others: (
                min(some) < max(others) and min(others) < max(some)
            ),
        },
        hint="When are they apart? If the lowest of one is higher than the highest of the other, either way round.",
    ),
    "diagnose": Check(
        right=lambda training, validation, poor=90, wide=5: _diagnose(training, validation, poor, wide),
        cases=[
            (100, 93),
            (60, 35, 85, 10),
            (89, 86, 85, 5),
            (92, 85, 90, 8),
            (92, 99, 90, 5),
            (99.9, 99, 90, 2),
            (70, 69, 80, 4),
        ],
        mistakes={
            "It asks about the gap first: what reads its own training images poorly underfits, however wide the gap.": (
                lambda training, validation, poor=90, wide=5: (
                    "overfits" if training - validation > wide else "underfits" if training < poor else "looks right"
                )
            ),
            "Whether it underfits, the *training* accuracy says: these images it has seen.": (
                lambda training, validation, poor=90, wide=5: (
                    "underfits" if validation < poor else "overfits" if training - validation > wide else "looks right"
                )
            ),
            "The accuracies are in percent, and so are `poor` and `wide`: nothing has to be divided by 100.": (
                lambda training, validation, poor=90, wide=5: _diagnose(training, validation, poor / 100, wide / 100)
            ),
            "It has thresholds of its own: compare with `poor` and `wide`.": (
                lambda training, validation, poor=90, wide=5: _diagnose(training, validation)
            ),
            "It has a threshold of its own for the gap: compare with `wide`.": (
                lambda training, validation, poor=90, wide=5: _diagnose(training, validation, poor)
            ),
            "It does not see a wide gap: that is the training accuracy minus the validation accuracy.": (
                lambda training, validation, poor=90, wide=5: (
                    "underfits" if training < poor else "overfits" if validation - training > wide else "looks right"
                )
            ),
            "A validation accuracy above the training accuracy is no overfitting, however wide the gap.": (
                lambda training, validation, poor=90, wide=5: (
                    "underfits"
                    if training < poor
                    else "overfits"
                    if abs(training - validation) > wide
                    else "looks right"
                )
            ),
            "A high training accuracy is no overfitting by itself: the gap says so.": (
                lambda training, validation, poor=90, wide=5: (
                    "underfits" if training < poor else "overfits" if training > 99.5 else "looks right"
                )
            ),
            "Any gap at all counts as overfitting: a small one may be luck, so compare it with `wide`.": (
                lambda training, validation, poor=90, wide=5: _diagnose(training, validation, poor, 0)
            ),
            "The two words are swapped: what reads even its training images poorly underfits.": (
                lambda training, validation, poor=90, wide=5: {
                    "underfits": "overfits",
                    "overfits": "underfits",
                }.get(_diagnose(training, validation, poor, wide), "looks right")
            ),
            "It does not ask whether the training accuracy is poor.": (
                lambda training, validation, poor=90, wide=5: _diagnose(training, validation, 0, wide)
            ),
        },
        hint="Two `if`s with a `return` each: first the training accuracy, then the gap. What is left looks right.",
    ),
}


def _early_stop(losses: Sequence[float], patience: int, ties: bool = False) -> int:
    for epoch in range(1, len(losses) + 1):
        back = int(np.argmin(losses[:epoch][::-1])) if ties else epoch - 1 - int(np.argmin(losses[:epoch]))
        if back >= patience:
            return epoch
    return len(losses)


def _stop_when_rising(losses: Sequence[float], patience: int) -> int:
    rising = 0
    for epoch in range(1, len(losses)):
        rising = rising + 1 if losses[epoch] >= losses[epoch - 1] else 0
        if rising == patience:
            return epoch + 1
    return len(losses)


def _diagnose(training: float, validation: float, poor: float = 90, wide: float = 5) -> str:
    return "underfits" if training < poor else "overfits" if training - validation > wide else "looks right"


def _fall(first: float, step: int, steps: int) -> float:
    return first * (1 + np.cos(np.pi * step / steps)) / 2


def _refused(threshold: object, table: np.ndarray, share: float) -> object:
    """Return which share a threshold refuses; the one that is asked for, if no more than one image is in the way."""
    number = as_array(threshold)
    if number is None or number.ndim:
        return threshold
    below = np.mean(table.max(axis=1) < threshold)
    return share if abs(below - share) <= 1 / len(table) + 1e-9 else below


_PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.1, 0.1, 0.8]])

#: Notebook 07: Evaluate the models.
EVALUATE: dict[str, Check] = {
    "standard_error": Check(
        right=lambda share, n: np.sqrt(share * (1 - share) / n),
        cases=[(0.5, 100), (0.98, 10_000), (0.9, 250)],
        mistakes={
            "The root is missing: this is the variance.": lambda share, n: share * (1 - share) / n,
            "The root covers only the upper part: divide by n below the root, too.": (
                lambda share, n: np.sqrt(share * (1 - share)) / n
            ),
            "Nothing is divided by n: this is the standard deviation of a single answer, right or wrong.": (
                lambda share, n: np.sqrt(share * (1 - share))
            ),
            "The factor 1 − share is missing.": lambda share, n: np.sqrt(share / n),
            "The root belongs over the share as well.": lambda share, n: share * (1 - share) / np.sqrt(n),
        },
        hint="`np.sqrt(…)`, with everything below one root.",
    ),
    "confusion_matrix": Check(
        right=lambda true, predicted: _count_pairs(true, predicted),
        cases=[
            (np.array([3, 3, 5]), np.array([3, 5, 5])),
            (np.arange(10), np.arange(10)[::-1]),
            (np.arange(60) % 10, np.arange(60) % 5),
        ],
        mistakes={
            "The matrix is still full of zeros: nothing is counted, or shares were cut off to whole numbers.": (
                lambda true, predicted: np.zeros((10, 10), int)
            ),
            "Rows and columns are swapped: the row is the true digit.": (
                lambda true, predicted: _count_pairs(predicted, true)
            ),
            "Each cell is at most 1, but every image adds one: go through the images in a loop, with `+= 1`.": (
                lambda true, predicted: np.minimum(_count_pairs(true, predicted), 1)
            ),
            "These are shares of each row: counts are asked for.": (
                lambda true, predicted: (
                    _count_pairs(true, predicted)
                    / np.maximum(_count_pairs(true, predicted).sum(axis=1, keepdims=True), 1)
                )
            ),
        },
        hint="For each pair of a true digit `i` and an answer `j`: `counts[i, j] += 1`.",
    ),
    "soften": Check(
        right=lambda probabilities, temperature: _soften(probabilities, temperature),
        cases=[
            (np.array([[0.8, 0.2], [0.5, 0.5]]), 2.0),
            (_PROBABILITIES, 1.0),
            (np.array([[0.9, 0.09, 0.01], [1.0, 0.0, 0.0]]), 0.5),
        ],
        mistakes={
            "It multiplies by the temperature: divide by it.": (
                lambda probabilities, temperature: _soften(probabilities, 1 / temperature)
            ),
            "The rows do not add up to 1: divide each by its own sum, `sum(axis=1, keepdims=True)`.": (
                lambda probabilities, temperature: np.maximum(probabilities, 1e-12) ** (1 / temperature)
            ),
            "It divides by the sum of all rows together: each image has its own, `axis=1`.": (
                lambda probabilities, temperature: (
                    np.maximum(probabilities, 1e-12) ** (1 / temperature)
                    / (np.maximum(probabilities, 1e-12) ** (1 / temperature)).sum()
                )
            ),
            "The temperature has no effect: softmax of the logits as they are gives back the probabilities.": (
                lambda probabilities, temperature: _soften(probabilities, 1)
            ),
            "It divides the probabilities by the temperature: the logits are to be divided, before softmax.": (
                lambda probabilities, temperature: probabilities / temperature
            ),
            "It returns the logits, divided: softmax is still to come.": (
                lambda probabilities, temperature: np.log(np.maximum(probabilities, 1e-12)) / temperature
            ),
        },
        hint="`np.exp(logits / temperature)`, and then divide each row by its sum.",
    ),
    "threshold_for": Check(
        right=lambda table, share: np.quantile(table.max(axis=1), share),
        cases=[
            (np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.05, 0.95], [0.2, 0.8]]), 0.2),
            (np.random.default_rng(0).dirichlet(np.full(10, 0.1), 101), 0.01),
            (np.random.default_rng(1).dirichlet(np.full(10, 0.1), 101), 0.05),
            (np.random.default_rng(2).dirichlet(np.full(10, 0.3), 11), 0.5),
        ],
        effect=_refused,
        mistakes={
            "Between lowest and highest, images do not lie evenly: count images, with `np.quantile` or by sorting.": (
                lambda table, share: table.max(axis=1).min() + share * np.ptp(table.max(axis=1))
            ),
            "That is the wrong end: sort the confidences from the lowest up.": (
                lambda table, share: np.sort(table.max(axis=1))[::-1][int(share * len(table))]
            ),
            "That is the wrong end: with it, the share that is *read* would be so small.": (
                lambda table, share: np.quantile(table.max(axis=1), 1 - share)
            ),
            "`np.percentile` counts from 0 to 100: multiply the share by 100, or take `np.quantile`.": (
                lambda table, share: np.percentile(table.max(axis=1), share)
            ),
            "It takes all probabilities: the confidence of an answer is the largest of its row.": (
                lambda table, share: np.quantile(table, share)
            ),
            "It takes the smallest probability of each row: the confidence is the largest.": (
                lambda table, share: np.quantile(table.min(axis=1), share)
            ),
            "It makes a threshold of the share itself: look up which confidence has that share of images below it.": (
                lambda table, share: 1 - share
            ),
            "This is the lowest confidence: nothing lies below it, so nothing would be refused.": (
                lambda table, share: table.max(axis=1).min()
            ),
            "This says of each image whether it is read: the threshold itself is asked for.": (
                lambda table, share: table.max(axis=1) >= np.quantile(table.max(axis=1), share)
            ),
        },
        hint="Sort the confidences: how far up must you go until that share lies below?",
    ),
}


def _count_pairs(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (true, predicted), 1)
    return counts


def _soften(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp(np.log(np.maximum(probabilities, 1e-12)) / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


#: Notebook 08: Break the models.
_FOUR_ANSWERS = np.array([[0.9, 0.1, 0.0], [0.1, 0.85, 0.05], [0.5, 0.3, 0.2], [0.05, 0.05, 0.9]])
_TWO_IMAGES = np.array([[[0.0, 0.5], [1.0, 0.2]], [[0.9, 0.1], [0.3, 0.6]]])
_GRADIENT = np.array([[[3.0, -0.1], [2.0, 0.0]], [[0.5, -4.0], [-1e-6, 1e-6]]])
BREAK: dict[str, Check] = {
    "wrong_and_sure": Check(
        right=lambda table, labels, least=0.8: _wrong_and_sure(table, labels, least),
        cases=[
            (_FOUR_ANSWERS, np.array([0, 0, 1, 2])),
            (_FOUR_ANSWERS, np.array([1, 2, 1, 2]), 0.9),
            (_FOUR_ANSWERS, np.array([2, 2, 2, 0]), 0.4),
        ],
        mistakes={
            "It always compares with 0.8: take `least`.": (
                lambda table, labels, least=0.8: _wrong_and_sure(table, labels, 0.8)
            ),
            "A confidence of exactly `least` is sure: compare with `>=`.": (
                lambda table, labels, least=0.8: np.mean((table.argmax(axis=1) != labels) & (table.max(axis=1) > least))
            ),
            "This is the share of all that were read wrongly, sure or not.": (
                lambda table, labels, least=0.8: np.mean(table.argmax(axis=1) != labels)
            ),
            "This is the share of all that it was sure of, right or wrong.": (
                lambda table, labels, least=0.8: np.mean(table.max(axis=1) >= least)
            ),
            "These were read correctly, and with certainty: the wrong ones are asked for.": (
                lambda table, labels, least=0.8: np.mean(
                    (table.argmax(axis=1) == labels) & (table.max(axis=1) >= least)
                )
            ),
            "These were read wrongly, but refused: the sure ones are asked for.": (
                lambda table, labels, least=0.8: np.mean((table.argmax(axis=1) != labels) & (table.max(axis=1) < least))
            ),
            "This is a count: divide by the number of all images, or take `np.mean`.": (
                lambda table, labels, least=0.8: len(labels) * _wrong_and_sure(table, labels, least)
            ),
            "It divides by the number of sure answers: the share of *all* images is asked for.": (
                lambda table, labels, least=0.8: (
                    _wrong_and_sure(table, labels, least) / np.mean(table.max(axis=1) >= least)
                )
            ),
        },
        hint="Two arrays of True and False, joined with `&`; their mean is the share.",
    ),
    "attack": Check(
        right=lambda images, gradient, strength: np.clip(images + strength * np.sign(gradient), 0, 1),
        cases=[(_TWO_IMAGES, _GRADIENT, 0.1), (_TWO_IMAGES, -_GRADIENT, 0.3), (_TWO_IMAGES, _GRADIENT, 0.0)],
        mistakes={
            "It moves against the gradient, which lowers the loss: here the loss is to rise.": (
                lambda images, gradient, strength: np.clip(images - strength * np.sign(gradient), 0, 1)
            ),
            "It moves by the slope itself: only its sign counts, so that each pixel moves by the same amount.": (
                lambda images, gradient, strength: np.clip(images + strength * gradient, 0, 1)
            ),
            "Some pixels are below 0 or above 1: `np.clip(…, 0, 1)`.": (
                lambda images, gradient, strength: images + strength * np.sign(gradient)
            ),
            "The strength is missing: each pixel moves by a whole 1.": (
                lambda images, gradient, strength: np.clip(images + np.sign(gradient), 0, 1)
            ),
            "Nothing has changed: the images came back as they were.": lambda images, gradient, strength: images,
        },
        hint="`np.sign` is −1, 0 or 1. Add strength times that, and `np.clip` the sum.",
    ),
    "three_shares": Check(
        right=lambda table, labels, least=0.8: _three_shares(table, labels, least),
        cases=[
            (_FOUR_ANSWERS, np.array([0, 0, 1, 2])),
            (_FOUR_ANSWERS, np.array([0, 2, 0, 2]), 0.85),
            (_FOUR_ANSWERS, np.array([1, 1, 0, 2]), 0.9),
        ],
        mistakes={
            "What is refused is counted as read as well: the first share is right *and* sure.": (
                lambda table, labels, least=0.8: (
                    np.mean(table.argmax(axis=1) == labels),
                    *_three_shares(table, labels, least)[1:],
                )
            ),
            "The third share has all that are wrong: those that are refused do not count.": (
                lambda table, labels, least=0.8: (
                    *_three_shares(table, labels, least)[:2],
                    np.mean(table.argmax(axis=1) != labels),
                )
            ),
            "What is refused is counted twice, as read or wrong as well: the three must add up to 1.": (
                lambda table, labels, least=0.8: (
                    np.mean(table.argmax(axis=1) == labels),
                    np.mean(table.max(axis=1) < least),
                    np.mean(table.argmax(axis=1) != labels),
                )
            ),
            "The first share is all that it was sure of: those that are wrong belong to the third.": (
                lambda table, labels, least=0.8: (
                    np.mean(table.max(axis=1) >= least),
                    *_three_shares(table, labels, least)[1:],
                )
            ),
            "All three are there, but in another order: read, refused, wrong and sure.": (
                lambda table, labels, least=0.8: _three_shares(table, labels, least)[::-1]
            ),
            "These are counts: divide by the number of images, or take `np.mean`.": (
                lambda table, labels, least=0.8: tuple(
                    len(labels) * share for share in _three_shares(table, labels, least)
                )
            ),
            "These are percentages: shares from 0 to 1 are asked for.": (
                lambda table, labels, least=0.8: tuple(100 * share for share in _three_shares(table, labels, least))
            ),
            "A confidence of exactly `least` is enough: refuse only what is below.": (
                lambda table, labels, least=0.8: _three_shares(table, labels, least + 1e-9)
            ),
            "It always compares with 0.8: take `least`.": (
                lambda table, labels, least=0.8: _three_shares(table, labels, 0.8)
            ),
        },
        hint="Two arrays of True and False: which are right, and which are sure? `~sure` is the opposite of `sure`.",
    ),
}


def _wrong_and_sure(table: np.ndarray, labels: np.ndarray, least: float) -> float:
    return np.mean((table.argmax(axis=1) != labels) & (table.max(axis=1) >= least))


def _three_shares(table: np.ndarray, labels: np.ndarray, least: float) -> tuple[float, float, float]:
    refused, harm = np.mean(table.max(axis=1) < least), _wrong_and_sure(table, labels, least)
    return 1 - refused - harm, refused, harm


#: Notebook 09: Predict your own digits.
_TWO_BY_ONE = [[60, 10, 20, 40], [10, 20, 20, 30], [12, 60, 20, 30]]
_TWO_LINES = [[60, 10, 20, 40], [10, 20, 20, 30], [40, 36, 20, 6], [12, 60, 20, 30], [50, 64, 20, 30]]
_FALLING_LINE = [[0, 0, 20, 40], [30, 10, 20, 40], [60, 18, 20, 40],
                 [0, 60, 20, 40], [20, 75, 20, 40], [40, 88, 20, 40], [60, 95, 20, 80]]  # fmt: skip
_TURNS = np.random.default_rng(3).dirichlet(np.full(10, 0.3), (4, 6))
_ONE_SURE_PIECE = np.stack([
    np.array([[0.98, 0.02, 0.0], [0.4, 0.3, 0.3], [0.4, 0.3, 0.3]]),
    np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.7, 0.2]]),
    np.array([[0.5, 0.5, 0.0], [0.5, 0.4, 0.1], [0.6, 0.2, 0.2]]),
    np.array([[0.6, 0.4, 0.0], [0.5, 0.5, 0.0], [0.5, 0.3, 0.2]]),
])  # fmt: skip
PREDICT: dict[str, Check] = {
    "number_lines": Check(
        right=lambda boxes: _number_lines(boxes),
        cases=[(_TWO_BY_ONE,), (_TWO_LINES,), (_FALLING_LINE,)],
        mistakes={
            "All boxes are in one line: begin a new one where a middle lies below the lower edge.": (
                lambda boxes: [0] * len(boxes)
            ),
            "Each box begins a line of its own: only those do whose middle lies below the lower edge.": (
                lambda boxes: list(range(len(boxes)))
            ),
            "It compares the upper edge: the middle is at `y + h / 2`.": lambda boxes: _number_lines(boxes, share=0),
            "It compares the lower edge: the middle is at `y + h / 2`.": lambda boxes: _number_lines(boxes, share=1),
            "The lower edge stays that of the very first line: at a new line, set `bottom = y + h`.": (
                lambda boxes: _number_lines(boxes, update=lambda new: False)
            ),
            "The lower edge moves with every box: it is that of the first box of a line, set where a line begins.": (
                lambda boxes: _number_lines(boxes, update=lambda new: True)
            ),
            "The lines are numbered from 1: the first is 0.": lambda boxes: [1 + one for one in _number_lines(boxes)],
        },
        hint="`if y + h / 2 > bottom:` append one more than `numbers[-1]`; otherwise append `numbers[-1]` again.",
    ),
    "mark_unsure": Check(
        right=lambda digits, confidences, least=0.8: _mark_unsure(digits, confidences, least),
        cases=[
            (np.array([4, 2]), np.array([0.99, 0.6])),
            (np.array([1, 9, 4, 7]), np.array([0.3, 0.8, 0.95, 0.79])),
            (np.array([5, 0, 7]), np.array([0.85, 0.95, 0.4]), 0.9),
        ],
        mistakes={
            "The sure digits are marked: the unsure ones are asked for.": (
                lambda digits, confidences, least=0.8: "".join(
                    f"{digit}?" if confidence >= least else f"{digit}"
                    for digit, confidence in zip(digits, confidences, strict=True)
                )
            ),
            "Nothing is marked: a `?` belongs after each digit whose confidence is below least.": (
                lambda digits, confidences, least=0.8: "".join(map(str, digits))
            ),
            "The text is still empty: add each digit, with or without a `?`.": (
                lambda digits, confidences, least=0.8: ""
            ),
            "A confidence of exactly `least` is enough: mark only what is below.": (
                lambda digits, confidences, least=0.8: _mark_unsure(digits, confidences, least + 1e-9)
            ),
            "It always compares with 0.8: take `least`.": (
                lambda digits, confidences, least=0.8: _mark_unsure(digits, confidences, 0.8)
            ),
            "There are spaces between the digits: write them without.": (
                lambda digits, confidences, least=0.8: " ".join(
                    _mark_unsure([digit], [confidence], least)
                    for digit, confidence in zip(digits, confidences, strict=True)
                )
            ),
        },
        hint="Go through both with `zip(digits, confidences)`. `str(digit)` makes a text of a number.",
    ),
    "best_turn": Check(
        right=lambda tables: tables.max(axis=2).mean(axis=1).argmax(),
        cases=[(_TURNS,), (_TURNS[[2, 0, 3, 1]],), (_ONE_SURE_PIECE,)],
        mistakes={
            "It takes the turn with the surest single piece: take the mean over all pieces.": (
                lambda tables: tables.max(axis=2).max(axis=1).argmax()
            ),
            "This is the turn with the lowest confidence: the highest is asked for.": (
                lambda tables: tables.max(axis=2).mean(axis=1).argmin()
            ),
            "It gives the mean confidences: `argmax` says which of the four is the highest.": (
                lambda tables: tables.max(axis=2).mean(axis=1)
            ),
            "This is the highest mean confidence itself: the number of turns is asked for, `argmax`.": (
                lambda tables: tables.max(axis=2).mean(axis=1).max()
            ),
            "The mean over all ten probabilities is always 0.1: take the largest of each piece first.": (
                lambda tables: tables.mean(axis=2).mean(axis=1)
            ),
        },
        hint="The confidence of a piece is its largest probability, `tables.max(axis=2)`.",
    ),
    "gained_and_lost": Check(
        right=lambda before, after, truth: _gained_and_lost(before == truth, after == truth),
        cases=[
            (np.array([1, 2, 3, 4, 5]), np.array([1, 8, 3, 7, 6]), np.array([1, 8, 3, 7, 5])),
            (np.array([1, 2, 3, 4]), np.array([2, 3, 4, 4]), np.array([1, 0, 0, 4])),
            tuple(np.random.default_rng(9).integers(0, 3, (3, 60))),
        ],
        mistakes={
            "Gained and lost are swapped.": (
                lambda before, after, truth: _gained_and_lost(after == truth, before == truth)
            ),
            "It gives the balance only: what is lost hides behind what is gained. Go by single images.": (
                lambda before, after, truth: (
                    max(0, np.sum(after == truth) - np.sum(before == truth)),
                    max(0, np.sum(before == truth) - np.sum(after == truth)),
                )
            ),
            "These are all that are right after, and all that are wrong after: leave out those that were so before.": (
                lambda before, after, truth: (np.sum(after == truth), np.sum(after != truth))
            ),
            "What was wrong before cannot be lost: another wrong answer in its place costs nothing.": (
                lambda before, after, truth: (
                    np.sum((after != before) & (after == truth)),
                    np.sum((after != before) & (after != truth)),
                )
            ),
            "These are shares: counts are asked for, `np.sum`.": (
                lambda before, after, truth: (
                    np.mean((before != truth) & (after == truth)),
                    np.mean((before == truth) & (after != truth)),
                )
            ),
        },
        hint="Gained: wrong before `&` right after. `~` turns True and False round.",
    ),
}


def _gained_and_lost(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    return np.sum(~before & after), np.sum(before & ~after)


def _number_lines(boxes: list, share: float = 0.5, update: Callable[[bool], bool] = bool) -> list[int]:
    numbers, bottom = [0], boxes[0][1] + boxes[0][3]
    for _, y, _, h in boxes[1:]:
        new = y + share * h > bottom
        numbers.append(numbers[-1] + int(new))
        bottom = y + h if update(new) else bottom
    return numbers


def _mark_unsure(digits: Sequence[int], confidences: Sequence[float], least: float) -> str:
    return "".join(
        f"{digit}{'' if confidence >= least else '?'}" for digit, confidence in zip(digits, confidences, strict=True)
    )


#: Notebook 10: Improve the model.
_SIGNS_OF_TWO = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
_SIGNS_OF_THREE = np.array([[a, b, c] for a in (1, -1) for b in (1, -1) for c in (1, -1)])
IMPROVE: dict[str, Check] = {
    "sign_flip_p": Check(
        right=lambda differences, signs: _sign_flip_p(differences, signs),
        cases=[
            (np.array([3, 1]), _SIGNS_OF_TWO),
            (np.array([-1, -2, -4]), _SIGNS_OF_THREE),
            (np.array([4, 2, -1]), _SIGNS_OF_THREE),
        ],
        mistakes={
            "The real sum may be below 0, too: take the absolute value on both sides.": (
                lambda differences, signs: np.mean(np.abs(signs @ differences) >= differences.sum())
            ),
            "It counts one side only: a sum as far below 0 counts as well. Compare absolute values.": (
                lambda differences, signs: np.mean(signs @ differences >= differences.sum())
            ),
            "It leaves out the patterns that are exactly as far from 0, the real one among them: use `>=`.": (
                lambda differences, signs: np.mean(np.abs(signs @ differences) > abs(differences.sum()))
            ),
            "This is a count: divide by the number of patterns, or take `np.mean`.": (
                lambda differences, signs: len(signs) * _sign_flip_p(differences, signs)
            ),
            "This is the share of the sums that are *nearer* to 0: those at least as far are asked for.": (
                lambda differences, signs: np.mean(np.abs(signs @ differences) < abs(differences.sum()))
            ),
        },
        hint="`signs @ differences` gives the sum for every pattern.",
    ),
    "keep_version_2": Check(
        right=lambda *counts: _keep(*counts),
        cases=[
            (24, 27, 5, 1, 6000),
            (24, 30, 5, 1, 6000),
            (24, 10, 5, 0, 6000),
            (24, 20, 5, 5, 6000),
            (24, 20, 5, 7, 6000),
            (3, 5, 5, 1, 1000),
        ],
        mistakes={
            "The old images are left out: a network that has forgotten them would be kept.": (
                lambda old_before, old_after, new_before, new_after, old_images: new_after < new_before
            ),
            "The corrections are left out: a network that has learned nothing would be kept.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    old_after - old_before <= old_images / 1000
                )
            ),
            "To misread fewer old images is no loss, however many: take the difference as it is, not its size.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    new_after < new_before and abs(old_after - old_before) <= old_images / 1000
                )
            ),
            "It allows no old image at all to be lost: one in a thousand is allowed.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    new_after < new_before and old_after <= old_before
                )
            ),
            "Both conditions must hold: join them with `and`.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    new_after < new_before or old_after - old_before <= old_images / 1000
                )
            ),
            "It keeps a version that reads no more of the corrections: *fewer* must be misread.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    new_after <= new_before and old_after - old_before <= old_images / 1000
                )
            ),
            "*At most* one in a thousand: exactly as many are still allowed.": (
                lambda old_before, old_after, new_before, new_after, old_images: (
                    new_after < new_before and old_after - old_before < old_images / 1000
                )
            ),
        },
        hint="Two comparisons, joined with `and`. One in a thousand is `old_images / 1000`.",
    ),
    "unbeaten": Check(
        right=lambda points: [not _beats(points, point).any() for point in points],
        cases=[
            (np.array([[1, 5], [2, 2], [3, 3], [5, 1]]),),
            (np.array([[1, 2], [1, 3], [2, 2], [1, 2]]),),
            (np.random.default_rng(5).integers(0, 8, (12, 2)),),
            (np.random.default_rng(6).random((9, 2)),),
        ],
        mistakes={
            "It keeps too many: a point is beaten, too, by one that is as good in one goal and better in the other.": (
                lambda points: [not (points < point).all(axis=1).any() for point in points]
            ),
            "Each point beats itself: what is equal in both goals is not better in any.": (
                lambda points: [not (points <= point).all(axis=1).any() for point in points]
            ),
            "Points that are equal do not beat each other: one of them must be better in one goal.": (
                lambda points: [
                    not any((other <= point).all() for at, other in enumerate(points) if at != place)
                    for place, point in enumerate(points)
                ]
            ),
            "It drops a point as soon as another is better in one goal: it may be worse in the other.": (
                lambda points: [not (points < point).any() for point in points]
            ),
            "It keeps only the lowest of each goal: points between them may be unbeaten, too.": (
                lambda points: (points == points.min(axis=0)).any(axis=1).tolist()
            ),
            "It keeps the lowest sum: that makes one goal of two, in different units.": (
                lambda points: (points.sum(axis=1) == points.sum(axis=1).min()).tolist()
            ),
            "These are the beaten ones.": lambda points: [_beats(points, point).any() for point in points],
            "It takes higher for better: both goals are to be low.": (
                lambda points: [not _beats(-points, -point).any() for point in points]
            ),
            "These are the places of the unbeaten: True or False is asked for, for each point.": (
                lambda points: [place for place, point in enumerate(points) if not _beats(points, point).any()]
            ),
        },
        hint="Ask of each other point two things: is it nowhere worse? is it somewhere better?",
    ),
}


def _beats(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    return (points <= point).all(axis=1) & (points < point).any(axis=1)


def _sign_flip_p(differences: np.ndarray, signs: np.ndarray) -> float:
    return np.mean(np.abs(signs @ differences) >= abs(differences.sum()))


def _keep(old_before: int, old_after: int, new_before: int, new_after: int, old_images: int) -> bool:
    return new_after < new_before and old_after - old_before <= old_images / 1000


def _limit_status(waiting: int, size: int) -> int:
    return 503 if waiting >= 2 else 413 if size > 10_000_000 else 200


def _read_safely(body: bytes, read: Callable) -> tuple[int, str]:
    try:
        return 200, read(body)
    except DigitsError as error:
        return 422, str(error)


def _read_42(body: bytes) -> str:
    return "42"


def _read_nothing(body: bytes) -> str:
    raise DigitsError("upload is empty: save it again as PNG or JPEG.")


def _read_badly(body: bytes) -> str:
    raise ZeroDivisionError("division by zero")  # a bug: the student's own code is unlikely to raise this


def _read_too_safely(body: bytes, read: Callable) -> tuple[int, str]:
    try:
        return 200, read(body)
    except Exception as error:
        return 422, str(error)


class Clock:
    """The time as a function sees it whose `time.sleep` takes none: the real one, and what was slept."""

    slept = 0.0

    def now(self) -> float:
        """Return the time in seconds."""
        return time.perf_counter() + self.slept

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Let `time.sleep` return at once, in this thread alone."""
        sleep, thread = time.sleep, threading.get_ident()

        def note(seconds: float) -> None:
            if threading.get_ident() != thread:
                return sleep(seconds)
            if isinstance(seconds, str) or not seconds >= 0:
                return sleep(seconds)  # which says what is wrong with it
            self.slept += seconds
            return None

        time.sleep = note
        try:
            yield
        finally:
            time.sleep = sleep


_CLOCK = Clock()

#: How often an answer may be looked at; then somebody looks at the same one in a loop.
_LOOKS = 50


class BusyResponse:
    """An answer as a client of httpx gives it, as far as `send_patiently` needs it.

    Parameters
    ----------
    status_code
        200, or how the service refuses.
    content
        What it says.
    headers
        By name, upper case or lower.
    """

    def __init__(self, status_code: int, content: dict, headers: Mapping[str, str]) -> None:
        self._status_code, self.content, self.headers, self.looks = status_code, content, Headers(headers, self), 0

    def look(self) -> None:
        """Count a look at the answer."""
        self.looks += 1
        if self.looks > _LOOKS:
            raise EndlessError("it waits again and again on the same answer: send once more after each wait.")

    @property
    def status_code(self) -> int:
        """Return 200, or how the service refuses."""
        self.look()
        return self._status_code

    @property
    def is_success(self) -> bool:
        """Say whether the image was taken in."""
        return self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Say whether it was refused."""
        return self.status_code >= 400

    def raise_for_status(self) -> "BusyResponse":
        """Raise an error if the image was refused."""
        if self.is_error:
            from httpx2 import HTTPStatusError

            raise HTTPStatusError(f"The service answered {self._status_code}.", request=None, response=self)
        return self

    def json(self) -> dict:
        """Return what the service says."""
        return self.content


class Headers(UserDict):
    """Headers of any case, which know whether anyone has looked.

    Parameters
    ----------
    data
        The headers.
    response
        Whose they are.
    """

    def __init__(self, data: Mapping[str, str], response: BusyResponse) -> None:
        super().__init__({name.lower(): value for name, value in data.items()})
        self.response, self.read = response, False

    def __getitem__(self, name: str) -> str:
        self.response.look()
        self.read = True
        return self.data[name.lower()]

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self.data


class BusyClient:
    """A client whose service is full the first times, and notes in its answer how it was asked.

    Parameters
    ----------
    full
        How often it is full.
    refusal
        By which status it refuses then, for good, and without saying how long to wait; 0 if it does not.
    """

    #: How long a client is told to wait, in turn: no wait of one's own suits both.
    told = ("1", "3")

    def __init__(self, full: int, refusal: int = 0) -> None:
        self.full, self.refusal = full, refusal
        self.sent, self.addresses, self.waited, self.before = [], set(), "as told", None

    @property
    def in_words(self) -> str:
        """Say what kind of service is behind it."""
        often = ("never full", "full once")[self.full] if self.full < 2 else f"full {self.full} times"
        return f"a service that is {often}" + (f" and answers {self.refusal} then" if self.refusal else "")

    def post(self, url: str, content: bytes | None = None, **_: object) -> BusyResponse:
        """Take an image in, or say that it is full."""
        if self.before and self.waited == "as told":
            self.waited = self._judge_wait(*self.before)
        self.sent.append(content)
        self.addresses.add(f"{url}".removeprefix("http://testserver").strip("/"))
        if len(self.sent) > 2 * _LOOKS:
            raise EndlessError("it sends again and again, although it was answered: return the answer.")
        if len(self.sent) <= self.full:
            told = self.told[len(self.sent) % 2 - 1]
            response = BusyResponse(503, {"error": "Too many images are waiting."}, {"Retry-After": told})
            self.before = response, float(told), _CLOCK.slept, _CLOCK.now()
            return response
        self.before = None
        content = {"error": "No digits."} if self.refusal else {"text": "7"}
        notes = {"sent": set(self.sent), "sent to": self.addresses, "attempts": len(self.sent), "waited": self.waited}
        return BusyResponse(self.refusal or 200, {**content, **notes}, {})

    def _judge_wait(self, response: BusyResponse, told: float, slept: float, at: float) -> str:
        """Say how a client has waited, by the clock that skips what it sleeps."""
        slept, passed = _CLOCK.slept - slept, _CLOCK.now() - at
        if not slept and passed < 0.1:
            return "not at all"
        if not response.headers.read:
            return "without asking how long"
        waited = slept or passed
        return "less than told" if waited < 0.99 * told else "longer than told" if waited > told + 1 else "as told"


def _send_patiently(
    client: BusyClient,
    data: bytes,
    tries: int,
    wait: Callable = lambda told: told,
    ask: bool = True,
    send: Callable = lambda client, data, attempt: client.post("/predict", content=data),
    again: Callable = lambda status: status == 503,
) -> dict:
    for attempt in range(tries):
        response = send(client, data, attempt)
        if not again(response.status_code):
            return response.json()
        if attempt < tries - 1:
            time.sleep(wait(float(response.headers.get("Retry-After", 1)) if ask else 0))
    raise TimeoutError


def _version_of(visitor: str, percent: int, least: int = 0, inside: int = 2) -> int:
    return inside if zlib.crc32(visitor.encode()) % 100 < percent + least else 3 - inside


#: Notebook 11: Deploy the model.
DEPLOY: dict[str, Check] = {
    "limit_status": Check(
        right=_limit_status,
        cases=[(2, 500), (1, 10_000_001), (0, 5_000_000), (2, 11_000_000), (1, 10_000_000), (3, 500)],
        mistakes={
            "With *more* than 2 it is full, too: use `>=`.": (
                lambda waiting, size: 503 if waiting == 2 else 413 if size > 10_000_000 else 200
            ),
            "It looks at the size first: when the service is full, nothing else matters.": (
                lambda waiting, size: 413 if size > 10_000_000 else 503 if waiting >= 2 else 200
            ),
            "One too many may wait: with 2 waiting the service is full.": (
                lambda waiting, size: 503 if waiting > 2 else 413 if size > 10_000_000 else 200
            ),
            "Exactly 10 MB are still allowed: only more is too much.": (
                lambda waiting, size: 503 if waiting >= 2 else 413 if size >= 10_000_000 else 200
            ),
            "The two status codes are swapped: 503 is a full service, 413 a large upload.": (
                lambda waiting, size: 413 if waiting >= 2 else 503 if size > 10_000_000 else 200
            ),
        },
        hint="Two `if`s with a `return` each, the full service first, and `return 200` below them.",
    ),
    "read_safely": Check(
        right=_read_safely,
        cases=[(b"a drawing", _read_42), (b"", _read_nothing), (b"a photo", _read_badly)],
        lets_through=(ZeroDivisionError,),
        mistakes={
            "It catches too much: name `DigitsError` behind `except`, then a bug gets through.": _read_too_safely,
            "500 says that the fault is the server's: here the visitor can put it right, with another file.": (
                lambda body, read: (200 if body else 500, _read_safely(body, read)[1])
            ),
            "The sentence is missing: `str(error)` says what is wrong with the upload.": (
                lambda body, read: (200, read(body)) if body else (422, "")
            ),
        },
        hint="`try: return 200, read(body)`, and below it `except DigitsError as error:`.",
    ),
    "choose_version": Check(
        right=_version_of,
        cases=[
            *(("Ada", 100), ("Ada", 10), ("Ada", 36), ("Ada", 0)),
            *((f"visitor {number}", 30) for number in range(20)),
        ],
        mistakes={
            "The shares are swapped: `percent` is the share of version 2.": (
                lambda visitor, percent: _version_of(visitor, percent, inside=1)
            ),
            "`percent` is 30, not 0.3: nothing has to be multiplied or divided.": (
                lambda visitor, percent: _version_of(visitor, percent / 100)
            ),
            "`number` begins at 0: with `<=`, one hundredth too many get version 2.": (
                lambda visitor, percent: _version_of(visitor, percent, least=1)
            ),
            "It counts from above: the share is right, but here version 2 is for those below `percent`.": (
                lambda visitor, percent: 3 - _version_of(visitor, 100 - percent)
            ),
            "Everybody gets version 1.": lambda visitor, percent: 1,
        },
        hint="`number` is one of 0 to 99, all about equally frequent. How many of these lie below `percent`?",
    ),
    "send_patiently": Check(
        right=lambda client, data, tries=5: _send_patiently(client, data, tries),
        cases=[
            (BusyClient(0), b"a drawing", 3),
            (BusyClient(2), b"a drawing", 3),
            (BusyClient(2), b"a drawing", 2),
            (BusyClient(3), b"a photo"),
            (BusyClient(6), b"a photo", 2),
            (BusyClient(0, 422), b"a letter", 3),
        ],
        raises=(TimeoutError,),
        around=_CLOCK.without_waiting,
        mistakes={
            "It gives up at the first 503: wait, and send again.": (
                lambda client, data, tries=5: client.post("/predict", content=data).json()
            ),
            "It does not wait: before it tries again, it should sleep for as long as `Retry-After` says.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries, lambda told: 0, ask=False)
            ),
            "It looks up how long to wait, and does not wait so long: `time.sleep(…)` takes seconds.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries, lambda told: told / 1000)
            ),
            "It waits much longer than it was told: `time.sleep(…)` takes seconds.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries, lambda told: told * 1000)
            ),
            "How long it waits is its own idea: the service says it in `response.headers`.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries, lambda told: 2, ask=False)
            ),
            "Only a 503 is worth another attempt: any other answer is returned at once.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries, again=lambda status: status != 200)
            ),
            "It gives up too late: `tries` counts the first attempt, too.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries + 1)
            ),
            "It gives up too early: `tries` attempts are allowed, the first among them.": (
                lambda client, data, tries=5: _send_patiently(client, data, tries - 1)
            ),
            "It never gives up: after `tries` attempts, `raise TimeoutError(…)`.": (
                lambda client, data, tries=5: _send_patiently(client, data, 99)
            ),
            "It sends something else on the second attempt: `data` goes with each of them.": (
                lambda client, data, tries=5: _send_patiently(
                    client,
                    data,
                    tries,
                    send=lambda client, data, attempt: client.post("/predict", content=b"" if attempt else data),
                )
            ),
            "The image does not arrive: the bytes go in as `content=data`.": (
                lambda client, data, tries=5: _send_patiently(
                    client, data, tries, send=lambda client, data, attempt: client.post("/predict", data=data)
                )
            ),
        },
        hint="Which three things can happen to an attempt?",
    ),
}


CHECKS: dict[str, Check] = {
    **EXPLORE,
    **PREPROCESS,
    **LEARN,
    **ADD,
    **BUILD,
    **TRAIN,
    **EVALUATE,
    **BREAK,
    **PREDICT,
    **IMPROVE,
    **DEPLOY,
}
