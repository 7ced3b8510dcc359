"""Make a page of the website of a notebook: with the stored outputs, and with folded what is folded in JupyterLab.

A page has no kernel. So a guess stands there as its question alone, and each answer of a quiz opens with a click,
without a script.
"""

import copy
import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_output

from utils.lesson import Question, mark_up
from utils.teaching.editions import is_solution

#: A cell that does nothing but ask for a guess, or ask the questions at the end.
ASKS = re.compile(r"(guess\w*) = ask\((?:(?!\n\w).)*\)\n\1|quiz\(\"\d\d\"\)", re.DOTALL)
#: What a stored output says between a question for a guess and the answers to choose from.
GUESS = " Your guess: "
#: How a widget's stored picture says that it is one.
STILL = "run this cell in JupyterLab to use it."
#: A line that is set in columns, or drawn: it must not be broken.
COLUMNS = re.compile(r"\S {2,}\S|[━─│┃]")


def for_site(notebook: NotebookNode, questions: tuple[Question, ...]) -> NotebookNode:
    """Tell myst-nb what to fold, and replace what needs a kernel by what can be read.

    Parameters
    ----------
    notebook
        One of the series; it stays as it is.
    questions
        Its quiz.

    Returns
    -------
    NotebookNode
        The page's source. Everything else is as in the notebook; ``mystnb.image.alt`` in a cell's metadata becomes the
        alternative text of its figures.
    """
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.setdefault("tags", [])
        quiz = cell.source.strip().startswith("quiz(")
        cell.outputs = [one for output in cell.outputs for one in _without_kernel(output, questions if quiz else None)]
        if any(map(_is_in_columns, cell.outputs)):
            tags.append("columns")
        if ASKS.fullmatch(cell.source.strip()):
            tags.append("remove-input")
        elif is_solution(cell):
            tags.append("hide-cell")
            name = cell.source.split("\n", 1)[0].strip("# ")
            own = cell.metadata.setdefault("mystnb", {})
            own.update({"code_prompt_show": f"Show: {name}", "code_prompt_hide": f"Hide: {name}"})
        elif cell.metadata.get("jupyter", {}).get("source_hidden"):
            tags.append("hide-input")
    return page


def _without_kernel(output: NotebookNode, questions: tuple[Question, ...] | None) -> Iterator[NotebookNode]:
    """Replace a widget by what can be read without one, and say of a still picture that it is one."""
    text = output.get("data", {}).get("text/plain", "")
    if questions is not None:
        output["data"] = {"text/html": _quiz(questions)}
    elif GUESS in text:
        output["data"] = {"text/html": _guess(text)}
    yield output
    if text.endswith(STILL):
        note = '<p class="still">A still picture: in the notebook, you can use this.</p>'
        yield new_output("display_data", {"text/html": note})


def _is_in_columns(output: NotebookNode) -> bool:
    """Say whether what is printed has lines that belong below each other."""
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return sum(bool(COLUMNS.search(line.strip())) for line in text.splitlines()) > 1


def _guess(text: str) -> str:
    """Set a guess apart from what is measured below it."""
    question, _, answers = text.rpartition(GUESS)
    return f'<p class="guess">{mark_up(question)} <span>Your guess: {mark_up(answers)}</span></p>'


def _quiz(questions: tuple[Question, ...]) -> str:
    """Write questions whose answers open, each with its reason."""
    return "".join(
        f'<div class="quiz"><p>{number}. {mark_up(question.ask)}</p>'
        + "".join(
            f"<details><summary>{mark_up(answer.text)}</summary>"
            f"<p><b>{'✓ Right.' if answer.right else '✗ Not this one.'}</b> {mark_up(answer.reason)}</p></details>"
            for answer in question.answers
        )
        + "</div>"
        for number, question in enumerate(questions, start=1)
    )
