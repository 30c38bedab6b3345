"""The search for answers that a notebook gives away finds those that are there, and nothing else."""

from __future__ import annotations

import pytest

from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.notebooks.given_away import given_away

# 3 - 12 = -9 ms: the answer to edge.crossover.value. 12 s / (40 - 10 ms) = 400 requests: model.baseline.break_even.
EDGE = PaperRecord((PaperStep("cloud/all/crossover", {"edge_ms": [3.0], "server_ms": [12.25]}),)).evidence
MODEL = PaperRecord(
    (
        PaperStep("baseline/compiled/compile", {"seconds": 12.3}),
        PaperStep("baseline/eager/latency", {"latency_ms": [40.0]}),
        PaperStep("baseline/compiled/latency", {"latency_ms": [10.0]}),
    ),
    part="model",
).evidence
ASKED = "Question `edge.crossover.value` (number, 2 points)"


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ("the lines cross at -9.25 ms, you see\n", ["edge.crossover.value: -9.25"]),
        ("crossing: -9.2 ms\n", ["edge.crossover.value: -9.2"]),
        ("| what | crossing (ms) |\n| --- | ---: |\n| both | -9.25 |\n", ["edge.crossover.value: -9.25"]),
        ("device 3.00 ms, server 12.25 ms\n", []),  # to be subtracted
        ("-9.25 requests, 9.25 ms, -9.31 ms, -9 ms\n", []),  # another unit, sign, value; one digit
        ("| what | crossing (s) |\n| --- | ---: |\n| both | -9.25 |\n", []),
        ("", []),
    ],
)
def test_an_answer_is_found_by_its_digits_and_its_unit(above: str, found: list[str]) -> None:
    assert given_away(above + ASKED, EDGE, "edge") == found
    assert given_away(f"nothing\n{ASKED}\n{above}", EDGE, "edge") == [], "below the question it may stand"


def test_thousands_and_what_earns_all_points_count() -> None:
    asked = "Question `model.baseline.break_even`"
    assert given_away(f"pays after 410 requests\n{asked}", MODEL, "model") == ["model.baseline.break_even: 410"]
    assert given_away(f"12.3 s, 40.00 ms and 10.00 ms\n{asked}", MODEL, "model") == []


def test_what_is_not_asked_there_or_not_measured_is_left_out() -> None:
    assert given_away("-9.25 ms", EDGE, "edge") == []
    assert given_away("-9.25 ms Question `edge.soak.change`", EDGE, "edge") == []
