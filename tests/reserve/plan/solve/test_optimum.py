"""What a bound says about whole plans."""

import pytest

from reserve.plan.solve.optimum import whole


@pytest.mark.parametrize(
    ("value", "up", "integer"),
    [(9.999999, False, 10), (9.99, False, 9), (10.000001, True, 10), (10.01, True, 11), (0.0, True, 0)],
)
def test_a_bound_implies_the_integer_beyond_which_nothing_is(value: float, up: bool, integer: int) -> None:
    assert whole(value, up=up) == integer
