"""Reading processes that hang, die or need too much. Without these, one image keeps a whole class from being read."""

import io
import os
import re
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import active_children

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from serving import Server, ask, get, to_png, until

from utils.errors import DigitsError
from utils.networks import shipped_models
from utils.reader import describe_version
from utils.service import readers as readers_module
from utils.service.app import create_app
from utils.service.readers import Reader
from utils.service.server import export_network

unix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop or kill a process in this way")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may write to")


def readers():
    return [child.pid for child in active_children() if child.name == "reader"]


@pytest.fixture
def hang(monkeypatch):
    """Stop a reader when it has taken its next image."""
    read, pids = Reader.read, []

    def read_stopped(self, data, name, begin):
        def stop(end):
            if hang.wanted:
                hang.wanted = False
                os.kill(self._process.pid, signal.SIGSTOP)
                pids.append(self._process.pid)
            begin(end)

        return read(self, data, name, stop)

    def hang():
        hang.wanted = True
        return pids

    hang.wanted = False
    monkeypatch.setattr(Reader, "read", read_stopped)
    return hang


@unix
def test_a_reader_that_hangs_is_ended_and_replaced(start, draw, hang):
    """Meanwhile /health says so, and the image that waited behind it is read."""
    port = start(seconds=1, stuck=0.3)
    data = to_png(draw("7"))
    assert ask(port, data)[1]["text"] == "7"
    pids = hang()
    with ThreadPoolExecutor(2) as phones:
        first = phones.submit(ask, port, np.random.default_rng(0).bytes(3_000_000))
        until(lambda: get(port, "/health")[0] == 503)
        second = phones.submit(ask, port, data)
        response, answer = first.result()
        assert response.status == 503
        assert answer == {"error": "Reading took longer than 1 seconds: send a smaller image."}
        assert second.result()[1]["text"] == "7"
    assert get(port, "/health") == (200, {"ready": True, "model": {"name": "cnn.keras", "version": "0123456789ab"}})
    assert pids[0] not in readers()


@unix
def test_a_reader_that_hangs_leaves_the_others_to_read(start, draw):
    port = start(workers=2, seconds=30)
    until(lambda: len(readers()) == 2)
    data = to_png(draw("7"))
    assert ask(port, data)[1]["text"] == "7"
    os.kill(readers()[0], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as phones:
        pending = [phones.submit(ask, port, data)]
        for _ in range(5):
            assert get(port, "/health")[0] == 200
            time.sleep(0.05)
        os.kill(readers()[0], signal.SIGCONT)
        assert pending[0].result()[1]["text"] == "7"


@unix
def test_a_reader_that_is_killed_is_replaced(start, draw, hang):
    """As the system does that runs out of memory: one answer is a sentence, the next is a reading."""
    port = start()
    data = to_png(draw("7"))
    assert ask(port, data)[1]["text"] == "7"
    pids = hang()  # so that it is killed while it has an image
    with ThreadPoolExecutor(1) as phone:
        pending = phone.submit(ask, port, data)
        until(lambda: pids)
        os.kill(pids[0], signal.SIGKILL)
        response, answer = pending.result()
    assert response.status == 503
    assert answer["error"].startswith("The process that read upload was ended, perhaps for want of memory")
    assert ask(port, data)[1]["text"] == "7"
    (pid,) = readers()
    os.kill(pid, signal.SIGKILL)  # and one that waits
    until(lambda: readers() not in ([pid], []))
    assert ask(port, data)[1]["text"] == "7"


@unix
def test_an_image_is_given_to_another_reader_if_one_does_not_take_it(start, draw):
    """Its sender would be told to send a smaller one, though it was never looked at."""
    port = start()
    data = to_png(draw("7"))
    assert ask(port, data)[1]["text"] == "7"
    (pid,) = readers()
    os.kill(pid, signal.SIGSTOP)
    assert ask(port, data)[1]["text"] == "7"
    assert pid not in readers()


@unix
def test_a_reader_that_does_not_finish_its_start_is_not_ready(start, monkeypatch):
    """A load balancer would send images to where nobody can read them."""
    monkeypatch.setattr(readers_module, "SLOW_START", 0.3, raising=False)
    port = start()
    assert ask(port, b"no image")[0].status == 422
    (pid,) = readers()
    os.kill(pid, signal.SIGKILL)
    until(lambda: readers() not in ([pid], []))
    (other,) = readers()
    os.kill(other, signal.SIGSTOP)
    try:
        until(lambda: get(port, "/health")[0] == 503, 3)
    finally:
        os.kill(other, signal.SIGCONT)
    until(lambda: get(port, "/health")[0] == 200)


@linux
def test_an_image_that_needs_too_much_memory_gets_a_sentence(settings, draw):
    """Before the system looks for a process to kill, which may be another."""
    with TestClient(create_app(replace(settings, max_memory=60_000_000))) as client:
        stream = io.BytesIO()
        Image.new("L", (9000, 9000)).save(stream, "PNG")
        response = client.post("/predict", content=stream.getvalue())
        assert response.status_code == 422
        assert re.fullmatch("upload .* more .*memory.*: make it smaller[.]", response.json()["error"])
        assert client.post("/predict", content=to_png(draw("7"))).json()["text"] == "7"


def test_a_reader_that_cannot_start_is_not_ready(settings, tmp_path):
    """A service whose network is gone must not be sent images by a load balancer."""
    with TestClient(
        create_app(replace(settings, network=str(tmp_path / "gone.tflite"))), raise_server_exceptions=False
    ) as client:
        until(lambda: client.get("/health").status_code == 503)
        assert client.post("/predict", content=b"image").status_code == 503


def test_without_a_server_it_reads_too(settings, draw):
    """Notebook 11 asks the application alone, which nobody has started and nobody ends."""
    client = TestClient(create_app(settings))
    assert client.get("/health").json()["ready"]
    assert client.post("/predict", content=to_png(draw("7"))).json()["text"] == "7"


@unix
def test_a_killed_service_leaves_nothing(draw, tmp_path, monkeypatch):
    """No process that holds the port, and no folder in the temporary one, though the network was exported there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with Server("--workers", "2") as server:
        assert server.lines[0] == "Getting models/cnn.keras ready …\n"
        model = server.ask("POST", "/predict", to_png(draw("7")))[1]["model"]
        assert model == {"name": "cnn.keras", "version": describe_version(shipped_models() / "cnn.keras")}
        left = children(server)
        assert len(left) >= 2
        until(lambda: not any(server.port in listens(one) for one in left))
        server.process.kill()
        server.process.wait()
        until(lambda: is_free(server.port))  # not at once: a process that was just being started lets go of it last
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in left))
    assert list(folder.iterdir()) == []


def children(server):
    return psutil.Process(server.process.pid).children(recursive=True)


def listens(process):
    """Return the ports that a process could accept connections at."""
    return {one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN}


def is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@unix
def test_a_full_disk_is_named():
    """TensorFlow would print a page of its own insides."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DigitsError) as caught:
            export_network(shipped_models() / "cnn.keras")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (line,) = str(caught.value).splitlines()
    assert line.startswith("models/cnn.keras was not exported (")
    assert line.endswith("): is there room in the temporary folder? TMPDIR names another.")


def test_no_temporary_folder_is_named(monkeypatch):
    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(DigitsError, match="No usable temporary directory .*TMPDIR names another[.]$"):
        export_network(shipped_models() / "cnn.keras")
