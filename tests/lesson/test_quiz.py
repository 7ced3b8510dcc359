"""Questions with answers. Without these, a quiz calls a right answer wrong, or an author's slip reaches a class."""

import re
from collections import Counter

import pytest

from utils.errors import DigitsError
from utils.lesson.questions import FOLDER, Quiz, quiz, read_quiz

GOOD = """
[[question]]
ask = "What does `images.mean(axis=0)` return if 1 < 2?"

[[question.answer]]
text = "One number for each image."
reason = "That would be `axis=(1, 2)`."

[[question.answer]]
text = "One `image`."
right = true
reason = "The first axis counts the images."
"""


@pytest.fixture
def write(tmp_path):
    def write_quiz(text):
        path = tmp_path / "01.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_quiz


def test_each_click_is_answered_with_its_reason(write):
    panel = Quiz(read_quiz(write(GOOD)))
    _, head, answers, note, *_ = panel.children
    assert "<code>images.mean(axis=0)</code> return if 1 &lt; 2?" in head.value
    wrong, right = answers.children
    wrong.click()
    assert 'role="status"' in note.value
    assert "✗ <b>Not this one.</b> That would be <code>axis=(1, 2)</code>." in note.value
    assert wrong.description == "✗ a) One number for each image."
    right.click()
    assert "✓ <b>Right.</b> The first axis counts the images." in note.value
    assert right.description == "✓ b) One image."
    wrong.click()
    assert wrong.description == "✗ a) One number for each image.", "one cross is enough"


def test_a_stressed_word_is_in_italics_and_a_product_stays_one(write):
    """Stars on the screen look like a product."""
    text = GOOD.replace("return if 1 < 2?", "return for *all* of 2 * 3 * 4, or `a*b*c`?")
    head = Quiz(read_quiz(write(text))).children[1]
    assert "return for <em>all</em> of 2 * 3 * 4, or <code>a*b*c</code>?" in head.value


def test_without_a_page_the_questions_are_text_that_gives_nothing_away(write):
    """A reader on the web is asked, too, and the tests of the notebooks compare it."""
    assert Quiz(read_quiz(write(GOOD)))._repr_mimebundle_()["text/plain"] == (
        "1. What does `images.mean(axis=0)` return if 1 < 2?\n   a) One number for each image.\n   b) One `image`."
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("right = true", "", "question 1: exactly one answer has right = true"),
        ("[[question.answer]]", "right = true\n[[question.answer]]", "question 1: it needs ask"),
        ('reason = "The first axis counts the images."', "", "question 1, answer 2: it needs text and reason"),
        ("right = true", "right = 1", "question 1, answer 2: text and reason are texts"),
        ('text = "One `image`."', 'text = ""', "question 1, answer 2: text and reason are texts"),
        ("[[question]]", "[[questions]]", "must hold"),
        ("ask =", "ask", "is no TOML"),
        (GOOD, "", "must hold"),
        (GOOD, '[[question]]\nask = "?"\nanswer = []', "needs 2 to 6"),
    ],
)  # fmt: skip
def test_a_malformed_file_says_what_is_wrong_and_where(write, old, new, words):
    with pytest.raises(DigitsError, match=re.escape("01.toml")) as error:
        read_quiz(write(GOOD.replace(old, new, 1)))
    assert words in str(error.value)


def test_a_quiz_that_is_not_there():
    with pytest.raises(DigitsError, match=r"utils/lesson/quizzes/00.toml cannot be read"):
        quiz("00")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_quiz_of_the_series(path):
    """A quiz that cannot be read, is too long, or whose right answer is always the same letter."""
    questions = read_quiz(path)
    assert 3 <= len(questions) <= 5
    places = Counter([answer.right for answer in question.answers].index(True) for question in questions)
    assert len(places) > 1, "the right answer always stands at the same place"
