"""Predict, then run: a guess that is noted before a result, and compared with it after."""

import html
import math
import re
from collections.abc import Sequence

import ipywidgets as widgets

from utils.errors import DigitsError
from utils.widgets import Panel, say

STYLE = """<style>
.guess { border-left: 4px solid #56B4E9; padding-left: 12px; margin: 4px 0 }
.guess-question { font-size: 15px; line-height: 1.45; max-width: 46em }
.guess-unit, .guess-note { font-size: 14px }
</style>"""


def ask(question: str, unit: str = "", choices: Sequence[str] = ()) -> "Guess":
    """Ask for a guess.

    Parameters
    ----------
    question
        What to guess.
    unit
        What stands behind the number, such as ``"of 100"`` or ``"%"``.
    choices
        The answers to choose from, if it is not a number that is asked for.

    Returns
    -------
    Guess
        A field, or buttons. In a later cell, `Guess.compare` tells what was guessed and what was measured.
    """
    return Guess(question, unit, tuple(choices))


class Guess(Panel):
    """What `ask` returns.

    Attributes
    ----------
    said : float, str or None
        The guess; None as long as there is none.
    """

    def __init__(self, question: str, unit: str, choices: tuple[str, ...]) -> None:
        self.said: float | str | None = None
        self._unit, self._choices = unit, choices
        self._note = widgets.HTML(say("&nbsp;", kind="guess-note"))
        if choices:
            answer = widgets.ToggleButtons(options=choices, value=None, style={"button_width": "auto"})
            line = [answer]
        else:
            answer = widgets.Text(
                description="Your guess",
                style={"description_width": "initial"},
                layout={"width": "12em"},
            )
            line = [answer, widgets.HTML(f'<span class="guess-unit">{html.escape(unit)}</span>')]
        answer.observe(lambda change: self._take(change["new"]), "value")
        head = widgets.HTML(f'{STYLE}<div class="guess-question">{html.escape(question)}</div>')
        row = widgets.HBox(
            [*line, self._note], layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "0 10px"}
        )
        options = f"{', '.join(choices[:-1])} or {choices[-1]}" if choices else f"___ {unit}".strip()
        super().__init__([head, row], f"{question} Your guess: {options}", whole=True)
        self.add_class("guess")

    def _take(self, value: str | None) -> None:
        if self._choices:
            self.said = value
        else:
            self.said = _read_number((value or "").strip().removesuffix(self._unit))
        empty = not (value or "").strip()
        self._note.value = say(
            "&nbsp;" if empty else "Write a number." if self.said is None else "✓ Noted.", kind="guess-note"
        )

    def compare(self, measured: float | str, digits: int = 0) -> None:
        """Print the guess, if there is one, beside what was measured.

        Parameters
        ----------
        measured
            A number; or one of the choices.
        digits
            So many decimals of the number are printed.
        """
        if self._choices:
            if measured not in self._choices:
                raise DigitsError(f"{measured!r} is none of the choices: {', '.join(self._choices)}.")
            said, measured = str(self.said), str(measured)
        else:
            said = self._with_unit("" if self.said is None else f"{self.said:,.10g}")
            measured = self._with_unit(f"{float(measured):,.{digits}f}")
        print(f"Measured: {measured}." if self.said is None else f"You said {said}. Measured: {measured}.")

    def _with_unit(self, number: str) -> str:
        return f"{number}{'' if self._unit in ('', '%') else ' '}{self._unit}"


def _read_number(text: str) -> float | None:
    """Take a number as people type it: 0.5, 0,5 or 60,000; and 0,125 as well, for no thousands begin with a 0."""
    text = text.strip()
    text = text.replace(",", "") if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text) else text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
