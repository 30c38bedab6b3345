"""Expected values of Part 2's coding question, worked out by hand."""

from __future__ import annotations

from grading.staff.judges.functions.edge import crossover_ms


def test_the_crossover_is_the_devices_extra_time_and_none_where_it_is_faster() -> None:
    assert (crossover_ms(40, 12), crossover_ms(5, 5), crossover_ms(5, 12)) == (28, 0, 0)
