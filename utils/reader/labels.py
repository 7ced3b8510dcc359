"""What a person reads in the images of a folder: ``labels.csv``, as people and their spreadsheets write it."""

import csv
import io
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from utils.errors import DigitsError
from utils.paths import printable, shown, whole_file
from utils.reader.images import is_image

LABELS = "labels.csv"
#: What was drawn here stands in a table of its own, beside the drawings. Git ignores it as it ignores them: nobody's
#: labels are published, and an update of ``labels.csv`` meets no changes.
OWN_LABELS = "labels-mine.csv"
#: One line of a label; spreadsheets turn a number into one with one or two decimals. (Three zeros are thousands.)
_NUMBER = re.compile(r"([0-9]+)([.,]0{1,2})?")
#: What they turn lines such as 1/2/2026 into, or what was one from the start.
_DATE = re.compile(r"\s*[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\s*")
#: How a table is written, by the mark at its start.
_CODECS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8", b"": "utf-8"}
#: No table of labels is larger, in bytes.
LARGEST = 20_000_000


@dataclass(frozen=True)
class Labels:
    """What a person reads in the images of a folder, and where ``labels.csv`` and the images do not agree.

    Attributes
    ----------
    of
        The label of each image, in the order of the file: digits, with a line break between two lines; empty if there
        is nothing to read.
    no_number
        Labels that are not made of digits, as they are written, by their image.
    missing
        What is named, but is not in the folder.
    unlabelled
        Images in the folder that are not named.
    """

    of: dict[Path, str] = field(default_factory=dict)
    no_number: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)


def read_labels(folder: str | os.PathLike) -> dict[Path, str]:
    """Read what a person sees in the images of a folder: `find_labels`, for those images that are there."""
    return find_labels(folder).of


