"""A real browser on a real JupyterLab. Without these, a widget is a picture that nobody has ever touched.

They need Playwright (requirements-dev.txt) and Chromium or Chrome. ``SCREENSHOTS=folder`` keeps a picture of each
notebook's main widget; the README shows some of them.
"""

import json
import os
import platform
import re
from collections.abc import Callable

import nbformat
import numpy as np
import pytest

from tests.lab import Lab, Notebook, pen
from tests.series import NOTEBOOKS
from utils.reader import digits_folder

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")


@pytest.fixture
def notebook(lab, request):
    """The notebook that the test names, run from its first cell to its last."""
    mark = request.node.get_closest_marker("notebook")
    notebook = Notebook(lab, *mark.args, **mark.kwargs)
    notebook.run_all()
    notebook.finish()
    yield notebook
    notebook.close()


def picture(widget) -> str:
    """What the last image of a widget shows now."""
    return widget.locator("img.widget-image").last.evaluate(
        """async image => {
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))).join()
        }"""
    )


def changes(widget, action: Callable) -> bool:
    before = picture(widget)
    action()
    return bool(Lab.wait(lambda: picture(widget) != before, 120, "the picture did not change"))


def slide(widget, label: str, steps: int = 1):
    """Move a slider as a keyboard user does."""
    handle = widget.locator(".widget-inline-hbox", has_text=label).locator(".noUi-handle").first
    handle.focus()
    for _ in range(abs(steps)):
        handle.press("ArrowRight" if steps > 0 else "ArrowLeft")


def drag(page, widget, label: str, share: float):
    """Drag a slider's handle to a share of its length."""
    line = widget.locator(".widget-inline-hbox", has_text=label).first
    handle, base = line.locator(".noUi-handle").first.bounding_box(), line.locator(".noUi-base").first.bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(base["x"] + share * base["width"], base["y"] + base["height"] / 2, steps=8)
    page.mouse.up()


def test_opening_changes_nothing(lab):
    """No dot of unsaved changes on a notebook that was only opened, and no question when it is closed."""
    opened = []
    for path in NOTEBOOKS:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["metadata"]["language_info"]["version"] = platform.python_version()  # JupyterLab compares this, too
        copy, text = lab.project / "notebooks" / f"opened-{path.name}", json.dumps(content)
        copy.write_text(text, encoding="utf-8")
        opened.append((Notebook(lab, f"opened-{path.name[:2]}"), text))
    opened[-1][0].page.wait_for_timeout(10_000)
    changed = [
        notebook.path.name
        for notebook, text in opened  # a notebook that was changed some minutes ago has been saved by JupyterLab
        if notebook.page.locator(".jp-mod-dirty").count() or notebook.path.read_text(encoding="utf-8") != text
    ]
    for notebook, _ in opened:
        notebook.close()
    assert changed == []


@pytest.mark.notebook("01")
def test_explore(notebook):
    """Leaf through the digits by class and index; the pixel under the pointer says its value."""
    widget = notebook.widget("explore_digits(x_train")
    svg = widget.locator("svg")
    assert "labelled 0" in svg.text_content()
    widget.get_by_role("button", name="7", exact=True).click()
    playwright.expect(svg).to_contain_text("labelled 7")
    first = svg.text_content()
    slide(widget, "Image", 3)
    Lab.wait(lambda: svg.text_content() != first, 120, "the image did not change")
    handle = widget.locator(".noUi-handle").first
    playwright.expect(handle).to_have_attribute("aria-label", "Image")
    playwright.expect(handle).to_have_attribute("aria-valuetext", "4")
    pressed = widget.get_by_role("button", name="7", exact=True, pressed=True)
    playwright.expect(pressed).to_have_count(1)
    dark = svg.locator("g", has=notebook.page.locator("text:not(.value)")).nth(5)
    dark.hover()
    shown = dark.locator(".value")
    playwright.expect(shown).to_be_visible()
    value = shown.text_content().rsplit(" ", 1)[1]
    assert value == dark.locator("text:not(.value)").text_content()
    notebook.shot("01-explore", widget)


