"""Saving trained networks, and loading them."""

import os
from pathlib import Path

import keras
import numpy as np

from utils.errors import DigitsError
from utils.mnist import Mnist
from utils.networks.files import Kind, describe_model, learned_path, model_in_use, shipped_models
from utils.networks.training import train
from utils.paths import shown, whole_file


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


def load_reader(kind: Kind = "cnn") -> keras.Model:
    """Load the trained network that predictions use, and print a line that says which it is.

    Parameters
    ----------
    kind
        Which of the two.

    Returns
    -------
    keras.Model
        That of `model_in_use`, as `load_model` gives it, which raises what there is to raise.
    """
    return _load_and_name(model_in_use(kind))


def load_unseeing(kind: Kind, mnist: Mnist) -> keras.Model:
    """Load a trained network as `load_reader` does, but one that has seen none of the test images.

    With all of MNIST, that is one that was trained here on all of it, or the shipped one. The sample's test images are
    taken from MNIST's training images, which the shipped network has seen; there it is one that was trained on the
    sample's own 4,000, and if there is none, one is trained now.

    Parameters
    ----------
    kind
        Which of the two.
    mnist
        The data whose test images will judge it.

    Returns
    -------
    keras.Model
        One whose test score can be believed.
    """
    path = learned_path(kind, mnist)
    if os.path.isfile(path):
        return _load_and_name(path)
    if mnist.complete:
        return _load_and_name(shipped_models() / f"{kind}.keras")
    print(f"Model: {kind}, trained now on the sample's {len(mnist.x_train):,} images (the shipped one has seen "
          f"the {len(mnist.x_test):,} that judge it)")  # fmt: skip
    return train(kind, mnist)[0]


def _load_and_name(path: Path) -> keras.Model:
    model = load_model(path)
    print(describe_model(path))
    return model
