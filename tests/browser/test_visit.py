"""The page that reads in the browser, used as its visitors use it.

Without these, a class with nothing but phones stands before a page that nobody has tried.

``SCREENSHOTS=folder`` keeps pictures of it.
"""

import os
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from visiting import READY, served

from utils.paths import ROOT
from utils.reader import shipped_digits

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")

#: Strokes, in shares of the paper's width and height.
FOUR = [[(0.2, 0.2), (0.12, 0.55), (0.34, 0.55)], [(0.29, 0.3), (0.28, 0.8)]]
TWO = [[(0.55, 0.32), (0.62, 0.2), (0.7, 0.25), (0.7, 0.4), (0.55, 0.78), (0.75, 0.78)]]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
#: Waits until the service worker has everything, the part of LiteRT.js that this browser needs included.
KEPT = """async () => {
  await navigator.serviceWorker.ready;
  for (;;) {
    const all = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    if (all.flat().some(({ url }) => url.endsWith(".wasm"))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""

#: Waits until the page has been laid out and drawn, and what follows from that as well.
DRAWN_TWICE = """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"""


def pen(page, strokes):
    """Draw as a hand does: pen down, a few moves, pen up."""
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(x, y, steps=6)
        page.mouse.up()


def reads(page, text):
    playwright.expect(page.locator("#text")).to_have_text(text)


def says(page, pattern):
    playwright.expect(page.locator("#status")).to_have_text(re.compile(pattern))


def shoot(page, name):
    if "SCREENSHOTS" in os.environ:
        folder = ROOT / os.environ["SCREENSHOTS"]
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_draw_42_and_look_inside(visit):
    """The whole way: two digits, their bars, what the network sees, and what is behind it."""
    page = visit()
    pen(page, FOUR)
    reads(page, "4")
    pen(page, TWO)
    reads(page, "42")
    says(page, "^2 digits were found")
    assert page.locator("#boxes div").count() == 2
    page.locator("#digits button").nth(1).click()
    assert page.locator("#bars .highest th").inner_text() == "2"
    playwright.expect(page.get_by_role("img", name="A 2 as the network sees it, 28 by 28 pixels")).to_be_visible()
    page.get_by_text("Look inside").click()
    playwright.expect(page.locator("#blocks canvas")).to_have_count(2)
    assert "rests on" in page.locator("#rests + figcaption").inner_text()
    orange = "canvas => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;" \
             "let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i] > d[i + 2] + 60) n++; return n; }"  # fmt: skip
    assert page.locator("#rests").evaluate(orange) > 100, "some pixels matter"
    shoot(page, "browser-42")
    page.get_by_role("button", name="Clear").click()
    says(page, "^Draw something")
    playwright.expect(page.locator("#inside")).to_be_hidden()


def test_a_photo_on_a_phone(visit):
    """A row of digits in a form, read on the device that took it."""
    page = visit(**PHONE)
    page.locator("#file").set_input_files(shipped_digits() / "60427-mnist-form.jpg")
    reads(page, "60427")
    assert page.locator("#boxes div").count() == 5
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nothing sticks out of the screen"
    shoot(page, "browser-phone")


def test_in_the_dark_and_by_keyboard(visit):
    page = visit(color_scheme="dark")
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(22, 27, 33)"
    page.locator("#pad").focus()
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    reads(page, "1")
    shoot(page, "browser-dark")


def test_a_screen_reader_finds_its_way(visit):
    """Every part that one can use, or that shows something, has a name."""
    page = visit()
    pen(page, FOUR)
    reads(page, "4")
    page.get_by_text("Look inside").click()
    playwright.expect(page.locator("#blocks canvas")).to_have_count(2)
    for name, role in (("Undo", "button"), ("Clear", "button"), ("Paper to draw on", "img"), ("Drawing", "toolbar")):
        playwright.expect(page.get_by_role(role, name=name)).to_be_visible()
    nameless = "all => all.filter(one => one.checkVisibility() && !one.ariaLabel && !one.textContent).length"
    assert page.locator("canvas, button, summary, a").evaluate_all(nameless) == 0


def test_a_screen_reader_does_not_count_along(visit):
    """A hundred announcements of a percentage drown everything else, on a slow line for minutes."""
    page = visit(
        ready=False,
        before="""document.addEventListener("DOMContentLoaded", () => {
          window.announced = new Set();
          const status = document.querySelector("#status");
          const note = () => {
            window.counted ||= status.querySelector("[aria-hidden]") !== null;
            const text = [...status.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join("");
            window.announced.add(text);
          };
          new MutationObserver(note).observe(status, { childList: true, characterData: true, subtree: true });
        })""",
    )
    page.wait_for_function(READY)
    assert page.evaluate("window.counted"), "whoever sees it sees how far it is"
    assert set(page.evaluate("[...window.announced]")) == {"The reader is coming …", "Draw something."}


def test_a_large_photo_takes_no_large_canvas(visit):
    """Safari on a phone gives a canvas 16 million pixels, and leaves a larger one empty: a new phone's photo has 24."""
    page = visit()
    same = page.evaluate("""async () => {
      const Real = OffscreenCanvas;
      const { openImage } = await import("./reader/opening.js");
      const canvas = new Real(6000, 4000);
      const paper = canvas.getContext("2d");
      for (let i = 0; i < 500; i++) {
        paper.fillStyle = `rgb(${i % 256} ${(7 * i) % 256} ${(31 * i) % 256})`;
        paper.fillRect((i * 997) % 5500, (i * 661) % 3900, 500, 300);
      }
      const blob = await canvas.convertToBlob();
      let most = 0;
      window.OffscreenCanvas = function (width, height) {
        most = Math.max(most, width * height);
        return new Real(width, height);
      };
      const grey = await openImage(blob, "photo.png");
      const { toGrey } = await import("./reader/decoding.js");
      const whole = toGrey(paper.getImageData(0, 0, 6000, 4000));
      return most < 16e6 && grey.data.every((value, i) => value === whole.data[i]);
    }""")
    assert same


def test_nothing_leaves_the_device(visit):
    """The line at the foot of the page, taken at its word: once the page is there, it asks nobody anything."""
    page = visit()
    assert "nothing of it leaves it" in page.locator("footer").inner_text()
    page.evaluate(KEPT)  # all that is asked for after the first visit, too
    page.wait_for_load_state("networkidle")
    sent = []
    page.context.on("request", lambda request: sent.append(request.url))
    pen(page, FOUR)
    reads(page, "4")
    page.locator("#file").set_input_files(shipped_digits() / "60427-mnist-form.jpg")
    reads(page, "60427")
    page.get_by_text("Look inside").click()
    playwright.expect(page.locator("#blocks canvas")).to_have_count(2)
    assert [url for url in sent if not url.startswith("blob:")] == []


def test_it_works_without_a_connection(built, browser):
    """Opened at school, used on the bus: both pages, after the server has gone; and it comes back."""
    context = browser.new_context()
    page = context.new_page()
    with served(built) as address:
        page.goto(address)
        page.wait_for_function(READY)
        page.evaluate(KEPT)
    page.reload()
    page.wait_for_function(READY)
    pen(page, FOUR)
    reads(page, "4")
    page.get_by_role("link", name="Train a network here").click()
    page.locator("#epochs").select_option("1")
    page.get_by_role("button", name="Train").click()
    says(page, "^Epoch 1: it reads")
    for name in ("./", "index.html"):
        page.goto(address + name)
        page.wait_for_function(READY)
    context.close()


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("empty.png", lambda path: path.write_bytes(b""), "empty.png is empty"),
        ("text.png", lambda path: path.write_text("no image"), "text.png is not an image that this browser can open"),
        ("photo.heic", lambda path: Image.new("RGB", (64, 64), "white").save(path, format="HEIF"), "photo.heic is not"),
        ("blank.png", lambda path: Image.new("L", (300, 200), 255).save(path), "No digit was found"),
    ],
    ids=["empty", "text", "heic", "blank"],
)
def test_what_cannot_be_read_gets_a_sentence(visit, tmp_path, name, make, sentence):
    """And the next image is read as if nothing had been."""
    make(tmp_path / name)
    page = visit()
    page.locator("#file").set_input_files(tmp_path / name)
    says(page, f"^{re.escape(sentence)}")
    page.get_by_role("button", name="Clear").click()
    pen(page, FOUR)
    reads(page, "4")


