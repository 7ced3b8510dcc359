"""Let others read what the series reads: ``python tests/benchmarks/engines.py [FOLDER | NAME=FOLDER ...]``.

RapidOCR, which runs PP-OCR, and Tesseract read the same images as the shipped network, each image one after the other:
those of ``digits/``, the pages of ``reading.py``, and those of any labelled folder. All get the grey image that the
reader of the series has decoded, upright and without transparency, as a PNG. Each reads in several settings: the table
has the one that reads most numbers and pages, and, as if it were known beforehand which images hold a single digit, the
same with the setting that reads most of those. What is no digit in their answers is left out, the lines may come in any
order, and what they give less than the probability `SURE` counts as marked. Run it from the project's root, on all of
MNIST. The table goes to ``tests/benchmarks/results/engines.md``, unless an engine is missing;
the README beside this file shows it.

Neither is needed for the series, so neither is in its requirements::

    python -m venv ocr && ocr/bin/python -m pip install rapidocr onnxruntime
    apt-get install tesseract-ocr
    python tests/benchmarks/engines.py --rapidocr ocr/bin/python
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from reading import KINDS, make_pages

from utils.mnist import load_mnist
from utils.networks import load_model, shipped_models
from utils.reader import SURE, find_labels, read_digits, read_image

RESULTS = HERE / "results" / "engines.md"
#: Tesseract's page segmentation modes: a block of text, one line, one character, sparse text, a line as it is.
MODES = (6, 7, 10, 11, 13)


@dataclass(frozen=True)
class Answer:
    """What an engine read in an image.

    Attributes
    ----------
    lines
        The digits of each line.
    sure
        Of each piece with a digit, whether the engine gives it at least the probability `SURE`.
    seconds
        How long it took.
    """

    lines: Sequence[str]
    sure: Sequence[bool]
    seconds: float

    def is_right(self, label: str) -> bool:
        """Whether all lines are right, in any order; where there is no digit, whether none is sure."""
        return sorted(self.lines) == sorted(label.split("\n")) if label else not any(self.sure)

    def misleads(self, label: str) -> bool:
        """Whether it is wrong, and nothing in it is marked."""
        return bool(self.sure) and all(self.sure) and not self.is_right(label)


#: An engine's answers to one image, by the name of the setting.
Answers = dict[str, Answer]


class Ours:
    """The shipped network and the reader of the series."""

    def __init__(self) -> None:
        self.name = "this series"
        self.model = load_model(shipped_models() / "cnn.keras")

    def read(self, image: Path) -> Answers:
        began = time.perf_counter()
        reading = read_digits(self.model, image)
        seconds = time.perf_counter() - began
        return {"": Answer(reading.text.split("\n"), [digit.confident for digit in reading.digits], seconds)}


class Tesseract:
    """Debian's ``tesseract-ocr``, with the digits as its whitelist."""

    def __init__(self) -> None:
        if shutil.which("tesseract") is None:
            raise ImportError("Tesseract is not installed, and left out: apt-get install tesseract-ocr")
        said = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True).stdout
        self.name = "Tesseract " + said.split()[1]

    def read(self, image: Path) -> Answers:
        return {f"--psm {mode}": self._read(image, mode) for mode in MODES}

    def _read(self, image: Path, mode: int) -> Answer:
        command = ["tesseract", str(image), "-", "--psm", str(mode), "-c", "tessedit_char_whitelist=0123456789", "tsv"]
        began = time.perf_counter()
        said = subprocess.run(command, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - began
        words = [row.split("\t") for row in said.splitlines()[1:] if row.startswith("5\t")]
        lines: dict[tuple[str, ...], str] = {}
        for word in words:
            lines[tuple(word[1:5])] = lines.get(tuple(word[1:5]), "") + only_digits(word[11])
        return Answer(
            list(filter(None, lines.values())),
            [float(word[10]) >= 100 * SURE for word in words if only_digits(word[11])],
            seconds,
        )


class Rapid:
    """RapidOCR, in another Python: ``rapid.py``."""

    def __init__(self, python: str) -> None:
        command = [python, str(HERE / "rapid.py")]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            about = json.loads(self.process.stdout.readline())
        except (OSError, ValueError) as error:
            raise ImportError(
                f"RapidOCR is not installed in {python}, and left out: python -m venv ocr && "
                "ocr/bin/python -m pip install rapidocr onnxruntime, then --rapidocr ocr/bin/python"
            ) from error
        self.name = f"RapidOCR {about['version']} ({about['model']})"

    def read(self, image: Path) -> Answers:
        print(image, file=self.process.stdin, flush=True)
        answers = json.loads(self.process.stdout.readline())
        return {name: self._answer(seconds, pieces) for name, (seconds, pieces) in answers.items()}

    def _answer(self, seconds: float, pieces: list) -> Answer:
        pieces = [(only_digits(text), score, box) for text, score, box in pieces]
        pieces = [piece for piece in pieces if piece[0]]
        return Answer(join_lines(pieces), [score >= SURE for _, score, _ in pieces], seconds)


def only_digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def join_lines(pieces: Sequence[tuple[str, float, Sequence[float]]]) -> list[str]:
    """Join pieces that stand beside each other to lines; a tall one has been read along its side, and is a line."""
    rows: list[list[tuple[float, float, float, str]]] = []
    tall = []
    for text, _, (left, top, right, bottom) in sorted(pieces, key=lambda piece: piece[2][1] + piece[2][3]):
        if len(text) > 1 and bottom - top > 1.5 * (right - left):
            tall.append(text)
            continue
        middle, height = (top + bottom) / 2, bottom - top
        if rows and middle - np.mean([row[1] for row in rows[-1]]) < 0.5 * min(height, rows[-1][-1][2]):
            rows[-1].append((left, middle, height, text))
        else:
            rows.append([(left, middle, height, text)])
    return ["".join(text for *_, text in sorted(row)) for row in rows] + tall


def folder_images(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Read the images of a labelled folder one by one; what is wrong with its labels is said at once."""
    labels = find_labels(folder).of
    return ((label, read_image(file)) for file, label in labels.items() if "-mine" not in file.stem)


def read_all(images: Iterator[tuple[str, np.ndarray]], engines: Sequence) -> list[tuple[str, list[Answers]]]:
    """Let each engine read each image, in turn: the label, and the answers of each engine."""
    read = []
    with tempfile.TemporaryDirectory() as folder:
        for label, grey in images:
            file = Path(folder) / "image.png"
            Image.fromarray(grey).save(file, compress_level=1)
            read.append((label, [engine.read(file) for engine in engines]))
    return read


def choose(read: Sequence[tuple[str, Answers]], single: bool) -> str:
    """Name the setting that reads most of the single digits, or of the numbers and pages, right."""
    wanted = [(label, answers) for label, answers in read if label and (len(label) == 1) == single]
    return max(read[0][1], key=lambda name: sum(answers[name].is_right(label) for label, answers in wanted))


def row(name: str, engine: str, read: Sequence[tuple[str, Answers]], single: str, page: str) -> str:
    """Count what one engine did on one set of images: a line of the table."""
    answers = [(label, said[single if len(label) == 1 else page]) for label, said in read]

    def share(wanted: list[tuple[str, Answer]]) -> str:
        right = sum(answer.is_right(label) for label, answer in wanted)
        return f"{right} of {len(wanted)} ({right / len(wanted):.0%})" if wanted else "–"

    cells = [
        name,
        engine,
        share([one for one in answers if len(one[0]) > 1]),
        share([one for one in answers if len(one[0]) == 1]),
        str(sum(answer.misleads(label) for label, answer in answers)),
        share([one for one in answers if not one[0]]),
        f"{np.median([answer.seconds for _, answer in answers]):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def tabulate(read: dict[str, list[tuple[str, list[Answers]]]], engines: Sequence[str]) -> str:
    """Write the table: of each set of images what each engine did, in Markdown."""
    lines = [
        "| images | engine | numbers and pages read whole | single digits right | wrong without a mark |"
        " no digit, and none sure | seconds an image |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    ways = []  # for each row: the engine's place and name, and its settings for single digits and for all else
    for index, engine in enumerate(engines):
        answers = [(label, said[index]) for one in read.values() for label, said in one]
        page, single = choose(answers, single=False), choose(answers, single=True)
        ways.append((index, f"{engine}{page and ', ' + page}", page, page))
        if single != page:
            ways.append((index, f"the same, but {single} where there is a single digit", single, page))
    for name, one in read.items():
        for index, way, single, page in ways:
            lines.append(row(name, way, [(label, said[index]) for label, said in one], single, page))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folders", nargs="*", metavar="[NAME=]FOLDER", help="with a labels.csv")
    parser.add_argument("--rapidocr", default=sys.executable, metavar="PYTHON", help="that has RapidOCR")
    parser.add_argument("--pages", type=int, default=5, metavar="N", help="of each kind that reading.py draws")
    options = parser.parse_args()
    engines = [Ours()]
    for make in (lambda: Rapid(options.rapidocr), Tesseract):
        try:
            engines.append(make())
        except ImportError as error:
            print(error)
    mnist = load_mnist()
    pages = ((label, page) for draw in KINDS.values() for label, page in make_pages(draw, mnist, options.pages))
    sets = {"`digits/`": folder_images(ROOT / "digits"), "synthetic pages": pages}
    for named in options.folders:
        name, _, folder = named.rpartition("=")
        sets[name or Path(folder).name] = folder_images(Path(folder))
    read = {name: read_all(images, engines) for name, images in sets.items()}
    table = tabulate(read, [engine.name for engine in engines])
    print(table)
    if len(engines) == 3:
        RESULTS.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
