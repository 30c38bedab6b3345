"""Every judge of part edge on records worked out by hand: right, close, wrong, and too close to call.

A comment works the right answer out from the numbers; no expectation comes from the code that is tested.
"""

from __future__ import annotations

from typing import Any

import pytest

from grading.checks.edge import JUDGES
from tests.grading.checks.paper import Paper, asks_to_measure, each, earned, untried

pytestmark = pytest.mark.usefixtures("paper_limits")
Steps = dict[str, Any]


def latency(**median_ms: dict[int, float]) -> Steps:
    """Latency steps by variant and number of threads: fifteen samples, all but two of them the median."""
    return {
        f"edge/{variant}-threads-{threads}/latency": {"latency_ms": [ms * 2, *[ms] * 13, ms / 2]}
        for variant, by_threads in median_ms.items()
        for threads, ms in by_threads.items()
    }


def between(variant: str, low_ms: float, high_ms: float) -> Steps:
    """Latencies whose median's interval reaches from one value to the other, with one thread and with four."""
    times = {"latency_ms": [*[low_ms] * 8, *[high_ms] * 7]}
    return {f"edge/{variant}-threads-{threads}/latency": times for threads in (1, 4)}


def blocks(**medians_ms: list[float]) -> Steps:
    """Latency steps of the turns by variant, with one thread, a sample a round."""
    return {
        f"edge/{variant}-threads-1/latency": {
            "latency_ms": times,
            "rounds": list(range(1, len(times) + 1)),
            "group": "edge",
            "slow": [],
        }
        for variant, times in medians_ms.items()
    }


def size(**megabytes: float) -> Steps:
    """Size steps by variant."""
    return {f"kit/{variant}/size": {"bytes": round(mb * 1e6)} for variant, mb in megabytes.items()}


def starts(process: float, libraries: float, model: float, first: float) -> Steps:
    """Three cold starts whose phases have these medians."""
    phases = {"process_ms": process, "libraries_ms": libraries, "model_ms": model, "first_inference_ms": first}
    return {"cold/fp32/start": {name: [ms * 3, ms / 3, ms] for name, ms in phases.items()}}


def soak(first_ms: float, last_ms: float, very_last_ms: float | None = None) -> Steps:
    """Ten seconds, a call each: two of the first fifth, two of the last, and six of 99 ms between."""
    return {
        "soak/all/soak": {
            "latency_ms": [first_ms, first_ms, 99, 99, 99, 99, 99, 99, last_ms, very_last_ms or last_ms],
            "seconds": 10.0,
            "started_s": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            "absent": {"limits": "no board"},
            "board_s": [],
            "temperature_c": [],
        }
    }


def in_browser(**medians_ms: list[float]) -> Steps:
    """Latency steps of a browser's turns by entrant (`wasm_fp32_4`: in the page, four threads), one a round."""
    return {
        "browser/{}-{}-threads-{}/latency".format(*name.split("_")): {
            "latency_ms": times,
            "rounds": list(range(1, len(times) + 1)),
            "group": "browser",
            "slow": [],
        }
        for name, times in medians_ms.items()
    }


# Medians at the best number of threads: fp32 13, dynamic 12, aggressive 6, conservative 6.1.
FOUR = latency(
    fp32={1: 40, 2: 22, 4: 13}, dynamic={1: 30, 4: 12}, aggressive={1: 12, 4: 6}, conservative={1: 6.1, 4: 14}
)
SIZES = size(fp32=9, dynamic=2.5, aggressive=2.5, conservative=6)
RESIDENT = {"cold/fp32/start": {"rss_mb": [[20, 60, 90, 108], [20, 60, 90, 100], [20, 60, 90, 104]]}}

CROSSING = (
    # Medians 12 and 4: 8 ms. A tenth is 0.8, three tenths 2.4.
    Paper(
        {"cloud/all/crossover": {"edge_ms": [30, 12, 11], "server_ms": [4, 9, 3]}},
        {8: 1, 8.7: 1, 7.3: 1, 8.9: 0.5, 10.3: 0.5, 10.5: 0, -8: 0},
    ),
    # Blocks with medians 8, 8 and 27: their geometric mean is 12. The server's slow round 4 does not count: 4 ms.
    Paper(
        {
            "cloud/all/crossover": {
                "edge_ms": [8, 8, 27],
                "edge_rounds": [1, 2, 3],
                "edge_slow": [],
                "server_ms": [4, 4, 4, 40],
                "server_rounds": [1, 2, 3, 4],
                "server_slow": [4],
            }
        },
        {8: 1, 8.7: 1, 8.9: 0.5, 10.5: 0},
    ),
    # Medians 3 and 4: -1 ms. A tenth would be less than half a millisecond, which is always allowed.
    Paper({"cloud/all/crossover": {"edge_ms": [3], "server_ms": [4]}}, {-1: 1, -1.4: 1, -0.6: 1, -1.6: 0.5, 1: 0}),
)

