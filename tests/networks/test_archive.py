"""Without these, a model from the net runs its maker's code, takes all memory, or is called damaged when it is not."""

import io
import json
import os
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from utils.errors import DigitsError
from utils.networks.store import load_model
from utils.paths import ROOT


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The parts of a whole model's file, by name."""
    path = tmp_path_factory.mktemp("whole") / "a.keras"
    keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def forge(tmp_path, parts):
    """Write a model's file with other parts, or with its layers changed: ``forge(layers=lambda layers: …) → path``."""

    def write(change=None, **others):
        path, config = tmp_path / "a.keras", json.loads(parts["config.json"])
        if change:
            change(config["config"]["layers"])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in (parts | {"config.json": json.dumps(config)} | others).items():
                if data is not None:
                    archive.writestr(name, data)
        return path

    return write


def h5(write):
    """Make the bytes of an HDF5 file."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        write(file)
    return data.getvalue()


def test_whole_files_pass(forge):
    """The forger's own work must not be what the others fail for."""
    assert load_model(forge()).output_shape == (None, 10)


def described(module, name, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": name}


MARK = "the-code-was-run"


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(described("os", "system", command=f"touch {MARK}"), id="a command"),
        pytest.param(described("builtins", "exec", source=f"open('{MARK}', 'w')"), id="a built-in function"),
        pytest.param(described("subprocess", "Popen", args=["touch", MARK]), id="a process"),
        pytest.param(described("utils.cli", "main", arguments=["check"]), id="a function of the project"),
        pytest.param(described("keras.layers", "TFSMLayer", filepath="."), id="a SavedModel elsewhere"),
        pytest.param({"module": None, "class_name": "Mine", "config": {}, "registered_name": "a>Mine"}, id="custom"),
        pytest.param(described("keras.layers", "Lambda", function="os.system"), id="a name in a Lambda"),
    ],
)
def test_code_in_a_file_is_refused_for_what_it_is_and_never_run(layer, forge, tmp_path, monkeypatch):
    """Whoever loads a network from the net must not run a stranger's program."""
    monkeypatch.chdir(tmp_path)
    path = forge(lambda layers: layers.insert(1, layer))
    with pytest.raises(DigitsError, match=f"code of its own .the layer {layer['class_name']}., which is never"):
        load_model(path)
    assert os.listdir(tmp_path) == ["a.keras"]


