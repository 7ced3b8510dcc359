"""Saving trained networks, and loading them."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE, Mnist
from utils.networks.archive import LARGEST, inspect, saved_with, too_large
from utils.networks.files import Kind, describe_model, learned_path, shipped_models
from utils.networks.training import train
from utils.paths import shown, whole_file
from utils.reader import Manner, find_manner

SHAPE = (SIDE, SIDE, 1)


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
    """Load a network for prediction, whoever made it. Nothing in its file is run.

    Parameters
    ----------
    path
        A ``.keras`` file.

    Returns
    -------
    keras.Model
        The network, not compiled: takes ``(n, 28, 28, 1)`` in [0, 1], gives the ten probabilities. Layers are put
        around one that takes its 784 pixels in another shape or another range, or gives logits.

    Raises
    ------
    DigitsError
        If the file is missing, damaged, too large or holds code, or a network that does not read 28 × 28 images as ten
        digits.
    """
    path = Path(path)
    inspect(path)
    try:
        with _bounded(path):
            model = keras.models.load_model(path, compile=False, safe_mode=True)
    except DigitsError:
        raise
    except Exception as error:  # Keras raises many kinds, for a file of another version, or one that is damaged
        version, here = saved_with(path), keras.__version__
        made = f"saved with Keras {version}, here is {here}; " if version != here else ""
        raise DigitsError(
            f"{shown(path)} cannot be loaded ({made}{_reason(error)}): train it again with python -m utils train."
        ) from error
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise DigitsError(
            f"{shown(path)} holds weights that are no numbers: train it again with a lower learning rate."
        )
    return _fit(model, path)


@contextmanager
def _bounded(path: Path) -> Iterator[None]:
    """Refuse a network while it is built, before it has taken more memory than a network for digits may."""
    plain, total = keras.layers.Layer.add_weight, 0

    def add_weight(
        layer: keras.layers.Layer, shape: Sequence[int] | None = None, *args: object, **options: object
    ) -> keras.Variable:
        nonlocal total
        total += math.prod(shape or ())
        if total > LARGEST:
            raise too_large(path)
        return plain(layer, shape, *args, **options)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = plain


def _reason(error: Exception) -> str:
    """Say in a line what Keras says in many, a whole configuration among them."""
    lines = str(error).split("Exception encountered: ")[-1].strip().splitlines() or [type(error).__name__]
    return ascii(lines[0])[1:-1][:160]


def _fit(model: keras.Model, path: Path) -> keras.Model:
    """Put around a network what it needs to take our images and give probabilities."""
    try:
        takes, gives = [tuple(one.shape) for one in model.inputs], [tuple(one.shape) for one in model.outputs]
        if any(math.prod(size or 1 for size in one.shape[1:]) > LARGEST // 30 for one in _values(model)):
            raise too_large(path)
    except (AttributeError, ValueError) as error:
        raise DigitsError(f"{shown(path)} was saved before it had seen an image: train it, then save it.") from error
    if len(takes) != 1 or len(gives) != 1:
        raise DigitsError(
            f"{shown(path)} has {len(takes)} inputs and {len(gives)} outputs, not one of each: name another network."
        )
    model = keras.Model(model.inputs, model.outputs, name=model.name) if _named_ends(model) else model
    shape = tuple(SIDE if size is None and place < 2 else size for place, size in enumerate(takes[0][1:]))
    if None in shape or math.prod(shape) != SIDE * SIDE or gives[0][1:] not in ((10,), (None,)):
        raise DigitsError(
            f"{shown(path)} is not a network for 28 × 28 images and ten digits (it takes {_times(takes[0])} values and "
            f"gives {_times(gives[0])}): name another."
        )

    def bring(images: keras.KerasTensor | np.ndarray, scale: float = 1, offset: float = 0) -> keras.KerasTensor:
        x = keras.layers.Rescaling(scale, offset)(images) if (scale, offset) != (1, 0) else images
        return model(x if shape == SHAPE else keras.layers.Reshape(shape)(x))

    manner = find_manner(lambda images: keras.ops.convert_to_numpy(bring(images)), path)
    if manner == Manner() and takes[0] == (None, *SHAPE):
        return model
    last = _last(model)
    inputs = keras.Input(SHAPE)
    outputs = bring(inputs, manner.scale, manner.offset)
    if manner.logits:
        if getattr(last, "activation", keras.activations.linear).__name__ not in ("linear", "log_softmax"):
            raise DigitsError(
                f"{shown(path)} ends in {last.activation.__name__}, so it gives no probabilities: let its last layer "
                "have a softmax, and train it again."
            )
        outputs = keras.layers.Softmax(dtype="float32")(outputs)
    return keras.Model(inputs, outputs, name=model.name)


def _named_ends(model: keras.Model) -> bool:
    """Whether a network takes or gives dictionaries or lists, though of one array."""
    if isinstance(model, keras.Sequential):
        return False
    return not all(isinstance(end, keras.KerasTensor) for end in (model.input, model.output))


def _values(model: keras.Model) -> Iterator[keras.KerasTensor]:
    """Go through what the layers of a network give, and those of the networks in it."""
    for layer in model.layers:
        for node in layer._inbound_nodes:  # layer.output fails for a layer that is used twice
            yield from node.output_tensors
        if isinstance(layer, keras.Model):
            yield from _values(layer)


def _last(model: keras.Model) -> keras.layers.Layer:
    last = model.layers[-1]
    return _last(last) if isinstance(last, keras.Model) else last


def _times(shape: tuple[int | None, ...]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape[1:])


def load_unseeing(kind: Kind, mnist: Mnist) -> keras.Model:
    """Load a trained network and say which it is, one that has seen none of the test images.

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
