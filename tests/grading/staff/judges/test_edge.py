"""What is worked out in part edge, judged on records that are small enough for pencil and paper."""

from __future__ import annotations

from typing import Any

import pytest

from grading.staff.judges.edge import JUDGES
from tests.grading.checks.paper import Paper, asks_to_measure, each, earned, judged, untried
from tests.grading.checks.test_edge import (
    CROSSING,
    FOUR,
    RESIDENT,
    SIZES,
    between,
    in_browser,
    latency,
    size,
    soak,
    starts,
)

pytestmark = pytest.mark.usefixtures("paper_limits")
Steps = dict[str, Any]


def visit(fetch: float, runtime: float, model: float, first: float) -> Steps:
    """Three first visits whose phases have these medians."""
    phases = {"fetch_ms": fetch, "runtime_ms": runtime, "model_ms": model, "first_inference_ms": first}
    return {"browser/wasm-fp32/start": {name: [ms * 3, ms / 3, ms] for name, ms in phases.items()}}


PAPERS: dict[str, tuple[Paper, ...]] = {
    # Below 15 ms and below 4.8 MB.
    "edge.latency.targets": (
        # fp32 and conservative are too large, the other two are fast and small.
        Paper(
            {**FOUR, **SIZES},
            {
                ("dynamic", "aggressive"): 1,
                ("dynamic",): 0.5,
                ("dynamic", "fp32"): 0,
                ("none",): 0,
                ("fp32", "dynamic", "aggressive"): 0.5,
                ("conservative",): 0,
            },
        ),
        # 15 ms lies between 14 and 16: naming dynamic earns nothing and costs nothing.
        Paper(
            {**FOUR, **SIZES, **between("dynamic", 14, 16)},
            {("aggressive",): 1, ("aggressive", "dynamic"): 1, ("dynamic",): 0, ("none",): 0},
        ),
        # 20 ms all: none meets both.
        Paper(
            {**latency(fp32={1: 20}, dynamic={1: 20}, aggressive={1: 20}, conservative={1: 20}), **SIZES},
            {("none",): 1, ("dynamic",): 0},
        ),
        # One is too close to call and the others are too slow: both of what could be true are right.
        Paper(
            {
                **latency(fp32={1: 20}, aggressive={1: 20}, conservative={1: 20}),
                **between("dynamic", 14, 16),
                **SIZES,
            },
            {("none",): 1, ("dynamic",): 1, ("aggressive",): 0, ("dynamic", "aggressive"): 0},
        ),
        # 14.9 ms is near the limit, but no sample allows 15. And a size has no interval: 4.9 MB is not below 4.8.
        Paper({**FOUR, **SIZES, **latency(dynamic={1: 14.9, 4: 14.9})}, {("dynamic", "aggressive"): 1, ("none",): 0}),
        Paper({**FOUR, **SIZES, **size(dynamic=4.9)}, {("aggressive",): 1, ("dynamic",): 0, ("none",): 0}),
    ),
    # 40 + 300 + 90 + 50 = 480. A tenth is 48, three tenths 144.
    "edge.cold.wait": (Paper(starts(40, 300, 90, 50), {480: 1, 527: 1, 433: 1, 529: 0.5, 623: 0.5, 625: 0, 300: 0}),),
    # 480 ms / 20 ms = 24 predictions. A tenth is 2.4, three tenths 7.2.
    "edge.cold.worth": (
        Paper(
            {"cold/fp32/start": {**starts(40, 300, 90, 50)["cold/fp32/start"], "steady_ms": [20, 90, 10]}},
            {24: 1, 26.3: 1, 21.7: 1, 26.5: 0.5, 31.1: 0.5, 31.3: 0, 480: 0, 2.5: 0},
        ),
    ),
    # (104 - 60) / 8 = 5.5 times. A tenth is 0.55, three tenths 1.65. The whole 104: 13; less the process alone: 10.5.
    "edge.memory.growth": (
        Paper({**RESIDENT, **size(fp32=8)}, {5.5: 1, 6: 1, 5: 1, 6.1: 0.5, 7.1: 0.5, 7.2: 0, 13: 0, 10.5: 0, 44: 0}),
    ),
    # The last column is 108, 100, 104: median 104. A tenth is 10.4, three tenths 31.2.
    "edge.memory.resident": (Paper(RESIDENT, {104: 1, 114: 1, 115: 0.5, 135: 0.5, 136: 0, 20: 0}),),
    # From 10 to 12: 20 %, give or take 2 points; close to 6 points.
    "edge.soak.change": (
        Paper(soak(10, 12), {20: 1, 21.9: 1, 18.1: 1, 22.1: 0.5, 25.9: 0.5, 26.1: 0, -20: 0, 0.2: 0}),
        Paper(soak(10, 9.9), {-1: 1, 0: 1, -3.1: 0.5, 5.1: 0}),
    ),
    # The median of the soak below is 20 ms: 9 W x 0.02 s x 1000 / 3600 s = 0.05 Wh. A tenth is 0.005.
    "edge.energy.cost": (
        Paper(
            {"soak/all/soak": {"latency_ms": [10, 20, 70]}, "soak/all/power": {"power_w": 9.0}},
            {0.05: 1, 0.0549: 1, 0.0551: 0.5, 0.0649: 0.5, 0.0651: 0, 50: 0, 0.18: 0},
        ),
    ),
    "edge.crossover.value": CROSSING,
    "edge.browser.pays": (
        # 40 + 180 + 90 + 90 = 400, then 100 each: 400 + (n - 1) 100 = 300 n, n = 1.5. Half a photo is always allowed.
        Paper(
            {**visit(40, 180, 90, 90), **in_browser(wasm_fp32_4=[100.0] * 5, wasm_fp32_1=[250.0] * 5)},
            {1.5: 1, 1.9: 1, 1.1: 1, 2.1: 0.5, 2.9: 0.5, 3.1: 0},
        ),
        # 3100: (3100 - 100) / 200 = 15. 15 % of it is 2.25, three times that 6.75. Who forgets the first answer: 15.5.
        Paper(
            {**visit(2600, 200, 200, 100), **in_browser(wasm_fp32_4=[100.0] * 5)},
            {15: 1, 15.5: 1, 17.2: 1, 17.3: 0.5, 21.7: 0.5, 21.8: 0, 8: 0, 0: 0},
        ),
        # 310 ms a photo: the browser never catches up.
        Paper({**visit(40, 180, 90, 90), **in_browser(wasm_fp32_1=[310.0] * 5)}, {0: 1, 0.4: 1, 0.6: 0.5, 1.6: 0}),
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


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("edge.memory.resident", {"cold/fp32/start": {"rss_mb": [20, 60, 90, 104]}}),  # no column for each phase
        ("edge.memory.growth", {"cold/fp32/start": {"rss_mb": [[20, 60, 90, 104]]}}),  # of what file?
        ("edge.memory.growth", {"cold/fp32/start": {"rss_mb": [[20, 60, 90, float("nan")]]}, **size(fp32=8)}),
        ("edge.cold.worth", starts(40, 300, 90, 50)),  # no steady prediction
        ("edge.soak.change", {"soak/all/soak": {"latency_ms": [10, 12]}}),  # when each began is not told
        ("edge.energy.cost", {"soak/all/soak": {"latency_ms": [20]}, "soak/all/power": {"power_w": True}}),
        ("edge.cold.wait", {"cold/fp32/start": {"process_ms": [float("nan")]}}),
    ],
)
def test_what_cannot_be_judged_counts_as_not_measured(name: str, steps: Steps) -> None:
    answer = next(iter(PAPERS[name][0].shares))
    assert judged(JUDGES, name, Paper(steps, {}), answer).message.startswith("Measure ")