@pytest.mark.notebook("02")
def test_preprocess(notebook):
    """Drag a slider, and picture and reading follow at once."""
    widget = notebook.widget("try_preparation(")
    assert changes(widget, lambda: drag(notebook.page, widget, "Threshold", 0.3))
    assert changes(widget, lambda: drag(notebook.page, widget, "Stroke", 0.9))
    assert changes(widget, lambda: slide(widget, "Blur", 8))
    assert changes(widget, lambda: widget.locator("select").last.select_option("not at all"))
    assert changes(widget, lambda: widget.locator("select").first.select_option("3-chalk.png"))
    widget.locator("select").last.select_option("by its mass")
    drag(notebook.page, widget, "Blur", 0)
    assert changes(widget, lambda: widget.locator("input[type=checkbox]").check())
    playwright.expect(widget.locator("[role=status]").last).to_contain_text("read as 3")
    notebook.shot("02-preprocess", widget)


def write(lab, name: str, *cells: str):
    """Write a notebook of a few cells, for a widget alone, and run it."""
    setup = "import sys\n\nsys.path.insert(0, '..')\nfrom utils.plots import use_style\n\nuse_style()"
    (model,) = (lab.project / "notebooks").glob("01-*.ipynb")
    content = nbformat.v4.new_notebook(
        metadata=nbformat.read(model, as_version=4).metadata,
        cells=[nbformat.v4.new_code_cell(source) for source in (setup, *cells)],
    )
    nbformat.write(content, model.with_name(f"{name}-alone.ipynb"))
    notebook = Notebook(lab, name)
    notebook.run_all()
    notebook.finish()
    return notebook


def overflows(widget) -> bool:
    """Whether a part of a widget lies beyond its right edge."""
    return widget.evaluate("widget => widget.scrollWidth > widget.clientWidth + 1")


def test_descent(lab):
    """Step down a curve with the keyboard; too large a rate throws the point out, and words say so."""
    notebook = write(
        lab,
        "descent",
        "from utils.widgets import try_descent\n\n"
        "try_descent(lambda w: 0.2 * w**2 + 0.8 * w + 1, start=-5, low=-6, high=6, rate=1.5)",
    )
    widget = notebook.widget("try_descent(")
    words = widget.locator("[role=status]").first
    playwright.expect(words).to_contain_text("w = −5.00, the loss is 2.00, the slope −1.20")
    assert changes(widget, lambda: widget.get_by_role("button", name="One step").press("Enter"))
    playwright.expect(words).to_contain_text("Step 1: w = −5.00 − 1.5 · (−1.20) = −3.20")
    notebook.shot("03-descent-step", widget)
    assert changes(widget, lambda: slide(widget, "Steps", 2))
    playwright.expect(words).to_contain_text("Step 3: ")
    assert changes(widget, lambda: drag(notebook.page, widget, "Learning rate", 1))
    slide(widget, "Start", -3)
    playwright.expect(words).to_contain_text("The step overshot: the loss has grown from")
    handle = widget.locator(".noUi-handle").nth(1)
    playwright.expect(handle).to_have_attribute("aria-label", "Learning rate")
    playwright.expect(handle).to_have_attribute("aria-valuetext", "100")
    notebook.shot("03-descent", widget)
    assert not overflows(widget)
    notebook.page.set_viewport_size({"width": 700, "height": 1000})
    notebook.shot("03-descent-narrow", widget)
    assert not overflows(widget)
    widget.get_by_role("button", name="Start over").click()
    playwright.expect(words).to_contain_text("A step: w ← w − learning rate · slope")
    notebook.close()


