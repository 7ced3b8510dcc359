"""The recipe with which notebook 04 trains both networks, for the command line and the benchmarks.

The notebook spells it out; a test holds the two together.
"""

from typing import Literal

import numpy as np
from sklearn.model_selection import train_test_split

from utils.images import scale_pixels
from utils.mnist import Mnist
from utils.models import BUILDERS, Kind
from utils.quiet import keras

#: The numbers of the recipe.
BATCH_SIZE, LEARNING_RATE, SEED = 128, 2e-3, 0
EPOCHS = {"mlp": 10, "cnn": 5}
VALIDATION_SHARE = 0.1


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


def compile_model(model: keras.Model, steps: int) -> None:
    """Give a network its loss, its metric and its optimizer: Adam, with a learning rate that falls to zero.

    Parameters
    ----------
    model
        The network, compiled in place.
    steps
        The batches of the whole training, over which the rate falls along a half cosine.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA pays on a graphics card; on a few processor cores it is the slower way
    )


def train(
    kind: Kind,
    mnist: Mnist,
    epochs: int | None = None,
    seed: int = SEED,
    verbose: Literal["auto", 0, 1, 2] = "auto",
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
        For the starting weights, the order of the images and the dropout.
    verbose
        Keras's: ``"auto"`` shows a progress bar, 0 nothing.

    Returns
    -------
    model : keras.Model
        With the weights of the epoch that had the lowest validation loss.
    history : keras.callbacks.History
        Loss and accuracy of each epoch that was completed. Its attribute ``interrupted`` says whether the training
        was ended early.
    """
    keras.utils.set_random_seed(seed)
    x_train, x_val, y_train, y_val = split_training(mnist)
    epochs = epochs or EPOCHS[kind]
    model = BUILDERS[kind]()
    compile_model(model, steps=epochs * -(-len(x_train) // BATCH_SIZE))
    best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    history = keras.callbacks.History()
    history.interrupted, history.epoch = False, []
    try:
        model.fit(
            x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs, validation_data=(x_val, y_val),
            callbacks=[best, history], verbose=verbose,
        )  # fmt: skip
    except KeyboardInterrupt:
        history.interrupted = True
        if best.best_weights is not None:  # there are none before the end of the first epoch
            model.set_weights(best.best_weights)
    return model, history
