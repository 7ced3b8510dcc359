"""How well a folder of labelled images is read."""

import csv
import io
import itertools
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from utils.errors import DigitsError
from utils.paths import shown, whole_file
from utils.reader.reading import Reading

LABELS = "labels.csv"


def read_labels(folder: str | os.PathLike) -> dict[Path, str]:
    """Read what a person sees in the images of a folder.

    Parameters
    ----------
    folder
        A folder with a ``labels.csv`` in it or in the folder above, whose columns ``file`` and ``label`` name an image
        and its digits: from left to right, with a line break between two lines. The images may lie in folders below.
        Columns may be parted by a comma, a semicolon or a tab.

    Returns
    -------
    dict of Path to str
        The label of each image, in the order of the file. If the file lies above the folder, only of the images in
        the folder.

    Raises
    ------
    DigitsError
        If there is no ``labels.csv``, or it lacks the columns or a row, or names an image twice, or in a way that
        could mean several.
    """
    folder = Path(folder)
    table = _read_table(folder)
    if table is None:
        raise DigitsError(
            f"{shown(folder)} has no {LABELS}: write one with the columns file and label, a row an image."
        )
    path, names, rows = table.path, table.names, table.rows
    below: dict[str, list[Path]] = {}
    for place, _, files in os.walk(folder):
        for file in files:
            below.setdefault(file, []).append(Path(place) / file)
    labels: dict[Path, str] = {}
    for row in rows:
        values = dict(zip(names, row, strict=False))
        name = values.get("file", "").strip()
        if not name:
            continue
        found = [folder / name] if os.path.isfile(folder / name) else below.get(Path(name).name, [])
        if not found and path.parent != folder:
            continue  # of another folder
        if len(found) > 1:
            raise DigitsError(f"{shown(path)} names {name}, which is in several folders: write the folder before it.")
        file = found[0] if found else folder / name
        if file in labels:
            raise DigitsError(f"{shown(path)} names {name} twice: leave one row out.")
        labels[file] = "\n".join(line.strip() for line in values.get("label", "").strip().splitlines())
    if not labels:
        raise DigitsError(f"{shown(path)} has no row for an image of {shown(folder)}: add one for each.")
    return labels


def add_labelled(folder: str | os.PathLike, data: bytes, suffix: str, label: str) -> Path:
    """Put an image into a folder, and what it shows into its ``labels.csv``, here or in the folder above.

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
        If the label is not made of digits, ``labels.csv`` cannot be read, or a file cannot be written.
    """
    folder = Path(folder)
    lines = label.split()
    if not lines or not all(line.isascii() and line.isdigit() for line in lines):
        raise DigitsError(f"{label!r} is no label: type the digits that the image shows, a space between two lines.")
    table = _read_table(folder) or _Table(folder / LABELS, "file,label\n", ",", ["file", "label"], [])
    taken = {Path(value).name for row in table.rows for value in row}
    stem = "_".join(lines)[:80] + "-mine"
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem}-{number}{suffix}" for number in itertools.count(2)))
    path = folder / next(name for name in names if name not in taken and not (folder / name).exists())
    named = path.relative_to(table.path.parent).as_posix() if table.path.parent != folder.resolve() else path.name
    values = {"file": named, "label": "\n".join(lines)}
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


class _Table(NamedTuple):
    """A ``labels.csv``: its text as it is, and its columns' names and rows."""

    path: Path
    text: str
    delimiter: str
    names: list[str]
    rows: list[list[str]]


def _read_table(folder: Path) -> _Table | None:
    """Read the ``labels.csv`` in a folder, or in the folder above; None if there is none."""
    above = folder.resolve().parent
    path = next((place / LABELS for place in (folder, above) if os.path.lexists(place / LABELS)), None)
    if path is None:
        return None
    try:
        text = path.read_bytes().decode("utf-8-sig")  # spreadsheets put a mark at the beginning
    except UnicodeDecodeError as error:
        raise DigitsError(f"{shown(path)} is not in UTF-8: save it as CSV in UTF-8.") from error
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): check its permissions.") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip().lower() for name in next(rows, [])]
    if not {"file", "label"} <= set(names):
        raise DigitsError(f"{shown(path)} has no columns file and label: name them so in its first line.")
    return _Table(path, text, delimiter, names, list(rows))


@dataclass(frozen=True)
class Score:
    """How a network did on labelled images.

    Attributes
    ----------
    readings
        What was read in each image.
    labels
        What a person reads in each.
    """

    readings: Sequence[Reading]
    labels: Sequence[str]

    @property
    def right(self) -> list[bool]:
        """Whether each image was read whole and right."""
        return [
            not reading.error and reading.text == label
            for reading, label in zip(self.readings, self.labels, strict=True)
        ]

    @property
    def wrong(self) -> list[Reading]:
        """The images that were not."""
        return [reading for reading, right in zip(self.readings, self.right, strict=True) if not right]

    def record(self) -> dict:
        """Return all figures, as ``--json`` prints them."""
        rows = list(zip(self.readings, self.labels, self.right, strict=True))
        confusions: dict[tuple[str, str], list[str]] = defaultdict(list)
        for reading, label, right in rows:
            if not right and not reading.error:
                confusions[label, reading.text].append(reading.file)
        return {
            "images": _count([right for _, _, right in rows]),
            "single_digits": _count([right for _, label, right in rows if len(label) == 1]),
            "by_digit": {
                digit: _count([right for _, label, right in rows if label == digit])
                for digit in "0123456789"
                if digit in self.labels
            },
            "sure": _count([right for reading, _, right in rows if reading.confident]),
            "unsure": _count([right for reading, _, right in rows if not reading.confident and not reading.error]),
            "confusions": [
                {"label": label, "text": text, "files": files}
                for (label, text), files in sorted(confusions.items(), key=lambda item: (-len(item[1]), item[0]))
            ],
            "errors": [reading.record() for reading, _, _ in rows if reading.error],
        }

    def __str__(self) -> str:
        record = self.record()
        lines = [f"{digit:14} {_line(count)}" for digit, count in record["by_digit"].items()]
        if record["single_digits"]["of"]:
            lines.append(f"single digits  {_line(record['single_digits'])}")
        lines.append(f"all images     {_line(record['images'])}")
        for name in ("sure", "unsure"):
            if record[name]["of"]:
                lines.append(f"{name + ' of them':14} {_line(record[name])}")
        for one in record["confusions"]:
            label, text = (one[key].replace("\n", " / ") or "nothing" for key in ("label", "text"))
            lines.append(f"{label} read as {text}: {', '.join(one['files'])}")
        lines += [f"{error['file']}  {error['error']}" for error in record["errors"]]
        return "\n".join(lines)


def _count(right: Sequence[bool]) -> dict[str, int]:
    return {"right": sum(right), "of": len(right)}


def _line(count: dict[str, int]) -> str:
    share = count["right"] / count["of"]
    return f"{count['right']:>4} of {count['of']:>4}   {share:.1%}"
