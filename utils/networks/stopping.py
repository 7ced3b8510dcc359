"""Training that ends in order: at an interrupt, when another thread asks, or when the loss is no longer a number."""

import math
import signal
import threading
import time
import weakref
from collections.abc import Mapping
from types import FrameType

import keras

#: After the first interrupt, others are ignored for so many seconds: an impatient second click must not lose anything.
PATIENCE = 5.0
#: So soon after another, an interrupt belongs to it, also if the training has come to its end in between.
DOUBLE_CLICK = 1.0
#: What to try when the loss is no longer a number.
REMEDY = "Try a learning rate of a tenth; if that does not help, look for pixels that are not numbers."


class OrderlyEnd(keras.callbacks.Callback):
    """Let a training be stopped without losing anything.

    An interrupt (Ctrl-C in a terminal, ■ in a notebook) ends the training after the batch that is under way, as if it
    had been the last one: the epoch is validated, ``fit`` returns the history, callbacks such as
    ``EarlyStopping(restore_best_weights=True)`` do their work, and the code below ``fit`` goes on. More interrupts in
    quick succession change nothing. A loss that is no longer a number ends the training in the same way: no batch would
    bring it back.

    Parameters
    ----------
    stop
        Ends the training when it is set, from another thread.

    Attributes
    ----------
    stopped
        Whether an interrupt or ``stop`` ended the training before its last epoch was done.
    failed
        Whether it ended because the loss was no longer a number.
    whole_epochs
        How many epochs were completed.
    before
        The history of the epochs before the first, of a training that goes on.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        super().__init__()
        self.stopped, self.failed, self.whole_epochs = False, False, 0
        self.before: Mapping[str, list[float]] = {}
        self._chosen_stop = stop

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Forget an earlier training, and listen for interrupts."""
        self.stopped, self.failed, self.whole_epochs = False, False, 0
        self._first_epoch: int | None = None
        self._batches = 0  # of this epoch
        self._stop = self._chosen_stop or threading.Event()
        _Interrupt(self._stop, self.model).listen()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begin to count batches."""
        self._epoch, self._batches = epoch, 0
        self._first_epoch = epoch if self._first_epoch is None else self._first_epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """End the training if it is asked to, or can bring nothing any more."""
        self._end_if_asked()
        if not math.isfinite((logs or {}).get("loss", 0)):
            self.failed = self.model.stop_training = True
        steps = self.params["steps"]
        self._batches = min(batch + 1, steps or batch + 1)  # several steps at a time may go beyond the last

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Count the epoch, if it was a whole one."""
        whole = self._epoch_is_whole()
        self._end_if_asked()
        self.whole_epochs += whole and not self.failed

    def on_train_end(self, logs: dict | None = None) -> None:
        """Find out whether the training was ended before its last epoch was done."""
        self.stopped &= (self._first_epoch or 0) + self.whole_epochs < self.params["epochs"]

    def _epoch_is_whole(self) -> bool:
        steps = self.params["steps"]
        return self._batches == steps or (steps is None and not self._stop.is_set())

    def _end_if_asked(self) -> None:
        if self._stop.is_set():
            self.stopped = self.model.stop_training = True


class _Interrupt:
    """Turn the interrupts of the main thread into an event, while a network is trained.

    It cannot know when ``fit`` is about to return: callbacks that restore weights come after every other sign. So it
    stays, and hands on the first interrupt that comes when the training is over and that belongs to none before it.
    """

    def __init__(self, event: threading.Event, model: keras.Model) -> None:
        self._event, self._model = event, weakref.ref(model)
        self._first: float | None = None
        self._last = -math.inf

    def listen(self) -> None:
        """Take the place of what handles interrupts now, which is what they are handed on to."""
        if threading.current_thread() is not threading.main_thread():
            return
        now = signal.getsignal(signal.SIGINT)
        left = getattr(now, "__self__", None)  # by the training before
        self._earlier = left._earlier if isinstance(left, _Interrupt) else now
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        belongs = now - self._last <= DOUBLE_CLICK
        self._last = now
        if self._is_training(frame):
            self._event.set()
            self._first = self._first or now
            belongs = now - self._first <= PATIENCE
        if not belongs:  # the training is over, has failed or does not end: an interrupt is an interrupt again
            signal.signal(signal.SIGINT, self._earlier or signal.default_int_handler)
            signal.raise_signal(number)

    def _is_training(self, frame: FrameType | None) -> bool:
        model = self._model()
        while frame is not None and model is not None:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
                return True
            frame = frame.f_back
        return False
