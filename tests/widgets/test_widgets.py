"""Without these, a slider moves and nothing follows, or a second run of a cell fails."""

import base64
import io
import itertools
import math
import re
import time
from pathlib import Path

import cv2
import ipywidgets
import keras
import numpy as np
import pytest
from fastapi.testclient import TestClient
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from utils.errors import DigitsError
from utils.networks import build_cnn, build_mlp, load_model, shipped_models
from utils.plots import BLUE, draw_network, show_images
from utils.reader import digits_folder, export_model, normalise_digit, predict_probabilities, read_image, read_labels
from utils.service import Settings as ServiceSettings
from utils.service import create_app
from utils.widgets import experiment
from utils.widgets.build import build_network, try_network
from utils.widgets.damage import try_damage
from utils.widgets.descent import descend, try_descent
from utils.widgets.distort import try_distortions
from utils.widgets.evaluate import browse_confusion, try_threshold
from utils.widgets.experiment import Experiments, Settings, try_training
from utils.widgets.explore import explore_digits
from utils.widgets.inside import feature_maps, look_inside, occlusion_map
from utils.widgets.pad import Pad, drawing_pad
from utils.widgets.panel import Panel, Picture, pixel_picture
from utils.widgets.prepare import prepare_by_hand, try_preparation
from utils.widgets.training_bar import TrainingBar
from utils.widgets.upload import Upload
from utils.widgets.uploads import example_uploads, try_uploads
from utils.widgets.window import Slide, slide_window


@pytest.fixture(scope="module")
def cnn():
    return load_model(shipped_models() / "cnn.keras")


def find(panel, kind, description=None):
    """All widgets of a kind in a panel, in the order in which the Tab key reaches them."""
    found = []

    def walk(widget):
        if isinstance(widget, kind) and (description is None or widget.description == description):
            found.append(widget)
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(panel)
    return found


def picture_of(panel):
    return find(panel, ipywidgets.Image)[-1].value


def test_a_panel_has_a_picture_for_readers_without_a_kernel():
    """On the web a widget shows nothing."""
    panel = Panel([ipywidgets.IntSlider()], "A slider", lambda: show_images([np.zeros((28, 28), np.uint8)]))
    bundle = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "A slider: run this cell in JupyterLab to use it."
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).format == "PNG"


def test_a_picture_says_what_it_shows():
    picture = Picture()
    picture.show(show_images([np.zeros((28, 28), np.uint8)]), "a 3 & <nothing> else")
    words = find(picture, ipywidgets.HTML)[0].value
    assert 'role="status"' in words
    assert "a 3 &amp; &lt;nothing&gt; else" in words


def test_large_pixels_stay_sharp():
    html = pixel_picture(np.eye(28, dtype=np.uint8) * 255, 84)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html).group(1))
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert (pixels.shape, pixels[0, 0], pixels[0, 1]) == ((28, 28), 0, 255)
    assert 'width="84"' in html
    assert "pixelated" in html


@pytest.mark.parametrize("make", [Pad, TrainingBar, Upload])
def test_nothing_comes_from_the_net(make):
    """A class without a connection must be able to draw and to stop."""
    for text in (make._esm, getattr(make, "_css", "")):
        source = str(text)
        source = Path(source).read_text(encoding="utf-8") if source.endswith((".js", ".css")) else source
        assert not re.search(r"(import|from|url\()\s*\(?[\"']?https?:", source)


def test_a_finger_can_draw_too():
    """Wigglystuff's pad hears no touch; ours passes it on as the mouse's."""
    source = str(Pad._esm)
    assert "passTouches(context.el)" in source
    assert source.count("export default") + source.count("as default") == 1


def test_explore_leafs_by_digit_and_shows_the_values(sample):
    panel = explore_digits(sample.x_train, sample.y_train)
    (digit,), (which,), (html,) = (
        find(panel, kind) for kind in (ipywidgets.ToggleButtons, ipywidgets.IntSlider, ipywidgets.HTML)
    )
    for label in (7, 0, 7):
        digit.value = label
        at = np.flatnonzero(sample.y_train == label)
        assert which.max == len(at)
        which.value = 3
        assert f"labelled {label}" in html.value
        image = sample.x_train[at[2]]
        row, column = np.argwhere(image)[0]
        assert f"row {row}, column {column}: {image[row, column]}" in html.value
        which.value = 1
        assert f"Training image {at[0]:,}, labelled {label}" in html.value
    assert html.value.count("<rect") == 784


