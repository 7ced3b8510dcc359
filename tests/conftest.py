"""Fixtures: an untouched place to work in, images, and small networks."""

import os
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

pillow_heif.register_heif_opener()

PATIENCE = 120_000  # milliseconds that a browser is waited for: a busy machine is slow, not wrong


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Ctrl-C raises here as it does at a learner's desk, also where the tests run in the background, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """No test sees, or leaves, what a learner has trained, written or downloaded."""
    monkeypatch.setenv("LEARNED_PATH", str(tmp_path / "learned"))
    monkeypatch.setenv("TEN_PATH", str(tmp_path / "ten"))
    monkeypatch.delenv("STORE_SCORES", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("DIGITS_PATH", raising=False)
    for name in ("no_proxy", "NO_PROXY"):  # the servers of these tests are on this machine
        monkeypatch.setenv(name, "*")


def _patient(make):
    """Let a page, or a context with pages, be waited for."""

    def make_patient(**options):
        made = make(**options)
        made.set_default_timeout(PATIENCE)
        return made

    return make_patient


@pytest.fixture(scope="module")
def browser():
    """Chromium or Chrome, driven by Playwright."""
    if os.environ.get("SKIP_BROWSER"):
        pytest.skip("SKIP_BROWSER is set")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs Chromium or Chrome on this machine")
    playwright.expect.set_options(timeout=PATIENCE)
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=options)
        browser.new_context, browser.new_page = map(_patient, (browser.new_context, browser.new_page))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, browser):
    """A JupyterLab of its own, for the tests of one file."""
    from tests.lab import Lab

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
def draw():
    """Draw digits in OpenCV's own line font, dark on light: ``draw("42") → (160, …) uint8``."""

    def draw_text(text: str, pen: int = 8, gap: int = 30) -> np.ndarray:
        page = np.full((160, 60 + 100 * len(text)), 255, np.uint8)
        for index, character in enumerate(text):
            origin = (30 + index * (70 + gap), 120)
            cv2.putText(page, character, origin, cv2.FONT_HERSHEY_SIMPLEX, 3, 0, pen, cv2.LINE_AA)
        return page

    return draw_text


@pytest.fixture
def save(tmp_path: Path):
    """Save an array as an image file: ``save("a.png", array) → path``."""

    def save_image(name: str, array: np.ndarray, **options) -> Path:
        path = tmp_path / name
        Image.fromarray(array).save(path, **options)
        return path

    return save_image


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch):
    """The 5,000 digits that need no connection."""
    from utils.mnist import load_mnist

    monkeypatch.setenv("MNIST_PATH", "sample")
    return load_mnist(verbose=False)
