"""The reader in JavaScript reads what the one in Python reads.

Without these, the two drift apart, and a class's page reads other digits than the notebook that explains how.
"""

import ast
import importlib
import importlib.util
import re

import numpy as np
import pytest
from visiting import read_there

from utils.networks import load_model, shipped_models
from utils.paths import ROOT
from utils.reader import Reading, list_images, read_image, read_page, shipped_digits

PYTHON, JAVASCRIPT = ROOT / "utils" / "reader", ROOT / "utils" / "browser" / "reader"
#: The modules that both have, and that do the same in both. (Files are opened in another way by a browser.)
WHOLE = sorted(
    {path.stem for path in JAVASCRIPT.glob("*.js")}
    & {path.stem for path in PYTHON.glob("*.py")} - {"decoding", "exported", "images"}
)
#: This share of the texts is the same, at least.
SAME = 0.995


@pytest.fixture(scope="module")
def model():
    return load_model(shipped_models() / "cnn.keras")


@pytest.fixture(scope="module")
def benchmark():
    """The kinds of pages that ``tests/benchmarks/reading.py`` draws."""
    spec = importlib.util.spec_from_file_location("reading", ROOT / "tests" / "benchmarks" / "reading.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_here(model, grey):
    return Reading("", read_page(model, grey)[0]).record()


def differences(page, model, images):
    """Read images in both, and list those of which the texts, with what is sure, are not the same."""
    found = []
    for name, grey, image in images:
        here, there = read_here(model, grey), read_there(page, image, name)
        if there.get("error"):
            found.append((name, here["text"], there["error"]))
            continue
        marked = [[(digit["digit"], digit["confident"]) for digit in one["digits"]] for one in (here, there)]
        if here["text"] != there["text"] or marked[0] != marked[1] or here["note"] != there["note"]:
            found.append((name, here["text"], there["text"]))
    return found


def images_of_all_kinds(benchmark, mnist):
    """The files of ``digits/`` as they are; a page of each kind that the benchmark draws; and MNIST's own images."""
    files = [file for file in list_images([shipped_digits()]) if file.suffix.lower() not in (".tif", ".tiff", ".heic")]
    yield from ((file.name, read_image(file), file) for file in files)
    for kind, draw in benchmark.KINDS.items():
        yield from ((kind, grey, grey) for _, grey in benchmark.make_pages(draw, mnist, 1))
    yield from ((f"{number}.png", 255 - one, 255 - one) for number, one in enumerate(mnist.x_test[:400]))


def test_it_reads_the_same(visit, model, benchmark, sample):
    """Drawings, photos, squared paper, desks, single digits: what a class tries, it reads as the notebook does.

    The two may differ where a pixel is on a threshold: OpenCV for Python computes some steps with Intel's library, the
    browser's with its own code. The grain of a page of noise shows it.
    """
    images = list(images_of_all_kinds(benchmark, sample))
    assert len(images) > 500
    found = differences(visit(), model, images)
    assert len(found) <= (1 - SAME) * len(images), found
    assert not [name for name, *_ in found if (shipped_digits() / name).exists()]


def constants_of_python(module):
    """The numbers at the top of a module, by their names; of several, and of named ones, each."""
    names = vars(importlib.import_module(f"utils.reader.{module}"))
    written = re.findall(r"^([A-Z][A-Z_, ]*) = ", (PYTHON / f"{module}.py").read_text(encoding="utf-8"), re.MULTILINE)
    return {name: numbers(names[name]) for line in written for name in line.split(", ") if name in names}


def numbers(value):
    """The numbers in a constant, in their order, without keys."""
    values = value.values() if isinstance(value, dict) else np.ravel(np.array(value, object))
    return [float(one) for one in values if isinstance(one, (int, float, np.number))]


def constants_of_javascript(module):
    code = (JAVASCRIPT / f"{module}.js").read_text(encoding="utf-8")
    found = {}
    for names, value in re.findall(r"^(?:export )?const ([A-Z][A-Z_]*|\[[A-Z_, ]+\]) = ([^;]+);", code, re.MULTILINE):
        value = re.sub(r"\w+: ", "", value)  # the keys
        each = [one for one in re.split(r"[\s,\[\]{}]+", value) if re.match(r"-?[\d.]", one)]
        if names.startswith("["):
            found |= {name: [number] for name, number in zip(names.strip("[]").split(", "), each, strict=True)}
        else:
            found[names] = each if "/" not in value else [value]
    return {name: [arithmetic(one) for one in each] for name, each in found.items()}


def arithmetic(text):
    """What a number comes to, or two with a stroke between them."""
    top, _, bottom = text.replace("_", "").partition("/")
    return float(top) / float(bottom or 1)


@pytest.mark.parametrize("module", WHOLE)
def test_the_constants_are_the_same(module):
    """A limit that is changed on one side alone shows on no page of the tests, and on some of a class."""
    python, javascript = constants_of_python(module), constants_of_javascript(module)
    if "SIDE" not in python:  # that of MNIST's images
        assert javascript.pop("SIDE", [28]) == [28]
    assert {name: value for name, value in python.items() if value} == {
        name: pytest.approx(value) for name, value in javascript.items() if value
    }


def in_camels(name):
    head, *rest = name.strip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


@pytest.mark.parametrize("module", WHOLE)
def test_the_steps_are_the_same_under_the_same_names(module):
    """Whoever knows one reader knows both: a step that is added, renamed or taken away on one side alone fails here."""
    tree = ast.parse((PYTHON / f"{module}.py").read_text(encoding="utf-8"))
    steps = {in_camels(node.name) for node in tree.body if isinstance(node, ast.FunctionDef)} - {"compile"}
    code = (JAVASCRIPT / f"{module}.js").read_text(encoding="utf-8")
    defined = set(re.findall(r"^(?:export )?(?:async )?(?:function\*? |const )(\w+)", code, re.MULTILINE))
    assert steps - defined == set()


def test_no_step_is_left_out():
    """A module of the reader that is new in Python has its counterpart; these need none: they are about files."""
    for_files = {"__init__", "labels", "scoring", "sheet", "manner", "decoding", "exported", "images"}
    assert {path.stem for path in PYTHON.glob("*.py")} - for_files == set(WHOLE)


def test_a_probability_is_the_same(visit, model):
    """Not the text alone: what a page shows as 99.1% is that in the notebook, too."""
    file = next(file for file in list_images([shipped_digits()]) if file.suffix == ".png")
    here, there = read_here(model, read_image(file)), read_there(visit(), file)
    for one, other in zip(here["digits"], there["digits"], strict=True):
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=2e-4)
        assert one["box"] == other["box"]
