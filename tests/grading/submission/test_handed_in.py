"""What a server's clock and an earlier submission say of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from grading.checks.part import PartGrade
from grading.submission.handed_in import chains, chains_told, held_against, moment

NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)


def grade(*chain: str, measured: str = "2027-02-01T11:00:00.000000Z") -> list[PartGrade]:
    """A submission of one run with this chain, measured until then."""
    return [PartGrade("edge", "r", "d", "n", (), "plausible", (), chain=chain, measured_utc=measured)]


def doubts(parts: Sequence[PartGrade]) -> list[str]:
    return [doubt for part in parts for doubt in part.doubts]


@pytest.mark.parametrize(
    "text",
    [
        "2027-02-01 12:00:00.123 Z",
        "2027-02-01 12:00:00 Z",
        "2027-02-01T12:00:00Z",
        "2027-02-01T07:00:00.365935-05:00",
        "2027-02-01 12:00:00",
    ],
)
def test_a_servers_time_is_read_in_each_of_its_forms(text: str) -> None:
    assert moment(text) == NOON


@pytest.mark.parametrize("text", ["", None, "noon", 7])
def test_what_is_no_time_is_none(text: Any) -> None:
    assert moment(text) is None


def test_a_run_that_was_measured_ten_minutes_after_it_was_handed_in_is_doubted() -> None:
    assert doubts(held_against(grade("r", "1", measured="2027-02-01T12:10:00.000000Z"), NOON)) == []
    (told,) = doubts(held_against(grade("r", "1", measured="2027-02-01T12:11:00.000000Z"), NOON))
    assert told == (
        "by its times it was measured until 2027-02-01T12:11, after it was handed in "
        "(2027-02-01T12:00 by the server's clock)"
    )
    assert doubts(held_against(grade("r", "1", measured="2028-01-01T00:00:00Z"), None)) == []
    assert held_against(grade("r"), NOON)[0].trust == "plausible", "a clock may be wrong: a person looks"


@pytest.mark.parametrize(
    ("earlier", "later", "told"),
    [
        (("r", "1", "2"), ("r", "1", "2", "3"), False),
        (("r", "1", "2"), ("r", "1", "2"), False),
        (("r",), ("r", "1"), False),
        (("r", "1", "2"), ("r", "1", "x", "3"), True),
        (("r", "1", "2"), ("r", "1"), True),
        (("r", "1", "2"), ("another", "1"), False),
    ],
)
def test_a_run_that_was_handed_in_goes_on_from_there_unless_it_is_another(
    earlier: tuple[str, ...], later: tuple[str, ...], told: bool
) -> None:
    found = doubts(held_against(grade(*later), earlier=chains(grade(*earlier))))
    assert found == (["the run was handed in before with other steps than it has now"] if told else [])


def test_gradescope_gives_back_what_the_autograder_said_and_the_newest_counts() -> None:
    def submission(chain: Any) -> dict[str, Any]:
        return {"results": {"extra_data": {"chains": {"edge": chain}}}}

    metadata = {"previous_submissions": [submission(["r", "1"]), submission(["r", "2"]), {"results": None}, 7]}
    assert chains_told(metadata) == {"edge": ("r", "2")}
    for odd in (None, {}, {"previous_submissions": 3}, {"previous_submissions": [submission("r"), submission([1])]}):
        assert chains_told(odd) == {}