def test_window(lab):
    """Step, slide and play the window; every choice changes the map; all of it fits on a narrow page."""
    notebook = write(
        lab,
        "window",
        "import numpy as np\n\nfrom utils.mnist import load_mnist\nfrom utils.widgets import slide_window\n\n"
        "image = load_mnist(verbose=False).x_train[0] / 255\n"
        "slide_window(image, np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]]))",
    )
    widget = notebook.widget("slide_window(")
    words = widget.locator("[role=status]").last
    notebook.shot("05-window", widget)
    slide(widget, "Row", -30)
    slide(widget, "Column", -30)
    playwright.expect(words).to_contain_text("Output row 0, column 0: the sum of the products is 0.")
    widget.get_by_role("button", name="One step").press("Enter")
    playwright.expect(words).to_contain_text("row 0, column 1:")
    widget.get_by_title("Play", exact=True).press("Enter")
    playwright.expect(words).to_contain_text(re.compile("row (0, column ([5-9]|1.|2.)|[1-9].*):"))
    widget.get_by_title("Pause", exact=True).click()
    widget.get_by_title("Back to the start", exact=True).click()
    playwright.expect(words).to_contain_text("row 0, column 0:")
    slide(widget, "Row", 8)
    slide(widget, "Column", 12)
    playwright.expect(words).to_contain_text("row 8, column 12:")
    output = widget.locator("svg").last
    playwright.expect(output).to_contain_text("Output, 26 × 26")
    widget.get_by_role("button", name="Same").click()
    playwright.expect(output).to_contain_text("Output, 28 × 28")
    notebook.shot("05-window-same", widget)
    widget.get_by_role("button", name="Max pooling").click()
    widget.get_by_role("button", name="2", exact=True).click()
    playwright.expect(output).to_contain_text("Output, 14 × 14")
    playwright.expect(words).to_contain_text("the largest of the patch is")
    notebook.shot("05-window-pooling", widget)
    assert not overflows(widget)
    notebook.page.set_viewport_size({"width": 700, "height": 1000})
    widget.get_by_role("button", name="Convolution").click()
    playwright.expect(words).to_contain_text("the sum of the products is")
    notebook.shot("05-window-narrow", widget)
    assert not overflows(widget)
    sizes = widget.locator("svg").evaluate_all(
        "all => all.map(svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width * 16)"
    )
    assert min(sizes) >= 16, "text of 12 points, on a narrow page too"
    notebook.close()


@pytest.mark.notebook("05", cells=("sys.path.insert", "from utils.mnist", "try_network("))
def test_build(notebook):
    """Choose layers, and the drawing, the parameters and the code follow."""
    widget = notebook.widget("try_network(")
    playwright.expect(widget).to_contain_text("52,138 parameters")
    assert changes(widget, lambda: slide(widget, "Convolutions", 1))
    playwright.expect(widget.locator("pre")).to_contain_text("layers.Conv2D(32")
    assert changes(widget, lambda: widget.get_by_role("button", name="5 × 5").click())
    playwright.expect(widget.locator("pre")).to_contain_text("kernel_size=5")
    notebook.shot("05-build", widget)


def test_train(lab):
    """Stop and the kernel's interrupt end a training and lose nothing; the cells below run on."""
    notebook = Notebook(
        lab,
        "06",
        {"_size = 10, 2e-3": "_size = 400, 2e-3", "_size = 9, 6e-3": "_size = 400, 6e-3", "patience=3": "patience=400"},
    )
    page = notebook.page
    notebook.run_all()

    dense, cnn = notebook.cell('LiveCurves("dense network")'), notebook.cell('LiveCurves("CNN"')
    stop = dense.get_by_role("button", name="Stop")
    stop.wait_for(timeout=900_000)  # small networks are trained before it
    curves = dense.locator(".jp-RenderedImage img")
    curves.wait_for()
    pictures, text = set(), dense.locator(".training-bar span")
    some = 12 if "SCREENSHOTS" in os.environ else 3  # a picture for the README has more to show
    Lab.wait(lambda: pictures.add(curves.get_attribute("src")) or len(pictures) > some, 300, "the curves do not move")
    assert re.search(r"epoch \d+ of 400 · batch \d+ of \d+ · [\d,]+ images/s · \d+:\d\d left", text.text_content())
    assert curves.count() == 1, "one picture, that changes in its place"
    notebook.shot("06-train", dense.locator(".jp-Cell-outputWrapper"))
    stop.click()
    playwright.expect(dense).to_contain_text(re.compile("Stopped (in|after)"))
    playwright.expect(stop).to_have_count(0)

    cnn.locator(".training-bar progress").wait_for(timeout=900_000)
    cnn.locator(".jp-RenderedImage img").wait_for()
    playwright.expect(cnn.locator(".training-bar")).to_contain_text(
        re.compile(r"epoch ([89]|\d\d+) of"), timeout=600_000
    )
    page.locator("[data-command='notebook:interrupt-kernel'], [title^='Interrupt the kernel']").first.click()
    playwright.expect(cnn).to_contain_text("Stopped")

    notebook.finish()
    answer = notebook.ask(
        "import json; losses = cnn_history.history['val_loss']; "
        "again = cnn.evaluate(x_val, y_val, batch_size=1000, verbose=0)[0]; "
        "print(json.dumps([mlp_live.stopped, cnn_live.stopped, len(mlp_history.history['loss']), losses, again]))"
    )
    dense_stopped, cnn_stopped, epochs, losses, again = json.loads(answer.splitlines()[-1])
    assert dense_stopped
    assert cnn_stopped
    assert 0 < epochs < 400, "the history is there"
    assert 2 < len(losses) < 400
    assert again == pytest.approx(min(losses), rel=0.02), "the best weights are back"

    panel = notebook.widget("try_training(")
    rows = panel.locator("table tr")
    playwright.expect(rows).to_have_count(3)
    slide(panel, "Epochs", -3)
    panel.get_by_role("button", name="Run").click()
    playwright.expect(rows).to_have_count(4)
    slide(panel, "Epochs", 18)
    slide(panel, "Batch size", -1)
    before = picture(panel)
    panel.get_by_role("button", name="Run").click()
    Lab.wait(lambda: picture(panel) != before, 120, "the curves do not move")
    panel.get_by_role("button", name="Stop").click()
    playwright.expect(rows).to_have_count(5)
    playwright.expect(rows.last).to_contain_text("stopped")
    notebook.shot("06-experiment", panel)
    notebook.close()


