"""How many images a second the service reads, how long one waits, and how much memory it takes.

``python tests/benchmarks/service.py [SECONDS [ROUNDS]]`` from the project's root; each point is measured for 10 seconds
in 5 rounds unless other numbers are given. The service runs as ``python -m utils serve`` does: once with one worker and
once with two, both at the same time, and asked in turn, so that a slow quarter of an hour slows both. While one is
asked, the other waits. This process sends 28 × 28 drawings (MNIST's test images, as PNG) and photos of 2 megapixels (a
row of digits on shaded paper, as JPEG) over connections that stay open, each sending the next image when it has the
last one's answer: a closed-loop load. All share the machine: what this process takes for itself, the service does not
have. Then 20,000 more drawings are sent, and the memory before and after is compared.

Before that, four ways to ask the network about one image are compared, in turn in one run: ``model.predict``, a
compiled function, LiteRT one by one, and LiteRT for 16 images together, each for one image's share.

``notebooks/data/service.csv`` gets the drawings, each round in a line; notebook 11 draws it. The table with photos and
memory, of medians over the rounds, is written to ``tests/benchmarks/results/service.md``; the README beside this file
shows it.

``python tests/benchmarks/service.py drawings [SECONDS [ROUNDS]]`` measures the drawings only, and writes
the first file.
"""

import csv
import http.client
import io
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from networks import describe_machine

from utils.mnist import load_mnist
from utils.networks import choose_model, load_model
from utils.paths import ROOT
from utils.reader import ExportedNetwork, export_model, predict_probabilities, scale_pixels

RESULTS = Path(__file__).resolve().parent / "results"
#: How many connections send drawings, and how many send photos, of which the service reads a few a second.
CONNECTIONS = {"drawings": (1, 2, 4, 8, 16, 32, 64), "photos": (1, 16, 64)}
#: Those of the table.
SHOWN = 1, 16, 64
MANY = 20_000


class Service:
    """``python -m utils serve`` in a process of its own."""

    def __init__(self, network: Path, workers: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "utils", "serve", "--model", str(network), "--port", str(self.port)]
        self._process = subprocess.Popen([*command, "--workers", str(workers)], cwd=ROOT, stdout=subprocess.DEVNULL)
        self._workers = workers

    def __enter__(self) -> "Service":
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    time.sleep(2)  # the other worker
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the service did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)

    def memory(self) -> float:
        """Return the memory of all its processes, in MB; what they share is counted once, in parts."""
        main = psutil.Process(self._process.pid)
        return sum(one.memory_full_info().pss for one in (main, *main.children(recursive=True))) / 1e6


def drawings(count: int = 500) -> list[bytes]:
    """Make PNGs of MNIST's test images, dark on light."""
    return [to_file(255 - image, "PNG") for image in load_mnist().x_test[:count]]


def photos(count: int = 20) -> list[bytes]:
    """Make JPEGs of 1632 × 1224 pixels: five digits each, on paper with a shadow and grain."""
    rng, images = np.random.default_rng(0), load_mnist(verbose=False).x_test
    made = []
    for _ in range(count):
        row = np.hstack([np.pad(image, 6) for image in images[rng.choice(len(images), 5)]])
        ink = np.asarray(Image.fromarray(row).resize((1400, 280), Image.Resampling.BICUBIC), np.float32) / 255
        paper = 215 - 60 * np.linspace(0, 1, 1632)[None] * np.linspace(0.4, 1, 1224)[:, None]
        paper[400:680, 100:1500] *= 1 - 0.75 * ink
        made.append(to_file(np.clip(paper + rng.normal(0, 4, paper.shape), 0, 255).astype(np.uint8), "JPEG"))
    return made


