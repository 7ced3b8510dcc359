"""The website is read by people who have installed nothing: what is broken there, they cannot mend."""

import functools
import http.server
import re
import shutil
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import nbformat
import pytest

from tests.series import NOTEBOOKS
from utils.cli import main
from utils.errors import DigitsError
from utils.paths import ROOT
from utils.teaching import hooks, site, write_site

REPOSITORY = "https://git.example/school/digits"
PHONE = {"width": 390, "height": 844}
#: The attributes that name another file or place.
NAMES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src", "form": "action"}


def need_sphinx():
    for name in site.NEEDED:
        pytest.importorskip(name, reason=f"needs Sphinx: pip install -r {site.EXTRA}")


class Page(HTMLParser):
    """What a page names, what can be named in it, and its pictures."""

    def __init__(self, path):
        super().__init__()
        self.names, self.ids, self.pictures = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if attributes.get(NAMES.get(tag)):
            self.names.append((tag, attributes[NAMES[tag]]))
        if tag == "img":
            self.pictures.append(attributes)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site, two folders deep."""
    need_sphinx()
    folder = tmp_path_factory.mktemp("web") / "stick" / "site"
    folder.parent.mkdir()
    write_site(folder, REPOSITORY)
    return folder


@pytest.fixture(scope="module")
def pages(built):
    return {path: Page(path) for path in sorted(built.rglob("*.html")) if "_static" not in path.parts}


def without_reader(pages):
    """The pages but for those that read digits: they load for a while, and tests/browser holds them to the same."""
    return [path for path in pages if site.READER not in path.parts]


@pytest.fixture(scope="module")
def address(built):
    """The site behind ``python -m http.server``, in a folder of its own there."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=built.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/site/"
        server.shutdown()


