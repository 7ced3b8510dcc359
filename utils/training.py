"""The recipe with which notebook 04 trains both networks, for the command line and the benchmarks.

The notebook spells it out; a test holds the two together. What comes on top for the network that reads people's own
drawings, notebook 06 explains: images redrawn by other hands (`utils.augment`) and calibrated probabilities.
"""

from collections.abc import Iterator
from itertools import cycle

import numpy as np
from sklearn.model_selection import train_test_split

from utils.augment import make_sets
from utils.calibration import find_temperature, soften
from utils.live import LiveCurves, Screen
from utils.mnist import Mnist
from utils.models import BUILDERS, NAMES, Kind
from utils.normalise import scale_pixels
from utils.quiet import keras

#: The numbers of the recipe.
BATCH_SIZE, LEARNING_RATE, SEED = 128, 2e-3, 0
EPOCHS = {"mlp": 10, "cnn": 5}
VALIDATION_SHARE = 0.1
#: With redrawn images: so many epochs, over so many sets in turn.
AUGMENTED_EPOCHS, SETS = 16, 5


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


def compile_model(model: keras.Model, steps: int, loss: str = "sparse_categorical_crossentropy") -> None:
    """Give a network its loss, its metric and its optimizer: Adam, with a learning rate that falls to zero.

    Parameters
    ----------
    model
        The network, compiled in place.
    steps
        The batches of the whole training, over which the rate falls along a half cosine.
    loss
        Cross-entropy, with digits or with probabilities (``"categorical_crossentropy"``) as targets.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
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
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a network from scratch, with the recipe of notebook 04.

    An interrupt (Ctrl-C) ends the training early; if an epoch was completed, the network is given its best weights.

    Parameters
    ----------
    kind
        Which network.
    mnist
        The data; its test images are not touched.
    epochs
        How many passes over the training images; the recipe's number by default.
    seed
        For the starting weights, the order of the images, the dropout and what is redrawn.
    verbose
        Whether to show how it goes: `utils.live.LiveCurves`.
    augment
        Whether to show the network, beside MNIST's images, redrawn ones, pen-drawn ones and things that are no digit,
        and to calibrate it in the end.

    Returns
    -------
    model : keras.Model
        With the weights of the epoch that had the lowest validation loss.
    history : keras.callbacks.History
        Loss and accuracy of each epoch. Its attribute ``interrupted`` says whether the training was ended early, and
        ``whole_epochs`` how many epochs were completed.
    """
    keras.utils.set_random_seed(seed)
    x_train, x_val, y_train, y_val = split_training(mnist)
    epochs = epochs or (AUGMENTED_EPOCHS if augment else EPOCHS[kind])
    model = BUILDERS[kind]()
    if augment:
        batches = _Augmented(x_train, y_train, min(epochs, SETS), seed)
        x_val, y_val = _with_redrawn(x_val, y_val, seed)
        data = {"x": batches}
        compile_model(model, epochs * len(batches), "categorical_crossentropy")
    else:
        data = {"x": x_train, "y": y_train, "batch_size": BATCH_SIZE}
        compile_model(model, steps=epochs * -(-len(x_train) // BATCH_SIZE))
    targets = keras.utils.to_categorical(y_val, 10) if augment else y_val
    best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    history = keras.callbacks.History()
    history.interrupted, history.epoch = False, []
    live = LiveCurves(NAMES[kind], screen=None if verbose else Screen())
    try:
        model.fit(**data, epochs=epochs, validation_data=(x_val, targets), callbacks=[best, history, live], verbose=0)
    except KeyboardInterrupt:
        history.interrupted = True
        if best.best_weights is not None:  # there are none before the end of the first epoch
            model.set_weights(best.best_weights)
    history.interrupted |= live.stopped
    history.whole_epochs = live.whole_epochs
    if augment and history.epoch:
        probabilities = model.predict(x_val, batch_size=1000, verbose=0)
        soften(model, find_temperature(probabilities, y_val))
    return model, history


class _Augmented(keras.utils.PyDataset):
    """In each epoch MNIST's images and one of the redrawn sets, in a new order."""

    def __init__(self, x: np.ndarray, y: np.ndarray, sets: int, seed: int) -> None:
        super().__init__()
        self._x, self._y = x, keras.utils.to_categorical(y, 10)
        images = np.round(x[..., 0] * 255).astype(np.uint8)
        self._sets: Iterator = cycle(make_sets(images, y, sets, seed))
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        images, targets = next(self._sets)
        self._images = np.concatenate([self._x, scale_pixels(images)])
        self._targets = np.concatenate([self._y, targets])
        self._order = self._rng.permutation(len(self._images))

    def __len__(self) -> int:
        return -(-len(self._order) // BATCH_SIZE)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        return self._images[chosen], self._targets[chosen]


def _with_redrawn(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Add each validation image once more, redrawn."""
    ((images, _),) = make_sets(np.round(x[..., 0] * 255).astype(np.uint8), y, 1, seed + 1)
    return np.concatenate([x, scale_pixels(images[: len(x)])]), np.concatenate([y, y])
