"""The recipe with which notebook 04 trains both networks, for the command line and the benchmarks.

The notebook spells it out; a test holds the two together. What comes on top for the network that reads people's own
drawings, notebook 06 explains: images redrawn by other hands (`utils.networks.augment`) and calibrated probabilities.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from utils.mnist import Mnist
from utils.networks.augment import make_sets
from utils.networks.batches import Batches, distort
from utils.networks.calibration import find_temperature, soften
from utils.networks.checkpoint import Checkpoint, read_state
from utils.networks.models import BUILDERS, NAMES, Kind
from utils.quiet import keras
from utils.reader.normalise import scale_pixels
from utils.widgets.live import LiveCurves, Screen

#: The numbers of the recipe.
SEED = 0
BATCH_SIZES = {"mlp": 128, "cnn": 256}
EPOCHS = {"mlp": 10, "cnn": 9}
LEARNING_RATES = {"mlp": 2e-3, "cnn": 6e-3}
#: What is done to the training images, anew in each epoch.
CHANGES = {"mlp": None, "cnn": distort}
VALIDATION_SHARE = 0.1
#: With redrawn images: so many epochs, over so many sets in turn.
AUGMENTED_EPOCHS, SETS = 16, 2


def split_training(mnist: Mnist) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Set a tenth of the training images aside for validation, as many of each digit.

    Parameters
    ----------
    mnist
        The data; only its training images are used.

    Returns
    -------
    x_train, x_val : (n, 28, 28, 1) float32 arrays
        Images in [0, 1].
    y_train, y_val : (n,) uint8 arrays
        Labels.
    """
    x_train, x_val, y_train, y_val = train_test_split(
        mnist.x_train, mnist.y_train, test_size=VALIDATION_SHARE, stratify=mnist.y_train, random_state=0
    )
    return scale_pixels(x_train), scale_pixels(x_val), y_train, y_val


