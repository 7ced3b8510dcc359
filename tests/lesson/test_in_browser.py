"""The lessons' widgets under a hand. Without these, nobody has ever written on a pad or answered a question.

As in ``tests/widgets/test_browser.py``, ``SCREENSHOTS=folder`` keeps pictures; here at two widths of the page.
"""

import re

import nbformat
import numpy as np
import pytest

from tests.lab import Lab, Notebook, pen
from utils.lesson.drawings import SHIPPED
from utils.reader import read_image

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")

QUIZ = """
[[question]]
ask = "What does `images.mean(axis=0)` return for 100 images of 28 × 28 pixels?"

[[question.answer]]
text = "One number for each image, that is 100 numbers."
reason = "That would be `axis=(1, 2)`: the mean over the pixels of each image."

[[question.answer]]
text = "One image: the mean of all 100."
right = true
reason = "The mean runs over the first axis, which counts the images."

[[question]]
ask = "Nearest mean reads 82 of 100 digits. Moved by three pixels, it reads 41. Why so few?"

[[question.answer]]
text = "It compares pixel by pixel, at fixed places, and the ink of a digit that has moved lies in other pixels, where \
another digit's mean may be darker."
right = true
reason = "Nothing in the method knows that a moved 3 is still a 3."

[[question.answer]]
text = "The ink has become paler."
reason = "No pixel has changed its value; they only stand elsewhere."
"""

CELLS = (
    """import sys
sys.path.insert(0, "..")
from utils.lesson import ask, check, load_ten, quiz, write_ten
from utils.lesson.checks import CHECKS, Check
CHECKS["halve"] = Check(lambda number: number / 2, [(4,), (3,)], hint="Divide by 2.")""",
    "write_ten()",
    'guess = ask("How many of 100 digits does nearest mean read, if each moves by three pixels?", unit="of 100")\n'
    "guess",
    'trend = ask("And the loss?", choices=("falls", "rises", "stays"))\ntrend',
    'quiz("99")',
    "def halve(number):\n    return number // 2\n\ncheck(halve)",
    "def halve(number):\n    return number / 2\n\ncheck(halve)",
    "def halve(number):\n    return nummer / 2\n\ncheck(halve)",
)

#: Strokes, in shares of a pad's width and height.
THREE = [[(0.3, 0.2), (0.5, 0.12), (0.7, 0.25), (0.45, 0.45), (0.72, 0.65), (0.5, 0.88), (0.25, 0.78)]]
FOUR = [[(0.4, 0.15), (0.25, 0.55), (0.75, 0.55)], [(0.6, 0.3), (0.58, 0.9)]]


