"""Notebook 01: ten small pads, for 0 to 9; each drawing is kept as soon as the pen lifts."""

import base64
import html
import io
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib.figure import Figure
from PIL import Image

from utils.errors import DigitsError
from utils.lesson.drawings import keep_drawing, own_drawings, ten_folder
from utils.lesson.ten import enumerate_digits, read_ten
from utils.paths import shown
from utils.reader import decode_image
from utils.widgets import Panel, say


class Pads(anywidget.AnyWidget):
    """Ten canvases to draw on, with a mouse, a finger, a pen or the arrow keys."""

    _esm = Path(__file__).with_name("pads.js")
    _css = Path(__file__).with_name("pads.css")
    #: Of each digit its drawing, a PNG in base64; empty if there is none.
    drawings = traitlets.List(traitlets.Unicode(), [""] * 10).tag(sync=True)


def write_ten() -> "WriteTen":
    """Write the ten digits that the series will try to read.

    Returns
    -------
    WriteTen
        Ten pads, with what was written on them before, and a line that says which are still empty.
    """
    return WriteTen()


class WriteTen(Panel):
    """What `write_ten` returns."""

    def __init__(self) -> None:
        own, problems = own_drawings()
        self._drawn = set(own)
        self._pads = Pads(drawings=[_encode(own[digit]) if digit in own else "" for digit in range(10)])
        self._note = widgets.HTML()
        self._pads.observe(self._take, "drawings")
        super().__init__([self._pads, self._note], "Write the ten digits", _figure)
        self._report(problems)

    def _take(self, change: dict) -> None:
        problems = []
        for digit, (old, new) in enumerate(zip(change["old"], change["new"], strict=True)):
            if old == new:
                continue
            try:
                image = _decode(new, f"the drawing of {digit}")
            except DigitsError as error:
                problems.append(str(error))
                continue
            problems.append(keep_drawing(digit, image))
            (self._drawn.add if image.min() < image.max() else self._drawn.discard)(digit)
        self._report(problems)

    def _report(self, problems: list[str]) -> None:
        missing = tuple(sorted(set(range(10)) - self._drawn))
        if not missing:
            words = f"All ten are written, and kept in {html.escape(shown(ten_folder()))}/."
        elif len(missing) == 10:
            words = "Write a digit on each pad, as you write on paper."
        else:
            words = f"Still to write: {enumerate_digits(missing)}."
        if problem := next(filter(None, problems), ""):
            words = words.partition(", and kept")[0].rstrip(".") + f". {html.escape(problem)}"
        self._note.value = say(words, "font-size: 14px; line-height: 1.4")


def _encode(image: np.ndarray) -> str:
    picture = io.BytesIO()
    Image.fromarray(image).save(picture, "png")
    return base64.b64encode(picture.getvalue()).decode()


def _decode(drawing: str, name: str) -> np.ndarray:
    """Read what the page has sent: a PNG in base64, or nothing for an empty pad."""
    if not drawing:
        return np.full((1, 1), 255, np.uint8)
    try:
        data = base64.b64decode(drawing)
    except ValueError:
        data = b""
    return decode_image(data, name)


def _figure() -> Figure:
    """Draw the ten for paper."""
    figure = Figure(figsize=(12, 1.35), layout="constrained")
    for axes, image in zip(figure.subplots(1, 10), read_ten()[0].images, strict=True):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="0.8")
    return figure
