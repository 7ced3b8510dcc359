"""The notebooks of the series, without the copies and the notebooks of their own that people make beside them."""

import re
from pathlib import Path

from utils.paths import ROOT

#: Lower-case words behind two digits: what JupyterLab, Windows and macOS call a copy is written otherwise.
NAME = re.compile(r"\d\d(-[a-z]+)+\.ipynb")


def is_of_the_series(path: Path) -> bool:
    return path.parent == ROOT / "notebooks" and NAME.fullmatch(path.name) is not None


NOTEBOOKS = sorted(filter(is_of_the_series, (ROOT / "notebooks").iterdir()))
