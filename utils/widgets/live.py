"""Training that can be watched and stopped: moving curves, a progress bar, a Stop that loses nothing.

What ends a training in order is `utils.networks.OrderlyEnd`; here it gets curves (`utils.widgets.drawing`) and a place
to show them (`utils.widgets.screens`).
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from utils.networks import REMEDY, OrderlyEnd
from utils.plots import best_epoch
from utils.widgets.drawing import Drawing
from utils.widgets.front_end import in_live_page
from utils.widgets.screens import Lines, Page, Progress, Screen

#: Drawing may take this part of the training time, on top of the first picture and the first with validation.
DRAWING_SHARE = 0.01
#: The page is not changed sooner than after so many seconds.
SHORTEST = 0.3
#: The training curves get a point for each such part of an epoch.
POINTS_PER_EPOCH = 25


class LiveCurves(OrderlyEnd):
    """Show the curves and the progress while a network trains, and let the training be stopped.

    Give it to ``model.fit(…, callbacks=[LiveCurves("CNN"), …], verbose=0)``. The training curves get a point for each
    25th of an epoch, the mean of its batches; the validation curves get one at each epoch's end. Nothing else in the
    cell's output is touched, and the last picture stays.

    The Stop button and the kernel's interrupt end the training in order: see `utils.networks.OrderlyEnd`, whose
    attributes this has, too.

    Parameters
    ----------
    name
        What the curves are called in the legend.
    beside
        Earlier trainings, whose curves are drawn beside these to compare.
    screen
        Where to show it; by default the notebook's page, or printed lines where there is no page.
    stop
        Ends the training when it is set, from another thread.

    Attributes
    ----------
    curves
        ``loss``, ``accuracy``, ``val_loss`` and ``val_accuracy``: epochs and values.
    """

    def __init__(
        self,
        name: str,
        beside: "Sequence[LiveCurves]" = (),
        screen: Screen | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__(stop)
        self.name = name
        self.curves: dict[str, tuple[list[float], list[float]]] = {}
        self._beside, self._chosen_screen = list(beside), screen

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Begin with empty curves, or with those of the training that goes on."""
        super().on_train_begin(logs)
        self.curves = {}
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            values = list(self.before.get(key, ()))
            self.curves[key] = list(range(1, len(values) + 1)), values
        self._screen = self._chosen_screen or (Page() if in_live_page() else Lines())
        earlier = {other.name: other.curves for other in self._beside if other is not self}
        self._drawing, self._clock = Drawing(self.name, earlier, self.params["epochs"]), _Clock()
        self._next_picture = self._next_progress = self._drawing_seconds = 0.0
        self._last_picture: bool | None = None  # whether it had validation
        self._screen.begin()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begin to add up the epoch's batches."""
        self._clock.begin_epoch(self._batches)
        super().on_epoch_begin(epoch, logs)
        self._summed, self._sums = 0, {"loss": 0.0, "accuracy": 0.0}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Add a point to the training curves now and then, and show the progress."""
        super().on_train_batch_end(batch, logs)
        now, steps = self._clock.end_batch(), self.params["steps"]
        if now >= self._next_progress:
            self._screen.progress(self._measure(now, steps))
            self._next_progress = now + SHORTEST
        if steps is None:  # a generator that has not come to its end yet: the epoch's end will give a point
            return
        if self._batches - self._summed < steps / POINTS_PER_EPOCH and self._batches < steps:
            return
        for key in self._sums.keys() & logs.keys():
            total = float(logs[key]) * self._batches  # Keras gives the mean since the epoch began
            mean = (total - self._sums[key]) / (self._batches - self._summed)
            self._add(key, self._epoch + self._batches / steps, mean)
            self._sums[key] = total
        self._summed = self._batches
        self._draw()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's point to the validation curves."""
        part = 1 if self._epoch_is_whole() else self._batches / (self.params["steps"] or 2 * self._batches)
        super().on_epoch_end(epoch, logs)
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            if key in logs and (key.startswith("val_") or not self._summed):
                self._add(key, epoch + part, logs[key])
        self._draw()
        self._screen.epoch(self._describe_epoch(epoch, logs))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Leave the last picture, and a line that says what came of it."""
        super().on_train_end(logs)
        self._screen.end(self._summarise(), lambda: self._drawing.finish(self.curves))

    def _add(self, key: str, epoch: float, value: float) -> None:
        epochs, values = self.curves[key]
        epochs.append(epoch)
        values.append(value)

    def _draw(self) -> None:
        began = time.perf_counter()
        affordable = self._drawing_seconds <= DRAWING_SHARE * (began - self._clock.began)
        if not self._screen.moves or began < self._next_picture or not affordable:
            return
        validated = len(self.curves["val_loss"][0]) > 0
        awaited = self._last_picture is None or validated > self._last_picture
        self._screen.picture(self._drawing.draw(self.curves))
        self._last_picture, ended = validated, time.perf_counter()
        if not awaited:
            self._drawing_seconds += ended - began
        self._next_picture = ended + SHORTEST

    def _measure(self, now: float, steps: int | None) -> Progress:
        images = getattr(self.model.metrics[0], "count", None)  # in this epoch's mean loss
        speed = None if images is None else self._clock.images_per_second(float(images), self._batches, now)
        progress = Progress(self._epoch + 1, self.params["epochs"], self._batches, steps, speed, None)
        before = self._first_epoch / self.params["epochs"]  # what was done when this training began
        if steps is None or progress.fraction <= before:
            return progress
        left = (now - self._clock.first_batch) * (1 - progress.fraction) / (progress.fraction - before)
        return replace(progress, seconds_left=left)

    def _describe_epoch(self, epoch: int, logs: dict) -> str:
        parts = []
        for title, prefix in (("training", ""), ("validation", "val_")):
            if f"{prefix}loss" in logs:
                accuracy = f", accuracy {logs[f'{prefix}accuracy']:.1%}" if f"{prefix}accuracy" in logs else ""
                parts.append(f"{title} loss {logs[f'{prefix}loss']:.3f}{accuracy}")
        seconds = time.perf_counter() - self._clock.epoch_began
        return f"epoch {epoch + 1:2} of {self.params['epochs']}: {'; '.join(parts)}; {seconds:.0f} s"

    def _summarise(self) -> str:
        seconds = time.perf_counter() - self._clock.began
        steps = self.params["steps"]
        epochs = 0 if self._first_epoch is None else self._epoch + 1 - self._first_epoch
        what = f"{'Stopped after' if self.stopped else 'Done:'} {epochs} epoch{'' if epochs == 1 else 's'}"
        if not epochs:
            what = "No epoch was left to train"
        if self.stopped and self.whole_epochs < epochs:
            batches = f"{self._batches} of {steps}" if steps else self._batches
            what = f"Stopped in epoch {self._epoch + 1} of {self.params['epochs']}, after batch {batches}"
        if self.failed:
            what = f"Ended in epoch {self._epoch + 1} of {self.params['epochs']}, after batch {self._batches}"
            what += f": the loss is no longer a number. {REMEDY}\nIn all"
        epoch = best_epoch(self.curves)
        if epoch is None:
            return f"{what}, {seconds:.0f} s."
        at = int(np.nanargmin(self.curves["val_loss"][1]))
        accuracies = self.curves["val_accuracy"][1]
        accuracy = f", accuracy {accuracies[at]:.1%}" if accuracies else ""
        best = f"validation loss {self.curves['val_loss'][1][at]:.3f}{accuracy}"
        return f"{what}, {seconds:.0f} s.\nThe best was epoch {epoch}: {best}."


class _Clock:
    """How fast a training is: its time without the validation, and without the first batch."""

    def __init__(self) -> None:
        self.began = self.epoch_began = self._batch_ended = time.perf_counter()
        self.first_batch: float | None = None
        self._batches_before, self._seconds_before = 0, 0.0  # of earlier epochs, without validation

    def begin_epoch(self, batches: int) -> None:
        """Begin an epoch, after one of so many batches."""
        self._batches_before += batches
        self._seconds_before += self._batch_ended - self.epoch_began
        self.epoch_began = self._batch_ended = time.perf_counter()

    def end_batch(self) -> float:
        """Note that a batch has ended, and return the time."""
        now = time.perf_counter()
        if self.first_batch is None:
            self.first_batch = self.epoch_began = now  # the first batch compiles the network: it says nothing
        self._batch_ended = now
        return now

    def images_per_second(self, images: float, batches: int, now: float) -> float | None:
        """Measure the speed, from the images and batches of this epoch; None as long as there is little to go by."""
        seconds = self._seconds_before + now - self.epoch_began
        return images / batches * (self._batches_before + batches) / seconds if seconds > 0.3 else None