def test_a_wall_is_no_page_of_digits(visit, tmp_path):
    """Silence where there is no digit: grain gives none that is sure."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.normal(128, 60, (600, 800)), (0, 0), 3) * 1.5 - 64
    Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8)).save(tmp_path / "wall.png")
    page = visit()
    page.locator("#file").set_input_files(tmp_path / "wall.png")
    says(page, "^(This does not look like digits|No digit was found)")


@pytest.mark.parametrize("lacks", ["delete window.WebAssembly", "WebAssembly.validate = () => false"])
def test_an_old_browser_gets_one_clear_sentence(visit, lacks):
    page = visit(ready=False, before=lacks)
    says(page, "^This browser is too old for the reader: take a newer one")
    pen(page, FOUR)
    says(page, "^This browser is too old")


def test_what_was_drawn_before_the_reader_came_is_read_then(visit):
    """A slow net is no reason to draw again; and how far it is shows meanwhile."""
    page = visit(ready=False)
    says(page, "^The reader is coming")
    pen(page, FOUR)
    reads(page, "4")


FAIL = """const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message) {
  if (message.task !== "look") return post.call(this, message);
  this.onmessage({ data: { number: message.number, problem: "The reader failed at this image: try another one." } });
};"""


def test_a_reader_that_cannot_warm_up_reads_all_the_same(visit):
    """It is for speed alone: without it, the page would refuse every drawing."""

    def spoil(route):
        code = (response := route.fetch()).text()
        assert "new ImageData(" in code
        route.fulfill(response=response, body=code.replace("new ImageData(", "new Missing("))

    page = visit(ready=False, routes={"**/reader/worker.js": spoil})
    page.wait_for_function(READY)
    pen(page, FOUR)
    reads(page, "4")


@pytest.mark.parametrize("breaks", ["throw new Error('out of memory')", "await new Promise(() => {})"])
def test_a_reader_that_breaks_is_replaced(visit, tmp_path, breaks):
    """One photo too large for a phone's memory, and every image after it would be refused, or wait without end."""

    def spoil(route):
        code = (response := route.fetch()).text()
        assert "  try {\n    postMessage(" in code
        code = code.replace(
            "  try {\n", f"  try {{ self.broken ||= given.name === 'large.png'; if (broken) {breaks};\n"
        )
        route.fulfill(response=response, body=code.replace("console.error(error)", "null"))

    hurry = """const late = setTimeout;
      window.hurried = true;
      window.setTimeout = (f, ms, ...rest) => late(f, hurried && ms === 60000 ? 1000 : ms, ...rest);"""
    page = visit(routes={"**/reader/worker.js": spoil}, before=hurry)
    Image.new("L", (300, 200), 255).save(tmp_path / "large.png")
    page.locator("#file").set_input_files(tmp_path / "large.png")
    says(page, "^The reader failed at this image: try another one[.]$")
    page.evaluate("hurried = false")  # the next reader has its minute, on a slow machine too
    page.get_by_role("button", name="Clear").click()
    pen(page, FOUR)
    reads(page, "4")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("7345-upside-down.jpg", "^4 digits were found, read upside down[.]$"),
        ("2473_5482-mnist-side.jpg", "^8 digits were found, read on its side[.]$"),
    ],
)
def test_a_page_that_lay_otherwise_is_no_worse_for_it(visit, file, sentence):
    """It was said to hold no digits, below digits that were all read for sure; and the boxes stand on the ink."""
    page = visit()
    page.locator("#file").set_input_files(shipped_digits() / file)
    says(page, sentence)
    shoot(page, f"browser-{file[:4]}")


