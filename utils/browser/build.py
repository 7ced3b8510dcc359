"""Put the page together: the service's own, the reader in JavaScript, two libraries from npm, a network, digits."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from utils.browser.network import export_for_browser
from utils.errors import DigitsError
from utils.mnist import load_sample
from utils.networks import load_model, shipped_models
from utils.paths import ROOT, whole_folder

SAID = "python -m utils page"
HERE = Path(__file__).parent
#: The service's page, of which this one is made.
SERVICE = ROOT / "utils" / "service" / "page"
#: The pages for people.
PAGES = ("index.html", "learn.html")
#: What of the service's page is of no use without it.
LEFT_OUT = shutil.ignore_patterns("contest.*", "index.html", "asking.js")
#: What is taken from the packages, and what it is called here.
LIBRARIES = {
    "@opencvjs/web/lib/opencv_js.js": "opencv.js",
    "@opencvjs/web/LICENSE": "opencv-license.txt",
    "@litertjs/core/dist/index.js": "litert/index.js",
    "@litertjs/wasm-utils/dist/index.js": "litert/wasm-utils.js",
    **{
        f"@litertjs/core/wasm/{name}.{ending}": f"litert/{name}.{ending}"
        for name in ("litert_wasm_internal", "litert_wasm_compat_internal")
        for ending in ("js", "wasm")
    },
}
#: What the reader loads itself, and counts. LiteRT.js comes for one kind of browser or another: each loads one.
LARGE = ("libraries/opencv.js", "libraries/litert/litert_wasm_", "cnn.tflite")


def write_page(folder: str | os.PathLike, home: str = "") -> Path:
    """Write the page, whole or not at all.

    Parameters
    ----------
    folder
        Where to; it must not exist yet, be empty, or hold a page that was written before.
    home
        The address of the website that the page is part of, seen from it, such as ``../index.html``.

    Returns
    -------
    Path
        The start page. Any web server can offer the folder; a browser does not run it from ``file://``.

    Raises
    ------
    DigitsError
        If the packages are missing and cannot be installed, or the folder holds something else or cannot be written.
    """
    packages = install_packages()
    with whole_folder(folder, SAID) as part:
        shutil.copytree(SERVICE, part / "page", ignore=LEFT_OUT)
        for name in ("asking.js", "broken.js"):
            shutil.copy2(HERE / "page" / name, part / "page")
        shutil.copytree(HERE / "reader", part / "reader")
        shutil.copytree(HERE / "learning", part / "learning")
        shutil.copy2(HERE / "page" / "manifest.webmanifest", part)
        start = _adapt((SERVICE / "index.html").read_text(encoding="utf-8"))
        learn = (HERE / "page" / "learn.html").read_text(encoding="utf-8")
        link = f' · <a href="{home}">The series</a></footer>' if home else "</footer>"
        for name, html in zip(PAGES, (start, learn), strict=True):
            (part / name).write_text(html.replace("</footer>", link), encoding="utf-8")
        for source, name in LIBRARIES.items():
            (part / "libraries" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(packages / source, part / "libraries" / name)
        _name_by_place(part / "libraries" / "litert" / "index.js")
        export_for_browser(load_model(shipped_models() / "cnn.keras"), part / "cnn.tflite")
        (part / "learning" / "digits.bin").write_bytes(_digits())
        _list_files(part)
    return Path(folder).absolute() / "index.html"


def may_write_page() -> bool:
    """Say whether the page can be made here: its packages are installed, now if not before."""
    try:
        install_packages()
    except DigitsError:
        return False
    return True


def install_packages() -> Path:
    """Install the packages that ``package-lock.json`` names, unless they are here.

    Returns
    -------
    Path
        The folder that they are in.

    Raises
    ------
    DigitsError
        If there is no npm, or it fails.
    """
    packages = HERE / "node_modules"
    if _are_installed():
        return packages
    npm = shutil.which("npm")
    if npm is None:
        raise DigitsError("The page is made with two packages from npm, which is not here: install Node.js, try again.")
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True, encoding="utf-8",
        errors="replace", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        said = [line.removeprefix("npm error ") for line in done.stderr.splitlines() if line.startswith("npm error ")]
        raise DigitsError(f"npm did not install what the page is made with ({(said or ['no reason given'])[0]}): is "
                          "there a connection?")  # fmt: skip
    return packages


def _are_installed() -> bool:
    have = _versions(HERE / "node_modules" / ".package-lock.json")
    return bool(have) and have == _versions(HERE / "package-lock.json")


def _versions(lock: Path) -> dict[str, str] | None:
    """Read which version of each package a lock file names."""
    try:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return None
    return {name: about["version"] for name, about in packages.items() if name}


def _adapt(html: str) -> str:
    """Make the service's start page that of this one: its footer speaks of a server."""
    head, rest = html.split("</head>")
    body, end = rest.split("<footer>")
    own = {name: (HERE / "page" / f"{name}.html").read_text(encoding="utf-8") for name in ("head", "footer")}
    head, icon = head.split('<link rel="icon"')
    return f'{head}{own["head"]}<link rel="icon"{icon}</head>{body}{own["footer"].rstrip()}{end.split("</footer>")[1]}'


def _name_by_place(file: Path) -> None:
    """Name the one package that a library imports by its place: no browser looks for it by name, in a worker."""
    code = file.read_text(encoding="utf-8")
    for quote in "'\"":
        code = code.replace(f"from {quote}@litertjs/wasm-utils{quote}", f"from {quote}./wasm-utils.js{quote}")
    if "@litertjs/wasm-utils" in code.split("//# sourceMappingURL")[0]:
        raise AssertionError("LiteRT.js imports its other package in a new way")
    file.write_text(code.split("//# sourceMappingURL")[0], encoding="utf-8")


def _digits() -> bytes:
    """Pack MNIST's sample: 4,000 training and 1,000 test labels, then their images, a byte for each pixel; gzipped."""
    mnist = load_sample()
    parts = (mnist.y_train, mnist.y_test, mnist.x_train, mnist.x_test)
    return gzip.compress(b"".join(np.ascontiguousarray(part, np.uint8).tobytes() for part in parts), mtime=0)


def _list_files(part: Path) -> None:
    """Write the list of files, for the progress bar, and the service worker that keeps them; both name the version."""
    files = sorted(path for path in part.rglob("*") if path.is_file())
    names = [path.relative_to(part).as_posix() for path in files]
    sizes = {name: path.stat().st_size for name, path in zip(names, files, strict=True)}
    large = [name for name in names if name.startswith(LARGE)]
    small = ["./", "files.json", *(name for name in names if name not in large)]
    worker = (HERE / "page" / "offline.js").read_text(encoding="utf-8")
    seen = hashlib.sha256(worker.encode() + b"".join(path.read_bytes() for path in files))
    version = f"digits-{seen.hexdigest()[:12]}"
    listed = json.dumps({"version": version, "sizes": sizes}, indent=1)
    (part / "files.json").write_text(listed + "\n", encoding="utf-8")
    for name, value in (("VERSION", version), ("FILES", json.dumps(small)), ("LARGE", json.dumps(large))):
        worker = worker.replace(f"{{{{{name}}}}}", value)
    (part / "offline.js").write_text(worker, encoding="utf-8")
