"""The worksheets to print. Without these, a class computes by hand what the answer sheet has otherwise."""

import importlib.util
import io
import json
import re
import tomllib
import zlib
from importlib import metadata

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.networks import FORMS, draw_form, load_model, shipped_models
from utils.paths import ROOT
from utils.reader import Reading, read_image, read_page

FOLDER = ROOT / "teaching" / "worksheets"
NUMBERS = tomllib.loads((FOLDER / "numbers.toml").read_text(encoding="utf-8"))
SHEETS = ("pixels", "by-hand", "write-and-photograph")
#: Dots per inch at which the sheet is "photographed": a row of digits then has the pixels that a phone gives it.
PPI = 150


@pytest.fixture(scope="module")
def make():
    """The script that makes the PDFs."""
    pytest.importorskip("typst", reason="needs typst, which makes the worksheets (requirements-dev.txt)")
    spec = importlib.util.spec_from_file_location("make_worksheets", FOLDER / "make.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def page(make):
    """The side of the sheet that is written on, printed: ``(H, W) uint8``."""
    _, writing = make.make_pages("write-and-photograph", answers=False, ppi=PPI)
    return np.array(Image.open(io.BytesIO(writing)).convert("L"))


@pytest.fixture(scope="module")
def model():
    return load_model(shipped_models() / "cnn.keras")


def shown(number, digits=3):
    """A number as the sheets print it."""
    return f"{round(float(number), digits) + 0:g}".replace("-", "−")


def answers_on(make, name):
    """What stands on an answer sheet, by its key."""
    import typst

    found = typst.query(FOLDER / f"{name}.typ", "<answer>", field="value", **make.settings(answers=True))
    answers = json.loads(found)
    assert len({one["key"] for one in answers}) == len(answers)
    return {one["key"]: one["shown"] for one in answers}


def test_pixels_answers(make):
    pixels = NUMBERS["pixels"]
    image, own = np.array(pixels["image"], np.uint8), np.array(pixels["example"], np.uint8)
    assert own.shape == (pixels["own"], pixels["own"])
    assert set(np.unique(image)) | set(np.unique(own)) <= set(pixels["levels"])
    (total,) = np.array(pixels["byte"][:1], np.uint8) + np.array(pixels["byte"][1:], np.uint8)
    dark = image >= pixels["dark"]
    moved = np.zeros_like(dark)
    moved[:, pixels["move"] :] = dark[:, : -pixels["move"]]
    assert not dark[:, -pixels["move"] :].any(), "nothing leaves the image"
    assert answers_on(make, "pixels") == {
        "numbers": f"{own.size:,}",
        "mnist": f"{28 * 28:,}",
        "paper": "0",
        "ink": "255",
        "values": f"{2**8}",
        "need": f"no: {['four', 'five', 'six'][len(pixels['levels']) - 4]} will do",
        "seen": "the one that you drew",
        "digit": f"{pixels['digit']}",
        "look": f"{image[tuple(pixels['look'])]}",
        "row": f"{image[pixels['row']].sum():,}",
        "inverted": f"{(255 - image)[tuple(pixels['look'])]}",
        "negative": "white ink on black paper",
        "byte": f"{total}",
        "dark": f"{dark.sum()}",
        "shared": f"{(dark & moved).sum()}",
        "why": "Most of the ink is in other squares now.",
    }
    assert (dark & moved).sum() < dark.sum() / 2


def test_the_digits_of_numbers_are_read(model):
    """What a class shades for ten minutes should be a digit in the end."""
    for rows, digit in (("image", NUMBERS["pixels"]["digit"]), ("example", NUMBERS["pixels"]["example_digit"])):
        image = np.array(NUMBERS["pixels"][rows], np.uint8)
        large = cv2.resize(255 - image, None, fx=20, fy=20, interpolation=cv2.INTER_CUBIC)  # as from across the room
        assert Reading("", read_page(model, large)[0]).text == f"{digit}"


def neuron_answers():
    neuron = NUMBERS["neuron"]
    weights, bias = np.array(neuron["weights"]), neuron["bias"]
    answers = {}
    for name, inputs in zip(("first", "second"), np.array(neuron["inputs"]), strict=True):
        total = inputs @ weights + bias
        answers |= {f"{name} product {index}": shown(product) for index, product in enumerate(inputs * weights)}
        answers |= {f"{name} sum": shown(total), f"{name} output": shown(np.maximum(total, 0))}

    def change(inputs, place, after=lambda total: total):
        nudge = 0.1 * np.eye(len(weights))[place]
        return shown(after((inputs + nudge) @ weights + bias) - after(inputs @ weights + bias))

    first, second = np.array(neuron["inputs"])
    inputs, units = neuron["layer"]
    assert first @ weights + bias > 0
    return answers | {
        "nudge": change(first, 0),
        "shut": change(second, 1, lambda total: np.maximum(total, 0)),
        "shut why": "the sum stays negative",
        "parameters": f"{len(weights) + 1}",
        "layer": f"{np.zeros((inputs, units)).size + np.zeros(units).size:,}",
    }


def convolution_answers():
    convolution = NUMBERS["convolution"]
    image, kernel = np.array(convolution["image"]), np.array(convolution["filter"])

    def respond(image):
        windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
        return (windows * kernel).sum(axis=(2, 3))

    responses = respond(image)
    pooled = np.maximum(responses, 0).reshape(2, 2, 2, 2).max(axis=(1, 3))
    moved = np.zeros_like(image)
    moved[:, :-1] = image[:, 1:]
    assert not image[:, 0].any(), "no ink leaves the image"
    assert np.array_equal(respond(moved)[:, :3], responses[:, 1:])
    to_compute = range(convolution["given"], len(responses))
    return {
        **{f"map {row} {column}": shown(responses[row, column]) for row in to_compute for column in range(4)},
        **{f"pooled {row} {column}": shown(pooled[row, column]) for row in range(2) for column in range(2)},
        "looks for": "left edges: light on the left, ink on the right",
        "size": f"{responses.shape[1]}",
        "mnist map": f"{respond(np.zeros((convolution['side'], convolution['side']))).shape[1]}",
        "moved": "its first three: the last three of the old map",
        "shared weights": f"{kernel.size}",
        "dense weights": f"{image.size * responses.size:,}",
    }


def softmax_answers():
    softmax = NUMBERS["softmax"]
    logits, right = np.log(softmax["powers"]), softmax["right"]

    def probabilities(logits):
        return np.exp(logits) / np.exp(logits).sum()

    p = probabilities(logits)
    one_hot = np.eye(3)[right]
    slopes = softmax["pixel"] * (p - one_hot)
    rows = {
        "power": np.exp(logits),
        "probability": p,
        "due": one_hot,
        "error": p - one_hot,
        "slope": slopes,
        "change": -softmax["rate"] * slopes,
    }
    assert np.allclose(np.exp(np.round(logits, 2)), softmax["powers"], atol=0.011), "right to two digits"
    assert np.allclose(p, probabilities(logits + softmax["added"]))
    assert np.argmin(p - one_hot) == right
    loss, equal = -np.log(p[right]), -np.log(probabilities(np.zeros(3))[right])
    return {
        **{f"{name} {digit}": shown(value) for name, row in rows.items() for digit, value in enumerate(row)},
        "sum": shown(np.exp(logits).sum()),
        "sum of p": shown(p.sum()),
        "sum of errors": shown((p - one_hot).sum()),
        "loss": f"{loss:.2f}",
        "loss of equal": f"{equal:.2f}",
        "better": "better" if loss < equal else "worse",
        "read": f"{p.argmax()}",
        "rise": f"that of the {right}",
        "powers change": "yes",
        "probabilities change": "no",
        "added why": "all powers grow by the same factor",
        "empty": "not at all",
        "empty why": "slope = 0 × error = 0",
    }


def test_by_hand_answers(make):
    assert answers_on(make, "by-hand") == neuron_answers() | convolution_answers() | softmax_answers()


def test_the_numbers_by_hand_come_out_well():
    """Whoever has 0.3333 in every line practises rounding."""
    for key, value in (neuron_answers() | convolution_answers() | softmax_answers()).items():
        if re.fullmatch(r"−?[\d.]+", value):
            assert len(value.lstrip("−").replace("0.", "").replace(".", "")) <= 3, key


def test_photograph_answers(make):
    lines, right = NUMBERS["page"]["lines"], NUMBERS["page"]["right"]
    total = len("".join(lines))
    share, z = right / total, 1.96
    # the p at which the count is z standard errors away: a quadratic equation
    low, high = np.sort(np.roots([1 + z**2 / total, -(2 * share + z**2 / total), share**2]))
    assert answers_on(make, "write-and-photograph") == {
        "lines": " / ".join(lines),
        "low": shown(100 * low, 0),
        "high": shown(100 * high, 0),
    }
    assert all(len(line) == NUMBERS["page"]["columns"] for line in lines)
    assert all("".join(lines).count(digit) == len(lines) for digit in "0123456789")


def write(page, lines, seed=0, color=40):
    """Write digits into the fields of the page with a pen: no two alike, and not all on the foot of the row."""
    layout, rng = NUMBERS["page"], np.random.default_rng(seed)
    dots = PPI / 25.4
    written = page.astype(np.float32)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            form = FORMS[int(digit)][rng.integers(3)]
            ink = draw_form(form, round(layout["height"] * dots * rng.uniform(0.6, 0.85)), round(dots), rng)
            factor = min(1, 0.75 * layout["width"] * dots / ink.shape[1])
            ink = cv2.resize(ink, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            h, w = ink.shape
            x = (layout["left"] + (column + rng.uniform(0.45, 0.55)) * layout["width"]) * dots - w / 2
            y = (layout["top"] + row * layout["pitch"] + layout["height"] * rng.uniform(0.9, 1.05)) * dots - h
            window = written[round(y) : round(y) + h, round(x) : round(x) + w]
            window[:] = np.minimum(window, 255 - ink / 255 * (255 - color))
    return written.astype(np.uint8)


@pytest.fixture(scope="module")
def photograph():
    """How a page is photographed: the functions that make the photos of digits/."""
    spec = importlib.util.spec_from_file_location("make_digits", ROOT / "digits" / "make_digits.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def take(grey, kind):
        if kind == "scan":
            return grey
        rng, colors = np.random.default_rng(0), np.repeat(grey[..., None], 3, axis=2)
        if kind == "photo":
            photo = script.photograph(colors, rng, turn=1)
        else:
            photo = script.photograph_sheet(colors, rng, "wood", turn=4, lean=10, share=0.85, shape=(1600, 1300))
        return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)

    return take


@pytest.mark.parametrize("kind", ["scan", "photo", "on a desk"])
def test_the_empty_page_holds_no_digit(page, model, photograph, kind):
    """With printed squares in place of the dots, each of them would be read."""
    assert read_page(model, photograph(page, kind))[0] == []


@pytest.mark.parametrize("kind", ["scan", "photo", "on a desk"])
def test_what_is_written_on_the_page_is_read(page, model, photograph, kind):
    lines = NUMBERS["page"]["lines"]
    digits, _ = read_page(model, photograph(write(page, lines), kind))
    assert Reading("", digits).text == "\n".join(lines)


@pytest.mark.parametrize("answers", [False, True], ids=["sheet", "answers"])
@pytest.mark.parametrize("name", SHEETS)
def test_nothing_is_cut_off_and_nothing_needs_colour(make, name, answers):
    """A school's printer leaves up to a centimetre of an A4 sheet white, and prints in black."""
    for number, png in enumerate(make.make_pages(name, answers, PPI), start=1):
        picture = np.array(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
        assert np.allclose(np.array(picture.shape[:2]) / PPI * 25.4, (297, 210), atol=0.5)
        assert np.ptp(picture, axis=2).max() == 0, f"page {number} has colours"
        rows, columns = (np.flatnonzero((picture[..., 0] < 250).any(axis=axis)) for axis in (1, 0))
        margins = rows[0], columns[0], picture.shape[0] - 1 - rows[-1], picture.shape[1] - 1 - columns[-1]
        assert min(margins) / PPI * 25.4 >= 10, f"page {number}"


@pytest.mark.parametrize("answers", [False, True], ids=["sheet", "answers"])
@pytest.mark.parametrize("name", SHEETS)
def test_the_pdfs_are_those_that_the_script_makes(make, name, answers):
    """A number that was changed in one place only, and a class has the old sheet with the new answers."""
    pinned = re.search(r"^typst==(\S+)", (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    if metadata.version("typst") != pinned:
        pytest.skip(f"the PDFs are made with typst {pinned}: another version may lay them out otherwise")
    assert make.pdf_path(name, answers).read_bytes() == make.make_pdf(name, answers)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.pdf")), ids=lambda path: path.stem)
def test_a_pdf_prints_anywhere(path):
    """A font that the school's printer lacks is replaced, and a minus becomes a box."""
    data = path.read_bytes()
    assert len(data) < 100_000
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    inflated = data + b"".join(filter(None, map(_inflate, streams)))
    fonts = set(re.findall(rb"/BaseFont\s*/(?:[A-Z]{6}\+)?([\w-]+?)(?:-Identity-H)?\s*[/>]", inflated))
    families = {re.split(rb"-", font)[0] for font in fonts}
    assert families <= {b"LibertinusSerif", b"NewCMMath", b"DejaVuSansMono"}
    assert len(re.findall(rb"/FontFile\d?\b", inflated)) >= len(fonts)
    assert len(list(FOLDER.glob("*.pdf"))) == 2 * len(SHEETS)


def _inflate(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return None


def test_every_sheet_is_made(make):
    assert make.SHEETS == SHEETS
    assert {path.stem for path in FOLDER.glob("*.typ")} == {*SHEETS, "style"}


def test_the_page_can_be_read_from_a_file(page, model, save):
    """The way that the sheet names: `python -m utils predict photo.jpg`."""
    path = save("photo.jpg", write(page, NUMBERS["page"]["lines"][:1]), quality=90)
    assert Reading("", read_page(model, read_image(path))[0]).text == NUMBERS["page"]["lines"][0]