@pytest.mark.notebook("07")
def test_evaluate(notebook):
    """Click an entry of the confusion matrix and see its images; move the threshold; look inside."""
    matrix = notebook.widget("browse_confusion(")
    fields = matrix.locator("button")
    assert fields.count() > 20
    right = matrix.locator("button[title^='3 read as 3']")
    assert changes(matrix, right.click)
    playwright.expect(matrix.locator("[role=status]")).to_contain_text("3 read as 3: ")
    assert changes(matrix, matrix.locator("button[title*='taken for']").first.click)
    notebook.shot("07-confusion", matrix)

    threshold = notebook.widget("try_threshold(")
    words = threshold.inner_text()
    assert changes(threshold, lambda: slide(threshold, "Threshold", 6))
    assert threshold.inner_text() != words
    notebook.shot("07-threshold", threshold)

    inside = notebook.widget("look_inside(")
    assert changes(inside, lambda: slide(inside, "Image", 1))
    assert changes(inside, lambda: slide(inside, "Block", 1))
    notebook.shot("07-inside", inside)


@pytest.mark.notebook("08", cells=("sys.path.insert", "from utils.mnist", "def grey", "def coarse", "try_damage("))
def test_break(notebook):
    """Turn the strength of a damage up, and choose another."""
    widget = notebook.widget("try_damage(")
    words = widget.locator("[role=status]")
    assert changes(widget, lambda: slide(widget, "Strength", 2))
    playwright.expect(words).to_contain_text(
        re.compile(r"grey paper \(1 = black\) 0\.3\. dense network: [0-8] of 10 read")
    )
    widget.locator("select").select_option("moved (pixels)")
    playwright.expect(words).to_contain_text(re.compile(r"moved \(pixels\) 0\. .*CNN: (9|10) of 10 read"))
    notebook.shot("08-damage", widget)


#: Strokes, in shares of the pad's width and height.
THREE = [[(0.20, 0.2), (0.27, 0.15), (0.33, 0.25), (0.25, 0.45), (0.34, 0.6), (0.28, 0.8), (0.18, 0.75)]]
FOUR = [[(0.14, 0.15), (0.11, 0.55), (0.32, 0.55)], [(0.26, 0.2), (0.25, 0.9)]]
TWO = [[(0.5, 0.3), (0.56, 0.18), (0.65, 0.22), (0.66, 0.38), (0.5, 0.85), (0.72, 0.85)]]


