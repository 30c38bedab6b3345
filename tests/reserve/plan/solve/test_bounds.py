"""What no plan can beat, where it can be counted by hand."""

from __future__ import annotations

import pytest

from reserve.plan.solve.bounds import Limits, Relaxation, whole
from tests.reserve.plan.small import inputs, student

ONE_EACH = {"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}


def relaxed(students, days: float, **changes) -> Relaxation:
    return Relaxation(inputs(students, days=days, nodes=ONE_EACH, **changes).course())


def test_one_system_node_serves_five_blocks_a_day() -> None:
    # Models on day 1 (five of them); systems 12 hours later, on day 2: five.
    relaxation = relaxed(14, 2)
    found = relaxation.optimum(relaxation.students(), maximise=True)
    assert found is not None and found.value == pytest.approx(5)


def test_who_can_finish_alone_is_counted_and_who_cannot_is_not() -> None:
    relaxation = relaxed([student("a1"), student("b2", unavailable="daily")], 2)
    found = relaxation.optimum(relaxation.students(), maximise=True)
    assert found is not None and found.value == pytest.approx(1)


def test_a_pair_counts_twice() -> None:
    relaxation = relaxed([student("a1", pair="b2"), student("b2"), student("c3")], 4)
    found = relaxation.optimum(relaxation.students(), maximise=True)
    assert found is not None and found.value == pytest.approx(3)


def test_a_limit_on_waiting_lets_fewer_finish() -> None:
    # Alone everyone finishes on day 1 (counted from 0); with ten students one a day later is needed.
    relaxation = relaxed(10, 4)
    students = relaxation.students()
    none_waits = relaxation.optimum(students, Limits(wait=0), maximise=True)
    one_day = relaxation.optimum(students, Limits(wait=1), maximise=True)
    assert none_waits is not None and one_day is not None
    assert none_waits.value == pytest.approx(5) and one_day.value == pytest.approx(10)


def test_a_goal_that_is_fixed_is_kept() -> None:
    relaxation = relaxed(10, 4)
    students = relaxation.students()
    early = relaxation.optimum(relaxation.finish(), Limits(fixed=((-students, -10.0),)))
    assert early is not None and early.value >= 5 * 1 + 5 * 2 - 1e-6  # at best five on day 1, five on day 2
    nobody = relaxation.optimum(relaxation.finish())
    assert nobody is not None and nobody.value == pytest.approx(0)


def test_what_is_asked_for_and_cannot_be_is_none() -> None:
    relaxation = relaxed(14, 2)
    assert relaxation.optimum(relaxation.finish(), Limits(fixed=((-relaxation.students(), -6.0),))) is None


def test_a_preference_that_cannot_be_met_is_a_miss() -> None:
    relaxation = relaxed([student("a1", preferred="2027-04-01")], 4)
    must = Limits(fixed=((-relaxation.students(), -1.0),))
    found = relaxation.optimum(relaxation.misses(), must)
    assert found is not None and found.value == pytest.approx(3)
    assert relaxation.optimum(relaxation.misses(), Limits(must.fixed, worst_miss=2)) is None


@pytest.mark.parametrize(
    ("value", "up", "integer"),
    [(9.999999, False, 10), (9.99, False, 9), (10.000001, True, 10), (10.01, True, 11), (0.0, True, 0)],
)
def test_a_bound_implies_the_integer_beyond_which_nothing_is(value: float, up: bool, integer: int) -> None:
    assert whole(value, up=up) == integer
