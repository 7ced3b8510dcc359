"""A JupyterLab on a copy of the project, and a notebook in a browser, for tests that touch widgets."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat

from utils.paths import ROOT

TOKEN = "a-token-for-tests"


class Lab:
    """A JupyterLab of its own, on a copy of the project, for a browser."""

    def __init__(self, folder: Path, browser):
        self.browser = browser
        self.project, self.runtime, self.ten = folder / "project", folder / "runtime", folder / "ten"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "learned", "tests", "*-mine*", "my-ten")
        shutil.copytree(ROOT, self.project, ignore=ignored)
        settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
        for name, content in {
            "apputils-extension/notification": {"fetchNews": "false"},
            "docmanager-extension/plugin": {"autosave": False},  # it may come between the tests' own saving
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
            "TEN_PATH": str(self.ten),
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
        self.wait(lambda: self.get("status"), 300, "JupyterLab did not start")

    def close(self):
        self.server.terminate()
        self.server.wait(120)
        self.log.close()

    def get(self, path: str):
        try:
            request = Request(f"http://127.0.0.1:{self.port}/api/{path}", headers={"Authorization": f"token {TOKEN}"})
            with urlopen(request, timeout=60) as answer:
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
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=240_000)
        self.page.get_by_title("Kernel status: Idle").or_(self.page.get_by_text("| Idle")).first.wait_for(
            timeout=240_000
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
            if any("*" in prompt for prompt in prompts) or self.session()["kernel"]["execution_state"] != "idle":
                return False
            self.page.keyboard.press("Control+s")  # again if need be: between two cells, too, a kernel is idle
            time.sleep(2)
            return self.saved()

        Lab.wait(done, 900, "the notebook did not finish, or was not saved with every cell run")

    def session(self):
        """What JupyterLab says of this notebook's kernel."""
        return next(one for one in self.lab.get("sessions") if one["path"].endswith(self.path.name))

    def saved(self):
        try:
            notebook = nbformat.read(self.path, as_version=4)
        except nbformat.reader.NotJSONError:
            return False  # it is being written
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        return [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)) and cells

    def cell(self, code: str):
        """The cell with this code in it."""
        cell = self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=code)).first
        cell.scroll_into_view_if_needed()
        return cell

    def widget(self, code: str):
        """The widget below this code, ready to be used."""
        widget = self.cell(code).locator(".jp-OutputArea-output > .widget-vbox").first
        widget.wait_for()
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
                code, store_history=False, timeout=300, output_hook=lambda message: printed.append(message["content"])
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
        urlopen(request, timeout=60).close()
        self.page.close()
        assert errors == []


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
