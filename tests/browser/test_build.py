"""The page is made by one command, whole or not at all, and what it needs is pinned."""

import json
import re

import pytest

from utils.browser import PAGES, build
from utils.cli import main
from utils.errors import DigitsError

HERE = build.HERE


def test_without_npm_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    """Most of those who read the notebooks have no npm, and need none."""
    monkeypatch.setattr(build, "HERE", tmp_path / "nothing")
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert main(["page", str(tmp_path / "page")]) == 1
    assert "install Node.js" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_what_npm_says_is_passed_on(monkeypatch, tmp_path):
    """Behind a school's proxy it is the reason that counts."""
    (tmp_path / "package-lock.json").write_text('{"packages": {"node_modules/a": {"version": "1"}}}')
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network request failed' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build.shutil, "which", lambda name: str(npm))
    with pytest.raises(DigitsError, match="network request failed.*is there a connection"):
        build.install_packages()


def test_the_packages_are_pinned():
    """Another version may read other digits: each is named to the last digit, with the hash of what is downloaded."""
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+[\w.-]*", version), "an exact version"
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in about for name, about in locked.items() if name)


def test_a_folder_that_is_something_else_stays(built, monkeypatch, tmp_path):
    """A folder named by mistake holds somebody's work."""
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr(build, "install_packages", lambda: HERE / "node_modules")
    with pytest.raises(DigitsError, match="is there already"):
        build.write_page(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_all_that_is_needed_is_in_the_folder(built):
    """It is carried on a stick, or put on a school's server: no file may be missing, and none is from elsewhere."""
    listed = json.loads((built / "files.json").read_text(encoding="utf-8"))["sizes"]
    for name, size in listed.items():
        assert (built / name).stat().st_size == size
    for page in PAGES:
        for name in re.findall(r'(?:src|href)="([^"#]+)"', (built / page).read_text(encoding="utf-8")):
            assert not name.startswith(("http:", "https:", "/")), name
            assert (built / name).exists(), name
    for path in built.rglob("*.js"):
        if "libraries" not in path.parts:
            assert not re.search(r"https?://(?!www\.w3\.org/)", path.read_text(encoding="utf-8")), path


def test_it_knows_when_a_file_has_changed(built, tmp_path):
    """A visitor's device keeps the page: after a change it must fetch it anew, and only then."""
    assert "{{" not in (built / "offline.js").read_text(encoding="utf-8")
    versions = []
    for number, text in enumerate(("old", "old", "new")):
        (folder := tmp_path / str(number)).mkdir()
        (folder / "index.html").write_text(text)
        build._list_files(folder)
        worker = (folder / "offline.js").read_text(encoding="utf-8")
        versions.append(re.search(r'VERSION = "(digits-[0-9a-f]{12})"', worker)[1])
    assert versions[0] == versions[1] != versions[2]
