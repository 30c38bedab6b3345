"""Every coding question has cases, and the same file is graded by the same ones."""

from __future__ import annotations

from grading.functions.tasks import tasks
from grading.staff.judges.functions import MAKERS, cases


def test_cases_are_many_valid_and_the_same_for_the_same_file() -> None:
    for task in tasks():
        made = cases(task, "seed")
        assert len(made) >= 12 and made == cases(task, "seed") and made != cases(task, "other")


def test_there_are_cases_for_what_is_asked_and_for_nothing_else() -> None:
    assert sorted(MAKERS) == sorted(task.name for task in tasks())
