"""What a room without a connection needs besides the notebooks: the packages, MNIST, and the website."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from utils.errors import DigitsError
from utils.mnist import load_mnist

#: The data, as Keras keeps them.
MNIST = "mnist.npz"
#: The packages, for the system and the Python that write them.
WHEELS = "wheels"


def add_packages(folder: Path, requirements: Sequence[str]) -> None:
    """Put packages into ``wheels/``, with all that they need: about 1 GB.

    Parameters
    ----------
    folder
        Where to.
    requirements
        The files in it that name the packages, such as ``requirements.txt``.

    Raises
    ------
    DigitsError
        If pip cannot get one; its own last line says which.
    """
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    ran = subprocess.run(
        [*command, "--wheel-dir", folder / WHEELS, *(f"--requirement={folder / name}" for name in requirements)],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.strip()]
        if said and "No module named pip" in said[-1]:
            raise DigitsError(
                "This Python has no pip, which gets the packages: run python -m ensurepip, then try again."
            )
        lines = [line for line in said if "ERROR" in line] or said or ["it says nothing"]
        raise DigitsError(
            f"pip could not get the packages ({lines[-1].strip()}): connect this computer, then try again."
        )


def add_mnist(folder: Path) -> None:
    """Write all of MNIST into a folder, as Keras's ``mnist.npz``.

    Parameters
    ----------
    folder
        Where to.

    Raises
    ------
    DigitsError
        If this computer has only the sample.
    """
    mnist = load_mnist()
    if not mnist.complete:
        raise DigitsError("All of MNIST is not on this computer: connect it, or set MNIST_PATH, then try again.")
    np.savez_compressed(
        folder / MNIST, x_train=mnist.x_train, y_train=mnist.y_train, x_test=mnist.x_test, y_test=mnist.y_test
    )
