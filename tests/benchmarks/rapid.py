"""Let RapidOCR read images for ``engines.py``, in the Python that it is installed in.

Each line on the standard input is an image's path; the answer is a line of JSON: for each setting its name, the seconds
it took, and the pieces of text with their boxes (left, top, right, bottom) and scores. The settings: with its detector
or the whole image as one line, and free or with the digits alone to choose from, as Tesseract's whitelist does. It
detects once for two settings, and the time counts for both.
"""

import copy
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rapidocr import RapidOCR

engine = RapidOCR(params={"Global.log_level": "critical"})
blank = np.full((64, 64, 3), 255, np.uint8)
engine(blank, use_det=True)  # loads its networks
engine(blank, use_det=False)
decode = engine.text_rec.postprocess_op
digits = np.isin(np.array(decode.character), ["blank", *"0123456789"]).astype(np.float32)
model = next(path.stem for path in Path(sys.modules["rapidocr"].__file__).parent.glob("models/*rec*.onnx"))


class DetectOnce:
    """A detector that keeps what it has found, and how long that took."""

    def __init__(self, detector: Callable) -> None:
        self.detector, self.found, self.seconds = detector, None, 0.0

    def __call__(self, image: np.ndarray) -> object:
        if self.found is None:
            began = time.perf_counter()
            self.found = self.detector(image)
            self.seconds = time.perf_counter() - began
        return copy.deepcopy(self.found)


detector = engine.text_det
print(json.dumps({"version": version("rapidocr"), "model": model}), flush=True)

for line in sys.stdin:
    answers = {}
    engine.text_det = once = DetectOnce(detector)
    for where, detect in (("its detector", True), ("one line", False)):
        for what, mask in (("", 1), (", digits alone", digits)):
            engine.text_rec.postprocess_op = lambda values, *a, mask=mask, **k: decode(values * mask, *a, **k)
            seconds = -time.perf_counter() + (once.seconds if detect else 0)  # 0 so far, unless it has detected before
            found = engine(line.strip(), use_det=detect, use_cls=True, text_score=0)
            seconds += time.perf_counter()
            boxes = getattr(found, "boxes", None)
            corners = [(0, 0, 1, 1)] if boxes is None else [(*box.min(axis=0), *box.max(axis=0)) for box in boxes]
            pieces = zip(found.txts or (), map(float, found.scores or ()), corners, strict=False)
            answers[where + what] = seconds, [(text, score, [float(x) for x in box]) for text, score, box in pieces]
    print(json.dumps(answers), flush=True)
