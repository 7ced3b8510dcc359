"""Looking at a model's file before it is loaded: what it is, whether it holds code, and how large it will be.

Keras builds what a file describes, so a file of a few hundred kilobytes can ask for gigabytes, or for its maker's code.
Both stand in the file's tables, which are read here without Keras. Nothing in here loads TensorFlow.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import DigitsError
from utils.paths import guess_kind, shown

if TYPE_CHECKING:
    import h5py

#: So many parameters a network may have; what one of its layers gives for one image may have a thirtieth of it.
#: ResNet-50, about the largest that people bring to MNIST, has 25.6 million; the CNN of the series has 0.1.
LARGEST = 30_000_000
#: Four bytes for each parameter, and Adam keeps two numbers more for each.
LARGEST_WEIGHTS = 3 * 4 * LARGEST
LARGEST_CONFIG = 2_000_000
PARTS = {"metadata.json", "config.json", "model.weights.h5"}
#: What a network for images is made of. Others are refused: among them are those that run code, read files, or need
#: more memory than their outputs tell.
LAYERS = re.compile(
    r"InputLayer|Dense|Flatten|Reshape|Permute|RepeatVector|Masking|Identity"
    r"|Activation|Softmax|ReLU|LeakyReLU|PReLU|ELU"
    r"|(Separable|Depthwise)?Conv[12]D|Conv[12]DTranspose|(Global)?(Max|Average)Pooling[12]D"
    r"|ZeroPadding[12]D|Cropping[12]D|UpSampling[12]D|Resizing|CenterCrop|Rescaling|Normalization|Random\w+"
    r"|(Spatial|Alpha|Gaussian)?Dropout([12]D)?|GaussianNoise|(Batch|Layer|Group|Unit)Normalization"
    r"|Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate"
    r"|(LSTM|GRU|SimpleRNN)(Cell)?|RNN|Bidirectional|TimeDistributed"
)
#: Modules of Keras, and what may be taken from them.
KERAS = {
    "keras.layers": LAYERS,
    "keras": re.compile("Sequential|Functional|Model|DTypePolicy"),
    "keras.src.models.functional": re.compile("Functional"),
    "keras.src.models.sequential": re.compile("Sequential"),
    "keras.initializers": re.compile(r"[A-Z]\w+"),
    "keras.regularizers": re.compile(r"[A-Z]\w+"),
    "keras.constraints": re.compile(r"[A-Z]\w+"),
}
AGAIN = "build the network from Keras's own layers, train it and save it again"


def inspect(path: str | os.PathLike) -> None:
    """See that a file is a Keras model that can be loaded: nothing in it is run, and it will not take much memory.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DigitsError
        If it is missing, something else, cut off or damaged, holds code or more than a network, or is too large.
    """
    path = Path(path)
    _see_what_it_is(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_parts(path, archive.infolist())
            config = json.loads(archive.read("config.json"))
            _check_weights(path, archive.read("model.weights.h5"))
        if isinstance(config, dict):
            config.pop("compile_config", None)  # what only training needs is not loaded
        for part in _described(config):
            _check_part(path, part)
    except DigitsError:
        raise
    except Exception as error:  # a damaged or hostile file fails in many ways; RecursionError is one
        raise _damaged(path) from error


def _damaged(path: Path) -> DigitsError:
    """Return the error for a file that cannot be understood."""
    return DigitsError(
        f"{shown(path)} is damaged or not a Keras model: train it again with python -m utils train, or copy it again."
    )


def saved_with(path: Path) -> str:
    """Return the version of Keras that a file names, or an empty text."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])[:20]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""


