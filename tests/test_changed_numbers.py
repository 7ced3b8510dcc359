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
        "-4.0, 60, steps=1": "-4.0, 2, steps=1",
        "rate=5.0, rates=(0.1, 5, 60)": "rate=50.0",
        "-12.0)": "-40.0)",
        "[[1.0, 0.5]])  # a row": "[[0.0, -3.0]])  # a row",
        "for added in (0, 10)": "for added in (0, -20)",
        "small_logits + 1000": "small_logits + 30",
        "few = 200": "few = 30",
        "default_rng(0)": "default_rng(7)",
        "range(3):\n    order": "range(1):\n    order",
        ", 128):": ", 50):",
        "start + 128]": "start + 50]",
        "rate=0.5)": "rate=2.0)",
        "[:, :, 3:] = x_val.reshape(-1, 28, 28)[:, :, :-3]": "[:, :, 6:] = x_val.reshape(-1, 28, 28)[:, :, :-6]",
        "walk_adam, 0.4": "walk_adam, 4.0",
        "20_000": "500",
        "(0.02, 0.1, 0.5, 2.5)": "(0.1,)",
    },
    "04-add-a-layer": {
        "(2, 8, 32, 128)": "(1,)",
        "[0.7, -0.2, 0.4]": "[0.7, -1.2, -0.4]",
        "layers.Dense(8)": "layers.Dense(6)",
        "[:200]": "[:30]",
        "size=(784, 64)), rng.normal(size=64)": "size=(784, 5)), rng.normal(size=5)",
        "size=(64, 10)": "size=(5, 10)",
        "(2.0, -2.0)": "(0.5, -1.0)",
        "default_rng(0)": "default_rng(7)",
        "hidden=64": "hidden=20",
        "layers.Dense(64": "layers.Dense(20",
        "layers.Dense(128,": "layers.Dense(96,",
        "range(3)": "range(1)",
        ", 128):": ", 50):",
        "start + 128]": "start + 50]",
        "batch_size=128": "batch_size=50",
        "one - 0.5 *": "one - 0.01 *",
        "(0.5, 1.0)": "(0.01,)",
        "SGD(0.1)": "SGD(3.0)",
        "set_random_seed(0)": "set_random_seed(7)",
        "20_000": "500",
        "100_000": "1_000",
        "[:, :, 3:] = x_val.reshape(-1, 28, 28)[:, :, :-3]": "[:, :, 6:] = x_val.reshape(-1, 28, 28)[:, :, :-6]",
        "pixel=406": "pixel=300",
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
        "rate, steps = 1e-2": "rate, steps = 0.5",
        "batch_size=25, epochs=6": "batch_size=25, epochs=1",
        "epochs=20": "epochs=2",
        "epochs=3, verbose": "epochs=1, verbose",
        "(0, 3)": "(0, 9)",
        "patience=3": "patience=1",
        "((16, 1), (512, 31))": "((500, 1), (1000, 2))",
        '(1e-5, "o-")': '(1e-4, "o-")',
        '(1e-1, "^:")': '(1.0, "^:")',
    },
    "09-predict-your-own-digits": {
        "default_rng(0)": "default_rng(7)",
        "len(mnist.x_test), 500, replace": "len(mnist.x_test), 120, replace",
        "pens = (1, 1.5, 2, 3, 4, 5, 6, 7)": "pens = (0.5, 9)",
        "x_test[:500], mnist.y_test[:500]": "x_test[:50], mnist.y_test[:50]",
        "x_train[:6000], y_train[:6000]": "x_train[:300], y_train[:300]",
        "set_random_seed(0)": "set_random_seed(7)",
        "epochs=6": "epochs=1",
        "epochs=3": "epochs=1",
        "least=10": "least=40",
        "order = [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]": "order = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]",
        "tilt(page, 35)": "tilt(page, 60)",
        "(0, 120, 150, 170, 185, 200)": "(100, 260)",
        "[3, 1, 4, 1, 5, 9]": "[2, 7]",
        "(0.5, SURE, 0.95)": "(0.1, 1.0)",
        "x_val[:1000, :, :, 0]": "x_val[:100, :, :, 0]",
        "y_val[:1000]": "y_val[:100]",
        "range(1000)": "range(50)",
        "range(-45, 46, 5)": "range(0, 31, 30)",
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
