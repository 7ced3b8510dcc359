"""The service as its users start it, for the tests of its addresses and of its page."""

import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from PIL import Image

from utils.paths import ROOT
from utils.reader import Reading
from utils.service import desk as desk_module
from utils.service.readers import LostError


class Server:
    """``python -m utils serve`` in a process of its own."""

    def __init__(self, *arguments, **options):
        command = [sys.executable, "-m", "utils", "serve", "--port", "0", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes, **options)
        lines = []
        while not (lines and lines[-1].startswith("Open ")):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            lines.append(line)
        self.lines, self.port = lines, int(re.search(r":(\d+)", lines[-1])[1])

    def ask(self, method, address, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, address, body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Stub:
    """What stands for a reading process where the process is not what is tested."""

    able = started = True

    def __init__(self, settings):
        self.ended = threading.Event()

    def keep(self):
        pass

    def close(self):
        pass


class Slow:
    """Readers that wait until they may go on."""

    def __init__(self, monkeypatch):
        self.go, self.begun = threading.Event(), threading.Semaphore(0)
        slow = self

        class Waiting(Stub):
            def read(self, data, name, begin):
                begin(lambda: self.ended.set() or True)
                slow.begun.release()
                for _ in range(3000):
                    if self.ended.is_set():
                        self.ended.clear()
                        raise LostError
                    if slow.go.wait(0.01):
                        return Reading(name).record()
                raise AssertionError("nobody let it go on")

        monkeypatch.setattr(desk_module, "Reader", Waiting)


def to_png(page) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(page).save(stream, "PNG")
    return stream.getvalue()


def begin(port, length, sent=b""):
    """Begin to upload, as a phone with a bad connection does."""
    phone = socket.create_connection(("127.0.0.1", port), timeout=60)
    phone.sendall(f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode() + sent)
    return phone


def ask(port, data):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/predict", data)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response, answer


def get(port, address, host="localhost"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", address, headers={"Host": host})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def until(true, seconds=60):
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
