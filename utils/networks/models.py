"""The two networks of the series.

Notebooks 04 and 05 build them in the open; the functions here are the same, for the command line and the other
notebooks, and a test holds the two together.
"""

import keras
from keras import layers

from utils.networks.files import Kind


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
