"""Tell the series' own files from what people have made here; what they have drawn is theirs, and can be deleted."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import nbformat

from utils.errors import DigitsError
from utils.lesson import ten_folder
from utils.paths import shown
from utils.reader import digits_folder, named_images, remove_labels

#: What stands in the series' ``digits/`` beside its images.
BESIDE = ("README.md", "labels.csv", "make_digits.py", "make_ten.py")


def find_own() -> list[Path]:
    """Find the files that hold what was drawn here.

    Returns
    -------
    list of Path
        The ten digits of notebook 01 with their scores, and the images that the pads have saved among `digits_folder`,
        with ``labels-mine.csv``, which says what they show.
        Not what JupyterLab has stored in a notebook's outputs, nor a network that has learned from corrections.
    """
    ten, saved = ten_folder(), digits_folder()
    names = [ten / f"{digit}.png" for digit in range(10)] + [ten / "scores.json"]
    return [path for path in names if path.is_file()] + sorted(
        path for path in saved.rglob("*-mine*") if path.is_file()
    )


def series_names(folder: str | os.PathLike) -> set[str]:
    """Say what in a folder of digits is the series' own: the images that its ``labels.csv`` names, and `BESIDE`.

    Parameters
    ----------
    folder
        The folder, with a ``labels.csv`` or without.

    Returns
    -------
    set of str
        Names, of which not each need be there.

    Raises
    ------
    DigitsError
        If the table cannot be read.
    """
    return named_images(folder) | set(BESIDE)


def series_notebooks(folder: Path) -> list[Path]:
    """Find the notebooks of the series, in their order.

    Parameters
    ----------
    folder
        Where they are.

    Returns
    -------
    list of Path
        Those with two digits and words in small letters for a name: not the copies that JupyterLab and others make
        (``…-Copy1.ipynb``, ``… (2).ipynb``), nor what somebody has named ``…-mine.ipynb``.
    """
    found = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    return [path for path in found if re.fullmatch(r"\d\d(-[a-z]+)+(?<!-mine)", path.stem)]


def read_notebook(
    path: Path, make: Callable[[nbformat.NotebookNode], nbformat.NotebookNode]
) -> tuple[str, nbformat.NotebookNode]:
    """Read a notebook of the series and make something of it.

    Parameters
    ----------
    path
        The notebook.
    make
        What is made of it, such as an edition.

    Returns
    -------
    title : str
        Its first line.
    made : nbformat.NotebookNode
        What was made.

    Raises
    ------
    DigitsError
        If it is damaged, or was changed so that it cannot be made.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        title = notebook.cells[0].source.split("\n", 1)[0].strip("# ")
        return title, make(notebook)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, nbformat.ValidationError) as error:
        reason = (str(error.args[0] if error.args else error).splitlines() or [type(error).__name__])[0]
        raise DigitsError(
            f"{shown(path)} cannot be made into this edition ({reason[:200]}): take the series' own, or mend it."
        ) from error


def find_added(folder: str | os.PathLike | None = None) -> list[Path]:
    """Find what somebody has put among the digits under a name of their own, such as photos of a class.

    Parameters
    ----------
    folder
        Where; `digits_folder` if None.

    Returns
    -------
    list of Path
        Files and folders beside what is the series' own, in the order of their names; without what a pad has saved.
    """
    folder = digits_folder() if folder is None else Path(folder)
    known = series_names(folder)
    return sorted(
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name not in known and not path.name.startswith((".", "__")) and _holds_added(path)
    )


def _holds_added(path: Path) -> bool:
    files = path.rglob("*") if path.is_dir() else [path]
    return any(file.is_file() and "-mine" not in file.name for file in files)


def forget(paths: Iterable[Path]) -> None:
    """Delete files that `find_own` has found, and what rows ``labels.csv`` may have for them.

    Parameters
    ----------
    paths
        The files.

    Raises
    ------
    DigitsError
        If the table cannot be read, or a file cannot be deleted. Those before it are, with their rows.
    """
    named_images(digits_folder())  # a table that cannot be read is told before anything is gone
    gone = set()
    try:
        for path in paths:
            path.unlink()
            gone.add(path.name)
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be deleted ({error.strerror}): check its permissions.") from error
    finally:
        remove_labels(digits_folder(), gone)
    with suppress(OSError):
        ten_folder().rmdir()  # if nothing else is in it
