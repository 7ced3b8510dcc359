"""A progress bar with a Stop button that works while a cell runs."""

from pathlib import Path

import anywidget
import traitlets

FOLDER = Path(__file__).parent


class TrainingBar(anywidget.AnyWidget):
    """A progress bar, a line of text, and a button that interrupts the kernel.

    The click of an ordinary button reaches Python only when the cell has ended. This one asks the page to interrupt the
    kernel, as JupyterLab's own ■ does. Where the page cannot do that, there is no button, and the text names the
    interrupt.

    Attributes
    ----------
    fraction
        How much is done, 0 to 1.
    text
        What stands beside the bar.
    """

    _esm = FOLDER / "training_bar.js"
    _css = FOLDER / "training_bar.css"
    fraction = traitlets.Float(0.0).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
