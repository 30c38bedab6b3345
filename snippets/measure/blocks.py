"""The protocol for variants that are compared: in turn, in blocks, each block after a look at the machine.

One call at a time in turn would measure caches full of another variant's numbers and threads that fell asleep; all
calls of a variant at once would measure the seconds in which they happened to be made. So each round gives every
variant one block, in random order: a few calls that are not counted, then some that are. Rounds are spread over time
(`Pace`), and what differs between the blocks of a variant says how sure its median is (snippets.measure.latency).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from snippets.measure.calls import Call, Clock, timed_ms


@dataclass(frozen=True)
class Rules:
    """How blocks are taken. Times in ms or, where it says so, seconds.

    `calls` timed calls after `unmeasured` ones; where they would take longer than `block_ms` together, or do take
    twice as long, fewer, but no fewer than `calls_min`; unmeasured ones end once they took a whole `block_ms`. The
    machine is slow where the canary takes `slow_canary` times the best of the run, or where others take more than
    `slow_others` of its processors. Then the block is repeated after a pause, up to `repeats` times, as far as the
    `patience_s` for a whole round allows.
    """

    calls: int = 20
    calls_min: int = 3
    unmeasured: int = 3
    block_ms: float = 400.0
    slow_canary: float = 1.25
    slow_others: float = 0.15
    repeats: int = 3
    patience_s: float = 0.6
    pause_s: float = 0.03
    seed: int = 0


@dataclass(frozen=True)
class Probes:
    """How the machine is looked at: `canary` gives ms, `others` the share of the processors since the last look."""

    canary: Callable[[], float]
    others: Callable[[], float]
    clock: Clock = time.perf_counter_ns
    pause: Callable[[float], None] = time.sleep


# Seconds from one round of a group to the next. A machine that is shared stays in one state for about a second: rounds
# that follow each other at once would all see the same one, and agree too well.
APART_S = 1.5


@dataclass
class Pace:
    """Keeps the rounds of a group apart: `wait` returns no sooner than `apart_s` after it last did."""

    apart_s: float = field(default_factory=lambda: APART_S)
    clock: Clock = time.perf_counter_ns
    pause: Callable[[float], None] = time.sleep
    _last: int | None = None

    def wait(self) -> None:
        """Wait for as long as is left; not at all the first time, or where other work took longer."""
        now = self.clock()
        if self._last is not None and (left_s := self.apart_s - (now - self._last) / 1e9) > 0:
            self.pause(left_s)
            now = self.clock()
        self._last = now


@dataclass(frozen=True)
class Block:
    """Times of one variant's calls in ms, and the state of the machine: the canary in ms, the share of others."""

    times_ms: np.ndarray
    canary_ms: float
    others: float
    slow: bool
    repeated: int = 0


@runtime_checkable
class Elsewhere(Protocol):
    """A call whose block is taken in another process, by its own clock: the way there must not be timed."""

    def block(self, rules: Rules) -> np.ndarray:
        """Times of a block's calls in ms, float64 (n,), taken by `rules`."""
        ...


def take_block(call: Call | Elsewhere, rules: Rules, probes: Probes, best_ms: float) -> Block:
    """One block, without a second try. `best_ms`: the canary's best so far (infinite: none yet)."""
    before = probes.canary()
    probes.others()
    times = call.block(rules) if isinstance(call, Elsewhere) else _timed(call, rules, probes.clock)
    others = probes.others()
    after = probes.canary()
    best = min(best_ms, before, after)
    # What others took is nan where the system does not tell: then the canary alone decides.
    slow = max(before, after) > rules.slow_canary * best or others > rules.slow_others
    return Block(times, max(before, after), others, bool(slow))


def _timed(call: Call, rules: Rules, clock: Clock) -> np.ndarray:
    """Times of a block's calls in ms, after those that are not counted."""
    first: list[float] = []
    while len(first) < (rules.unmeasured or 1) and sum(first) < rules.block_ms:
        first.append(timed_ms(call, clock))
    warm = min(first)
    count = int(np.clip(rules.block_ms / warm if warm > 0 else rules.calls, rules.calls_min, rules.calls))
    taken: list[float] = [] if rules.unmeasured else first
    # On a machine that is held up by others, calls may take many times as long as the warm ones did.
    while len(taken) < count and (len(taken) < rules.calls_min or sum(taken) < 2 * rules.block_ms):
        taken.append(timed_ms(call, clock))
    return np.array(taken)


def take_round(
    calls: Mapping[str, Call | Elsewhere], number: int, rules: Rules, probes: Probes, best_ms: float = float("inf")
) -> dict[str, Any]:
    """One block of every variant, in the random order of this round: the result of a recorded step `<group>/turns-N`.

    A block in a slow state of the machine is repeated; if none of the tries found it otherwise, the one with the least
    canary stays and is marked. No try is chosen by the variant's own times.
    Returns {"round", "seed", "order", "blocks_ms": {variant: ms float64 (n,)}, "canary_ms": float64 (variants,),
    "others": float64 (variants,), "best_canary_ms", "repeated": {variant: tries thrown away}, "slow": [variants]}, the
    arrays in the order of "order".
    """
    names = list(calls)
    order = [names[i] for i in np.random.default_rng([rules.seed, number]).permutation(len(names))]
    blocks: dict[str, Block] = {}
    best, patience = best_ms, rules.patience_s
    for name in order:
        started = probes.clock()
        kept = take_block(calls[name], rules, probes, best)
        best = min(best, kept.canary_ms)
        tries, lasted_s = 0, (probes.clock() - started) / 1e9
        # Another try must fit into the patience that is left.
        while kept.slow and tries < rules.repeats and patience >= lasted_s:
            started = probes.clock()
            probes.pause(rules.pause_s)
            again = take_block(calls[name], rules, probes, best)
            tries += 1
            lasted_s = (probes.clock() - started) / 1e9
            patience -= lasted_s
            if not again.slow or again.canary_ms < kept.canary_ms:
                kept = again
        best = min(best, kept.canary_ms)
        blocks[name] = replace(kept, repeated=tries)
    return {
        "round": number,
        "seed": rules.seed,
        "order": order,
        "blocks_ms": {name: block.times_ms for name, block in blocks.items()},
        "canary_ms": np.array([block.canary_ms for block in blocks.values()]),
        "others": np.array([block.others for block in blocks.values()]),
        "best_canary_ms": best,
        "repeated": {name: block.repeated for name, block in blocks.items()},
        "slow": [name for name, block in blocks.items() if block.slow],
    }
