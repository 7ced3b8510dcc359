"""Which network reads if none is named: one's own, unless it reads clearly worse than the one that came along.

Both read the images in ``digits/``, which takes a few seconds; what came of it is kept beside one's own network.
Nothing in here loads TensorFlow until there is something to compare.
"""

import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import DigitsError
from utils.networks.files import Kind, describe_model, newest_own, shipped_models
from utils.paths import ROOT, shown, whole_file

if TYPE_CHECKING:
    import keras

#: One's own is clearly worse if pure chance would give the other such a lead in fewer than one of twenty comparisons.
CHANCE = 0.05
#: So many images at most, in the order of ``labels.csv``; the 80 of the series come first.
IMAGES = 100


@dataclass(frozen=True)
class Comparison:
    """How two networks read the same images.

    Attributes
    ----------
    both, own, shipped, neither
        How many images are read right by both, by one's own network alone, by the shipped one alone, and by neither.
    """

    both: int
    own: int
    shipped: int
    neither: int

    @property
    def worse(self) -> bool:
        """Whether one's own network is clearly worse: McNemar's exact test, one-sided.

        Only images that one of the two reads and the other does not tell them apart. Were both equally good, each such
        image would fall to either like a coin; five of five that fall to the shipped one are less likely than 1 in 20.
        Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
        """
        apart = self.own + self.shipped
        return sum(math.comb(apart, heads) for heads in range(self.shipped, apart + 1)) / 2**apart < CHANCE

    def __str__(self) -> str:
        images = self.both + self.own + self.shipped + self.neither
        return (
            f"it reads {self.both + self.own} of the {images} images in digits/, "
            f"the shipped one {self.both + self.shipped}"
        )


@dataclass(frozen=True)
class Choice:
    """The network that reads if none is named.

    Attributes
    ----------
    path
        Its file.
    why
        A line for people: which it is and why.
    passed_over
        One's own network, if there is one that does not read.
    problem
        Why that one cannot be used, if so.
    """

    path: Path
    why: str
    passed_over: Path | None = None
    problem: DigitsError | None = None


def choose_model(kind: Kind = "cnn") -> Choice:
    """Choose the trained network that predictions use.

    Parameters
    ----------
    kind
        Which network.

    Returns
    -------
    Choice
        The newest that was trained here, unless its training was broken off, it learned from the sample alone, or it
        reads the images in ``digits/`` clearly worse than the shipped one, cannot be used, or cannot be compared; then,
        and if there is none, the shipped one.
    """
    own, shipped = newest_own(kind), shipped_models() / f"{kind}.keras"
    if own is None:
        return Choice(shipped, describe_model(shipped))
    try:
        score = compare(own, shipped)
    except _NotComparedError as error:
        reason = str(error).rstrip(".")
        if error.file == shipped:
            return Choice(own, f"{describe_model(own)}; not compared with the shipped one: {reason}")
        if error.file == own:
            return Choice(shipped, f"{describe_model(shipped)}; your own cannot read: {reason}", own, error)
        return Choice(shipped, f"{describe_model(shipped)}; your own was not compared with it: {reason}", own)
    if _broken_off(own):
        reason = "is of a training that was broken off"
    elif own.stem.endswith("-sample"):
        reason = "has learned from the sample alone"
    elif score.worse:
        reason = "is clearly worse"
    else:
        return Choice(own, f"{describe_model(own)}; {score}")
    return Choice(shipped, f"{describe_model(shipped)}; your own, {shown(own)}, {reason}: {score}", own)


def compare(own: Path, shipped: Path) -> Comparison:
    """Let two networks read the images that came with the series, or look up what came of it last time.

    Parameters
    ----------
    own, shipped
        The networks' files.

    Returns
    -------
    Comparison
        Measured with these files, these images and this reader.

    Raises
    ------
    DigitsError
        If there are no images to compare by, or a network cannot be used: ``file`` is then the network's.
    """
    labels = _labelled_images()
    key = _fingerprint([own, shipped, *labels], json.dumps(list(labels.values())))
    kept = own.with_suffix(".score.json")
    score = _read(kept, key)
    if score is None:
        score = _measure(own, shipped, labels)
        with suppress(DigitsError), whole_file(kept) as part:  # where it cannot be written, it is measured again
            part.write_text(json.dumps({"key": key, **asdict(score)}), encoding="utf-8")
    return score


def load_reader(kind: Kind = "cnn") -> "keras.Model":
    """Load the trained network that predictions use, and print a line that says which it is.

    Parameters
    ----------
    kind
        Which of the two.

    Returns
    -------
    keras.Model
        That of `choose_model`, as `load_model` gives it, which raises what there is to raise.
    """
    from utils.networks.store import load_model

    choice = choose_model(kind)
    model = load_model(choice.path)
    print(choice.why)
    return model


class _NotComparedError(DigitsError):
    """Two networks cannot be compared: the file that is at fault, if it is one of them."""

    def __init__(self, message: str, file: Path | None = None) -> None:
        super().__init__(message)
        self.file = file


def _labelled_images() -> dict[Path, str]:
    """Return the images that came with the series, without those that a learner has drawn or deleted."""
    from utils.reader import read_labels

    try:
        labels = read_labels(ROOT / "digits")
    except DigitsError as error:
        raise _NotComparedError(str(error)) from error
    found = [file for file in labels if "-mine" not in file.stem and os.path.isfile(file)][:IMAGES]
    if not found:
        raise _NotComparedError("the images that came with the series are no longer in digits/")
    return {file: labels[file] for file in found}


def _measure(own: Path, shipped: Path, labels: dict[Path, str]) -> Comparison:
    from utils.networks.store import load_model
    from utils.reader import Score, read_digits

    def read(path: Path) -> list[bool]:
        try:
            model = load_model(path)
        except DigitsError as error:
            raise _NotComparedError(str(error), path) from error
        return Score([read_digits(model, file) for file in labels], list(labels.values())).right

    pairs = list(zip(read(own), read(shipped), strict=True))
    return Comparison(*(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))))


def _read(kept: Path, key: str) -> Comparison | None:
    """Read what came of the last comparison; None if there was none, it was of other files, or it is damaged."""
    try:
        values = json.loads(kept.read_text(encoding="utf-8"))
        if values.pop("key") != key or not all(type(value) is int and value >= 0 for value in values.values()):
            return None
        return Comparison(**values)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _fingerprint(files: list[Path], labels: str) -> str:
    """Return what changes with any of the files, with a label, and with the reader."""
    total = hashlib.sha256(labels.encode())
    for file in [*files, *sorted((ROOT / "utils" / "reader").glob("*.py"))]:
        try:
            total.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise _NotComparedError(f"{shown(file)} cannot be read ({error.strerror})", file) from error
    return total.hexdigest()


def _broken_off(own: Path) -> bool:
    """Whether the state of an interrupted training lies beside a network, and was there when it was saved."""
    state = own.with_suffix(".state.npz")
    return os.path.isfile(state) and os.path.getmtime(state) <= os.path.getmtime(own)
