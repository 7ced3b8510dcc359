"""Without these, the lesson builds and trains other networks than the command line does."""

import importlib.util
import json
import math
import re

import keras
import nbformat
import numpy as np
import pytest

from utils.networks import training
from utils.networks.batches import distort
from utils.networks.models import BUILDERS, build_cnn, build_mlp
from utils.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"


def cell_with(notebook: str, text: str) -> str:
    cells = nbformat.read(NOTEBOOKS / notebook, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code" and text in cell.source)


def architecture(model):
    text = json.dumps([(type(layer).__name__, layer.get_config()) for layer in model.layers], sort_keys=True)
    for layer in model.layers:
        text = text.replace(f'"{layer.name}"', '"name"')
    return text


@pytest.mark.parametrize(
    ("build", "notebook"), [(build_mlp, "04-add-a-layer.ipynb"), (build_cnn, "05-build-a-cnn.ipynb")]
)
def test_the_notebooks_build_the_networks_of_utils(build, notebook):
    """What the lesson shows must be what the command line trains."""
    scope = {"keras": keras, "layers": keras.layers}
    source = cell_with(notebook, f"def {build.__name__}")
    exec(source[: source.index(f"\n{build.__name__.removeprefix('build_')} = ")], scope)
    keras.utils.set_random_seed(0)
    ours = build()
    keras.utils.set_random_seed(0)
    theirs = scope[build.__name__]()
    assert architecture(ours) == architecture(theirs)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_notebook_07_takes_its_ideas_from_the_same_network():
    """An ablation of another network would say nothing about this one."""
    spec = importlib.util.spec_from_file_location("ablation", ROOT / "tests" / "benchmarks" / "ablation.py")
    ablation = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ablation)
    scope = {"keras": keras, "layers": keras.layers}
    exec(cell_with("10-improve-the-model.ipynb", "def build(").split("\n\n\ndef train")[0], scope)
    for build in (scope["build"], ablation.build):
        assert architecture(build(True, 0.2)) == architecture(build_cnn())
        assert not [layer for layer in build(False, 0.2).layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_notebook_05_trains_with_the_recipe_of_utils():
    scope = {}
    exec(cell_with("06-train-the-models.ipynb", "mlp_batch_size = "), scope)
    assert {"mlp": scope["mlp_batch_size"], "cnn": scope["cnn_batch_size"]} == training.BATCH_SIZES
    assert {"mlp": scope["mlp_epochs"], "cnn": scope["cnn_epochs"]} == training.EPOCHS
    assert {"mlp": scope["mlp_learning_rate"], "cnn": scope["cnn_learning_rate"]} == training.LEARNING_RATES

    scope |= {"keras": keras, "math": math, "x_train": np.zeros(1000)}
    exec(cell_with("06-train-the-models.ipynb", "def compile_model"), scope)

    def settings(model):
        return re.sub(r'"adam_\d+"', '"adam"', json.dumps(model.get_compile_config(), sort_keys=True))

    for kind in ("mlp", "cnn"):
        theirs, ours = build_mlp(), build_mlp()
        size, rate = training.BATCH_SIZES[kind], training.LEARNING_RATES[kind]
        scope["compile_model"](theirs, epochs=3, batch_size=size, learning_rate=rate)
        training.compile_model(ours, 3 * -(-1000 // size), rate)
        assert settings(theirs) == settings(ours)
    assert {"mlp": None, "cnn": distort} == training.CHANGES
    assert "Batches(x_train, y_train, distort, cnn_batch_size)" in cell_with("06-train-the-models.ipynb", "cnn.fit(")


def test_untrained_probabilities_add_up():
    for build in BUILDERS.values():
        output = build().predict(np.random.default_rng(0).random((3, 28, 28, 1)), verbose=0)
        assert output.shape == (3, 10)
        assert np.allclose(output.sum(axis=1), 1, atol=1e-5)


def test_dropout_is_the_only_difference():
    assert build_mlp().count_params() == build_mlp(0.5).count_params()
    assert len(build_mlp(0.5).layers) == len(build_mlp().layers) + 1
    assert [layer.rate for layer in build_cnn(0.4).layers if isinstance(layer, keras.layers.Dropout)] == [0.4]
