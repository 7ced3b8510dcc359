"""Start the service and stop it."""

import asyncio
import errno
import os
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from utils.errors import DigitsError
from utils.paths import shown
from utils.reader import EXPORTED_SUFFIX, describe_version
from utils.service.desk import Desk
from utils.service.guard import own_names, plain_name
from utils.service.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

#: After Ctrl-C, requests that are under way get so many seconds, or until it is pressed again.
LAST_SECONDS = 30
#: How many connections the system lets wait to be accepted, and how many are accepted before one is looked at.
BACKLOG, AT_ONCE = 128, 16
#: Addresses at which only this computer can be reached.
LOCAL = ("127.0.0.1", "localhost", "::1")
#: Files that are open next to the connections: pipes, and connections that are about to be refused.
DESCRIPTORS = 128


def serve(
    model: Path,
    host: str,
    port: int,
    workers: int,
    origins: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    contest: bool = False,
) -> None:
    """Run the service until it is stopped by Ctrl-C or SIGTERM; what is under way then is finished.

    Parameters
    ----------
    model
        The network: a ``.keras`` file, which is exported first, or an exported one (``.tflite``).
    host
        The address to listen at: ``127.0.0.1`` for this computer only, ``0.0.0.0`` for others, too.
    port
        The port; 0 for any that is free.
    workers
        How many processes read.
    origins
        Other sites whose pages may use the service.
    hosts
        Other names that the service goes by, or addresses with them; ``*`` for any.
    contest
        Whether there is a board for drawings that have fooled the reader.

    Raises
    ------
    DigitsError
        If there is no network, the address cannot be had, or one of the names is none.
    """
    names = (*own_names(), host, *map(plain_name, hosts))  # a name that is none is told before anything begins
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that either signal ends the block below
    with listener, suppress(KeyboardInterrupt):
        network, version = _get_ready(model)
        origins = tuple(origin.lower().rstrip("/") for origin in origins)
        settings = Settings(network, model.name, version, workers=workers, origins=origins, hosts=names)
        with closing(Desk(settings)) as desk:
            desk.launch()
            from utils.service.app import create_app  # takes about as long as a reader takes to start

            desk.start()  # a damaged file is found out now
            here, others = _addresses(host, port)
            elsewhere = f" here, {others} on other devices in the same network," if others else ""
            board = None
            if contest:
                from utils.service.contest import Contest

                named = hosts[0] if hosts and hosts[0] != "*" else None
                board = Contest(_as_address(named) if named else others or here)
                print(f"For the projector: {here}/contest#{board.key}", flush=True)
                if host in LOCAL and not named:
                    print("Phones cannot reach it: start it with --host 0.0.0.0 as well.", flush=True)
            print(f"Open {here}{elsewhere} in a browser (Ctrl-C stops it).", flush=True)
            make_server(create_app(settings, desk, board), settings).run(sockets=[listener])
    print("Stopped.", flush=True)


def make_server(app: "FastAPI", settings: Settings) -> "uvicorn.Server":
    """Set uvicorn up for the service.

    Parameters
    ----------
    app
        The application.
    settings
        The limits.

    Returns
    -------
    uvicorn.Server
        It wants sockets that listen.
    """
    import uvicorn

    from utils.service.protocol import CLOSING, BoundedProtocol

    class Server(uvicorn.Server):
        hurried = False

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            for listener in sockets or []:
                listener.listen(BACKLOG)  # what asyncio calls the backlog is how many it accepts at once, too

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if self.should_exit:
                self.hurried = True
            else:
                super().handle_exit(sig, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            hurrying = asyncio.create_task(self.hang_up())
            await super().shutdown(sockets)
            hurrying.cancel()

        async def hang_up(self) -> None:
            """End what is under way when its time is over, or at a second Ctrl-C, as if its senders had hung up.

            uvicorn would cancel it, and each request would leave a traceback in the log.
            """
            deadline = time.monotonic() + LAST_SECONDS
            while not self.hurried and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
            for connection in list(self.server_state.connections):
                connection.transport.abort()

    settings = replace(settings, connections=_make_room(settings.connections))
    return Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, settings),
            ws="none",
            backlog=AT_ONCE,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=LAST_SECONDS + CLOSING,
        )
    )


def _get_ready(model: Path) -> tuple[str | bytes, str]:
    """Return the exported network, or its file, and its version."""
    if model.suffix == EXPORTED_SUFFIX:
        if not model.is_file():
            raise DigitsError(f"There is no exported model at {shown(model)}: make one with python -m utils export.")
        return str(model), describe_version(model)
    print(f"Getting {shown(model)} ready …", flush=True)
    try:
        # In a process of its own: TensorFlow's memory is free again when it has ended.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(export_network, model).result()
    except (OSError, BrokenProcessPool) as error:
        raise DigitsError(f"{shown(model)} was not exported ({error}): is there enough memory?") from error


def export_network(model: Path) -> tuple[bytes, str]:
    """Export a network; the folder for that is gone before the service begins, so that none can be left behind.

    Parameters
    ----------
    model
        A ``.keras`` file.

    Returns
    -------
    content : bytes
        What would be in an exported file.
    version : str
        As `utils.reader.describe_version` gives it.

    Raises
    ------
    DigitsError
        If the file holds no network that can be used, or the disk is full.
    """
    from utils.networks import load_model
    from utils.reader import export_model

    network = load_model(model)
    try:
        with tempfile.TemporaryDirectory(prefix="digits-") as folder:
            path = export_model(network, Path(folder) / f"network{EXPORTED_SUFFIX}")
            return path.read_bytes(), describe_version(path)
    except Exception as error:  # TensorFlow has kinds of its own for a disk that is full, and long texts
        full = os.strerror(errno.ENOSPC)
        reason = full if full in str(error) else " ".join(str(error).split())[:200] or type(error).__name__
        raise DigitsError(
            f"{shown(model)} was not exported ({reason}): is there room in the temporary folder? TMPDIR names another."
        ) from None


def _make_room(connections: int) -> int:
    """Let this process open as many files as connections need, and return for how many connections that is enough."""
    if sys.platform == "win32":
        return connections
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, min(connections, soft - DESCRIPTORS))
    return connections


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        both = host == "::" and socket.has_dualstack_ipv6()  # so that 127.0.0.1 reaches it, too
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer may wait for 40 ms
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DigitsError(
            f"Port {port} of {host} cannot be had ({reason}): name another with --port, or check --host."
        ) from error


def _as_address(name: str) -> str:
    """Return the address for a name that the service goes by, as it was typed: with its scheme and its port, if any."""
    if "://" in name:
        return name.rstrip("/")
    return f"http://[{name}]" if name.count(":") > 1 and "[" not in name else f"http://{name}"


def _addresses(host: str, port: int) -> tuple[str, str | None]:
    """Say what to type into a browser here and, if others may come, on another device in the same network."""
    if host not in ("0.0.0.0", "::"):
        return f"http://{f'[{host}]' if ':' in host else host}:{port}", None
    here = f"http://127.0.0.1:{port}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which of this computer's addresses would be used
        return here, f"http://{probe.getsockname()[0]}:{port}"
    return here, None
