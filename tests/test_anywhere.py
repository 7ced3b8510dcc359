"""Without these, the series works for those who open it as we do, and for nobody else."""

import ast
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.series import NOTEBOOKS
from utils.paths import ROOT


def first_cell(path):
    return next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code").source


def test_every_notebook_finds_the_project_in_the_same_way():
    assert len({first_cell(path) for path in NOTEBOOKS}) == 1


@pytest.mark.parametrize("folder", ["project/notebooks", "project", "project/notebooks/of my own", "."])
def test_a_notebook_opened_from_any_folder_finds_utils(monkeypatch, tmp_path, folder):
    """VS Code starts in the project's root, Colab beside the clone, a tidy student in a folder of their own."""
    (tmp_path / "project" / "utils").mkdir(parents=True)
    (tmp_path / "project" / "utils" / "mnist.py").touch()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    exec(first_cell(NOTEBOOKS[0]), {})
    assert sys.path == [str(tmp_path / "project"), "elsewhere"]


def test_a_notebook_alone_says_what_it_needs(monkeypatch, tmp_path):
    """Uploaded to Colab without the rest, it said "No module named 'utils'"."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf"get the whole project, as README says, .*{re.escape(str(tmp_path))}"):
        exec(first_cell(NOTEBOOKS[0]), {})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_takes_the_folder_it_runs_in_for_its_own(path):
    """Every file is named from the project's folder, which the first cell has found."""
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"][1:]
    assert not re.search(r"""["'](\.\.|data/|images/|notebooks/)""", "\n".join(code))


def pytest_in(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", *arguments]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"MNIST_PATH": "sample"}
    )
    return result.returncode, result.stdout


@pytest.mark.parametrize("folder", ["notebooks", ".."])
def test_pytest_runs_from_any_folder(folder):
    """Whoever calls it from notebooks/ saw every cell fail."""
    cell = f"{NOTEBOOKS[0]}::Cell 0"
    status, out = pytest_in(ROOT / folder, cell)
    assert status == 0, out
    assert "1 passed" in out


def test_a_copy_of_a_notebook_is_not_taken_for_one_of_the_series(tmp_path):
    """JupyterLab's Duplicate makes 01-…-Copy1.ipynb beside the original, and all tests of their form failed."""
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "learned", "*.png", "*.jpg")
    shutil.copytree(ROOT, project, ignore=ignored)
    first = project / "notebooks" / NOTEBOOKS[0].name
    copies = [first.with_stem(f"{first.stem}{ending}") for ending in ("-Copy1", " - Copy", " (2)")]
    for copy in copies:
        shutil.copy(first, copy)
    status, out = pytest_in(project, "--collect-only", "notebooks")
    assert status == 0, out
    assert first.name in out
    assert not any(copy.name in out for copy in copies)
    status, out = pytest_in(project, "--collect-only", str(copies[0]))
    assert status == 0, out
    assert copies[0].name in out, "asked for by name, it is run"


def test_what_an_old_python_reads_it_can_read():
    """On macOS's own Python 3.9 it was a TypeError that spoke of subscripts, not of the version."""
    for name in ("__init__", "__main__"):
        ast.parse((ROOT / "utils" / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("version", [(3, 8, 10, "final", 0), (3, 10, 2, "final", 0)])
def test_an_old_python_is_told_which_ones_will_do(version):
    """The check is the first thing that a newcomer is asked to run."""
    code = f"import runpy, sys; sys.version_info = {version}; sys.argv = ['utils', 'check']; runpy.run_module('utils')"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == f"This is Python {version[0]}.{version[1]}: the series needs 3.11, 3.12 or 3.13.\n"


@pytest.mark.parametrize("command", ["predict", "train"])
def test_a_missing_package_is_named_with_its_remedy(command):
    """Before the installation, every command ended in a traceback."""
    code = (
        f"import runpy, sys; sys.argv = ['utils', *{command.split()}]; runpy.run_module('utils', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True
    )  # without site: no package is found
    assert result.returncode == 1
    assert re.fullmatch(r"No module named '\w+': python -m utils check says what is missing.*\n", result.stderr)