def find_labels(folder: str | os.PathLike) -> Labels:
    """Read the ``labels.csv`` of a folder and each ``labels-mine.csv`` in it, and compare them with the images.

    Parameters
    ----------
    folder
        A folder with a ``labels.csv`` in it or in the folder above, whose columns ``file`` and ``label`` name an image
        and its digits: from left to right, with a line break or a ``/`` between two lines. The images may lie in
        folders below. Columns may be parted by a comma, a semicolon or a tab. What the drawing pads have saved stands
        in a ``labels-mine.csv`` beside the drawings, here or in a folder below; if there is one, ``labels.csv`` may be
        missing.

    Returns
    -------
    Labels
        If ``labels.csv`` lies above the folder, only of the images in the folder.

    Raises
    ------
    DigitsError
        If there is no table, or one cannot be read or lacks the columns, or there is no row, or an image is named
        twice, or in a way that could mean several.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        kind = "is a file: name its folder" if os.path.exists(folder) else "does not exist: check the name"
        raise DigitsError(f"{shown(folder)} {kind}.")
    below: dict[str, list[Path]] = defaultdict(list)
    for place, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            below[file].append(Path(place) / file)
    table, own = _find_table(folder), [_read_table(path) for path in below[OWN_LABELS]]
    if table is None and not own:
        raise DigitsError(
            f"{shown(folder)} has no {LABELS}: write one with the columns file and label, a row an image."
        )
    labels, named = Labels(), set()
    if table is not None:
        _add_rows(labels, named, table, folder, below)
    for one in own:
        _add_rows(labels, named, one, one.path.parent, {})
    if not named and not labels.missing:
        path = (table or own[0]).path
        raise DigitsError(f"{shown(path)} has no row for an image of {shown(folder)}: add one for each.")
    there = sorted(file for files in below.values() for file in files if is_image(file.relative_to(folder)))
    labels.unlabelled.extend(str(file) for file in there if file not in named)
    return labels


def _add_rows(labels: Labels, named: set[Path], table: "_Table", folder: Path, below: Mapping[str, list[Path]]) -> None:
    """Take the rows of a table, as seen from a folder, into the labels, and what they name into the images named."""
    for row in table.rows:
        values = dict(zip(table.names, row, strict=False))
        name, text = values.get("file", "").strip(), values.get("label")
        if not name:
            if text and text.strip():
                labels.missing.append(f"(no file is named for {text.strip()})")
            continue
        file = _find_file(name, folder, table.path, below)
        if (file or folder / name) in named:
            also = f", or {LABELS} names it, too" if table.path.name == OWN_LABELS else ""
            raise DigitsError(f"{shown(table.path)} names {printable(name)} twice{also}: leave one row out.")
        if file is None and table.path.parent != folder:
            continue  # of another folder
        named.add(file or folder / name)
        if file is None:
            labels.missing.append(name)
            continue
        label = None if text is None else _clean_label(text)
        if label is None:
            labels.no_number[str(file)] = (text or "").strip()
        else:
            labels.of[file] = label


def _find_file(name: str, folder: Path, table: Path, below: Mapping[str, list[Path]]) -> Path | None:
    """Find the image in the folder that a row means: by its path, or by its name alone in the folders below.

    Nothing outside is looked at: a path that leads there, of another computer perhaps, counts by its name.
    """
    here, above = Path(os.path.realpath(folder)), Path(os.path.realpath(table.parent))
    for path in (name, name.replace("\\", "/")):
        for base in (here, above):
            file = Path(os.path.normpath(base / path))
            if os.path.isfile(file) and file.is_relative_to(here):
                return folder / file.relative_to(here)
            if os.path.isfile(file) and base != here and not os.path.isabs(path):
                return None  # of another folder
    found = below.get(re.split(r"[/\\]", name)[-1], [])
    if len(found) > 1:
        raise DigitsError(
            f"{shown(table)} names {printable(name)}, which is in several folders: write the folder before it."
        )
    return found[0] if found else None


def _clean_label(text: str) -> str | None:
    """Write a label as a reading's text is written, or return None if it is none."""
    if _DATE.fullmatch(text):
        return None
    lines = [re.sub(r"\s", "", line) for line in re.split(r"[/\r\n]", text)]
    numbers = [_NUMBER.fullmatch(line) for line in lines if line]
    return "\n".join(number[1] for number in numbers) if all(numbers) else None


def add_labelled(folder: str | os.PathLike, data: bytes, suffix: str, label: str) -> Path:
    """Put an image into a folder, and what it shows into the ``labels-mine.csv`` there.

    Parameters
    ----------
    folder
        The folder.
    data
        The image file's content.
    suffix
        What the file's name shall end in, such as ``.png``.
    label
        The digits in it, with a line break between two lines.

    Returns
    -------
    Path
        The new file, for example ``7-mine.png``, or ``7-mine-2.png`` if that is taken.

    Raises
    ------
    DigitsError
        If the label is not made of digits, a table cannot be read, or a file cannot be written.
    """
    folder = Path(folder)
    lines = label.split()
    if not lines or not all(line.isascii() and line.isdigit() for line in lines):
        raise DigitsError(f"{label!r} is no label: type the digits that the image shows, a space between two lines.")
    own, given = folder / OWN_LABELS, _find_table(folder)
    table = _read_table(own) if os.path.lexists(own) else _Table(own, "file,label\n", ",", ["file", "label"], [])
    taken = {Path(value).name for one in (table, given) if one is not None for row in one.rows for value in row}
    stem = "_".join(lines)[:80] + "-mine"
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem}-{number}{suffix}" for number in itertools.count(2)))
    path = folder / next(name for name in names if name not in taken and not (folder / name).exists())
    values = {"file": path.name, "label": "\n".join(lines)}
    row = io.StringIO()
    csv.writer(row, delimiter=table.delimiter, lineterminator="\n").writerow(
        values.get(name, "") for name in table.names
    )
    with whole_file(path) as part:
        part.write_bytes(data)
    try:
        with whole_file(table.path) as part:
            text = table.text + ("" if table.text.endswith("\n") else "\n") + row.getvalue()
            part.write_text(text, encoding="utf-8", newline="")
    except DigitsError:
        path.unlink()  # an image without its label would be a riddle
        raise
    return path


