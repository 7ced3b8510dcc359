"""A real browser on a real JupyterLab. Without these, a widget is a picture that nobody has ever touched.

They need Playwright (requirements-dev.txt) and Chromium or Chrome. ``SCREENSHOTS=folder`` keeps a picture of each
notebook's main widget; the README shows some of them.
"""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import numpy as np
import pytest

from utils.paths import ROOT
from utils.reader import digits_folder

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")

TOKEN = "a-token-for-tests"


class Lab:
    """A JupyterLab of its own, on a copy of the project, for a browser."""

    def __init__(self, folder: Path, browser):
        self.browser = browser
        self.project, self.runtime = folder / "project", folder / "runtime"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "learned", "tests", "*-mine*")
        shutil.copytree(ROOT, self.project, ignore=ignored)
        settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
        for name, content in {
            "apputils-extension/notification": {"fetchNews": "false"},
            "notebook-extension/tracker": {"windowingMode": "none"},  # draw all cells, not only those in view
        }.items():
            path = settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "LEARNED_PATH": str(folder / "learned"),
        }
        environment.pop("DIGITS_PATH", None)
        if "SCREENSHOTS" not in os.environ:
            environment["MNIST_PATH"] = "sample"  # widgets do not mind, and trainings take seconds
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
        ]
        command.append(f"--IdentityProvider.token={TOKEN}")
        self.log = open(folder / "jupyterlab.log", "w")  # noqa: SIM115 (closed in close)
        self.server = subprocess.Popen(command, cwd=self.project, env=environment, stdout=self.log, stderr=self.log)

    def open(self):
        self.wait(lambda: self.get("status"), 120, "JupyterLab did not start")

    def close(self):
        self.server.terminate()
        self.server.wait(30)
        self.log.close()

    def get(self, path: str):
        try:
            request = Request(f"http://127.0.0.1:{self.port}/api/{path}", headers={"Authorization": f"token {TOKEN}"})
            with urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return None

    @staticmethod
    def wait(condition: Callable, seconds: float, message: str):
        end = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < end, message
            time.sleep(0.1)
        return result


