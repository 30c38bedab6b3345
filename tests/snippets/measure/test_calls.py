"""Measuring: warm-up until steady and enough trials for a stated interval.

The clock is the test's own, so that a busy machine changes nothing.
"""

from __future__ import annotations

import dataclasses

import pytest

from snippets import stats
from snippets.measure import calls
from tests.snippets.clocks import Script, World


def test_warming_up_ends_when_it_is_steady_or_at_its_bound() -> None:
    world = World()
    lengths = iter([50.0, 30.0, 20.0, 12.0] + [10.0] * 100)

    def settling() -> None:
        world.now_ns += int(1e6 * next(lengths))

    times, steady = calls.warm_up(settling, calls.effort("full"), world)
    assert steady and times[0] == 50.0 and times[-1] == 10.0 and len(times) < 30
    growing = iter(1.3**n for n in range(1000))

    def never() -> None:
        world.now_ns += int(1e6 * next(growing))

    times, steady = calls.warm_up(never, calls.effort("full"), world)
    assert not steady and len(times) <= calls.effort("full").warmup_max


WARM = calls.Effort(
    width=0.1,
    trials_min=8,
    trials_max=20,
    seconds_max=1.0,
    warmup_window=2,
    warmup_max=6,
    warmup_seconds_max=1.0,
    steady_within=0.25,
)


@pytest.mark.parametrize(
    ("lengths_ms", "count", "steady"),
    [
        ([8, 8, 8], 4, True),  # two windows are needed at least
        ([80, 8, 12, 8], 5, True),  # medians 44 and 10, then 10 and 8 of the two windows that remain
        ([100, 80, 8, 12, 8, 10], 6, True),  # 10 and 9 of the last four; what came before is forgotten
        ([8, 8, 10, 10], 4, True),  # a quarter is still within a quarter
        ([8, 8, 10, 11, 16], 6, False),  # a little more is not (8 and 10.5), nor what follows, and six are the bound
        ([100, 80, 60, 40, 20, 10, 10, 10], 6, False),
        ([500, 400, 50, 50, 1], 5, False),  # 1.0 s are allowed, more are not: 1001 ms end it
    ],
)
def test_warm_up_compares_the_medians_of_the_last_two_windows(
    lengths_ms: list[float], count: int, steady: bool
) -> None:
    script = Script(*lengths_ms)
    times, became_steady = calls.warm_up(script.call, WARM, script.clock)
    assert (len(times), became_steady) == (count, steady)
    assert times == [lengths_ms[min(i, len(lengths_ms) - 1)] for i in range(count)]


def test_sampling_looks_first_after_the_fewest_trials_and_then_after_every_quarter_of_them() -> None:
    # The interval of the median of 8 is that of all 8; of 10, 12 and 14 that of all but the lowest and highest 1, 2, 2.
    at_once = Script(10, 10, 10, 10, 10, 10, 10, 11)
    assert calls.sample(at_once.call, WARM, at_once.clock)[0].size == 8
    one_outlier = Script(20, 10)
    times, reached = calls.sample(one_outlier.call, WARM, one_outlier.clock)
    assert reached and times.tolist() == [20] + [10] * 9
    two_outliers = Script(20, 20, 10)
    times, reached = calls.sample(two_outliers.call, WARM, two_outliers.clock)
    assert reached and times.size == 12
    every_call = dataclasses.replace(WARM, trials_min=7)  # a quarter of 7 is rounded down
    two_outliers = Script(20, 20, 10)
    times, reached = calls.sample(two_outliers.call, every_call, two_outliers.clock)
    assert reached and times.size == 12


def test_sampling_ends_at_its_bounds_and_says_whether_the_width_was_reached() -> None:
    alternating = [10, 20] * 20
    never = Script(*alternating)
    times, reached = calls.sample(never.call, WARM, never.clock)
    assert times.size == 20 and not reached
    # Eight calls take 1.0 s, which is allowed; the ninth and tenth are over it.
    slow = Script(*[100, 150] * 10)
    times, reached = calls.sample(slow.call, WARM, slow.clock)
    assert times.size == 10 and not reached
    # The last trial that is allowed is no look; the answer is still about all of them.
    how = dataclasses.replace(WARM, trials_max=9)
    late = Script(1, 30, 9.5, 10.5, 10)  # of nine samples the second and the last but one: 9.5 and 10.5
    times, reached = calls.sample(late.call, how, late.clock)
    assert times.size == 9 and reached


@pytest.mark.parametrize(("kind", "name"), [("latency", "latency_ms"), ("throughput", "batch_ms")])
def test_a_measurement_holds_its_samples_and_how_they_came_about(kind: str, name: str) -> None:
    script = Script(80, 8, 12, 8, 8, 10)
    batch = [] if kind == "latency" else [32]
    found = getattr(calls, f"{kind}_step")(script.call, *batch, WARM, provider="cpu", threads=3, clock=script.clock)
    assert found.pop(name).tolist() == [10] * 8
    assert found.pop("warmup_ms").tolist() == [80, 8, 12, 8, 8]
    assert found == {
        "steady": True,
        "reached": True,
        "width": 0.1,
        "batch": 32 if batch else 1,
        "threads": 3,
        "provider": "cpu",
    }


def test_samples_are_taken_until_the_interval_is_narrow_and_all_are_kept() -> None:
    world = World()
    how = calls.Effort(width=0.02, trials_min=20, trials_max=5000, seconds_max=1e9)
    calm = calls.latency_step(world.takes(10.0, noise=0.01), how, provider="cpu", threads=1, clock=world)
    wild = calls.latency_step(world.takes(10.0, noise=0.2), how, provider="cpu", threads=1, clock=world)
    assert calm["reached"] and wild["reached"]
    assert calm["latency_ms"].size < wild["latency_ms"].size
    assert stats.median(wild["latency_ms"]).relative_width <= 0.02
    assert calm["batch"] == 1 and calm["threads"] == 1 and calm["provider"] == "cpu"


def test_a_bound_on_time_ends_sampling_and_says_that_the_width_was_not_reached() -> None:
    world = World()
    how = calls.Effort(width=0.0001, trials_min=10, trials_max=10**6, seconds_max=1.0)
    found = calls.throughput_step(world.takes(20.0, noise=0.3), 32, how, provider="cpu", threads=2, clock=world)
    assert not found["reached"] and 10 <= found["batch_ms"].size < 100 and found["batch"] == 32


def test_inputs_take_turns() -> None:
    seen: list[int] = []
    call = calls.cycle(seen.append, [1, 2, 3])
    for _ in range(5):
        call()
    assert seen == [1, 2, 3, 1, 2]


def test_a_profile_has_an_effort_for_single_samples_and_one_for_batches() -> None:
    assert calls.effort("quick") is calls.EFFORTS["quick"]
    assert calls.effort("full", batches=True) is calls.BATCH_EFFORTS["full"]


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="quick, full"):
        calls.effort("slow")