@pytest.mark.notebook("09")
def test_predict(notebook):
    """Draw a 3 and read it as the pen lifts; draw 42; clear, undo, upload, save; by mouse and by finger."""
    page = notebook.page
    pad, inside = notebook.widget("drawing_pad("), notebook.widget("look_inside(")
    pad.scroll_into_view_if_needed()
    canvas, read = pad.locator("canvas"), pad.locator(".digits-read")
    looked = picture(inside)
    page.evaluate(
        """() => {
            window.latencies = [];
            window.read = "";
            document.addEventListener("mouseup", () => { window.lifted = performance.now() }, true);
            new MutationObserver(() => {
                const read = document.querySelector(".digits-read")?.textContent ?? "";
                if (read === window.read) return;
                window.read = read;
                window.latencies.push(performance.now() - window.lifted);
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    pen(page, canvas, THREE)
    playwright.expect(read).to_have_text("3")
    Lab.wait(lambda: picture(inside) != looked, 120, "the look inside does not follow the pad")
    pad.get_by_role("button", name="Clear").click()
    playwright.expect(pad).to_contain_text("Draw a digit")

    for stroke in FOUR + TWO:
        pen(page, canvas, [stroke])
        page.wait_for_timeout(300)
    playwright.expect(read).to_have_text("42")
    assert pad.locator("img[style*=pixelated]").count() == 2, "what the network sees of each"
    notebook.shot("09-predict", pad)
    pad.get_by_role("button", name="Undo").click()
    playwright.expect(read).to_have_text("4")

    pad.get_by_role("button", name="Save").click()
    playwright.expect(pad).to_contain_text("Saved as digits/4-mine.png")
    assert (notebook.lab.project / "digits" / "4-mine.png").is_file()
    assert "4-mine.png,4" in (notebook.lab.project / "digits" / "labels-mine.csv").read_text(encoding="utf-8")

    def upload(file):
        with page.expect_file_chooser() as chooser:
            pad.get_by_role("button", name="Read a picture").click()
        chooser.value.set_files(file)

    upload(digits_folder() / "507-table.jpg")
    playwright.expect(read).to_have_text("507")
    pad.get_by_role("button", name="Eraser").click()
    pad.get_by_role("button", name="Clear").click()
    playwright.expect(pad).to_contain_text("Draw a digit")
    pen(page, canvas, THREE)  # and no longer with the eraser
    playwright.expect(read).to_have_text("3")
    upload({"name": "notes.png", "mimeType": "image/png", "buffer": b"no image"})
    playwright.expect(pad).to_contain_text("notes.png is not an image that can be read")

    pad.get_by_role("button", name="Clear").click()
    playwright.expect(pad).to_contain_text("Draw a digit")
    page.evaluate("window.latencies = []")
    for count, x in enumerate(np.linspace(0.08, 0.92, 10), start=1):
        pen(page, canvas, [[(x, 0.2), (x, 0.8)]])
        playwright.expect(read).to_have_text("1" * count)
    latencies = page.evaluate("window.latencies")
    assert len(latencies) == 10, "one for each stroke"
    print(
        f"pen up to bars, for 1 to 10 digits on the pad: median {np.median(latencies):.0f} ms, "
        f"{min(latencies):.0f} to {max(latencies):.0f} ms"
    )

    pad.get_by_role("button", name="Clear").click()
    pen(page, canvas, THREE, finger=page.context.new_cdp_session(page))
    playwright.expect(read).to_have_text("3")
    notebook.shot("09-inside", notebook.widget("look_inside("))


@pytest.mark.notebook(
    "10",
    cells=(
        "sys.path.insert",
        "from utils.mnist",
        "and two work at once",
        "study = search(",
        "try_distortions(ten",
    ),
)
def test_improve(notebook):
    """Distort the digits with a slider and see them misread; the search of two processes is completed."""
    widget = notebook.widget("try_distortions(")
    words = widget.locator("[role=status]")
    assert changes(widget, lambda: slide(widget, "Turn", 12))
    # The kernel comes to the last step a while after the last key: what it still has to do would undo the reset.
    playwright.expect(words).to_contain_text(re.compile(r"turn 85: .* [0-7] of 10 are right"))
    assert changes(widget, widget.get_by_role("button", name="As they were").click)
    playwright.expect(words).to_contain_text(re.compile(r"as they were: .* (9|10) of 10 are right"))
    notebook.shot("10-distort", widget)
    search = notebook.cell("study = search(")
    playwright.expect(search).to_contain_text(re.compile(r"[4-6] trials by two workers"))


@pytest.mark.notebook("11")
def test_deploy(notebook):
    """Choose uploads, good and bad, and read the service's answers."""
    widget = notebook.widget("try_uploads(")
    answer, choice = widget.locator("pre"), widget.locator("select")
    playwright.expect(answer).to_contain_text('"text": "42"')
    assert changes(widget, lambda: choice.select_option("a text file, renamed to .png"))
    playwright.expect(answer).to_contain_text(re.compile("422 .*is not an image that can be read", re.DOTALL))
    choice.select_option("11 MB")
    playwright.expect(answer).to_contain_text(re.compile("413 .*send a smaller image", re.DOTALL))
    notebook.shot("11-uploads", widget)
    playwright.expect(notebook.cell("server.terminate()")).to_contain_text("Stopped.")
