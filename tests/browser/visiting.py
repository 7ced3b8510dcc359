"""The page as its visitors have it: behind a plain web server, in Chromium."""

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

#: The reader is there, and waits.
READY = "document.querySelector('#status').textContent === 'Draw something.'"
#: Reads images in the page's own way, with its own modules, and without its paper.
ASK = """async ([data, name]) => {
  const { askForReading } = await import("./page/asking.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const signal = new AbortController().signal;
  try {
    const began = performance.now();
    const { digits, ...answer } = await askForReading(new Blob([bytes]), name, { signal });
    const rest = digits.map(({ image, ...digit }) => digit);
    return { ...answer, digits: rest, milliseconds: performance.now() - began };
  } catch (error) {
    return { error: error.message };
  }
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


class _WithoutHtml(_Quiet):
    def do_GET(self) -> None:
        if self.path.endswith(".html"):
            self.send_response(308)
            self.send_header("Location", self.path.removesuffix(".html"))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if Path(self.translate_path(self.path)).with_suffix(".html").is_file():
            self.path += ".html"
        return super().do_GET()


@contextmanager
def served(folder: Path, leave_off_html: bool = False) -> Iterator[str]:
    """Offer a folder as ``python -m http.server`` does; when the block ends, nobody answers there any more."""
    handler = functools.partial(_WithoutHtml if leave_off_html else _Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def read_there(page, image: np.ndarray | Path, name: str = "page.png") -> dict:
    """Read a grey image, or a file, in the page; what comes back is as of ``predict --json``, and the time it took."""
    if isinstance(image, Path):
        return page.evaluate(ASK, [base64.b64encode(image.read_bytes()).decode(), image.name])
    return page.evaluate(ASK, [base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode(), name])
