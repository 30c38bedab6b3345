"""Stock nbgrader in a course's folder, and the grades that it keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def nbgrader(course: Path, *arguments: str) -> str:
    """Stock nbgrader in the course's folder; returns what it printed. It starts alembic by name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        text=True,
        timeout=600,
        capture_output=True,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def grades(course: Path, part: str, student: str) -> dict[str, tuple[float | None, bool]]:
    """By cell: the automatic score, and whether a person must look."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db", "servelab") as book:
        submission = book.find_submission(part, student)
        return {
            grade.name: (grade.auto_score, grade.needs_manual_grade)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
