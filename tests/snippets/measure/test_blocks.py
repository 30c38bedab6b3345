"""Blocks in turn: what counts and what does not, random orders that repeat, and second tries when the machine is slow.

The clock, the canary and the neighbours are the test's own, so that a busy machine changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from snippets.measure.blocks import Pace, Probes, Rules, take_block, take_round

RULES = Rules(calls=4, calls_min=2, unmeasured=3, block_ms=100.0, repeats=2, patience_s=10.0, pause_s=1.0)


@dataclass
class Machine:
    """A clock that calls move, and a canary and neighbours that say what the test tells them, the last for ever."""

    canary_ms: list[float] = field(default_factory=lambda: [1.0])
    shares: list[float] = field(default_factory=lambda: [0.0])
    now: int = 5_000_000_000
    called: str = ""

    def call(self, name: str, ms: float):
        """A variant that takes so long."""

        def one() -> None:
            self.now += round(ms * 1e6)
            self.called += name

        return one

    def probes(self) -> Probes:
        def canary() -> float:
            return self.canary_ms.pop(0) if len(self.canary_ms) > 1 else self.canary_ms[0]

        def others() -> float:
            return self.shares.pop(0) if len(self.shares) > 1 else self.shares[0]

        def pause(seconds: float) -> None:
            self.now += round(seconds * 1e9)

        return Probes(canary, others, lambda: self.now, pause)


def test_the_first_calls_of_a_block_do_not_count() -> None:
    machine = Machine()
    block = take_block(machine.call("a", 10.0), RULES, machine.probes(), 1.0)
    assert block.times_ms.tolist() == [10.0] * 4 and machine.called == "a" * 7 and not block.slow


@pytest.mark.parametrize(("ms", "count"), [(10.0, 4), (25.0, 4), (33.0, 3), (50.0, 2), (900.0, 2)])
def test_a_block_of_long_calls_has_fewer_of_them(ms: float, count: int) -> None:
    machine = Machine()
    assert take_block(machine.call("a", ms), RULES, machine.probes(), 1.0).times_ms.size == count


@pytest.mark.parametrize(("ms", "count"), [(10.0, 4), (33.0, 3), (60.0, 1), (900.0, 1)])
def test_without_unmeasured_calls_the_first_one_counts(ms: float, count: int) -> None:
    machine = Machine()
    rules = replace(RULES, unmeasured=0, calls_min=1)
    assert take_block(machine.call("a", ms), rules, machine.probes(), 1.0).times_ms.tolist() == [ms] * count
    assert machine.called == "a" * count


def test_a_block_that_others_hold_up_ends_early() -> None:
    # The unmeasured calls take 1 ms, the others 150: after two of them 200 ms are over.
    machine, lengths = Machine(), [1.0, 1.0, 1.0]

    def held_up() -> None:
        machine.now += round(1e6 * (lengths.pop() if lengths else 150.0))

    assert take_block(held_up, RULES, machine.probes(), 1.0).times_ms.tolist() == [150.0, 150.0]


def test_calls_that_are_longer_than_a_block_are_not_repeated_for_warmth() -> None:
    machine = Machine()
    assert take_block(machine.call("a", 100.0), RULES, machine.probes(), 1.0).times_ms.size == 2
    assert machine.called == "aaa"


@pytest.mark.parametrize(
    ("canary_ms", "shares", "slow"),
    [
        ([1.25], [0.0], False),
        ([1.26, 1.0], [0.0], True),
        ([1.0, 1.26], [0.0], True),  # after the block
        ([1.0], [0.0, 0.15], False),
        ([1.0], [0.0, 0.16], True),
        ([1.0], [0.9, 0.0], False),  # before the block: that is not its time
        ([1.0], [float("nan")], False),  # the system does not tell
    ],
)
def test_a_slow_machine_is_told_by_the_canary_or_by_what_others_took(
    canary_ms: list[float], shares: list[float], slow: bool
) -> None:
    machine = Machine(canary_ms, shares)
    assert take_block(machine.call("a", 1.0), RULES, machine.probes(), 1.0).slow is slow


def test_a_slow_block_is_taken_again_after_a_pause() -> None:
    machine = Machine([2.0, 2.0, 1.0])
    found = take_round({"a": machine.call("a", 10.0)}, 1, RULES, machine.probes(), best_ms=1.0)
    assert found["repeated"] == {"a": 1} and found["slow"] == [] and found["canary_ms"].tolist() == [1.0]
    assert machine.called == "a" * 14


def test_a_machine_that_stays_slow_is_marked_and_the_try_with_the_least_canary_stays() -> None:
    machine = Machine([3.0, 3.0, 2.0, 2.0, 2.5])
    found = take_round({"a": machine.call("a", 10.0)}, 1, RULES, machine.probes(), best_ms=1.0)
    assert found["repeated"] == {"a": 2} and found["slow"] == ["a"] and found["canary_ms"].tolist() == [2.0]
    assert found["best_canary_ms"] == 1.0


def test_patience_is_for_the_whole_round() -> None:
    # A try takes 7 calls of 10 ms, a second one a pause of 1 s before: 1.07 s. After one, 0.9 s are used up.
    machine = Machine([3.0])
    rules = Rules(calls=4, calls_min=2, unmeasured=3, repeats=9, patience_s=0.9, pause_s=1.0)
    calls = {"a": machine.call("a", 10.0), "b": machine.call("b", 10.0)}
    found = take_round(calls, 1, rules, machine.probes(), best_ms=1.0)
    assert sum(found["repeated"].values()) == 1 and set(found["slow"]) == {"a", "b"}


def test_a_second_try_must_fit_into_the_patience_that_is_left() -> None:
    machine = Machine([3.0])
    rules = Rules(calls=4, calls_min=2, unmeasured=3, patience_s=0.06, pause_s=0.0)
    found = take_round({"a": machine.call("a", 10.0)}, 1, rules, machine.probes(), best_ms=1.0)
    assert found["repeated"] == {"a": 0} and found["slow"] == ["a"]


def test_every_round_has_an_order_of_its_own_that_a_seed_repeats() -> None:
    def orders(seed: int) -> list[str]:
        machine = Machine()
        calls = {name: machine.call(name, 1.0) for name in "abc"}
        rules = Rules(calls=1, calls_min=1, unmeasured=1, seed=seed)
        rounds = [take_round(calls, number, rules, machine.probes()) for number in range(1, 9)]
        assert all(one["blocks_ms"]["a"].tolist() == [1.0] for one in rounds)
        assert machine.called == "".join(name * 2 for one in rounds for name in one["order"])
        return ["".join(one["order"]) for one in rounds]

    assert {"".join(sorted(one)) for one in orders(0)} == {"abc"} and len(set(orders(0))) > 2
    assert orders(0) == orders(0) != orders(1)


def test_the_best_canary_is_carried_on() -> None:
    machine = Machine([1.0, 0.9, 1.1])
    found = take_round({"a": machine.call("a", 1.0)}, 1, RULES, machine.probes())
    assert found["best_canary_ms"] <= 1.0 and np.isfinite(found["best_canary_ms"])


def test_rounds_are_kept_apart_and_other_work_counts_as_waiting() -> None:
    machine, waited = Machine(now=0), []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        machine.now += round(seconds * 1e9)

    pace = Pace(1.5, lambda: machine.now, pause)
    pace.wait()
    machine.now += 400_000_000
    pace.wait()
    machine.now += 2_000_000_000
    pace.wait()
    machine.now += 1_000_000_000
    pace.wait()
    # After 0.4 s of work 1.1 s are left; after 2 s none are; after 1 s half a second.
    assert waited == pytest.approx([1.1, 0.5])
