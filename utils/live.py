"""Loss and accuracy curves that move while a network trains, and stay in the notebook afterwards."""

import time

from IPython.display import DisplayHandle, display

from utils.plots import plot_histories
from utils.quiet import keras

#: At most this part of the training time may go into drawing.
DRAWING_SHARE = 0.05


class LiveCurves(keras.callbacks.Callback):
    """Draw the curves in the cell's output, from the first batches on.

    Give it to ``model.fit(…, callbacks=[LiveCurves("CNN")], verbose=0)``. Within an epoch, the training curves end in
    the mean of the epoch's batches so far. The last picture stays in the notebook.

    Parameters
    ----------
    name
        What the curves are called in the legend.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Show empty axes."""
        self.history = {key: [] for key in ("loss", "val_loss", "accuracy", "val_accuracy")}
        self._handle: DisplayHandle | None = None
        self._next = 0.0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the training curves, now and then."""
        if time.perf_counter() >= self._next:
            running = {key: [*self.history[key], logs[key]] for key in ("loss", "accuracy")}
            self._draw(self.history | running)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's points."""
        for key, values in self.history.items():
            values.append(logs[key])
        self._draw(self.history)

    def _draw(self, history: dict[str, list[float]]) -> None:
        began = time.perf_counter()
        figure = plot_histories({self.name: history})
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
        ended = time.perf_counter()
        self._next = ended + (ended - began) / DRAWING_SHARE