def test_explore_survives_a_digit_without_images():
    panel = explore_digits(np.zeros((2, 28, 28), np.uint8), np.array([3, 1]))
    (digit,) = find(panel, ipywidgets.ToggleButtons)
    assert "There is no image of a 0" in find(panel, ipywidgets.HTML)[0].value
    digit.value = 5
    assert "There is no image of a 5" in find(panel, ipywidgets.HTML)[0].value
    digit.value = 1
    assert "labelled 1" in find(panel, ipywidgets.HTML)[0].value


def test_damaged_digits_are_read_refused_or_misread(cnn, sample):
    """Notebook 08: a slider that is left behind would show one damage and tell of another."""
    ten = np.array([sample.x_train[sample.y_train == digit][0] for digit in range(10)]) / 255
    dials = {"faint": (lambda images, strength: strength * images, (1, 0.5, 0)),
             "inverted": (lambda images, strength: np.abs(strength - images), (0, 0.3, 1))}  # fmt: skip
    panel = try_damage(ten, np.arange(10), {"CNN": cnn, "the same": cnn}, dials)
    damage, strength = find(panel, ipywidgets.Dropdown)[0], find(panel, ipywidgets.SelectionSlider)[0]
    words = find(panel, ipywidgets.HTML)[-1]
    strength.value = 1
    assert re.search(r"faint 1\. CNN: (9|10) of 10 read, \d+ refused, [01] wrong and sure; the same: ", words.value)
    before = picture_of(panel)
    strength.value = 0
    assert "faint 0." in words.value
    assert int(re.search(r"CNN: (\d+) of 10 read", words.value)[1]) < 3, "there is nothing left to read"
    assert picture_of(panel) != before
    damage.value = "inverted"
    assert "inverted 0." in words.value, "a new damage begins at its weakest"
    assert [name for name, _ in strength.options] == ["0", "0.3", "1"]


def test_distorted_digits_are_read_again(cnn, sample):
    """Notebook 10: turned round, digits are misread, and the button brings them back."""
    ten = np.array([sample.x_train[sample.y_train == digit][0] for digit in range(10)])
    for _ in range(2):
        panel = try_distortions(ten, np.arange(10), cnn, turn=25)
    turn = find(panel, ipywidgets.FloatSlider, "Turn (degrees, clockwise)")[0]
    before = picture_of(panel)
    turn.value = 180
    assert picture_of(panel) != before
    words = find(panel, ipywidgets.HTML)[-1]
    assert int(re.search(r"(\d+) of 10 are right", words.value)[1]) < 8
    find(panel, ipywidgets.Button)[0].click()
    assert turn.value == 0
    assert int(re.search(r"(\d+) of 10 are right", words.value)[1]) >= 9
    assert len(find(panel, ipywidgets.FloatSlider)) == 6


def test_a_service_s_answers_are_shown(cnn, draw, tmp_path):
    """Notebook 11: choose an upload, and see what a program would get for it."""
    file = export_model(cnn, tmp_path / "cnn.tflite")
    client = TestClient(create_app(ServiceSettings(str(file), "cnn.keras", "0")))
    stream = io.BytesIO()
    Image.fromarray(draw("42")).save(stream, "PNG")
    uploads = example_uploads(stream.getvalue())
    for _ in range(2):
        panel = try_uploads(client, uploads)
    (choice,) = find(panel, ipywidgets.Dropdown)
    words, seen = find(panel, ipywidgets.HTML)[-1], {}
    for name in choice.options:
        choice.value = name
        seen[name] = (re.search(r"HTTP/1.1 (\d+)", words.value)[1], picture_of(panel))
    assert [status for status, _ in seen.values()] == ["200", "200", *["422"] * 5, "413"]
    assert len({picture for _, picture in seen.values()}) == len(uploads)
    choice.value = "a drawing"
    assert "&quot;text&quot;: &quot;42&quot;" in words.value
    assert "image/png" in panel._repr_mimebundle_()


