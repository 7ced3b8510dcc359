"""A button with which a file is chosen, of any size."""

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets


class Upload(anywidget.AnyWidget):
    """A button that asks for a file and hands its content on.

    Unlike `ipywidgets.FileUpload`, whose file is lost without a word if it has more than 10 MB, it sends the file in
    pieces.

    Parameters
    ----------
    take
        What to do with a file: it is given the name and the content.
    text, hint
        What stands on the button, and when the pointer rests on it.
    accept
        Which files the browser offers, as in HTML.
    """

    _esm = Path(__file__).with_suffix(".js")
    text = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)

    def __init__(self, take: Callable[[str, bytes], None], text: str, hint: str = "", accept: str = "") -> None:
        super().__init__(text=text, hint=hint, accept=accept)
        self._take, self._pieces = take, []
        self.on_msg(lambda _, content, buffers: self.receive(content, buffers))

    def receive(self, content: dict, buffers: list[memoryview]) -> None:
        """Take a piece of a file; with the last one, the file is handed on.

        Parameters
        ----------
        content
            The file's ``name``, which ``piece`` this is, counted from 0, and how many ``pieces`` there are.
        buffers
            The bytes.
        """
        if content["piece"] == 0:
            self._pieces = []
        self._pieces.append(bytes(buffers[0]))
        if content["piece"] == content["pieces"] - 1:
            data, self._pieces = b"".join(self._pieces), []
            self._take(content["name"], data)
