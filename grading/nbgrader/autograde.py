"""`servelab autograde`: nbgrader's own autograde for a class, several students at a time.

Each worker holds nbgrader's API with the course's nbgrader_config.py and grades one student after another; two never
grade the same one. They share the gradebook, and wait for each other there. Nothing of nbgrader is changed.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.kernels.client import NoWarmKernel, warm_pool
from grading.nbgrader.release import KERNEL
from snippets.errors import SubmissionError, ToolMissing, UsageError
from snippets.parts import check_part
from snippets.quick_import import without_iri_checks
from snippets.terminal import bar

LOCK_S = 120
"""How long a worker waits for another one's write to the gradebook."""
_apis: dict[Path, Any] = {}


@dataclass(frozen=True)
class Autograded:
    """What became of a student: `problem` is empty if the notebooks were graded; `log` is what nbgrader said."""

    student: str
    problem: str
    log: str


def _api(course: Path) -> Any:
    """This process's nbgrader API for the course, with nbgrader's configuration files as its own commands read them."""
    if course not in _apis:
        without_iri_checks()
        from nbgrader.apps import NbGraderAPI
        from nbgrader.apps.baseapp import NbGrader

        warnings.filterwarnings("ignore", module="nbgrader")  # of SQLAlchemy, about how nbgrader fills its tables
        os.chdir(course)
        app = NbGrader()
        app.log.setLevel(logging.CRITICAL)
        app.load_config_file()
        config = app.config
        if config.Execute.get("kernel_name") == KERNEL:
            with contextlib.suppress(NoWarmKernel):
                warm_pool()  # it imports while this process prepares the first notebook
        config.CourseDirectory.root = str(course)
        url = str(config.CourseDirectory.get("db_url") or f"sqlite:///{course / 'gradebook.db'}")
        if url.startswith("sqlite:///") and "?" not in url:
            config.CourseDirectory.db_url = f"{url}?timeout={LOCK_S}"
        _apis[course] = NbGraderAPI(config=config)
        _apis[course].log.propagate = False
    return _apis[course]


def _one(part: str, course: Path, student: str, force: bool) -> Autograded:
    result = _api(course).autograde(part, student, force=force)
    log = str(result.get("log", ""))
    if result["success"]:
        return Autograded(student, "", log)
    told = [line for line in f"{result.get('error', '')}\n{log}".splitlines() if line.strip()]
    errors = [line for line in told if "ERROR" in line or "Error" in line]
    return Autograded(student, (errors or told or ["nbgrader gave no reason"])[-1].strip(), log)


def students_of(part: str, course: Path) -> list[str]:
    """Everybody who handed in `part`: the folders submitted/<student>/<part>."""
    return sorted(path.parent.name for path in (course / "submitted").glob(f"*/{part}") if path.is_dir())


def autograde_class(
    part: str, course: Path, *, force: bool = False, workers: int | None = None, say: Callable[[str], None] = print
) -> list[Autograded]:
    """Run nbgrader's autograde for everybody in submitted/*/<part>/; returns what became of each.

    `force`: also those that were graded already. `workers`: processes; default two a core, for a notebook's time is
    half waiting. Raises UsageError for an unknown part or no submissions, ToolMissing without nbgrader, and
    SubmissionError, after all others are graded, where somebody's could not be.
    """
    check_part(part, all_too=False)
    course = course.resolve()
    students = students_of(part, course)
    if not students:
        raise UsageError(f"Nobody handed in: there is no {course}/submitted/<student>/{part}/.")
    if not (course / "gradebook.db").exists() and not (course / "nbgrader_config.py").exists():
        raise UsageError(
            f"{course} is no nbgrader course: run `servelab release {part} --course {course}` and, there, "
            f"`nbgrader generate_assignment {part}`."
        )
    try:
        without_iri_checks()
        import nbgrader.apps  # noqa: F401  (before the workers are forked, so that it is imported once)
    except ImportError as error:
        raise ToolMissing(
            f"nbgrader cannot be imported ({error}); install it with `pip install 'servelab[grade]'`."
        ) from None
    gc.collect()
    gc.freeze()  # the workers' collectors leave what they share alone
    count = min(workers or 2 * (os.cpu_count() or 1), len(students))
    how = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    started, graded = time.monotonic(), []
    with ProcessPoolExecutor(count, mp_context=how) as pool:
        waiting = {pool.submit(_one, part, course, student, force): student for student in students}
        with bar(part, len(students), forks=True) as meter:
            for done in as_completed(waiting):
                try:
                    one = done.result()
                except Exception as error:  # a worker that died must not lose the class
                    one = Autograded(waiting[done], f"{type(error).__name__}: {error}", "")
                graded.append(one)
                meter.done(1, f"{len(graded)} of {len(students)}")
                left = (time.monotonic() - started) / len(graded) * (len(students) - len(graded))
                told = f"{len(graded)}/{len(students)}, about {left:.0f} s left"
                say(f"{one.student}: {one.problem or 'graded'} ({told})")
    failed = sorted(one.student for one in graded if one.problem)
    if failed:
        raise SubmissionError(
            f"nbgrader could not grade {', '.join(failed)}: mend their notebooks with `servelab "
            f"release {part} --course {course} --repair`, or look with `nbgrader autograde {part} "
            f"--student {failed[0]}`."
        )
    return sorted(graded, key=lambda one: one.student)