def test_a_photo_with_too_much_on_it_is_to_be_cropped(visit, tmp_path):
    """Not to be written with a darker pen: that makes it worse."""
    dots = np.full((1600, 1600), 255, np.uint8)
    for shift in range(6):
        dots[shift::9, ::9] = dots[shift::9, 1::9] = dots[shift::9, 2::9] = 0
    Image.fromarray(dots).save(tmp_path / "many.png")
    page = visit()
    page.locator("#file").set_input_files(tmp_path / "many.png")
    says(page, "^Too many marks for a page of digits: crop the image")


def test_boxes_stay_on_the_digits_when_a_phone_is_turned(visit):
    """The photo has other margins then."""
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    page.locator("#file").set_input_files(shipped_digits() / "507-table.jpg")
    reads(page, "507")
    shares = {}
    for size in [(390, 844), (844, 390)]:
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.wait_for_function(f"innerWidth === {size[0]}")
        page.wait_for_timeout(300)
        page.evaluate(DRAWN_TWICE)
        shares[size] = page.evaluate("""() => {
          const photo = document.querySelector("#photo");
          const frame = photo.getBoundingClientRect();
          const scale = Math.min(frame.width / photo.naturalWidth, frame.height / photo.naturalHeight);
          const middle = frame.left + frame.width / 2;
          return [...document.querySelectorAll("#boxes div")].map((box) => {
            const { left, width } = box.getBoundingClientRect();
            return (left + width / 2 - middle) / scale;
          });
        }""")
    upright, turned = shares.values()
    assert len(upright) == 3
    assert turned == pytest.approx(upright, abs=20), "in pixels of the photo, from its middle"
    shoot(page, "browser-turned")


def test_a_drawing_is_read_as_its_file_would_be(visit):
    """What is drawn comes as pixels, what is compared with Python's reader as a file."""
    page = visit()
    pen(page, FOUR + TWO)
    reads(page, "42")
    pixels, file = page.evaluate("""async () => {
      const { askForReading, takeDrawing } = await import("./page/asking.js");
      const pad = document.querySelector("#pad");
      const file = await new Promise((resolve) => pad.toBlob(resolve));
      const given = [await takeDrawing(pad), file];
      const { signal } = new AbortController();
      return Promise.all(given.map((image) => askForReading(image, "drawing.png", { signal })));
    }""")
    assert pixels == file
    assert pixels["text"] == "42"


def test_a_look_inside_that_fails_gets_a_sentence(visit):
    """Whoever opens it must not stand before an empty frame."""
    page = visit(before=FAIL)
    pen(page, FOUR)
    reads(page, "4")
    page.get_by_text("Look inside").click()
    playwright.expect(page.locator("#rests + figcaption")).to_have_text(re.compile("^The reader failed"))
    playwright.expect(page.locator("#rests")).to_be_hidden()
