"""A trained network in the formats that are made for using it: LiteRT's, which needs no TensorFlow, and SavedModel.

`ExportedNetwork` answers as the Keras network does, to within the last digits of a float. All it carries is the
network: reading digits with it imports no TensorFlow. How long it takes for an image, and how much memory a service
with it, ``tests/benchmarks/service.py`` measures.
"""

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import check_writable, shown, whole_file
from utils.quiet import stderr_silenced
from utils.reader.normalise import scale_pixels

if TYPE_CHECKING:
    import keras
    from ai_edge_litert.interpreter import Interpreter

#: The ending of a network in LiteRT's format.
EXPORTED_SUFFIX = ".tflite"


def export_model(model: "keras.Model", path: str | os.PathLike) -> Path:
    """Write a network in a format for use, whole or not at all.

    Parameters
    ----------
    model
        A trained network. What only its training needs is left out.
    path
        A file that ends in ``.tflite``, for LiteRT, or a folder that does not exist yet, for TensorFlow's SavedModel.
        TensorFlow Serving looks for folders that are called by a number, the version, such as ``serving/digits/1``.

    Returns
    -------
    Path
        The file or folder.

    Raises
    ------
    DigitsError
        If it cannot be written, or the folder is there already.
    """
    path = Path(path)
    if path.suffix == EXPORTED_SUFFIX:
        with whole_file(path) as part, _quietly():
            model.export(part, format="litert", verbose=False)
        return path
    if path.suffix:
        raise DigitsError(
            f"{shown(path)} ends in neither {EXPORTED_SUFFIX} (LiteRT) nor nothing (a SavedModel's folder)."
        )
    if path.exists():
        raise DigitsError(f"{shown(path)} is there already: name a new folder, such as the next version's number.")
    check_writable(path)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _quietly():
            model.export(part, format="tf_saved_model", verbose=False)
        part.replace(path)
    except OSError as error:
        raise DigitsError(f"{shown(path)} was not written ({error.strerror or error}): is the disk full?") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return path


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep TensorFlow from telling where it puts its files: the folders are of no interest, and gone a moment later."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with stderr_silenced():
            yield
    finally:
        logger.setLevel(level)


def describe_version(path: str | os.PathLike) -> str:
    """Return what tells one network from another: the first twelve digits of its file's SHA-256."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


class ExportedNetwork:
    """A network in LiteRT's format, for any number of threads.

    Parameters
    ----------
    path
        A ``.tflite`` file, such as `export_model` writes.

    Raises
    ------
    DigitsError
        If the file is missing or damaged, or holds a network that does not read 28 × 28 images as ten digits.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        if not os.path.isfile(path):
            raise DigitsError(f"There is no exported model at {shown(path)}: make one with python -m utils export.")
        self._path, self._of_thread = Path(path), threading.local()
        try:
            interpreter = self._interpreter()
            shapes = [
                details[0]["shape"].tolist()
                for details in (interpreter.get_input_details(), interpreter.get_output_details())
            ]
        except Exception as error:  # LiteRT raises several kinds for a file that is not a whole model
            raise DigitsError(
                f"{shown(path)} is damaged or not a LiteRT model: make it again with python -m utils export."
            ) from error
        if shapes != [[1, SIDE, SIDE, 1], [1, 10]]:
            raise DigitsError(f"{shown(path)} is not a network for 28 × 28 images and ten digits: name another.")

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Judge prepared images.

        Parameters
        ----------
        images : (n, 28, 28) uint8 array
            As `utils.reader.scale_pixels` takes them.

        Returns
        -------
        (n, 10) float32 array
            What `utils.reader.predict_probabilities` returns.
        """
        interpreter = self._interpreter()
        into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        table = np.empty((len(images), 10), np.float32)
        for row, image in zip(table, scale_pixels(images), strict=True):  # one by one: together they take as long
            interpreter.set_tensor(into, image[np.newaxis])
            interpreter.invoke()
            row[:] = interpreter.get_tensor(out)[0]
        return table

    def _interpreter(self) -> "Interpreter":
        """Return this thread's own: an interpreter must not be used by two threads at once."""
        if not hasattr(self._of_thread, "interpreter"):
            with stderr_silenced():
                from ai_edge_litert.interpreter import Interpreter

                self._of_thread.interpreter = Interpreter(str(self._path), num_threads=1)
                self._of_thread.interpreter.allocate_tensors()
        return self._of_thread.interpreter
