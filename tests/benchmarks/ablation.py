"""What each idea of the CNN's recipe is worth: train it without one idea at a time.

``python tests/benchmarks/ablation.py [SEED …]`` from the project's root, on all of MNIST; seeds 0, 1 and 2 unless
others are named. All trainings have the recipe's number of epochs, and two run at a time, each on half of the cores.
With a fifth idea in it, a warm-up of the learning rate, which the recipe had until this table was made.
The validation images judge; the test images are not touched. Writes ``notebooks/data/ablation.csv``, which notebook 10
shows.
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
import keras
from keras import layers

from utils.mnist import load_mnist
from utils.networks import (
    BATCH_SIZES,
    EPOCHS,
    LEARNING_RATES,
    Batches,
    compile_model,
    distort,
    limit_threads,
    split_training,
)
from utils.paths import ROOT, whole_file

#: What is left out, and how.
VARIANTS: dict[str, dict[str, object]] = {
    "nothing": {},
    "augmentation": {"change": None},
    "batch normalisation": {"batch_norm": False},
    "warm-up": {"warm_up": 0.0},
    "decay of the learning rate": {"decay": False},
    "dropout": {"dropout": 0.0},
}


def build(batch_norm: bool, dropout: float) -> keras.Model:
    """Build the CNN of notebook 05, with or without batch normalisation."""
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(16, kernel_size=5, strides=2, padding="same", use_bias=not batch_norm)(inputs)
    x = layers.BatchNormalization(momentum=0.9)(x) if batch_norm else x
    x = layers.ReLU()(x)
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, kernel_size=3, padding="same", use_bias=not batch_norm)(x)
        x = layers.MaxPooling2D(pool_size=2)(x)
        x = layers.BatchNormalization(momentum=0.9)(x) if batch_norm else x
        x = layers.ReLU()(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def measure(name: str, seed: int) -> tuple[float, float]:
    """Train without one idea; return loss and accuracy on the validation images."""
    x_train, x_val, y_train, y_val = split_training(load_mnist(verbose=False))
    recipe = {"change": distort, "batch_norm": True, "warm_up": 0.1, "decay": True, "dropout": 0.2} | VARIANTS[name]
    keras.utils.set_random_seed(seed)
    model = build(recipe["batch_norm"], recipe["dropout"])
    batches = Batches(x_train, y_train, recipe["change"], BATCH_SIZES["cnn"], seed)
    steps = EPOCHS["cnn"] * len(batches)
    compile_model(model, steps, LEARNING_RATES["cnn"])
    rising = round(recipe["warm_up"] * steps)
    falling = steps - rising if recipe["decay"] else 10**9  # so long that it does not fall
    if rising:
        model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
            0.0, falling, warmup_target=LEARNING_RATES["cnn"], warmup_steps=rising
        )
    model.fit(batches, epochs=EPOCHS["cnn"], shuffle=False, verbose=0)
    return tuple(model.evaluate(x_val, y_val, batch_size=1000, verbose=0))


def main(seeds: list[int]) -> None:
    """Train, print and write everything."""
    tasks = [(name, seed) for seed in seeds for name in VARIANTS]
    rows = [["without", "seed", "loss", "accuracy"]]
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=limit_threads, initargs=(2,)) as pool:
        for (name, seed), (loss, accuracy) in zip(tasks, pool.map(measure, *zip(*tasks, strict=True)), strict=True):
            rows.append([name, seed, f"{loss:.5f}", f"{accuracy:.5f}"])
            print(f"seed {seed}  without {name:27} loss {loss:.4f}, accuracy {accuracy:.2%}", flush=True)
    path = ROOT / "notebooks" / "data" / "ablation.csv"
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
