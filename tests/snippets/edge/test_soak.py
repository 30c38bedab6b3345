"""A soak keeps every sample, and its trend is what the samples say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from snippets.edge.board import Reading, Throttling
from snippets.edge.soak import medians, over_time, soak, trend
from snippets.errors import UsageError


class FakeBoard:
    """Gets warmer with every reading; throttles above 80 °C if told to."""

    def __init__(self, told: bool = True) -> None:
        self.told = told
        self.degrees = itertools.count(70, 5)
        self.now = 0.0

    def temperature_c(self) -> Reading:
        self.now = float(next(self.degrees))
        return Reading(self.now) if self.told else Reading(None, "no sensor")

    def clock_mhz(self) -> Reading:
        return Reading(2400.0)

    def power_w(self) -> Reading:
        return Reading(None, "no meter")

    def throttling(self) -> Throttling:
        if not self.told:
            return Throttling(None, None, "no firmware")
        return Throttling(("throttled",) if self.now > 80 else (), ())


def samples(first_ms: float, last_ms: float, told: bool = True) -> dict:
    """A soak of 10 s with 100 calls, the second half at `last_ms`."""
    started = np.linspace(0, 9.9, 100)
    return {
        "latency_ms": np.where(started < 5, first_ms, last_ms),
        "started_s": started,
        "seconds": 10.0,
        "board_s": np.array([0.0, 1.0, 9.0, 9.9]),
        "temperature_c": np.array([50.0, 52.0, 80.0, 82.0]),
        "limits": ["", "", "throttled", "throttled, under-voltage"],
        "absent": {} if told else {"limits": "hidden"},
    }


def test_a_soak_keeps_calls_and_readings_in_order() -> None:
    now = itertools.count(0.0, 0.25)
    calls: list[int] = []
    result = soak(lambda: calls.append(1), 5.0, board=FakeBoard(), every_s=60, clock=lambda: next(now))  # type: ignore[arg-type]
    assert len(result["latency_ms"]) == len(result["started_s"]) == len(calls) > 3
    assert np.all(np.diff(result["started_s"]) > 0) and result["started_s"][-1] < 5.0
    assert np.all(result["latency_ms"] > 0)
    assert len(result["board_s"]) == len(result["temperature_c"]) == len(result["limits"]) >= 1
    assert result["absent"] == {"power_w": "no meter"} and np.isnan(result["power_w"]).all()


def test_what_the_board_hides_is_named() -> None:
    now = itertools.count(0.0, 0.25)
    result = soak(lambda: None, 1.0, board=FakeBoard(told=False), every_s=60, clock=lambda: next(now))  # type: ignore[arg-type]
    assert set(result["absent"]) == {"temperature_c", "power_w", "limits"}


def test_a_failing_call_ends_the_soak_and_its_watcher() -> None:
    import threading

    def fail() -> None:
        raise RuntimeError("broken model")

    with pytest.raises(RuntimeError, match="broken model"):
        soak(fail, 5.0, board=FakeBoard(), every_s=60)  # type: ignore[arg-type]
    assert not [thread for thread in threading.enumerate() if thread.name == "board"]


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_soak_needs_time(seconds: float) -> None:
    with pytest.raises(UsageError):
        soak(lambda: None, seconds)


@pytest.mark.parametrize(
    ("last_ms", "verdict"), [(10.0, "steady"), (10.4, "steady"), (10.6, "slower"), (15.0, "slower"), (9.0, "faster")]
)
def test_the_verdict_follows_the_medians_of_the_ends(last_ms: float, verdict: str) -> None:
    found = trend(samples(10.0, last_ms))
    assert (found.first_ms, found.last_ms) == (10.0, last_ms)
    assert found.change == pytest.approx(last_ms / 10 - 1)
    assert found.verdict == verdict


def test_the_ends_are_the_first_and_the_last_fifth_and_nothing_between() -> None:
    # Ten seconds, a call each: those of 0 and 1 s against those of 8 and 9 s; 99 ms between.
    ten = {**samples(10, 10), "started_s": np.arange(10.0), "latency_ms": np.array([10.0, 10, *[99] * 6, 12, 12])}
    assert (trend(ten).first_ms, trend(ten).last_ms, trend(ten).verdict) == (10, 12, "slower")
    assert trend(ten).change == pytest.approx(0.2)


def test_where_one_long_call_left_the_last_fifth_empty_it_stands_for_it() -> None:
    long = {**samples(10, 10), "started_s": np.array([0.0, 1, 2]), "latency_ms": np.array([10.0, 10, 8000])}
    assert (trend(long).first_ms, trend(long).last_ms) == (10, 8000)


def test_the_interval_of_an_end_is_that_between_its_stretches_and_not_between_its_calls() -> None:
    drifting = samples(10, 12)
    # Twenty calls of the first fifth in five stretches of four alike: each stretch is one observation.
    drifting["latency_ms"][:20] = np.repeat([10.0, 11.0, 12.0, 13.0, 14.0], 4)
    first, last = medians(drifting)
    half = 2.776 * np.std([10, 11, 12, 13, 14], ddof=1) / np.sqrt(5)
    assert first.value == 12 == trend(drifting).first_ms
    assert (first.low, first.high) == pytest.approx((12 - half, 12 + half), abs=1e-3)
    assert (last.low, last.value, last.high) == (12, 12, 12)


def test_heat_and_limits_are_told_or_unknown() -> None:
    found = trend(samples(10, 15))
    assert found.temperature_rise_c == pytest.approx(30.0)
    assert found.limited == ("throttled", "under-voltage")
    hidden = samples(10, 15, told=False)
    hidden["temperature_c"] = np.full(4, np.nan)
    assert trend(hidden).limited is None and trend(hidden).temperature_rise_c is None


def test_over_time_covers_the_soak_without_losing_calls() -> None:
    middle, median, p95 = over_time(samples(10, 20), buckets=10)
    assert len(middle) == 10 and np.all(np.diff(middle) > 0)
    assert median[0] == 10 and median[-1] == 20 and np.all(p95 >= median)
