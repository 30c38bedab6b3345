"""Two readings of Triton's counters make the numbers of what happened between them."""

from __future__ import annotations

from typing import Any

from snippets.triton.stats import Statistics, from_json


def reading(requests: int, batches: dict[int, int], queue_ns: int) -> dict[str, Any]:
    """An entry of Triton's `model_stats` in which computing took 2 ms a request."""
    rows, runs = sum(size * count for size, count in batches.items()), sum(batches.values())
    return {
        "inference_count": rows,
        "execution_count": runs,
        "inference_stats": {
            "success": {"count": requests},
            "fail": {"count": 1},
            "queue": {"ns": queue_ns},
            "compute_infer": {"ns": requests * 2_000_000},
        },
        "batch_stats": [{"batch_size": size, "compute_infer": {"count": n}} for size, n in batches.items()],
    }


def test_a_difference_holds_only_what_was_done_in_between() -> None:
    before, after = from_json(reading(10, {1: 10}, 5_000_000)), from_json(reading(16, {1: 10, 3: 2}, 17_000_000))
    between = after - before
    assert (between.requests, between.inferences, between.executions, between.failures) == (6, 6, 2, 0)
    assert between.batches == {3: 2} and between.mean_batch == 3.0
    assert between.mean_ms("queue") == 2.0 and between.mean_ms("compute_infer") == 2.0


def test_facts_sum_the_parts_of_a_request() -> None:
    facts = from_json(reading(4, {2: 2}, 4_000_000)).facts()
    assert (facts["queue_ms"], facts["compute_ms"], facts["server_ms"]) == (1.0, 2.0, 3.0)
    assert facts["batches"] == {"2": 2} and facts["server_requests"] == 4 and facts["server_failures"] == 1


def test_a_reading_amidst_an_execution_is_not_settled() -> None:
    assert from_json(reading(4, {2: 2}, 0)).settled
    assert not Statistics(inferences=3, executions=1, batches={2: 1}).settled


def test_a_model_that_was_never_asked_has_no_mean() -> None:
    assert Statistics().mean_ms("queue") == 0.0 and Statistics().mean_batch == 0.0