PAPERS: dict[str, tuple[Paper, ...]] = {
    # The fastest is 6; 6.1 is within 2 % of it (6.12).
    "edge.latency.fastest": (
        Paper(FOUR, {"aggressive": 1, "conservative": 1, "dynamic": 0, "fp32": 0}),
        Paper({**FOUR, **latency(conservative={1: 6.4})}, {"aggressive": 1, "conservative": 0}),
        # In blocks: fp32 at 5 ms, dynamic now above, now below it, the other two 20 % slower in every round.
        Paper(
            blocks(fp32=[5.0] * 5, dynamic=[4.8, 5.3, 5.0, 5.2, 4.9], aggressive=[6.0] * 5, conservative=[6.0] * 5),
            {"fp32": 1, "dynamic": 1, "aggressive": 0, "conservative": 0},
        ),
        # In an older record's turns, fp32 is the fastest in every round; dynamic is now faster, now slower.
        Paper(
            {
                **FOUR,
                "edge/all/ranking": {
                    "fp32": [5.0] * 16,
                    "dynamic": [4.5, 5.6] * 8,
                    "aggressive": [6.0] * 16,
                    "conservative": [9.0] * 16,
                },
            },
            {"fp32": 1, "dynamic": 1, "aggressive": 0, "conservative": 0},
        ),
    ),
    # One thread 40, four threads 10: 4 times. A fifth is 0.8, three fifths 2.4.
    "edge.threads.gain": (
        Paper(latency(fp32={2: 22, 1: 40, 4: 10}), {4: 1, 3.3: 1, 4.7: 1, 4.9: 0.5, 6.3: 0.5, 6.5: 0, 0.25: 0}),
    ),
    "edge.cold.phase": (
        Paper(starts(40, 300, 90, 50), {"libraries": 1, "model": 0, "process": 0, "first inference": 0}),
        # 95 % of 300 are 285: 290 cannot be told from it, 284 can.
        Paper(starts(40, 300, 290, 284), {"libraries": 1, "model": 1, "first inference": 0}),
    ),
    "edge.soak.trend": (
        # From 10 to 12 is 20 % more, to 8 is 20 % less, to 10.2 is 2 %: steady below 5 %.
        Paper(soak(10, 12), {"slower": 1, "steady": 0, "faster": 0}),
        Paper(soak(10, 8), {"faster": 1, "steady": 0, "slower": 0}),
        Paper(soak(10, 10.2), {"steady": 1, "slower": 0, "faster": 0}),
        # 5.5 % is slower, yet within a percentage point of the limit; 6.5 % is not.
        Paper(soak(10, 10.55), {"slower": 1, "steady": 1, "faster": 0}),
        Paper(soak(10, 10.65), {"slower": 1, "steady": 0, "faster": 0}),
        # First fifth 10 and 10; last 8 and 12, of median 10 and standard deviation 2.83: the interval of its median is
        # 10 -+ 12.7 x 2.83 / sqrt(2), which holds all three verdicts.
        Paper(soak(10, 8, 12), {"steady": 1, "slower": 1, "faster": 1}),
    ),
    "edge.crossover.guess": CROSSING,
    # With the most threads, 4: 3 in every round. A fifth is 0.6, three fifths 1.8. One thread is not asked for.
    "edge.browser.slower": (
        Paper(
            in_browser(
                wasm_fp32_1=[150.0] * 5, wasm_fp32_4=[60.0, 66, 54, 60, 60], native_fp32_4=[20.0, 22, 18, 20, 20]
            ),
            {3: 1, 2.5: 1, 3.5: 1, 3.7: 0.5, 4.7: 0.5, 4.9: 0, 0.33: 0, 7.5: 0},
        ),
    ),
    "edge.browser.int8": (
        # Slower by a half in every round, faster by a sixth, and now one, now the other.
        Paper(in_browser(wasm_fp32_4=[60.0] * 5, wasm_conservative_4=[90.0] * 5), {"slower": 1, "faster": 0}),
        Paper(in_browser(wasm_fp32_4=[60.0] * 5, wasm_conservative_4=[50.0] * 5), {"slower": 0, "faster": 1}),
        Paper(
            in_browser(wasm_fp32_4=[5.0] * 5, wasm_conservative_4=[4.8, 5.3, 5.0, 5.2, 4.9]),
            {"slower": 1, "faster": 1},
        ),
    ),
}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_an_answer_earns_what_was_worked_out_on_paper(name: str, paper: Paper) -> None:
    assert earned(JUDGES, name, paper) == paper.shares


def test_every_judge_was_worked_out_on_paper_with_a_right_and_a_wrong_answer() -> None:
    assert set(PAPERS) == set(JUDGES)
    assert untried(PAPERS) == []


@pytest.mark.parametrize("name", sorted(JUDGES))
def test_without_its_measurement_an_answer_earns_nothing_and_the_student_is_told_what_to_measure(name: str) -> None:
    assert asks_to_measure(JUDGES, PAPERS, name)
