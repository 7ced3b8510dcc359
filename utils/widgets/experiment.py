"""Notebook 06: train with settings of one's own, and compare."""

import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import ipywidgets as widgets
import keras
import numpy as np
from matplotlib.figure import Figure

from utils.networks import BUILDERS, NAMES, Kind
from utils.plots import plot_curves
from utils.widgets.live import LiveCurves
from utils.widgets.panel import BESIDE, WIDE, Panel, Picture, say
from utils.widgets.screens import Progress, Screen

RATES = (1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2, 0.1, 1.0)


def _plain(rate: float) -> str:
    """Write a learning rate without an exponent: 0.00001."""
    return f"{rate:.5f}".rstrip("0").rstrip(".")


#: One training at a time: two would share the processor, and each would look slow.
_one_at_a_time = threading.Lock()
#: What stops the runs that are under way: a cell that is run again makes a new panel, and the old one's run ends.
_under_way: set[threading.Event] = set()


@dataclass(frozen=True)
class Settings:
    """What a run is made with.

    Attributes
    ----------
    model
        Which network.
    images
        How many of the training images it sees.
    learning_rate
        Adam's.
    batch_size
        Images a step.
    dropout
        The share of the last layer's inputs that is switched off.
    epochs
        How many passes over the images.
    """

    model: Kind = "mlp"
    images: int = 1000
    learning_rate: float = 1e-3
    batch_size: int = 32
    dropout: float = 0.0
    epochs: int = 5


@dataclass(frozen=True)
class Run:
    """What came of it: its curves, the validation of its best epoch, and how long it took, in seconds."""

    settings: Settings
    live: LiveCurves
    loss: float
    accuracy: float
    seconds: float


class Experiments:
    """Runs with settings of one's own, all with the same seed.

    Parameters
    ----------
    x_train, y_train, x_val, y_val
        As for `try_training`.
    """

    def __init__(self, x_train: np.ndarray, y_train: np.ndarray, x_val: np.ndarray, y_val: np.ndarray) -> None:
        self.x_train, self.y_train, self.x_val, self.y_val = x_train, y_train, x_val, y_val
        self.runs: list[Run] = []
        self._count = 0

    def train(self, settings: Settings, screen: Screen, stop: threading.Event) -> Run:
        """Train once, and add the run to the others; wait for a training that is under way."""
        _under_way.add(stop)
        try:
            with _one_at_a_time:
                run = self._train(settings, screen, stop)
        finally:
            _under_way.discard(stop)
        self.runs.append(run)
        return run

    def _train(self, settings: Settings, screen: Screen, stop: threading.Event) -> Run:
        self._count += 1
        name = f"{self._count}. {NAMES[settings.model]}, {_plain(settings.learning_rate)}"
        live = LiveCurves(name, [run.live for run in self.runs], screen, stop)
        best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=settings.epochs, restore_best_weights=True)
        keras.utils.set_random_seed(0)
        model = BUILDERS[settings.model](settings.dropout)
        model.compile(
            keras.optimizers.Adam(settings.learning_rate),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,
        )
        began = time.perf_counter()
        model.fit(
            self.x_train[: settings.images],
            self.y_train[: settings.images],
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation_data=(self.x_val, self.y_val),
            callbacks=[live, best],
            verbose=0,
        )
        seconds = time.perf_counter() - began
        losses, accuracies = live.curves["val_loss"][1], live.curves["val_accuracy"][1]
        at = int(np.nanargmin(losses)) if np.isfinite(losses).any() else 0
        return Run(settings, live, losses[at], accuracies[at], seconds)

    def figure(self) -> Figure:
        """Draw the curves of all runs."""
        return plot_curves({run.live.name: run.live.curves for run in self.runs})

    def table(self) -> str:
        """Write all runs as an HTML table, the best validation accuracy in bold."""
        if not self.runs:
            return "No run yet: choose the settings and press <b>Run</b>."
        heads = (
            "run, learning rate",
            "images",
            "batch",
            "dropout",
            "epochs",
            "best val. loss",
            "accuracy then",
            "s",
            "",
        )
        top = max(run.accuracy for run in self.runs)
        rows = []
        for run in self.runs:
            settings, accuracy = run.settings, f"{run.accuracy:.1%}"
            cells = (
                html.escape(run.live.name), f"{settings.images:,}", settings.batch_size, f"{settings.dropout:g}",
                f"{run.live.curves['loss'][0][-1]:.1f} of {settings.epochs}" if run.live.stopped else settings.epochs,
                f"{run.loss:.3f}", f"<b>{accuracy}</b>" if run.accuracy == top else accuracy,
                f"{run.seconds:.0f}", "stopped" if run.live.stopped else "",
            )  # fmt: skip
            rows.append("".join(f'<td style="padding: 0 1em 0 0">{cell}</td>' for cell in cells))
        head = "".join(f'<th scope="col" style="padding: 0 1em 0 0; text-align: left">{name}</th>' for name in heads)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f'<table style="line-height: 1.6; font-variant-numeric: tabular-nums"><tr>{head}</tr>{body}</table>'


