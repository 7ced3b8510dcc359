"""Without these, the set-up, the README and the notebooks' form drift apart, and a newcomer is the first to notice."""

import importlib
import re
import tomllib

import nbformat
import numpy as np
import pytest
from ipykernel.ipkernel import IPythonKernel

from tests.series import NOTEBOOKS
from utils.check import pinned_packages
from utils.mnist import load_mnist
from utils.paths import ROOT
from utils.reader import add_labelled, read_image, read_labels

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: What people read beside the notebooks.
PAGES = [
    ROOT / name for name in ("README.md", "utils/README.md", "tests/benchmarks/README.md", "models/README.md")
] + sorted((ROOT / "teaching").rglob("*.md"))
INSTALL = "python -m pip install -r requirements.txt"


def test_every_requirement_is_pinned_and_has_its_reason():
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w-]+==[\d.]+  # .{20,}", line), line


def test_the_lock_file_pins_the_same_and_all_with_their_hashes():
    """A school that insists on hashes would install another series than the one that is tested."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", "")
    entries = re.findall(r"^([\w.-]+)==(\S+)(.*)$", lock, re.MULTILINE)
    assert len(entries) > 100
    assert all("--hash=sha256:" in rest for _, _, rest in entries)
    locked = {name: version for name, version, _ in entries}
    pinned = {name.lower().replace("_", "-"): version for name, version in pinned_packages().items()}
    assert {name: locked.get(name) for name in pinned} == pinned


def test_conda_installs_the_same():
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert "      - -r requirements.txt" in environment.splitlines()
    assert re.search(r"^  - python=3\.(11|12|13)\b", environment, re.MULTILINE)
    assert not re.search(r"^ +- (?!python=|pip\b|pip:|conda-forge|-r )", environment, re.MULTILINE)


def test_the_readme_s_commands():
    assert f"{INSTALL} && python -m jupyterlab" in README
    assert f"{INSTALL} && python -m pytest" in README
    assert "conda env create -f environment.yml" in README
    assert "--allow-root" in README
    assert "opencv-python-headless" in README
    assert f"pytest=={pinned_packages()['pytest']}" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


def test_no_figure_in_the_readme_is_left_open():
    assert "@@" not in README


def test_the_patterns_hold_on_every_system():
    """Nbval reads them in the system's own encoding, and on Windows that is not the notebooks'."""
    assert (ROOT / "tests" / "sanitize.cfg").read_bytes().isascii()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_and_link_exists(page):
    """Who follows a link that leads nowhere, looks elsewhere for the rest, too."""
    text = page.read_text(encoding="utf-8")
    for target, _, place in (link.partition("#") for link in re.findall(r"\]\((?!http)([^)]+)\)", text)):
        file = page.parent / target if target else page
        assert file.exists(), target
        if place and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, place
    for path in re.findall(r"`((?:notebooks|digits|utils|tests|models|teaching)/[\w./-]*)`", text):
        assert (ROOT / path).exists() or path.startswith("models/learned"), path


@pytest.mark.parametrize("name", ["engines.md", "hands.md", "networks.md", "service.md"])
def test_the_tables_are_those_that_were_measured(name):
    """A table that is copied by hand stays behind when its benchmark has been run again."""
    text = (ROOT / "tests" / "benchmarks" / "results" / name).read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) > 2
    assert "\n".join(["", *table, ""]) in (ROOT / "tests" / "benchmarks" / "README.md").read_text(encoding="utf-8")


def test_the_notebooks_are_numbered_through_and_the_readme_lists_them():
    """A number left out, or a notebook that no list names, and somebody looks for what is not there."""
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(1, len(NOTEBOOKS) + 1)]
    counts = {9: "Nine", 10: "Ten", 11: "Eleven", 12: "Twelve", 13: "Thirteen"}
    assert f"{counts[len(NOTEBOOKS)]} Jupyter notebooks" in README
    for path in NOTEBOOKS:
        assert f"notebooks/{path.name}" in README


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_gives_the_minutes_of_the_notebook(path):
    """A teacher plans a lesson by README's table, and the notebook asks for half an hour more."""
    first = nbformat.read(path, as_version=4).cells[0].source
    (minutes,) = re.findall(r"[Aa]bout (\d+) minutes", first)
    assert re.search(rf"\| \d+ \[[^\n]*notebooks/{path.name}\)[^\n]* \| {minutes} \|\n", README)
    assert int(minutes) <= 60, "what takes longer is split"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_form_of_a_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for heading in ("What you'll do", "What you'll learn", "What you'll need"):
        assert re.search(rf"^(## {heading}|\*\*{heading}\.\*\*)", text, re.MULTILINE)
    for heading in ("Summary", "On your own", "Further reading"):
        assert f"## {heading}" in text
    assert re.search(r"About \d+ minutes", text)
    assert len(re.findall(r"\*\*Exercise \d", text)) >= 3

    solutions = [cell for cell in notebook.cells if cell.source.startswith("# Solution")]
    assert len(solutions) == len(re.findall(r"\*\*Exercise \d", text))
    assert all(cell.metadata["jupyter"]["source_hidden"] for cell in solutions)

    for target in re.findall(r"\]\((\d\d-[\w-]+\.ipynb)\)", text):
        assert (path.parent / target).is_file()
    position = NOTEBOOKS.index(path)
    assert re.search(rf"Part {position + 1} of {len(NOTEBOOKS)}(\*\*)? ·", text)
    for end in (
        notebook.cells[0],
        notebook.cells[-1],
    ):  # a way back and forward, where one comes in and where one leaves
        for neighbour in NOTEBOOKS[max(0, position - 1) : position] + NOTEBOOKS[position + 1 : position + 2]:
            assert f"({neighbour.name})" in end.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_terms_lead_to_the_glossary_once(path):
    """A link that leads nowhere is worse than none, and a page full of links cannot be read."""
    terms = re.findall(r"^### (.+)$", (path.parent / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(glossary\.md#([^)]+)\)", text)
    assert set(links) <= {term.replace(" ", "-") for term in terms}
    assert len(links) == len(set(links))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_is_told_in_words(path):
    """Who cannot see a figure has the website read it aloud."""
    for cell in nbformat.read(path, as_version=4).cells:
        pictures = [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())]
        told = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert bool(pictures) == bool(told), cell.source
        assert not told or 60 <= len(told) <= 300, told


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_metadata_of_a_notebook(path):
    """JupyterLab would set right what differs, and mark a notebook as changed that was only opened."""
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata.keys() == {"kernelspec", "language_info"}
    assert metadata.kernelspec == {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    version = {"version": metadata.language_info.get("version")}  # of the Python that stored the outputs
    assert metadata.language_info == IPythonKernel.language_info | version


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_a_widget_with_a_picture(path):
    """On the web, a widget without one is a line of text."""
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
    pictures = [output.data for output in outputs if "run this cell in JupyterLab" in str(output.get("data", ""))]
    assert pictures
    assert all("image/png" in data for data in pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_of_a_notebook(path):
    """Readers on the web see these and nothing else."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error"
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {}), "store_outputs.py"
            assert output.get("name") != "stderr"
            assert not re.search(r"(/home/|/root/|/tmp/|/Users/|[A-Z]:\\\\|site-packages)", str(output))
            assert "≈" not in str(output), "what differs between machines is marked in the cell's metadata"
        assert "nbval-skip" not in cell.metadata.get("tags", [])
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert "does not compare" in cell.source, "a cell that is not compared says why"
    assert path.stat().st_size < 2_000_000


def test_pytest_compares_outputs():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["addopts"]
    assert "--nbval" in options
    assert "--nbval-lax" not in options


def test_labels_name_every_shipped_image():
    labels = {path.name: label for path, label in read_labels(ROOT / "digits").items() if "-mine" not in path.name}
    assert len(labels) >= 40
    for file, label in labels.items():
        assert (ROOT / "digits" / file).is_file()
        assert re.fullmatch(r"(\d+(\n\d+)*)?", label)
        assert file.split("-")[0] == (label.replace("\n", "_") or "none")
    assert {label for label in labels.values() if len(label) == 1} == set("0123456789")


@pytest.fixture
def make_digits(tmp_path, monkeypatch):
    """The script that makes the images of digits/, which writes elsewhere."""
    if not load_mnist(verbose=False).complete:
        pytest.skip("needs all of MNIST: the script draws its test digits")
    monkeypatch.syspath_prepend(str(ROOT / "digits"))
    script = importlib.import_module("make_digits")
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    return script.main


def test_the_script_makes_the_images_that_are_there(make_digits, tmp_path):
    """An image that no command makes can be neither checked nor changed."""
    make_digits()
    made, there = (
        {path.name: label for path, label in read_labels(folder).items()} for folder in (tmp_path, ROOT / "digits")
    )
    assert made == {name: label for name, label in there.items() if "-mine" not in name}
    for path in made:
        new, old = read_image(tmp_path / path).astype(int), read_image(ROOT / "digits" / path).astype(int)
        assert np.abs(new - old).mean() < 1, path


def test_the_script_spares_drawings_of_one_s_own(make_digits, tmp_path):
    add_labelled(tmp_path, b"my drawing", ".png", "7")
    make_digits()
    assert read_labels(tmp_path)[tmp_path / "7-mine.png"] == "7"
    assert (tmp_path / "7-mine.png").read_bytes() == b"my drawing"
