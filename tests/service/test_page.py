"""The service's page in a real browser. Without these, a class stands before a page that nobody has ever touched.

They need Playwright and Chromium, as tests/widgets/test_browser.py does. ``SCREENSHOTS=folder`` keeps pictures of it.
"""

import os
import re
import signal
import time

import cv2
import numpy as np
import pytest
from serving import Server

from utils.networks import load_model, shipped_models
from utils.paths import ROOT
from utils.reader import export_model

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")

#: Strokes, in shares of the paper's width and height.
SEVEN = [[(0.3, 0.25), (0.45, 0.24), (0.39, 0.5), (0.35, 0.8)]]
ONE = [[(0.7, 0.25), (0.7, 0.8)]]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return export_model(load_model(shipped_models() / "cnn.keras"), tmp_path_factory.mktemp("page") / "cnn.tflite")


@pytest.fixture(scope="module")
def server(network):
    with Server("--model", str(network)) as server:
        yield server


class Page:
    """The page, as a person has it before them."""

    def __init__(self, browser, server, **device):
        self.context = browser.new_context(**({"viewport": {"width": 1000, "height": 1000}} | device))
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.foreign: list[str] = []
        here = f"http://127.0.0.1:{server.port}"
        self.page.on(
            "request", lambda sent: None if sent.url.startswith((here, "blob:")) else self.foreign.append(sent.url)
        )
        self.page.goto(here)

    def __getattr__(self, name):
        return getattr(self.page, name)

    def pen(self, strokes):
        """Draw as a hand does: pen down, a few moves, pen up."""
        box = self.locator("#pad").bounding_box()
        for stroke in strokes:
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
            self.mouse.move(*points[0])
            self.mouse.down()
            for x, y in points[1:]:
                self.mouse.move(x, y, steps=6)
            self.mouse.up()

    def read(self, text):
        playwright.expect(self.locator("#text")).to_have_text(text)

    def status(self, pattern):
        playwright.expect(self.locator("#status")).to_have_text(re.compile(pattern))

    def ink(self):
        """Count the dark pixels of the paper."""
        code = (
            "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data.filter(v => v < 128).length / 3"
        )
        return self.locator("#pad").evaluate(code)

    def shot(self, name):
        if "SCREENSHOTS" in os.environ:
            folder = ROOT / os.environ["SCREENSHOTS"]
            folder.mkdir(parents=True, exist_ok=True)
            self.screenshot(path=folder / f"{name}.png", full_page=True)

    def close(self):
        self.context.close()
        assert self.foreign == [], "everything comes from the service itself"
        assert self.errors == []


def test_draw_a_seven_and_read_it(browser, server):
    """Draw, add another digit, take it back, clear: the reading follows."""
    page = Page(browser, server)
    page.pen(SEVEN)
    page.read("7")
    page.status("^One digit was found[.]$")
    assert page.locator("#boxes div").count() == 1
    rows = page.locator("#bars tbody tr")
    assert rows.count() == 10
    assert page.locator("#bars .highest th").inner_text() == "7"
    shares = [float(row.locator("td").last.inner_text().removesuffix("%")) for row in rows.all()]
    assert sum(shares) == pytest.approx(100, abs=0.6)
    page.shot("11-page")

    page.pen(ONE)
    page.read("71")
    page.status("^2 digits were found")
    page.locator("#digits button").nth(1).click()
    assert page.locator("#bars .highest th").inner_text() == "1"
    assert "digit 2 of 2" in page.locator("#bars caption").inner_text()
    page.get_by_role("button", name="Undo").click()
    page.read("7")
    page.keyboard.press("Control+z")
    playwright.expect(page.locator("#result")).to_be_hidden()
    assert page.ink() == 0
    page.pen(SEVEN)
    page.read("7")
    page.get_by_role("button", name="Clear").click()
    page.status("^Draw something")
    assert page.ink() == 0
    assert page.locator("#boxes div").count() == 0
    page.close()


def test_the_boxes_stand_around_the_digits(browser, server):
    page = Page(browser, server)
    page.pen(SEVEN)
    page.read("7")
    box, pad = page.locator("#boxes div").bounding_box(), page.locator("#pad").bounding_box()
    for have, want in (
        (box["x"], pad["x"] + 0.3 * pad["width"]),
        (box["x"] + box["width"], pad["x"] + 0.45 * pad["width"]),
        (box["y"], pad["y"] + 0.24 * pad["height"]),
        (box["y"] + box["height"], pad["y"] + 0.8 * pad["height"]),
    ):
        assert have == pytest.approx(want, abs=0.03 * pad["width"])
    page.close()


