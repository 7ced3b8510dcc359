"""A class gets notebooks without answers in them, that run when the gaps are filled; a teacher gets everything open."""

import ast
import re

import nbformat
import pytest
from nbclient import NotebookClient

from utils.paths import ROOT
from utils.teaching.editions import CHECK, for_grading, for_students, for_teacher, is_solution

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem[:2])
#: How the notebooks speak of what a student does not get.
SPEAKS_OF_IT = re.compile(
    r"folded (answer|solution)|(one|an) answer is folded|opens one answer|solution (below|follows)", re.I
)


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def names(source, context):
    """The names that a piece of code sets, or reads; IPython's own lines are none of Python's."""
    source = re.sub(r"^[%!].*", "", source, flags=re.MULTILINE)
    tree = ast.parse(source)
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        found |= {
            (name.asname or name.name).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
    return found


@every_notebook
def test_nothing_leaks(path):
    """A solution that stays, an output of one, or a bound of a result: and nobody thinks for themselves."""
    notebook = read(path)
    solutions = [cell.source for cell in notebook.cells if is_solution(cell)]
    edition = for_students(notebook)
    assert len(solutions) >= 4
    assert len(edition.cells) == len(notebook.cells) - len(solutions) - emptied(notebook)
    text = nbformat.writes(edition)
    for cell in edition.cells:
        assert cell.source not in solutions
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert set(cell.metadata) <= {"jupyter"}
        assert not re.match("# (Solution|One answer)", cell.source)
        assert not SPEAKS_OF_IT.search(cell.source), cell.source
    for sentence in {text for source in solutions for text in re.findall('print[(]"([^"{}]{40,})"[)]', source)}:
        assert sentence not in text


def emptied(notebook):
    """How many cells of text say nothing but where the solutions are."""
    return sum(
        not re.sub("|".join(map(re.escape, cell.metadata.students.leave_out)), "", cell.source).strip()
        for cell in notebook.cells
        if "students" in cell.metadata
    )


@every_notebook
def test_every_solution_has_its_tag(path):
    """One without, and it goes to the class."""
    begins = re.compile("(# |<details><summary><b>)(Solution|One answer|The answer|A good explanation)")
    for cell in read(path).cells:
        assert is_solution(cell) == bool(begins.match(cell.source)), cell.source
        assert is_solution(cell) or "<details>" not in cell.source


@every_notebook
def test_no_later_cell_needs_what_only_a_solution_has(path):
    """The student's edition would stop there, and the student would not know why."""
    known, missing = set(), set()
    gaps = {name for cell in code(read(path)) for name in CHECK.findall(cell.source)}
    for cell in code(read(path)):
        if is_solution(cell):
            missing |= names(cell.source, ast.Store) - known - gaps
        else:
            known |= names(cell.source, ast.Store)
            lost = names(cell.source, ast.Load) & (missing - known)
            assert not lost, f"{lost} in:\n{cell.source}"


def test_a_students_edition_runs_with_its_gaps_filled(monkeypatch, tmp_path):
    """Notebook 03, the one that later ones are built on; its fourth gap is an exercise."""
    monkeypatch.setenv("MNIST_PATH", "sample")
    path = next(path for path in NOTEBOOKS if path.name.startswith("03"))
    notebook = read(path)
    answers = {name: cell.source for cell in notebook.cells if is_solution(cell) for name in CHECK.findall(cell.source)}
    edition = for_students(notebook)
    for cell in code(edition):
        for name in CHECK.findall(cell.source):
            cell.source = answers.pop(name)
    assert not answers
    NotebookClient(edition, timeout=900, resources={"metadata": {"path": str(path.parent)}}).execute()
    said = [output.text for cell in code(edition) for output in cell.outputs if output.output_type == "stream"]
    assert sum(": right, in" in text for text in said) == 4


def test_a_gap_that_is_open_is_told_in_words(monkeypatch, capsys):
    """What a student sees first: not a traceback."""
    from utils.lesson import check

    gap = next(cell for cell in code(for_students(read(NOTEBOOKS[2]))) if "check(slope_at)" in cell.source)
    exec(compile(gap.source, "gap", "exec"), {"check": check})
    assert "slope_at" in capsys.readouterr().out


@every_notebook
def test_the_teachers_edition_is_open(path):
    """Who looks up an answer in front of a class has no time to unfold it."""
    notebook = read(path)
    edition = for_teacher(notebook)
    assert [cell.source.replace("<details open>", "<details>") for cell in edition.cells] == [
        cell.source for cell in notebook.cells
    ]
    for cell, before in zip(edition.cells, notebook.cells, strict=True):
        if is_solution(cell):
            assert "jupyter" not in cell.metadata
            assert "<details>" not in cell.source
            assert cell.get("outputs") == before.get("outputs")


@every_notebook
def test_nbgrader_gets_each_gap_with_its_answer_and_a_test(path):
    """A function that is marked wrong when it is right costs a student points, and the teacher trust."""
    edition = for_grading(read(path))
    gaps = [cell for cell in edition.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    tests = [cell for cell in edition.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert len(gaps) == len(tests) == sum(len(CHECK.findall(cell.source)) for cell in code(for_students(read(path))))
    answers = {
        name: cell.source for cell in read(path).cells if is_solution(cell) for name in CHECK.findall(cell.source)
    }
    for gap, test in zip(gaps, tests, strict=True):
        name = re.search(r"is_right\((\w+)\)", test.source)[1]
        assert body(gap.source, name) == body(answers[name], name)
        released = re.sub(
            r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION", r"\1raise NotImplementedError", gap.source, flags=re.DOTALL
        )
        assert "NotImplementedError" in body(released, name)
        assert ast.parse(gap.source).body[-1].name == name, "what an exercise's solution measures stays behind"


def body(source, name):
    """What a function does, as Python sees it: without comments and its docstring."""
    function = next(node for node in ast.parse(source).body if getattr(node, "name", None) == name)
    described = ast.get_docstring(function) is not None
    return "\n".join(map(ast.unparse, function.body[described:]))


def test_a_sentence_that_is_not_there_is_told():
    """A text that was mended since would keep its sentence about solutions."""
    cell = nbformat.v4.new_markdown_cell("Try it.", metadata={"students": {"leave_out": ["A folded answer follows."]}})
    with pytest.raises(ValueError, match="A folded answer follows"):
        for_students(nbformat.v4.new_notebook(cells=[cell]))