def test_a_lambda_with_its_code_is_not_run(tmp_path, monkeypatch):
    """The oldest way of hiding a program in a model; it would run at the first image."""
    monkeypatch.chdir(tmp_path)
    run = layers.Lambda(lambda x: (os.mkdir("the-code-was-run"), x)[1], output_shape=(28, 28, 1))
    model = keras.Sequential([keras.Input((28, 28, 1)), run, layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.save("a.keras")
    if (tmp_path / MARK).exists():
        (tmp_path / MARK).rmdir()  # it was run when it was made
    with pytest.raises(DigitsError, match=r"holds code of its own \(the layer Lambda\)"):
        load_model("a.keras")
    assert os.listdir(tmp_path) == ["a.keras"]


@pytest.mark.parametrize(
    "layer",
    [
        described("keras.utils", "get_file", fname="a", origin="http://127.0.0.1:9/a"),
        described("keras.config", "enable_unsafe_deserialization"),
        described("keras.saving", "load_model", filepath="a.keras"),
        described("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
        described("keras.src.ops.numpy", "Tile", repeats=10**9),
    ],
    ids=lambda layer: layer["class_name"],
)
def test_what_keras_has_but_no_network_for_digits_is_made_of(layer, forge):
    """Functions of Keras itself have been misused: they fetch files, read them, or switch the safe mode off."""
    with pytest.raises(DigitsError, match=rf"uses {layer['class_name']}, which is not loaded here: build the network"):
        load_model(forge(lambda layers: layers.insert(1, layer)))


def test_functions_and_constants_in_the_place_of_settings(forge):
    function = {"module": "os", "class_name": "function", "config": "getcwd", "registered_name": "function"}
    with pytest.raises(DigitsError, match="holds code of its own .the function getcwd."):
        load_model(forge(lambda layers: layers[-1]["config"].update(activation=function)))

    def compute(layers):
        layers[-1]["inbound_nodes"] = [{"args": [[[1.0]]], "kwargs": {}}]

    with pytest.raises(DigitsError, match="computes while it is loaded .Dense."):
        load_model(forge(compute))


@pytest.mark.parametrize("name", ["../../evil.py", "assets/evil.so", "/tmp/evil", "a\nb"])
def test_files_that_do_not_belong_there(name, forge, tmp_path):
    with pytest.raises(DigitsError, match="holds more than a network"):
        load_model(forge(**{name: b"x"}))
    assert os.listdir(tmp_path) == ["a.keras"]


def external(file):
    file.create_dataset("a", (10,), "f4", external=[("/etc/passwd", 0, 40)])


def linked(file):
    file["a"] = h5py.ExternalLink("/etc/passwd", "a")


@pytest.mark.parametrize("write", [external, linked])
def test_weights_come_from_the_file_itself(write, forge):
    """A network that carries away what stands in another file."""
    with pytest.raises(DigitsError, match="takes its weights from other files"):
        load_model(forge(**{"model.weights.h5": h5(write)}))


def zeros(file):
    file.create_dataset("a", (10**10,), "f4", chunks=(2**16,), compression="gzip")


def enlarge(layers):
    """Blow the image up to 784 million pixels and bring it back."""
    layers.insert(1, described("keras.layers", "UpSampling2D", size=1000))
    layers.insert(2, described("keras.layers", "AveragePooling2D", pool_size=1000))


LARGE = {
    "units": {"change": lambda layers: layers[-1]["config"].update(units=6_000_000)},
    "image": {"change": enlarge},
    "weights": {"model.weights.h5": h5(zeros)},
    "zip": {"metadata.json": b" " * 3_000_000},
}


def test_a_small_file_does_not_take_gigabytes(forge, tmp_path):
    """A file of 409 KB that takes 20 GB ends every other program on a school's computer."""
    code = "import resource, sys\nfrom utils.errors import DigitsError\nfrom utils.networks import load_model\n"
    for name, options in LARGE.items():
        path = forge(**options).rename(tmp_path / f"{name}.keras")
        assert path.stat().st_size < 100_000
        code += f"try: load_model({str(path)!r})\nexcept DigitsError as error: print(error)\n"
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    *said, peak = done.stdout.splitlines()
    assert len(said) == len(LARGE)
    assert all("would take too much memory when it is unpacked" in line for line in said), said
    assert int(peak) < (2e9 if sys.platform == "darwin" else 2e6)  # bytes there, kilobytes here; TensorFlow has half


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is only git LFS's note .*git lfs pull"),
        (b"\n<!DOCTYPE html>\n<html>", "is a web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is in Keras's older format, HDF5: .*save it as a .keras file"),
        (b"\x1c\0\0\0TFL3" + bytes(100), "is an exported network .* name the .keras file"),
        (b"PK\x03\x04" + bytes(100), "is cut off"),
        (b"Dear teacher", "is a text file, not a Keras model: copy it"),
        (b"\x1f\x8b\x08\0" * 9, "is damaged or not a Keras model: train it again"),
    ],
)
def test_files_of_other_kinds_are_named(content, message, tmp_path):
    """'Damaged, train it again' sends a learner away for an hour, when a second download would do."""
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(DigitsError, match=f"a.keras {message}"):
        load_model(tmp_path / "a.keras")


def test_zip_files_and_folders_of_other_kinds_are_named(forge, tmp_path, parts):
    with pytest.raises(DigitsError, match="is a zip file, but not a Keras model"):
        load_model(forge(**dict.fromkeys(parts), **{"data.pkl": b"torch"}))
    path = forge().rename(tmp_path / "a.zip")
    with pytest.raises(DigitsError, match=r"does not end in .keras: rename it"):
        load_model(path)
    with pytest.raises(DigitsError, match=r"is a folder: name a .keras file"):
        load_model(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(DigitsError, match=r"is a SavedModel, which cannot be turned back: name a .keras file"):
        load_model(tmp_path)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "{}", "[]", "null", '{"class_name": 1}', "\xff"])
def test_nonsense_in_the_configuration(deep, forge):
    with pytest.raises(DigitsError, match="a.keras (is damaged|cannot be loaded|holds code)"):
        load_model(forge(**{"config.json": deep.encode("latin-1")}))


def test_another_version_s_file_shows_the_reason(forge):
    """Whoever has trained for an hour on another computer must not read that the file is damaged."""
    metadata = json.dumps({"keras_version": "3.99.0"})
    path = forge(lambda layers: layers[-1]["config"].update(quantum=3), **{"metadata.json": metadata})
    with pytest.raises(DigitsError, match=r"saved with Keras 3\.99\.0, here is .*; Unrecognized keyword .*quantum"):
        load_model(path)


def test_the_look_needs_no_tensorflow(forge):
    """What is refused is refused at once, and before there is anything that could be misused."""
    code = (
        "import sys; from utils.networks.archive import inspect; "
        f"inspect({str(forge())!r}); sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_weights_that_are_cut(forge, parts):
    data = parts["model.weights.h5"]
    for length in (0, 10, len(data) // 2):
        with pytest.raises(DigitsError, match="a.keras (is damaged|cannot be loaded)"):
            load_model(forge(**{"model.weights.h5": data[:length]}))
    assert np.isfinite(load_model(forge()).get_weights()[0]).all()
