"""Write the folder that a class gets: the notebooks in an edition, what they need, and a page to start from."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from string import Template

import nbformat

from utils.errors import DigitsError
from utils.paths import ROOT, shown
from utils.reader import remove_labels
from utils.teaching.editions import for_grading, for_students, for_teacher
from utils.teaching.offline import MNIST, WHEELS, add_mnist, add_packages
from utils.teaching.own import read_notebook, series_names, series_notebooks
from utils.teaching.site import write_site

#: For whom, and what is made of a notebook.
EDITIONS: dict[str, Callable[[nbformat.NotebookNode], nbformat.NotebookNode]] = {
    "students": for_students,
    "teacher": for_teacher,
    "nbgrader": for_grading,
}
#: What the notebooks need, and what runs them. Tests and the tools of maintainers stay behind.
TAKEN = (
    "digits",
    "models",
    "notebooks",
    "utils",
    "requirements.txt",
    "requirements-nbgrader.txt",
    "environment.yml",
    "LICENSE",
    ".gitignore",
)
#: The files that name the packages of an edition.
REQUIREMENTS = {
    "students": ("requirements.txt",),
    "nbgrader": ("requirements.txt", "requirements-nbgrader.txt"),
}
#: What a teacher gets besides.
FOR_THE_TEACHER = ("teaching", "README.md")
#: A link of a page, without its place in the page that it leads to.
LINK = re.compile(r"(?<!!)\[([^]]*)\]\(([^)#\s]+)[^)]*\)")
#: What the page to start from says of data that lie in the folder.
DATA = """    export MNIST_PATH={0}

On Windows, in place of that line: `$env:MNIST_PATH = "{0}"` in PowerShell, `set MNIST_PATH={0}` in the Command
Prompt. Then

"""
#: What belongs to whoever works here, or is made anew.
LEFT = shutil.ignore_patterns(
    "*-mine*",
    "learned",
    "__pycache__",
    "node_modules",
    ".*",
    "*.ipynb",
    "store_outputs.py",
    "draw_openings.py",
    "ruff.toml",
)


def write_handout(folder: str | os.PathLike, edition: str = "students", offline: bool = False) -> list[Path]:
    """Write a folder to give away.

    Parameters
    ----------
    folder
        Where to; it must not exist yet, or be empty.
    edition
        One of `EDITIONS`.
    offline
        Whether to add what a room without a connection needs: the packages and MNIST; for the teacher the website of
        the series, too, which holds all solutions.

    Returns
    -------
    list of Path
        The notebooks in it.

    Raises
    ------
    DigitsError
        If there is something in the folder already, it lies within the project's own folders, it cannot be written, or
        the packages or the data cannot be got, or a notebook was changed so that no edition can be made of it.
    """
    folder = Path(folder).absolute()
    if not folder.name or os.path.ismount(folder):
        raise DigitsError(f"{shown(folder)} is a whole disk: name a new folder on it.")
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise DigitsError(f"{shown(folder)} is there already: name a new folder, or delete it first.")
    if any(folder.is_relative_to(ROOT / name) for name in (*TAKEN, *FOR_THE_TEACHER)):
        raise DigitsError(f"{shown(folder)} is inside of what is handed out: name a folder beside it.")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    try:
        written = _write_all(part, edition, offline)
        if offline and edition == "teacher":
            write_site(part / "site")
        if offline:
            add_mnist(part)
            add_packages(part, REQUIREMENTS.get(edition, REQUIREMENTS["students"]))
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise DigitsError(
            f"{shown(folder)} cannot be written ({error.strerror or _first(error)}): is there room, and may you?"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [folder / path.relative_to(part) for path in written]


def _write_all(part: Path, edition: str, offline: bool) -> list[Path]:
    """Write everything into a folder that is not looked at before it is whole."""
    for name in (*TAKEN, *(FOR_THE_TEACHER if edition == "teacher" else ())):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, part / name, ignore=_leave)
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, part / name)
    own = {path.name for path in (ROOT / "digits").rglob("*-mine*")}
    remove_labels(part / "digits", own)  # their images are not handed out
    written, listed = [], []
    for path in series_notebooks(ROOT / "notebooks"):
        title, made = read_notebook(path, EDITIONS[edition])
        written.append(_place(part, path, edition))
        listed.append(f"{len(written)}. [{title}]({written[-1].relative_to(part).as_posix()})")
        nbformat.write(made, written[-1])
    page = Template(Path(__file__).with_name(f"start-{edition}.md").read_text(encoding="utf-8"))
    install, data = (f" --no-index --find-links {WHEELS}", MNIST) if offline else ("", "")
    start = page.substitute(notebooks="\n".join(listed), options=install, data=DATA.format(data) if data else "")
    (part / "START.md").write_text(start, encoding="utf-8")
    for page in [part / "README.md", part / "utils" / "README.md", *(part / "teaching").rglob("*.md")]:
        if page.is_file():
            page.write_text(_without_dead_ends(page), encoding="utf-8")
    return written


def _first(error: OSError) -> str:
    """Say the first reason of an error of `shutil.copytree`, which holds a list of them."""
    return error.args[0][0][2] if isinstance(error.args[0], list) else str(error)


def _leave(folder: str, names: list[str]) -> set[str]:
    """Say what of a folder is not handed out; of ``digits/``, whatever is not the series' own."""
    left, digits = LEFT(folder, names), ROOT / "digits"
    return left | (set(names) - series_names(digits)) if Path(folder) == digits else left


def _without_dead_ends(page: Path) -> str:
    """Return a page's text, in which what stays behind is named, and is no link."""

    def told(link: re.Match[str]) -> str:
        text, target = link.groups()
        there = re.match("[a-z]+:", target) or (page.parent / target).exists()
        return link[0] if there else f"{text} (in the whole project)"

    return LINK.sub(told, page.read_text(encoding="utf-8"))


def _place(part: Path, notebook: Path, edition: str) -> Path:
    """Say where a notebook goes. For nbgrader each is an assignment, with its pictures beside it."""
    if edition != "nbgrader":
        return part / "notebooks" / notebook.name
    assignment = part / "source" / notebook.stem
    (assignment / "images").mkdir(parents=True)
    for picture in (ROOT / "notebooks" / "images").glob(f"{notebook.name[:2]}-*"):
        shutil.copy2(picture, assignment / "images")
    return assignment / notebook.name
