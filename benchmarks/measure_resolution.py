"""What snippets.measure can tell apart: `python benchmarks/measure_resolution.py`.

Synthetic delays on a simulated clock, with the noise of a shared machine (log-normal, slow drift, spikes): how
often are two variants ranked that differ by so many per cent, in ten rounds of blocks? Beside it the naive way, the
smaller of two medians of 30 calls each, one variant after the other: it always ranks, right or wrong.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from snippets.measure import blocks, calls
from snippets.measure.latency import Latency, assemble, compare

REPEATS, ROUNDS = 100, 10
DIFFERENCES = (0.0, 0.01, 0.02, 0.05, 0.10)


class Machine:
    """A clock in ns that calls move forward: `slowdown` times 5 ms, with noise, drift and now and then a spike."""

    def __init__(self, seed: int, noise: float) -> None:
        self.now = 0
        self.chance = np.random.default_rng(seed)
        self.noise = noise

    def clock(self) -> int:
        """The time, ns."""
        return self.now

    def call(self, slowdown: float) -> None:
        """One prediction of a variant that takes `slowdown` times as long as the other."""
        drift = 1.0 + 0.1 * np.sin(self.now / 4e9)
        spike = 3.0 if self.chance.random() < 0.02 else 1.0
        self.now += int(5e6 * slowdown * drift * spike * self.chance.lognormal(0.0, self.noise))


def ours(difference: float, seed: int, noise: float) -> str:
    """Verdict on a variant b that is slower by `difference`, after ten rounds of blocks."""
    machine = Machine(seed, noise)
    variants = {"a": partial(machine.call, 1.0), "b": partial(machine.call, 1.0 + difference)}
    probes = blocks.Probes(lambda: 1.0, lambda: 0.0, machine.clock)
    turns = [blocks.take_round(variants, number, blocks.Rules(seed=seed), probes) for number in range(1, ROUNDS + 1)]
    found = {name: Latency.of(step) for name, step in assemble(turns, "turns").items()}
    return compare(found["a"], found["b"]).verdict


def naive(difference: float, seed: int, noise: float) -> str:
    """The variant with the smaller median of 30 calls, measured one after the other."""
    machine = Machine(seed, noise)
    medians = [
        np.median([calls.timed_ms(partial(machine.call, s), machine.clock) for _ in range(30)])
        for s in (1.0, 1.0 + difference)
    ]
    return "a" if medians[0] < medians[1] else "b"


def main() -> int:
    """Print a table; the exit code is 1 when 10 % is not told apart, or equal variants are ranked, too often."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--noise", type=float, default=0.05, help="log-normal noise of one call (default %(default)s)")
    noise = parser.parse_args().noise
    print("difference   ours: right  wrong  not ranked   naive: right  wrong")
    good = True
    for difference in DIFFERENCES:
        verdicts = [ours(difference, seed, noise) for seed in range(REPEATS)]
        right = sum(v == "a" for v in verdicts) if difference else 0
        ranked = sum(v in "ab" for v in verdicts)
        guesses = [naive(difference, seed, noise) for seed in range(REPEATS)]
        naive_right = sum(g == "a" for g in guesses) if difference else 0
        print(
            f"{difference:9.0%}   {right:11d}  {ranked - right:5d}  {REPEATS - ranked:10d}   "
            f"{naive_right:12d}  {REPEATS - naive_right:5d}"
        )
        good &= ranked - right <= 0.02 * REPEATS and (difference < 0.1 or right >= 0.95 * REPEATS)
    print(f"of {REPEATS} comparisons each; a ranking of equal variants counts as wrong")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
