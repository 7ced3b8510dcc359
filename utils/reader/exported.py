"""A trained network in the formats that are made for using it: LiteRT's, which needs no TensorFlow, and SavedModel.

`ExportedNetwork` answers as the Keras network does, to within the last digits of a float. All it carries is the
network: reading digits with it imports no TensorFlow. How long it takes for an image, and how much memory a service
with it, ``tests/benchmarks/service.py`` measures.
"""

import hashlib
import io
import logging
import math
import os
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from utils.errors import DigitsError
from utils.mnist import SIDE
from utils.paths import check_writable, guess_kind, shown, whole_file
from utils.quiet import stderr_silenced
from utils.reader.manner import find_manner
from utils.reader.normalise import scale_pixels

if TYPE_CHECKING:
    import keras
    from ai_edge_litert.interpreter import Interpreter

#: The ending of a network in LiteRT's format.
EXPORTED_SUFFIX = ".tflite"
#: How an exported file names its version, in the description that the format has a place for.
VERSION = "digits network, version {}"
#: So many numbers a network may have in all: 30 million weights, as in `utils.networks.archive`, and as many between.
LARGEST = 60_000_000


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
        with whole_file(path) as part, _exporting(path):
            model.export(part, format="litert", verbose=False)
            _add_version(part, _hash_weights(model.get_weights()))
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
        with _exporting(path):
            model.export(part, format="tf_saved_model", verbose=False)
            part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return path


@contextmanager
def _exporting(path: Path) -> Iterator[None]:
    """Say in a line what TensorFlow says in a hundred, when a disk is full; it writes to the temporary folder, too."""
    import tensorflow

    try:
        with _quietly():
            yield
    except (OSError, tensorflow.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or str(error).rpartition("; ")[2].partition(" [Op:")[0]
        raise DigitsError(
            f"{shown(path)} was not written ({reason[:200]}): is the disk full, or the folder for temporary files, "
            f"{shown(tempfile.gettempdir())}?"
        ) from error


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
    """Return what tells one network from another, the same for a ``.keras`` file and for what is exported from it.

    Parameters
    ----------
    path
        A ``.keras`` or a ``.tflite`` file.

    Returns
    -------
    str
        The first twelve digits of the SHA-256 of its weights, which an exported file keeps in its description; of the
        whole file, if it has none that can be found.
    """
    data = Path(path).read_bytes()
    if found := re.search(VERSION.format("([0-9a-f]{12})").encode(), data):
        return found[1].decode()
    with suppress(zipfile.BadZipFile, KeyError, OSError):
        import h5py

        weights = []
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("model.weights.h5") as file:
            h5py.File(file).visititems(lambda name, item: weights.append(item[()]) if _is_weight(name, item) else None)
        return _hash_weights(weights)
    return hashlib.sha256(data).hexdigest()[:12]


def _is_weight(name: str, item: object) -> bool:
    """Tell a network's weights from its optimizer's state and from the counters of its random layers."""
    return hasattr(item, "shape") and not name.startswith("optimizer") and "seed_generator" not in name


def _hash_weights(weights: Iterable[np.ndarray]) -> str:
    """Hash weights in whatever order, for the file has another than the network."""
    each = sorted(hashlib.sha256(repr(one.shape).encode() + one.tobytes()).digest() for one in weights)
    return hashlib.sha256(b"".join(each)).hexdigest()[:12]


def _add_version(path: Path, version: str) -> None:
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.read_model(str(path))
    content.description = VERSION.format(version)
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(content))