class Notebook:
    """One notebook in the browser, in a kernel of its own; with other numbers in it, or only some of its cells."""

    def __init__(self, lab: Lab, number: str, changes: dict[str, str] | None = None, cells: Sequence[str] = ()):
        self.lab = lab
        (self.path,) = (lab.project / "notebooks").glob(f"{number}-*.ipynb")
        if cells:
            keep = nbformat.read(self.path, as_version=4)
            keep.cells = [cell for cell in keep.cells if any(text in cell.source for text in cells)]
            assert len(keep.cells) == len(cells)
            nbformat.write(keep, self.path)
        if changes:
            text = self.path.read_text(encoding="utf-8")
            for old, new in changes.items():
                assert old in text
                text = text.replace(old, new)
            self.path.write_text(text, encoding="utf-8")
        self.errors: list[str] = []
        self.page = lab.browser.new_page(viewport={"width": 1400, "height": 1000}, has_touch=True)
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"http://127.0.0.1:{lab.port}/lab/tree/notebooks/{self.path.name}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        self.page.get_by_title("Kernel status: Idle").or_(self.page.get_by_text("| Idle")).first.wait_for(
            timeout=90_000
        )

    def run_all(self):
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).first.click()

    def finish(self):
        """Wait until every cell has been run, and see that none has failed."""

        def done():
            wrong = self.page.locator("[data-mime-type='application/vnd.jupyter.stderr']")  # errors and warnings
            assert not wrong.count(), wrong.first.inner_text()
            prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
            return (
                not any("*" in prompt for prompt in prompts) and self.session()["kernel"]["execution_state"] == "idle"
            )

        Lab.wait(done, 280, "the notebook did not finish")
        self.page.keyboard.press("Control+s")
        Lab.wait(self.saved, 30, "the notebook was not saved with every cell run")

    def session(self):
        """What JupyterLab says of this notebook's kernel."""
        return next(one for one in self.lab.get("sessions") if one["path"].endswith(self.path.name))

    def saved(self):
        cells = [cell for cell in nbformat.read(self.path, as_version=4).cells if cell.cell_type == "code"]
        return [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)) and cells

    def cell(self, code: str):
        """The cell with this code in it."""
        cell = self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=code)).first
        cell.scroll_into_view_if_needed()
        return cell

    def widget(self, code: str):
        """The widget below this code, ready to be used."""
        widget = self.cell(code).locator(".jp-OutputArea-output > .widget-vbox").first
        widget.wait_for(timeout=30_000)
        widget.scroll_into_view_if_needed()
        return widget

    def ask(self, code: str) -> str:
        """Run code in the notebook's kernel, beside the page."""
        from jupyter_client import BlockingKernelClient

        client = BlockingKernelClient()
        client.load_connection_file(str(self.lab.runtime / f"kernel-{self.session()['kernel']['id']}.json"))
        client.start_channels()
        printed = []
        try:
            reply = client.execute_interactive(
                code, store_history=False, timeout=60, output_hook=lambda message: printed.append(message["content"])
            )
        finally:
            client.stop_channels()
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(content.get("text", "") for content in printed).strip()

    def shot(self, name: str, widget):
        """Keep a picture of a widget, if pictures are wanted."""
        if "SCREENSHOTS" in os.environ:
            folder = Path(os.environ["SCREENSHOTS"])
            folder.mkdir(parents=True, exist_ok=True)
            self.page.mouse.move(5, 5)
            widget.screenshot(path=folder / f"{name}.png")

    def close(self):
        """Shut the kernel down, and see that the browser had nothing to complain about."""
        errors = list(self.errors)
        request = Request(
            f"http://127.0.0.1:{self.lab.port}/api/sessions/{self.session()['id']}",
            headers={"Authorization": f"token {TOKEN}"},
            method="DELETE",
        )
        urlopen(request, timeout=10).close()
        self.page.close()
        assert errors == []


@pytest.fixture(scope="module")
def lab(tmp_path_factory, browser):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "*")
        lab = Lab(tmp_path_factory.mktemp("lab"), browser)
        try:
            lab.open()
            yield lab
        finally:
            lab.close()


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
    return bool(Lab.wait(lambda: picture(widget) != before, 20, "the picture did not change"))


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
    Lab.wait(lambda: svg.text_content() != first, 20, "the image did not change")
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


@pytest.mark.notebook("03", cells=("sys.path.insert", "from utils.mnist", "try_network("))
def test_build(notebook):
    """Choose layers, and the drawing, the parameters and the code follow."""
    widget = notebook.widget("try_network(")
    playwright.expect(widget).to_contain_text("52,138 parameters")
    assert changes(widget, lambda: slide(widget, "Convolutions", 1))
    playwright.expect(widget.locator("pre")).to_contain_text("layers.Conv2D(32")
    assert changes(widget, lambda: widget.get_by_role("button", name="5 × 5").click())
    playwright.expect(widget.locator("pre")).to_contain_text("kernel_size=5")
    notebook.shot("03-build", widget)


