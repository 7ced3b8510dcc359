"""Training that can be watched and stopped: moving curves, a progress bar, a Stop that loses nothing.

In a notebook's page the curves move and a bar shows the progress; everywhere else, in a terminal or when a notebook is
run without a page, lines are printed instead. Either way a notebook ends up with the same line and the same picture.
"""

import itertools
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType

import numpy as np
from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.plots import Curve, best_epoch, encode, plot_curves, to_png
from utils.quiet import keras
from utils.widgets.front_end import in_live_page

#: Drawing may take this part of the training time, on top of the first picture and the first with validation.
DRAWING_SHARE = 0.01
#: The page is not changed sooner than after so many seconds.
SHORTEST = 0.3
#: The training curves get a point for each such part of an epoch.
POINTS_PER_EPOCH = 25
#: After the first interrupt, others are ignored for so many seconds: an impatient second click must not lose anything.
PATIENCE = 5.0
#: What to try when the loss is no longer a number.
REMEDY = "Try a learning rate of a tenth; if that does not help, look for pixels that are not numbers."

Curves = Mapping[str, Curve]


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    epoch, epochs
        The epoch that is under way, counted from 1, and how many there will be.
    batch, batches
        The batches of this epoch that are done, and how many it has; None as long as that is not known.
    images_per_second
        Training images a second so far, without the validation; None if it is not known.
    seconds_left
        Until the last epoch is done; None if it is not known.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int | None
    images_per_second: float | None
    seconds_left: float | None

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        return (self.epoch - 1 + (self.batch / self.batches if self.batches else 0)) / self.epochs

    def __str__(self) -> str:
        parts = [f"epoch {self.epoch} of {self.epochs}", f"batch {self.batch}"]
        if self.batches:
            parts[-1] += f" of {self.batches}"
        if self.images_per_second:
            parts.append(f"{float(f'{self.images_per_second:.2g}'):,.0f} images/s")
        if self.seconds_left is not None:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes}:{seconds:02} left")
        return " · ".join(parts)


class Screen:
    """Where a training is shown. This one shows nothing; the others say what they do otherwise."""

    #: Whether it shows the curves before the end.
    moves = False

    def begin(self) -> None:
        """Get ready for a training."""

    def progress(self, progress: Progress) -> None:
        """Show how far the training is; called several times a second."""

    def picture(self, png: bytes) -> None:
        """Show the curves as they are now."""

    def epoch(self, line: str) -> None:
        """Show what an epoch has brought."""

    def end(self, summary: str, draw: Callable[[], bytes]) -> None:
        """Show what stays: a line and, where pictures are shown, the whole one, a PNG that ``draw`` makes."""


