"""Notebook 05: slide a window over an image, pixel by pixel, as a convolution and a max pooling do."""

import base64
import io
from dataclasses import dataclass
from typing import Literal

import ipywidgets as widgets
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from utils.plots import BLUE
from utils.widgets.panel import BESIDE, WIDE, Panel, say

Operation = Literal["convolution", "max pooling"]
Padding = Literal["valid", "same"]

#: The width of a map on the page, with a margin of one pixel around it, and the side of a number's cell.
WIDTH, CELL = 300, 50
#: What lies around the image, and a pixel of the output that the window has not come to.
AROUND, NOT_YET = "#cfe3f3", "#ddd"
HATCH = (
    '<pattern id="not-yet" width="8" height="8" patternUnits="userSpaceOnUse">'
    f'<path d="M-2 2 2 -2M0 8 8 0M6 10 10 6" stroke="{NOT_YET}" stroke-width="1.5"/></pattern>'
)


@dataclass(frozen=True)
class Slide:
    """A window that slides over an image.

    Attributes
    ----------
    image : (H, W) float array
        In [0, 1].
    kernel : (h, w) float array
        What each patch is multiplied by.
    operation
        For max pooling the window is 2 × 2, whatever the kernel.
    stride
        By how many pixels the window moves.
    padding
        As Keras calls it: ``valid`` for none, ``same`` for zeros around the image; pooling leaves what is outside out.
    """

    image: np.ndarray
    kernel: np.ndarray
    operation: Operation = "convolution"
    stride: int = 1
    padding: Padding = "valid"

    @property
    def window(self) -> tuple[int, int]:
        """The window's height and width."""
        return self.kernel.shape if self.operation == "convolution" else (2, 2)

    @property
    def before(self) -> tuple[int, int]:
        """How many rows and columns are added above and to the left; Keras adds an odd one below and to the right."""
        return tuple(total // 2 for total in self._added())

    @property
    def padded(self) -> np.ndarray:
        """The image with what is added around it: zeros, or for pooling NaN."""
        around = [(first, total - first) for first, total in zip(self.before, self._added(), strict=True)]
        return np.pad(self.image, around, constant_values=0 if self.operation == "convolution" else np.nan)

    @property
    def patches(self) -> np.ndarray:
        """What the window sees at each place: (rows, columns, h, w)."""
        return np.lib.stride_tricks.sliding_window_view(self.padded, self.window)[:: self.stride, :: self.stride]

    @property
    def output(self) -> np.ndarray:
        """What comes out: (rows, columns)."""
        if self.operation == "convolution":
            return (self.patches * self.kernel).sum(axis=(2, 3))
        return np.nanmax(self.patches, axis=(2, 3))

    def _added(self) -> list[int]:
        if self.padding == "valid":
            return [0, 0]
        return [
            max((-(-side // self.stride) - 1) * self.stride + window - side, 0)
            for side, window in zip(self.image.shape, self.window, strict=True)
        ]


def slide_window(image: np.ndarray, kernel: np.ndarray) -> Panel:
    """Move a window over an image, and see how one number comes out at each place.

    Parameters
    ----------
    image : (H, W) float array
        In [0, 1]: 0 = background, 1 = ink.
    kernel : (h, w) float array
        The filter of the convolution, such as 3 × 3. Max pooling takes a window of 2 × 2.

    Returns
    -------
    Panel
        Sliders for the window's row and column, buttons that move it, the choice of operation, stride and padding;
        the image with the window, the patch, the kernel, the products, their sum, and the output as far as it is done.

    Raises
    ------
    ValueError
        If one of the two is no table of rows and columns, or the kernel is larger than the image.
    """
    image, kernel = np.asarray(image, dtype=float), np.asarray(kernel, dtype=float)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image and kernel must have rows and columns only, not {image.shape} and {kernel.shape}.")
    if min(np.subtract(image.shape, kernel.shape)) < 0 or min(image.shape) < 2:
        raise ValueError(f"A kernel of {kernel.shape} does not fit into an image of {image.shape}.")

    buttons = {"style": {"button_width": "auto", **WIDE}}
    operation = widgets.ToggleButtons(
        description="Operation", options={"Convolution": "convolution", "Max pooling": "max pooling"}, **buttons
    )
    stride = widgets.ToggleButtons(description="Stride", options=(1, 2), **buttons)
    padding = widgets.ToggleButtons(description="Padding", options={"None": "valid", "Same": "same"}, **buttons)
    row = widgets.IntSlider(description="Row", style=WIDE, layout={"width": "22em"})
    column = widgets.IntSlider(description="Column", style=WIDE, layout={"width": "22em"})
    play = widgets.Play(interval=200, show_repeat=False)
    step = widgets.Button(description="One step", tooltip="Move the window by one stride")
    picture = widgets.HTML()

    def slide() -> Slide:
        return Slide(image, kernel, operation.value, stride.value, padding.value)

    moving = False

    def go_to(position: int) -> None:
        """Move the window to the place of an output pixel, counted row by row, and draw once."""
        nonlocal moving
        shape = slide().output.shape
        position = int(np.clip(position, 0, shape[0] * shape[1] - 1))
        moving = True
        row.max, column.max, play.max = shape[0] - 1, shape[1] - 1, shape[0] * shape[1] - 1
        row.value, column.value = divmod(position, shape[1])
        play.value = position
        moving = False
        picture.value = _page(slide(), row.value, column.value)

    def move(change: dict) -> None:
        if not moving:
            go_to(change["new"] if change["owner"] is play else row.value * (column.max + 1) + column.value)

    def choose(_: object) -> None:
        """Keep the window about where it is on the image."""
        shape = slide().output.shape
        there = (row.value + 0.5) / (row.max + 1) * shape[0], (column.value + 0.5) / (column.max + 1) * shape[1]
        go_to(int(there[0]) * shape[1] + int(there[1]))

    for control in (operation, stride, padding):
        control.observe(choose, "value")
    for control in (row, column, play):
        control.observe(move, "value")
    step.on_click(lambda _: go_to(play.value + 1))
    go_to(int(slide().output.argmax()))
    choices = widgets.HBox([operation, stride, padding], layout=BESIDE)
    places = widgets.HBox([row, column, widgets.HBox([play, step])], layout=BESIDE)
    return Panel(
        [choices, places, picture],
        "Slide a window over an image",
        lambda: _figure(slide(), row.value, column.value),
    )


@dataclass(frozen=True)
class _Cell:
    """A square with a number in it."""

    x: float
    y: float
    text: str
    color: tuple[float, float, float]
    framed: bool = False


def _calculation(slide: Slide, row: int, column: int) -> tuple[list[_Cell], list[tuple[float, float, str]]]:
    """Lay out how one output pixel is computed.

    Returns
    -------
    cells
        The numbers, with the corner of each square; a square's side is 1.
    labels
        The words, with their middle.
    """
    patch, output = slide.patches[row, column], slide.output
    (high, wide), value = patch.shape, output[row, column]
    outside = _is_outside(slide, row, column)
    cells, labels = [], [(wide / 2, -0.35, "Patch")]

    def put(table: np.ndarray, x: float, y: float, colors: np.ndarray) -> None:
        cells.extend(
            _Cell(x + at[1], y + at[0], _number(table[at]), tuple(colors[at][:3])) for at in np.ndindex(table.shape)
        )

    grey = mpl.colormaps["gray_r"](np.nan_to_num(patch))
    grey[outside] = mpl.colors.to_rgba(AROUND)
    put(patch, 0, 0, grey)
    if slide.operation == "max pooling":
        cells.append(_Cell(wide + 1.5, (high - 1) / 2, _number(value), mpl.colormaps["gray_r"](value)[:3], True))
        labels += [(wide + 0.7, high / 2, "→"), (wide + 2, (high - 1) / 2 - 0.35, "Largest")]
        return cells, labels
    right, below = wide + 0.45, high + 0.9
    products, most = patch * slide.kernel, np.abs(slide.kernel).max()
    middle = right + wide / 2
    put(slide.kernel, right, 0, _signed(slide.kernel, most))
    put(products, 0, below, _signed(products, most))
    cells.append(_Cell(middle - 0.5, below + (high - 1) / 2, _number(value), _color(slide, value)[:3], True))
    labels += [
        (wide + 0.225, high / 2, "×"),
        (middle, -0.35, "Kernel"),
        (wide / 2, below - 0.35, "= Products"),
        (wide + 0.5, below + high / 2, "→"),
        (middle, below + (high - 1) / 2 - 0.35, "Sum"),
    ]
    shown = sum(round(product, 2) for product in products.ravel())
    if round(shown, 2) != round(value, 2):
        labels += [
            (middle, below + (high + 1) / 2 + 0.35 * line, text)
            for line, text in enumerate(("added, then", "rounded"), start=1)
        ]
    return cells, labels


def _size(slide: Slide) -> tuple[float, float]:
    """Return the width and height of a calculation; those of a pooling are the same, so that nothing jumps."""
    high, wide = slide.kernel.shape
    return 2 * wide + 0.45, 2 * high + 0.9


def _is_outside(slide: Slide, row: int, column: int) -> np.ndarray:
    """Say which pixels of a patch lie outside the image."""
    (high, wide), (top, left) = slide.window, slide.before
    rows = np.arange(high) + row * slide.stride - top
    columns = np.arange(wide) + column * slide.stride - left
    inside = [(at >= 0) & (at < side) for at, side in zip((rows, columns), slide.image.shape, strict=True)]
    return ~np.logical_and.outer(*inside)


def _number(value: float) -> str:
    """Write a number with at most two decimals, and with a true minus sign."""
    if np.isnan(value):
        return "–"
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("0", "-0") else text.replace("-", "−")


def _signed(values: np.ndarray, most: float) -> np.ndarray:
    """Colour numbers from −most, purple, by way of 0, white, to most, orange; none so dark that black is not read."""
    return mpl.colormaps["PuOr_r"](0.5 + values / (3.4 * (most or 1)))


def _color(slide: Slide, values: np.ndarray) -> np.ndarray:
    """Colour the output: as the image if it can have no number below 0."""
    if slide.operation == "max pooling":
        return mpl.colormaps["gray_r"](values)
    return _signed(values, np.abs(slide.output).max())


def _ink(color: tuple[float, float, float]) -> str:
    """Choose black or white for a number on a colour."""
    return "black" if np.dot(color, (0.299, 0.587, 0.114)) > 0.5 else "white"


def _output_so_far(slide: Slide, row: int, column: int) -> np.ndarray:
    """Colour what the window has come to: (rows, columns, 4) uint8; the rest is transparent."""
    colors = (255 * _color(slide, slide.output)).round().astype(np.uint8)
    colors.reshape(-1, 4)[row * colors.shape[1] + column + 1 :] = 0
    return colors


def _frames(slide: Slide, row: int, column: int) -> tuple[int, int]:
    """Find the window's first row and column in the image."""
    return row * slide.stride - slide.before[0], column * slide.stride - slide.before[1]


def _caption(slide: Slide) -> str:
    if slide.operation == "max pooling":
        return "The darker, the larger"
    return "Orange: above 0, purple: below 0"


def _window_caption(slide: Slide) -> str:
    added = {"convolution": ", blue: zeros", "max pooling": ", blue: left out"}[slide.operation]
    return f"The window: {_sides(slide.window)}{added if any(slide._added()) else ''}"


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _margin(slide: Slide) -> int:
    """Return how many pixels of room there are around a map, for a window that reaches beyond the image."""
    return max(1, max(slide.kernel.shape) // 2)


def _unit(slide: Slide) -> float:
    """Return the side of a pixel on the page."""
    return WIDTH / (max(slide.image.shape) + 2 * _margin(slide))


def _page(slide: Slide, row: int, column: int) -> str:
    """Draw it for the page: three SVGs that stand below each other where the page is narrow."""
    unit, shape = _unit(slide), slide.output.shape
    (high, wide), (top, left) = slide.window, _frames(slide, row, column)
    frame = f'fill="none" stroke="{BLUE}" stroke-width="3"'
    grey = (255 * mpl.colormaps["gray_r"](slide.image)).round().astype(np.uint8)
    (first_row, first_column), padded = slide.before, slide.padded.shape
    around = _rectangle(-unit * first_column, -unit * first_row, unit * padded[1], unit * padded[0], f'fill="{AROUND}"')
    before = _map(
        slide,
        f"Input, {_sides(slide.image.shape)}",
        _window_caption(slide),
        around + _bitmap(grey, unit) + _rectangle(unit * left, unit * top, unit * wide, unit * high, frame),
    )
    not_yet = _rectangle(0, 0, unit * shape[1], unit * shape[0], 'fill="url(#not-yet)"')
    after = _map(
        slide,
        f"Output, {_sides(shape)}",
        _caption(slide),
        HATCH
        + not_yet
        + _bitmap(_output_so_far(slide, row, column), unit)
        + _rectangle(unit * column - 1, unit * row - 1, unit + 2, unit + 2, frame),
    )
    what = "the sum of the products" if slide.operation == "convolution" else "the largest of the patch"
    words = f"Output row {row}, column {column}: {what} is {_number(slide.output[row, column])}."
    return (
        '<div style="display: flex; flex-flow: row wrap; gap: 8px; align-items: flex-start; background: white; '
        f'color: black; line-height: 1.3">{before}{_calculation_svg(slide, row, column)}{after}</div>'
        f'<div style="font-size: 16px">{say(words)}</div>'
    )


def _rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def _bitmap(colors: np.ndarray, unit: float) -> str:
    """Draw an array of pixels, each a square."""
    stream = io.BytesIO()
    Image.fromarray(colors).save(stream, "png")
    high, wide = colors.shape[:2]
    return (
        f'<image width="{unit * wide:.1f}" height="{unit * high:.1f}" preserveAspectRatio="none" '
        'style="image-rendering: pixelated" '
        f'href="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"/>'
        + _rectangle(0, 0, unit * wide, unit * high, 'fill="none" stroke="#aaa"')
    )


def _map(slide: Slide, title: str, caption: str, content: str) -> str:
    """Draw the image or the output, both at the same scale, with a line above and one below."""
    margin = _unit(slide) * _margin(slide)
    height = _unit(slide) * slide.image.shape[0] + 2 * margin
    return (
        f'<svg role="img" aria-label="{title}. {caption}." width="{WIDTH}" '
        f'viewBox="0 -24 {WIDTH} {height + 48:.0f}" style="max-width: 100%" font-family="sans-serif" font-size="16">'
        f'<text x="{margin:.0f}" y="-8" font-weight="600">{title}</text>'
        f'<g transform="translate({margin:.1f} {margin:.1f})">{content}</g>'
        f'<text x="{margin:.0f}" y="{height + 14:.0f}">{caption}</text></svg>'
    )


def _read_out(slide: Slide, row: int, column: int) -> str:
    """Put a calculation into words, row by row, for a screen reader."""
    patch = slide.patches[row, column]
    tables = {"Patch": patch}
    if slide.operation == "convolution":
        tables |= {"Kernel": slide.kernel, "Products": patch * slide.kernel}
    return ". ".join(
        f"{name}: " + "; ".join(", ".join(map(_number, line)) for line in table) for name, table in tables.items()
    )


def _calculation_svg(slide: Slide, row: int, column: int) -> str:
    cells, labels = _calculation(slide, row, column)
    width, height = _size(slide)
    parts = [
        f'<svg role="img" aria-label="{_read_out(slide, row, column)}." width="{CELL * width + 4:.0f}" '
        f'viewBox="-2 -34 {CELL * width + 4:.0f} {CELL * height + 44:.0f}" style="max-width: 100%" '
        'font-family="sans-serif" font-size="16" text-anchor="middle">'
    ]
    for cell in cells:
        red, green, blue = (round(255 * part) for part in cell.color)
        edge = f'stroke="{BLUE}" stroke-width="3"' if cell.framed else 'stroke="#aaa"'
        parts.append(
            _rectangle(CELL * cell.x, CELL * cell.y, CELL, CELL, f'fill="rgb({red},{green},{blue})" {edge}')
            + f'<text x="{CELL * (cell.x + 0.5):.1f}" y="{CELL * (cell.y + 0.5) + 6:.1f}" '
            f'fill="{_ink(cell.color)}">{cell.text}</text>'
        )
    for x, y, text in labels:
        size = 26 if len(text) == 1 else 16
        parts.append(f'<text x="{CELL * x:.1f}" y="{CELL * y + 6:.1f}" font-size="{size}">{text}</text>')
    return "".join([*parts, "</svg>"])


def _figure(slide: Slide, row: int, column: int) -> Figure:
    """Draw the same for paper."""
    cells, labels = _calculation(slide, row, column)
    width, height = _size(slide)
    figure = Figure(figsize=(13, max(4.9, 0.52 * height + 1.2)), layout="none")
    figure.subplots_adjust(left=0.01, right=0.99, top=0.9, bottom=0.08, wspace=0.06)
    before, middle, after = figure.subplots(1, 3, width_ratios=(1, max(1.2, 0.16 * width), 1))
    high, wide = slide.window
    top, left = _frames(slide, row, column)
    _draw_map(before, slide, slide.image, f"Input, {_sides(slide.image.shape)}")
    before.imshow(slide.image, cmap="gray_r", vmin=0, vmax=1)
    rows, columns = slide.image.shape
    before.add_patch(Rectangle((-0.5, -0.5), columns, rows, fill=False, edgecolor="0.7"))
    before.add_patch(Rectangle((left - 0.5, top - 0.5), wide, high, fill=False, edgecolor=BLUE, linewidth=2.5))
    before.set_xlabel(_window_caption(slide))
    _draw_map(after, slide, slide.output, f"Output, {_sides(slide.output.shape)}")
    shape = slide.output.shape
    after.add_patch(Rectangle((-0.5, -0.5), shape[1], shape[0], fill=False, hatch="//", edgecolor=NOT_YET, linewidth=0))
    after.add_patch(Rectangle((-0.5, -0.5), shape[1], shape[0], fill=False, edgecolor="0.7", zorder=3))
    after.imshow(_output_so_far(slide, row, column), zorder=2)
    after.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=BLUE, linewidth=2.5, zorder=4))
    after.set_xlabel(_caption(slide))
    for cell in cells:
        edge = {"edgecolor": BLUE, "linewidth": 2.5, "zorder": 3} if cell.framed else {"edgecolor": "0.7"}
        middle.add_patch(Rectangle((cell.x, cell.y), 1, 1, facecolor=cell.color, **edge))
        middle.text(
            cell.x + 0.5, cell.y + 0.5, cell.text, ha="center", va="center", fontsize=12, color=_ink(cell.color),
            zorder=4,
        )  # fmt: skip
    for x, y, text in labels:
        middle.text(x, y, text, ha="center", va="center", fontsize=20 if len(text) == 1 else 13)
    middle.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.7), aspect="equal")
    middle.axis("off")
    return figure


def _draw_map(axes: Axes, slide: Slide, pixels: np.ndarray, title: str) -> None:
    """Prepare axes for the image or the output: both at the same scale, with what is added around the image."""
    rows, columns = slide.image.shape
    if slide.padding == "same" and pixels is slide.image:
        (top, left), padded = slide.before, slide.padded.shape
        axes.add_patch(Rectangle((-left - 0.5, -top - 0.5), padded[1], padded[0], facecolor=AROUND, zorder=-1))
    axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_autoscale_on(False)
    margin = _margin(slide) + 0.5
    axes.set(xlim=(-margin, columns + margin - 1), ylim=(rows + margin - 1, -margin), aspect="equal")
