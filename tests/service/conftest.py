"""The network that is served, and servers of it, for all tests of the service."""

import socket
import threading
from dataclasses import replace

import pytest
from serving import Server

from utils.networks import load_model, shipped_models
from utils.reader import export_model
from utils.service.app import create_app
from utils.service.server import make_server
from utils.service.settings import Settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    file = export_model(load_model(shipped_models() / "cnn.keras"), tmp_path_factory.mktemp("served") / "cnn.tflite")
    return Settings(str(file), "cnn.keras", "0123456789ab")


@pytest.fixture(scope="module")
def server(settings):
    with Server("--model", settings.network) as server:
        yield server


@pytest.fixture
def start(settings):
    """Start a server with other limits, in a thread of this process."""
    started = []

    def start_one(**limits) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        limited = replace(settings, **limits)
        server = make_server(create_app(limited), limited)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        started.append((server, thread))
        return listener.getsockname()[1]

    yield start_one
    for server, thread in started:
        server.should_exit = True
        thread.join(30)
