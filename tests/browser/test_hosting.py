"""The page as schools host it, on lines that break, and in a new version. Without these, a class waits before nothing.

Each visitor is a new one: what a browser has kept from before belongs to the test.
"""

import re
import shutil
from contextlib import contextmanager

import pytest
from test_visit import FOUR, KEPT, pen, reads, says
from visiting import READY, served

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")

LARGE = r"/(opencv\.js|litert_wasm_\w+\.(js|wasm)|cnn\.tflite)$"

#: Waits until a new version is there, and waits itself.
WAITING = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 100));
}"""


@contextmanager
def visitor(browser):
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


def test_what_is_large_is_loaded_once_and_again_if_the_line_breaks(built, browser):
    """Where a browser keeps no files of this size, as in a private window, each further time would cost 13 MB.

    And a second copy of the page on the server keeps what it has kept. Cloudflare Pages and others, as this server,
    lead from learn.html to learn: a browser opens no kept page that was redirected.
    """
    with served(built, leave_off_html=True) as address, visitor(browser) as page:
        asked = []
        page.context.on("request", lambda request: asked.append(request.url))

        def break_off(route):
            if sum(url.endswith("cnn.tflite") for url in asked) > 1:
                return route.continue_()
            return route.fulfill(body=(built / "cnn.tflite").read_bytes()[:100_000])

        page.route("**/cnn.tflite", break_off)
        page.goto(address)
        page.evaluate("caches.open('digits-000000000000 https://example.org/other/')")
        page.wait_for_function(READY)
        page.evaluate(KEPT)
        large = [url.split("/")[-1] for url in asked if re.search(LARGE, url)]
        assert len(large) == 5
        assert large.count("cnn.tflite") == 2
        assert len(set(large)) == 4
        assert page.evaluate("caches.has('digits-000000000000 https://example.org/other/')")
        pen(page, FOUR)
        reads(page, "4")
        page.get_by_role("link", name="Train a network here").click()
        playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Train a network")
        page.goto(f"{address}learn")
        playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Train a network")


def test_a_file_that_is_missing_is_named(built, browser):
    """And it stays named, while the others are still coming."""
    with served(built) as address, visitor(browser) as page:
        page.route("**/cnn.tflite", lambda route: route.fulfill(status=404))
        page.goto(address)
        says(page, r"^The reader did not start \(cnn.tflite: 404")
        page.evaluate("""async () => {
          const { prepare } = await import("./page/asking.js");
          prepare(() => {});
        }""")
        says(page, r"^The reader did not start \(cnn.tflite: 404")


def test_a_page_without_one_of_its_parts_says_so(built, browser):
    """It would say "Draw something", and do nothing."""
    with served(built) as address, visitor(browser) as page:
        page.route("**/page/drawing.js", lambda route: route.fulfill(status=404))
        page.goto(address)
        says(page, "^A part of this page did not come: load the page once more")


def test_a_new_version_comes_whole(built, browser, tmp_path):
    """Whoever has the page open keeps the old one; then the new one is there, without a connection, too.

    A mixture of both is the worst: it fails on some devices, and nobody can say why.
    """
    folder = shutil.copytree(built, tmp_path / "page")
    with visitor(browser) as page:
        with served(folder) as address:
            page.goto(address)
            page.wait_for_function(READY)
            page.evaluate(KEPT)
            _put_new_version(folder)
            page.get_by_role("link", name="Train a network here").click()
            page.get_by_role("link", name="Write digits and have them read").click()  # index.html
            page.wait_for_function(READY)
            page.evaluate(WAITING)
            other = page.context.new_page()
            other.goto(address)
            other.wait_for_function(READY)
            for tab in (page, other):
                assert "Write digits" in tab.inner_text("h1")
                assert tab.evaluate("window.version") is None
            other.close()
            for _ in range(20):  # a tab counts until the browser has put it away
                page.reload()
                page.wait_for_function(READY)
                if page.inner_text("h1") == "Version B":
                    break
            assert page.inner_text("h1") == "Version B"
        page.reload()  # the server is gone
        page.wait_for_function(READY)
        assert page.evaluate("window.version") == "B"


def _put_new_version(folder):
    for name, old, new in (
        ("index.html", "Write digits, and have them read", "Version B"),
        ("page/page.js", "const BEGIN", 'window.version = "B";\nconst BEGIN'),
        ("offline.js", "digits-", "digits-b"),
        ("files.json", "digits-", "digits-b"),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
