"""Start the service and stop it."""

import signal
import socket
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from utils.errors import DigitsError
from utils.paths import shown
from utils.reader import EXPORTED_SUFFIX, ExportedNetwork, describe_version
from utils.service.settings import Settings

#: After Ctrl-C, requests that are under way get so many seconds.
LAST_SECONDS = 30


def serve(model: Path, host: str, port: int, workers: int, origins: tuple[str, ...] = ()) -> None:
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

    Raises
    ------
    DigitsError
        If there is no network, or the address cannot be had.
    """
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that either signal ends the block below
    with listener, tempfile.TemporaryDirectory(prefix="digits-") as folder, suppress(KeyboardInterrupt):
        network = model
        if model.suffix != EXPORTED_SUFFIX:
            print(f"Getting {shown(model)} ready …", flush=True)
            network = Path(folder) / f"network{EXPORTED_SUFFIX}"
            # In a process of its own: TensorFlow's memory is free again when it has ended.
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(_export, model, network).result()
        ExportedNetwork(network)  # a damaged file is found out now
        Settings(str(network), model.name, describe_version(model), origins=origins).to_environment()
        config = uvicorn.Config(
            "utils.service.app:create_app",
            factory=True,
            workers=workers,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=LAST_SECONDS,
            timeout_worker_healthcheck=60,  # a worker that starts on a busy computer is slow, not dead
        )
        print(f"Open {_addresses(host, port)} in a browser (Ctrl-C stops it).", flush=True)
        if workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            Multiprocess(config, sockets=[listener]).run()
    print("Stopped.", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        both = host == "::" and socket.has_dualstack_ipv6()  # so that 127.0.0.1 reaches it, too
        listener = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer may wait for 40 ms
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DigitsError(
            f"Port {port} of {host} cannot be had ({reason}): name another with --port, or check --host."
        ) from error


def _addresses(host: str, port: int) -> str:
    """Write what to type into a browser here and, if others may come, on another computer in the same network."""
    if host not in ("0.0.0.0", "::"):
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"
    here = f"http://127.0.0.1:{port}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which of this computer's addresses would be used
        return f"{here} here, http://{probe.getsockname()[0]}:{port} on other devices in the same network,"
    return here


def _export(model: Path, path: Path) -> None:
    from utils.networks import load_model
    from utils.reader import export_model

    export_model(load_model(model), path)
