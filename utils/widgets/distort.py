"""Notebook 10: distort digits with sliders, and see what a network makes of them."""

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from utils.networks import warp
from utils.plots import RED, show_image
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture

if TYPE_CHECKING:
    import keras

#: Where each slider leaves the digits as they are.
UNCHANGED = {"turn": 0.0, "slant": 0.0, "right": 0.0, "down": 0.0, "wide": 1.0, "high": 1.0}


def try_distortions(images: np.ndarray, labels: np.ndarray, model: "keras.Model", turn: int = 0) -> Panel:
    """Move, turn, scale and slant digits with sliders, and see at once how a network reads them.

    Parameters
    ----------
    images : (n, 28, 28) uint8 array
        A handful of digits.
    labels : (n,) array
        What they are.
    model
        A trained network.
    turn
        How far they are turned at first, in degrees.

    Returns
    -------
    Panel
        The sliders, a button that takes everything back, and the digits, each with what is read.
    """
    from utils.reader import predict_probabilities

    layout = {"width": "30em"}

    def slider(name: str, low: float, high: float, step: float, value: float = 0.0) -> widgets.FloatSlider:
        return widgets.FloatSlider(
            description=name, min=low, max=high, step=step, value=value, style=WIDE, layout=layout,
            readout_format=".2f" if step < 0.1 else ".0f",
        )  # fmt: skip

    controls = {
        "turn": slider("Turn (degrees, clockwise)", -180, 180, 5),
        "slant": slider("Slant (pixels for each upwards)", -1.5, 1.5, 0.05),
        "right": slider("Move to the right (pixels)", -14, 14, 1),
        "down": slider("Move down (pixels)", -14, 14, 1),
        "wide": slider("Width (factor)", 0.3, 2, 0.05, 1.0),
        "high": slider("Height (factor)", 0.3, 2, 0.05, 1.0),
    }
    back = widgets.Button(description="As they were", tooltip="Take all distortions back")
    picture = Picture()

    def draw() -> tuple[Figure, str]:
        settings = {name: control.value for name, control in controls.items()}
        warped = warp(images[..., np.newaxis], **settings)[..., 0]
        probabilities = predict_probabilities(model, warped)
        read = probabilities.argmax(axis=1)
        right = int((read == labels).sum())
        figure = Figure(figsize=(1.3 * len(images), 2.0), layout="constrained")
        (grid,) = figure.subplots(1, len(images), squeeze=False)
        for axes, image, digit, label in zip(grid, warped, read, labels, strict=True):
            show_image(axes, image, str(digit), "black" if digit == label else RED)
        figure.suptitle(f"Read as ({right} of {len(images)} are right)", fontsize=13)
        changed = [f"{name} {value:g}" for name, value in settings.items() if value != UNCHANGED[name]]
        words = f"read as {', '.join(map(str, read))}; {right} of {len(images)} are right"
        return figure, f"{', '.join(changed) or 'as they were'}: {words}"

    def show(_: object = None) -> None:
        picture.show(*draw())

    def reset(_: object) -> None:
        for name, control in controls.items():
            control.value = UNCHANGED[name]

    controls["turn"].value = turn
    for control in controls.values():
        control.observe(show, "value")
    back.on_click(reset)
    show()
    rows = list(controls.values())
    columns = [widgets.VBox(rows[start : start + 2]) for start in (0, 2, 4)]
    return Panel(
        [widgets.HBox(columns, layout=BESIDE), back, picture], "Distort digits and see them read", lambda: draw()[0]
    )
