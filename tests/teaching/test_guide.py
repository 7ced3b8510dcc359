"""The teacher's pages. Without these, a notebook is changed, and a teacher meets a class with the old answers."""

import re
import tomllib

import nbformat
import pytest

from tests.series import NOTEBOOKS
from utils.paths import ROOT

GUIDE = ROOT / "teaching" / "guide"
INDEX = (ROOT / "teaching" / "README.md").read_text(encoding="utf-8")
HEADINGS = [
    "At a glance",
    "Minutes",
    "On the board",
    "Questions and answers",
    "Expect these mistakes",
    "Three questions on paper",
    "When machines misbehave",
]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def page_of(path):
    return (GUIDE / f"{path.stem}.md").read_text(encoding="utf-8")


def section(page, heading):
    return re.split(r"^## ", page, flags=re.MULTILINE)[1 + HEADINGS.index(heading)]


def rows(path):
    """The rows of a page's table of minutes: the section's name, the minutes, the minutes in class, where to stop."""
    found = re.findall(
        r"^\| (?!section|---)(.*?) \| (.*?) \| (.*?) \| (.*?) \|", section(page_of(path), "Minutes"), re.M
    )
    return [(name, int(alone or 0), int(in_class), stop) for name, alone, in_class, stop in found if "**" not in name]


def cells(path, kind):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


@each_notebook
def test_a_page_has_its_seven_parts(path):
    assert re.findall(r"^## (.*)$", page_of(path), re.MULTILINE) == HEADINGS


@each_notebook
def test_the_minutes_add_up_to_what_the_notebook_says(path):
    said = int(re.search(r"[Aa]bout (\d+) minutes", cells(path, "markdown")[0])[1])
    alone, in_class = (sum(row[place] for row in rows(path)) for place in (1, 2))
    assert alone == said
    assert f"| **in all** | **{alone}** | **{in_class}** |" in page_of(path)
    in_exercises = len(gaps_of_exercises(path))
    assert in_exercises, "without one, nobody hears there whether they are right"
    counts = rf"{votes(path)} \| {len(gaps(path)) - in_exercises} \+ {in_exercises} \|"
    line = rf"\(guide/{path.stem}\.md\) \| .* \| {alone} \| {in_class} \| {counts}"
    assert re.search(line, INDEX)


@each_notebook
def test_an_exercise_takes_as_long_on_the_page_as_in_the_index(path):
    said = re.search(r"Exercises are never in it: (\d+ to \d+) minutes each", INDEX)[1]
    assert re.search(rf"exercise[^.]*\b{said}\b|\b{said}\b[^.]*exercise", section(page_of(path), "Minutes"))


@each_notebook
def test_a_lesson_ends_where_the_minutes_say_and_before_the_bell(path):
    """Two lessons of 45 minutes: the sum up to the mark, or what its cut leaves, and five for starting again."""
    ends, total = [], 0
    for *_, in_class, stop in rows(path):
        total += in_class
        if mark := re.search(r"\*\*\w+ lesson ends: (\d+)(?:; [\w `]+ (\d+))?\*\*", stop):
            assert int(mark[1]) == total
            ends.append(int(mark[2] or mark[1]))
            total = 0
    assert total == 0
    assert ends[0] <= 45
    assert ends[1] + 5 <= 45
    assert re.search(rf"^\| {path.stem[:2]} \| .* \| {ends[0]} \| {ends[1] + 5} \|$", INDEX, re.MULTILINE)


@each_notebook
def test_sections_are_named_as_in_the_notebook(path):
    headings = re.findall(r"^##+ (.*)$", "\n".join(cells(path, "markdown")), re.MULTILINE)
    for name, *_ in rows(path):
        for part in name.split("; "):
            assert part.split(", ")[0] in [heading.split(", ")[0] for heading in headings], part


def votes(path):
    return sum(len(re.findall(r"(?<!\w)ask\(", source)) for source in cells(path, "code"))


def gaps(path):
    code = [source for source in cells(path, "code") if "# your turn" in source]
    return [re.search(r"^check\((\w+)\)", source, re.MULTILINE)[1] for source in code]


def gaps_of_exercises(path):
    exercises = "\n".join(cells(path, "markdown")).split("## On your own")[1]
    return [name for name in gaps(path) if re.search(rf"[Ww]rite (it as )?`{name}", exercises)]


@each_notebook
def test_every_vote_and_gap_has_an_answer(path):
    answers = section(page_of(path), "Questions and answers")
    assert re.findall(r"\*\*Gap `(\w+)`", answers.split("### Exercises")[1]) == gaps_of_exercises(path)
    assert answers.count("**Vote: ") == votes(path)
    assert re.findall(r"\*\*Gap `(\w+)`", answers) == gaps(path)


@each_notebook
def test_the_right_answers_are_those_of_the_quick_questions(path):
    quiz = tomllib.loads((ROOT / "utils" / "lesson" / "quizzes" / f"{path.stem[:2]}.toml").read_text(encoding="utf-8"))
    right = ["abc"[[each.get("right", False) for each in one["answer"]].index(True)] for one in quiz["question"]]
    answers = section(page_of(path), "Questions and answers")
    asked = re.search(r"^### Check (?:what you know|yourself)$.*?(?=^### )", answers, re.M | re.S)[0]
    assert re.findall(r"^\d\. (?:\*[^*]+\* )?\*\*([abc])\.", asked, re.MULTILINE) == right


@each_notebook
def test_every_exercise_is_answered(path):
    exercises = re.findall(r"^\*\*Exercise (\d)", "\n".join(cells(path, "markdown")), re.MULTILINE)
    answered = section(page_of(path), "Questions and answers").split("### Exercises")[1]
    assert re.findall(r"^(\d)\. ", answered, re.MULTILINE) == exercises


def test_the_day_of_the_index_has_no_holes():
    day = re.findall(r"^\| (\d+):(\d\d) \| .* \| (\d+) \|$", INDEX, re.MULTILINE)
    at = 9 * 60
    for hour, minute, length in day:
        assert at == 60 * int(hour) + int(minute)
        at += int(length)
    assert at == 16 * 60 + 30


@pytest.mark.parametrize("path", sorted((ROOT / "teaching").rglob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target
