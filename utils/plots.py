"""The figures' style, and the drawings that several notebooks or the command line use.

Every function returns a `matplotlib.figure.Figure` that belongs to no window: a notebook shows it when it is the last
line of a cell, a script saves it.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.textpath import TextPath
from PIL import Image

if TYPE_CHECKING:
    import keras


#: Colours that a colour-blind reader can tell apart: Okabe and Ito, "Color Universal Design", 2008.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999",
)  # fmt: skip


def use_style() -> None:
    """Set matplotlib's defaults for the series: text that a projector shows, colours that everyone can tell apart."""
    import matplotlib.pyplot as plt

    backend = mpl.get_backend(auto_select=False)
    if backend and "inline" in backend:  # a notebook: load it now, or a figure that ends a cell is not drawn
        plt.switch_backend(backend)
    mpl.rcParams.update(
        {
            "figure.dpi": 80,
            "figure.constrained_layout.use": True,
            "font.size": 13,
            "axes.titlesize": 14,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]),
            "lines.linewidth": 2,
            "image.cmap": "gray_r",
            "legend.frameon": False,
        }
    )


def show_image(axes: Axes, image: np.ndarray, title: str = "", color: str = "black") -> None:
    """Draw one image on axes of its own: ink black, background white, no ticks.

    Parameters
    ----------
    axes
        Where to draw.
    image : (H, W) array
        uint8 in 0 … 255 or floats in [0, 1]; the higher, the darker.
    title, color
        A line above it and the line's colour.
    """
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    axes.set_title(title, color=color)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="0.8")


