"""Accuracy, training time and size of three networks, one of them trained for longer too, in turn in one run.

``python tests/benchmarks/networks.py [SEED …]`` from the project's root, on all of MNIST; seeds 0, 1 and 2 unless
others are named. They are:

- the dense network, as notebook 06 trains it;
- the "simple MNIST convnet" of keras.io (F. Chollet, 2015), written anew from its published architecture and settings:
  two convolutions, dropout of a half, Adam, 15 epochs, batches of 128, a tenth of the training images for validation.
  It is compiled without XLA, as the others are, for on a processor that is the faster way;
- the CNN, as notebook 06 trains it;
- the CNN once more, trained for longer.

A training's time includes its validation after each epoch. The accuracy is that on the 10,000 test images in the end.
The same after each epoch, for the curves and the times to reach 99% and 99.2%, is measured while the clock stands
still, and nothing is chosen by it. Results are written to ``tests/benchmarks/results/networks.csv`` (each training),
``networks.md`` (the table of the README) and ``networks.png`` (the curves).
"""

import csv
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
import keras
from matplotlib.figure import Figure

from utils.mnist import Mnist, load_mnist
from utils.networks import Kind, train
from utils.plots import BLUE, GREEN, ORANGE, PURPLE, use_style
from utils.reader import scale_pixels

RESULTS = Path(__file__).resolve().parent / "results"
GOALS = 0.99, 0.992
#: So many epochs of the CNN take about as long as the convnet of keras.io.
LONGER = 15
layers = keras.layers


@dataclass
class Training:
    """One training: seconds and test accuracy after each epoch, and what came of it."""

    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    images: int = 0
    parameters: int = 0
    accuracy: float = 0.0
    total: float = 0.0

    def reach(self, goal: float) -> float:
        """Find the seconds after which an accuracy is reached; infinity if it never is."""
        return next((s for s, a in zip(self.seconds, self.accuracies, strict=True) if a >= goal), np.inf)


class Clock(keras.callbacks.Callback):
    """Measure time and test accuracy after each epoch; the clock stands still meanwhile."""

    def __init__(self, training: Training, mnist: Mnist) -> None:
        super().__init__()
        self._training, self._x, self._y = training, scale_pixels(mnist.x_test), mnist.y_test

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        self._training.seconds.append(now - self._began)
        self._training.accuracies.append(measure(self.model, self._x, self._y))
        self._began += time.perf_counter() - now

    def on_train_end(self, logs: dict | None = None) -> None:
        self._training.total = time.perf_counter() - self._began