def compile_model(
    model: keras.Model, steps: int, learning_rate: float, loss: str = "sparse_categorical_crossentropy"
) -> None:
    """Give a network its loss, its metric and its optimizer: Adam, with a learning rate that falls to zero.

    Parameters
    ----------
    model
        The network, compiled in place.
    steps
        The batches of the whole training.
    learning_rate
        The one to begin with; from there it falls along half a cosine.
    loss
        Cross-entropy, with digits or with probabilities (``"categorical_crossentropy"``) as targets.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=loss,
        metrics=["accuracy"],
        jit_compile=False,  # XLA pays on a graphics card; on a few processor cores it is the slower way
    )


def train(
    kind: Kind,
    mnist: Mnist,
    epochs: int | None = None,
    seed: int = SEED,
    verbose: bool = True,
    augment: bool = False,
    learning_rate: float | None = None,
    state: Path | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a network from scratch, with the recipe of notebook 04.

    An interrupt (Ctrl-C) or a loss that is no longer a number ends the training early; if an epoch was completed, the
    network is given its best weights.

    Parameters
    ----------
    kind
        Which network.
    mnist
        The data; its test images are not touched.
    epochs
        How many passes over the training images; the recipe's number by default.
    seed
        For the starting weights, the order of the images, the dropout and what is moved or redrawn.
    verbose
        Whether to show how it goes: `utils.widgets.live.LiveCurves`.
    augment
        Whether to show the network, beside MNIST's images, redrawn ones, pen-drawn ones and things that are no digit,
        and to calibrate it in the end.
    learning_rate
        The one to begin with; the recipe's by default.
    state
        A file, ending in ``.npz``, in which the training keeps what it needs to go on, after each epoch.
    resume
        Whether to go on from there. The result is the same as if the training had not been interrupted.
    callbacks
        More of Keras's callbacks.

    Returns
    -------
    model : keras.Model
        With the weights of the epoch that had the lowest validation loss.
    history : keras.callbacks.History
        Loss and accuracy of each epoch. Its attribute ``interrupted`` says whether the training was ended early,
        ``failed`` whether the loss was no longer a number, ``whole_epochs`` how many epochs were completed, those
        before an interruption included, and ``failure`` why a state could not be written, if so.

    Raises
    ------
    DigitsError
        If the state cannot be written before the first epoch, or there is none to resume.
    """
    epochs = epochs or (AUGMENTED_EPOCHS if augment else EPOCHS[kind])
    learning_rate = learning_rate or LEARNING_RATES[kind]
    settings = {"model": kind, "epochs": epochs, "seed": seed, "augment": augment, "learning rate": learning_rate,
                "data": "mnist" if mnist.complete else "sample"}  # fmt: skip
    resumed = read_state(state, settings) if resume else None
    done = resumed.epoch if resumed else 0
    keras.utils.set_random_seed(seed)
    x_train, x_val, y_train, y_val = split_training(mnist)
    model = BUILDERS[kind]()
    if augment:
        batches = _Augmented(x_train, y_train, min(epochs, SETS), BATCH_SIZES[kind], seed, done)
        x_val, y_val = _with_redrawn(x_val, y_val, seed)
    else:
        batches = Batches(x_train, y_train, CHANGES[kind], BATCH_SIZES[kind], seed, done)
    targets = keras.utils.to_categorical(y_val, 10) if augment else y_val
    loss = "categorical_crossentropy" if augment else "sparse_categorical_crossentropy"
    compile_model(model, epochs * len(batches), learning_rate, loss)
    live = LiveCurves(NAMES[kind], screen=None if verbose else Screen())
    best = Checkpoint(state, settings, patience=epochs if augment else 3, resumed=resumed)
    history = keras.callbacks.History()
    history.interrupted, history.epoch = False, []
    if resumed:
        history.history.update({key: list(values) for key, values in resumed.history.items()})
    try:
        model.fit(
            batches, epochs=epochs, initial_epoch=done, validation_data=(x_val, targets), validation_batch_size=1000,
            callbacks=[live, best, history, *callbacks], verbose=0,
            shuffle=False,  # Keras would shuffle the batches: they come in a new order of their own
        )  # fmt: skip
    except KeyboardInterrupt:
        history.interrupted = True
        model.set_weights(best.best_weights or model.get_weights())
    history.epoch = list(range(done)) + history.epoch
    history.interrupted |= live.stopped
    history.failed, history.failure = live.failed, best.failure
    history.whole_epochs = done + live.whole_epochs
    if augment and history.whole_epochs:
        probabilities = model.predict(x_val, batch_size=1000, verbose=0)
        soften(model, find_temperature(probabilities, y_val))
    return model, history


class _Augmented(Batches):
    """In each epoch MNIST's images and one of the redrawn sets."""

    def __init__(self, x: np.ndarray, y: np.ndarray, sets: int, batch_size: int, seed: int, first_epoch: int) -> None:
        self._y = keras.utils.to_categorical(y, 10)
        self._sets = make_sets(np.round(x[..., 0] * 255).astype(np.uint8), y, sets, seed)
        _, drawn = self._sets[0]
        super().__init__(x, np.concatenate([self._y, drawn]), distort, batch_size, seed, first_epoch)

    def make_batch(self, chosen: np.ndarray, epoch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        images, targets = self._sets[epoch % len(self._sets)]
        own, redrawn = chosen[chosen < len(self._y)], chosen[chosen >= len(self._y)] - len(self._y)
        x = distort(self._images[own], rng)
        x_redrawn = distort(scale_pixels(images[redrawn]), rng, turn=5, size=0.05, slant=0.08)  # by other hands already
        return np.concatenate([x, x_redrawn]), np.concatenate([self._y[own], targets[redrawn]])


def _with_redrawn(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Add each validation image once more, redrawn."""
    ((images, _),) = make_sets(np.round(x[..., 0] * 255).astype(np.uint8), y, 1, seed + 1)
    return np.concatenate([x, scale_pixels(images[: len(x)])]), np.concatenate([y, y])
