"""Notebook 01: leaf through the digits and see the value of each pixel."""

import ipywidgets as widgets
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from utils.mnist import SIDE
from utils.widgets.panel import WIDE, Panel

#: The side of a pixel on the page, in the page's pixels.
CELL = 26

STYLE = """<style>
.explored-digit .value { display: none; font-size: 16px; font-weight: 600 }
.explored-digit g:hover .value { display: block }
.explored-digit g:hover rect { stroke: #D55E00; stroke-width: 2 }
</style>"""


def explore_digits(images: np.ndarray, labels: np.ndarray) -> Panel:
    """Leaf through images by their digit, with the value in every pixel.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        0 = background, 255 = ink.
    labels : (n,) array
        Their digits.

    Returns
    -------
    Panel
        Buttons for the digit, a slider for which of its images, and the image; the pixel under the pointer says where
        it is.
    """
    by_digit = {digit: np.flatnonzero(labels == digit) for digit in range(10)}
    digit = widgets.ToggleButtons(options=range(10), description="Digit", style={"button_width": "2.6em", **WIDE})
    which = widgets.IntSlider(
        description="Image",
        min=1,
        max=max(1, len(by_digit[0])),
        layout={"width": "36em"},
        style=WIDE,
        continuous_update=True,
    )
    picture = widgets.HTML()

    def chosen() -> int | None:
        those = by_digit[digit.value]
        return int(those[which.value - 1]) if len(those) else None

    def show(_: object = None) -> None:
        index = chosen()
        if index is None:
            picture.value = f"There is no image of a {digit.value}."
        else:
            picture.value = STYLE + _draw(images[index], f"Training image {index:,}, labelled {labels[index]}")

    def choose_digit(_: object) -> None:
        which.unobserve(show, "value")  # one drawing is enough
        which.value, which.max = 1, max(1, len(by_digit[digit.value]))
        which.observe(show, "value")
        show()

    digit.observe(choose_digit, "value")
    which.observe(show, "value")
    show()
    return Panel([digit, which, picture], "Leaf through the digits", lambda: _figure(images[chosen() or 0]))


def _draw(image: np.ndarray, caption: str) -> str:
    """Draw an image as SVG: a square and a number for each pixel, and a line that its pixel brings up."""
    side = SIDE * CELL
    parts = [
        f'<svg class="explored-digit" role="img" aria-label="{caption}" viewBox="-24 -40 {side + 26} {side + 44}" '
        f'width="{side + 26}" style="max-width: 100%; background: white" font-family="sans-serif" font-size="12">'
        f'<text x="0" y="-22" font-size="16">{caption}</text>'
    ]
    for index in range(SIDE):
        at = index * CELL + CELL / 2
        parts.append(f'<text x="{at}" y="-5" text-anchor="middle" fill="#666">{index}</text>')
        parts.append(f'<text x="-6" y="{at + 4}" text-anchor="end" fill="#666">{index}</text>')
    for (row, column), value in np.ndenumerate(image):
        x, y, shade = column * CELL, row * CELL, 255 - int(value)
        parts.append(
            f'<g><rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" stroke="#eee" '
            f'fill="rgb({shade},{shade},{shade})"/>'
        )
        if value:
            color = "black" if shade > 127 else "white"
            parts.append(
                f'<text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" text-anchor="middle" fill="{color}">{value}</text>'
            )
        where = f"row {row}, column {column}: {value}"
        parts.append(f'<text class="value" x="{side}" y="-22" text-anchor="end">{where}</text></g>')
    return "".join([*parts, "</svg>"])


def _figure(image: np.ndarray) -> Figure:
    """Draw the same for paper: the digit and a margin of one pixel, so that the numbers are large enough to read."""
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    figure = Figure(figsize=(11, 11), layout="constrained")
    axes = figure.subplots()
    axes.imshow(image, cmap=mpl.colormaps["gray_r"], vmin=0, vmax=255)
    for (row, column), value in np.ndenumerate(image):
        if value:
            color = "black" if value < 128 else "white"
            axes.text(column, row, value, ha="center", va="center", fontsize=12, color=color)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    if len(rows):
        axes.set(xlim=(columns[0] - 1.5, columns[-1] + 1.5), ylim=(rows[-1] + 1.5, rows[0] - 1.5))
    axes.set(title="Every pixel is a number", xlabel="Column (pixel)", ylabel="Row (pixel)")
    return figure