def test_prepare_by_hand_does_what_the_slider_says(draw):
    page = draw("7")
    ink, image = prepare_by_hand(page, 100)
    assert image.shape == (28, 28)
    assert set(np.unique(ink)) == {0, 255}
    assert np.abs(image.astype(int) - normalise_digit(ink, stroke=None)).max() == 0
    assert not prepare_by_hand(page, 255)[1].any(), "above the highest value there is no ink"
    thin, thick = (prepare_by_hand(page, 100, stroke=width)[1].sum() for width in (1.5, 4))
    assert thick > 1.5 * thin
    assert np.array_equal(prepare_by_hand(255 - page, 100, light_ink=True)[0], ink)
    assert (prepare_by_hand(page, 100, blur=15)[0] != ink).any()
    boxed = prepare_by_hand(page, 100, centring="by its box")[1]
    x, y, w, h = cv2.boundingRect(boxed)
    assert abs(x - (28 - x - w)) <= 1
    assert abs(y - (28 - y - h)) <= 1
    raw = prepare_by_hand(page, 100, centring="not at all")[1]
    assert cv2.boundingRect(raw)[3] < 20


@pytest.mark.parametrize("centring", ["by its mass", "by its box", "not at all"])
@pytest.mark.parametrize("stroke", [None, 3.0])
def test_prepare_by_hand_with_an_empty_page(centring, stroke):
    page = np.full((50, 80), 255, np.uint8)
    assert not prepare_by_hand(page, 100, 2, stroke, centring=centring)[1].any()


def test_preparation_follows_each_slider(cnn):
    files = [digits_folder() / name for name in ("9-photo.jpg", "3-chalk.png")]
    panel = try_preparation(files, cnn, first="3-chalk.png")
    assert find(panel, ipywidgets.Dropdown, "Image")[0].value.name == "3-chalk.png"
    otsu, _ = cv2.threshold(255 - read_image(files[1]), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    assert find(panel, ipywidgets.IntSlider)[0].value == otsu, "the widget begins with Otsu's threshold"
    seen = [picture_of(panel)]
    (light,) = find(panel, ipywidgets.Checkbox)
    light.value = True
    assert "read as 3" in find(panel, ipywidgets.HTML)[-1].value
    seen.append(picture_of(panel))
    for slider, value in zip(find(panel, (ipywidgets.IntSlider, ipywidgets.FloatSlider)), (120, 8, 3.5), strict=True):
        slider.value = value
        seen.append(picture_of(panel))
    find(panel, ipywidgets.Dropdown)[1].value = "not at all"
    seen.append(picture_of(panel))
    assert len(set(seen)) == len(seen), "each control changes the picture"
    find(panel, ipywidgets.IntSlider)[0].value = 250
    find(panel, ipywidgets.Dropdown, "Image")[0].value = files[0]
    assert picture_of(panel) != seen[-1]


def html_of(panel):
    return find(panel, ipywidgets.HTML)[0].value


def parabola(w):
    return (w - 1) ** 2


def test_descent_takes_the_steps_that_calculus_says():
    places, losses, slopes = descend(parabola, -3, 0.3, 10)
    assert len(places) == len(losses) == len(slopes) == 11
    assert slopes == pytest.approx([2 * (w - 1) for w in places], abs=1e-6)
    assert places == pytest.approx([1 - 4 * 0.4**step for step in range(11)], abs=1e-6)
    assert losses == pytest.approx([parabola(w) for w in places])


@pytest.mark.parametrize("loss", [lambda w: w**4, lambda w: np.exp(w**2), lambda w: math.log(w + 3)])
def test_a_descent_that_explodes_ends_without_a_word_from_numpy(loss, recwarn):
    places, losses, slopes = descend(loss, 2, 50, 30)
    assert 1 <= len(places) == len(losses) == len(slopes) < 31
    assert np.isfinite([places, losses, slopes]).all()
    panel = try_descent(loss, 2, -2, 2.5, rate=50)
    find(panel, ipywidgets.IntSlider, "Steps")[0].value = 30
    assert "too large for a computer" in html_of(panel)
    assert "image/png" in panel._repr_mimebundle_()
    assert not recwarn.list


def test_descent_says_its_last_step_in_numbers():
    panel = try_descent(parabola, -3, -4, 6, rate=0.3)
    step, back = find(panel, ipywidgets.Button)
    (count,) = find(panel, ipywidgets.IntSlider, "Steps")
    assert "w = −3.00, the loss is 16.00, the slope −8.00" in html_of(panel)
    seen = [picture_of(panel)]
    step.click()
    assert "Step 1: w = −3.00 − 0.3 · (−8.00) = −0.60" in html_of(panel)
    assert "The loss falls from 16.00 to 2.56." in html_of(panel)
    seen.append(picture_of(panel))
    count.value = 5
    assert "Step 5: w = 0.898 − 0.3 · (−0.205) ≈ 0.959" in html_of(panel), "rounded numbers do not add up"
    find(panel, ipywidgets.FloatSlider, "Start")[0].value = 4
    find(panel, ipywidgets.SelectionSlider, "Learning rate")[0].value = 1.5
    back.click()
    step.click()
    assert "The step overshot: the loss has grown from 9.00 to 36.00." in html_of(panel)
    assert "has left the picture" in html_of(panel)
    seen.append(picture_of(panel))
    assert len(set(seen)) == 3
    find(panel, ipywidgets.SelectionSlider, "Learning rate")[0].value = 1
    assert "The loss stays at 9.00: the point jumps to and fro." in html_of(panel)
    count.value = 30
    assert step.disabled


def test_descent_s_rates_are_round_and_the_first_is_among_them():
    for rate in (0.5, 0.3, 0.013, 25, 1e-5):
        (size,) = find(try_descent(parabola, 0, -4, 6, rate=rate), ipywidgets.SelectionSlider, "Learning rate")
        assert size.value == rate
        assert {60, 100} <= {value for _, value in size.options}, "notebook 03 asks what 60 does"
        assert all(float(name) == value == float(f"{value:.1e}") for name, value in size.options)
        assert 20 < len(size.options) < 45


@pytest.mark.parametrize(("start", "low", "high", "rate"), [(9, 0, 1, 0.5), (0, 0, 0, 0.5), (0, -1, 1, 0)])
def test_descent_refuses_what_cannot_be_drawn(start, low, high, rate):
    with pytest.raises(ValueError, match="must"):
        try_descent(parabola, start, low, high, rate)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 5])
