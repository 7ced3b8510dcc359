"""What a hub must give each student: the time and the memory that each notebook takes, in a fresh kernel.

``python tests/benchmarks/notebooks.py`` runs all of them, one after the other, with all of MNIST if it is there (8
minutes), and prints a line for each. Memory is that of the kernel and of all processes that it has started, at its
highest, looked at five times a second; what several of them share is counted once.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import nbformat
import psutil
from nbclient import NotebookClient

from tests.series import NOTEBOOKS


def measure(path: Path) -> tuple[float, float]:
    """Run one notebook.

    Parameters
    ----------
    path
        The notebook, which stays as it is.

    Returns
    -------
    seconds, gigabytes : float
        From its first cell to its last, and the highest memory.
    """
    done, highest = threading.Event(), 0.0

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.2):
            highest = max(highest, sum(map(_memory, psutil.Process().children(recursive=True))))

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LEARNED_PATH"] = os.environ["TEN_PATH"] = folder
            where = {"metadata": {"path": str(path.parent)}}
            NotebookClient(nbformat.read(path, as_version=4), timeout=600, resources=where).execute()
    finally:
        done.set()
        watching.join()
    return time.perf_counter() - began, highest / 1e9


def _memory(process: psutil.Process) -> int:
    """The bytes that a process would give back if it ended: its own, and its share of those that it has in common."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has ended meanwhile
        return 0
    return getattr(memory, "pss", memory.uss)  # Linux alone knows the shares


if __name__ == "__main__":
    for path in NOTEBOOKS:
        seconds, gigabytes = measure(path)
        print(f"{path.stem}: {seconds:.0f} s, {gigabytes:.1f} GB", flush=True)