def test_train(lab):
    """Stop and the kernel's interrupt end a training and lose nothing; the cells below run on."""
    notebook = Notebook(
        lab,
        "04",
        {"_size = 10, 2e-3": "_size = 400, 2e-3", "_size = 9, 6e-3": "_size = 400, 6e-3", "patience=3": "patience=400"},
    )
    page = notebook.page
    notebook.run_all()

    dense, cnn = notebook.cell('LiveCurves("dense network")'), notebook.cell('LiveCurves("CNN"')
    stop = dense.get_by_role("button", name="Stop")
    stop.wait_for(timeout=120_000)
    curves = dense.locator(".jp-RenderedImage img")
    curves.wait_for(timeout=30_000)
    pictures, text = set(), dense.locator(".training-bar span")
    some = 12 if "SCREENSHOTS" in os.environ else 3  # a picture for the README has more to show
    Lab.wait(lambda: pictures.add(curves.get_attribute("src")) or len(pictures) > some, 60, "the curves do not move")
    assert re.search(r"epoch \d+ of 400 · batch \d+ of \d+ · [\d,]+ images/s · \d+:\d\d left", text.text_content())
    assert curves.count() == 1, "one picture, that changes in its place"
    notebook.shot("04-train", dense.locator(".jp-Cell-outputWrapper"))
    stop.click()
    playwright.expect(dense).to_contain_text(re.compile("Stopped (in|after)"))
    playwright.expect(stop).to_have_count(0)

    cnn.locator(".training-bar progress").wait_for(timeout=120_000)
    cnn.locator(".jp-RenderedImage img").wait_for(timeout=60_000)
    playwright.expect(cnn.locator(".training-bar")).to_contain_text("epoch 8", timeout=120_000)
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
    Lab.wait(lambda: picture(panel) != before, 30, "the curves do not move")
    panel.get_by_role("button", name="Stop").click()
    playwright.expect(rows).to_have_count(5)
    playwright.expect(rows.last).to_contain_text("stopped")
    notebook.shot("04-experiment", panel)
    notebook.close()


@pytest.mark.notebook("05")
def test_evaluate(notebook):
    """Click a field of the confusion matrix and see its images; move the threshold; look inside."""
    matrix = notebook.widget("browse_confusion(")
    fields = matrix.locator("button")
    assert fields.count() > 20
    right = matrix.locator("button[title^='3 read as 3']")
    assert changes(matrix, right.click)
    playwright.expect(matrix.locator("[role=status]")).to_contain_text("3 read as 3: ")
    assert changes(matrix, matrix.locator("button[title*='taken for']").first.click)
    notebook.shot("05-confusion", matrix)

    threshold = notebook.widget("try_threshold(")
    words = threshold.inner_text()
    assert changes(threshold, lambda: slide(threshold, "Threshold", 6))
    assert threshold.inner_text() != words
    notebook.shot("05-threshold", threshold)

    inside = notebook.widget("look_inside(")
    assert changes(inside, lambda: slide(inside, "Image", 1))
    assert changes(inside, lambda: slide(inside, "Block", 1))
    notebook.shot("05-inside", inside)


#: Strokes, in shares of the pad's width and height.
THREE = [[(0.20, 0.2), (0.27, 0.15), (0.33, 0.25), (0.25, 0.45), (0.34, 0.6), (0.28, 0.8), (0.18, 0.75)]]
FOUR = [[(0.14, 0.15), (0.11, 0.55), (0.32, 0.55)], [(0.26, 0.2), (0.25, 0.9)]]
TWO = [[(0.5, 0.3), (0.56, 0.18), (0.65, 0.22), (0.66, 0.38), (0.5, 0.85), (0.72, 0.85)]]


def pen(page, canvas, strokes, finger=None):
    """Draw as a hand does: pen down, a few moves, pen up."""
    box = canvas.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        between = [
            (x0 + (x1 - x0) * step / 6, y0 + (y1 - y0) * step / 6)
            for (x0, y0), (x1, y1) in itertools.pairwise(points)
            for step in range(1, 7)
        ]
        if finger:
            for kind, at in [("touchStart", points[0]), *(("touchMove", at) for at in between), ("touchEnd", None)]:
                touches = [] if at is None else [{"x": at[0], "y": at[1]}]
                finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
            continue
        page.mouse.move(*points[0])
        page.mouse.down()
        for at in between:
            page.mouse.move(*at)
        page.mouse.up()


