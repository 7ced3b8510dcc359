"""What the notebooks ask of this room. Without these, a gap has no check, or a line of scores is an old one."""

import importlib.util
import itertools
import json
import re

import nbformat
import pytest

from tests.series import NOTEBOOKS
from utils.lesson.checks import CHECKS
from utils.lesson.drawings import SHIPPED, shipped_drawings
from utils.lesson.questions import FOLDER
from utils.lesson.ten import Ten
from utils.paths import ROOT

GAP = re.compile(r"^check\((\w+)\)", re.MULTILINE)
#: How a folded cell begins that fills a gap: of the running text, or of an exercise.
ANSWER = re.compile(r"# (One answer|Solution \d)")


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_gap_is_announced(path):
    """A function with dots in it and no word about them: a pupil would run the cell, and wonder."""
    cells = nbformat.read(path, as_version=4).cells
    for before, gap in itertools.pairwise(cells):
        if gap.cell_type == "code" and GAP.search(gap.source) and not ANSWER.match(gap.source):
            (name,) = GAP.findall(gap.source)
            in_exercise = re.search(rf"\*\*Exercise \d.*[Ww]rite (it as )?`{name}", before.source, re.DOTALL)
            assert in_exercise or "our turn" in before.source, gap.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_gap_has_a_check_and_below_it_an_answer_that_is_right(path):
    """A pupil who is stuck would find nothing, or an answer that the check calls wrong."""
    cells = code_cells(path)
    for gap, answer in itertools.pairwise(cells):
        if not GAP.search(gap.source) or ANSWER.match(gap.source):
            continue
        assert ANSWER.match(answer.source)
        assert answer.metadata["jupyter"]["source_hidden"]
        assert GAP.findall(answer.source) == GAP.findall(gap.source)
        for name in GAP.findall(gap.source):
            assert name in CHECKS
            assert f"{name}: " in printed(gap)
            assert f"{name}: right, in" not in printed(gap), "nothing is left to fill"
            assert f"{name}: right, in" in printed(answer)


def test_each_check_is_asked_for_by_a_notebook():
    """A check that no gap asks for is read and kept for nothing."""
    asked = {name for path in NOTEBOOKS for cell in code_cells(path) for name in GAP.findall(cell.source)}
    assert set(CHECKS) <= asked


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_asks_its_own_questions_and_keeps_its_own_score(path):
    """Copied from another notebook, the line would ask, or overwrite, the other's."""
    source = "\n".join(cell.source for cell in code_cells(path))
    for name in re.findall(r'^quiz\("(\w+)"\)', source, re.MULTILINE):
        assert name == path.name[:2]
        assert (FOLDER / f"{name}.toml").is_file()
    assert set(re.findall(r'^keep_score\("(\w+)"', source, re.MULTILINE)) <= {path.name[:2]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_stored_line_of_scores_is_the_one_of_today(path):
    """A score that has changed would stand in one notebook, and the old one in the next: store them again, in order."""
    lines = re.findall(r"^Read correctly of the ten: .*", "\n".join(map(printed, code_cells(path))), re.MULTILINE)
    if not lines:
        return
    kept = json.loads((SHIPPED / "scores.json").read_text(encoding="utf-8"))
    assert kept["drawings"] == Ten(shipped_drawings()).fingerprint
    scores = [(name, right) for name, right in kept["right"].items() if name <= path.name[:2]]
    first, *others = [f"{right} ({'' if number else 'notebook '}{name})" for number, (name, right) in enumerate(scores)]
    assert lines[-1] == f"Read correctly of the ten: {' · '.join([first, *others])}"


def test_notebooks_are_stored_with_the_series_own_digits(monkeypatch, tmp_path):
    """Whoever stores a notebook would put their own handwriting into it; and a run on the sample, its scores."""
    spec = importlib.util.spec_from_file_location("store_outputs", ROOT / "notebooks" / "store_outputs.py")
    store_outputs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(store_outputs)
    cell = nbformat.v4.new_code_cell("import os\nprint(os.path.exists(os.environ['TEN_PATH']))")
    cell.source += "\nprint(repr(os.environ['STORE_SCORES']))"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": store_outputs.KERNEL}), tmp_path / "01-a.ipynb"
    )
    for name in ("LEARNED_PATH", "TEN_PATH", "STORE_SCORES"):  # which it sets
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MNIST_PATH", "sample")
    store_outputs.store_outputs(tmp_path / "01-a.ipynb")
    assert printed(code_cells(tmp_path / "01-a.ipynb")[0]) == "False\n''\n"
