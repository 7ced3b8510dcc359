"""How many of the ten digits each method has read correctly, from notebook to notebook."""

import json
import os
import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from utils.errors import DigitsError
from utils.lesson.drawings import SHIPPED, ten_folder
from utils.lesson.ten import Ten, latest_ten
from utils.paths import whole_file
from utils.plots import RED, show_image

#: The environment variable with which ``notebooks/store_outputs.py`` lets a notebook change the scores of the series.
STORE = "STORE_SCORES"

# What could not be written to a file, for as long as the kernel runs.
_unwritten: dict[Path, dict] = {}


def show_ten(images: np.ndarray, predicted: np.ndarray) -> Figure:
    """Draw the ten digits, and below each what it was read as.

    Parameters
    ----------
    images : (10, H, W) array
        Of 0 to 9; uint8, or floats in [0, 1]. The paper may be light or dark.
    predicted : (10,) array
        What each was read as.

    Returns
    -------
    Figure
        The title says how many are right; misread digits are framed in red, with a cross.
    """
    predicted = _check(predicted)
    figure = Figure(figsize=(12, 2.1), layout="constrained")
    for digit, axes in enumerate(figure.subplots(1, 10)):
        image = np.asarray(images[digit])
        white = 255 if image.dtype == np.uint8 else 1
        show_image(axes, white - image if np.median(image) > white / 2 else image)
        right = predicted[digit] == digit
        axes.set_xlabel(f"{'✓' if right else '✗'} {predicted[digit]}", fontsize=17, color="black" if right else RED)
        if not right:
            axes.spines[:].set(color=RED, linewidth=3)
    right = np.sum(predicted == np.arange(10))
    figure.suptitle(f"{right} of the ten {'is' if right == 1 else 'are'} read correctly")
    return figure


def keep_score(notebook: str, predicted: np.ndarray) -> None:
    """Count how many of the ten digits are read correctly, keep the count, and print it with those before.

    Parameters
    ----------
    notebook
        The number of the notebook, such as ``"01"``. The line goes no further than this one.
    predicted : (10,) array
        What each digit that `load_ten` returned was read as.
    """
    predicted, ten = _check(predicted), latest_ten()
    if not re.fullmatch(r"\d\d", notebook):
        raise DigitsError(f"{notebook!r} is no number of a notebook: write two digits, such as 01.")
    path = (ten_folder() if ten.own else SHIPPED) / "scores.json"
    scores = _read(path, ten)
    scores[notebook] = int(np.sum(predicted == ten.labels))
    if ten.own or os.environ.get(STORE):
        _write(path, ten, scores)
    first, *others = sorted(name for name in scores if name <= notebook)
    line = [f"{scores[first]} (notebook {first})", *(f"{scores[name]} ({name})" for name in others)]
    print(f"Read correctly of the ten: {' · '.join(line)}")


def _check(predicted: np.ndarray) -> np.ndarray:
    predicted = np.asarray(predicted)
    if predicted.shape == (10, 10):
        raise DigitsError("predicted has the shape (10, 10): give the ten digits, predicted.argmax(axis=1).")
    if predicted.shape != (10,):
        raise DigitsError(f"predicted has the shape {predicted.shape}: give ten digits, one for each image.")
    return predicted.astype(int)


def _read(path: Path, ten: Ten) -> dict[str, int]:
    """Read the scores of exactly these drawings; what others have scored, or a broken file, counts as none."""
    kept = _unwritten.get(path)
    if kept is None:
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
    if not isinstance(kept, dict) or kept.get("drawings") != ten.fingerprint or not isinstance(kept.get("right"), dict):
        return {}
    return {
        name: right
        for name, right in kept["right"].items()
        if re.fullmatch(r"\d\d", name) and type(right) is int and 0 <= right <= 10
    }


def _write(path: Path, ten: Ten, scores: dict[str, int]) -> None:
    kept = {"drawings": ten.fingerprint, "right": dict(sorted(scores.items()))}
    try:
        with whole_file(path) as part:
            part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8", newline="\n")
    except DigitsError:
        _unwritten[path] = kept  # the pads have said that the folder cannot be written to
    else:
        _unwritten.pop(path, None)
