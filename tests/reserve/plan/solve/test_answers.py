"""One student's cheapest times, beside every choice tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from reserve.plan.course.course import Course
from reserve.plan.solve.answers import NEVER, Answers, Asked, alike
from tests.reserve.plan.small import inputs, student

COURSE = inputs(
    [student("a1", unavailable="Mon 08:00-17:00; Tue 12:00-24:00", preferred="Tue+Wed"), student("b2")], days=3
).course()


def tried_out(course: Course, unit: int, price: list[np.ndarray], asked: Asked) -> float:
    """The cheapest cost over all triples of start hours that the rules allow."""
    member, best = course.units[unit], NEVER
    hours = [np.flatnonzero(mask).tolist() for mask in member.starts]
    for at in product(*hours):
        ends = [start + length for start, length in zip(at, member.hours, strict=True)]
        if any(at[p] < ends[b] + course.gap(p) for p, befores in enumerate(course.after) for b in befores):
            continue
        if at[1] < ends[2] and at[2] < ends[1]:
            continue
        missed = sum(not member.liked[p][h] for p, h in enumerate(at))
        day = int(course.day_of[max(at)])
        if day > member.alone_day + asked.wait or missed > asked.worst_miss:
            continue
        cost = sum(price[p][h] for p, h in enumerate(at))
        best = min(best, cost + asked.finish * (day + course.rules.preference_days * missed))
    return best


@pytest.mark.parametrize("asked", [Asked(3, 3), Asked(0, 3), Asked(3, 0), Asked(1, 1), Asked(3, 2, finish=0.0)])
def test_no_choice_is_cheaper_than_the_answer(asked: Asked) -> None:
    rng = np.random.default_rng(asked.wait + 10 * asked.worst_miss)
    answers = Answers(COURSE)
    for _ in range(3):
        price = [rng.random(COURSE.hours) * 4 for _ in COURSE.parts]
        (both,) = alike(COURSE, [0, 1])
        cost, at = answers.cheapest(both, price, asked)
        for row, unit in enumerate(both.units.tolist()):
            exact = tried_out(COURSE, unit, price, asked)
            assert cost[row] == pytest.approx(exact) if exact < NEVER else cost[row] >= NEVER
            if exact < NEVER:
                hours = at[:, row]
                assert all(COURSE.units[unit].starts[part][hour] for part, hour in enumerate(hours))


def test_students_with_extra_time_are_asked_for_themselves() -> None:
    course = inputs([student("a1", extra=1.5), student("b2"), student("c3")], days=4).course()
    assert sorted(one.units.tolist() for one in alike(course, course.able)) == [[0], [1, 2]]


def test_where_no_block_may_begin_there_is_no_answer() -> None:
    (both,) = alike(COURSE, [0, 1])
    price = [np.zeros(COURSE.hours), np.full(COURSE.hours, NEVER), np.zeros(COURSE.hours)]
    cost, _ = Answers(COURSE).cheapest(both, price, Asked(3, 3))
    assert (cost >= NEVER).all()