def test_upload_a_row_of_digits(browser, server, draw, save):
    """A photo with several digits gets a box for each; what is no image gets a sentence, and the page goes on."""
    page = Page(browser, server)
    file = page.locator("#file")
    file.set_input_files(save("row.jpg", draw("31415")))
    page.read("31415")
    assert page.locator("#boxes div").count() == 5
    left = [box.bounding_box()["x"] for box in page.locator("#boxes div").all()]
    assert left == sorted(left)
    assert page.locator("#photo").is_visible()
    file.set_input_files(ROOT / "digits" / "02_468_13579-mnist-table.jpg")
    page.read("02\n468\n13579")
    page.shot("11-photo")

    file.set_input_files({"name": "letter.png", "mimeType": "image/png", "buffer": b"Dear teacher"})
    page.status("letter.png is not an image that can be read: save it again as PNG or JPEG")
    assert page.locator("#result").is_hidden()
    assert page.locator("#pad").is_visible()

    file.set_input_files(save("tall.png", np.vstack([draw("42")] * 3)))
    page.read("42\n42\n42")
    file.set_input_files(save("iphone.heic", draw("27")))
    page.read("27")
    page.get_by_role("button", name="Clear").click()
    assert page.locator("#pad").is_visible()
    page.pen(SEVEN)
    page.read("7")
    page.errors = [error for error in page.errors if "422" not in error]  # the browser's own note
    page.close()


def test_a_photo_of_more_than_10_mb_is_made_smaller_here(browser, server, draw, save):
    """What the service would refuse, the page can still show and read."""
    noise = np.random.default_rng(0).integers(200, 256, (3000, 4000, 3), np.uint8)
    page_ = cv2.resize(draw("58"), (4000, 3000))[..., None]
    path = save("large.png", np.minimum(noise, page_).astype(np.uint8))
    assert path.stat().st_size > 10_000_000
    page = Page(browser, server)
    page.locator("#file").set_input_files(path)
    playwright.expect(page.locator("#text")).to_have_text("58")
    photo = page.locator("#photo").bounding_box()
    boxes = [box.bounding_box() for box in page.locator("#boxes div").all()]
    assert len(boxes) == 2
    assert all(photo["x"] < box["x"] < box["x"] + box["width"] < photo["x"] + photo["width"] for box in boxes)
    page.close()


def test_nothing_to_be_found(browser, server, save):
    page = Page(browser, server)
    page.locator("#file").set_input_files(save("blank.png", np.full((200, 300), 255, np.uint8)))
    page.status("^No digit was found")
    assert page.locator("#result").is_hidden()
    page.close()


def test_letters_are_said_not_to_look_like_digits(browser, server, draw, save):
    """A visitor who tries a word sees that the page is no digits, and not only marks."""
    page = Page(browser, server)
    page.locator("#file").set_input_files(save("word.png", draw("KARWEN")))
    page.status("^This does not look like digits: nothing of it is read for sure[.]$")
    assert page.locator("#digits button:not(.unsure)").count() == 0
    page.close()


def test_a_phone(browser, server):
    """A finger draws and the page does not move under it; everything fits the screen."""
    page = Page(browser, server, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    finger = page.context.new_cdp_session(page.page)
    box = page.locator("#pad").bounding_box()
    points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN[0]]
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for point in points[1:]:
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.read("7")
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in ("#undo", "#clear", "#choose"):
        frame = page.locator(button).bounding_box()
        assert frame["height"] >= 40, "large enough for a finger"
        assert frame["y"] + frame["height"] < 740, "seen without scrolling"
    page.shot("11-phone")
    page.close()


def test_the_keyboard_alone(browser, server):
    """Tab to the paper, draw a 1, and reach everything else."""
    page = Page(browser, server)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pad"
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    page.read("1")
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.parentElement.id"))
    assert reached[:4] == ["undo", "clear", "file", "digits"]
    page.keyboard.press("Escape")
    page.status("^Draw something")
    page.close()


