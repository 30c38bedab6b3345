"""Windows of one load are recorded one by one, in turn with others, and read as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.load import windows
from snippets.record.run import open_run


def window(seconds: float, *latencies_ms: float, **more: Any) -> dict[str, Any]:
    """A window in which these requests were answered, one after the other."""
    return {
        "seconds": seconds,
        "latency_ms": np.array(latencies_ms),
        "ok": np.ones(len(latencies_ms), dtype=bool),
        "started_s": np.cumsum(latencies_ms) / 1e3,
        "requests_per_s": len(latencies_ms) / seconds,
        **more,
    }


def test_each_round_goes_the_other_way_round() -> None:
    turns = list(windows.in_turn(("a", "b", "c"), 3))
    assert turns == [(0, "a"), (0, "b"), (0, "c"), (1, "c"), (1, "b"), (1, "a"), (2, "a"), (2, "b"), (2, "c")]


def test_each_load_is_joined_from_its_windows_whatever_the_order_in_which_they_took_turns() -> None:
    taken: list[tuple[str, int]] = []

    def measure(name: str, number: int) -> dict[str, Any]:
        taken.append((name, number))
        return window(1.0, {"a": 100.0, "b": 200.0}[name] + number)

    found = windows.take_turns(("a", "b"), 2, measure)
    assert taken == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert {name: one["latency_ms"].tolist() for name, one in found.items()} == {"a": [100, 101], "b": [200, 201]}


def test_samples_stand_one_behind_another_and_times_go_on() -> None:
    both = windows.joined([window(1.0, 100.0, 200.0), window(3.0, 400.0)])
    assert both["seconds"] == 4.0 and both["latency_ms"].tolist() == [100.0, 200.0, 400.0]
    assert both["started_s"].tolist() == pytest.approx([0.1, 0.3, 1.4])
    assert both["requests_per_s"] == 3 / 4 and [len(one["ok"]) for one in both["windows"]] == [2, 1]


def test_counts_are_summed_and_means_are_those_over_all_requests() -> None:
    # 10 requests of 2 ms each and 30 of 6 ms: 5 ms on average. Four rows in two executions, then four in one.
    first = window(1.0, 5.0, batches={"2": 2}, inferences=4, executions=2, server_requests=10, queue_ms=2.0, errors={})
    second = window(1.0, 5.0, batches={"4": 1}, inferences=4, executions=1, server_requests=30, queue_ms=6.0)
    both = windows.joined([first, {**second, "errors": {"gone": 2}}])
    assert both["batches"] == {"2": 2, "4": 1} and both["errors"] == {"gone": 2}
    assert (both["queue_ms"], both["mean_batch"], both["server_requests"]) == (5.0, 8 / 3, 40)


def test_what_the_machine_did_between_two_windows_is_left_out() -> None:
    times = {"util_cpu": np.array([10.0, 20.0, 30.0]), "util_gpu": np.zeros((3, 0))}
    times["util_gpu_memory_mb"] = np.array([[1.0], [2.0], [3.0]])
    times |= {"util_server": np.zeros(3), "util_memory_mb": np.zeros(3), "util_s": np.array([-0.2, 0.5, 1.5])}
    both = windows.joined([window(1.0, 5.0, **times), window(2.0, 5.0, **times)])
    assert both["util_s"].tolist() == [0.5, 1.5, 2.5] and both["util_cpu"].tolist() == [20.0, 20.0, 30.0]
    assert both["util_gpu"].shape == (3, 0) and both["util_gpu_memory_mb"].ravel().tolist() == [2.0, 2.0, 3.0]


def test_a_load_with_one_window_is_that_window() -> None:
    one = window(1.0, 5.0)
    assert windows.joined([one]) == one and list(windows.parts(one)) == [one]


def test_the_windows_of_a_record_are_those_of_the_newest_inputs_in_order(tmp_path: Path) -> None:
    run = open_run("system", runs=tmp_path)
    for number, seconds, ms in ((0, 2.0, 9.0), (1, 0.4, 2.0), (0, 0.4, 1.0)):
        key = {"seconds": seconds, windows.WINDOW: number}
        run.step("a/load", lambda ms=ms, seconds=seconds: window(seconds, ms), inputs=key)
    run.step("b/load", lambda: window(1.0, 7.0), inputs={"seconds": 2.0})
    record = run.record()
    assert windows.result_of(record, "a/load")["latency_ms"].tolist() == [1.0, 2.0]
    # A record from before windows: one step, read as it is.
    assert "windows" not in windows.result_of(record, "b/load") and windows.steps_of(record, "c/load") == []
