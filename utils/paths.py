"""Where the project's files are, on whatever machine and from whatever folder it is used."""

import glob
import gzip
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import DigitsError

#: Control characters, breaks of lines, marks that turn the direction of writing, and bytes that are not UTF-8.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ROOT = Path(__file__).resolve().parent.parent
#: The file that tells which command has made a folder of web pages. (GitHub Pages wants a file of this name, too.)
MARK = ".nojekyll"


def from_root(path: str | os.PathLike) -> Path:
    """Resolve a path that a setting gives.

    Parameters
    ----------
    path
        An absolute path, one that starts with ``~``, or one that counts from the project's root: a
        notebook runs in ``notebooks/`` and a command in the root, and both must mean the same file.

    Returns
    -------
    Path
        The absolute path, which need not exist.

    Raises
    ------
    DigitsError
        If it starts with the ``~`` of a user that there is not.
    """
    try:
        return ROOT / Path(path).expanduser()
    except RuntimeError as error:
        raise DigitsError(f"{path} names the home of a user that does not exist: write the path in full.") from error


def shown(path: str | os.PathLike) -> str:
    """Write a path the way a reader wants it: from the project's root or from ``~`` where it lies in them.

    Parameters
    ----------
    path
        Any path.

    Returns
    -------
    str
        For example ``models/cnn.keras`` or ``~/.keras/datasets/mnist.npz``, with forward slashes; always `printable`.
    """
    full = Path(os.path.abspath(path))
    home = Path(os.path.expanduser("~"))  # never fails, unlike Path.home
    for base, prefix in ((ROOT, ""), (home, "~/")):
        if full != base and base != Path(base.anchor) and full.is_relative_to(base):
            return prefix + printable(full.relative_to(base).as_posix())
    return printable(full.as_posix())


def printable(text: str) -> str:
    r"""Write text from outside, such as a file's name, so that it cannot command the terminal or break a line.

    Parameters
    ----------
    text
        Any text, also with bytes that are not UTF-8, as names on Linux may have.

    Returns
    -------
    str
        The same, with ``\x1b`` and the like for what steers a terminal, turns the direction of writing, or is no text.
    """
    return _UNSEEN.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


#: What files begin with that are often taken for something else. (Upper case counts as lower case.)
_BEGINNINGS = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "only git LFS's note about the file (git lfs pull fetches the file itself)",
    b"\x89hdf\r\n\x1a\n": "an HDF5 file",
    b"par1": "a Parquet file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, to be unpacked first",
    b"rar!": "a RAR archive, to be unpacked first",
    b"%pdf": "a PDF file",
    b"\x89png": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x80": "a Python pickle, which could run code and is never opened",
}


def guess_kind(path: str | os.PathLike) -> str | None:
    """Say what a file is that cannot be read as what it should be, from what it begins with.

    Parameters
    ----------
    path
        A file, of any kind.

    Returns
    -------
    str or None
        For example "a web page" or "empty", to stand behind "is"; None if there is nothing more helpful to say than
        that it is damaged.
    """
    try:
        with open(path, "rb") as file:
            begin = file.read(4096)
            if begin[:2] == b"\x1f\x8b":
                file.seek(0)
                with suppress(OSError, EOFError, zlib.error), gzip.open(file) as unzipped:
                    begin = unzipped.read(4096)
    except OSError:
        return None
    if not begin:
        return "empty"
    stripped = begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, kind in _BEGINNINGS.items():
        if stripped.startswith(start):
            return kind
    try:
        text = begin.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 3:  # not merely a character that is cut in two
            return None
        text = begin[: error.start].decode("utf-8-sig")
    if not all(character.isprintable() or character.isspace() for character in text):
        return None
    first = text.strip().partition("\n")[0]
    return "a table of text (CSV)" if first.count(",") + first.count(";") + first.count("\t") > 2 else "a text file"


def check_writable(path: str | os.PathLike) -> None:
    """Make the folder of a file that will be written, and see that it can be written to.

    Parameters
    ----------
    path
        The file that is to be written later.

    Raises
    ------
    DigitsError
        If the folder cannot be made, or a file in it cannot be written.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise DigitsError(f"{shown(path)} is a folder: name the file to write.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = _beside(path)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DigitsError(
            f"{shown(path)} cannot be written ({error.strerror}): make its folder writable or name another."
        ) from error


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file whole or not at all.

    Parameters
    ----------
    path
        The file to write. Its folder is made if it is not there.

    Yields
    ------
    Path
        A file beside it, with the same suffix, to write to. It takes the place of ``path`` when the block
        ends, and is deleted if the block fails.

    Raises
    ------
    DigitsError
        If it cannot be written.
    """
    path = Path(path)
    check_writable(path)
    part = _beside(path)
    try:
        yield part
        os.replace(part, path)
    except PermissionError as error:
        raise DigitsError(
            f"{shown(path)} was not written ({error.strerror}): close it elsewhere, and see that you may write it."
        ) from error
    except OSError as error:
        raise DigitsError(f"{shown(path)} was not written ({error.strerror or error}): is the disk full?") from error
    finally:
        part.unlink(missing_ok=True)


def clear_leftovers(path: str | os.PathLike) -> None:
    """Delete what was left when a process was killed while it wrote a file with `whole_file`.

    Parameters
    ----------
    path
        The file that was to be written. Nobody may be writing it now.
    """
    path = Path(path)
    for part in path.parent.glob(f".{glob.escape(path.stem)}.{'[0-9a-f]' * 8}{glob.escape(path.suffix)}"):
        with suppress(OSError):
            part.unlink()


@contextmanager
def whole_folder(folder: str | os.PathLike, command: str) -> Iterator[Path]:
    """Write a folder of web pages whole or not at all.

    Parameters
    ----------
    folder
        Where to; it must not exist yet, be empty, or have been made by the same command.
    command
        The command that makes it, as it is typed.

    Yields
    ------
    Path
        A new folder beside it, to write to. It takes the place of ``folder`` when the block ends, and is deleted if the
        block fails.

    Raises
    ------
    DigitsError
        If the folder holds something else, or cannot be written.
    """
    folder = Path(os.path.realpath(folder))  # what a link leads to is replaced, and not the link
    if os.path.lexists(folder) and not _may_be_replaced(folder, command):
        raise DigitsError(f"{shown(folder)} is there already, and is not made by {command}: name a new folder.")
    part, old = (folder.with_name(f".{folder.name}.{end}") for end in ("part", "old"))
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        (part / MARK).write_text(f"{command}\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        part.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise DigitsError(
            f"{shown(folder)} cannot be written ({error.strerror or error}): is there room, and may you?"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _may_be_replaced(folder: Path, command: str) -> bool:
    """Say whether a folder is empty, or one that this command has made."""
    if not folder.is_dir():
        return False
    mark = folder / MARK
    ours = mark.is_file() and mark.read_text(encoding="utf-8", errors="replace").startswith(command)
    return ours or not any(folder.iterdir())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
