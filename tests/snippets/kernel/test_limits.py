"""The machine's limits: of each, what was reached at best."""

from __future__ import annotations

import numpy as np

from snippets.kernel import limits


def test_the_best_pass_of_each_limit_counts_in_billions() -> None:
    step = {"float32_per_s": np.array([1e9, 3e9]), "one_thread_per_s": np.array([2e9]), "threads": 2}
    assert limits.best(step) == {"float32_per_s": 3.0, "one_thread_per_s": 2.0}


def test_all_threads_can_do_no_less_than_one_did() -> None:
    step = {"float32_per_s": np.array([1e9, 3e9]), "one_thread_per_s": np.array([4e9]), "threads": 2}
    assert limits.best(step) == {"float32_per_s": 4.0, "one_thread_per_s": 4.0}


def test_of_limits_that_were_measured_twice_the_better_one_counts() -> None:
    slow, fast = (
        {"float32_per_s": np.array([value]), "one_thread_per_s": np.array([1e9]), "threads": 2} for value in (5e9, 7e9)
    )
    both = limits.together(slow, fast)
    assert both["float32_per_s"].tolist() == [5e9, 7e9] and both["threads"] == 2
    assert limits.best(both) == {"float32_per_s": 7.0, "one_thread_per_s": 1.0}


def test_all_limits_are_measured_and_told() -> None:
    found = limits.limits(1)
    best = limits.best(found)
    assert set(best) == {f"{name}_per_s" for name in ("float32", "one_thread", "int8", "memory", "cache")}
    assert all(value > 0.1 for value in best.values())
    text = limits.told(
        {
            **found,
            "float32_per_s": np.array([12.3e9]),
            "one_thread_per_s": np.array([9e9]),
            "memory_per_s": np.array([4.56e9]),
        }
    )
    assert "computing in float32: 12 GFLOP/s with 1 thread," in text and "reading: 4.6 GB/s from memory" in text
