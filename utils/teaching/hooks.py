"""What Sphinx is taught for the website: formulas that need no script, and links to files that are not in the site.

Formulas are written as MathML, which browsers set themselves: MathJax would come from another server, or weigh
megabytes.
"""

import html
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from utils.paths import ROOT

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

#: What docutils' translator does not know, and what says the same.
SYNONYMS = {r"\\dots\b": r"\\ldots ", "·": r"\\cdot ", r"\\log\b": r"\\log\\, "}


def setup(app: "Sphinx") -> dict[str, bool]:
    """Register everything: Sphinx calls it, because the module is among its extensions.

    Parameters
    ----------
    app
        Sphinx at work.

    Returns
    -------
    dict
        What Sphinx wants to know of an extension.
    """
    app.add_config_value("repository", "", "env")
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_block, None))
    app.connect("doctree-read", _lead_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_inline(translator: "HTML5Translator", node: "nodes.math") -> None:
    """Write a formula within a line."""
    from docutils import nodes

    translator.body.append(_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def _write_block(translator: "HTML5Translator", node: "nodes.math_block") -> None:
    """Write a formula on a line of its own, which scrolls by itself where the page is narrow."""
    from docutils import nodes

    translator.body.append(f'<div class="formula">{_mathml(node.astext(), block=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(tex: str, block: bool) -> str:
    """Translate a formula from TeX. What cannot be translated is warned of, which ends the building."""
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml
    from sphinx.util.logging import getLogger

    for pattern, name in SYNONYMS.items():
        tex = re.sub(pattern, name, tex)
    try:
        return tex2mathml(tex, as_block=block)
    except MathError as error:
        getLogger(__name__).warning("the formula %s cannot be set: %s", tex, error)
        return html.escape(tex)


def _lead_out(app: "Sphinx", page: "nodes.document") -> None:
    """Lead links to files of the project that are not in the site to the repository; if none is named, keep their text.

    A link to a folder leads to its README, as it does on GitHub, if that is a page. A link to what is not in the
    project either is left to MyST, which warns of it.
    """
    from docutils import nodes
    from sphinx.addnodes import pending_xref

    for link in list(page.findall(pending_xref)):
        name = link["reftarget"].partition("#")[0]
        if link["reftype"] != "myst" or link.get("refdomain") or not name:
            continue
        target = Path(os.path.normpath(app.env.relfn2path(name, link["refdoc"])[1]))
        if not target.is_relative_to(app.srcdir) or not (ROOT / target.relative_to(app.srcdir)).exists():
            continue  # MyST will say so
        file = target.relative_to(app.srcdir)
        if (target / "README.md").is_file():
            link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", (file / "README").as_posix(), None
            continue
        kind = "tree" if (ROOT / file).is_dir() else "blob"
        address = f"{app.config.repository}/{kind}/HEAD/{file.as_posix()}"
        text = link.children
        link.replace_self(nodes.reference("", "", *text, refuri=address) if app.config.repository else text)