@pytest.fixture
def open_page(browser, address):
    """Open a page of the site; what it asks other servers for, does not find, or stumbles over is a failure."""
    contexts, faults = [], []

    def open_one(name, **device):
        contexts.append(browser.new_context(**device))
        page = contexts[-1].new_page()
        page.on(
            "request",
            lambda sent: None if sent.url.startswith((address, "data:", "blob:")) else faults.append(sent.url),
        )
        page.on("response", lambda got: faults.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address + name)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A small project of the same shape, whose site is made in a second."""
    need_sphinx()
    root = tmp_path / "project"
    for name, text in {
        "README.md": "# Series\n\n[Licence](LICENSE), [images](digits/), [card](models/README.md), "
        "[terms](notebooks/glossary.md#loss)",
        "LICENSE": "MIT",
        "digits/labels.csv": "file,label\n",
        "models/README.md": "# Card\n",
        "notebooks/glossary.md": "# Glossary\n\n### loss\n\nA number.\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks" / "images", root / "notebooks" / "images")
    for module in (site, hooks):
        monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(site, "may_write_page", lambda: False)
    return root


def test_every_page_is_there(built):
    """A notebook or a page of the guide that is left out is one that its reader never finds."""
    made = [*NOTEBOOKS, ROOT / "README.md", ROOT / "notebooks" / "glossary.md", *(ROOT / "teaching").rglob("*.md")]
    start = (built / "index.html").read_text(encoding="utf-8")
    for path in made:
        name = path.relative_to(ROOT).with_suffix(".html").as_posix()
        assert (built / name).is_file(), name
        assert f'href="{name}"' in start


def test_it_carries_the_page_that_reads(built, open_page):
    """The first thing that a visitor wants to try, and the only one that needs nothing."""
    if not (built / site.READER).exists():
        pytest.skip("needs two packages from npm, as .ci/run installs them")
    page = open_page("index.html")
    page.get_by_role("link", name="write digits and have them read").click()
    # The page that is left has no status.
    page.wait_for_function("document.querySelector('#status')?.textContent === 'Draw something.'")
    page.goto(page.url.replace("index.html", "learn.html"))
    page.get_by_role("button", name="Train").wait_for()


def test_without_npm_the_site_speaks_of_no_page_that_reads(project, tmp_path, capsys):
    """A link that leads nowhere is worse than none; and whoever builds the site hears why."""
    assert main(["site", str(tmp_path / "site")]) == 0
    assert "read/" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "it needs npm" in capsys.readouterr().out


def test_each_guess_is_asked_as_a_question(built):
    """As a line of grey text below its code, it is passed over, and cut where the answers stand."""
    for path in NOTEBOOKS:
        text = (built / "notebooks" / path.with_suffix(".html").name).read_text(encoding="utf-8")
        outputs = [one for cell in nbformat.read(path, as_version=4).cells for one in cell.get("outputs", ())]
        asked = sum(" Your guess: " in one.get("data", {}).get("text/plain", "") for one in outputs)
        assert asked >= 3
        assert text.count('class="guess"') == asked


def test_the_worksheets_can_be_had(built, pages):
    """Who teaches tomorrow prints them tonight."""
    sheets = {path.name for path in (ROOT / "teaching" / "worksheets").glob("*.pdf")}
    offered = {Path(unquote(name)).name for page in pages.values() for _, name in page.names}
    assert sheets <= offered


def test_the_stored_outputs_are_shown(built):
    """A page without them tells half of the story; one that was run anew tells another than the notebook."""
    for path in NOTEBOOKS:
        text = (built / "notebooks" / path.with_suffix(".html").name).read_text(encoding="utf-8")
        cells = nbformat.read(path, as_version=4).cells
        pictures = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", ()))
        assert text.count("<img") >= pictures
        printed = "\n".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))
        measured = re.findall(r"^Measured: [\w .,]+$", printed, re.MULTILINE)
        assert measured
        assert all(line in text for line in measured)


def test_every_link_within_the_site_leads_somewhere(built, pages):
    """A link that leads nowhere is found by a pupil, in the lesson."""
    for path, page in pages.items():
        here = path.relative_to(built).as_posix()
        for tag, name in page.names:
            parts = urlsplit(name)
            if parts.scheme or parts.netloc:
                assert tag == "a" or name.startswith("data:"), f"{here}: {tag} {name}"
                continue
            target = built / unquote(urljoin(f"/{here}", parts.path)[1:]) if parts.path else path
            assert target.is_file(), f"{here}: {name}"
            if parts.fragment and target in pages:
                assert parts.fragment in pages[target].ids or parts.fragment == "", f"{here}: {name}"


def test_every_picture_is_told_in_words(built, pages):
    """Who does not see a figure hears "image", or the name of a file."""
    missing = {}
    for path, page in pages.items():
        for picture in page.pictures:
            words = (picture.get("alt") or "").strip()
            if not words or re.search(r"\.(png|jpe?g|svg)$|^<Figure|run this cell", words):
                missing.setdefault(path.relative_to(built).as_posix(), []).append(picture["src"])
    assert missing == {}


def test_words_for_a_figure_come_from_its_cell(project, tmp_path):
    """They are written in the notebook, in the cell's metadata, and nowhere else."""
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    figure = next(c for c in notebook.cells if any("image/png" in o.get("data", {}) for o in c.get("outputs", ())))
    figure.metadata["mystnb"] = {"image": {"alt": "Ten pads in two rows"}}
    notebook.cells = [nbformat.v4.new_markdown_cell("# Explore"), figure]
    (project / "utils" / "lesson").mkdir(parents=True)
    shutil.copytree(ROOT / "utils" / "lesson" / "quizzes", project / "utils" / "lesson" / "quizzes")
    nbformat.write(notebook, project / "notebooks" / "01-explore-the-data.ipynb")
    write_site(tmp_path / "site")
    page = Page(tmp_path / "site" / "notebooks" / "01-explore-the-data.html")
    assert {"Ten pads in two rows"} <= {picture.get("alt") for picture in page.pictures}


def test_nothing_comes_from_elsewhere(built, pages, open_page):
    """In a school without a net, a page that waits for another server stays blank; with one, it tells who reads."""
    page = open_page("index.html")
    for path in without_reader(pages):
        page.goto(urljoin(page.url, f"/site/{path.relative_to(built).as_posix()}"))


def test_solutions_are_folded_until_they_are_asked_for(open_page):
    """Who sees the answer beside the question does not think."""
    page = open_page("notebooks/03-learn-by-hand.html")
    assert page.locator(".highlight:visible", has_text=re.compile("# (One answer|Solution)")).count() == 0
    answers = page.locator("details.hide", has_text="Show: One answer")
    assert answers.count() == 3
    answers.first.locator("summary").click()
    assert answers.first.locator(".highlight:visible", has_text="(loss(w + h) - loss(w - h)) / (2 * h)").count() == 1


