"""Notebook 11: send a service all kinds of uploads, and see what it answers."""

import html
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from utils.errors import DigitsError
from utils.plots import BLUE, RED
from utils.reader import decode_image
from utils.widgets.panel import WIDE, Panel, Picture, say

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


def try_uploads(client: "TestClient", uploads: Mapping[str, bytes]) -> Panel:
    """Choose an upload, good or bad, and see the service's answer.

    Parameters
    ----------
    client
        Asks a service that answers at ``POST /predict``.
    uploads
        What can be sent: a name for each.

    Returns
    -------
    Panel
        A list to choose from, the image with what was found in it, and the answer as it comes.
    """
    names = list(uploads)
    choice = widgets.Dropdown(description="Upload", options=names, style=WIDE, layout={"width": "30em"})
    picture, words = Picture(), widgets.HTML()

    def ask(name: str) -> tuple[Figure, str, str]:
        response = client.post("/predict", content=uploads[name])
        answer = response.json()
        head = f"{response.status_code} {response.reason_phrase}"
        return _draw(name, uploads[name], head, answer), head, json.dumps(_short(answer), indent=1, ensure_ascii=False)

    def show(_: object = None) -> None:
        figure, head, text = ask(choice.value)
        picture.show(figure, f"{choice.value}: {head}")
        words.value = say(f"<pre>HTTP/1.1 {html.escape(head)}\n\n{html.escape(text)}</pre>")

    choice.observe(show, "value")
    show()
    return Panel([choice, picture, words], "Send an upload and see the answer", lambda: ask(names[0])[0])


def _draw(name: str, data: bytes, head: str, answer: Mapping) -> Figure:
    figure = Figure(figsize=(7, 2.8))
    axes = figure.subplots()
    axes.set_axis_off()
    good = head.startswith("200")
    axes.set_title(f"{name} → {head}", fontsize=13, color="black" if good else RED)
    grey = _thumbnail(data)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
    for digit in answer.get("digits", []):
        x, y, width, height = digit["box"]
        axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=BLUE, linewidth=2))
        axes.annotate(f"{digit['digit']}", (x, y), color=BLUE, fontsize=13, va="bottom")
    if not good:
        axes.text(0.5, 0.5, answer["error"], transform=axes.transAxes, ha="center", va="center", fontsize=11, wrap=True)
    return figure


def _thumbnail(data: bytes) -> np.ndarray:
    try:
        return decode_image(data, "upload")
    except DigitsError:
        return np.full((28, 80), 245, np.uint8)


def _short(answer: Mapping) -> dict:
    """Leave the ten probabilities of each digit out, which would fill the page."""
    digits = [{key: value for key, value in digit.items() if key != "probabilities"} | {"probabilities": "…"}
              for digit in answer.get("digits", [])]  # fmt: skip
    return dict(answer) | ({"digits": digits} if digits else {})


def example_uploads(page: bytes) -> dict[str, bytes]:
    """Make uploads as other people send them.

    Parameters
    ----------
    page
        A PNG with digits in it.

    Returns
    -------
    dict of str to bytes
        The same page, and seven that are no good, by name.
    """
    huge, blank = io.BytesIO(), io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(huge, "PNG")
    Image.new("L", (120, 80), 255).save(blank, "PNG")
    return {
        "a drawing": page,
        "an empty sheet of paper": blank.getvalue(),
        "a text file, renamed to .png": b"Dear teacher, my drawing would not upload, so here is a letter.",
        "the first half of a PNG": page[: len(page) // 2],
        "nothing at all": b"",
        "JSON, as another service wants it": json.dumps({"instances": [[0] * 28] * 28}).encode(),
        f"{len(huge.getvalue()) / 1000:.0f} kB that unpack to 400 megapixels": huge.getvalue(),
        "11 MB": bytes(11_000_000),
    }
