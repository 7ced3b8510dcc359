"""Run notebooks from top to bottom in a fresh kernel and store their outputs.

``python notebooks/store_outputs.py notebooks/01-explore-the-data.ipynb …`` from the project's root, with all of MNIST.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils.mnist import load_mnist

#: The number of a widget is worth nothing without its kernel: what stays of a widget is its picture.
WIDGET = "application/vnd.jupyter.widget-view+json"
#: As JupyterLab writes it, word for word: what differs, it would set right when a notebook is opened, and mark the
#: notebook as changed. What the language is, it asks the kernel, and so does nbclient.
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def store_outputs(path: Path) -> None:
    """Run one notebook and write it back.

    Parameters
    ----------
    path
        The notebook. If a cell fails, the file stays as it is.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEARNED_PATH"] = folder  # neither reads nor leaves networks of one's own
        os.environ["TEN_PATH"] = os.path.join(folder, "ten")  # the ten digits that came with the series
        os.environ["STORE_SCORES"] = "yes" if load_mnist(verbose=False).complete else ""  # what they score is kept
        NotebookClient(
            notebook,
            timeout=300,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.parent)}},
        ).execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": notebook.metadata.language_info}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    nbformat.write(notebook, path)


def main() -> None:
    """Run the notebooks that are named, one after the other."""
    for name in sys.argv[1:]:
        began = time.perf_counter()
        store_outputs(Path(name).resolve())
        print(f"{name}: {time.perf_counter() - began:.0f} s, {Path(name).stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