class ExportedNetwork:
    """A network in LiteRT's format, whoever made it, for any number of threads.

    One that takes its 784 pixels in another shape, range or type, or gives logits, is brought what it wants.

    Parameters
    ----------
    path
        A ``.tflite`` file, such as `export_model` writes, or the bytes that would be in it.

    Raises
    ------
    DigitsError
        If the file is missing, damaged or too large, or holds a network that does not read 28 × 28 images as ten
        digits.
    """

    def __init__(self, path: str | os.PathLike | bytes) -> None:
        self._content = path if isinstance(path, bytes) else None
        if self._content is not None:
            path = f"network{EXPORTED_SUFFIX}"  # what it is called in errors
        self._path, self._of_thread = Path(path), threading.local()
        if self._content is None:
            _see_what_it_is(self._path)
        try:
            interpreter = self._interpreter()
        except DigitsError:
            raise
        except Exception as error:  # LiteRT raises several kinds for a file that is not a whole model
            raise DigitsError(_why_not(self._path, str(error))) from error
        takes, gives = interpreter.get_input_details(), interpreter.get_output_details()
        if len(takes) != 1 or len(gives) != 1:
            raise DigitsError(
                f"{shown(path)} has {len(takes)} inputs and {len(gives)} outputs, not one of each: name another."
            )
        shapes = [details["shape"].tolist() for details in (takes[0], gives[0])]
        if math.prod(shapes[0]) != SIDE * SIDE or shapes[1] != [1, 10]:
            raise DigitsError(
                f"{shown(path)} is not a network for 28 × 28 images and ten digits (it takes {_times(shapes[0])} "
                f"values and gives {_times(shapes[1])}): name another."
            )
        self._manner = find_manner(self._outputs, path)

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
        manner, pixels = self._manner, scale_pixels(images)
        if (manner.scale, manner.offset) != (1, 0):
            pixels = pixels * np.float32(manner.scale) + np.float32(manner.offset)
        table = self._outputs(pixels)
        if manner.logits:
            table = np.exp(table - table.max(axis=1, keepdims=True))
            table /= table.sum(axis=1, keepdims=True)
        return table

    def _outputs(self, images: np.ndarray) -> np.ndarray:
        """Run the network on ``(n, 28, 28, 1) float32``, one by one: together they take as long."""
        interpreter = self._interpreter()
        takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        table = np.empty((len(images), 10), np.float32)
        for row, image in zip(table, _quantised(images, takes), strict=True):
            interpreter.set_tensor(takes["index"], image.reshape(takes["shape"]))
            interpreter.invoke()
            row[:] = interpreter.get_tensor(gives["index"])[0]
        scale, zero = gives["quantization"]
        return (table - zero) * np.float32(scale) if scale else table

    def _interpreter(self) -> "Interpreter":
        """Return this thread's own: an interpreter must not be used by two threads at once."""
        if not hasattr(self._of_thread, "interpreter"):
            with stderr_silenced():
                from ai_edge_litert.interpreter import Interpreter

                source = {"model_content": self._content} if self._content else {"model_path": str(self._path)}
                interpreter = Interpreter(**source, num_threads=1)
                shapes = (details["shape"].tolist() for details in interpreter.get_tensor_details())
                if sum(map(math.prod, shapes)) > LARGEST:
                    raise DigitsError(f"{shown(self._path)} would take too much memory: name a smaller one.")
                interpreter.allocate_tensors()
                self._of_thread.interpreter = interpreter
        return self._of_thread.interpreter


def _quantised(images: np.ndarray, takes: dict) -> np.ndarray:
    """Bring pixels into the whole numbers that a network takes which was made small for phones."""
    scale, zero = takes["quantization"]
    if not scale:
        return images.astype(takes["dtype"])
    limits = np.iinfo(takes["dtype"])
    return np.clip(np.round(images / np.float32(scale)) + zero, limits.min, limits.max).astype(takes["dtype"])


def _see_what_it_is(path: Path) -> None:
    if os.path.isdir(path):
        raise DigitsError(f"{shown(path)} is a folder: name a {EXPORTED_SUFFIX} file.")
    if not os.path.isfile(path):
        raise DigitsError(f"There is no exported model at {shown(path)}: make one with python -m utils export.")
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): check its permissions.") from error
    if kind := guess_kind(path):
        raise DigitsError(f"{shown(path)} is {kind}, not a LiteRT model: copy it or download it again.")
    if head.startswith(b"PK"):
        raise DigitsError(f"{shown(path)} is no LiteRT model but a zip file: give a Keras model the ending .keras.")


def _why_not(path: Path, said: str) -> str:
    """Say in a line why LiteRT does not run a file."""
    foreign = re.search(r"custom op: (\w+)|\((Flex\w+)\)", said)
    if foreign:
        return (
            f"{shown(path)} uses {foreign[1] or foreign[2]}, which LiteRT alone does not have: build the network from "
            "other layers, and make the file again with python -m utils export."
        )
    return f"{shown(path)} is damaged or not a LiteRT model: make it again with python -m utils export."


def _times(shape: list[int]) -> str:
    return " × ".join(map(str, shape[1:]))
