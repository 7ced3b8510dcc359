"""Notebook 09: a pad to draw on, whose digits are read as the pen lifts."""

import base64
import html
import io
import re
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import ipywidgets as widgets
import keras
import numpy as np
import wigglystuff
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import shown
from utils.plots import BLUE, ORANGE, RED, show_image, show_probabilities
from utils.reader import (
    IMAGE_SUFFIXES,
    Digit,
    Reading,
    add_labelled,
    decode_image,
    digits_folder,
    predict_probabilities,
    read_image,
    read_page,
)
from utils.widgets.panel import BESIDE, WIDE, Panel, pixel_picture, say
from utils.widgets.upload import Upload

#: The pad's size, and the longest side of the small copy of a picture, in the page's pixels.
WIDTH, HEIGHT, COPY = 460, 280, 340
#: What the pad's own picture is called, and what stands beside it while it is empty.
DRAWING, INVITATION = "the drawing", "Draw a digit, or several. They are read as the pen lifts."
#: So many digits are shown with their bars.
SHOWN = 12
#: How long the pen must rest, in seconds, before those who listen to the pad are told.
PAUSE = 0.3
DASHED = ' stroke-dasharray="6 4"'


def _paint_with_touch() -> str:
    """Put `pad.js` behind the code of wigglystuff's Paint."""
    paint = (Path(wigglystuff.__file__).parent / "static" / "paint.js").read_text(encoding="utf-8")
    named, count = re.subn(r"export\s*\{\s*(\w+) as default\s*\};?", r"const paint = \1;", paint)
    if count != 1:  # another version: as it is
        return paint
    return named + Path(__file__).with_name("pad.js").read_text(encoding="utf-8")


class Pad(wigglystuff.Paint):
    """Wigglystuff's drawing pad, on which a finger can draw, too."""

    _esm = _paint_with_touch()


def drawing_pad(
    model: keras.Model, folder: str | Path | None = None, example: str | Path | None = None
) -> "DrawingPad":
    """Draw, or choose a photo, and see what a network reads.

    Parameters
    ----------
    model
        A trained network.
    folder
        Where drawings are saved; `utils.reader.digits_folder` by default.
    example
        An image that stands for a drawing in the picture for those who do not run the notebook.

    Returns
    -------
    DrawingPad
        The pad with Undo and Clear, a button to choose a picture, what was read, with the 28 × 28 images and the ten
        probabilities of each digit, and a button that saves the drawing with its label.
    """
    return DrawingPad(model, Path(folder or digits_folder()), example)


class DrawingPad(Panel):
    """What `drawing_pad` returns.

    Attributes
    ----------
    reading : Reading
        What was read last, and what the network saw of it.
    """

    def __init__(self, model: keras.Model, folder: Path, example: str | Path | None) -> None:
        self._model, self._folder = model, folder
        self._listener: Callable[[Reading], None] = lambda _: None
        self._later = threading.Timer(PAUSE, self._tell)
        self._paint = Pad(width=WIDTH, height=HEIGHT, brush=False, color_picker=False)
        upload = Upload(
            lambda name, data: self._read(data, Path(name).suffix.lower(), name),
            text="Read a picture …", hint="A photo or a drawing, from a file", accept="image/*,.heic,.heif",
        )  # fmt: skip
        self._label = widgets.Text(description="It is a", placeholder="digits", style=WIDE, layout={"width": "12em"})
        self._save = widgets.Button(
            description=f"Save to {folder.name}/", icon="save", layout={"width": "auto"},
            tooltip="Save the picture, with this label, for notebook 09 and python -m utils score",
        )  # fmt: skip
        self._note = widgets.HTML()
        self._result = widgets.HTML(layout={"width": "26em", "min_height": "330px"})
        self._paint.observe(lambda change: self._read(base64.b64decode(change["new"]), ".png", DRAWING), "base64")
        self._paint.on_msg(lambda *_: self._forget(INVITATION))  # Clear was pressed
        self._save.on_click(self._saved)
        left = widgets.VBox([self._paint, upload, widgets.HBox([self._label, self._save]), self._note])
        picture = (lambda: _figure(model, read_image(example))) if example else None
        super().__init__([widgets.HBox([left, self._result], layout=BESIDE)], "Draw a digit", picture)
        self._forget(INVITATION)

    def on_reading(self, listener: Callable[[Reading], None]) -> None:
        """Call a function with each new reading, as soon as the pen has rested for a moment, and no longer another."""
        self._listener = listener

    def _forget(self, message: str) -> None:
        self.reading = Reading("", images=np.zeros((0, SIDE, SIDE), np.uint8))
        self._label.value, self._save.disabled = "", True
        self._note.value, self._result.value = "", say(message)

    def _read(self, data: bytes, suffix: str, name: str) -> None:
        try:
            page = decode_image(data, name)
            if page.min() == page.max():
                cleared = name == DRAWING
                self._forget(INVITATION if cleared else f"No digit found: {html.escape(name)} has one colour only.")
                return
            digits, images = read_page(self._model, page)
        except DigitsError as error:  # it is no image, or has too many marks
            self._forget(html.escape(str(error)))
            return
        self.reading = Reading(name, digits, images=images)
        self._result.value = _describe(page, self.reading, predict_probabilities(self._model, images))
        self._file = data, suffix if suffix in IMAGE_SUFFIXES else ".png"  # whose name says that it is an image
        self._label.value, self._save.disabled, self._note.value = self.reading.text.replace("\n", " "), False, ""
        self._later.cancel()  # listeners have time: they must not keep the next stroke waiting
        self._later = threading.Timer(PAUSE, self._tell)
        self._later.daemon = True
        self._later.start()

    def _tell(self) -> None:
        self._listener(self.reading)

    def _saved(self, _: object) -> None:
        try:
            path = add_labelled(self._folder, *self._file, self._label.value)
        except DigitsError as error:
            self._note.value = say(html.escape(str(error)))
            return
        self._note.value = say(f"Saved as {html.escape(shown(path))}, and its label in labels-mine.csv.")
        self._save.disabled = True