def test_three_rates_are_what_the_picture_calls_them(rate):
    """Also if the author's own rate is much too large."""
    from utils.widgets.descent import FEW_STEPS, _three_rates

    curve = np.linspace(-4, 6, 101)
    rates = _three_rates(parabola, curve, parabola(curve), -3, rate)
    small, good, large = (descend(parabola, -3, rate, FEW_STEPS)[1][-1] for rate in rates)
    assert good < 0.7 * 16
    assert good < small < 16 < large
    assert list(rates) == sorted(rates)


KERNELS = [np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]), np.arange(15).reshape(5, 3) / 10]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(28, 28), (9, 12)])
def test_each_pixel_of_a_sliding_window_is_what_keras_computes(shape, stride, padding, kernel):
    image = np.random.default_rng(0).uniform(size=shape).astype("float32")
    images = image[np.newaxis, ..., np.newaxis]
    weights = kernel.astype("float32")[..., np.newaxis, np.newaxis]
    convolution = keras.ops.conv(images, weights, strides=stride, padding=padding)
    slide = Slide(image, kernel, "convolution", stride, padding)
    assert slide.output.shape == convolution.shape[1:3]
    assert np.allclose(slide.output, convolution[0, ..., 0], atol=1e-5)

    layer = keras.layers.Conv2D(1, kernel.shape, strides=stride, padding=padding, use_bias=False)
    layer.build(images.shape)
    layer.set_weights([weights])
    assert np.allclose(slide.output, layer(images)[0, ..., 0], atol=1e-5)
    pooling = keras.layers.MaxPooling2D(pool_size=2, strides=stride, padding=padding)(images - 0.5)
    slide = Slide(image - 0.5, kernel, "max pooling", stride, padding)  # below 0: a zero outside would count
    assert slide.output.shape == pooling.shape[1:3]
    assert np.allclose(slide.output, pooling[0, ..., 0])


