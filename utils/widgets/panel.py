"""What the widgets share: a panel that comes with a picture, and pictures that change without a flicker."""

import base64
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from utils.plots import to_png
from utils.widgets.front_end import in_live_page

#: A style for labels as long as they need to be, not cut off.
WIDE = {"description_width": "initial"}
#: A layout for widgets beside each other, or below each other where the page is narrow.
BESIDE = {"flex_flow": "row wrap", "grid_gap": "0 24px", "align_items": "flex-start"}


class _Names(anywidget.AnyWidget):
    """Tells screen readers what the sliders around it are called, and what they say."""

    _esm = Path(__file__).with_name("names.js")


class Panel(widgets.VBox):
    """Widgets below each other, with a picture in their stead for those who read a notebook without running it.

    Parameters
    ----------
    children
        The widgets, in the order in which the Tab key visits them.
    text
        What it is, for those who see neither the widget nor the picture.
    picture
        Draws the picture, when the panel is displayed.
    whole
        Whether the text says all that there is to see, and nobody need be told to run the cell.
    """

    def __init__(
        self,
        children: Sequence[widgets.Widget],
        text: str,
        picture: Callable[[], Figure] | None = None,
        whole: bool = False,
    ) -> None:
        super().__init__([*children, *([_Names()] if in_live_page() else [])])
        self._text = text if whole else f"{text}: run this cell in JupyterLab to use it."
        self._picture = picture
        _name_all(self)

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = dict(super()._repr_mimebundle_(**options))
        bundle["text/plain"] = self._text
        if self._picture is not None:
            bundle["image/png"] = base64.b64encode(to_png(self._picture(), small=True)).decode()
        return bundle


def _name_all(widget: widgets.Widget) -> None:
    """Give each label a tooltip: without one, ipywidgets 8.1 shows the word "null" there."""
    if getattr(widget, "description", "") and widget.tooltip is None:
        widget.tooltip = widget.description
    for child in getattr(widget, "children", ()):
        _name_all(child)


class Picture(widgets.VBox):
    """A place for a picture that changes without a flicker, with words for those who do not see it."""

    def __init__(self) -> None:
        self._image = widgets.Image(
            format="png", layout={"max_width": "100%", "width": "auto", "align_self": "flex-start"}
        )
        self._words = widgets.HTML(layout={"height": "0", "margin": "0"})
        super().__init__([self._image, self._words], layout={"overflow": "hidden"})

    def show(self, figure: Figure, description: str) -> None:
        """Draw a figure in the place of the one before.

        Parameters
        ----------
        figure
            What to draw.
        description
            What it shows, for a screen reader.
        """
        self.put(to_png(figure))
        hidden = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)"
        self._words.value = say(html.escape(description), hidden)

    def put(self, png: bytes) -> None:
        """Show a PNG in the place of the one before."""
        self._image.value = png


def pixel_picture(image: np.ndarray, side: int) -> str:
    """Draw a small image with large pixels, for a web page.

    Parameters
    ----------
    image : (H, W) uint8 array
        0 = white, 255 = black, as the series draws ink.
    side
        The width of the picture on the page, in its pixels.

    Returns
    -------
    str
        An HTML ``img`` with the picture in it.
    """
    picture = io.BytesIO()
    Image.fromarray(255 - image).save(picture, "png")
    data = base64.b64encode(picture.getvalue()).decode()
    height = round(side * image.shape[0] / image.shape[1])
    return (
        f'<img src="data:image/png;base64,{data}" width="{side}" height="{height}" alt="" '
        'style="image-rendering: pixelated; border: 1px solid #ccc">'
    )


def say(words: str, style: str = "", kind: str = "") -> str:
    """Mark words, in HTML, as something that has just happened and that a screen reader should say."""
    named = f' class="{kind}"' if kind else ""
    return f'<span role="status"{named} style="{style}">{words}</span>'
