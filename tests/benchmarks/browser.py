"""Measure the page that reads in the browser: ``python tests/benchmarks/browser.py [PAGES]``.

Prints its sizes; how long it takes to start, from a server on this machine and from what the browser keeps; from a
stroke to the bars; for a photo of 12 megapixels; and a training of ten epochs. Then in how many images the reader in
JavaScript and the one in Python find the same text: those of ``digits/``, pages of each kind that ``reading.py`` draws
(5 of each unless told), and 1,000 test digits. Run it from the project's root, on all of MNIST, with Chromium and npm.
"""

import gzip
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "benchmarks")]

import utils  # noqa: F401 (before Keras: it keeps TensorFlow quiet)

# isort: split
from playwright.sync_api import sync_playwright
from reading import KINDS, make_pages
from visiting import READY, read_there, served

from utils.browser import write_page
from utils.mnist import load_mnist
from utils.networks import load_model, shipped_models
from utils.reader import Reading, list_images, read_image, read_page, shipped_digits

STARTS = 7
#: Kinds of files that browsers do not open.
UNKNOWN = (".tif", ".tiff", ".heic")
PEN_UP = """async () => {
  const pad = document.querySelector("#pad");
  const frame = pad.getBoundingClientRect();
  const send = (kind, x, y) =>
    pad.dispatchEvent(new PointerEvent(kind, { pointerId: 1, clientX: frame.left + x * frame.width,
                                               clientY: frame.top + y * frame.height, bubbles: true }));
  pad.setPointerCapture = () => {};
  send("pointerdown", 0.3, 0.2);
  for (let i = 0; i <= 10; i++) send("pointermove", 0.3, 0.2 + 0.06 * i);
  const began = performance.now();
  send("pointerup", 0.3, 0.8);
  while (document.querySelector("#result").hidden) await new Promise(requestAnimationFrame);
  const took = performance.now() - began;
  document.querySelector("#clear").click();
  return took;
}"""


def main(pages: int) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = write_page(Path(scratch, "page")).parent
        measure_sizes(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with served(folder) as address:
            measure_starts(browser, address)
            page = browser.new_page()
            page.goto(address)
            page.wait_for_function(READY)
            measure_speed(page, Path(scratch))
            compare(page, pages)
            page.goto(f"{address}learn.html")
            measure_training(page)
        browser.close()


def measure_sizes(folder: Path) -> None:
    sizes = json.loads((folder / "files.json").read_text(encoding="utf-8"))["sizes"]
    other = "litert_wasm_compat_internal"  # for browsers of another kind
    needed = [folder / name for name in sizes if other not in name]
    packed = sum(len(gzip.compress(path.read_bytes(), 6)) for path in needed)
    print(
        f"A first visit: {sum(path.stat().st_size for path in needed) / 1e6:.0f} MB, compressed {packed / 1e6:.1f} MB"
    )


def measure_starts(browser, address: str) -> None:
    first, later = [], []
    for _ in range(STARTS):
        context = browser.new_context()
        page = context.new_page()
        for times in (first, later):
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_function(READY)
            times.append(time.perf_counter() - began)
            page.evaluate("navigator.serviceWorker.ready")
            page.wait_for_timeout(1000)
        context.close()
    print(f"Ready to read, in the median of {STARTS}: the first time after {statistics.median(first):.2f} s, "
          f"later after {statistics.median(later):.2f} s")  # fmt: skip


def measure_speed(page, scratch: Path) -> None:
    page.wait_for_timeout(1000)  # the reader warms up, as while somebody begins to draw
    first, *strokes = [page.evaluate(PEN_UP) for _ in range(21)]
    print(f"From the end of a stroke to the bars: {statistics.median(strokes):.0f} ms in the median of {len(strokes)}, "
          f"{max(strokes):.0f} ms at most, {first:.0f} ms at the first")  # fmt: skip
    photo = cv2.resize(cv2.imread(str(shipped_digits() / "60427-mnist-form.jpg")), (4000, 3000))
    cv2.imwrite(str(scratch / "photo.jpg"), photo)
    times = [read_there(page, scratch / "photo.jpg")["milliseconds"] for _ in range(5)]
    print(f"A photo of 12 megapixels: {statistics.median(times) / 1000:.2f} s in the median of {len(times)}")


def compare(page, pages: int) -> None:
    mnist, model = load_mnist(), load_model(shipped_models() / "cnn.keras")
    sources = {
        "files of digits/": (
            (file.name, read_image(file), file)
            for file in list_images([shipped_digits()])
            if file.suffix.lower() not in UNKNOWN
        ),
        "drawn and photographed pages": (
            (kind, grey, grey) for kind, draw in KINDS.items() for _, grey in make_pages(draw, mnist, pages)
        ),
        "MNIST test digits": ((f"test {n}", 255 - one, 255 - one) for n, one in enumerate(mnist.x_test[:1000])),
    }
    same_in_all = count_in_all = 0
    for what, images in sources.items():
        same = count = 0
        for name, grey, image in images:
            here, there = Reading("", read_page(model, np.asarray(grey))[0]), read_there(page, image, "page.png")
            marked = re.sub(r"\s", "/", here.marked)
            other = "".join(
                ("" if not i or one["line"] == there["digits"][i - 1]["line"] else "/")
                + str(one["digit"])
                + ("" if one["confident"] else "?")
                for i, one in enumerate(there.get("digits", []))
            )
            count += 1
            same += marked == other
            if marked != other:
                print(f"  {name}: {marked!r} in Python, {other or there.get('error')!r} in JavaScript")
        print(f"{what}: the same text, and as sure, in {same:,} of {count:,}", flush=True)
        same_in_all, count_in_all = same_in_all + same, count_in_all + count
    print(f"In all: {same_in_all:,} of {count_in_all:,}, {same_in_all / count_in_all:.2%}")


def measure_training(page) -> None:
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('#status').textContent.startsWith('Epoch 10:')")
    print(f"Training, 32 hidden neurons. {page.locator('#status').inner_text()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
