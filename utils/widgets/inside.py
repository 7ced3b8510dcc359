"""Notebooks 07 and 09: what goes on inside a convolutional network when it reads a digit."""

from typing import TYPE_CHECKING

import ipywidgets as widgets
import keras
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.plots import show_image
from utils.reader import Reading, predict_probabilities, scale_pixels
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture

if TYPE_CHECKING:
    from utils.widgets.pad import DrawingPad


def feature_maps(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Compute what each block of a convolutional network makes of an image.

    Parameters
    ----------
    model
        A network with ReLU layers that give pictures.
    image : (28, 28) uint8 array
        0 = background, 255 = ink.

    Returns
    -------
    dict of str to (h, w, channels) float32 array
        By layer, what its ReLU lets through: where each filter has found what it looks for, and how clearly.

    Raises
    ------
    DigitsError
        If the network is not convolutional, or has no such layers.
    """
    if not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        raise DigitsError(f"{model.name} has no convolution: name a network such as that of build_cnn.")
    chosen = [layer for layer in model.layers if isinstance(layer, keras.layers.ReLU) and layer.output.ndim == 4]
    if not chosen:
        raise DigitsError(f"{model.name} has no ReLU layer of its own behind a convolution, as that of build_cnn has.")
    inner = keras.Model(model.input, [layer.output for layer in chosen])
    maps = inner(scale_pixels(image[np.newaxis]), training=False)
    return {layer.name: keras.ops.convert_to_numpy(found)[0] for layer, found in zip(chosen, maps, strict=True)}


def occlusion_map(model: keras.Model, image: np.ndarray, size: int = 5) -> tuple[int, np.ndarray]:
    """Measure on which pixels a decision rests: cover a square at each place, and ask again.

    The method is that of Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014.

    Parameters
    ----------
    model
        A trained network.
    image : (28, 28) uint8 array
        0 = background, 255 = ink.
    size
        The side of the square, an odd number of pixels. It is white: ink in it is taken away.

    Returns
    -------
    digit : int
        What the network reads.
    drop : (28, 28) float32 array
        By how much the log-odds of that digit, log(p / (1 − p)), fall when the square is centred there; negative
        where they rise. (The probability itself hardly moves while it is near 1.)
    """
    covered = np.repeat(image[np.newaxis], SIDE * SIDE, axis=0)
    half = size // 2
    for index, (row, column) in enumerate(np.ndindex(SIDE, SIDE)):
        covered[index, max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1] = 0
    table = predict_probabilities(model, np.concatenate([image[np.newaxis], covered]))
    digit = int(table[0].argmax())
    sure = np.clip(table[:, digit], 1e-7, 1 - 1e-7)
    odds = np.log(sure / (1 - sure))
    return digit, (odds[0] - odds[1:]).reshape(SIDE, SIDE)


def show_occlusion(axes: Axes, image: np.ndarray, drop: np.ndarray, title: str = "") -> None:
    """Draw a map of `occlusion_map`, with the outline of the ink.

    Parameters
    ----------
    axes
        Where to draw.
    image : (28, 28) uint8 array
        0 = background, 255 = ink.
    drop : (28, 28) array
        Drawn orange where the decision rests on the ink, purple where it would be surer without it.
    title
        A line above it.
    """
    most = max(1.0, float(np.abs(drop).max()))
    axes.imshow(drop, cmap="PuOr_r", vmin=-most, vmax=most)
    if image.any():
        axes.contour(image, [127], colors="black", linewidths=1.5)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set(visible=True, color="0.8")


def look_inside(model: keras.Model, images: np.ndarray, pad: "DrawingPad | None" = None) -> Panel:
    """Follow a digit through a convolutional network, layer by layer.

    Parameters
    ----------
    model
        A network such as `utils.networks.models.build_cnn`, trained.
    images : (n, 28, 28) uint8 array
        The digits to choose from: 0 = background, 255 = ink.
    pad
        A drawing pad, whose digits take the place of the images as soon as one is drawn.

    Returns
    -------
    Panel
        Sliders for the digit and the block of layers, the digit, the occlusion map, and the feature maps of that block.
    """
    shown = list(images)
    names = list(feature_maps(model, images[0]))
    which = widgets.IntSlider(description="Image", min=1, max=len(shown), style=WIDE, layout={"width": "26em"})
    block = widgets.IntSlider(description="Block", min=1, max=len(names), style=WIDE, layout={"width": "26em"})
    picture = Picture()

    def draw() -> Figure:
        image = shown[min(which.value, len(shown)) - 1]  # the pad may just have brought fewer
        return _figure(model, image, names[block.value - 1], block.value)

    def show(_: object = None) -> None:
        picture.show(draw(), f"what the network sees, what it needs, and the feature maps of block {block.value}")

    def follow(reading: Reading) -> None:
        if reading.digits:
            which.unobserve(show, "value")  # one drawing is enough
            shown[:] = reading.images
            which.value, which.max = 1, len(shown)
            which.layout.display = "none" if len(shown) == 1 else ""
            which.observe(show, "value")
            show()

    for control in (which, block):
        control.observe(show, "value")
    if pad is not None:
        pad.on_reading(follow)
    show()
    return Panel([widgets.HBox([which, block], layout=BESIDE), picture], "Look inside the network", draw)


def _figure(model: keras.Model, image: np.ndarray, name: str, block: int) -> Figure:
    maps = feature_maps(model, image)[name]
    digit, drop = occlusion_map(model, image)
    channels = maps.shape[-1]
    figure = Figure(figsize=(13, 3.8), layout="none")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    first, second = left.subplots(1, 2, gridspec_kw={"left": 0.02, "right": 0.98, "bottom": 0, "wspace": 0.08})
    show_image(first, image, "What it sees")
    show_occlusion(second, image, drop, f"Read as {digit}: orange counts")
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    kernel = keras.ops.convert_to_numpy(convolutions[block - 1].kernel)
    title = f"Where each of the {channels} filters of block {block} found something"
    grid = {"left": 0.02, "right": 0.98, "top": 0.9, "bottom": 0.01, "hspace": 0.25}
    if kernel.shape[2] == 1:  # a filter that reads a single picture is a picture itself
        filters, found = right.subplots(2, 1, height_ratios=(1, 1.6), gridspec_kw=grid)
        most = np.abs(kernel).max()
        filters.imshow(_tile(kernel[:, :, 0]), cmap="PuOr_r", vmin=-most, vmax=most)
        filters.set(xticks=[], yticks=[], title=f"The {channels} filters: orange wants ink, purple wants none")
        filters.spines[:].set_visible(False)
    else:
        found = right.subplots(gridspec_kw=grid)
    found.imshow(_tile(maps), cmap=mpl.colormaps["gray_r"].with_extremes(bad="#cfe3f3"), vmin=0)
    found.set(xticks=[], yticks=[], title=title)
    found.spines[:].set_visible(False)
    return figure


def _tile(maps: np.ndarray) -> np.ndarray:
    """Lay the channels of ``(h, w, channels)`` beside each other, with a line of NaN between them."""
    enlarge = max(1, 12 // len(maps))
    maps = maps.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    side, _, channels = maps.shape
    columns = next((number for number in range(8, channels + 1) if number * number >= 2 * channels), 8)
    tiles = np.full((-(-channels // columns), columns, side + 1, side + 1), np.nan)
    for index in range(channels):
        tiles[divmod(index, columns)][:side, :side] = maps[..., index]
    return tiles.transpose(0, 2, 1, 3).reshape(-1, columns * (side + 1))[:-1, :-1]
