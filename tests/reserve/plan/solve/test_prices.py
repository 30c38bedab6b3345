"""Prices prove bounds: whatever they are, no plan beats them; climbed to, they are close."""

from __future__ import annotations

import numpy as np
import pytest

from reserve.plan.solve.answers import Asked
from reserve.plan.solve.bounds import Limits, Relaxation
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import measure
from reserve.plan.solve.greedy import Greedy
from reserve.plan.solve.prices import Dual, Until
from tests.reserve.plan.small import inputs, student
from tests.reserve.plan.solve.test_exact import hard_class

ONE_EACH = {"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}


@pytest.mark.parametrize("seed", range(6))
def test_no_prices_whatever_prove_more_than_a_plan_reaches(seed: int) -> None:
    made = hard_class(seed)
    course = made.course()
    greedy = Greedy(course)
    greedy.fill()
    greedy.search(Effort(0.2), 0)
    reached = measure(course, greedy.at)
    dual, rng = Dual(course), np.random.default_rng(seed)
    asked = Asked(reached["wait"], reached["worst_miss"])
    for scale in (0.0, 0.1, 1.0, 5.0):
        row = scale * rng.random(len(dual.nothing(0).vector()))
        row[-1] = 20 * scale
        found = dual.market(dual.nothing(0).of_vector(row), asked, reached["complete"])
        assert found.bound <= reached["finish"] + 1e-6


def test_climbing_comes_to_what_can_be_counted() -> None:
    # Five systems a day on one node, the first on day 1: of ten students five finish on day 1 and five on day 2.
    course = inputs(10, days=4, nodes=ONE_EACH).course()
    dual = Dual(course)
    prices, bound = dual.climb(dual.nothing(100.0), Asked(4, 3), 10, Until(Effort(5), enough=14.5))
    assert 14.5 <= bound <= 15 + 1e-6
    assert any(price.max() > 0 for price in prices.price.values()), "time on the only node costs something"


def test_the_relaxations_prices_prove_what_it_proves() -> None:
    course = inputs(10, days=4, nodes=ONE_EACH).course()
    relaxation = Relaxation(course)
    found = relaxation.optimum(relaxation.finish(), Limits(fixed=((-relaxation.students(), -10.0),)))
    assert found is not None
    market = Dual(course).market(found.prices, Asked(4, 3), 10)
    assert found.value - 1e-6 <= market.bound <= 15 + 1e-6


def test_nobody_can_do_without_a_miss_whose_preferred_time_never_comes() -> None:
    course = inputs([student("a1", preferred="2027-04-01"), student("b2")], days=4).course()
    dual = Dual(course)
    assert dual.most(Asked(4, 2), Effort(1), 2) == 1
    assert dual.most(Asked(4, 3), Effort(1), 2) == 2


def test_a_limit_on_all_leases_has_a_price() -> None:
    # Two leases at once in all: models fill the first day (five hours of ten), so fewer can begin than nodes allow.
    course = inputs(30, days=2, max_simultaneous=1).course()
    assert Dual(course).most(Asked(2, 3), Effort(2), 3) <= 3


def test_prices_in_a_row_are_the_same_prices() -> None:
    dual = Dual(inputs(3, days=3, max_simultaneous=2).course())
    row = np.arange(len(dual.nothing(7.0).vector()), dtype=float)
    assert dual.nothing(7.0).of_vector(row).vector().tolist() == row.tolist()


def test_a_climb_in_halved_steps_ends_when_they_are_too_small_and_the_other_with_its_time() -> None:
    halved = Until(Effort(60), halved=True)
    assert halved.step(80) == pytest.approx(halved.step(40) / 2) and halved.step(40) == pytest.approx(0.025)
    assert halved.goes_on(259) and not halved.goes_on(260)
    timed = Until(Effort(60))
    assert timed.goes_on(10**6) and timed.step(10**6) == pytest.approx(0.2, rel=0.01)
    over = Until(Effort(0))
    assert not over.goes_on(0) and over.step(0) == 0


def test_prices_tell_that_a_shorter_wait_is_impossible() -> None:
    # Five systems a day on one node: of ten who could finish on day 1, five wait a day, and no plan lets nobody wait.
    course = inputs(10, days=4, nodes=ONE_EACH).course()
    dual = Dual(course)
    assert {unit.alone_day for unit in course.units} == {1}
    assert dual.most(Asked(0, 3), Effort(20), 10) < 10 and dual.most(Asked(1, 3), Effort(5), 10) == 10
