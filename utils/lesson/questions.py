"""A few questions at the end of a notebook, answered at once, each answer with its reason.

They stand in ``quizzes/01.toml`` and so on::

    [[question]]
    ask = "What does `images.mean(axis=0)` return for 100 images?"

    [[question.answer]]
    text = "One image: the mean of all 100."
    right = true
    reason = "The mean runs over the first axis, which counts the images."

    [[question.answer]]
    text = "One number for each image."
    reason = "That would be `axis=(1, 2)`: the mean over the pixels of each."

Text between backticks is code, a word between stars is set in italics. Exactly one answer of each question is right.
"""

import html
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets

from utils.errors import DigitsError
from utils.paths import shown
from utils.widgets import Panel, say

FOLDER = Path(__file__).with_name("quizzes")
LETTERS = "abcdef"
STYLE = """<style>
.quiz-ask { font-size: 15px; font-weight: 600; line-height: 1.45; max-width: 46em; margin-top: 8px }
.quiz-ask code, .quiz-reason code { font-size: 0.95em }
.quiz-reason { display: block; font-size: 14px; line-height: 1.45; max-width: 46em; min-height: 1.45em;
  margin: 0 0 6px 4px }
.jupyter-button.quiz-answer { width: auto; max-width: 46em; height: auto; min-height: 32px; padding: 5px 12px;
  white-space: normal; text-align: left; line-height: 1.35; font-size: 14px; border: 1px solid #999;
  border-radius: 4px; background: none; color: inherit }
.jupyter-button.quiz-answer:hover { background: rgba(128, 128, 128, 0.15) }
.jupyter-button.quiz-answer:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px }
.jupyter-button.quiz-answer.quiz-right { border: 2px solid #009E73; background: rgba(0, 158, 115, 0.12) }
.jupyter-button.quiz-answer.quiz-wrong { border: 2px solid #D55E00; background: rgba(213, 94, 0, 0.08) }
</style>"""


@dataclass(frozen=True)
class Answer:
    """An answer to choose, and why it is right or wrong."""

    text: str
    reason: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its answers, of which one is right."""

    ask: str
    answers: tuple[Answer, ...]


def quiz(notebook: str) -> "Quiz":
    """Ask the questions of a notebook.

    Parameters
    ----------
    notebook
        Its number, such as ``"01"``.

    Returns
    -------
    Quiz
        Each question with its answers as buttons. A click says whether the answer is right, and why.
    """
    return Quiz(read_quiz(FOLDER / f"{notebook}.toml"))


class Quiz(Panel):
    """What `quiz` returns."""

    def __init__(self, questions: tuple[Question, ...]) -> None:
        children: list[widgets.Widget] = [widgets.HTML(STYLE, layout={"height": "0", "margin": "0"})]
        lines = []
        for number, question in enumerate(questions, start=1):
            children += _ask(number, question)
            lines += [f"{number}. {question.ask}"]
            lines += [f"   {letter}) {answer.text}" for letter, answer in zip(LETTERS, question.answers, strict=False)]
        super().__init__(children, "\n".join(lines), whole=True)


def _ask(number: int, question: Question) -> list[widgets.Widget]:
    """Make the widgets of one question."""
    note = widgets.HTML(say("&nbsp;", kind="quiz-reason"))
    buttons = []
    for letter, answer in zip(LETTERS, question.answers, strict=False):
        plain = f"{letter}) {answer.text.replace('`', '')}"
        button = widgets.Button(description=plain, tooltip="", layout={"width": "auto", "height": "auto"})
        button.add_class("quiz-answer")
        buttons.append(button)

        def choose(_: object, button: widgets.Button = button, answer: Answer = answer, plain: str = plain) -> None:
            sign = "✓" if answer.right else "✗"
            button.description = f"{sign} {plain}"
            button.add_class("quiz-right" if answer.right else "quiz-wrong")
            verdict = "Right." if answer.right else "Not this one."
            note.value = say(f"{sign} <b>{verdict}</b> {mark_up(answer.reason)}", kind="quiz-reason")

        button.on_click(choose)
    head = widgets.HTML(f'<div class="quiz-ask">{number}. {mark_up(question.ask)}</div>')
    column = widgets.VBox(buttons, layout={"align_items": "flex-start"})
    return [head, column, note]


def mark_up(text: str) -> str:
    """Write text as HTML: what stands between backticks as code, and elsewhere words between stars in italics.

    Parameters
    ----------
    text
        As in a quiz, or in a question for a guess.

    Returns
    -------
    str
        HTML in which everything else is escaped.
    """
    parts = re.split("`([^`]+)`", html.escape(text))  # every second part is code
    parts[::2] = [re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", part) for part in parts[::2]]
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts)


def read_quiz(path: Path) -> tuple[Question, ...]:
    """Read questions from a TOML file.

    Parameters
    ----------
    path
        The file; the module's docstring shows one.

    Returns
    -------
    tuple of Question

    Raises
    ------
    DigitsError
        If there is no such file, or it does not hold questions of this form.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DigitsError(f"{shown(path)} cannot be read ({error.strerror}): it should hold the questions.") from error
    except ValueError as error:
        raise DigitsError(f"{shown(path)} is no TOML: {error}.") from error
    questions = table.get("question")
    if table.keys() != {"question"} or not isinstance(questions, list) or not questions:
        raise DigitsError(f"{shown(path)} must hold [[question]] entries and nothing else.")
    return tuple(
        _read_question(question, f"{shown(path)}, question {number}")
        for number, question in enumerate(questions, start=1)
    )


def _read_question(question: dict, where: str) -> Question:
    if question.keys() != {"ask", "answer"} or not _is_text(question["ask"]):
        raise DigitsError(f"{where}: it needs ask, a text, and [[question.answer]] entries, and nothing else.")
    answers = question["answer"]
    if not isinstance(answers, list) or not 2 <= len(answers) <= len(LETTERS):
        raise DigitsError(f"{where}: it needs 2 to {len(LETTERS)} [[question.answer]] entries.")
    for number, answer in enumerate(answers, start=1):
        if not isinstance(answer, dict) or not {"text", "reason"} <= answer.keys() <= {"text", "reason", "right"}:
            raise DigitsError(f"{where}, answer {number}: it needs text and reason; right = true if it is right.")
        if (
            not _is_text(answer["text"])
            or not _is_text(answer["reason"])
            or type(answer.get("right", False)) is not bool
        ):
            raise DigitsError(f"{where}, answer {number}: text and reason are texts, right is true or false.")
    if sum(answer.get("right", False) for answer in answers) != 1:
        raise DigitsError(f"{where}: exactly one answer has right = true.")
    return Question(question["ask"], tuple(Answer(**answer) for answer in answers))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