def test_the_window_moves_and_each_choice_changes_the_map():
    image = np.round(np.random.default_rng(1).uniform(size=(28, 28)), 2)
    for _ in range(2):
        panel = slide_window(image, KERNELS[0])
    row, column = find(panel, ipywidgets.IntSlider)
    (play,), (step,) = find(panel, ipywidgets.Play), find(panel, ipywidgets.Button)
    assert (row.max, column.max) == (25, 25)
    play.value = 0
    assert (row.value, column.value) == (0, 0)
    value = (image[:3, :3] * KERNELS[0]).sum()
    assert f"Output row 0, column 0: the sum of the products is {value:.2f}." in html_of(panel).replace("−", "-")
    first = [", ".join(f"{value:g}" for value in line) for line in image[:3, :3]]
    assert f"Patch: {'; '.join(first)}. Kernel: 1, 2, 1; 0, 0, 0; −1, −2, −1. Products: " in html_of(panel)
    column.value = 25
    step.click()
    assert (row.value, column.value, play.value) == (1, 0, 26), "a new row"
    operation, stride, padding = find(panel, ipywidgets.ToggleButtons)
    seen = [html_of(panel)]
    for choice, value, shape in ((padding, "same", 28), (stride, 2, 14), (operation, "max pooling", 14)):
        choice.value = value
        assert f"Output, {shape} × {shape}" in html_of(panel)
        assert (row.max, column.max, play.max) == (shape - 1, shape - 1, shape * shape - 1)
        seen.append(html_of(panel))
        assert "image/png" in panel._repr_mimebundle_()
    row.value, column.value = 3, 4
    assert f"column 4: the largest of the patch is {image[6:8, 8:10].max():g}." in html_of(panel)
    for choice, value in ((padding, "valid"), (stride, 1), (operation, "convolution")):
        play.value = play.max
        choice.value = value
        assert row.value <= row.max
        assert column.value <= column.max
    step.click()
    assert play.value <= play.max
    assert len(set(seen)) == 4


def test_a_window_says_what_it_cannot_slide_over():
    with pytest.raises(ValueError, match="rows and columns only"):
        slide_window(np.zeros((28, 28, 1)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="does not fit"):
        slide_window(np.zeros((2, 2)), np.zeros((3, 3)))
    assert "sum of the products is 0" in html_of(slide_window(np.zeros((28, 28)), np.zeros((3, 3))))


@pytest.mark.parametrize("choice", [(0, 8, 3, 2, 64, 0.0), (2, 8, 5, 1, 32, 0.3), (4, 4, 3, 0, 16, 0.5)])
def test_the_code_that_is_shown_builds_the_network(choice):
    model, code = build_network(*choice)
    names = {"keras": keras, "layers": keras.layers}
    exec(code, names)
    assert names["model"].count_params() == model.count_params()
    assert [type(layer) for layer in names["model"].layers] == [type(layer) for layer in model.layers]
    assert names["model"].output_shape == (None, 10)


def test_building_follows_the_sliders():
    panel = try_network()
    seen = [find(panel, ipywidgets.HTML)[0].value]
    assert "52,138 parameters" in seen[0]
    assert "333,056 multiplications" in seen[0]
    for slider in find(panel, (ipywidgets.IntSlider, ipywidgets.SelectionSlider)):
        before = picture_of(panel)
        slider.value = slider.options[-1] if hasattr(slider, "options") else slider.max
        assert picture_of(panel) != before, slider.description
    find(panel, ipywidgets.IntSlider, "Convolutions")[0].value = 0
    assert "Conv2D" not in find(panel, ipywidgets.HTML)[-1].value


def test_a_drawn_network_names_each_layer_and_its_parameters():
    """Every layer is there, and what leaves the shape alone makes no block of its own."""
    for model, blocks in ((build_mlp(0.2), 4), (build_cnn(), 9), (build_network(2, 8, 3, 1, 64, 0.1)[0], 7)):
        figure = draw_network(model)
        written = [text for text in figure.axes[0].texts if text.get_text()]
        words = [text.get_text() for text in written]
        numbers = [int(text.get_text().replace(",", "")) for text in written if text.get_color() == BLUE]
        assert numbers == [layer.count_params() for layer in model.layers if layer.count_params()]
        assert f"{model.count_params():,} parameters" in words[-1]
        assert len(figure.axes[0].patches) == 3 * blocks, "a front, a top and a side for each"
        for kind, name in ((keras.layers.ReLU, "ReLU"), (keras.layers.BatchNormalization, "BatchNorm")):
            activations = sum(getattr(layer, "activation", None) is keras.activations.relu for layer in model.layers)
            more = activations if name == "ReLU" else 0
            assert words.count(name) == sum(isinstance(layer, kind) for layer in model.layers) + more
        shapes = [" × ".join(map(str, layer.output.shape[1:])) for layer in model.layers if hasattr(layer, "kernel")]
        assert [word for word in words if word in shapes] == shapes
        assert all(text.get_fontsize() >= 12 and not text.get_rotation() for text in written)


def test_a_drawn_network_is_in_true_proportions():
    def extent(patches):
        corners = np.concatenate([patch.get_xy() for patch in patches])
        return np.ptp(corners, axis=0)

    patches = draw_network(build_network(2, 8, 3, 1, 64, 0)[0]).axes[0].patches
    fronts, sides = patches[::3], patches[2::3]
    wide, high = np.array([extent([front]) for front in fronts]).T
    assert high[1] == pytest.approx(2 * high[2]), "28 rows and 14"
    assert high[2] == pytest.approx(2 * high[4]), "14 rows and 7"
    assert high[5] == pytest.approx(6.4 * high[6]), "64 units and 10"
    assert wide[3] == pytest.approx(2 * wide[2]), "16 channels and 8"
    assert extent([sides[1]])[0] == pytest.approx(2 * extent([sides[2]])[0])


@pytest.mark.parametrize(
    "choice", [(0, 4, 5, 0, 512, 0.8), (4, 32, 5, 3, 512, 0.8), (4, 4, 3, 0, 16, 0.8), (1, 32, 3, 3, 16, 0.0)]
)
def test_no_words_of_a_drawn_network_meet(choice):
    figure = draw_network(build_network(*choice)[0])
    canvas = FigureCanvasAgg(figure)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in figure.axes[0].texts if text.get_text()]
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 + 3 < other.y1 and other.y0 + 3 < one.y1)
    assert figure.get_figwidth() < 14


