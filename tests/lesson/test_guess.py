"""Guesses. Without these, a pupil who has committed to a number is not told how near it was."""

import pytest

from utils.errors import DigitsError
from utils.lesson import ask


def status(guess):
    return guess.children[1].children[-1].value


def field(guess):
    return guess.children[1].children[0]


def test_a_number_is_noted_and_compared(capsys):
    guess = ask("How many of 100 shifted digits are read?", unit="of 100")
    guess.compare(41.2)
    field(guess).value = "60"
    assert "Noted." in status(guess)
    assert 'role="status"' in status(guess)
    guess.compare(41.2)
    guess.compare(41.25, digits=1)
    assert capsys.readouterr().out.splitlines() == [
        "Measured: 41 of 100.",
        "You said 60 of 100. Measured: 41 of 100.",
        "You said 60 of 100. Measured: 41.2 of 100.",
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        *[
            ("0,5", 0.5),
            ("0,125", 0.125),
            ("1,000.5", 1000.5),
            (" 60 % ", 60),
            ("60%", 60),
            ("1e3", 1000),
            ("60,000", 60000),
        ],
        *[("many", None), ("", None), ("nan", None)],
    ],
)
def test_numbers_are_taken_as_people_type_them(typed, said):
    """A German's comma, or a unit that is typed along, would be no guess."""
    guess = ask("How many?", unit="%")
    field(guess).value = "1"
    field(guess).value = typed
    assert guess.said == said
    assert ("Noted." in status(guess)) == (said is not None)
    assert ("Write a number." in status(guess)) == (typed in ("many", "nan"))


def test_units_stand_as_they_are_written(capsys):
    guess = ask("How many?", unit="%")
    field(guess).value = "60"
    guess.compare(41.2)
    guess = ask("How many parameters?")
    field(guess).value = "1000"
    guess.compare(52138)
    assert capsys.readouterr().out.splitlines() == ["You said 60%. Measured: 41%.", "You said 1,000. Measured: 52,138."]


def test_choices(capsys):
    guess = ask("What does the loss do?", choices=("falls", "rises", "stays"))
    assert guess.said is None
    guess.compare("falls")
    field(guess).value = "rises"
    assert "Noted." in status(guess)
    guess.compare("falls")
    assert capsys.readouterr().out.splitlines() == ["Measured: falls.", "You said rises. Measured: falls."]
    with pytest.raises(DigitsError, match="falls, rises, stays"):
        guess.compare("fell")


def test_without_a_page_it_is_a_line_of_text():
    """A reader on the web is asked, too; the tests of the notebooks compare it."""
    texts = [
        ask("How many?", unit="of 100")._repr_mimebundle_()["text/plain"],
        ask("What does it do?", choices=("falls", "rises", "stays"))._repr_mimebundle_()["text/plain"],
    ]
    assert texts == ["How many? Your guess: ___ of 100", "What does it do? Your guess: falls, rises or stays"]
