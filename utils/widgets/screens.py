"""Where a training is shown: in a notebook's page, in printed lines, or nowhere.

In a notebook's page the curves move and a bar shows the progress; everywhere else, in a terminal or when a notebook is
run without a page, lines are printed instead. Either way a notebook ends up with the same line and the same picture.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from IPython import get_ipython
from IPython.display import DisplayHandle, display

from utils.widgets.training_bar import TrainingBar


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


class Page(Screen):
    """A notebook's page: a bar with a Stop button above the curves; in the end, a line above the picture."""

    moves = True

    def begin(self) -> None:
        """Show the bar."""
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
        self._line.update({"text/plain": summary}, raw=True)
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
        print(f"\r\033[K{line}" if self._terminal else line, flush=True)

    def end(self, summary: str, draw: Callable[[], bytes]) -> None:
        """Print the summary, and show the picture where pictures can be shown."""
        print(summary, flush=True)
        if self._in_kernel:
            display(_bundle(draw()), raw=True)


def _bundle(png: bytes) -> dict[str, bytes | str]:
    return {"image/png": png, "text/plain": "Loss and accuracy by epoch"}