@pytest.fixture
def data(sample):
    from utils.reader import scale_pixels

    return (
        scale_pixels(sample.x_train[:1500]),
        sample.y_train[:1500],
        scale_pixels(sample.x_test[:200]),
        sample.y_test[:200],
    )


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_experiments_with_the_same_settings_give_the_same(data):
    from threading import Event

    from utils.widgets.screens import Screen

    experiments = Experiments(*data)
    settings = Settings(images=500, epochs=2, dropout=0.2)
    first, second = (experiments.train(settings, Screen(), Event()) for _ in range(2))
    assert first.loss == pytest.approx(second.loss, rel=1e-3)
    assert [run.live.name[:2] for run in experiments.runs] == ["1.", "2."]
    assert len(experiments.figure().legends[0].get_texts()) == 5
    assert experiments.table().count("<tr>") == 3


def test_the_experiment_panel_runs_stops_and_clears(data):
    """A click must start a run, another must end it, and the table must tell."""
    panel = try_training(*data, first=[{"images": 500, "epochs": 1}])
    run, stop, clear = find(panel, ipywidgets.Button)
    table = find(panel, ipywidgets.HTML)[1]
    assert table.value.count("<tr>") == 2
    find(panel, ipywidgets.IntSlider, "Epochs")[0].value = 2
    run.click()
    assert (run.disabled, stop.disabled) == (True, False)
    wait(lambda: not run.disabled)
    assert table.value.count("<tr>") == 3
    assert "stopped" not in table.value

    find(panel, ipywidgets.IntSlider, "Epochs")[0].value = 20
    find(panel, ipywidgets.SelectionSlider, "Batch size")[0].value = 8
    run.click()
    wait(lambda: re.search(r"epoch ([2-9]|1\d) of 20", find(panel, ipywidgets.HTML)[0].value))
    stop.click()
    wait(lambda: not run.disabled)
    assert table.value.count("<tr>") == 4
    assert "stopped" in table.value
    assert "Stopped" in find(panel, ipywidgets.HTML)[0].value
    clear.click()
    assert "No run yet" in table.value


def test_a_cell_that_is_run_again_stops_the_run_of_its_old_panel(data):
    old = try_training(*data)
    find(old, ipywidgets.IntSlider, "Epochs")[0].value = 20
    find(old, ipywidgets.SelectionSlider, "Batch size")[0].value = 8
    find(old, ipywidgets.Button)[0].click()
    wait(lambda: "epoch" in find(old, ipywidgets.HTML)[0].value)
    new = try_training(*data)
    find(new, ipywidgets.IntSlider, "Epochs")[0].value = 1
    find(new, ipywidgets.Button)[0].click()
    wait(lambda: not find(new, ipywidgets.Button)[0].disabled)
    assert "stopped" in find(old, ipywidgets.HTML)[1].value
    assert find(new, ipywidgets.HTML)[1].value.count("<tr>") == 2


def test_a_run_that_fails_says_so(data, monkeypatch):
    panel = try_training(*data)
    monkeypatch.setattr(experiment, "BUILDERS", {"mlp": None})
    run = find(panel, ipywidgets.Button)[0]
    run.click()
    wait(lambda: not run.disabled)
    assert "The run failed" in find(panel, ipywidgets.HTML)[0].value


