"""Grading a class: `servelab grade`, confined function tests, `servelab autograde` beside stock `nbgrader autograde`.

All grade the same made-up students of part edge in one run. Rates are per minute of wall time; memory is the peak of
the largest process. `nbgrader autograde` runs twice over the same notebooks: as it is installed, with ordinary kernels
and no line of the course's configuration for speed, and with that configuration (forked kernels); `servelab autograde`
runs the latter for several students at a time. The grades of all three must be equal. Run on a quiet machine.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grading.batch.outputs import OfClass, grade_class  # noqa: E402
from grading.functions import sandbox  # noqa: E402
from grading.functions.tests import test_file  # noqa: E402
from grading.nbgrader.autograde import autograde_class  # noqa: E402
from grading.nbgrader.release import release_part  # noqa: E402
from tests.grading.exploits import SOLUTION  # noqa: E402
from tests.grading.students import hand_in, make_run  # noqa: E402

STUDENTS, RECORDS, NOTEBOOK_STUDENTS, FUNCTION_FILES = 6, 60, 20, 60
STOCK = ("--Execute.kernel_name=python3", "--Execute.shutdown_kernel=graceful")


def rate(count: int, work: Callable[[], object]) -> float:
    """`count` per minute of what `work` does."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started) * 60


def peak_mb() -> float:
    """Largest resident memory of any child so far, MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def nbgrader(course: Path, *arguments: str) -> None:
    """Stock nbgrader; it starts alembic by name, so the environment's programs must be on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        check=True,
        capture_output=True,
        timeout=900,
        env={**os.environ, "PATH": path},
    )


def submitted(course: Path, zips: list[Path], students: int) -> int:
    """Put students into the nbgrader course: the released notebooks and their runs; returns the notebooks' number."""
    notebooks = sorted((course / "release" / "edge").glob("*.ipynb"))
    for n in range(students):
        archive = zips[n % len(zips)]
        target = course / "submitted" / f"s{n:03d}" / "edge"
        target.mkdir(parents=True)
        shutil.copytree(archive.parent / "submission" / "edge", target / "edge")
        for notebook in notebooks:
            shutil.copy(notebook, target)
    return len(notebooks) * students


def gradebook(course: Path) -> list[tuple[str, str, float | None, bool]]:
    """Every automatic score in the gradebook, and whether a person must look."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db", "servelab") as book:
        return sorted(
            (submission.student_id, grade.name, grade.auto_score, grade.needs_manual_grade)
            for submission in book.assignment_submissions("edge")
            for notebook in submission.notebooks
            for grade in notebook.grades
        )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as scratch:
        base = Path(scratch)
        zips = [
            hand_in(make_run(base / str(n), n), f"s{n:03d}", base / "out" / f"s{n:03d}", pdf=False).zip
            for n in range(STUDENTS)
        ]
        (base / "class").mkdir()
        for n in range(RECORDS):
            copy = Path(shutil.copy(zips[n % STUDENTS], base / "class" / f"s{n:03d}.zip"))
            with zipfile.ZipFile(copy, "a") as archive:  # other bytes, so that no grade comes from the cache
                archive.comment = f"copy {n}".encode()
        records = rate(
            RECORDS, lambda: grade_class([base / "class"], base / "grades.csv", of_class=OfClass(say=lambda _: None))
        )
        ours_mb = peak_mb()
        file = base / "functions.py"
        file.write_text(SOLUTION)
        functions, used = 0.0, sandbox.level()
        if used != "none":
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                functions = rate(
                    FUNCTION_FILES, lambda: list(pool.map(lambda _: test_file(file, "model"), range(FUNCTION_FILES)))
                )
        course = base / "course"
        release_part("edge", course)
        nbgrader(course, "generate_assignment", "edge", "--create", "--force")
        count = submitted(course, zips, NOTEBOOK_STUDENTS)
        shutil.copytree(course, forked := base / "forked")
        shutil.copytree(course, several := base / "several")
        stock = rate(count, lambda: nbgrader(course, "autograde", "edge", *STOCK))
        stock_mb = peak_mb()
        fast = rate(count, lambda: nbgrader(forked, "autograde", "edge"))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        ours = rate(count, lambda: autograde_class("edge", several, say=lambda _: None))
        if not gradebook(course) == gradebook(forked) == gradebook(several):
            raise SystemExit("The gradebooks differ: what is faster must give the same grades.")
        rows = [
            ("servelab grade", "records", records, ours_mb),
            (f"function tests ({used})", "files", functions, None),
            ("nbgrader autograde, stock", "notebooks", stock, stock_mb),
            ("the same, kernels forked", "notebooks", fast, None),
            ("servelab autograde", "notebooks", ours, peak_mb()),
            ("nbgrader autograde, stock", "students", stock * NOTEBOOK_STUDENTS / count, None),
        ]
    for name, what, per_minute, memory in rows:
        print(f"{name:<32} {per_minute:8.0f} {what}/min" + (f"   peak {memory:.0f} MB" if memory else ""))
    print(
        json.dumps(
            {
                "records to stock, per student": round(records / (stock * NOTEBOOK_STUDENTS / count), 1),
                "forked to stock": round(fast / stock, 2),
                "servelab autograde to stock": round(ours / stock, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
