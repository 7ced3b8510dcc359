"""Loss and accuracy curves that move while a network trains, and stay in the notebook afterwards."""

import time

from IPython.display import DisplayHandle, display

from utils.plots import plot_curves
from utils.quiet import keras

#: Drawing may take at most this part of the training time.
DRAWING_SHARE = 0.05
#: Into how many parts an epoch is divided: the training curves get a point for each.
POINTS_PER_EPOCH = 10


class LiveCurves(keras.callbacks.Callback):
    """Draw the curves in the cell's output, from the first batches on.

    Give it to ``model.fit(…, callbacks=[LiveCurves("CNN")], verbose=0)``. The training curves get a point for each
    tenth of an epoch, the mean of its batches; the validation curves get one at each epoch's end. The last picture
    stays.

    Parameters
    ----------
    name
        What the curves are called in the legend.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Forget an earlier training."""
        self.curves = {key: ([], []) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        self._handle: DisplayHandle | None = None
        self._next_drawing = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begin to count batches."""
        self._epoch, self._batches = epoch, 0
        self._sums = {"loss": 0.0, "accuracy": 0.0}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Add a point to the training curves at the end of each part of the epoch, and draw now and then."""
        steps = self.params["steps"]
        batches = batch + 1
        if steps is None or (batches - self._batches < steps / POINTS_PER_EPOCH and batches < steps):
            return
        for key in self._sums:
            total = logs[key] * batches  # Keras gives the mean since the epoch began
            self._add(key, self._epoch + batches / steps, (total - self._sums[key]) / (batches - self._batches))
            self._sums[key] = total
        self._batches = batches
        if time.perf_counter() >= self._next_drawing:
            self._draw()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's point to the validation curves."""
        for key in ("val_loss", "val_accuracy"):
            if key in logs:  # there is none without validation images
                self._add(key, epoch + 1, logs[key])
        self._draw()

    def _add(self, key: str, epoch: float, value: float) -> None:
        epochs, values = self.curves[key]
        epochs.append(epoch)
        values.append(value)

    def _draw(self) -> None:
        began = time.perf_counter()
        figure = plot_curves({self.name: self.curves})
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
        ended = time.perf_counter()
        self._next_drawing = ended + (ended - began) / DRAWING_SHARE
