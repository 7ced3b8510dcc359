"""Notebook 02: prepare an image by hand, with a slider for each step."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from utils.mnist import SIDE
from utils.plots import show_image, show_probabilities
from utils.reader import limit_stroke, normalise_digit, read_image, trim
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture

if TYPE_CHECKING:
    import keras

Centring = Literal["by its mass", "by its box", "not at all"]
CENTRINGS: tuple[Centring, ...] = ("by its mass", "by its box", "not at all")


def prepare_by_hand(
    grey: np.ndarray,
    threshold: int,
    blur: float = 0,
    stroke: float | None = None,
    light_ink: bool = False,
    centring: Centring = "by its mass",
) -> tuple[np.ndarray, np.ndarray]:
    """Take the six steps of notebook 02 with settings of one's own.

    Parameters
    ----------
    grey : (H, W) uint8 array
        0 = black, 255 = white.
    threshold
        What is below this, 0 to 255, counts as paper.
    blur
        The standard deviation of the Gaussian that is applied first, in thousandths of the image's longer side.
    stroke
        The width to which the stroke is brought, in pixels of the result; None leaves it.
    light_ink
        Whether the ink is lighter than the paper.
    centring
        What comes to the middle of the result: the centre of mass, the middle of the box around the ink, or, with the
        whole image merely scaled down, whatever is there.

    Returns
    -------
    ink : (H, W) uint8 array
        What lies above the threshold: 0 = paper, 255 = ink.
    image : (28, 28) uint8 array
        What a network is given.
    """
    ink = grey if light_ink else 255 - grey
    if blur:
        ink = cv2.GaussianBlur(ink, (0, 0), blur * max(ink.shape) / 1000)
    ink = np.where(ink > threshold, 255, 0).astype(np.uint8)
    if centring == "not at all":
        longer = max(ink.shape)
        square = np.zeros((longer, longer), np.uint8)
        top, left = (longer - ink.shape[0]) // 2, (longer - ink.shape[1]) // 2
        square[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
        return ink, cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    digit = trim(ink) if stroke is None or not ink.any() else limit_stroke(ink, stroke, stroke)
    image = normalise_digit(digit, stroke=None)
    if centring == "by its box" and image.any():
        x, y, w, h = cv2.boundingRect(image)
        boxed = np.zeros_like(image)
        top, left = (SIDE - h) // 2, (SIDE - w) // 2
        boxed[top : top + h, left : left + w] = image[y : y + h, x : x + w]
        image = boxed
    return ink, image


def try_preparation(files: Sequence[Path], model: "keras.Model", first: str = "") -> Panel:
    """Prepare an image with sliders, and see at once what a network reads.

    Parameters
    ----------
    files
        Images with a single digit.
    model
        A trained network.
    first
        The name of the image to begin with.

    Returns
    -------
    Panel
        A choice of the image, sliders for the steps, and a figure: the image, its ink, the 28 × 28 result, and the
        network's ten probabilities.
    """
    from utils.reader import predict_probabilities

    names = {file.name: file for file in files}
    layout = {"width": "30em"}
    file = widgets.Dropdown(description="Image", options=names, style=WIDE, layout={"width": "20em"})
    threshold = widgets.IntSlider(description="Threshold", max=250, style=WIDE, layout=layout)
    blur = widgets.FloatSlider(
        description="Blur (‰ of the image)", max=20, step=0.5, readout_format=".1f", style=WIDE, layout=layout
    )
    stroke = widgets.FloatSlider(
        description="Stroke (pixels of 28; 0: as it is)",
        max=6,
        step=0.25,
        readout_format=".2f",
        style=WIDE,
        layout=layout,
    )
    centring = widgets.Dropdown(description="Centre it", options=CENTRINGS, style=WIDE, layout={"width": "20em"})
    light = widgets.Checkbox(description="Ink is lighter than paper", indent=False, layout={"width": "20em"})
    picture = Picture()
    pages: dict[Path, np.ndarray] = {}

    def read() -> np.ndarray:
        if file.value not in pages:
            pages[file.value] = read_image(file.value)
        return pages[file.value]

    def choose(_: object) -> None:
        """Begin with the threshold that Otsu's method finds."""
        level, _ = cv2.threshold(255 - read(), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        threshold.value = int(np.clip(level, threshold.min, threshold.max))

    def draw() -> tuple[Figure, str]:
        page = read()
        ink, image = prepare_by_hand(
            page, threshold.value, blur.value, stroke.value or None, light.value, centring.value
        )
        if not image.any():
            return _figure(page, ink, image, None), "no ink is left"
        (probabilities,) = predict_probabilities(model, image[np.newaxis])
        return _figure(page, ink, image, probabilities), f"read as {probabilities.argmax()}, {probabilities.max():.0%}"

    def show(_: object = None) -> None:
        picture.show(*draw())

    file.value = names.get(first, file.value)
    choose(None)
    controls = [file, threshold, blur, stroke, centring, light]
    for control in controls:
        control.observe(show, "value")
    file.observe(choose, "value")
    show()
    left, right = widgets.VBox([file, centring, light]), widgets.VBox([threshold, blur, stroke])
    return Panel([widgets.HBox([left, right], layout=BESIDE), picture], "Prepare an image by hand", lambda: draw()[0])


def _figure(page: np.ndarray, ink: np.ndarray, image: np.ndarray, probabilities: np.ndarray | None) -> Figure:
    figure = Figure(figsize=(13, 3.1), layout="none")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.19, top=0.88, wspace=0.25)
    first, second, third, fourth = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.5))
    step = -(-max(page.shape) // 400)
    show_image(first, 255 - page[::step, ::step], "Image")
    show_image(second, ink[::step, ::step], "Above the threshold")
    show_image(third, image, f"{SIDE} × {SIDE}")
    show_probabilities(fourth, np.zeros(10) if probabilities is None else probabilities)
    fourth.set_title("No ink is left: lower the threshold")
    if probabilities is not None:
        fourth.set_title(f"Read as {probabilities.argmax()}, {probabilities.max():.0%}")
    return figure
