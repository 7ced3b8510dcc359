"""A student changes a number, as the text invites them to. Without these, the notebook ends with an error for them."""

import nbformat
import pytest
from nbclient import NotebookClient

from utils.paths import ROOT

#: By notebook, what is written in it and what a student writes in its place: one epoch, another width, another seed.
CHANGES = {
    "01-explore-the-data": {
        "test_size=2000": "test_size=1000",
        "default_rng(0)": "default_rng(7)",
        "len(x_train), 2000, replace": "len(x_train), 600, replace",
        "PCA(50": "PCA(20",
        "n_neighbors=3": "n_neighbors=1",
        "move_right(x_val, 3)": "move_right(x_val, 5)",
        "x_val[:500]": "x_val[:300]",
        "y_val[:500]": "y_val[:300]",
        "by_means[:500]": "by_means[:300]",
        "by_neighbours[:500]": "by_neighbours[:300]",
    },
    "02-preprocess-the-images": {
        "[:4000]": "[:3500]",
        "rate=0.1, seed=seed": "rate=0.5, seed=seed",
        "(1e-6, 1e-5, 0.0001, 0.001, 0.01, 0.1, 1)": "(0.001, 0.3)",
        "in range(3)": "in range(2)",
        "range(100)": "range(10)",
        "(1000, 100)": "(50, 100)",
        "test_size=0.1": "test_size=0.3",
        "range(3000)": "range(300)",
        "4-blue.png": "4-thin.png",
        "(60, round(chosen), 170, 235)": "(100, round(chosen), 150, 255)",
        "[:, :, 3:] = x_val[:, :, :-3]": "[:, :, 5:] = x_val[:, :, :-5]",
        "range(8)": "range(2)",
    },
    "03-learn-by-hand": {
        "[:, 12:16, 12:16]": "[:, 10:18, 13:15]",
        "descend(loss, -4.0, rate=1.0, steps=10)": "descend(loss, 6.0, rate=300.0, steps=3)",
        "(0.1, 1, 5, 60)": "(0.01, 200)",
        "rate=5.0)": "rate=50.0)",
        "-12.0)": "-40.0)",
        "few = 200": "few = 30",
        "default_rng(0)": "default_rng(7)",
        "range(3):\n    order": "range(1):\n    order",
        ", 128):": ", 50):",
        "batch_size=128": "batch_size=50",
        "rate=0.5)": "rate=2.0)",
        "hidden=64": "hidden=20",
        "Dense(64": "Dense(20",
        "one - 0.3 *": "one - 0.01 *",
        "range(3)": "range(1)",
        "[:, :, 3:] = x_val.reshape(-1, 28, 28)[:, :, :-3]": "[:, :, 6:] = x_val.reshape(-1, 28, 28)[:, :, :-6]",
        "set_random_seed(0)": "set_random_seed(7)",
        "20_000": "500",
        "100_000": "1_000",
        "start, 0.4": "start, 4.0",
        "(0.02, 0.1, 0.5, 2.5)": "(0.1,)",
    },
    "05-build-a-cnn": {
        "(784, 8)": "(784, 6)",
        "for pixels in range(5)": "for pixels in range(7)",
        "[-1.0, -1.0, -1.0]": "[-1.0, -2.0, 1.0]",
        "row - 1 : row + 2, column - 1": "row : row + 3, column - 1",
        "momentum=0.9": "momentum=0.5",
        "rate = 0.2": "rate = 0.5",
        "layers.Conv2D(16, kernel_size=5": "layers.Conv2D(12, kernel_size=3",
        "set_random_seed(0)": "set_random_seed(7)",
        "factor=10": "factor=0",
        "epochs=60": "epochs=1",
        "epochs=6": "epochs=1",
        "epochs=120": "epochs=1",
        "x_train[:1000], y_train[:1000]": "x_train[:500], y_train[:500]",
        "range(3)": "range(1)",
    },
    "06-train-the-models": {
        "mlp_batch_size = 10, 2e-3, 128": "mlp_batch_size = 1, 1e-2, 50",
        "cnn_batch_size = 9, 6e-3, 256": "cnn_batch_size = 1, 1e-3, 100",
        "set_random_seed(0)": "set_random_seed(7)",
        "seeds = (0, 1, 2)": "seeds = (7,)",
        "for size in (16, 64, 512)": "for size in (60, 500)",
        "for rate in (1e-4, 1e-3, 1e-2, 1e-1)": "for rate in (1e-6, 10.0)",
        "for units in (2, 16, 128, 512)": "for units in (1, 8)",
        "for images in (250, 1000, 4000)": "for images in (100, 20_000)",
        "epochs=50 * steps // images": "epochs=1",
        "epochs=17": "epochs=1",
        "epochs=3, verbose": "epochs=1, verbose",
        "(0, 3)": "(0, 9)",
        "patience=3": "patience=1",
        "((16, 1), (512, 31))": "((500, 1), (1000, 2))",
        '(1e-5, "o-")': '(1e-4, "o-")',
        '(1e-1, "^:")': '(1.0, "^:")',
    },
    "10-improve-the-model": {
        "images, epochs = 3000, 3": "images, epochs = 700, 1",
        "decay=False) for seed in range(3)": "dropout=0.5) for seed in range(1)",
        "layers.Conv2D(16, kernel_size=5": "layers.Conv2D(8, kernel_size=5",
        "n_trials=6": "n_trials=1",
        "Budget(trials=4, images=1000, epochs=2)": "Budget(trials=2, images=300, epochs=1)",
        'search.db", budget, workers=2': 'search.db", budget, workers=1',
        "range(10), range(8)": "range(10), range(2)",
        "steps=150, rate=5e-4": "steps=25, rate=5e-2",
        "rng, 32)": "rng, 8)",
        "fine_tune(mixed, seed) for seed in range(3)": "fine_tune(mixed, seed) for seed in range(1)",
        "old_images / 1000": "old_images / 10",
        "uniform(-55, -35, 1000)": "uniform(0, 180, 1000)",
        "count in (5, 20)": "count in (3,)",
        "n_trials=10": "n_trials=2",
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
