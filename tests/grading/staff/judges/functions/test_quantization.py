"""Expected values of the coding questions on 8-bit integers, worked out by hand."""

from __future__ import annotations

import random

import pytest

from grading.staff.judges.functions.quantization import (
    MAKERS,
    float_layers,
    int8_matmul,
    quantize,
    scale_and_zero_point,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1.0, 1.55, [0.01, 100]),  # 2.55 in 255 steps
        (0.0, 5.1, [0.02, 0]),
        (1.0, 5.1, [0.02, 0]),  # widened to 0
        (-5.1, -1.0, [0.02, 255]),
        (0.0, 0.0, [1.0, 0]),
    ],
)
def test_a_range_is_widened_to_hold_zero_and_cut_into_255_steps(low: float, high: float, expected: list) -> None:
    assert scale_and_zero_point(low, high) == pytest.approx(expected)


def test_a_number_becomes_the_nearest_step_and_halves_the_even_one() -> None:
    assert quantize([0.5, 1.5, 2.4, -0.5, 999, -999], 1.0, 10, 0, 255) == [10, 12, 12, 10, 255, 0]


def test_a_product_of_integers_is_that_of_their_distances_from_the_zero_points() -> None:
    # (3-2)(1-0) + (5-2)(0-0) + (2-2)(2-0) = 1; (3-2)(0-1) + (5-2)(1-1) + (2-2)(2-1) = -1.
    assert int8_matmul([[3, 5, 2]], [[1, 0], [0, 1], [2, 2]], 2, [0, 1]) == [[1, -1]]


def test_parts_go_back_to_float_by_error_for_each_byte_until_little_enough_is_left() -> None:
    # 0.6 in all. Per byte: 0.001, 0.002, 0.0005.
    errors, sizes = [0.3, 0.1, 0.2], [300, 50, 400]
    assert float_layers(errors, sizes, 0.7) == []
    assert float_layers(errors, sizes, 0.55) == [1]
    assert float_layers(errors, sizes, 0.25) == [1, 0]
    assert float_layers(errors, sizes, 0.0) == [1, 0, 2]
    assert float_layers([0.2, 0.2], [10, 10], 0.3) == [0], "of equals the first"


def test_no_case_hangs_on_the_order_of_additions() -> None:
    _, make = MAKERS["float_layers"]
    for seed in range(30):
        for (errors, sizes, allowed), _ in make(random.Random(seed)):
            best = sorted(range(len(errors)), key=lambda index: (-errors[index] / sizes[index], index))
            left = [sum(errors[index] for index in best[n:]) for n in range(len(best))]
            assert all(abs(one - allowed) > 1e-12 for one in left)


def test_no_zero_point_or_step_of_a_case_is_near_a_half_that_rounding_decides() -> None:
    for seed in range(30):
        for (low, high), _ in MAKERS["scale_and_zero_point"][1](random.Random(seed)):
            scale, zero = scale_and_zero_point(low, high)
            assert abs(abs(-min(low, 0.0) / scale - zero) - 0.5) > 1e-9
        for (values, scale, zero, *_), about in MAKERS["quantize"][1](random.Random(seed)):
            if about != "halves":
                assert all(abs(abs(one / scale) % 1 - 0.5) > 1e-9 for one in values), zero
