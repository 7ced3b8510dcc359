"""A teacher who has nbgrader takes a notebook through it: handed out, filled in, graded."""

import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from utils.teaching import write_handout

pytest.importorskip("nbgrader", reason="needs nbgrader: requirements-nbgrader.txt")
NOTEBOOK = "03-learn-by-hand"


def test_a_notebook_is_handed_out_and_graded(monkeypatch, tmp_path):
    """One student fills three of four gaps: three points, and not a traceback for the third."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    monkeypatch.setenv("MNIST_PATH", "sample")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # it calls alembic
    course = tmp_path / "course"
    write_handout(course, "nbgrader")
    config = Config()
    config.CourseDirectory.root = str(course)
    config.ExecutePreprocessor.timeout = 300
    api = NbGraderAPI(config=config)
    assert api.generate_assignment(NOTEBOOK)["success"]
    release = nbformat.read(course / "release" / NOTEBOOK / f"{NOTEBOOK}.ipynb", as_version=4)
    assert not any("BEGIN SOLUTION" in cell.source for cell in release.cells)
    handed_in = course / "submitted" / "ada" / NOTEBOOK
    shutil.copytree(course / "release" / NOTEBOOK, handed_in)
    source = nbformat.read(course / "source" / NOTEBOOK / f"{NOTEBOOK}.ipynb", as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells if "nbgrader" in cell.metadata}
    for cell in release.cells:
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("solution") and grading["grade_id"] != "take-step":
            cell.source = re.sub(r".*### (BEGIN|END) SOLUTION\n?", "", answers[grading["grade_id"]])
    nbformat.write(release, handed_in / f"{NOTEBOOK}.ipynb")
    assert api.autograde(NOTEBOOK, "ada")["success"]
    graded = api.get_submission(NOTEBOOK, "ada")
    assert (graded["score"], graded["max_score"]) == (3, 4)
