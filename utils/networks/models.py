"""The two networks of the series, and the trained ones on disk.

Notebook 03 builds both in the open; the functions here are the same, for the command line and the other notebooks,
and a test holds the two together.
"""

import os
from pathlib import Path

import numpy as np

from utils.errors import DigitsError
from utils.mnist import Mnist
from utils.paths import Kind, learned_models, model_in_use, shipped_models, shown, whole_file
from utils.quiet import keras

layers = keras.layers


def build_mlp(dropout: float = 0.0) -> keras.Model:
    """Build the dense network: 784 pixels, two hidden layers of 128 and 64 units, ten probabilities.

    Parameters
    ----------
    dropout
        The share of the last layer's inputs that is switched off in training; 0 leaves that layer out.

    Returns
    -------
    keras.Model
        Takes ``(n, 28, 28, 1)`` in [0, 1], gives ``(n, 10)``; untrained, not compiled.
    """
    inputs = keras.Input((28, 28, 1))
    x = layers.Flatten()(inputs)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(64, activation="relu")(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="mlp")


def build_cnn(dropout: float = 0.2, width: int = 16) -> keras.Model:
    """Build the convolutional network: four blocks of convolution, batch normalisation and ReLU, each half as large.

    Parameters
    ----------
    dropout
        The share of the last layer's inputs that is switched off in training.
    width
        How many filters the first block has; each block after it has twice as many.

    Returns
    -------
    keras.Model
        Takes ``(n, 28, 28, 1)`` in [0, 1], gives ``(n, 10)``; untrained, not compiled.
    """
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(width, kernel_size=5, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    for filters in (2 * width, 4 * width, 8 * width):
        x = layers.Conv2D(filters, kernel_size=3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(pool_size=2)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="cnn")


BUILDERS = {"mlp": build_mlp, "cnn": build_cnn}
#: What people call them.
NAMES: dict[Kind, str] = {"mlp": "dense network", "cnn": "CNN"}


def save_model(model: keras.Model, path: str | os.PathLike) -> Path:
    """Save a network for prediction, whole or not at all.

    Parameters
    ----------
    model
        The network. Its architecture and weights are kept; the optimizer's state, which only more training needs
        and which would triple the file, is not.
    path
        The file to write, ending in ``.keras``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DigitsError
        If the name ends in something else, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise DigitsError(f"{shown(path)} does not end in .keras: a Keras model is saved under such a name.")
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    with whole_file(path) as part:
        bare.save(part)
    return path


def load_model(path: str | os.PathLike) -> keras.Model:
    """Load a network for prediction.

    Parameters
    ----------
    path
        A ``.keras`` file.

    Returns
    -------
    keras.Model
        The network, not compiled.

    Raises
    ------
    DigitsError
        If the file is missing or damaged, or holds a network that does not read 28 × 28 images as ten digits.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise DigitsError(f"There is no model at {shown(path)}: train one with python -m utils train.")
    try:
        model = keras.models.load_model(path, compile=False)
    except PermissionError as error:
        raise DigitsError(f"{shown(path)} may not be read: check its permissions.") from error
    except Exception as error:  # Keras raises many kinds for a file that is not a whole model
        raise DigitsError(
            f"{shown(path)} is damaged or not a Keras model: train it again with python -m utils train."
        ) from error
    if not model.built or (model.input_shape, model.output_shape) != ((None, 28, 28, 1), (None, 10)):
        raise DigitsError(f"{shown(path)} is not a network for 28 × 28 images and ten digits: name another.")
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise DigitsError(
            f"{shown(path)} holds weights that are no numbers: train it again with a lower learning rate."
        )
    return model


def learned_path(kind: Kind, mnist: Mnist) -> Path:
    """Return the file for a network that is trained here.

    Parameters
    ----------
    kind
        Which network.
    mnist
        What it is trained on. The name says so, since a network must not be evaluated on images it has seen.

    Returns
    -------
    Path
        For example ``models/learned/cnn-mnist.keras`` or ``…/cnn-sample.keras``.
    """
    return learned_models() / f"{kind}-{'mnist' if mnist.complete else 'sample'}.keras"


def describe_model(path: str | os.PathLike) -> str:
    """Say which network a file holds, in a line for people.

    Parameters
    ----------
    path
        A model's file.

    Returns
    -------
    str
        For example ``Model: models/cnn.keras (shipped with the series)``.
    """
    path = Path(path)
    if path.resolve().parent == learned_models().resolve():
        return f"Model: {shown(path)} (your own; delete the file to return to the shipped one)"
    if path.resolve().parent == shipped_models():
        return f"Model: {shown(path)} (shipped with the series)"
    return f"Model: {shown(path)}"


def load_reader(kind: Kind = "cnn") -> keras.Model:
    """Load the trained network that predictions use, and print a line that says which it is.

    Parameters
    ----------
    kind
        Which network.

    Returns
    -------
    keras.Model
        The network, not compiled.

    Raises
    ------
    DigitsError
        If there is none, or it is damaged.
    """
    path = model_in_use(kind)
    model = load_model(path)
    print(describe_model(path))
    return model


def load_unseeing(kind: Kind, mnist: Mnist) -> keras.Model:
    """Load a trained network that has seen none of the test images, and print a line that says which it is.

    With all of MNIST, that is the same as `load_reader`, except that one trained on the sample is passed over.
    The sample's test images are taken from MNIST's training images, which the shipped network has seen; there it is
    one that was trained on the sample's own 4,000, and if there is none, one is trained now.

    Parameters
    ----------
    kind
        Which network.
    mnist
        The data whose test images will judge it.

    Returns
    -------
    keras.Model
        The network, not compiled.

    Raises
    ------
    DigitsError
        If there is none, or it is damaged.
    """
    path = learned_path(kind, mnist)
    if mnist.complete and not os.path.isfile(path):
        path = shipped_models() / f"{kind}.keras"
    if not mnist.complete and not os.path.isfile(path):
        from utils.networks.training import train

        print(f"Model: {kind}, trained now on the sample's {len(mnist.x_train):,} images (the shipped one has seen "
              f"the {len(mnist.x_test):,} that judge it)")  # fmt: skip
        model, _ = train(kind, mnist, verbose=False)
        return model
    model = load_model(path)
    print(describe_model(path))
    return model