def _describe(page: np.ndarray, reading: Reading, table: np.ndarray) -> str:
    """Write a reading as HTML: the text, a copy of the page with frames, and a row for each digit."""
    if not reading.digits:
        return f"<b>No digit found.</b><br>{_copy(page, reading)}"
    lines = "<br>".join(html.escape(line) for line in reading.marked.splitlines())
    doubt = "" if reading.confident else f" <span>({reading.note or '? = not sure'})</span>"
    rows = "".join(
        f'<div style="display: flex; gap: 12px; align-items: flex-end; margin-top: 8px">'
        f"{pixel_picture(image, 84)}{_bars(digit, row)}</div>"
        for digit, image, row in zip(reading.digits[:SHOWN], reading.images, table, strict=False)
    )
    more = f"… and {len(reading.digits) - SHOWN} more" if len(reading.digits) > SHOWN else ""
    return (
        f'<div role="status" aria-live="polite" style="line-height: 1.25"><span style="font-size: 15px">Read: </span>'
        f'<b class="digits-read" style="font-size: 30px; letter-spacing: 2px">{lines}</b>{doubt}</div>'
        f'{_copy(page, reading)}<div style="max-height: 330px; overflow-y: auto">{rows}{more}</div>'
    )


def _copy(page: np.ndarray, reading: Reading) -> str:
    """Draw a small copy of the page, with a frame around each digit, as SVG."""
    height, width = page.shape
    scale = min(1, COPY / width, COPY / 2 / height)
    small = cv2.resize(
        page, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    picture = io.BytesIO()
    Image.fromarray(small).save(picture, "png")
    frames = "".join(
        f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="none" stroke="{ORANGE if digit.confident else RED}" '
        f'stroke-width="2" vector-effect="non-scaling-stroke"{"" if digit.confident else DASHED}/>'
        for digit in reading.digits
        for x, y, w, h in [digit.box]
    )
    return (
        f'<svg role="img" aria-label="the picture, with a frame around each digit" viewBox="0 0 {width} {height}" '
        f'width="{small.shape[1]}" height="{small.shape[0]}" style="display: block; border: 1px solid #ccc">'
        f'<image href="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}" '
        f'width="{width}" height="{height}"/>{frames}</svg>'
    )


def _bars(digit: Digit, probabilities: np.ndarray) -> str:
    """Draw ten probabilities as SVG."""
    spoken = f"{digit.digit}: {digit.probability:.0%}"
    parts = [f'<svg role="img" aria-label="{spoken}" width="250" height="96" font-family="sans-serif" font-size="12">']
    for index, probability in enumerate(probabilities):
        height, color = 64 * float(probability), ORANGE if index == digit.digit else BLUE
        parts.append(
            f'<rect x="{25 * index + 3}" y="{80 - height:.1f}" width="19" height="{height:.1f}" fill="{color}"/>'
            f'<text x="{25 * index + 12.5}" y="94" text-anchor="middle" fill="currentColor">{index}</text>'
        )
    x = 25 * digit.digit + 12.5
    parts.append(
        f'<text x="{min(max(x, 18), 232)}" y="{74 - 64 * digit.probability:.1f}" text-anchor="middle" '
        f'font-weight="600" fill="currentColor">{digit.probability:.0%}{"" if digit.confident else "?"}</text>'
        '<line x1="0" y1="80" x2="250" y2="80" stroke="currentColor"/></svg>'
    )
    return "".join(parts)


def _figure(model: keras.Model, page: np.ndarray) -> Figure:
    """Draw the same for paper."""
    digits, images = read_page(model, page)
    figure = Figure(figsize=(12, 1.6 + 1.6 * max(1, len(digits))), layout="constrained")
    left, right = figure.subfigures(1, 2)
    axes = left.subplots()
    axes.imshow(page, cmap="gray", vmin=0, vmax=255)
    for x, y, w, h in (digit.box for digit in digits):
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=ORANGE, linewidth=2))
    axes.set(title=f"Read: {''.join(map(str, digits))}", xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="0.8")
    grid = right.subplots(max(1, len(digits)), 2, squeeze=False, width_ratios=(1, 2.2))
    for (first, second), image, row in zip(grid, images, predict_probabilities(model, images), strict=False):
        show_image(first, image, "What it sees")
        show_probabilities(second, row)
    return figure
