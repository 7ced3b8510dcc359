"""Make a page of the website of a notebook: with the stored outputs, and with folded what is folded in JupyterLab.

A page has no kernel. So a guess stands there as its question alone, and each answer of a quiz opens with a click,
without a script.
"""

import copy
import re

from nbformat import NotebookNode

from utils.lesson import Question, mark_up
from utils.teaching.editions import is_solution

#: A cell that does nothing but ask for a guess, or ask the questions at the end.
ASKS = re.compile(r"(guess) = ask\(.*\)\nguess|(quiz)\(\"\d\d\"\)", re.DOTALL)


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
        asks = ASKS.fullmatch(cell.source.strip())
        if asks:
            tags.append("remove-input")
            for output in cell.outputs:
                text = output.get("data", {}).get("text/plain", "")
                output["data"] = {"text/html": _guess(text) if asks[1] else _quiz(questions)}
        elif is_solution(cell):
            tags.append("hide-cell")
            name = cell.source.split("\n", 1)[0].strip("# ")
            own = cell.metadata.setdefault("mystnb", {})
            own.update({"code_prompt_show": f"Show: {name}", "code_prompt_hide": f"Hide: {name}"})
        elif cell.metadata.get("jupyter", {}).get("source_hidden"):
            tags.append("hide-input")
    return page


def _guess(text: str) -> str:
    """Set a guess apart from what is measured below it."""
    question, _, answers = text.rpartition(" Your guess: ")
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
