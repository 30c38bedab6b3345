"""Comparing two calls: no ranking without a difference, and no more looks at the data than are allowed.

Where a delay is part of the claim, the clock is the test's own, so that a busy machine changes nothing.
"""

from __future__ import annotations

import numpy as np
import pytest

from snippets import measure, stats
from tests.snippets.clocks import Alternating, Script, World


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


def test_every_round_times_every_variant_in_an_order_of_its_own_that_a_seed_repeats() -> None:
    def order(**seed: int) -> str:
        called: list[str] = []
        calls = {name: (lambda name=name: called.append(name)) for name in "abc"}
        times = measure.interleave(calls, 20, clock=Script(1).clock, **seed)
        assert {name: values.tolist() for name, values in times.items()} == dict.fromkeys("abc", [0.0] * 20)
        return "".join(called)

    rounds = [order()[i : i + 3] for i in range(0, 60, 3)]
    assert {"".join(sorted(one)) for one in rounds} == {"abc"} and len(set(rounds)) > 2
    assert order() == order(seed=0) != order(seed=1)


@pytest.mark.parametrize(
    ("slower", "bounds", "rounds"),
    [
        (1, {"rounds_max": 160}, 160),  # 40, 80 and 160: doubled as long as the bound allows
        (1, {"rounds_max": 159}, 80),
        (1, {"rounds_first": 10, "rounds_max": 10}, 10),
        (1, {"seconds_max": 0.89}, 40),  # a round takes 22.5 ms, 40 rounds 0.9 s
        (1, {"seconds_max": 0.9}, 80),  # to the bound is not over it
        (1, {}, 640),
        (22, {}, 80),  # 19.8 s: under 20 s
        (23, {}, 40),  # 20.7 s
    ],
)
def test_a_comparison_doubles_its_rounds_until_it_is_decided_or_over_a_bound(
    slower: int, bounds: dict, rounds: int
) -> None:
    pair = Alternating(slower)
    verdict, samples = measure.race(pair.a, pair.b, measure.RaceRules(**bounds), clock=pair.clock)
    assert verdict.verdict == "undecided" and samples["a"].size == samples["b"].size == rounds
    assert pair.calls[:6] == "aaabbb" and len(pair.calls) == 2 * rounds + 6  # three calls of each come before
    assert verdict == stats.compare(samples["a"], samples["b"], paired=True)


def test_a_comparison_that_is_decided_goes_no_further() -> None:
    pair = Script(10)
    verdict, samples = measure.race(pair.call, pair.call, clock=pair.clock)
    assert verdict.verdict == "same" and samples["a"].size == 40


def test_a_comparison_hands_margin_confidence_and_seed_on() -> None:
    pair = Alternating()
    wide, samples = measure.race(pair.a, pair.b, measure.RaceRules(margin=1.0, rounds_first=10), clock=pair.clock)
    assert wide.margin == 1.0 and wide.verdict == "same" and samples["a"].size == 10

    def order(**seed: int) -> str:
        world = Alternating()
        measure.race(world.a, world.b, measure.RaceRules(rounds_first=10, rounds_max=20, **seed), clock=world.clock)
        return world.calls

    assert order() == order(seed=0) != order(seed=1)
    assert order()[6:26] != order()[26:46]  # the second look has an order of its own
    noisy = World()
    unsure, samples = measure.race(
        noisy.takes(10), noisy.takes(10), measure.RaceRules(margin=0, confidence=0.5, rounds_max=40), clock=noisy
    )
    assert unsure == stats.compare(samples["a"], samples["b"], paired=True, margin=0, confidence=0.5)
    assert unsure.ratio != stats.compare(samples["a"], samples["b"], paired=True).ratio
