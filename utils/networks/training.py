"""The recipe with which notebook 06 trains both networks, for the command line and the benchmarks.

The notebook spells it out; a test holds the two together. What comes on top for the network that reads people's own
drawings, notebook 09 explains: images redrawn by a program (`utils.networks.augment`) and calibrated probabilities.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from utils.mnist import Mnist
from utils.networks.augment import make_sets
from utils.networks.batches import Batches, distort
from utils.networks.calibration import find_temperature, soften
from utils.networks.checkpoint import Checkpoint, State, check_fit, read_state
from utils.networks.files import Kind
from utils.networks.models import BUILDERS, build_cnn
from utils.networks.stopping import OrderlyEnd
from utils.reader import scale_pixels

#: The numbers of the recipe.
SEED = 0
BATCH_SIZES = {"mlp": 128, "cnn": 256}
EPOCHS = {"mlp": 10, "cnn": 9}
LEARNING_RATES = {"mlp": 2e-3, "cnn": 6e-3}
#: What is done to the training images, anew in each epoch.
CHANGES = {"mlp": None, "cnn": distort}
VALIDATION_SHARE = 0.1
#: After so many epochs that bring nothing, the training ends; with redrawn images it does not.
PATIENCE = 3
#: With redrawn images: so many epochs, over so many sets in turn, and a CNN half as wide again, for there is more to
#: learn.
AUGMENTED_EPOCHS, SETS, AUGMENTED_WIDTH = 15, 2, 24


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
    augment: bool = False,
    learning_rate: float | None = None,
    state: Path | None = None,
    resume: bool = False,
    live: OrderlyEnd | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a network from scratch, with the recipe of notebook 06.

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
    augment
        Whether to show the network, beside MNIST's images, redrawn ones, pen-drawn ones and things that are no digit,
        and to calibrate it in the end.
    learning_rate
        The one to begin with; the recipe's by default.
    state
        A file, ending in ``.npz``, in which the training keeps what it needs to go on, after each epoch.
    resume
        Whether to go on from there. The result is the same as if the training had not been interrupted.
    live
        What ends the training in order, and may show how it goes, such as `utils.widgets.LiveCurves`; by default
        nothing is shown.
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
        If the state cannot be written before the first epoch, or there is none that can be resumed.
    """
    epochs = epochs or (AUGMENTED_EPOCHS if augment else EPOCHS[kind])
    learning_rate = learning_rate or LEARNING_RATES[kind]
    settings = {"model": kind, "epochs": epochs, "seed": seed, "augment": augment, "learning rate": learning_rate,
                "data": "mnist" if mnist.complete else "sample"}  # fmt: skip
    patience = epochs if augment else PATIENCE
    resumed = read_state(state, settings) if resume else None
    done = resumed.epoch if resumed else 0
    over = resumed is not None and (done >= epochs or resumed.wait >= patience)  # it was not saved any more
    keras.utils.set_random_seed(seed)
    data = _prepare(kind, mnist, epochs, seed, augment, done, over)
    model = build_cnn(width=AUGMENTED_WIDTH) if augment and kind == "cnn" else BUILDERS[kind]()
    compile_model(model, epochs * len(data.batches), learning_rate, data.loss)
    if resumed:
        check_fit(resumed, model, state)
    live = live or OrderlyEnd()
    live.before = resumed.history if resumed else {}
    best = Checkpoint(state, settings, patience, resumed)
    history = _fit(model, data, epochs, epochs if over else done, [live, best, *callbacks])
    if resumed:
        _put_before(history, resumed)
    if history.interrupted:
        model.set_weights(best.best_weights or model.get_weights())
    history.interrupted |= live.stopped
    history.failed, history.failure = live.failed, best.failure
    history.whole_epochs = done + live.whole_epochs
    if augment and history.whole_epochs:
        probabilities = model.predict(data.x_val, batch_size=1000, verbose=0)
        soften(model, find_temperature(probabilities, data.y_val))
    return model, history


class _Data(NamedTuple):
    """What a training learns from and is judged by: batches, validation images, their digits, and the loss."""

    batches: Batches | None
    x_val: np.ndarray
    y_val: np.ndarray
    loss: str

    @property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        """The validation images and their targets, in the form that the loss takes."""
        sparse = self.loss.startswith("sparse")
        return self.x_val, self.y_val if sparse else keras.utils.to_categorical(self.y_val, 10)


def _prepare(kind: Kind, mnist: Mnist, epochs: int, seed: int, augment: bool, first_epoch: int, over: bool) -> _Data:
    x_train, x_val, y_train, y_val = split_training(mnist)
    size = BATCH_SIZES[kind]
    if not augment:
        batches = Batches(x_train, y_train, CHANGES[kind], size, seed, first_epoch)
        return _Data(batches, x_val, y_val, "sparse_categorical_crossentropy")
    data = _Data(None, *_with_redrawn(x_val, y_val, seed), "categorical_crossentropy")
    if over:  # nothing is left to learn, and to redraw the training images takes minutes
        return data._replace(batches=Batches(*data.validation, batch_size=size))
    return data._replace(batches=_Augmented(x_train, y_train, min(epochs, SETS), size, seed, first_epoch))


def _fit(
    model: keras.Model, data: _Data, epochs: int, first_epoch: int, callbacks: Sequence[keras.callbacks.Callback]
) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.interrupted, history.epoch = False, []
    try:
        model.fit(
            data.batches, epochs=epochs, initial_epoch=first_epoch, validation_data=data.validation,
            validation_batch_size=1000, callbacks=[*callbacks, history], verbose=0,
            shuffle=False,  # Keras would shuffle the batches: they come in a new order of their own
        )  # fmt: skip
    except KeyboardInterrupt:  # before the first batch, or an impatient one
        history.interrupted = True
    return history


def _put_before(history: keras.callbacks.History, resumed: State) -> None:
    """Put what a training had brought before it was interrupted before what it has brought since."""
    history.epoch = list(range(resumed.epoch)) + history.epoch
    for key, values in resumed.history.items():
        history.history[key] = list(values) + history.history.get(key, [])


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
        x_redrawn = distort(scale_pixels(images[redrawn]), rng, turn=5, size=0.05, slant=0.08)  # by a program already
        return np.concatenate([x, x_redrawn]), np.concatenate([self._y[own], targets[redrawn]])


def _with_redrawn(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Add each validation image once more, redrawn."""
    ((images, _),) = make_sets(np.round(x[..., 0] * 255).astype(np.uint8), y, 1, seed + 1)
    return np.concatenate([x, scale_pixels(images[: len(x)])]), np.concatenate([y, y])