def named_images(folder: str | os.PathLike) -> set[str]:
    """Say which images the ``labels.csv`` of a folder names, whether they are there or not.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    set of str
        Their names, without folders; empty if there is no such table.

    Raises
    ------
    DigitsError
        If the table cannot be read.
    """
    path = Path(folder, LABELS)
    if not os.path.lexists(path):
        return set()
    table = _read_table(path)
    return {_named(row, table.names) for row in table.rows} - {""}


def remove_labels(folder: str | os.PathLike, names: Iterable[str]) -> None:
    """Take the rows of some images out of a folder's ``labels.csv``; every other line stays as it is, byte for byte.

    Parameters
    ----------
    folder
        The folder; without such a table, nothing is done.
    names
        The images' names, without their folders.

    Raises
    ------
    DigitsError
        If the table cannot be read or written.
    """
    path, names = Path(folder, LABELS), set(names)
    if not names & named_images(folder):
        return
    table, data = _read_table(path), path.read_bytes()
    mark = next(each for each in _CODECS if data.startswith(each))
    lines = list(io.StringIO(table.text, newline=""))  # with their ends
    kept, begin = [], 0
    reader = csv.reader(lines, delimiter=table.delimiter)
    for row in reader:
        if _named(row, table.names) not in names:
            kept += lines[begin : reader.line_num]
        begin = reader.line_num
    with whole_file(path) as part:
        part.write_bytes(mark + "".join(kept).encode(_CODECS[mark]))


def _named(row: list[str], names: list[str]) -> str:
    """Return the name of the image, without its folder, that a row is about."""
    return dict(zip(names, row, strict=False)).get("file", "").strip().replace("\\", "/").rpartition("/")[2]


class _Table(NamedTuple):
    """A table of labels: its text as it is, and its columns' names and rows."""

    path: Path
    text: str
    delimiter: str
    names: list[str]
    rows: list[list[str]]


def _find_table(folder: Path) -> _Table | None:
    """Read the ``labels.csv`` in a folder, or in the folder above; None if there is none."""
    above = folder.resolve().parent
    path = next((place / LABELS for place in (folder, above) if os.path.lexists(place / LABELS)), None)
    return None if path is None else _read_table(path)


def _read_table(path: Path) -> _Table:
    """Read one table of labels."""
    if not os.path.isfile(path):  # opening a pipe or a device might never end
        raise DigitsError(f"{shown(path)} is not a file: write one with the columns file and label.")
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise DigitsError(f"{shown(path)} is larger than {LARGEST // 10**6} MB: is it a table of labels?")
        # Excel marks UTF-16, and spreadsheets put a mark before UTF-8.
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DigitsError(f"{shown(path)} is not in UTF-8: save it as CSV in UTF-8.") from error
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): check its permissions.") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    told = re.fullmatch(r"sep=(.)", first.strip('" \r\n'), re.IGNORECASE)  # Excel's word to itself
    header = first if told is None else next((line for line in text.splitlines() if "file" in line.lower()), "")
    delimiter = told[1] if told else max(",;\t", key=header.count)
    rows = [row for row in _read_rows(path, text, delimiter) if any(map(str.strip, row))]
    names = [name.strip().lower() for name in next(iter(rows[bool(told) :]), [])]
    if not {"file", "label"} <= set(names):
        raise DigitsError(f"{shown(path)} has no columns file and label: name them so in its first line.")
    return _Table(path, text, delimiter, names, rows[1 + bool(told) :])


def _read_rows(path: Path, text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield row
            line = reader.line_num + 1
    except csv.Error as error:
        raise DigitsError(
            f"{shown(path)} cannot be read from line {line} on ({error}): is a quotation mark open there?"
        ) from error
