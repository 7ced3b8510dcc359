"""Without these, a notebook's wrong number passes for a right one, or a right one fails on another machine."""

import subprocess
import sys

import nbformat
import pytest

from tests.comparing import align, align_outputs, pattern, within
from tests.series import NOTEBOOKS
from utils.paths import ROOT


@pytest.mark.parametrize(
    ("fresh", "stored", "bound", "passes"),
    [
        ("97.4", "98.4", "± 1", True),
        ("97.3", "98.4", "± 1", False),
        ("9,801", "9,811", "± 10", True),
        ("0.03", "0.9", "× 20", False),
        ("0.05", "0.9", "× 20", True),
        ("0", "9", "× 10", False),
        ("1", "9", "× 10", True),
        ("-3", "3", "× 10", False),
    ],
)
def test_a_number_passes_within_its_bound_alone(fresh, stored, bound, passes):
    assert within(fresh, stored, bound) is passes


VARIES = {"accuracy #%": "± 1", "in # s": "× 20"}


@pytest.mark.parametrize(
    "fresh",
    [
        "3 epochs: accuracy 91.2% in 14 s",
        "3 epochs: accuracy  90% in 2 s",
    ],
)
def test_what_is_marked_may_differ(fresh):
    stored = "3 epochs: accuracy 91.0% in 7 s"
    assert align(fresh, stored, VARIES) == stored


@pytest.mark.parametrize(
    "fresh",
    [
        "3 epochs: accuracy 92.1% in 7 s",
        "4 epochs: accuracy 91.0% in 7 s",
        "3 epochs: accuracy 91.0% in 700 s",
        "3 epochs: accuracy 91.0% in 7 s\n3 epochs: accuracy 91.0% in 7 s",
        "3 epochs: accuracy nan% in 7 s",
    ],
)
def test_everything_else_is_compared_exactly(fresh):
    assert align(fresh, "3 epochs: accuracy 91.0% in 7 s", VARIES) != "3 epochs: accuracy 91.0% in 7 s"


def test_all_kinds_of_text_are_compared_and_pictures_left_alone():
    def node(**keys):
        return nbformat.NotebookNode(keys)

    stored = [node(output_type="stream", text="in 7 s"), node(data={"text/plain": "in 7 s", "image/png": "a"})]
    fresh = [node(output_type="stream", text="in 9 s"), node(data={"text/plain": "in 8 s", "image/png": "b"})]
    aligned = align_outputs(fresh, stored, VARIES)
    assert aligned[0]["text"] == "in 7 s"
    assert aligned[1]["data"] == {"text/plain": "in 7 s", "image/png": "b"}
    assert fresh[0]["text"] == "in 9 s", "what came is not changed"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_mark_marks_something(path):
    """A pattern that fits no number of the output bounds nothing, and claims that are no Python hold nothing."""
    for cell in nbformat.read(path, as_version=4).cells:
        rules = cell.metadata.get("tests", {})
        printed = "".join(output.get("text", "") for output in cell.get("outputs", []))
        for key, bound in rules.get("varies", {}).items():
            assert pattern(key).search(printed), (key, printed)
            assert within("1", "1", bound)
        for claim in rules.get("holds", []):
            compile(claim, path.name, "eval")


def notebook(path, source, printed, rules):
    cell = nbformat.v4.new_code_cell(source, metadata={"tests": rules}, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text=printed)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


@pytest.mark.parametrize(
    ("source", "rules", "message"),
    [
        ("print('accuracy 91.5%')", {"varies": VARIES, "holds": ["1 < 2"]}, None),
        ("print('accuracy 95%')", {"varies": VARIES}, "Cell outputs differ"),
        ("print('accuracy 91.5%')", {}, "Cell outputs differ"),
        ("accuracy = 0.91\nprint('accuracy 91%')", {"holds": ["accuracy > 0.97"]}, "does not hold: accuracy > 0.97"),
        ("print('accuracy 91%')", {"holds": ["accuraci > 0.97"]}, "name 'accuraci' is not defined"),
    ],
)
def test_the_tests_of_notebooks_can_fail(source, rules, message, tmp_path):
    """What the marks say is what pytest does, from the file to the closing line."""
    notebook(tmp_path / "a.ipynb", source, "accuracy 91%\n", rules)
    hooks = "from tests.comparing import pytest_itemcollected, pytest_runtest_call"
    (tmp_path / "conftest.py").write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{hooks}\n")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "a.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (message or "1 passed") in done.stdout
    assert done.returncode == (0 if message is None else 1)