def to_file(image: np.ndarray, kind: str) -> bytes:
    """Encode an image."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, quality=90)
    return stream.getvalue()


def load(
    port: int, bodies: Sequence[bytes], connections: int, seconds: float = np.inf, count: float = np.inf
) -> tuple[list[float], int, float]:
    """Send images until the time or the number is over.

    Returns
    -------
    waits : list of float
        The seconds from each request to its answer.
    errors : int
        How many were answered with anything but 200, or not at all.
    took : float
        Seconds.
    """
    waits: list[float] = []
    errors = [0]
    begun = [0]
    start = threading.Barrier(connections + 1)

    def phone(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start.wait()
        index = number * 7
        while time.perf_counter() < end[0] and begun[0] < count:
            begun[0] += 1
            sent = time.perf_counter()
            try:
                connection.request("POST", "/predict", bodies[index % len(bodies)])
                response = connection.getresponse()
                body = response.read()
                if response.status == 200 and "digits" in json.loads(body):
                    waits.append(time.perf_counter() - sent)
                else:
                    errors[0] += 1
            except (OSError, http.client.HTTPException):
                errors[0] += 1
                connection.close()
            index += 1

    end = [np.inf]
    threads = [threading.Thread(target=phone, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    end[0] = began + seconds
    start.wait()
    for thread in threads:
        thread.join()
    return waits, errors[0], time.perf_counter() - began


def compare_calls(network: Path) -> list[tuple[str, float]]:
    """Measure four ways to ask the network: milliseconds for one image."""
    model, exported = load_model(choose_model().path), ExportedNetwork(network)
    images = load_mnist(verbose=False).x_test
    from ai_edge_litert.interpreter import Interpreter

    together = Interpreter(str(network), num_threads=1)
    into, out = together.get_input_details()[0]["index"], together.get_output_details()[0]["index"]
    together.resize_tensor_input(into, (16, 28, 28, 1))
    together.allocate_tensors()

    def sixteen(start: int) -> None:
        together.set_tensor(into, scale_pixels(images[start : start + 16]))
        together.invoke()
        together.get_tensor(out)

    ways: list[tuple[str, Callable[[int], object], int, int]] = [
        ("model.predict", lambda i: model.predict(scale_pixels(images[i : i + 1]), verbose=0), 1, 30),
        ("a compiled function", lambda i: predict_probabilities(model, images[i : i + 1]), 1, 300),
        ("LiteRT, one by one", lambda i: predict_probabilities(exported, images[i : i + 1]), 1, 300),
        ("LiteRT, 16 together", sixteen, 16, 30),
    ]
    times: dict[str, list[float]] = {name: [] for name, *_ in ways}
    for turn in range(6):
        for name, call, size, repeats in ways:
            began = time.perf_counter()
            for index in range(repeats):
                call(index)
            if turn:  # the first one warms up
                times[name].append((time.perf_counter() - began) / repeats / size * 1e3)
    return [(name, float(np.median(values))) for name, values in times.items()]


def measure(
    services: Mapping[int, Service], kind: str, bodies: Sequence[bytes], seconds: float, rounds: int
) -> list[dict]:
    """Ask services with one worker and with two in turn; return a row for each point and round."""
    rows = []
    for service in services.values():
        load(service.port, bodies, 16, 2)  # warm up
    for number in range(rounds):
        for connections in CONNECTIONS[kind]:
            for workers in sorted(services, reverse=number % 2 == 1):  # neither is always the first
                waits, errors, took = load(services[workers].port, bodies, connections, seconds)
                milliseconds = np.array(waits) * 1e3
                median, high = np.percentile(milliseconds, [50, 99])
                rows.append(
                    {
                        "round": number + 1,
                        "workers": workers,
                        "connections": connections,
                        "a second": f"{len(waits) / took:.1f}",
                        "mean ms": f"{milliseconds.mean():.2f}",
                        "median ms": f"{median:.2f}",
                        "99th percentile ms": f"{high:.2f}",
                        "errors": errors,
                    }
                )
                print(kind, *rows[-1].values(), sep="\t", flush=True)
    return rows


def summarise(rows: Sequence[dict], kind: str, memory: Mapping[int, float]) -> list[list]:
    """Make the table's lines: medians over the rounds."""
    lines = []
    for workers in sorted(memory):
        for connections in SHOWN:
            those = [row for row in rows if (row["workers"], row["connections"]) == (workers, connections)]
            names = "a second", "median ms", "99th percentile ms"
            middle = [f"{np.median([float(row[name]) for row in those]):.0f}" for name in names]
            errors = sum(row["errors"] for row in those)
            lines.append([workers, kind, connections, *middle, errors, f"{memory[workers]:.0f}"])
    return lines


def write_csv(rows: Sequence[dict]) -> None:
    """Write what notebook 11 draws."""
    with (ROOT / "notebooks" / "data" / "service.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(*arguments: str) -> None:
    """Measure, print and write everything, or the drawings only."""
    only_drawings = arguments[:1] == ("drawings",)
    numbers = arguments[1:] if only_drawings else arguments
    seconds, rounds = float(numbers[0]) if numbers else 10, int(numbers[1]) if numbers[1:] else 5
    print(describe_machine(), flush=True)
    notes: list[str] = []
    table = [["workers", "images", "connections", "a second", "median ms", "99th percentile ms", "errors", "MB"]]
    with tempfile.TemporaryDirectory() as folder:
        network = export_model(load_model(choose_model().path), Path(folder) / "network.tflite")
        if not only_drawings:
            notes = [f"{name}: {milliseconds:.2f} ms an image" for name, milliseconds in compare_calls(network)]
            print(*notes, sep="\n", flush=True)
        with Service(network, 1) as one, Service(network, 2) as two:
            services, bodies = {1: one, 2: two}, drawings()
            rows = measure(services, "drawings", bodies, seconds, rounds)
            write_csv(rows)
            if only_drawings:
                return
            table += summarise(rows, "drawings", {workers: one.memory() for workers, one in services.items()})
            rows = measure(services, "photos", photos(), seconds, rounds)
            table += summarise(rows, "photos", {workers: one.memory() for workers, one in services.items()})
            for workers, service in services.items():
                before = service.memory()
                waits, errors, took = load(service.port, bodies, 16, count=MANY)
                notes.append(
                    f"{workers} worker{'s' * (workers > 1)}: {len(waits):,} more drawings in {took:.0f} s, {errors} "
                    f"errors, memory {before:.0f} MB before and {service.memory():.0f} MB after"
                )
                print(notes[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    lines = [f"| {' | '.join(map(str, row))} |" for row in [table[0], ["---"] * len(table[0]), *table[1:]]]
    (RESULTS / "service.md").write_text("\n".join([*lines, "", *notes, "", describe_machine(), ""]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
