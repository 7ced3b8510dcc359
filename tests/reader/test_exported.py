"""Without these, an exported network may read something else than the one that was trained and tested."""

import os
import subprocess
import sys
import tempfile
import threading
import warnings

import numpy as np
import pytest

from utils.errors import DigitsError
from utils.networks import load_model, shipped_models
from utils.paths import ROOT
from utils.quiet import stderr_silenced
from utils.reader.exported import ExportedNetwork, describe_version, export_model
from utils.reader.normalise import scale_pixels
from utils.reader.reading import predict_probabilities, read_digits


@pytest.fixture(scope="module")
def cnn():
    return load_model(shipped_models() / "cnn.keras")


@pytest.fixture(scope="module")
def file(cnn, tmp_path_factory):
    return export_model(cnn, tmp_path_factory.mktemp("exported") / "cnn.tflite")


def test_it_gives_the_same_answers(cnn, file, sample):
    """Notebook 11 compares all of MNIST's test images."""
    expected = predict_probabilities(cnn, sample.x_train)
    table = predict_probabilities(ExportedNetwork(file), sample.x_train)
    assert table.dtype == np.float32
    assert np.array_equal(table.argmax(axis=1), expected.argmax(axis=1))
    assert np.allclose(table, expected, atol=1e-4)


def test_a_page_is_read_alike(cnn, file, save, draw):
    page = save("page.png", draw("31415926"))
    read, expected = read_digits(ExportedNetwork(file), page), read_digits(cnn, page)
    assert read.text == expected.text == "31415926"
    assert [digit.box for digit in read.digits] == [digit.box for digit in expected.digits]


def test_threads_do_not_mix_their_images(file, sample):
    """Readers share the network; an answer that belongs to another's image would be a silent mistake."""
    network, images = ExportedNetwork(file), sample.x_test[:200]
    expected, wrong = network.predict(images), []

    def work(start):
        for index in range(start, 200, 4):
            if not np.array_equal(network.predict(images[index : index + 1])[0], expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_image_gives_no_answer(file):
    assert ExportedNetwork(file).predict(np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)


def test_tensorflow_serving_s_format(cnn, tmp_path, sample):
    """What TensorFlow Serving would load: a folder with a number, and a function that it calls ``serving_default``."""
    import tensorflow

    folder = export_model(cnn, tmp_path / "digits" / "1")
    served = tensorflow.saved_model.load(str(folder)).signatures["serving_default"]
    (answers,) = served(tensorflow.constant(scale_pixels(sample.x_test[:100]))).values()
    assert np.allclose(answers, predict_probabilities(cnn, sample.x_test[:100]), atol=1e-5)
    with pytest.raises(DigitsError, match="is there already: name a new folder"):
        export_model(cnn, folder)
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["1"], "nothing else is left behind"


def test_a_version_is_that_of_the_network(cnn, file, tmp_path):
    """The same in both formats, compiled or not, and another after more training: whoever asks, can tell them apart."""
    import keras

    cnn.save(tmp_path / "cnn.keras")
    version = describe_version(tmp_path / "cnn.keras")
    assert len(version) == 12
    assert describe_version(file) == version
    other = keras.models.clone_model(cnn)
    other.set_weights(cnn.get_weights())
    other.compile("adam", "sparse_categorical_crossentropy")
    other.save(tmp_path / "compiled.keras")
    assert describe_version(tmp_path / "compiled.keras") == version
    other.fit(np.zeros((2, 28, 28, 1)), np.zeros(2), verbose=0)
    other.save(tmp_path / "other.keras")
    assert describe_version(tmp_path / "other.keras") != version
    assert describe_version(export_model(other, tmp_path / "other.tflite")) == describe_version(
        tmp_path / "other.keras"
    )


def test_a_file_of_others_has_a_version_too(file, tmp_path):
    content = file.read_bytes().replace(b"digits network, version", b"some other network here")
    for number in range(2):
        (tmp_path / f"{number}.tflite").write_bytes(content + bytes(number))
    assert describe_version(tmp_path / "0.tflite") != describe_version(tmp_path / "1.tflite")


def test_a_network_in_memory_answers_as_its_file(file, sample):
    images = sample.x_test[:20]
    assert (ExportedNetwork(file.read_bytes()).predict(images) == ExportedNetwork(file).predict(images)).all()
    with pytest.raises(DigitsError, match="network.tflite is damaged"):
        ExportedNetwork(b"Dear teacher")


def test_files_that_cannot_be_used(cnn, tmp_path, sample):
    with pytest.raises(DigitsError, match="There is no exported model at .*none.tflite: make one with"):
        ExportedNetwork(tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("Dear teacher")
    with pytest.raises(DigitsError, match="text.tflite is a text file, not a LiteRT model: copy it"):
        ExportedNetwork(tmp_path / "text.tflite")
    with pytest.raises(DigitsError, match=r"cnn.onnx ends in neither .tflite"):
        export_model(cnn, tmp_path / "cnn.onnx")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DigitsError, match="cannot be written"):
        export_model(cnn, tmp_path / "file" / "1")


def test_a_network_for_something_else_is_refused(tmp_path):
    import keras

    other = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    other.export(tmp_path / "other.tflite", format="litert", verbose=False)
    with pytest.raises(DigitsError, match="is not a network for 28 × 28 images and ten digits"):
        ExportedNetwork(tmp_path / "other.tflite")


def strangers():
    """The shipped dense network, with other inputs, and without its softmax."""
    import keras
    from keras import layers

    inner = load_model(shipped_models() / "mlp.keras")
    yield keras.Sequential([keras.Input((784,)), layers.Reshape((28, 28, 1)), inner])
    yield keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), inner])
    inner, logits = load_model(shipped_models() / "mlp.keras"), layers.Dense(10, name="logits")
    model = keras.Sequential([keras.Input((28, 28, 1)), *inner.layers[1:-1], logits])
    logits.set_weights(inner.layers[-1].get_weights())
    yield model