def _see_what_it_is(path: Path) -> None:
    if os.path.isdir(path):
        saved = os.path.exists(path / "saved_model.pb")
        kind = "a SavedModel, which cannot be turned back" if saved else "a folder"
        raise DigitsError(f"{shown(path)} is {kind}: name a .keras file.")
    if not os.path.isfile(path):
        raise DigitsError(f"There is no model at {shown(path)}: train one with python -m utils train.")
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except PermissionError as error:
        raise DigitsError(f"{shown(path)} may not be read: check its permissions.") from error
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): copy it again.") from error
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        raise DigitsError(
            f"{shown(path)} is in Keras's older format, HDF5: where it was made, load it and save it as a .keras file."
        )
    if head[4:8] == b"TFL3":
        raise DigitsError(
            f"{shown(path)} is an exported network (LiteRT), which only serve takes: name the .keras file."
        )
    if head.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise DigitsError(f"{shown(path)} is cut off, its end is missing: copy it or download it again.")
    if not head.startswith(b"PK"):
        if kind := guess_kind(path):
            raise DigitsError(f"{shown(path)} is {kind}, not a Keras model: copy it or download it again.")
        raise _damaged(path)
    if path.suffix != ".keras":
        raise DigitsError(f"{shown(path)} does not end in .keras: rename it if it is a Keras model.")


def _check_parts(path: Path, parts: list[zipfile.ZipInfo]) -> None:
    names = [part.filename for part in parts]
    strange = [name for name in names if name not in PARTS]
    if "config.json" not in names and strange:
        raise DigitsError(f"{shown(path)} is a zip file, but not a Keras model: name another.")
    if strange or len(names) != len(set(names)):
        raise DigitsError(
            f"{shown(path)} holds more than a network ({ascii((strange or names)[0])[:60]}), which is not opened: "
            "save the network again with save_model."
        )
    for part in parts:
        if part.file_size > (LARGEST_WEIGHTS if part.filename.endswith(".h5") else LARGEST_CONFIG):
            raise too_large(path)


def _check_weights(path: Path, data: bytes) -> None:
    """Add up what the tables of the weights promise: a few bytes can stand for gigabytes of zeros, or for a file."""
    import h5py  # it takes a moment, and only those who load a network need it

    total, elsewhere = 0, False

    def add(name: str, found: "h5py.Dataset | h5py.Group") -> None:
        nonlocal total, elsewhere
        if isinstance(found, h5py.Dataset):
            elsewhere |= bool(found.external) or found.is_virtual
            total += found.size * found.dtype.itemsize

    def follow(name: str, link: object) -> None:
        nonlocal elsewhere
        elsewhere |= not isinstance(link, h5py.HardLink)

    with h5py.File(io.BytesIO(data)) as file:
        file.visititems_links(follow)
        file.visititems(add)
    if elsewhere:
        raise DigitsError(f"{shown(path)} takes its weights from other files, which is not done: {AGAIN}.")
    if total > LARGEST_WEIGHTS:
        raise too_large(path)


def _described(config: object) -> Iterator[dict]:
    """Go through everything that Keras would make an object of."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _described(value)
    elif isinstance(config, list):
        for value in config:
            yield from _described(value)


def _check_part(path: Path, part: dict) -> None:
    name, module, registered = str(part["class_name"]), part.get("module"), part.get("registered_name")
    if name == "__keras_tensor__":
        return
    of_keras = isinstance(module, str) and (module == "keras" or module.startswith("keras."))
    if not of_keras or registered not in (None, name) or name in ("function", "Lambda", "TFSMLayer"):
        what = f"the function {part.get('config')}" if name == "function" else f"the layer {name}"
        raise DigitsError(
            f"{shown(path)} holds code of its own ({ascii(what)[1:-1][:60]}), which is never run: {AGAIN}."
        )
    if module not in KERAS or not KERAS[module].fullmatch(name):
        raise DigitsError(f"{shown(path)} uses {ascii(name)[1:-1][:60]}, which is not loaded here: {AGAIN}.")
    for node in part.get("inbound_nodes", []):  # a layer is joined to layers; on numbers it would compute at once
        if not all(_joins(value) for value in [*node["args"], *node["kwargs"].values()]):
            raise DigitsError(f"{shown(path)} computes while it is loaded ({name}), which is not done: {AGAIN}.")


def _joins(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_joins, value))
    return value is None or isinstance(value, bool) or (
        isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"
    )  # fmt: skip


def too_large(path: Path) -> DigitsError:
    """Return the error for a network above the limit."""
    return DigitsError(
        f"{shown(path)} would take too much memory when it is unpacked, more than a network of {LARGEST // 10**6} "
        "million parameters: name a smaller one."
    )
