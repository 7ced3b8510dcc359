"""Notebook 05: put a network together and see what becomes of its shapes and parameters."""

import html
import math
from typing import Literal

import ipywidgets as widgets
import keras
from keras import layers

from utils.plots import draw_network
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture


def build_network(
    blocks: int, filters: int, kernel: Literal[3, 5], dense: int, units: int, dropout: float
) -> tuple[keras.Model, str]:
    """Build a network from a few choices.

    Parameters
    ----------
    blocks
        How many times a convolution is followed by a pooling, 0 to 4.
    filters
        Filters of the first convolution; each later one has twice as many as the one before.
    kernel
        The side of the filters, in pixels.
    dense
        How many hidden dense layers follow, 0 to 3.
    units
        The units of each.
    dropout
        The share of inputs that is switched off before the last layer; 0 leaves that layer out.

    Returns
    -------
    model : keras.Model
        Untrained, not compiled.
    code : str
        The Python code that builds it.
    """
    same, relu = ', padding="same"', ', activation="relu"'
    stack = [(keras.Input((28, 28, 1)), "keras.Input((28, 28, 1))")]
    for block in range(blocks):
        number = filters * 2**block
        convolution = layers.Conv2D(number, kernel_size=kernel, padding="same", activation="relu")
        stack.append((convolution, f"layers.Conv2D({number}, kernel_size={kernel}{same}{relu})"))
        stack.append((layers.MaxPooling2D(pool_size=2), "layers.MaxPooling2D(pool_size=2)"))
    stack.append((layers.Flatten(), "layers.Flatten()"))
    stack += [(layers.Dense(units, activation="relu"), f"layers.Dense({units}{relu})") for _ in range(dense)]
    if dropout:
        stack.append((layers.Dropout(dropout), f"layers.Dropout({dropout:g})"))
    stack.append((layers.Dense(10, activation="softmax"), 'layers.Dense(10, activation="softmax")'))
    code = "model = keras.Sequential([\n" + "".join(f"    {line},\n" for _, line in stack) + "])"
    return keras.Sequential([layer for layer, _ in stack], name="yours"), code


def try_network() -> Panel:
    """Choose layers, filters and units; the drawing, the shapes, the parameters and the code follow.

    Returns
    -------
    Panel
        Sliders, a line that counts, the drawing of `utils.plots.draw_network`, and the Keras code.
    """
    slider = {"style": WIDE, "layout": {"width": "26em"}, "continuous_update": False}
    blocks = widgets.IntSlider(description="Convolutions", value=2, max=4, **slider)
    filters = widgets.SelectionSlider(description="Filters of the first", options=(4, 8, 16, 32), value=8, **slider)
    kernel = widgets.ToggleButtons(
        description="Their size", options={"3 × 3": 3, "5 × 5": 5}, style={"button_width": "5em"}
    )
    dense = widgets.IntSlider(description="Hidden dense layers", value=1, max=3, **slider)
    units = widgets.SelectionSlider(
        description="Units of each", options=(16, 32, 64, 128, 256, 512), value=64, **slider
    )
    dropout = widgets.FloatSlider(description="Dropout", max=0.8, step=0.1, readout_format=".1f", **slider)
    counted, picture, code = widgets.HTML(), Picture(), widgets.HTML()

    def build() -> tuple[keras.Model, str]:
        return build_network(*(control.value for control in (blocks, filters, kernel, dense, units, dropout)))

    def show(_: object = None) -> None:
        filters.disabled = kernel.disabled = not blocks.value
        units.disabled = not dense.value
        model, text = build()
        picture.show(draw_network(model), f"{len(model.layers)} layers, {model.count_params():,} parameters")
        counted.value = (
            f"<b>{model.count_params():,} parameters</b>, {_count_products(model):,} multiplications per image"
        )
        code.value = f'<pre style="line-height: 1.3">{html.escape(text)}</pre>'

    for control in (blocks, filters, kernel, dense, units, dropout):
        control.observe(show, "value")
    show()
    controls = widgets.HBox(
        [widgets.VBox([blocks, filters, kernel]), widgets.VBox([dense, units, dropout])], layout=BESIDE
    )
    return Panel([controls, counted, picture, code], "Put a network together", lambda: draw_network(build()[0]))


def _count_products(model: keras.Model) -> int:
    """Count the multiplications by weights for one image: a filter is used at every place of its picture."""
    places = {layer: layer.output.shape[1] * layer.output.shape[2] for layer in model.layers if layer.output.ndim == 4}
    return sum(math.prod(layer.kernel.shape) * places.get(layer, 1) for layer in model.layers if layer.weights)
