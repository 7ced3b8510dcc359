"""The page that reads in the browser, made once for all tests, and visited."""

import pytest
from visiting import READY, served

from utils.browser import write_page
from utils.errors import DigitsError


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The page; skipped where its packages are not installed and cannot be."""
    try:
        write_page(folder := tmp_path_factory.mktemp("page") / "digits")
    except DigitsError as error:
        if "npm" in str(error):
            pytest.skip(f"needs two packages from npm, as .ci/run installs them: {error}")
        raise
    return folder


@pytest.fixture(scope="module")
def address(built):
    with served(built) as address:
        yield address


@pytest.fixture
def visit(browser, address):
    """Open the page as a visitor; what it asks of anybody else, does not find, or stumbles over is a failure."""
    contexts, faults = [], []

    def open_page(name="", ready=True, before=None, routes=None, **device):
        contexts.append(browser.new_context(**({"viewport": {"width": 1000, "height": 1200}} | device)))
        page = contexts[-1].new_page()
        allowed = (address, "blob:")
        page.on("request", lambda sent: None if sent.url.startswith(allowed) else faults.append(sent.url))
        page.on("response", lambda got: faults.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        for pattern, handler in (routes or {}).items():
            page.route(pattern, handler)
        if before:
            page.add_init_script(before)
        page.goto(address + name)
        if ready:
            page.wait_for_function(READY)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