def try_training(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    first: Sequence[Mapping[str, object]] = (),
) -> Panel:
    """Train with settings of one's own; each run joins a table and the curves of the others.

    Parameters
    ----------
    x_train, x_val : (n, 28, 28, 1) float32 arrays
        Images in [0, 1].
    y_train, y_val : (n,) arrays
        Their digits.
    first
        The settings of runs to begin with, such as ``{"learning_rate": 0.1}``; see `Settings`.

    Returns
    -------
    Panel
        The settings, the buttons Run, Stop and Clear, a progress bar, the table and the curves.
    """
    for event in list(_under_way):
        event.set()
    stop = threading.Event()
    experiments = Experiments(x_train, y_train, x_val, y_val)
    sizes = [size for size in (1000, 3000, 10_000) if size < len(x_train)]
    controls = _controls({f"{size:,}": size for size in sizes} | {f"all {len(x_train):,}": len(x_train)})
    run = widgets.Button(description="Run", icon="play", button_style="primary", tooltip="Train with these settings")
    end = widgets.Button(
        description="Stop", icon="stop", disabled=True, tooltip="End this run; what it has learned is kept"
    )
    clear = widgets.Button(description="Clear", tooltip="Forget the runs")
    screen = _PanelScreen()

    def show(note: str) -> None:
        screen.table.value, screen.text.value = experiments.table(), say(note)
        screen.image.show(experiments.figure(), f"loss and accuracy by epoch, runs: {len(experiments.runs)}")

    def train(settings: Settings) -> None:
        try:
            experiments.train(settings, screen, stop)
            show(screen.summary)
        except Exception as error:  # in a thread nobody else would say so
            show(f"The run failed: {html.escape(str(error))}")
        finally:
            run.disabled = clear.disabled = False
            end.disabled = True

    def start(_: object) -> None:
        run.disabled = clear.disabled = True
        end.disabled = False
        stop.clear()
        settings = Settings(**{name: control.value for name, control in controls.items()})
        screen.progress_bar.value = 0
        waits = _one_at_a_time.locked()
        screen.text.value = "waiting for another run to end …" if waits else "the first batch takes a little longer …"
        threading.Thread(target=train, args=[settings], daemon=True).start()

    def forget(_: object) -> None:
        experiments.runs.clear()
        screen.progress_bar.value = 0
        show("")

    run.on_click(start)
    end.on_click(lambda _: stop.set())
    clear.on_click(forget)
    for settings in first:
        experiments.train(Settings(**asdict(Settings()) | dict(settings)), screen, stop)
    screen.progress_bar.value = 0
    show("")
    columns = list(controls.values())
    return Panel(
        [
            widgets.HBox([widgets.VBox(columns[:3]), widgets.VBox(columns[3:])], layout=BESIDE),
            widgets.HBox([run, end, clear]),
            widgets.HBox([screen.progress_bar, screen.text]),
            screen.table,
            screen.image,
        ],
        "Train with settings of your own",
        experiments.figure,
    )


def _controls(sizes: Mapping[str, int]) -> dict[str, widgets.Widget]:
    """Make a control for each of the `Settings`."""
    layout = {"width": "28em"}
    return {
        "model": widgets.ToggleButtons(
            description="Network", options={name: kind for kind, name in NAMES.items()}, style={"button_width": "9em"}
        ),
        "images": widgets.Dropdown(description="Training images", options=sizes, style=WIDE),
        "epochs": widgets.IntSlider(description="Epochs", value=5, min=1, max=20, style=WIDE, layout=layout),
        "learning_rate": widgets.SelectionSlider(
            description="Learning rate",
            options=[(_plain(rate), rate) for rate in RATES],
            value=1e-3,
            style=WIDE,
            layout=layout,
        ),
        "batch_size": widgets.SelectionSlider(
            description="Batch size", options=(8, 32, 128, 512), value=32, style=WIDE, layout=layout
        ),
        "dropout": widgets.FloatSlider(
            description="Dropout", max=0.8, step=0.1, readout_format=".1f", style=WIDE, layout=layout
        ),
    }


class _PanelScreen(Screen):
    """Shows a training in a panel; see `utils.widgets.live.Screen`."""

    moves = True

    def __init__(self) -> None:
        self.progress_bar = widgets.FloatProgress(description="Progress", max=1, style=WIDE, layout={"width": "20em"})
        self.text, self.table = widgets.HTML(), widgets.HTML()
        self.image = Picture()
        self.summary = ""

    def begin(self) -> None:
        self.progress_bar.value = 0

    def progress(self, progress: Progress) -> None:
        self.progress_bar.value, self.text.value = progress.fraction, str(progress)

    def picture(self, png: bytes) -> None:
        self.image.put(png)

    def end(self, summary: str, draw: Callable[[], bytes]) -> None:
        self.progress_bar.value, self.summary = 1, summary.replace("≈ ", "")
