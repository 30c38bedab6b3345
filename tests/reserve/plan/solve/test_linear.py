"""Programs for HiGHS, small enough to be solved on paper."""

from __future__ import annotations

import numpy as np
import pytest

from reserve.plan.solve.linear import NOTHING, Program, Rows


def knapsack() -> Program:
    """x and y up to 3, 2 x + 3 y <= 7."""
    program = Program()
    x, y = program.several(2, 3)
    program.rows.add([x, y], [2, 3], 7)
    return program


def test_the_optimum_of_real_columns() -> None:
    found = knapsack().solve(np.array([-1.0, -1.0]))
    assert found is not None and found.value == pytest.approx(-10 / 3)  # x = 3, y = 1/3
    assert found.x.tolist() == pytest.approx([3, 1 / 3])


def test_the_optimum_of_whole_columns_and_of_mixed_ones() -> None:
    whole = knapsack().solve_whole(np.array([-2.0, -3.5]))
    assert whole is not None and whole.value == -7.5 and whole.x.tolist() == [2, 1]
    mixed = knapsack().solve_whole(np.array([-2.0, -3.5]), real=[1])
    assert mixed is not None and mixed.value == pytest.approx(-2 * 0 - 3.5 * 7 / 3)


def test_a_column_that_is_nothing_is_left_out() -> None:
    program = Program()
    column = program.one(10)
    program.rows.add([column, NOTHING], [1, -5], 4)
    found = program.solve(np.array([-1.0]))
    assert found is not None and found.x.tolist() == [4]


def test_many_rows_at_once_and_an_equation() -> None:
    program = Program()
    a, b, c = program.several(3, 10)
    program.rows.add_many(np.array([0, 0, 1]), np.array([a, b, c]), np.array([5, 2]))  # a + b <= 5, c <= 2
    program.equal.add([a, b], [1, -1])
    found = program.solve(np.array([-1.0, -1.0, -1.0]))
    assert found is not None and found.x.tolist() == [2.5, 2.5, 2]


def test_more_constraints_for_one_question_only() -> None:
    program, extra = knapsack(), Rows()
    extra.add([0], [1], 1)
    tighter, again = program.solve(np.array([-1.0, 0.0]), extra), program.solve(np.array([-1.0, 0.0]))
    assert tighter is not None and again is not None and (tighter.value, again.value) == (-1, -3)


def test_what_cannot_be_has_no_optimum_and_nothing_is_decided_by_nothing() -> None:
    program = knapsack()
    program.equal.add([0], [1], 4)
    assert program.solve(np.zeros(2)) is None and program.solve_whole(np.zeros(2)) is None
    empty = Program().solve(np.zeros(0))
    assert empty is not None and empty.value == 0
