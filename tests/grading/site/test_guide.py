"""The guide's numbers are those of the notebooks, of the record, and of the table of hardware."""

from __future__ import annotations

import pytest

from grading.questions.schema import questions
from grading.site.guide import grading_hours, leases, work
from grading.site.lessons import lessons
from tests.grading.site.made import Machine


def test_a_lease_holds_a_node_for_its_block_without_the_margin() -> None:
    (lease,) = leases([Machine(), Machine(offered=False)])
    assert (lease.name, lease.node_hours) == ("gpu_paper", 2.5)


def test_a_part_is_the_sum_of_its_lessons() -> None:
    found = work("edge", lessons("edge"), {"1_latency": 2.0, "2_soak_and_cold_start": 3.0}, leases([Machine("edge")]))
    asked = questions("edge")
    assert found.seconds == 5.0 and found.node_hours == 2.5 and found.thinking == 10 + 10 + 15 + 15
    assert found.questions == len(asked) == found.automatic + found.explanations + found.screenshots
    assert found.points == sum(question.points for question in asked)


def test_a_part_without_a_run_or_a_lease_takes_neither() -> None:
    found = work("edge", lessons("edge"), {}, [])
    assert found.seconds is None and found.node_hours == 0


@pytest.mark.parametrize(("students", "explanations", "minutes", "hours"), [(30, 33, 2, 33), (10, 6, 0.5, 0.5)])
def test_reading_takes_students_times_explanations_times_minutes(
    students: int, explanations: int, minutes: float, hours: float
) -> None:
    assert grading_hours(students, explanations, minutes) == hours
