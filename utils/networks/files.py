"""Where the trained networks are. Nothing in here loads TensorFlow."""

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


def newest_own(kind: Kind = "cnn") -> Path | None:
    """Return the file of the newest network that was trained here.

    Parameters
    ----------
    kind
        Which network.

    Returns
    -------
    Path or None
        For example ``models/learned/cnn-mnist.keras``; None if there is none.
    """
    own = [path for path in learned_models().glob(f"{kind}-*.keras") if os.path.isfile(path)]
    return max(own, key=os.path.getmtime, default=None)


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
