"""Which good trials does pruning give up? Only trials that were all trained to their end can tell.

``python tests/benchmarks/pruning.py`` from the project's root, on all of MNIST: twelve trials of notebook 10's
objective, with random settings and six epochs each, none of them pruned. Writes ``notebooks/data/pruning.csv``, the
validation loss of each trial after each epoch. Notebook 10 hands it to Optuna's pruner, which so decides the same on
every machine.
"""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
import keras
import optuna

from utils.mnist import load_mnist
from utils.networks import build_cnn, split_training
from utils.paths import ROOT, whole_file

TRIALS, EPOCHS, IMAGES = 12, 6, 2000


def main() -> None:
    """Train, print and write everything."""
    x_train, x_val, y_train, y_val = split_training(load_mnist(verbose=False))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    rows = [["trial", "learning_rate", "dropout", *(f"epoch {epoch + 1}" for epoch in range(EPOCHS))]]
    for number in range(TRIALS):
        trial = study.ask()
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        dropout = trial.suggest_float("dropout", 0.0, 0.6)
        keras.utils.set_random_seed(0)
        model = build_cnn(dropout)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", jit_compile=False)
        losses = []
        for _ in range(EPOCHS):
            model.fit(x_train[:IMAGES], y_train[:IMAGES], batch_size=64, verbose=0)
            losses.append(model.evaluate(x_val[:IMAGES], y_val[:IMAGES], batch_size=1000, verbose=0))
        rows.append([number, f"{rate:.5f}", f"{dropout:.3f}", *(f"{loss:.4f}" for loss in losses)])
        print(*rows[-1], sep="  ", flush=True)
    with whole_file(ROOT / "notebooks" / "data" / "pruning.csv") as part, part.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
