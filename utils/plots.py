"""The figures' style, and the drawings that several notebooks or the command line use.

Every function returns a `matplotlib.figure.Figure` that belongs to no window: a notebook shows it when it is the last
line of a cell, a script saves it.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from utils.mnist import SIDE

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


def draw_network(model: "keras.Model") -> Figure:
    """Draw a network as a row of layers: what each is, the shape of what it gives, and how many parameters it has.

    Parameters
    ----------
    model
        A network whose layers follow each other.

    Returns
    -------
    Figure
        Boxes with weights are filled; a box is the taller, the larger its picture is, or the more units it has.
    """
    shapes = [layer.output.shape[1:] for layer in model.layers]
    figure = Figure(figsize=(min(13, max(7, 1.2 * len(shapes))), 4.6), layout="constrained")
    axes = figure.subplots()
    for index, (layer, shape) in enumerate(zip(model.layers, shapes, strict=True)):
        height = 1.15 + 1.4 * (shape[0] / SIDE if len(shape) == 3 else np.log10(shape[0]) / 3)
        parameters = layer.count_params()
        color = SKY if parameters else "white"
        axes.add_patch(
            FancyBboxPatch(
                (index - 0.3, -height / 2), 0.6, height, boxstyle="round,pad=0.04", facecolor=color, edgecolor="0.3"
            )
        )
        if index:
            axes.annotate(
                "", (index - 0.36, 0), (index - 0.64, 0), arrowprops={"arrowstyle": "-|>", "color": "0.3", "lw": 1.5}
            )
        kind = type(layer).__name__.removesuffix("Layer").removesuffix("2D").replace("Normalization", "Norm")
        axes.text(index, 0, kind, rotation=90, ha="center", va="center", fontsize=12)
        axes.text(index + 0.25, -1.6, " × ".join(map(str, shape)), rotation=40, ha="right", va="top", fontsize=12)
        if parameters:
            axes.text(index - 0.2, 1.5, f"{parameters:,}", rotation=40, fontsize=12, color=BLUE)
    axes.set(xlim=(-1.1, len(shapes) - 0.2), ylim=(-2.9, 2.3))
    axes.axis("off")
    axes.set_title(f"{model.name}: {model.count_params():,} parameters (blue: those of each layer)")
    return figure


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
