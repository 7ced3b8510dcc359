"""Build the website of the series: notebooks with their stored outputs, glossary, guide and worksheets.

A source tree is put together in a folder of its own, and Sphinx makes pages of it. Nothing is run, and the pages load
nothing from other servers, so that they work from a stick behind ``python -m http.server``.
"""

import importlib.util
import io
import os
import re
import shutil
import tempfile
from pathlib import Path

import nbformat

from utils.browser import may_write_page, write_page
from utils.errors import DigitsError
from utils.lesson import read_quiz
from utils.paths import ROOT, whole_folder
from utils.teaching.own import read_notebook, series_notebooks
from utils.teaching.pages import for_site

#: What the packages are called that make it, and where they are listed.
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme")
EXTRA = "requirements-site.txt"
#: The start page and the style.
OWN = Path(__file__).with_name("site")
#: Pages in Markdown, in their order.
PAGES = (
    "README.md",
    "utils/README.md",
    "models/README.md",
    "tests/benchmarks/README.md",
    "notebooks/glossary.md",
    "teaching/README.md",
    "teaching/worksheets/README.md",
    "teaching/test/README.md",
    "teaching/test/*.md",
    "teaching/set-up.md",
    "teaching/privacy.md",
    "teaching/*.md",
    "teaching/guide/*.md",
)
#: What pages show or offer. Sphinx takes those that a page names.
FILES = (
    "notebooks/images/*",
    "tests/benchmarks/results/*.png",
    *(f"teaching/**/*.{kind}" for kind in ("pdf", "png", "svg")),
)
SAID = "python -m utils site"
#: What the project's README is called among the pages.
README = "Install and start"
ICON = ROOT / "utils" / "service" / "page" / "icon.svg"
#: The folder of the page that reads digits, where npm is there to make it with.
READER = "read"
SETTINGS = {
    "project": "Handwritten Digits Recognizer",
    "extensions": ["myst_nb", "utils.teaching.hooks"],
    "exclude_patterns": ["_static"],
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "nb_code_prompt_show": "Show the code",
    "nb_code_prompt_hide": "Hide the code",
    "myst_enable_extensions": ["dollarmath", "html_image"],
    "myst_heading_anchors": 4,
    "suppress_warnings": ["myst.header"],  # the glossary's terms are headings of the third level under one of the first
    "html_theme": "sphinx_book_theme",
    "html_title": "Handwritten Digits",
    "html_math_renderer": "mathml",
    "html_static_path": ["_static"],
    "html_css_files": ["style.css"],
    "html_js_files": ["menu.js"],
    "html_favicon": "_static/icon.svg",
    "templates_path": ["_static/templates"],
    "html_copy_source": False,
    "html_use_index": False,
    "html_show_copyright": False,
    "html_permalinks": False,
}
THEME = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "footer_content_items": [],
}
#: What stands at the side of each page; the third part only where there is a page that reads digits.
SIDE = ["navbar-logo.html", "icon-links.html", "search-button-field.html", "try.html", "sbt-sidebar-nav.html"]
#: The theme's bar at the top. It is never seen, but the theme's script takes its buttons for those that are seen: on a
#: phone, the menu would not open. So it is emptied.
BAR = re.compile(r'(<header id="pst-header"[^>]*>).*?(</header>)', re.DOTALL)


def write_site(folder: str | os.PathLike, repository: str = "") -> Path:
    """Build the website, whole or not at all.

    Parameters
    ----------
    folder
        Where to; it must not exist yet, be empty, or hold a site that was built before.
    repository
        The address at which the project is published, such as ``https://github.com/OWNER/NAME``: there lead links to
        files that are not in the site. Without it their text remains.

    Returns
    -------
    Path
        The start page.

    Raises
    ------
    DigitsError
        If Sphinx is missing, the folder holds something else or cannot be written, or a page has a fault.
    """
    if not all(map(importlib.util.find_spec, NEEDED)):
        raise DigitsError(f"The website is made with Sphinx: python -m pip install -r {EXTRA}, then try again.")
    reader = may_write_page()
    with whole_folder(folder, SAID) as part, tempfile.TemporaryDirectory() as work:
        _gather(Path(work, "source"), reader)
        _build(Path(work), part, repository.rstrip("/"), reader)
        if reader:
            write_page(part / READER, home="../index.html")
    return Path(folder).absolute() / "index.html"