class LiveCurves(keras.callbacks.Callback):
    """Show the curves and the progress while a network trains, and let the training be stopped.

    Give it to ``model.fit(…, callbacks=[LiveCurves("CNN"), …], verbose=0)``. The training curves get a point for each
    25th of an epoch, the mean of its batches; the validation curves get one at each epoch's end. Nothing else in the
    cell's output is touched, and the last picture stays.

    The Stop button and the kernel's interrupt (Ctrl-C in a terminal) end the training after the batch that is under
    way, as if it had been the last one: the epoch is validated, ``fit`` returns the history, callbacks such as
    ``EarlyStopping(restore_best_weights=True)`` do their work, and the code below ``fit`` goes on. A loss that is no
    longer a number ends the training in the same way: no batch would bring it back.

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
    stopped
        Whether the button, an interrupt or ``stop`` ended the training before its last epoch was done.
    failed
        Whether it ended because the loss was no longer a number.
    whole_epochs
        How many epochs were completed.
    """

    def __init__(
        self,
        name: str,
        beside: "Sequence[LiveCurves]" = (),
        screen: Screen | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self.name, self.stopped, self.failed, self.whole_epochs = name, False, False, 0
        self.curves: dict[str, tuple[list[float], list[float]]] = {}
        self._beside, self._chosen_screen, self._chosen_stop = list(beside), screen, stop

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Forget an earlier training, and listen for interrupts."""
        self.curves = {key: ([], []) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        self.stopped, self.failed, self.whole_epochs = False, False, 0
        self._stop = self._chosen_stop or threading.Event()
        self._interrupt = _Interrupt(self._stop, self.model)
        self._screen = self._chosen_screen or (Page() if in_live_page() else Lines())
        earlier = {other.name: other.curves for other in self._beside if other is not self}
        self._drawing = _Drawing(self.name, earlier, self.params["epochs"])
        self._began = time.perf_counter()
        self._first_epoch: int | None = None
        self._first_step: float | None = None
        self._batches, self._batches_before, self._seconds_before = 0, 0, 0.0  # of earlier epochs, without validation
        self._epoch_began = self._batch_ended = self._began
        self._next_picture = self._next_progress = self._drawing_seconds = 0.0
        self._last_picture: bool | None = None  # whether it had validation
        self._screen.begin()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begin to count batches."""
        self._batches_before += self._batches
        self._seconds_before += self._batch_ended - self._epoch_began
        self._epoch, self._batches, self._epoch_began = epoch, 0, time.perf_counter()
        self._batch_ended = self._epoch_began
        self._first_epoch = epoch if self._first_epoch is None else self._first_epoch
        self._summed, self._sums = 0, {"loss": 0.0, "accuracy": 0.0}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Add a point to the training curves now and then, show the progress, and end the training if asked to."""
        self._end_if_asked()
        if not math.isfinite((logs or {}).get("loss", 0)):
            self.failed = self.model.stop_training = True
        now, steps = time.perf_counter(), self.params["steps"]
        self._batches = min(batch + 1, steps or batch + 1)  # several steps at a time may go beyond the last
        if self._first_step is None:
            self._first_step = self._epoch_began = now  # the first batch compiles the network: it says nothing
        self._batch_ended = now
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
        whole = self._batches == self.params["steps"] or (self.params["steps"] is None and not self._stop.is_set())
        self._end_if_asked()
        self.whole_epochs += whole and not self.failed
        end = epoch + 1 if whole else epoch + self._batches / (self.params["steps"] or 2 * self._batches)
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            if key in logs and (key.startswith("val_") or not self._summed):
                self._add(key, end, logs[key])
        self._draw()
        self._screen.epoch(self._describe_epoch(epoch, logs))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Leave the last picture, and a line that says what came of it."""
        self._interrupt.release()
        self.stopped &= self._first_epoch + self.whole_epochs < self.params["epochs"]
        self._screen.end(self._summarise(), lambda: self._drawing.finish(self.curves))

    def _add(self, key: str, epoch: float, value: float) -> None:
        epochs, values = self.curves[key]
        epochs.append(epoch)
        values.append(value)

    def _end_if_asked(self) -> None:
        if self._stop.is_set():
            self.stopped = self.model.stop_training = True

    def _draw(self) -> None:
        began = time.perf_counter()
        affordable = self._drawing_seconds <= DRAWING_SHARE * (began - self._began)
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
        speed, count = None, getattr(self.model.metrics[0], "count", None)  # images in this epoch's mean loss
        seconds = self._seconds_before + now - self._epoch_began
        if count is not None and seconds > 0.3:
            speed = float(count) / self._batches * (self._batches_before + self._batches) / seconds
        progress = Progress(self._epoch + 1, self.params["epochs"], self._batches, steps, speed, None)
        before = self._first_epoch / self.params["epochs"]  # what was done when this training began
        if steps is None or progress.fraction <= before:
            return progress
        left = (now - self._first_step) * (1 - progress.fraction) / (progress.fraction - before)
        return replace(progress, seconds_left=left)

    def _describe_epoch(self, epoch: int, logs: dict) -> str:
        parts = []
        for title, prefix in (("training", ""), ("validation", "val_")):
            if f"{prefix}loss" in logs:
                accuracy = f", accuracy ≈ {logs[f'{prefix}accuracy']:.1%}" if f"{prefix}accuracy" in logs else ""
                parts.append(f"{title} loss ≈ {logs[f'{prefix}loss']:.3f}{accuracy}")
        seconds = time.perf_counter() - self._epoch_began
        return f"epoch {epoch + 1:2} of {self.params['epochs']}: {'; '.join(parts)}; ≈ {seconds:.0f} s"

    def _summarise(self) -> str:
        seconds = time.perf_counter() - self._began
        epochs, steps = self._epoch + 1 - self._first_epoch, self.params["steps"]
        what = f"{'Stopped after' if self.stopped else 'Done:'} {epochs} epoch{'s' if epochs > 1 else ''}"
        if self.stopped and self.whole_epochs < epochs:
            batches = f"{self._batches} of {steps}" if steps else self._batches
            what = f"Stopped in epoch {self._epoch + 1} of {self.params['epochs']}, after batch {batches}"
        if self.failed:
            what = f"Ended in epoch {self._epoch + 1} of {self.params['epochs']}, after batch {self._batches}"
            what += f": the loss is no longer a number. {REMEDY}\nIn all"
        epoch = best_epoch(self.curves)
        if epoch is None:
            return f"{what}, ≈ {seconds:.0f} s."
        at = int(np.nanargmin(self.curves["val_loss"][1]))
        accuracies = self.curves["val_accuracy"][1]
        accuracy = f", accuracy ≈ {accuracies[at]:.1%}" if accuracies else ""
        best = f"validation loss ≈ {self.curves['val_loss'][1][at]:.3f}{accuracy}"
        return f"{what}, ≈ {seconds:.0f} s.\nThe best was epoch ≈ {epoch}: {best}."


class Page(Screen):
    """A notebook's page: a bar with a Stop button above the curves; in the end, a line above the picture."""

    moves = True

    def begin(self) -> None:
        """Show the bar."""
        from utils.widgets.training_bar import TrainingBar

        self._bar = TrainingBar(text="the first batch takes a little longer …")
        self._line = display(self._bar, display_id=True)
        self._handle: DisplayHandle | None = None
        if shell := get_ipython():  # a bar must not outlive a training that an error has ended
            shell.events.register("post_run_cell", self._close)

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        with self._bar.hold_sync():
            self._bar.fraction, self._bar.text = progress.fraction, str(progress)

    def picture(self, png: bytes) -> None:
        """Put the new picture in the place of the old one."""
        if self._handle is None:
            self._handle = display(_bundle(png), raw=True, display_id=True)
        else:
            self._handle.update(_bundle(png), raw=True)

    def end(self, summary: str, draw: Callable[[], bytes]) -> None:
        """Put the summary in the place of the bar, and show the whole picture."""
        self._line.update({"text/plain": summary.replace("≈ ", "")}, raw=True)
        self._bar.close()
        self.picture(draw())
        if shell := get_ipython():
            shell.events.unregister("post_run_cell", self._close)

    def _close(self, result: object) -> None:
        self._line.update({"text/plain": "This training was not brought to its end."}, raw=True)
        self._bar.close()
        get_ipython().events.unregister("post_run_cell", self._close)


class Lines(Screen):
    """Where nothing moves: a line for each epoch; in a notebook's kernel, the picture at the end."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._in_kernel = getattr(get_ipython(), "kernel", None) is not None

    def progress(self, progress: Progress) -> None:
        """Write over the last line, in a terminal."""
        if self._terminal:
            print(f"\r\033[K{progress}", end="", flush=True)

    def epoch(self, line: str) -> None:
        """Print the line."""
        self._print(f"\r\033[K{line}" if self._terminal else line)

    def end(self, summary: str, draw: Callable[[], bytes]) -> None:
        """Print the summary, and show the picture where pictures can be shown."""
        self._print(summary)
        if self._in_kernel:
            display(_bundle(draw()), raw=True)

    def _print(self, line: str) -> None:
        # Only notebooks are compared with their stored outputs, and not every terminal has the sign.
        print(line if self._in_kernel else line.replace("≈ ", ""), flush=True)


def _bundle(png: bytes) -> dict[str, bytes | str]:
    return {"image/png": png, "text/plain": "Loss and accuracy by epoch"}


class _Interrupt:
    """Turn the interrupts of the main thread into an event, while a network is trained."""

    def __init__(self, event: threading.Event, model: keras.Model) -> None:
        self._event, self._model, self._first = event, model, None
        self._listening = threading.current_thread() is threading.main_thread()
        if self._listening:
            self._earlier = signal.signal(signal.SIGINT, self._note)

    def release(self) -> None:
        """Listen no longer."""
        if self._listening:
            signal.signal(signal.SIGINT, self._earlier or signal.default_int_handler)
            self._listening = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        self._first = self._first or now
        if self._is_training(frame) and now - self._first <= PATIENCE:
            self._event.set()
            return
        self.release()  # the training has failed, or does not end: an interrupt is an interrupt again
        signal.raise_signal(number)

    def _is_training(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is self._model:
                return True
            frame = frame.f_back
        return False


class _Drawing:
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
