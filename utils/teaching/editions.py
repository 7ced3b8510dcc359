"""Make the editions of a notebook: for students without solutions, for the teacher with all of them open, for nbgrader.

A cell that holds an answer or a solution has the tag ``solution``. A cell of text that speaks of it says in its
metadata which sentences a student's edition leaves out::

    "students": {"leave_out": ["The next cell is folded and holds one answer: click its bar to see it."]}

The rest is nbconvert's work.
"""

import copy
import difflib
import re
from collections.abc import Iterator

from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

#: The tag of a cell that holds an answer to a gap, or the solution of an exercise.
SOLUTION = "solution"
#: What a gap's cell ends in, and an answer's function; the name is that of the function to write.
CHECK = re.compile(r"^check\((\w+)\)$", re.MULTILINE)
#: What stays of a cell's metadata in an edition for students: whether it is folded.
KEPT = ("jupyter",)
#: For each gap, in nbgrader.
POINTS = 1


def for_students(notebook: NotebookNode) -> NotebookNode:
    """Leave out the solutions, what speaks of them, and all outputs: gaps are open, and nothing is measured yet.

    Parameters
    ----------
    notebook
        One of the series; it stays as it is.

    Returns
    -------
    NotebookNode
        The students' edition. What the tests note in the metadata, bounds of results among it, is gone.

    Raises
    ------
    ValueError
        If a sentence to leave out is not in its cell.
    """
    edition = copy.deepcopy(notebook)
    for cell in edition.cells:
        for sentence in cell.metadata.get("students", {}).get("leave_out", ()):
            if sentence not in cell.source:
                raise ValueError(f"this sentence is not in its cell: {sentence}")
            cell.source = re.sub(rf"[ \n]*{re.escape(sentence)}", "", cell.source, count=1).strip("\n")
    edition.cells = [cell for cell in edition.cells if cell.source]
    for preprocessor in (TagRemovePreprocessor(remove_cell_tags={SOLUTION}), ClearOutputPreprocessor()):
        preprocessor.enabled = True
        edition, _ = preprocessor.preprocess(edition, {})
    for cell in edition.cells:
        cell.metadata = NotebookNode({name: cell.metadata[name] for name in KEPT if name in cell.metadata})
    return edition


def for_teacher(notebook: NotebookNode) -> NotebookNode:
    """Unfold the solutions, with their outputs, and leave everything else as it is.

    Parameters
    ----------
    notebook
        One of the series; it stays as it is.

    Returns
    -------
    NotebookNode
        The teacher's edition.
    """
    edition = copy.deepcopy(notebook)
    for cell in edition.cells:
        if is_solution(cell):
            cell.metadata.pop("jupyter", None)
            cell.source = cell.source.replace("<details>", "<details open>", 1)
    return edition


def for_grading(notebook: NotebookNode) -> NotebookNode:
    """Make the source of an assignment in nbgrader's format: `check` grades the gaps, those of exercises among them.

    What else an exercise asks for is read by a person.

    Parameters
    ----------
    notebook
        One of the series; it stays as it is.

    Returns
    -------
    NotebookNode
        A notebook for ``source/ASSIGNMENT/``, from which ``nbgrader generate_assignment`` takes the solutions out.
    """
    edition = for_students(notebook)
    answers = {name: cell for cell in notebook.cells if is_solution(cell) for name in CHECK.findall(cell.source)}
    cells = []
    for cell in edition.cells:
        cells.append(cell)
        for name in CHECK.findall(cell.source) if cell.cell_type == "code" else ():
            cell.source = "\n".join(_mark_solution(_without_check(cell), _without_check(answers[name])))
            cell.metadata["nbgrader"] = _grading(name, solution=True)
            test = f"from utils.lesson import is_right\n\ncheck({name})\nassert is_right({name})"
            cells.append(new_code_cell(test, id=f"{cell.id}-test"[:64]))
            cells[-1].metadata["nbgrader"] = {**_grading(f"{name}-test", grade=True, locked=True), "points": POINTS}
    edition.cells = cells
    return edition


def is_solution(cell: NotebookNode) -> bool:
    """Say whether a cell holds an answer or a solution."""
    return SOLUTION in cell.metadata.get("tags", ())


def _without_check(cell: NotebookNode) -> list[str]:
    """Return the lines of a gap or an answer: the function, not what an exercise's solution measures with it."""
    lines = cell.source[: CHECK.search(cell.source).start()].strip().split("\n")
    return lines[1:] if is_solution(cell) else lines


def _mark_solution(gap: list[str], answer: list[str]) -> Iterator[str]:
    """Fill a gap with the lines that only the answer has, between nbgrader's two marks."""
    for _, begin, end, first, last in difflib.SequenceMatcher(None, gap, answer, autojunk=False).get_opcodes():
        yield from (line for line in gap[begin:end] if "..." not in line)
        if gap[begin:end] != answer[first:last] and first < last:
            indent = re.match(" *", answer[first])[0]
            yield from (f"{indent}### BEGIN SOLUTION", *answer[first:last], f"{indent}### END SOLUTION")


def _grading(name: str, *, solution: bool = False, grade: bool = False, locked: bool = False) -> dict:
    """Make what nbgrader notes of a cell, in the third version of its format."""
    marks = {"solution": solution, "grade": grade, "locked": locked, "task": False}
    return {"schema_version": 3, "grade_id": name.replace("_", "-"), **marks}
