"""What a fault did to visitors, on samples that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.teams.visitors import hurt


def seen(*visitors: tuple[float, float, bool], fault_s: float = 0.5, seconds: float = 2.0) -> dict[str, object]:
    came, waited, ok = zip(*visitors, strict=True)
    return {
        "started_s": np.array(came),
        "latency_ms": np.array(waited),
        "ok": np.array(ok),
        "fault_s": fault_s,
        "seconds": seconds,
    }


def test_errors_and_late_answers_are_told_apart_and_the_gap_between_good_ones_is_the_outage() -> None:
    # Good ones end at 0.11, 0.41, 1.51 and 1.91 s. The late one (900 ms) ends at 1.5 s, but not in time.
    found = hurt(
        seen((0.1, 10, True), (0.4, 10, True), (0.6, 900, True), (0.9, 5, False), (1.5, 10, True), (1.9, 10, True))
    )
    assert (found.visitors, found.failed, found.late) == (6, 1, 1)
    assert found.outage_ms == pytest.approx(1100)


@pytest.mark.parametrize(("usual_ms", "waited_ms", "late"), [(4, 100, 0), (4, 101, 1), (20, 200, 0), (20, 201, 1)])
def test_late_is_ten_times_as_long_as_usual_and_a_tenth_of_a_second_at_least(
    usual_ms: float, waited_ms: float, late: int
) -> None:
    assert hurt(seen((0.1, usual_ms, True), (0.2, usual_ms, True), (0.6, waited_ms, True))).late == late


def test_who_waited_at_the_moment_of_the_fault_does_not_say_what_is_usual() -> None:
    # 900 ms from 0.4 s on: answered after the fault.
    assert hurt(seen((0.1, 4, True), (0.4, 900, True))).late == 1


def test_where_nobody_is_answered_any_more_the_outage_lasts_to_the_end_of_the_window() -> None:
    assert hurt(seen((0.1, 10, True), (0.6, 5, False))).outage_ms == pytest.approx(1890)


def test_without_a_single_answer_it_is_the_whole_window() -> None:
    found = hurt(seen((0.1, 5, False), (0.6, 5, False)))
    assert (found.failed, found.late, found.outage_ms) == (2, 0, 2000)
