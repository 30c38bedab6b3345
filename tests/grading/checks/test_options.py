"""How judges compare the ways to run a model: in turn where there are turns, and only beyond the intervals."""

from __future__ import annotations

from typing import Any

import pytest

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.options import accurate, as_fast, in_turn, measured, meeting, more_accurate, rate, together
from snippets.decide.targets import Target
from tests.grading.checks.paper import Paper

CPU = {"cpu": "graph/onnx-all", "openvino": "providers/openvino"}
ONE_BY_ONE = {
    "graph/onnx-all/latency": {"latency_ms": [10.0] * 9},
    "providers/openvino/latency": {"latency_ms": [8.0] * 8},
}
TURNS = {"providers/ranking": {"onnx-all": [9.0] * 16, "openvino": [9.5] * 16}}


def evidence(*steps: dict[str, Any]) -> Evidence:
    return Paper({name: result for each in steps for name, result in each.items()}, {}).evidence


def test_latencies_come_from_the_turns_and_without_them_one_by_one() -> None:
    both = in_turn(evidence(ONE_BY_ONE, TURNS), "providers/ranking", CPU)
    assert both["cpu"].tolist() == [9.0] * 16 and together(both)
    alone = in_turn(evidence(ONE_BY_ONE), "providers/ranking", CPU)
    assert alone["cpu"].tolist() == [10.0] * 9 and not together(alone)
    with pytest.raises(NotMeasured):
        in_turn(evidence(), "providers/ranking", CPU)


def test_only_what_the_samples_rank_behind_the_fastest_is_slower() -> None:
    times = in_turn(evidence(TURNS), "providers/ranking", CPU)
    assert as_fast(times, "").right == {"cpu"} and as_fast(times, "").accepted == frozenset()
    times["openvino"] = times["openvino"] * 0.96  # 9.12 ms, 1.3 % more than 9
    assert as_fast(times, "").accepted == {"openvino"}


def test_what_was_not_measured_is_no_candidate() -> None:
    assert measured(evidence({"graph/onnx-all/latency": {}}), CPU) == {"cpu": "graph/onnx-all"}
    with pytest.raises(NotMeasured):
        measured(evidence(), CPU)


def test_the_rate_is_that_of_the_largest_batch_with_its_interval() -> None:
    # 8 in 10 ms are 800 a second; 32 in 40 ms are 800, in 32 ms 1000.
    found = evidence(
        {
            "x/throughput-8": {"batch": 8, "batch_ms": [10.0] * 6},
            "x/throughput": {"batch": 32, "batch_ms": [32.0] * 5 + [40.0] * 5},
        }
    )
    assert (rate(found, "x").low, rate(found, "x").high) == (800.0, 1000.0)
    with pytest.raises(NotMeasured):
        rate(found, "y")


def test_a_target_is_met_or_missed_beyond_the_intervals_only() -> None:
    rates = {f"{prefix}/throughput": {"batch": 8, "batch_ms": [4.0] * 9} for prefix in CPU.values()}
    found = evidence(TURNS, rates)
    assert meeting(found, CPU, Target("t", "h", p50_ms_below=9.2), "providers/ranking") == ({"cpu"}, frozenset())
    wide = evidence({"providers/ranking": {"onnx-all": [9.0, 9.4] * 8, "openvino": [9.5] * 16}}, rates)
    assert meeting(wide, CPU, Target("t", "h", p50_ms_below=9.2), "providers/ranking") == (frozenset(), {"cpu"})
    with pytest.raises(NotMeasured):  # a size, which is not asked of a server
        meeting(found, CPU, Target("t", "h", size_mb_below=1.0), "providers/ranking")


def scored(**right: int) -> Evidence:
    """Accuracy steps of 400 images, of which the first ones are named rightly."""
    return evidence(
        {
            f"{name}/accuracy": {"labels": [1] * 400, "predictions": [1] * count + [0] * (400 - count)}
            for name, count in right.items()
        }
    )


def test_five_points_may_be_lost() -> None:
    names = {name: name for name in ("a", "b", "c")}
    assert set(accurate(scored(a=380, b=360, c=359), names)) == {"a", "b"}


def test_one_is_more_accurate_only_beyond_chance() -> None:
    found = scored(a=380, b=378, c=360)
    assert more_accurate(found, "a", "c") and not more_accurate(found, "c", "a") and not more_accurate(found, "a", "b")
    other = evidence({"a/accuracy": {"labels": [1], "predictions": [1]}, "b/accuracy": {"predictions": [1, 1]}})
    assert not more_accurate(other, "a", "b")  # not the same images
