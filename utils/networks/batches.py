"""Training images, batch by batch: in each epoch in a new order, and a little distorted if you like.

What comes in an epoch depends on the seed and the number of the epoch alone, so that a training that was interrupted
can go on as if nothing had happened.
"""

from collections.abc import Callable

import cv2
import keras
import numpy as np

#: One for all images, or one for each.
Amount = float | np.ndarray


def warp(
    images: np.ndarray,
    right: Amount = 0.0,
    down: Amount = 0.0,
    turn: Amount = 0.0,
    wide: Amount = 1.0,
    high: Amount = 1.0,
    slant: Amount = 0.0,
) -> np.ndarray:
    """Slant, scale, turn and move images, about their middle, by given amounts; what comes in at the edge is 0.

    Parameters
    ----------
    images : (n, H, W, 1) array
        Images, uint8 or float32; they are not changed.
    right, down
        How far they are moved, in pixels.
    turn
        How far they are turned, clockwise, in degrees.
    wide, high
        The factors by which their width and their height are scaled.
    slant
        How far they lean to the left: the sideways shift for each pixel upwards.

    Returns
    -------
    (n, H, W, 1) array
        The warped images, of the same type, with bilinear interpolation.
    """
    n, height, width, _ = images.shape
    angles = np.radians(np.broadcast_to(turn, n))
    cosine, sine, centre = np.cos(angles), np.sin(angles), np.array([(width - 1) / 2, (height - 1) / 2])
    matrices = np.empty((n, 2, 3))  # where each pixel goes
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine * wide, (cosine * slant - sine) * high
    matrices[:, 1, 0], matrices[:, 1, 1] = sine * wide, (sine * slant + cosine) * high
    moves = np.stack([np.broadcast_to(right, n), np.broadcast_to(down, n)], axis=1)
    matrices[:, :, 2] = centre - matrices[:, :, :2] @ centre + moves
    warped = np.empty_like(images)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # to share out an image as small as these takes longer than to warp it
    try:
        for image, matrix, result in zip(images, matrices, warped, strict=True):
            result[..., 0] = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)
    finally:
        cv2.setNumThreads(threads)
    return warped


def distort(
    images: np.ndarray,
    rng: np.random.Generator,
    pixels: float = 2,
    turn: float = 10,
    size: float = 0.1,
    slant: float = 0.15,
) -> np.ndarray:
    """Move, turn, scale and slant each image a little, each in a way of its own; what comes in at the edge is 0.

    Parameters
    ----------
    images : (n, H, W, 1) float32 array
        Images; they are not changed.
    rng
        Chooses, for each image, evenly between the bounds.
    pixels
        How far it is moved at most, up or down and left or right.
    turn
        How far it is turned at most, either way, in degrees.
    size
        How much its width and its height are scaled at most, each: by a factor of exp(-size) to exp(size).
    slant
        How far it is slanted at most: the sideways shift for each pixel upwards.

    Returns
    -------
    (n, H, W, 1) float32 array
        The distorted images, with bilinear interpolation.
    """
    n = len(images)
    return warp(
        images,
        *(pixels * rng.uniform(-1, 1, (2, n))),
        turn * rng.uniform(-1, 1, n),
        *np.exp(size * rng.uniform(-1, 1, (2, n))),
        slant * rng.uniform(-1, 1, n),
    )


class Batches(keras.utils.PyDataset):
    """Training images for ``model.fit``, in each epoch changed anew and in a new order.

    Keras asks for a batch while it trains on the one before: what changes the images takes hardly any time of its own.

    Parameters
    ----------
    images : (n, 28, 28, 1) float32 array
        Images in [0, 1].
    targets : (n, …) array
        Their digits, or the probabilities that a network should give.
    change
        Called for each batch with its images and a random generator, such as `distort`; returns as many images. None
        leaves them as they are.
    batch_size
        How many images are in a batch; the last one of an epoch may have fewer.
    seed
        For what is random.
    first_epoch
        The epoch to begin with, counted from 0, for a training that goes on.
    """

    def __init__(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        batch_size: int = 128,
        seed: int = 0,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self._images, self._targets, self._change, self._batch_size = images, targets, change, batch_size
        self._seed, self._epoch, self._order = seed, first_epoch, (-1, np.empty(0, int))

    def make_batch(self, chosen: np.ndarray, epoch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the images with the chosen numbers, changed, and their targets."""
        images = self._images[chosen]
        return self._change(images, rng) if self._change else images, self._targets[chosen]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self._epoch += 1

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, (ordered, order) = self._epoch, self._order  # at an epoch's end, Keras may be asking in two threads
        if ordered != epoch:
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._targets))
            self._order = epoch, order
        chosen = order[index * self._batch_size : (index + 1) * self._batch_size]
        return self.make_batch(chosen, epoch, np.random.default_rng((self._seed, epoch, index)))
