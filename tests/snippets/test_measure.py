"""Measuring: warm-up until steady, enough trials for a stated interval, and no ranking without a difference.

Where a delay is part of the claim, the clock is the test's own, so that a busy machine changes nothing.
"""

from __future__ import annotations

import numpy as np
import pytest

from snippets import measure, stats


class World:
    """A clock in nanoseconds that only moves when something is called, with noise of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.now_ns = 0
        self._chance = np.random.default_rng(seed)

    def __call__(self) -> int:
        return self.now_ns

    def takes(self, milliseconds: float, noise: float = 0.05):
        """A call that takes about so long."""

        def call() -> None:
            self.now_ns += int(1e6 * milliseconds * self._chance.lognormal(0, noise))

        return call


@pytest.mark.parametrize("seed", range(5))
def test_variants_that_differ_by_five_percent_are_ranked(seed: int) -> None:
    world = World(seed)
    verdict, samples = measure.race(world.takes(10.0), world.takes(10.5), clock=world)
    assert verdict.verdict == "a" and verdict.ratio.high < 1
    assert samples["a"].size == samples["b"].size >= 40


@pytest.mark.parametrize("seed", range(5))
def test_variants_that_do_not_differ_are_not_ranked(seed: int) -> None:
    world = World(seed)
    verdict, _ = measure.race(world.takes(10.0), world.takes(10.0), clock=world)
    assert not verdict.ranked


def test_drift_does_not_decide() -> None:
    world = World(1)
    slow = [1.0]

    def drifting():
        call = world.takes(10.0)

        def one() -> None:
            slow[0] *= 1.002
            before = world.now_ns
            call()
            world.now_ns = before + int((world.now_ns - before) * slow[0])

        return one

    verdict, _ = measure.race(drifting(), drifting(), clock=world)
    assert not verdict.ranked


def test_real_models_are_told_apart_and_a_model_is_not_ranked_against_itself(tmp_path) -> None:
    from snippets.engine.providers import session
    from tests.snippets.servers import save_toy_onnx

    path = save_toy_onnx(tmp_path / "toy.onnx") or tmp_path / "toy.onnx"
    model = session(path, threads=1)
    one = np.zeros((1, 3, 224, 224), dtype=np.float32)
    many = np.zeros((8, 3, 224, 224), dtype=np.float32)
    faster, _ = measure.race(lambda: model(one), lambda: model(many), measure.RaceRules(seconds_max=10))
    assert faster.verdict == "a"
    itself, _ = measure.race(lambda: model(one), lambda: model(one), measure.RaceRules(seconds_max=5, margin=0.05))
    assert not itself.ranked


def test_warming_up_ends_when_it_is_steady_or_at_its_bound() -> None:
    world = World()
    lengths = iter([50.0, 30.0, 20.0, 12.0] + [10.0] * 100)

    def settling() -> None:
        world.now_ns += int(1e6 * next(lengths))

    times, steady = measure.warm_up(settling, measure.effort("full"), world)
    assert steady and times[0] == 50.0 and times[-1] == 10.0 and len(times) < 30
    growing = iter(1.3**n for n in range(1000))

    def never() -> None:
        world.now_ns += int(1e6 * next(growing))

    times, steady = measure.warm_up(never, measure.effort("full"), world)
    assert not steady and len(times) <= measure.effort("full").warmup_max


def test_samples_are_taken_until_the_interval_is_narrow_and_all_are_kept() -> None:
    world = World()
    how = measure.Effort(width=0.02, trials_min=20, trials_max=5000, seconds_max=1e9)
    calm = measure.latency_step(world.takes(10.0, noise=0.01), how, provider="cpu", threads=1, clock=world)
    wild = measure.latency_step(world.takes(10.0, noise=0.2), how, provider="cpu", threads=1, clock=world)
    assert calm["reached"] and wild["reached"]
    assert calm["latency_ms"].size < wild["latency_ms"].size
    assert stats.median(wild["latency_ms"]).relative_width <= 0.02
    assert calm["batch"] == 1 and calm["threads"] == 1 and calm["provider"] == "cpu"


def test_a_bound_on_time_ends_sampling_and_says_that_the_width_was_not_reached() -> None:
    world = World()
    how = measure.Effort(width=0.0001, trials_min=10, trials_max=10**6, seconds_max=1.0)
    found = measure.throughput_step(world.takes(20.0, noise=0.3), 32, how, provider="cpu", threads=2, clock=world)
    assert not found["reached"] and 10 <= found["batch_ms"].size < 100 and found["batch"] == 32


def test_inputs_take_turns() -> None:
    seen: list[int] = []
    call = measure.cycle(seen.append, [1, 2, 3])
    for _ in range(5):
        call()
    assert seen == [1, 2, 3, 1, 2]


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="quick, full"):
        measure.effort("slow")
