"""Make the PDFs of the worksheets: ``python teaching/worksheets/make.py`` from the project's root.

Each sheet beside this script becomes two PDFs, one to hand out and one with the answers, byte for byte the same at
each run. Their numbers are in ``numbers.toml``; typst computes the answers from them, and brings the only fonts that
are used. It is in ``requirements-dev.txt``.
"""

from pathlib import Path

import typst

FOLDER = Path(__file__).resolve().parent
SHEETS = ("pixels", "by-hand", "write-and-photograph")


def settings(answers: bool) -> dict:
    """Say how typst is to read a sheet, with or without its answers."""
    return {"root": FOLDER, "ignore_system_fonts": True, "sys_inputs": {"answers": "yes" if answers else "no"}}


def pdf_path(name: str, answers: bool) -> Path:
    """Return where the PDF of a sheet is kept."""
    return FOLDER / f"{name}{'-answers' if answers else ''}.pdf"


def make_pdf(name: str, answers: bool) -> bytes:
    """Typeset a sheet."""
    return typst.compile(FOLDER / f"{name}.typ", format="pdf", pdf_tags=False, **settings(answers))


def make_pages(name: str, answers: bool, ppi: float) -> list[bytes]:
    """Render a sheet as PNG images, one for each page."""
    pages = typst.compile(FOLDER / f"{name}.typ", format="png", ppi=ppi, **settings(answers))
    return pages if isinstance(pages, list) else [pages]


def main() -> None:
    """Make all of them."""
    for name in SHEETS:
        for answers in (False, True):
            pdf_path(name, answers).write_bytes(make_pdf(name, answers))


if __name__ == "__main__":
    main()