def test_the_server_has_gone_and_comes_back(browser, network):
    """The drawing is kept, the page says what is wrong, and another try reads it."""
    with Server("--model", str(network)) as server:
        page = Page(browser, server)
        page.pen(SEVEN)
        page.read("7")
        server.stop(signal.SIGTERM)
    page.pen(ONE)
    page.status("^The server cannot be reached: is it still running")
    assert page.locator("#result").is_hidden()
    assert page.ink() > 0
    page.shot("11-gone")
    again = page.get_by_role("button", name="Try again")
    with Server("--model", str(network), "--port", str(server.port)):
        again.click()
        page.read("71")
        assert again.is_hidden()
    page.errors = [error for error in page.errors if "ERR_CONNECTION" not in error]  # the browser's own note
    page.close()


def test_a_busy_service_is_asked_again(browser, server):
    """A full class: the page waits for its turn by itself."""
    page = Page(browser, server)
    asked, seen, let_in = [], [], []

    def busy(route):
        asked.append(time.monotonic())
        if len(asked) < 3 or not seen:
            route.fulfill(status=503, json={"error": "Too many"}, headers={"Retry-After": "1"})
        else:
            let_in.append(time.monotonic())
            route.continue_()

    page.route("**/predict", busy)
    page.pen(SEVEN)
    page.status("busy")
    seen.append(True)
    page.read("7")
    assert len(asked) >= 3
    assert len(let_in) == 1
    assert asked[1] - asked[0] > 0.9
    page.errors = [error for error in page.errors if "503" not in error]
    page.close()


def test_an_image_that_takes_too_long_is_not_sent_again(browser, server):
    """It would take as long again, and hold up the others."""
    page, asked = Page(browser, server), []

    def too_slow(route):
        asked.append(1)
        route.fulfill(status=503, json={"error": "Reading took longer than 10 seconds: send a smaller image."})

    page.route("**/predict", too_slow)
    page.pen(SEVEN)
    page.status("^Reading took longer than 10 seconds")
    assert len(asked) == 1
    page.errors = [error for error in page.errors if "503" not in error]
    page.close()


def test_the_documentation_works_without_a_connection(browser, server):
    """Everything it needs comes from here, and a request can be tried in it."""
    page = Page(browser, server)
    page.get_by_role("link", name="For programs").click()
    playwright.expect(page.get_by_text("/health").first).to_be_visible()
    page.get_by_text("/health").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    playwright.expect(page.locator(".live-responses-table").first).to_contain_text('"ready": true')
    page.close()


def test_a_contest_from_the_phone_to_the_wall(browser, network):
    """A pupil taps "I meant 1", the class sees it, and the teacher takes it off again."""
    with Server("--model", str(network), "--contest") as server:
        key = next(line for line in server.lines if "/contest#" in line).strip().split("#")[1]
        phone = Page(browser, server, viewport={"width": 390, "height": 844}, has_touch=True)
        wall = Page(browser, server, viewport={"width": 1280, "height": 800})
        wall.goto(f"http://127.0.0.1:{server.port}/contest#{key}")
        playwright.expect(wall.locator("#counts")).to_have_text("Nobody has tried yet.")
        playwright.expect(phone.locator("#entering")).to_be_hidden()
        phone.pen(SEVEN)
        phone.read("7")
        meant = phone.get_by_role("group", name="I meant")
        meant.get_by_role("button", name="7").click()
        playwright.expect(phone.locator("#entered")).to_contain_text("Not fooled")
        phone.get_by_label("Your name").fill("Ada <b>")
        meant.get_by_role("button", name="1").click()
        playwright.expect(phone.locator("#entered")).to_contain_text("You have fooled it")
        phone.shot("contest-phone")
        entry = wall.locator("#board li")
        playwright.expect(entry).to_contain_text("Ada <b>: meant 1, read as 7")
        playwright.expect(wall.locator("#counts")).to_have_text("2 drawings were tried, 1 of them fooled the reader.")
        playwright.expect(wall.locator("#address")).to_have_text(f"http://127.0.0.1:{server.port}")
        assert wall.locator("#code").evaluate("image => image.naturalWidth") > 100
        assert entry.locator("img").evaluate("image => image.naturalWidth") > 100
        wall.shot("contest-wall")
        phone.pen(ONE)
        playwright.expect(phone.locator("#entering")).to_be_hidden()  # two digits: nothing to enter
        entry.get_by_role("button", name="Take it off").click()
        playwright.expect(entry).to_have_count(0)
        phone.close()
        wall.close()


def test_without_a_contest_nobody_is_asked_for_a_name(browser, server):
    """A teacher who has not asked for a contest wants none."""
    page = Page(browser, server)
    page.pen(SEVEN)
    page.read("7")
    playwright.expect(page.locator("#entering")).to_be_hidden()
    page.close()