def show_images(
    images: Sequence[np.ndarray], titles: Sequence[str] = (), columns: int = 10, title: str = "", size: float = 1.2
) -> Figure:
    """Draw images in rows.

    Parameters
    ----------
    images
        Each ``(H, W)``, uint8 in 0 … 255 or floats in [0, 1]; the higher, the darker.
    titles
        A short line above each.
    columns
        How many stand in a row.
    title
        A line above all of them.
    size
        The width and height of each, in inches.

    Returns
    -------
    Figure
    """
    rows = max(1, -(-len(images) // columns))
    height = rows * (size + (0.35 if len(titles) else 0.05)) + (0.5 if title else 0)
    figure = Figure(figsize=(columns * size, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(images) :]:
        axes.axis("off")
    for index, image in enumerate(images):
        show_image(grid[index], image, titles[index] if len(titles) else "")
    figure.suptitle(title)
    return figure


#: Points of a curve: epochs (1 = the end of the first) and values.
Curve = tuple[Sequence[float], Sequence[float]]


def plot_histories(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw loss against epoch and accuracy against epoch, for one training or several over each other.

    Parameters
    ----------
    histories
        By name, what Keras's ``History.history`` holds: ``loss``, ``val_loss``, ``accuracy`` (0 to 1) and
        ``val_accuracy``, a number for each epoch.

    Returns
    -------
    Figure
        Training is drawn as a dashed line, validation as a solid one with points.
    """
    return plot_curves(
        {
            name: {key: (range(1, len(values) + 1), values) for key, values in history.items()}
            for name, history in histories.items()
        }
    )


def plot_curves(trainings: Mapping[str, Mapping[str, Curve]], epochs: int | None = None) -> Figure:
    """Draw loss and accuracy, like `plot_histories`, from points that need not lie at the ends of epochs.

    Parameters
    ----------
    trainings
        By name, the curves ``loss``, ``val_loss``, ``accuracy`` (0 to 1) and ``val_accuracy``.
    epochs
        How far the axes reach at least.

    Returns
    -------
    Figure
        A ring marks the lowest validation loss. Of many trainings, only the last seven have colours and names. A
        curve's ``gid`` is its name and key, such as ``CNN/loss``; a ring's ``CNN/best val_loss``.
    """
    figure = Figure(figsize=(13, 4), layout="none")
    figure.subplots_adjust(left=0.06, right=0.78, bottom=0.15, top=0.91, wspace=0.2)
    loss, accuracy = figure.subplots(1, 2)
    entries = []
    for index, (name, curves) in enumerate(trainings.items()):
        color, best = f"C{index % _COLORS}", best_epoch(curves)
        if index < len(trainings) - _COLORS:
            color = "0.85"
        else:
            label = name if best is None else f"{name}\nbest: epoch {best}"
            entries.append(Line2D([], [], color=color, label=label))
        for axes, key, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
            at, values = curves.get(key, ((), ()))
            if len(values):
                axes.plot(at, np.multiply(values, scale), "--", color=color, gid=f"{name}/{key}")
            at, values = curves.get(f"val_{key}", ((), ()))
            if len(values):
                axes.plot(at, np.multiply(values, scale), "o-", color=color, gid=f"{name}/val_{key}")
            if len(values) and best is not None:
                lowest = int(np.nanargmin(curves["val_loss"][1]))
                axes.plot(at[lowest], scale * values[lowest], "o", color=color, gid=f"{name}/best val_{key}", **_RING)
    tops = [max(_later(line), default=0) for line in loss.lines] or [2.3]
    highest = min(max(tops), max(4, 1.5 * min(tops)))  # a training that has gone wild must not flatten the others
    lowest = min((value for line in accuracy.lines for value in _later(line)), default=0)
    loss.set(title="Loss", ylabel="Loss (cross-entropy)", ylim=(0, 1.1 * max(highest, 1e-3)))
    bottom = max(0, min(99, 100 - 1.1 * (100 - lowest)))
    accuracy.set(title="Accuracy", ylabel="Accuracy (%)", ylim=(bottom, 100.3))
    for axes in (loss, accuracy):
        axes.set(xlabel="Epoch", xlim=(0, max(epochs or 1, axes.dataLim.x1 + 0.1 if axes.lines else 1)))
        axes.xaxis.get_major_locator().set_params(integer=True)
    entries.append(Line2D([], [], color="0.4", linestyle="--", label="training"))
    entries.append(Line2D([], [], color="0.4", marker="o", label="validation"))
    entries.append(Line2D([], [], color="0.4", marker="o", **_RING, label="lowest validation loss"))
    figure.legend(handles=entries, loc="center left", bbox_to_anchor=(0.785, 0.53), fontsize=11)
    return figure


def best_epoch(curves: Mapping[str, Curve]) -> int | None:
    """Find the epoch, counted from 1, with the lowest validation loss; None if there was no validation."""
    at, losses = curves.get("val_loss", ((), ()))
    return math.ceil(at[int(np.nanargmin(losses))]) if np.isfinite(losses).any() else None


#: How many trainings have a colour of their own.
_COLORS = 7
#: How the best epoch is marked.
_RING = {"markersize": 15, "markerfacecolor": "none", "markeredgewidth": 2, "linestyle": "none", "clip_on": False}


def _later(line: Line2D) -> np.ndarray:
    """Take the values of a curve, but for its first steep piece, which would leave no room for the rest."""
    at, values = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    values = values[at >= 0.3] if at[-1] >= 1 else values
    return values[np.isfinite(values)]


#: Sizes of a drawn network, in inches: the highest picture or column, the thickest stack of channels, a line of text.
_HIGHEST, _THICKEST, _LINE = 1.7, 0.85, 0.23
#: How a square that goes into the depth is drawn: so far to the right and upwards, in shares of its side.
_DEPTH = 0.4, 0.25


@dataclass
class _Block:
    """A block of a drawn network: what a layer gives, and that layer and those behind it that leave the shape alone."""

    shape: tuple[int, ...]
    filled: bool
    #: Each with its colour.
    lines: list[tuple[str, str]]

    def size(self, pixel: float, channel: float, unit: float) -> tuple[float, float, float]:
        """Return how thick and how high it is, and how far it goes into the depth."""
        if len(self.shape) == 3:
            rows, columns, channels = self.shape
            return max(0.02, channel * channels), max(0.05, pixel * rows), max(0.05, pixel * columns)
        return 0.16, max(0.05, unit * math.prod(self.shape)), 0.16

    def width(self, lines_of_shape: int) -> float:
        """Return how much room its text needs."""
        texts = [(text, "normal") for text, _ in self.lines]
        texts += [(text, "bold") for text in _write_shape(self.shape, lines_of_shape)]
        paths = (TextPath((0, 0), text, size=12, prop=FontProperties(weight=weight)) for text, weight in texts)
        return max(path.get_extents().width for path in paths) / 72


def draw_network(model: "keras.Model") -> Figure:
    """Draw a network as blocks in true proportions: what it makes of an image, from layer to layer.

    Parameters
    ----------
    model
        A network whose layers follow each other.

    Returns
    -------
    Figure
        A picture is a block: as high and deep as it has pixels, as thick as it has channels; a dense layer is a column,
        as high as it has units. Blocks whose layer has weights are filled. Layers that change no shape, and flattening,
        are named under the block before them.
    """
    blocks = _find_blocks(model)
    pictures = [block.shape for block in blocks if len(block.shape) == 3]
    units = [math.prod(block.shape) for block in blocks if len(block.shape) != 3]
    pixel = _HIGHEST / 1.25 / max((max(shape[:2]) for shape in pictures), default=1)
    channel = min(0.012, _THICKEST / max((shape[2] for shape in pictures), default=1))
    unit = min(0.08, _HIGHEST / max(units, default=1))
    lines_of_shape = 1 if len(blocks) <= 9 else 2  # many blocks stand close together
    slots = []
    for block in blocks:
        thick, _, deep = block.size(pixel, channel, unit)
        slots.append(max(block.width(lines_of_shape) + 0.2, thick + _DEPTH[0] * deep + 0.3))
    width = max(7.0, sum(slots))
    slots = [slot + (width - sum(slots)) / len(slots) for slot in slots]
    below = _LINE * max(len(block.lines) for block in blocks)
    middle = below + 0.3 + _HIGHEST / 2
    height = middle + _HIGHEST / 2 + 0.25 + _LINE * lines_of_shape + 0.45
    figure = Figure(figsize=(width, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    left = before = 0.0
    for index, (block, slot) in enumerate(zip(blocks, slots, strict=True)):
        thick, high, deep = block.size(pixel, channel, unit)
        right, up = _DEPTH[0] * deep, _DEPTH[1] * deep
        center = left + slot / 2
        x, y = center - (thick + right) / 2, middle - (high + up) / 2
        _draw_block(axes, (x, y), (thick, high), (right, up), SKY if block.filled else "white")
        if index:
            arrow = {"arrowstyle": "-|>", "color": "0.3", "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (x - 0.04, middle), (before + 0.04, middle), arrowprops=arrow)
        before = x + thick + right
        for line, text in enumerate(reversed(_write_shape(block.shape, lines_of_shape))):
            at = middle + _HIGHEST / 2 + 0.12 + line * _LINE
            axes.text(center, at, text, ha="center", va="bottom", fontsize=12, fontweight="bold")
        for line, (text, color) in enumerate(block.lines):
            at = middle - _HIGHEST / 2 - 0.12 - line * _LINE
            axes.text(center, at, text, ha="center", va="top", fontsize=12, color=color)
        left += slot
    title = f"{model.name}: {model.count_params():,} parameters (blue: those of each layer)"
    axes.text(width / 2, height - 0.12, title, ha="center", va="top", fontsize=14)
    return figure


def _find_blocks(model: "keras.Model") -> list[_Block]:
    """Group layers: a block begins where there is a kernel, or where the shape changes, except by flattening."""
    shape = tuple(model.input_shape[1:])
    blocks = [_Block(shape, False, [("Input", "black")])]
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            continue
        before, shape = shape, tuple(layer.output.shape[1:])
        parameters = layer.count_params()
        if hasattr(layer, "kernel") or (shape != before and kind != "Flatten"):
            blocks.append(_Block(shape, bool(parameters), []))
        lines, color = blocks[-1].lines, "0.35" if blocks[-1].lines else "black"
        lines += [(text, color) for text in _name_layer(layer, kind, shape)]
        if parameters:
            lines.append((f"{parameters:,}", BLUE))
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if activation != "linear" and kind != "Activation":
            lines.append((activation.replace("relu", "ReLU"), "0.35"))
    return blocks


def _name_layer(layer: "keras.Layer", kind: str, shape: tuple[int, ...]) -> list[str]:
    """Put a layer into a few words: its kind, and the settings that decide on its shape."""
    name = kind.removesuffix("Layer").replace("Normalization", "Norm").replace("Pooling2D", "Pool")
    if kind == "Flatten":
        return [f"Flatten: {shape[0]:,}"]
    if kind == "Dropout":
        return [f"Dropout {layer.rate:g}"]
    if kind == "Activation":
        return [layer.activation.__name__.replace("relu", "ReLU")]
    window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if window is None:
        return [name]
    window, strides = tuple(window), tuple(layer.strides)
    usual = window if hasattr(layer, "pool_size") else (1,) * len(window)
    text = " × ".join(map(str, window))
    return [name, text if strides == usual else f"{text}, stride {strides[0]}"]


def _write_shape(shape: tuple[int, ...], lines: int) -> list[str]:
    """Write 28 × 28 × 32 in one line, or with its channels in a second."""
    texts = [f"{side:,}" if side else "?" for side in shape]
    if lines == 1 or len(texts) < 3:
        return [" × ".join(texts)]
    return [" × ".join(texts[:2]), f"× {texts[2]}"]


def _draw_block(
    axes: Axes, corner: tuple[float, float], size: tuple[float, float], depth: tuple[float, float], color: str
) -> None:
    """Draw a cuboid seen from the left, from its lower left corner: the front, and in shade the top and the side."""
    (x, y), (wide, high), (right, up) = corner, size, depth
    front = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
    top = [(x, y + high), (x + wide, y + high), (x + wide + right, y + high + up), (x + right, y + high + up)]
    side = [(x + wide, y), (x + wide + right, y + up), (x + wide + right, y + high + up), (x + wide, y + high)]
    for points, shade in ((front, 1.0), (top, 0.94), (side, 0.86)):
        face = tuple(shade * part for part in to_rgb(color))
        axes.add_patch(Polygon(points, facecolor=face, edgecolor="0.3", linewidth=1, joinstyle="round"))


def show_probabilities(axes: Axes, probabilities: np.ndarray) -> None:
    """Draw the ten probabilities of one image as bars, the highest in orange.

    Parameters
    ----------
    axes
        Where to draw.
    probabilities : (10,) array
        0 to 1.
    """
    bars = axes.bar(range(10), probabilities, color=BLUE)
    bars[int(np.argmax(probabilities))].set_color(ORANGE)
    axes.set(xticks=range(10), ylim=(0, 1), xlabel="Digit", ylabel="Probability")


def to_png(figure: Figure, small: bool = False) -> bytes:
    """Draw a figure as a notebook would show it.

    Parameters
    ----------
    figure
        Any.
    small
        Whether to take the time to compress it well, for a picture that is stored.

    Returns
    -------
    bytes
        A PNG.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return encode(canvas, small)


def encode(canvas: FigureCanvasAgg, small: bool = False) -> bytes:
    """Compress what was drawn on a canvas as a PNG; see `to_png`."""
    picture = io.BytesIO()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.save(picture, "png", compress_level=6 if small else 1)
    return picture.getvalue()
