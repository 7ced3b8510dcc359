"""The network as the browser takes it: one image at a time, and with what its blocks let through."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from utils.mnist import SIDE
from utils.paths import whole_file
from utils.quiet import stderr_silenced

if TYPE_CHECKING:
    import keras


def export_for_browser(model: "keras.Model", path: str | os.PathLike) -> Path:
    """Write a convolutional network for LiteRT.js.

    Parameters
    ----------
    model
        A trained network with ReLU layers that give pictures.
    path
        The file, which should end in ``.tflite``.

    Returns
    -------
    Path
        The file. Its network takes ``(1, 28, 28, 1) float32``, pixels from 0 to 1, and gives ten probabilities, ``(1,
        10)``; behind them what the first two blocks' ReLUs let through, ``(1, h, w, channels)``. (LiteRT.js takes no
        network for any number of images, and `utils.reader.export_model` writes just that.)

    Raises
    ------
    DigitsError
        If the file cannot be written.
    """
    import keras
    import tensorflow

    blocks = [layer for layer in model.layers if isinstance(layer, keras.layers.ReLU) and layer.output.ndim == 4][:2]
    inner = keras.Model(model.input, [model.output, *(block.output for block in blocks)])
    takes = keras.InputSpec(shape=(1, SIDE, SIDE, 1), dtype="float32")
    with whole_file(path) as part, tempfile.TemporaryDirectory() as saved, stderr_silenced():
        inner.export(saved, format="tf_saved_model", verbose=False, input_signature=[takes])
        part.write_bytes(tensorflow.lite.TFLiteConverter.from_saved_model(saved).convert())
    return Path(path)