def _gather(source: Path, reader: bool) -> None:
    """Put together what Sphinx makes pages of, each file where it is in the project, so that links hold."""
    pages = list(dict.fromkeys(path for pattern in PAGES for path in sorted(ROOT.glob(pattern))))
    for path in [*pages, *(path for pattern in FILES for path in ROOT.glob(pattern))]:
        place = source / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    notebooks = []
    for path in series_notebooks(ROOT / "notebooks"):
        number, name = path.name[:2], path.relative_to(ROOT)
        quiz = read_quiz(ROOT / "utils" / "lesson" / "quizzes" / f"{number}.toml")
        title, made = read_notebook(path, lambda notebook, quiz=quiz: for_site(notebook, quiz))
        nbformat.write(made, source / name)
        notebooks.append(f"{number} {title} <{name.with_suffix('').as_posix()}>")
    shutil.copytree(OWN, source / "_static", ignore=shutil.ignore_patterns("*.md"))
    shutil.copy2(ICON, source / "_static")
    readme = source / "README.md"  # whose title is that of the start page
    readme.write_text(re.sub("^# .*", f"# {README}", readme.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    listed = {"TEACHING": [], "PROJECT": []}
    for path in (path.relative_to(ROOT) for path in pages if path.name != "glossary.md"):
        listed["TEACHING" if path.parts[0] == "teaching" else "PROJECT"].append(_entry(path))
    start = (OWN / "index.md").read_text(encoding="utf-8")
    if not reader:
        start = re.sub(r"\*\*To try.*?\n\n", "", start, flags=re.DOTALL)
    for word, entries in {"NOTEBOOKS": notebooks, **listed}.items():
        start = start.replace(word, "\n".join(entries))
    (source / "index.md").write_text(start, encoding="utf-8")


def _entry(page: Path) -> str:
    """Name a page for a table of contents; of the guide's, the number says enough."""
    name = page.with_suffix("").as_posix()
    if name == "README":
        return f"{README} <{name}>"
    return f"Guide to {page.name[:2]} <{name}>" if page.parent.name == "guide" else name


def _build(work: Path, html: Path, repository: str, reader: bool) -> None:
    """Have Sphinx make the pages; a warning is a fault."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace

    project = {"name": "The project", "url": repository, "icon": "fa-solid fa-code-branch"}
    theme = THEME | {"icon_links": [project] if repository else []}
    side = {"**": [name for name in SIDE if reader or name != "try.html"]}
    settings = SETTINGS | {"html_theme_options": theme, "html_sidebars": side, "repository": repository}
    warnings = io.StringIO()
    try:
        with docutils_namespace():
            app = Sphinx(
                work / "source", None, html, work / "doctrees", "html",
                confoverrides=settings, status=None, warning=warnings, freshenv=True,
            )  # fmt: skip
            app.build()
    except SphinxError as error:
        raise DigitsError(f"The website was not made: {error}") from error
    first = warnings.getvalue().replace(f"{work / 'source'}{os.sep}", "").strip().split("\n", 1)[0]
    if first:
        raise DigitsError(f"The website was not made, because a page has a fault: {first}")
    shutil.rmtree(html / ".doctrees", ignore_errors=True)
    shutil.rmtree(html / "_static" / "templates")
    for page in html.rglob("*.html"):
        page.write_text(BAR.sub(r"\1\2", page.read_text(encoding="utf-8"), count=1), encoding="utf-8")