@pytest.fixture
def judged():
    labels = np.repeat(np.arange(10), 10)
    table = np.full((100, 10), 0.02)
    table[np.arange(100), labels] = 0.82
    table[3] = table[4] = 0.05
    table[3, 8] = table[4, 8] = 0.55  # two 0s taken for 8s
    return np.random.default_rng(0).integers(0, 256, (100, 28, 28)).astype(np.uint8), labels, table


def test_a_click_on_the_confusion_matrix_shows_its_images(judged):
    panel = browse_confusion(*judged)
    buttons = {button.tooltip: button for button in find(panel, ipywidgets.Button)}
    assert len(buttons) == 11, "a button for each field that is not empty"
    assert buttons["0 taken for 8: 2 images"].style.font_weight == "bold", "it begins with the worst"
    before = picture_of(panel)
    buttons["7 read as 7: 10 images"].click()
    assert picture_of(panel) != before
    assert "7 read as 7: 10 images" in find(panel, ipywidgets.HTML)[-1].value
    assert buttons["0 taken for 8: 2 images"].style.font_weight == "normal"


def test_a_network_without_mistakes_has_a_matrix_too(judged):
    images, labels, _ = judged
    panel = browse_confusion(images, labels, np.eye(10)[labels])
    assert len(find(panel, ipywidgets.Button)) == 10


def test_the_threshold_says_what_is_left(judged):
    _, labels, table = judged
    panel = try_threshold(labels, table)
    (slider,), words = find(panel, ipywidgets.SelectionSlider), find(panel, ipywidgets.HTML)[0]
    assert "reads <b>100.00%</b>" in words.value
    slider.value = 0.9
    assert "reads <b>0.00%</b>" in words.value
    slider.value = 0.6
    assert "reads <b>98.00%</b> of the images, 100.00% of them correctly (0 wrong), and refuses 2." in words.value
    slider.value = 0.5
    assert "reads <b>100.00%</b> of the images, 98.00% of them correctly (2 wrong), and refuses 0." in words.value


def test_feature_maps_are_what_the_layers_give(cnn, sample):
    maps = feature_maps(cnn, sample.x_test[0])
    assert [found.shape for found in maps.values()] == [(14, 14, 24), (7, 7, 48), (3, 3, 96), (1, 1, 192)]
    last = list(maps.values())[-1].reshape(1, -1)
    (by_hand,) = keras.ops.convert_to_numpy(cnn.layers[-1](last))
    assert np.allclose(by_hand, predict_probabilities(cnn, sample.x_test[:1])[0], atol=1e-4)


def test_a_network_that_cannot_be_looked_into_is_named(sample):
    """As the CNN of the builder in notebook 05, whose ReLU is part of the convolution."""
    with pytest.raises(DigitsError, match="has no ReLU layer of its own"):
        feature_maps(build_network(2, 8, 3, 1, 16, 0)[0], sample.x_test[0])


def test_looking_inside_a_narrow_network(sample):
    """A pupil builds one with four filters."""
    panel = look_inside(build_cnn(0, 4), sample.x_test[:1])
    assert picture_of(panel)