@pytest.fixture
def notebook(lab):
    """A notebook with the widgets and nothing else, run from its first cell to its last."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=metadata), lab.project / "notebooks" / "99-lesson.ipynb"
    )
    (lab.project / "utils" / "lesson" / "quizzes").mkdir(exist_ok=True)
    (lab.project / "utils" / "lesson" / "quizzes" / "99.toml").write_text(QUIZ, encoding="utf-8")
    notebook = Notebook(lab, "99")
    notebook.run_all()
    notebook.finish()
    yield notebook
    notebook.close()


def shots(notebook, name, widget):
    """Keep pictures of a widget on a wide page and on a narrow one."""
    for width in (1400, 760):  # of which JupyterLab takes 400 and 260 for itself
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        notebook.page.wait_for_timeout(300)
        notebook.shot(f"lesson-{name}-{width}", widget)
    notebook.page.set_viewport_size({"width": 1400, "height": 1000})


def test_write_ten(notebook, lab):
    """Write with the mouse, a finger and the keys; each digit is in its file when the pen lifts, and can be cleared."""
    page, widget, folder = notebook.page, notebook.widget("write_ten("), lab.ten
    status = widget.locator("[role=status]")
    playwright.expect(status).to_contain_text("Write a digit on each pad")
    canvas = {digit: widget.locator("canvas").nth(digit) for digit in range(10)}

    pen(page, canvas[3], THREE)
    playwright.expect(status).to_contain_text("Still to write: 0, 1, 2, 4, 5, 6, 7, 8 and 9.")
    Lab.wait((folder / "3.png").is_file, 10, "the drawing was not kept")
    drawn = read_image(folder / "3.png")
    assert drawn.shape == (280, 280)
    rows, columns = np.nonzero(drawn < 128)
    assert abs(rows.min() - 0.12 * 280) < 12, "the ink is where the pen was"
    assert abs(columns.max() - 0.72 * 280) < 20
    assert "you wrote 3; the other nine" in notebook.ask("from utils.lesson import load_ten; load_ten()")
    assert notebook.ask("print(load_ten().prepared[3].max() > 200)").endswith("True")

    pen(page, canvas[4], FOUR, finger=page.context.new_cdp_session(page))
    playwright.expect(status).to_contain_text("Still to write: 0, 1, 2, 5, 6, 7, 8 and 9.")
    Lab.wait((folder / "4.png").is_file, 10, "what a finger drew was not kept")

    canvas[1].focus()
    page.keyboard.press("Space")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    playwright.expect(status).to_contain_text("Still to write: 0, 2, 5, 6, 7, 8 and 9.")
    rows, columns = np.nonzero(read_image(folder / "1.png") < 128)
    assert np.ptp(rows) > 130
    assert np.ptp(columns) < 20

    widget.get_by_role("button", name="Clear the 3").click()
    playwright.expect(status).to_contain_text("Still to write: 0, 2, 3, 5, 6, 7, 8 and 9.")
    assert not (folder / "3.png").exists()
    for digit in (0, 2, 3, 5, 6, 7, 8, 9):
        shape = read_image(SHIPPED / f"{digit}.png") < 128
        top, left = (int(np.argmax(shape.any(axis=axis))) / 280 for axis in (1, 0))
        pen(page, canvas[digit], THREE if digit == 3 else [[(left, top), (0.5, 0.5), (0.6, 0.8)]])
    playwright.expect(status).to_contain_text(re.compile("All ten are written, and kept in .*ten/"))
    shots(notebook, "write-ten", widget)

    again = notebook.cell("write_ten(")
    again.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    playwright.expect(notebook.widget("write_ten(").locator("[role=status]")).to_contain_text("All ten are written")
    canvas = notebook.widget("write_ten(").locator("canvas").nth(3)
    dark = (
        "pad => pad.getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 == 0 && v < 128).length"
    )
    Lab.wait(lambda: canvas.evaluate(dark) > 1000, 10, "what was written before is not shown")


def test_guess_quiz_and_check(notebook):
    """Guess, answer wrongly and rightly, and read what is said of three functions."""
    page = notebook.page
    widget = notebook.widget("guess = ask(")
    widget.get_by_role("textbox", name="Your guess").click()
    page.keyboard.type("60")
    playwright.expect(widget.locator("[role=status]")).to_contain_text("Noted.")
    shots(notebook, "guess", widget)
    assert notebook.ask("guess.compare(41.2)") == "You said 60 of 100. Measured: 41 of 100."
    widget = notebook.widget("trend = ask(")
    widget.get_by_role("button", name="rises").click()
    playwright.expect(widget.locator("[role=status]")).to_contain_text("Noted.")
    shots(notebook, "choice", widget)
    assert notebook.ask('trend.compare("falls")') == "You said rises. Measured: falls."

    widget = notebook.widget('quiz("99")')
    said = widget.locator("[role=status]")
    widget.get_by_role("button", name="One number for each image").click()
    playwright.expect(said.first).to_contain_text("✗ Not this one. That would be axis=(1, 2)")
    widget.get_by_role("button", name="One image").focus()
    page.keyboard.press("Enter")
    playwright.expect(said.first).to_contain_text("✓ Right. The mean runs over the first axis")
    widget.get_by_role("button", name="It compares pixel by pixel").click()
    playwright.expect(said.last).to_contain_text("✓ Right. Nothing in the method")
    shots(notebook, "quiz", widget)

    playwright.expect(notebook.cell("number // 2")).to_contain_text("halve(3) gives 1, and 1.5 is right.")
    playwright.expect(notebook.cell("return number / 2")).to_contain_text("halve: right, in 2 of 2 cases.")
    playwright.expect(notebook.cell("nummer")).to_contain_text(
        "halve: it stops at the line `return nummer / 2` with NameError"
    )
    shots(notebook, "check", notebook.cell("number // 2"))