def measure(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Compute the share of right answers; the model's own metrics are left alone."""
    return float((np.concatenate([model(part, training=False) for part in np.split(x, 20)]).argmax(1) == y).mean())


def train_keras_io(mnist: Mnist, seed: int, clock: Clock) -> tuple[keras.Model, int]:
    """Train the simple convnet of keras.io; return it and how many images an epoch had."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"], jit_compile=False)
    x, y = scale_pixels(mnist.x_train), keras.utils.to_categorical(mnist.y_train, 10)
    model.fit(x, y, batch_size=128, epochs=15, validation_split=0.1, callbacks=[clock], verbose=0)
    return model, round(0.9 * len(x))


def train_ours(kind: Kind, epochs: int | None = None) -> Callable[[Mnist, int, Clock], tuple[keras.Model, int]]:
    """Return a function that trains one of the series' networks."""

    def run(mnist: Mnist, seed: int, clock: Clock) -> tuple[keras.Model, int]:
        model, _ = train(kind, mnist, epochs, seed, callbacks=[clock])
        return model, round(0.9 * len(mnist.x_train))

    return run


NETWORKS = {
    "dense network": train_ours("mlp"),
    "keras.io's simple convnet": train_keras_io,
    "CNN of the series": train_ours("cnn"),
    f"the same, {LONGER} epochs": train_ours("cnn", LONGER),
}
COLORS = dict(zip(NETWORKS, (GREEN, ORANGE, BLUE, PURPLE), strict=True))


def spread(values: list[float], form: str, unit: str = "") -> str:
    """Write a median with its range, such as ``5.0 s (4.1 to 6.2)``."""
    if np.isinf(values).all():
        return "never"
    median, low, high = (
        "never" if np.isinf(value) else format(value, form) for value in (np.median(values), min(values), max(values))
    )
    return f"{median}{unit if median != 'never' else ''} ({low} to {high})"


def make_table(trainings: Mapping[str, list[Training]]) -> str:
    """Write the README's table in Markdown, and the ratios below it."""
    rows = [
        "| | parameters | test accuracy | training | to 99% | to 99.2% | images/s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, runs in trainings.items():
        speeds = [run.images * len(run.seconds) / run.total for run in runs]
        cells = [
            name,
            f"{runs[0].parameters:,}",
            spread([run.accuracy for run in runs], ".2%"),
            spread([run.total for run in runs], ".0f", " s"),
            *(spread([run.reach(goal) for run in runs], ".0f", " s") for goal in GOALS),
            f"{np.median(speeds):,.0f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    _, theirs, ours, longer = trainings.values()
    ratios, longer_ratios = ([a.total / b.total for a, b in zip(runs, theirs, strict=True)] for runs in (ours, longer))
    rows += ["", f"The CNN of the series takes {spread(ratios, '.2f')} of the time of keras.io's simple convnet, with "
             f"{LONGER} epochs {spread(longer_ratios, '.2f')}."]  # fmt: skip
    return "\n".join(rows) + "\n"


def draw(trainings: Mapping[str, list[Training]]) -> Figure:
    """Draw test accuracy against training time, a line for each training."""
    figure = Figure(figsize=(10, 5))
    axes = figure.subplots()
    for name, runs in trainings.items():
        for index, run in enumerate(runs):
            label = name if index == 0 else None
            axes.plot(run.seconds, 100 * np.array(run.accuracies), "o-", color=COLORS[name], label=label, alpha=0.8)
    axes.axhline(99.2, color="0.7", linestyle=":", linewidth=1)
    axes.set(title="Test accuracy after each epoch", xlabel="Training time (s)", ylabel="Test accuracy (%)")
    axes.set(xlim=(0, None), ylim=(96.5, 99.8))
    axes.legend(loc="lower right")
    return figure


def describe_machine() -> str:
    """Name the processor and how many cores may be used."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        processor = lines[0].split(":")[1].strip() if lines else processor
    return f"{os.process_cpu_count() if hasattr(os, 'process_cpu_count') else os.cpu_count()} cores, {processor}"


def main(seeds: list[int]) -> None:
    """Train, print and write everything."""
    mnist = load_mnist()
    print(describe_machine(), flush=True)
    x_test = scale_pixels(mnist.x_test)
    trainings: dict[str, list[Training]] = {name: [] for name in NETWORKS}
    for seed in seeds:
        for name, run in NETWORKS.items():
            training = Training()
            model, training.images = run(mnist, seed, Clock(training, mnist))
            training.parameters = model.count_params()
            training.accuracy = measure(model, x_test, mnist.y_test)
            trainings[name].append(training)
            print(f"seed {seed}  {name:26} {training.accuracy:.2%} in {training.total:.0f} s", flush=True)
    table = make_table(trainings)
    print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "networks.md").write_text(f"{table}\n{describe_machine()}\n", encoding="utf-8")
    with (RESULTS / "networks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "seed", "epoch", "seconds", "test accuracy"])
        for name, runs in trainings.items():
            for seed, run in zip(seeds, runs, strict=True):
                for epoch, (seconds, accuracy) in enumerate(zip(run.seconds, run.accuracies, strict=True), 1):
                    writer.writerow([name, seed, epoch, f"{seconds:.2f}", f"{accuracy:.4f}"])
                writer.writerow([name, seed, "end", f"{run.total:.2f}", f"{run.accuracy:.4f}"])
    use_style()
    draw(trainings).savefig(RESULTS / "networks.png")


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