@pytest.mark.notebook("06")
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
            document.addEventListener("mouseup", () => { window.lifted = performance.now() }, true);
            new MutationObserver(() => {
                if (!window.lifted || !document.querySelector(".digits-read")) return;
                window.latencies.push(performance.now() - window.lifted);
                window.lifted = 0;
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    pen(page, canvas, THREE)
    playwright.expect(read).to_have_text("3")
    Lab.wait(lambda: picture(inside) != looked, 20, "the look inside does not follow the pad")
    pad.get_by_role("button", name="Clear").click()
    playwright.expect(pad).to_contain_text("Draw a digit")

    for stroke in FOUR + TWO:
        pen(page, canvas, [stroke])
        page.wait_for_timeout(300)
    playwright.expect(read).to_have_text("42")
    assert pad.locator("img[style*=pixelated]").count() == 2, "what the network sees of each"
    notebook.shot("06-predict", pad)
    pad.get_by_role("button", name="Undo").click()
    playwright.expect(read).to_have_text("4")

    pad.get_by_role("button", name="Save").click()
    playwright.expect(pad).to_contain_text("Saved as digits/4-mine.png")
    assert (notebook.lab.project / "digits" / "4-mine.png").is_file()
    assert "4-mine.png,4" in (notebook.lab.project / "digits" / "labels.csv").read_text(encoding="utf-8")

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
    page.evaluate("window.latencies = []")
    for x in np.linspace(0.08, 0.92, 10):
        pen(page, canvas, [[(x, 0.2), (x, 0.8)]])
        page.wait_for_timeout(400)
    playwright.expect(read).to_have_text("1111111111")
    latencies = page.evaluate("window.latencies")
    assert len(latencies) == 10
    print(
        f"pen up to bars, for 1 to 10 digits on the pad: median {np.median(latencies):.0f} ms, "
        f"{min(latencies):.0f} to {max(latencies):.0f} ms"
    )

    pad.get_by_role("button", name="Clear").click()
    pen(page, canvas, THREE, finger=page.context.new_cdp_session(page))
    playwright.expect(read).to_have_text("3")
    notebook.shot("06-inside", notebook.widget("look_inside("))


@pytest.mark.notebook(
    "07", cells=("sys.path.insert", "from utils.mnist", "reader = load_model", "try_distortions(", "study = search(")
)
def test_improve(notebook):
    """Distort the digits with a slider and see them misread; the search of two processes comes to its end."""
    widget = notebook.widget("try_distortions(")
    words = widget.locator("[role=status]")
    assert changes(widget, lambda: slide(widget, "Turn", 12))
    # The kernel comes to the last step a while after the last key: what it still has to do would undo the reset.
    playwright.expect(words).to_contain_text(re.compile(r"turn 85: .* [0-7] of 10 are right"))
    assert changes(widget, widget.get_by_role("button", name="As they were").click)
    playwright.expect(words).to_contain_text(re.compile(r"as they were: .* (9|10) of 10 are right"))
    notebook.shot("07-distort", widget)
    search = notebook.cell("study = search(")
    playwright.expect(search).to_contain_text(re.compile(r"(8|9) trials in \d+ s, by two processes"))


@pytest.mark.notebook("08")
def test_deploy(notebook):
    """Choose uploads, good and bad, and read the service's answers."""
    widget = notebook.widget("try_uploads(")
    answer, choice = widget.locator("pre"), widget.locator("select")
    playwright.expect(answer).to_contain_text('"text": "42"')
    assert changes(widget, lambda: choice.select_option("a text file, renamed to .png"))
    playwright.expect(answer).to_contain_text(re.compile("422 .*is not an image that can be read", re.DOTALL))
    choice.select_option("11 MB")
    playwright.expect(answer).to_contain_text(re.compile("413 .*send a smaller image", re.DOTALL))
    notebook.shot("08-uploads", widget)
    playwright.expect(notebook.cell("load(4)  # warm up")).to_contain_text("Stopped.")
