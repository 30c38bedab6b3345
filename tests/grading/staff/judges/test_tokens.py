"""What is right in the notebook of the language model, judged on records that are small enough for pencil and paper."""

from __future__ import annotations

import pytest

from grading.staff.judges.tokens import JUDGES
from tests.grading.checks.paper import Paper, asks_to_measure, each, earned, untried

ALONE = {"tokens/alone": {"prompt": [64, 64, 256], "first_ms": [100.0, 100.0, 400.0], "each_ms": [10.0, 40.0, 30.0]}}


def offered(**kept: float) -> dict[str, dict[str, list[float]]]:
    """An open loop of ten requests for each share (`s40`), of which so many kept 500 and 100 ms."""
    return {
        f"tokens/offered-{share[1:]}": {
            "first_ms": [500.0] * int(many) + [501.0] * (10 - int(many)),
            "each_ms": [100.0] * 10,
        }
        for share, many in kept.items()
    }


PAPERS: dict[str, tuple[Paper, ...]] = {
    # The middle of 10 and 40 ms is 20 ms; 100 MB in 20 ms are 5 GB/s. A tenth is 0.5, three tenths 1.5.
    "system.tokens.bandwidth": (
        Paper(
            {**ALONE, "tokens/model": {"bytes": 100_000_000}},
            {5: 1, 5.49: 1, 4.51: 1, 5.51: 0.5, 6.49: 0.5, 6.51: 0, 0.005: 0},
        ),
    ),
    # 90 ms to read all 64 anew, 20 ms for one more token: 4.5 times.
    "system.tokens.cache": (
        Paper({**ALONE, "tokens/without-cache": {"position": [64, 72], "ms": [90.0, 99.0]}}, {4.5: 1, 4.9: 1, 1.0: 0}),
    ),
    # Seven of 10 tokens and one of 40: 110 of 8 x 40 are work, so 65.6 % are idle. The ninth is of the next group.
    "system.tokens.idle": (
        Paper({"tokens/mixed": {"lengths": [10] * 7 + [40, 500]}}, {65.6: 1, 67.5: 1, 63.7: 1, 69: 0.5, 34.4: 0}),
    ),
    "system.tokens.goodput": (
        Paper(offered(s40=10, s80=5), {"40 %": 1, "80 %": 0, "none": 0}),
        Paper(offered(s40=10, s60=10, s80=10, s100=10), {"100 %": 1, "80 %": 0}),
        Paper(offered(s40=3, s80=1), {"none": 1, "40 %": 0}),
        # Nine of ten are 90 %, and eight nearly: one request decides, so both loads are right.
        Paper(offered(s40=10, s80=9), {"80 %": 1, "40 %": 1, "none": 0}),
        Paper(offered(s40=10, s80=8), {"40 %": 1, "80 %": 1, "none": 0}),
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
