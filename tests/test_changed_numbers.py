"""A student changes a number, as the text invites them to. Without these, the notebook ends with an error for them."""

import nbformat
import pytest
from nbclient import NotebookClient

from utils.paths import ROOT

#: By notebook, what is written in it and what a student writes in its place: one epoch, another width, another seed.
CHANGES = {
    "03-build-the-models": {
        "layers.Dense(128,": "layers.Dense(96,",
        "layers.Conv2D(16, kernel_size=5": "layers.Conv2D(12, kernel_size=3",
        "set_random_seed(0)": "set_random_seed(7)",
        "epochs=100": "epochs=1",
        "epochs=20": "epochs=1",
        "epochs=150": "epochs=1",
        "x_train[:1000,": "x_train[:500,",
        "y_train[:1000]": "y_train[:500]",
    },
    "04-train-the-models": {
        "mlp_batch_size = 10, 2e-3, 128": "mlp_batch_size = 1, 1e-2, 50",
        "cnn_batch_size = 9, 6e-3, 256": "cnn_batch_size = 1, 1e-3, 100",
        "set_random_seed(0)": "set_random_seed(7)",
        "epochs=15": "epochs=1",
        "epochs=4": "epochs=1",
        "epochs=6": "epochs=2",
        "(8, 512)": "(60, 500)",
        "train_dense(512,": "train_dense(64,",
        "(1e-5, 1e-3, 1e-1)": "(1e-4, 1e-2, 1.0)",
    },
    "07-improve-the-model": {
        "images, epochs = 3000, 5": "images, epochs = 700, 1",
        "batch_size = 3e-3, 0.1, 64": "batch_size = 1e-2, 0.0, 50",
        "set_random_seed(0)": "set_random_seed(7)",
        "Budget(trials=8, images=2000, epochs=3)": "Budget(trials=2, images=300, epochs=1)",
        "budget, workers=2": "budget, workers=1",
        "(0, 10, 45, 180)": "(0, 30)",
        "layers.Conv2D(16, kernel_size=5": "layers.Conv2D(8, kernel_size=5",
        "((500, 20), (3000, 5))": "((100, 2), (700, 1))",
        "n_trials=12": "n_trials=2",
        "n_trials=6": "n_trials=1",
    },
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_notebook_with_other_numbers_runs_to_its_end(name, monkeypatch):
    monkeypatch.setenv("MNIST_PATH", "sample")
    path = ROOT / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for old, new in CHANGES[name].items():
        assert any(old in cell.source for cell in code), old
        for cell in code:
            cell.source = cell.source.replace(old, new)
    # Started where some editors start every notebook: in the project's folder, not in the notebook's.
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert all(cell.execution_count for cell in code)
