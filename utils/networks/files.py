"""Where the trained networks are, and which of them is used. Nothing in here loads TensorFlow."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from utils.paths import ROOT, from_root, shown

if TYPE_CHECKING:
    from utils.mnist import Mnist

#: The two networks: the dense one and the convolutional one.
Kind = Literal["mlp", "cnn"]


def shipped_models() -> Path:
    """Return the folder of the trained networks that come with the project."""
    return ROOT / "models"


def learned_models() -> Path:
    """Return the folder for networks trained here: ``LEARNED_PATH`` if it is set, ``models/learned/`` otherwise."""
    return from_root(os.environ.get("LEARNED_PATH") or "models/learned")


def model_in_use(kind: Kind = "cnn") -> Path:
    """Return the file of the trained network that predictions use.

    Parameters
    ----------
    kind
        Which network.

    Returns
    -------
    Path
        The newest that was trained here, if there is one, and otherwise the shipped one.
    """
    learned = [path for path in learned_models().glob(f"{kind}-*.keras") if not path.name.startswith(".")]
    return max(learned, key=lambda path: path.stat().st_mtime, default=shipped_models() / f"{kind}.keras")


def learned_path(kind: Kind, mnist: "Mnist") -> Path:
    """Return the file for a network that is trained here.

    Parameters
    ----------
    kind
        Which network.
    mnist
        What it is trained on. The name says so, since a network must not be evaluated on images it has seen.

    Returns
    -------
    Path
        For example ``models/learned/cnn-mnist.keras`` or ``…/cnn-sample.keras``.
    """
    return learned_models() / f"{kind}-{'mnist' if mnist.complete else 'sample'}.keras"


def describe_model(path: str | os.PathLike) -> str:
    """Say which network a file holds, in a line for people.

    Parameters
    ----------
    path
        A model's file.

    Returns
    -------
    str
        For example ``Model: models/cnn.keras (shipped with the series)``.
    """
    path = Path(path)
    if path.resolve().parent == learned_models().resolve():
        return f"Model: {shown(path)} (your own; delete the file to return to the shipped one)"
    if path.resolve().parent == shipped_models():
        return f"Model: {shown(path)} (shipped with the series)"
    return f"Model: {shown(path)}"
