"""Take the README's picture anew: ``python notebooks/images/take_picture.py`` from the project's root.

Starts JupyterLab, opens notebook 06 in the Chromium that is installed on this machine, and scrolls to the sheet of
predictions.
"""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
NOTEBOOK, HEADING = "06-predict-your-own-digits.ipynb", "Read the whole folder"


def main() -> None:
    """Write ``jupyterlab.png``."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        sys.exit("No chromium or google-chrome was found: install one.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=picture", "--LabApp.news_url=None"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(f"http://127.0.0.1:{port}/lab/tree/notebooks/{NOTEBOOK}?token=picture")
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
            time.sleep(8)  # until the kernel is idle and the pictures are laid out
            for name in ("No", "Dismiss"):  # questions that a first start may ask
                if page.get_by_role("button", name=name, exact=True).count():
                    page.get_by_role("button", name=name, exact=True).first.click()
            scroll_to(page, HEADING)
            page.screenshot(path=FOLDER / "jupyterlab.png")
            browser.close()
    finally:
        server.terminate()
    Image.open(FOLDER / "jupyterlab.png").convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        FOLDER / "jupyterlab.png", optimize=True
    )


def wait_for(port: int, seconds: float = 60) -> None:
    """Wait until a server listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("JupyterLab did not start.")


def scroll_to(page: Page, heading: str) -> None:
    """Turn the mouse wheel until a heading is near the top; JupyterLab draws only the cells that are in view."""
    page.mouse.move(800, 500)
    wanted = page.locator(f"h2:has-text('{heading}')")
    for _ in range(200):
        place = wanted.first.bounding_box() if wanted.count() and wanted.first.is_visible() else None
        if place and 60 < place["y"] < 320:
            return
        page.mouse.wheel(0, -100 if place and place["y"] <= 60 else 150)
        time.sleep(0.2)
    sys.exit(f"The heading {heading!r} was not found.")


if __name__ == "__main__":
    main()
