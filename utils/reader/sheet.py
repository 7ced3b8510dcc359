"""A picture of images with what was read in them."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils.paths import printable
from utils.plots import BLUE, RED
from utils.reader.images import read_image
from utils.reader.reading import Reading


def prediction_sheet(readings: Sequence[Reading], columns: int = 6) -> Figure:
    """Draw images with what was read in them.

    Parameters
    ----------
    readings
        What `utils.reader.read_digits` gave for each file.
    columns
        How many stand in a row.

    Returns
    -------
    Figure
        Each image with a frame around each digit found, red where it is unsure, and the text.
    """
    rows = max(1, -(-len(readings) // columns))
    figure = Figure(figsize=(columns * 2, rows * 2.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, reading in zip(grid, readings, strict=False):
        name = printable(reading.file.replace("\\", "/").rsplit("/", 1)[-1])
        axes.text(
            0.5, -0.04, name, transform=axes.transAxes, ha="center", va="top", fontsize=9, color="0.4", parse_math=False
        )
        if reading.error:
            axes.text(0.5, 0.5, "cannot be read", transform=axes.transAxes, ha="center", color=RED)
            continue
        image = read_image(reading.file)
        height, width = image.shape
        step = -(-max(image.shape) // 500)  # a tile is small, and hundreds of photos are large
        axes.imshow(
            image[::step, ::step], cmap="gray", vmin=0, vmax=255, extent=(-0.5, width - 0.5, height - 0.5, -0.5)
        )
        for digit in reading.digits:
            x, y, w, h = digit.box
            color, style = (BLUE, "-") if digit.confident else (RED, "--")
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=color, linestyle=style, linewidth=1.5)
            )
        lines = [*reading.marked.splitlines(), *filter(None, [reading.note])]
        size = min(15, 150 / max(map(len, lines)))
        axes.set_title("\n".join(lines), fontsize=size if len(lines) < 3 else 10)
    return figure
