"""The figure of a training that is under way, drawn again and again without taking the training's time."""

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.plots import Curve, encode, plot_curves, to_png

Curves = Mapping[str, Curve]


class Drawing:
    """The figure of a training, drawn again quickly: what seldom changes is drawn once and kept."""

    def __init__(self, name: str, earlier: Mapping[str, Curves], epochs: int) -> None:
        names = itertools.chain([name], (f"{name} ({number})" for number in itertools.count(2)))
        self._name = next(free for free in names if free not in earlier)
        self._earlier, self._epochs = earlier, epochs
        self._shown: tuple | None = None

    def finish(self, curves: Curves) -> bytes:
        """Draw everything anew, for the picture that stays."""
        return to_png(self._plot(curves), small=True)

    def _plot(self, curves: Curves) -> Figure:
        return plot_curves({**self._earlier, self._name: curves}, self._reach(curves))

    def _reach(self, curves: Curves) -> int:
        """Choose how far the axes reach: to the end, unless that would squeeze what there is into a corner."""
        now = max((at[-1] for at, _ in curves.values() if len(at)), default=0)
        return min(self._epochs, max(10, 2 ** int(np.ceil(np.log2(now + 1)))))

    def draw(self, curves: Curves) -> bytes:
        """Draw the curves as they are now, as a PNG."""
        reach = self._reach(curves)
        shape = bool(curves["loss"][0]), bool(curves["val_loss"][0]), reach
        if shape != self._shown or not self._move(curves):
            self._rebuild(curves)
            self._shown = shape
        return encode(self._canvas)

    def _rebuild(self, curves: Curves) -> None:
        figure = self._plot(curves)
        for text in figure.legends[0].get_texts():
            if text.get_text().startswith(self._name):
                text.set_text(self._name)  # the ring will move, and the words would not
        self._canvas = FigureCanvasAgg(figure)
        self._lines = [
            (axes, line)
            for axes in figure.axes
            for line in axes.lines
            if str(line.get_gid()).startswith(f"{self._name}/")
        ]
        for _, line in self._lines:
            line.set_animated(True)  # left out when the rest is drawn
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)
        self._move(curves)

    def _move(self, curves: Curves) -> bool:
        """Draw this training's curves over the rest; say whether they fit into the axes."""
        self._canvas.restore_region(self._background)
        fits = True
        for axes, line in self._lines:
            key = line.get_gid().removeprefix(f"{self._name}/")
            epochs, values = (np.asarray(points) for points in curves[key.removeprefix("best ")])
            values = values * (100 if key.endswith("accuracy") else 1)
            if key.startswith("best "):
                at = np.flatnonzero(curves["val_loss"][1] == np.nanmin(curves["val_loss"][1]))[:1]
                epochs, values = epochs[at], values[at]
            line.set_data(epochs, values)
            low, high = axes.get_ylim()
            fits &= not len(values) or bool(low <= values[-1] <= high or not np.isfinite(values[-1]))
            axes.draw_artist(line)
        return fits