def test_networks_that_others_have_exported_give_the_same(tmp_path, sample):
    """Else '545.0%' stands behind a digit, or a good network reads noise."""
    images = sample.x_test[:200]
    expected = predict_probabilities(load_model(shipped_models() / "mlp.keras"), images)
    for index, model in enumerate(strangers()):
        path = tmp_path / f"{index}.tflite"
        model.export(path, format="litert", verbose=False)
        assert np.allclose(ExportedNetwork(path).predict(images), expected, atol=1e-3), index


def test_a_network_in_whole_numbers(tmp_path, sample):
    """Phones are given networks whose inputs and outputs are bytes."""
    import tensorflow as tf

    images = sample.x_test[:200]
    converter = tf.lite.TFLiteConverter.from_keras_model(load_model(shipped_models() / "mlp.keras"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([scale_pixels(image[np.newaxis])] for image in sample.x_train[:50])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    path = tmp_path / "bytes.tflite"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path.write_bytes(converter.convert())
    table = ExportedNetwork(path).predict(images)
    expected = predict_probabilities(load_model(shipped_models() / "mlp.keras"), images)
    assert np.mean(table.argmax(axis=1) == expected.argmax(axis=1)) > 0.98
    assert table.min() >= 0
    assert table.max() <= 1


def refused():
    import keras
    from keras import layers

    image = keras.Input((28, 28, 1))
    flat = layers.Flatten()(image)
    ten = layers.Dense(10, activation="softmax")
    yield keras.Model(image, [ten(flat), layers.Dense(2)(flat)]), "has 1 inputs and 2 outputs, not one of each"
    yield keras.Model(image, layers.Dense(11)(flat)), r"takes 28 × 28 × 1 values and gives 11\)"
    yield keras.Model(image, layers.Dense(10, activation="sigmoid")(flat)), "ten numbers that are no probabilities"
    large = layers.GlobalAveragePooling2D()(layers.UpSampling2D(400)(image))
    yield keras.Model(image, layers.Dense(10, activation="softmax")(large)), "would take too much memory"
    lines = layers.LSTM(4)(layers.Reshape((28, 28))(image))
    yield keras.Model(image, layers.Dense(10)(lines)), r"uses Flex\w+, which LiteRT alone does not have"


def test_networks_that_cannot_read_digits_are_refused_for_their_reason(tmp_path):
    for index, (model, message) in enumerate(refused()):
        path = tmp_path / f"{index}.tflite"
        model.export(path, format="litert", verbose=False)
        with pytest.raises(DigitsError, match=f"{index}.tflite .*{message}"):
            ExportedNetwork(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is only git LFS's note"),
        (b"<html>", "is a web page"),
        (b"PK\x03\x04", "is no LiteRT model but a zip file: give a Keras model the ending .keras"),
    ],
)
def test_files_of_other_kinds_are_named(content, message, tmp_path):
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(DigitsError, match=f"a.tflite {message}"):
        ExportedNetwork(tmp_path / "a.tflite")
    with pytest.raises(DigitsError, match="is a folder: name a .tflite file"):
        ExportedNetwork(tmp_path)


@pytest.mark.parametrize("name", ["1", "cnn.tflite"])
def test_a_full_disk_is_said_in_a_line_and_nothing_is_left(name, cnn, tmp_path, monkeypatch):
    """TensorFlow tells of its own functions for a hundred lines; it needs the temporary folder, too."""
    resource = pytest.importorskip("resource", reason="needs limits of Unix")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # a larger file fails, as on a full disk
    try:
        with pytest.raises(DigitsError, match=r"was not written \(.*File too large\): is the disk full, or the folder"):
            export_model(cnn, tmp_path / "out" / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path / "out") == os.listdir(tmp_path / "temporary") == []


def test_reading_with_it_needs_no_tensorflow(file, save, draw):
    """A service that starts in a second and fits into a small computer depends on it."""
    code = (
        "import sys; from utils.reader.exported import ExportedNetwork; from utils.reader.reading import read_digits; "
        "import utils.service.app, utils.service.server; "
        f"reading = read_digits(ExportedNetwork({str(file)!r}), {str(save('42.png', draw('42')))!r}); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules or reading.text != '42')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == "", "LiteRT's notes look like errors"


def test_silence_ends_for_threads_too():
    """Two threads that silence standard error at once must not leave it silent for good."""
    before = os.fstat(2)
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        for _ in range(50):
            with stderr_silenced(), stderr_silenced():
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(before, os.fstat(2))
