"""Learning from corrections: what readers of an answer have put right, as ``labels-mine.csv`` keeps it.

Notebook 10 does the same by hand. The network that reads at present goes on learning for a few hundred small steps, on
the corrections and on old images together: on the corrections alone it would forget the rest. A part of the corrections
is held out; those and MNIST's validation images decide whether the result is kept, by a rule that is fixed before.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from utils.errors import DigitsError
from utils.mnist import Mnist
from utils.networks.augment import make_sets
from utils.networks.batches import distort
from utils.networks.files import Kind, learned_path
from utils.networks.training import compile_model, split_training
from utils.paths import ROOT, shown
from utils.reader import prepare_image, read_image, read_labels, scale_pixels

#: How many steps, and how long the first of them is.
STEPS, LEARNING_RATE = 150, 5e-4
#: What a step sees: corrections; old images, as they are; and, if there are any, old images redrawn in place of some.
NEW, OLD, DRAWN = 32, 96, 24
#: Fewer digits than these cannot be parted into some to learn from and some to judge by.
LEAST = 8
#: One correction in so many is held out.
HELD_OUT = 3
#: Of MNIST's validation images, so large a share more may be misread: 6 of 6,000.
MOST_LOST = 0.001
#: So many of MNIST's images are redrawn, which takes a while.
REDRAWN = 1500


@dataclass(frozen=True)
class Corrections:
    """Digits and what they should have been read as.

    Attributes
    ----------
    images : (n, 28, 28) uint8 array
        In the form of MNIST's images.
    labels : (n,) uint8 array
        The right digits.
    left_out
        Files that cannot be read, or in which not as many digits were found as the label has.
    """

    images: np.ndarray
    labels: np.ndarray
    left_out: Sequence[Path] = ()


@dataclass(frozen=True)
class Verdict:
    """How many images two versions of a network misread.

    Attributes
    ----------
    old_before, old_after, old
        Of MNIST's validation images, misread by the present network and by the new one, and how many there are.
    new_before, new_after, new
        The same of the corrections that were held out.
    """

    old_before: int
    old_after: int
    old: int
    new_before: int
    new_after: int
    new: int

    @property
    def allowed(self) -> int:
        """How many old images more may be misread."""
        return int(MOST_LOST * self.old)

    @property
    def better(self) -> bool:
        """Whether the new version is kept: it reads more of the corrections, and hardly anything old is lost."""
        return self.new_after < self.new_before and self.old_after <= self.old_before + self.allowed

    def __str__(self) -> str:
        return (
            f"Corrections held out, misread: {self.new_before} of {self.new} before, {self.new_after} after. "
            f"MNIST's validation images, misread: {self.old_before} of {self.old:,} before, {self.old_after} after "
            f"(at most {self.allowed} more are allowed)."
        )


def read_corrections(folder: str | os.PathLike) -> Corrections:
    """Read a folder of images with their labels: what the drawing pads save.

    Parameters
    ----------
    folder
        The folder. Of the series' own, ``digits/``, only what a learner has added is taken: the other images judge
        which network reads.

    Returns
    -------
    Corrections
        In the order of ``labels.csv``, then of each ``labels-mine.csv``.

    Raises
    ------
    DigitsError
        If there is no folder, or no table of labels that can be read.
    """
    own = Path(folder).resolve() == (ROOT / "digits").resolve()
    images, labels, left_out = [np.empty((0, 28, 28), np.uint8)], [], []
    for file, label in read_labels(folder).items():
        if own and "-mine" not in file.stem:
            continue
        digits = [int(digit) for digit in label if digit.isdigit()]
        try:
            _, found = prepare_image(read_image(file))
        except DigitsError:
            found = ()
        if not digits or len(found) != len(digits):
            left_out.append(file)
            continue
        images.append(found)
        labels += digits
    return Corrections(np.concatenate(images), np.array(labels, np.uint8), left_out)


def fine_tune(
    model: keras.Model,
    parts: Sequence[tuple[np.ndarray, np.ndarray, int]],
    seed: int = 0,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Go on training a network, each step on some images of each part.

    Parameters
    ----------
    model
        The network; it is changed.
    parts
        Of each part the images, ``(n, 28, 28, 1) float32`` in [0, 1], the probabilities to learn, ``(n, 10)``, and how
        many of them a step sees.
    seed
        For what is drawn, how it is distorted, and the dropout.
    learning_rate
        The one to begin with; from there it falls along half a cosine.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    compile_model(model, STEPS, learning_rate, "categorical_crossentropy")
    for _ in range(STEPS):
        drawn = [rng.integers(0, len(images), count) for images, _, count in parts]
        images = np.concatenate([part[0][chosen] for part, chosen in zip(parts, drawn, strict=True)])
        targets = np.concatenate([part[1][chosen] for part, chosen in zip(parts, drawn, strict=True)])
        model.train_on_batch(distort(images, rng, pixels=1, turn=5, size=0.05, slant=0.08), targets)


def correct(
    model: keras.Model, kind: Kind, mnist: Mnist, corrections: Corrections, seed: int = 0, rate: float | None = None
) -> Verdict:
    """Teach a network corrections, and judge it.

    Parameters
    ----------
    model
        The present network; it is changed.
    kind
        Which it is: the CNN is shown redrawn images and things that are no digit again, too.
    mnist
        The old data; its test images are not touched.
    corrections
        What `read_corrections` has read.
    seed
        For what is random, and for which corrections are held out.
    rate
        The learning rate to begin with.

    Returns
    -------
    Verdict
        It says whether to keep what the network has become.

    Raises
    ------
    DigitsError
        If there are too few corrections.
    """
    n = len(corrections.labels)
    if n < LEAST:
        raise DigitsError(
            f"There are {n} corrected digits, and some are held out to judge by: collect {LEAST} or more."
        )
    x_train, x_val, y_train, y_val = split_training(mnist)
    order = np.random.default_rng(seed).permutation(n)
    held, taught = order[: n // HELD_OUT], order[n // HELD_OUT :]
    x_new, y_new = scale_pixels(corrections.images), corrections.labels

    def misread(images: np.ndarray, labels: np.ndarray) -> int:
        return int(np.sum(model.predict(images, batch_size=1000, verbose=0).argmax(axis=1) != labels))

    before = misread(x_val, y_val), misread(x_new[held], y_new[held])
    targets = keras.utils.to_categorical
    parts = [(x_new[taught], targets(y_new[taught], 10), NEW), (x_train, targets(y_train, 10), OLD)]
    if kind == "cnn":
        some = slice(0, REDRAWN)
        ((drawn, drawn_targets),) = make_sets(
            np.round(x_train[some, :, :, 0] * 255).astype(np.uint8), y_train[some], 1, seed
        )
        parts[1] = (*parts[1][:2], OLD - DRAWN)
        parts.append((scale_pixels(drawn), drawn_targets, DRAWN))
    fine_tune(model, parts, seed, rate or LEARNING_RATE)
    return Verdict(
        before[0], misread(x_val, y_val), len(y_val), before[1], misread(x_new[held], y_new[held]), len(held)
    )


def corrected_path(kind: Kind, mnist: Mnist) -> Path:
    """Return a free name for a corrected network: the one before it stays, for going back.

    Parameters
    ----------
    kind
        Which network.
    mnist
        The old data.

    Returns
    -------
    Path
        For example ``models/learned/cnn-mnist-corrected-2.keras``.
    """
    plain = learned_path(kind, mnist)
    number = 1
    while True:
        path = plain.with_stem(f"{plain.stem}-corrected" + (f"-{number}" if number > 1 else ""))
        if not path.exists():
            return path
        number += 1


def describe_corrections(corrections: Corrections) -> str:
    """Say in a line for people what was found in a folder of corrections."""
    held = len(corrections.labels) // HELD_OUT
    line = (
        f"{len(corrections.labels)} corrected digits: {len(corrections.labels) - held} to learn from, {held} held out."
    )
    if not corrections.left_out:
        return line
    names = ", ".join(shown(path) for path in corrections.left_out[:3])
    more = ", …" if len(corrections.left_out) > 3 else ""
    return f"{line} Left out, for their digits were not all found: {names}{more}."
