"""How well a folder of labelled images is read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from utils.paths import printable
from utils.reader.labels import Labels
from utils.reader.reading import Reading


@dataclass(frozen=True)
class Score:
    """How a network did on labelled images.

    Attributes
    ----------
    readings
        What was read in each image.
    labels
        What a person reads in each; empty if it holds no digit.
    found
        Where the labels and the images do not agree.
    """

    readings: Sequence[Reading]
    labels: Sequence[str]
    found: Labels = field(default_factory=Labels)

    @property
    def complete(self) -> bool:
        """Whether all that is named could be read, and compared with a number."""
        return not (self.found.no_number or self.found.missing or any(reading.error for reading in self.readings))

    @property
    def right(self) -> list[bool]:
        """Whether each image was read whole and right; where there is no digit, whether none is sure."""
        return [
            not reading.error
            and (reading.text == label if label else not any(digit.confident for digit in reading.digits))
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
            "without_digits": _count([right for _, label, right in rows if not label]),
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
            "no_number": self.found.no_number,
            "missing": self.found.missing,
            "unlabelled": self.found.unlabelled,
        }

    def __str__(self) -> str:
        record = self.record()
        lines = [f"{digit:14} {_line(count)}" for digit, count in record["by_digit"].items()]
        if record["single_digits"]["of"]:
            lines.append(f"single digits  {_line(record['single_digits'])}")
        if record["without_digits"]["of"]:
            lines.append(f"without digits {_line(record['without_digits'])}   (right if no digit is sure)")
        lines.append(f"all images     {_line(record['images'])}")
        for name in ("sure", "unsure"):
            if record[name]["of"]:
                lines.append(f"{name + ' of them':14} {_line(record[name])}")
        for one in record["confusions"]:
            label, text = (one[key].replace("\n", " / ") or "nothing" for key in ("label", "text"))
            lines.append(f"{label} read as {text}: {_list(one['files'])}")
        lines += [f"{printable(error['file'])}  {error['error']}" for error in record["errors"]]
        labels = [f"{file} ({label})" for file, label in self.found.no_number.items()]
        for what, names in (
            ("with a label that is no number, not counted", labels),
            ("labelled, but not there", self.found.missing),
            ("not labelled", self.found.unlabelled),
        ):
            if names:
                lines.append(f"{len(names)} {what}: {_list(names)}")
        return "\n".join(lines)


def _list(names: Sequence[str]) -> str:
    return printable(", ".join(names))


def _count(right: Sequence[bool]) -> dict[str, int]:
    return {"right": sum(right), "of": len(right)}


def _line(count: dict[str, int]) -> str:
    share = count["right"] / max(count["of"], 1)
    return f"{count['right']:>4} of {count['of']:>4}   {share:.1%}"
