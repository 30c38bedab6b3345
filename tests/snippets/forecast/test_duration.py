import types
from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.forecast.duration import closed_window_s, in_profile, load_s, open_window_s
from snippets.load.options import LoadOptions
from snippets.record.read import Record, Step
from snippets.simulate.server import Server
from snippets.triton.lab import Asked
from tests.snippets.forecast.test_calibration import LAB, deployed


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [
        # Eight clients are answered once in 0.08 s, less than the warm-up; the window is full; 0.08 s until all end.
        (100, 0.1 + 0.4 + 0.08),
        # Thirty answers take 0.6 s: longer than the window, less than two and a half times as long.
        (50, 0.16 + 0.6 + 0.16),
        # Thirty would take 3 s: it ends after 1.0 s.
        (10, 0.8 + 1.0 + 0.8),
        # Three take 1.5 s, and so many it must hold.
        (2, 4 + 1.5 + 4),
    ],
)
def test_a_closed_loop_lasts_until_its_window_holds_enough_answers(rate: float, seconds: float) -> None:
    assert closed_window_s(rate, 8, 0.4, 0.1) == pytest.approx(seconds)


def test_an_open_loop_lasts_until_its_queue_is_empty() -> None:
    assert open_window_s(2.0, 0.5, 0.25) == pytest.approx(0.05 + 0.5 + 2.0 + 0.25)


def test_all_windows_of_a_load_count() -> None:
    """A server of 4 ms, one client: 250 answers a second. Five windows of 0.2 s after 0.1 s, and 4 ms for the last."""
    assert load_s(Server({1: 4.0}), LAB, Asked(deployed(), LoadOptions(clients=1))) == pytest.approx(5 * 0.304)


def test_what_is_offered_beyond_the_capacity_is_waited_for() -> None:
    """Evenly at twice the capacity of 100/s, for 2 s after none: 400 requests take 4 s; two more than the window."""
    lab = types.SimpleNamespace(seconds=0.2, run=types.SimpleNamespace(profile="quick"))
    options = LoadOptions(offered_rps=200, seconds=2.0, warm_up_s=0.0, spacing="constant")
    assert load_s(Server({1: 10.0}), lab, Asked(deployed(), options)) == pytest.approx(5 * (0.05 + 2 + 2), abs=0.1)


def window(name: str, seconds: float, result: dict | None = None) -> Step:
    inputs = {"window": 0, "seconds": 0.2} if result else {}
    return Step(0, name, name, inputs, "n", "", "", seconds, "h", Path(), result or {})


def run_of(*steps: Step, profile: str = "quick") -> Record:
    facts = dict.fromkeys(("hosts", "leases", "answers", "links"), ())
    facts |= {name: {} for name in ("figures", "screenshots")}
    return Record(
        Path(), "system", "r", "", parameters={"n": {"profile": profile}}, steps=steps, interrupted=None, **facts
    )


def test_a_closed_loop_of_a_quick_run_is_as_long_in_full_as_its_answers_need() -> None:
    """Eight clients, 50 answers a second: 0.16 + 0.5 (2.5 times 0.2) + 0.16 = 0.82 of the 1.0 s that the step took.
    In full 0.16 + 0.8 + 0.16 = 1.12, and again 0.18 around it."""
    load = window("a/load", 1.0, {"clients": 8, "requests_per_s": 50.0, "warm_up_s": 0.1})
    assert in_profile(run_of(load), "full") == pytest.approx(1.12 + 0.18)
    assert in_profile(run_of(load), "quick") == pytest.approx(1.0)


def test_a_queue_that_grew_is_waited_for_as_many_times_as_long() -> None:
    """0.05 + 0.2 + 0.2 + 0.1 = 0.55 of 0.6 s; in full 0.05 + 0.2 + 0.8 + 0.4 = 1.45, and 0.05 around it."""
    load = window("a/load", 0.6, {"warm_up_s": 0.2, "drain_s": 0.1})
    assert in_profile(run_of(load), "full") == pytest.approx(1.5)


def test_scenarios_and_calibrations_last_in_proportion_and_other_steps_as_long() -> None:
    steps = (window("a/loadgen", 2.0), window("calibrate/a/served", 3.0), window("models/food/prepare", 5.0))
    assert in_profile(run_of(*steps), "full") == pytest.approx(4 * 2 + 4 * 3 + 5)


def test_a_profile_that_the_lab_does_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match="profile is 'long'"):
        in_profile(run_of(), "long")
    with pytest.raises(UsageError, match="profile is 'short'"):
        in_profile(run_of(profile="short"), "full")