def test_the_occlusion_map_finds_what_matters(cnn, draw):
    """Where a 7 loses its bar, it is no longer a 7; where there is no ink, nothing changes."""
    image = normalise_digit(255 - draw("7"))
    digit, drop = occlusion_map(cnn, image)
    assert digit == 7
    assert drop.max() > 1
    far = cv2.dilate((image > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    assert np.allclose(drop[far], 0, atol=1e-2)


def test_looking_inside_follows_the_sliders_and_the_pad(cnn, sample, tmp_path):
    pad = drawing_pad(cnn, tmp_path)
    panel = look_inside(cnn, sample.x_test[:5], pad)
    which, block = find(panel, ipywidgets.IntSlider)
    assert (which.max, block.max) == (5, 4)
    seen = [picture_of(panel)]
    for slider in (which, block):
        slider.value += 1
        seen.append(picture_of(panel))
    draw_on(pad, read_image(digits_folder() / "42-pen.png"))
    wait(lambda: picture_of(panel) not in seen)
    seen.append(picture_of(panel))
    assert (which.value, which.max) == (1, 2)
    assert len(set(seen)) == 4


def test_looking_again_takes_the_place_of_the_first_look(cnn, sample, tmp_path):
    """A cell that is run again must not leave a second one that draws at each stroke, unseen."""
    pad = drawing_pad(cnn, tmp_path)
    first, second = (look_inside(cnn, sample.x_test[:5], pad) for _ in range(2))
    before = picture_of(first)
    draw_on(pad, read_image(digits_folder() / "42-pen.png"))
    wait(lambda: picture_of(second) != before)
    assert picture_of(first) == before


def test_looking_into_a_network_without_convolutions_says_what_it_needs(sample):
    with pytest.raises(DigitsError, match="has no convolution"):
        look_inside(build_mlp(), sample.x_test[:5])


def as_png(page):
    file = io.BytesIO()
    Image.fromarray(page).save(file, "png")
    return file.getvalue()


def draw_on(pad, page):
    """Hand the pad a picture as the browser does when the pen lifts."""
    find(pad, Pad)[0].base64 = base64.b64encode(as_png(page)).decode()


def upload(pad, name, content, piece=10_000):
    """Send a file as the browser does, in pieces."""
    pieces = [content[i : i + piece] for i in range(0, len(content), piece)] or [b""]
    for number, part in enumerate(pieces):
        find(pad, Upload)[0].receive({"name": name, "piece": number, "pieces": len(pieces)}, [memoryview(part)])


def test_the_pad_reads_what_is_drawn(cnn, tmp_path, draw):
    pad = drawing_pad(cnn, tmp_path)
    (result,) = find(pad, ipywidgets.HTML)[-1:]
    assert "Draw a digit" in result.value
    draw_on(pad, draw("42"))
    assert pad.reading.text == "42"
    assert ">42</b>" in result.value
    assert result.value.count("pixelated") == 2, "what the network sees of each"
    assert find(pad, ipywidgets.Text)[0].value == "42"
    draw_on(pad, draw("KARWEN"))
    assert "(this does not look like digits)" in result.value
    draw_on(pad, np.full((280, 460), 255, np.uint8))
    assert pad.reading.digits == []
    assert "Draw a digit" in result.value
    assert find(pad, ipywidgets.Button, "Save to " + tmp_path.name + "/")[0].disabled


def test_the_pad_reads_a_file_or_says_why_not(cnn, tmp_path):
    pad = drawing_pad(cnn, tmp_path)
    (result,) = find(pad, ipywidgets.HTML)[-1:]
    upload(pad, "lines.png", (digits_folder() / "1789_2026-lines.png").read_bytes())
    assert pad.reading.text == "1789\n2026"
    assert "1789<br>2026" in result.value
    upload(pad, "<note>.txt", b"no image")
    assert "&lt;note&gt;.txt is not an image that can be read: save it again as PNG or JPEG." in result.value
    assert pad.reading.digits == []
    upload(pad, "white.png", as_png(np.full((50, 50), 255, np.uint8)))
    assert "No digit found: white.png has one colour only." in result.value
    upload(pad, "empty.png", b"")
    assert "empty.png is empty: save it again as PNG or JPEG." in result.value
    upload(pad, "lines.png", (digits_folder() / "1789_2026-lines.png").read_bytes())
    dots = np.full((1600, 1600), 255, np.uint8)
    for shift in range(6):
        dots[shift::9, ::9] = dots[shift::9, 1::9] = dots[shift::9, 2::9] = 0
    upload(pad, "dots.png", as_png(dots))
    assert "too many marks" in result.value
    assert pad.reading.digits == []
    assert find(pad, ipywidgets.Button)[-1].disabled, "what was read before is not saved under this name"


def test_the_pad_saves_the_drawing_with_its_label(cnn, tmp_path, draw):
    pad = drawing_pad(cnn, tmp_path)
    draw_on(pad, draw("7"))
    label, save = find(pad, ipywidgets.Text)[0], find(pad, ipywidgets.Button)[-1]
    save.click()
    label.value, save.disabled = "1", False
    save.click()
    assert read_labels(tmp_path) == {tmp_path / "7-mine.png": "7", tmp_path / "1-mine.png": "1"}
    assert np.array_equal(read_image(tmp_path / "7-mine.png"), draw("7"))
    label.value = "seven"
    save.click()
    assert "is no label" in find(pad, ipywidgets.HTML)[0].value
    assert len(list(tmp_path.glob("*.png"))) == 2
