"""Without these, the rooms of utils grow together again, and whoever opens one has to know them all."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat
import pytest

from tests.series import NOTEBOOKS
from utils.paths import ROOT

#: From the ground up: a module imports from its own room and from floors below.
FLOORS = (
    {"utils.errors", "utils.quiet"},
    {"utils"},
    {"utils.paths"},
    {"utils.mnist"},
    {"utils.plots"},
    {"utils.reader"},
    {"utils.networks"},
    {"utils.widgets", "utils.service", "utils.browser"},
    {"utils.lesson"},
    {"utils.teaching"},
    {"utils.check"},
    {"utils.cli"},
    {"utils.__main__"},
)
TOPS = ("utils", "tests", "digits", "notebooks", "teaching")
ROOMS = tuple(f"utils.{name}" for name in ["reader", "networks", "widgets", "service", "browser", "lesson", "teaching"])
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "utils").rglob("*.py"))
}


def imports(source: str) -> Iterator[str]:
    """What a piece of code imports from utils, wherever in it: the module, or the module's name and the name in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "utils")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "utils":
            yield from (
                f"{node.module}.{name.name}" if f"{node.module}.{name.name}" in MODULES else node.module
                for name in node.names
            )


def room_of(module: str) -> str:
    """The room that a module is in; a module that stands alone is its own."""
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), module)


def floor_of(module: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if room_of(module) in floor)


def reaching_in(source: str, home: str | None) -> list[str]:
    """The imports that go past a door, in code of some room."""
    return [module for module in imports(source) if room_of(module) not in (module, home)]


def code_of(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


def test_every_module_stands_on_a_floor():
    assert {room_of(module) for module in MODULES} == set().union(*FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downwards(module):
    """A circle, or an arrow that runs up, and no room can be understood without the rooms above it."""
    for other in imports(MODULES[module].read_text(encoding="utf-8")):
        if room_of(other) != room_of(module):
            assert floor_of(other) < floor_of(module), f"{module} imports {other}"


def test_there_is_no_circle_within_a_room():
    graph = {module: set(imports(path.read_text(encoding="utf-8"))) - {module} for module, path in MODULES.items()}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize(
    "path", [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)  # fmt: skip
def test_nobody_reaches_past_a_door(path):
    """What is behind a door can be changed without asking; a room's own tests stand inside it."""
    parts = path.relative_to(ROOT).parts
    home = f"utils.{parts[1]}" if parts[0] in ("utils", "tests") and len(parts) > 2 else None
    assert reaching_in(path.read_text(encoding="utf-8"), home) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_use_the_doors_and_few_of_them(path):
    """A student reads the set-up cell first."""
    assert reaching_in(code_of(path), None) == []
    setup = next(cell for cell in nbformat.read(path, as_version=4).cells if "\nfrom utils" in cell.source).source
    assert sum(line.startswith("from utils") for line in setup.splitlines()) <= 6


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_says_what_it_is_for_and_offers_what_there_is(room):
    door = importlib.import_module(room)
    assert "In go" in door.__doc__
    for name in door.__all__:
        assert getattr(door, name) is not None


HEAVY = {
    "utils.reader": ("tensorflow", "keras", "matplotlib"),
    "utils.service": ("tensorflow", "keras", "matplotlib"),
    "utils.networks": ("tensorflow", "keras"),
    "utils.widgets": ("tensorflow", "keras"),
    "utils.lesson": ("tensorflow", "keras", "matplotlib"),
    "utils.cli": ("tensorflow", "keras", "numpy", "matplotlib"),
}


def loaded_by(code: str, names: tuple[str, ...]) -> str:
    """Run code in a fresh Python, and return which of the named packages it has loaded."""
    code += f"\nimport sys; print(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", HEAVY)
def test_opening_a_door_loads_nothing_heavy(module):
    """A service that reads digits must not wait, or pay, for what trains networks."""
    assert loaded_by(f"import {module}", HEAVY[module]) == ""


def test_everything_behind_the_light_doors_is_light():
    """All that the reader and the service offer, not only their doors; the sheet of a reading is a figure."""
    code = "import utils.reader, utils.service\n"
    code += "[getattr(door, name) for door in (utils.reader, utils.service) for name in door.__all__]"
    assert loaded_by(code, ("tensorflow", "keras")) == ""
    assert loaded_by("from utils.service import create_app, serve", ("matplotlib",)) == ""


def test_a_violation_is_noticed():
    """Tests that find nothing prove nothing, unless they would find something."""
    assert reaching_in("from utils.reader.ink import extract_ink", None) == ["utils.reader.ink"]
    assert reaching_in("def f():\n    import utils.widgets.pad", "utils.networks") == ["utils.widgets.pad"]
    assert reaching_in("from utils.reader.ink import extract_ink", "utils.reader") == []
    assert list(imports("from utils import reader\nfrom utils.reader import ink, read_image")) == [
        "utils.reader", "utils.reader.ink", "utils.reader",
    ]  # fmt: skip
    assert floor_of("utils.networks.training") < floor_of("utils.widgets.live")
    assert loaded_by("import utils.networks as n; n.build_mlp", ("tensorflow", "keras")) == "tensorflow keras"


@pytest.mark.parametrize("package", ["keras", "tensorflow"])
def test_tensorflow_starts_without_a_word(package):
    """Its notes about processors look like errors to a student; KERAS_BACKEND may name what is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", f"import utils\nimport {package}\nimport keras; print(keras.backend.backend())"],
        cwd=ROOT, env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("tensorflow\n", "")