def test_set_up_cells_are_folded(open_page):
    """Forty lines of imports before the first picture."""
    page = open_page("notebooks/03-learn-by-hand.html")
    imports = page.locator(".highlight", has_text="import matplotlib")
    assert imports.count() >= 1
    assert not imports.first.is_visible()
    page.locator("details.hide", has=imports).first.locator("summary").click()
    assert imports.first.is_visible()


@pytest.mark.parametrize(
    "device", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}, {}], ids=["phone", "wide"]
)
def test_the_menu_and_the_contents_open(open_page, device):
    """On a phone, the only ways to another notebook, and to a heading of this one."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page = open_page("notebooks/03-learn-by-hand.html", **device)
    other = page.locator(".bd-sidebar-primary").get_by_role("link", name="05 Build a CNN")
    if not device:
        expect(other).to_be_visible()
        page.locator(".primary-toggle:visible").click()
        expect(other).not_to_be_in_viewport()
        return
    page.locator(".secondary-toggle:visible").click()
    part = page.locator("dialog[open]").get_by_role("link", name="Walk downhill")
    expect(part).to_be_in_viewport()
    part.click()
    page.wait_for_url("**#walk-downhill")
    page.locator(".primary-toggle:visible").click()
    other = page.locator("dialog[open]").get_by_role("link", name="05 Build a CNN")
    expect(other).to_be_in_viewport()
    other.click()
    page.wait_for_url("**/05-build-a-cnn.html")


def test_what_is_printed_is_not_cut(built, pages, open_page):
    """A hint whose second half is out of sight. What stands in columns scrolls, for it would fall apart."""
    page = open_page("index.html")
    for path in NOTEBOOKS:
        page.goto(urljoin(page.url, f"/site/notebooks/{path.stem}.html"))
        cut = page.evaluate("""() => [...document.querySelectorAll(".cell:not(.tag_columns) .cell_output pre")]
            .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.slice(0, 80))""")
        assert cut == [], path.name


def test_a_still_picture_of_a_widget_is_said_to_be_one(open_page):
    """A pupil taps it, and thinks that the page is broken."""
    page = open_page("notebooks/01-explore-the-data.html")
    assert page.locator(".still").count() == 2


def test_questions_answer_and_guesses_are_asked_without_a_kernel(open_page):
    """A widget that is dead, or a line of code in its place, and the questions are skipped."""
    page = open_page("notebooks/01-explore-the-data.html")
    assert "What is 200 + 100, calculated in uint8?" in page.locator(".guess").first.inner_text()
    text = page.locator("article").inner_text()
    assert not re.search(r"ask\(|quiz\(|run this cell in JupyterLab|Error displaying widget", text)
    right = page.locator(".quiz").first.locator("details", has_text="Right.")
    assert right.count() == 1
    assert not right.locator("p").is_visible()
    right.locator("summary").click()
    assert right.locator("p").is_visible()


def test_formulas_are_set(built, pages, open_page):
    """Raw TeX, to somebody of fifteen."""
    page = open_page("notebooks/03-learn-by-hand.html")
    fraction = page.locator(".formula mfrac").first
    above, below = (fraction.locator(":scope > *").nth(number).bounding_box() for number in (0, 1))
    assert above["y"] + above["height"] <= below["y"] + 2, "one above the other"
    assert page.locator("math").count() > 20
    cases = page.locator(".formula mtable mtr")
    assert cases.nth(0).bounding_box()["y"] < cases.nth(1).bounding_box()["y"]
    for path in pages:
        assert not re.search(r"\\(frac|cdot|sum|partial)\b|MathJax", path.read_text(encoding="utf-8")), path
    assert page.locator("merror").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_need_not_scroll_sideways(built, pages, open_page, scheme):
    """Text that runs out of the screen is not read on a bus."""
    page = open_page("index.html", viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    for path in without_reader(pages):
        page.goto(urljoin(page.url, f"/site/{path.relative_to(built).as_posix()}"))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path.name


def test_it_is_light_or_dark_as_the_reader_has_it(open_page):
    """Grey on grey, for who reads in the evening."""
    contrast = """() => {
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number)
        const light = (colour) => {
            const [r, g, b] = parts(colour).slice(0, 3).map((part) => {
                const share = part / 255
                return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
            })
            return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const ground = (element) => {
            const colour = getComputedStyle(element).backgroundColor
            return (parts(colour)[3] ?? 1) > 0 || !element.parentElement ? light(colour) : ground(element.parentElement)
        }
        const between = (element) => {
            const pair = [light(getComputedStyle(element).color), ground(element)]
            return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)
        }
        const least = (kind) => {
            const all = [...document.querySelectorAll(kind)].filter((element) => element.textContent.trim())
            return Math.min(...all.map(between))
        }
        return [ground(document.body), least("article > section p, .guess span"), least(".highlight span[class]")]
    }"""
    papers = {}
    for scheme in ("light", "dark"):
        page = open_page("notebooks/01-explore-the-data.html", color_scheme=scheme)
        papers[scheme], text, code = page.evaluate(contrast)
        assert text > 4.5
        assert code > 3
    assert papers["light"] > 0.9
    assert papers["dark"] < 0.1


@pytest.mark.parametrize("paper", ["a", "b"])
def test_a_paper_is_printed_without_answers_on_a_few_sheets(open_page, paper):
    """A teacher prints it thirty times; a list of links before it, or the rubric behind it, is seen at the copier."""
    page = open_page(f"teaching/test/paper-{paper}.html")
    printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
    assert len(re.findall(rb"/Type /Page\b", printed)) in (3, 4)  # other fonts may need another one
    page.emulate_media(media="print")
    text = page.locator("body").inner_text()
    assert text.split("\n")[0].startswith(f"Paper {paper.upper()}: ")
    assert "Name: ____" in text
    assert "Contents" not in text
    assert "One point" not in text


def test_a_word_is_found(open_page):
    """Eleven notebooks, and somebody looks for softmax."""
    page = open_page("search.html?q=softmax")
    page.locator("#search-results li", has_text="Learn by hand").first.wait_for()
    page.locator("#search-results li", has_text="Glossary").first.wait_for()


def test_links_to_other_files_lead_to_the_repository_or_stay_text(project, tmp_path):
    """A site on a stick has no repository, one on the web has."""
    write_site(tmp_path / "web", REPOSITORY)
    names = [name for _, name in Page(tmp_path / "web" / "README.html").names]
    assert {f"{REPOSITORY}/blob/HEAD/LICENSE", f"{REPOSITORY}/tree/HEAD/digits"} <= set(names)
    assert {"models/README.html", "notebooks/glossary.html#loss"} <= set(names)
    write_site(tmp_path / "stick")
    text = (tmp_path / "stick" / "README.html").read_text(encoding="utf-8")
    assert "Licence" in text
    assert "LICENSE" not in text


def test_a_page_with_a_fault_is_named_and_the_old_site_stays(project, tmp_path, capsys):
    """A broken link found here is not found in the lesson, and half a site is worse than last week's."""
    folder = tmp_path / "site"
    assert main(["site", str(folder)]) == 0
    assert "index.html" in capsys.readouterr().out
    before = (folder / "README.html").read_bytes()
    (project / "models" / "README.md").write_text("# Card\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    assert main(["site", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "models/README.md" in said.replace("\\", "/")
    assert "nowhere" in said
    assert (folder / "README.html").read_bytes() == before
    (project / "models" / "README.md").write_text("# Another card\n", encoding="utf-8")
    assert main(["site", str(folder)]) == 0
    assert "Another card" in (folder / "models" / "README.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project", "site"]


def test_what_is_no_site_stays(project, tmp_path):
    """A folder named by mistake holds somebody's work."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(DigitsError, match="is there already"):
        write_site(folder)
    with pytest.raises(DigitsError, match="is there already"):
        write_site(folder / "notes.txt")
    with pytest.raises(DigitsError, match="cannot be written"):
        write_site(folder / "notes.txt" / "site")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_without_sphinx_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    """It is an extra: most have not got it."""
    monkeypatch.setattr(site.importlib.util, "find_spec", lambda name: None)
    assert main(["site", str(tmp_path / "site")]) == 1
    assert "pip install -r requirements-site.txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
