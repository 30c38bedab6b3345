"""What snippets.measure can tell apart: `python benchmarks/measure_resolution.py`.

Synthetic delays on a simulated clock, with the noise of a shared machine (log-normal, slow drift, spikes): how
often are two variants ranked that differ by so many per cent, and how many rounds does it take? Beside it the naive
way, the smaller of two medians of 30 calls each, one variant after the other: it always ranks, right or wrong.
"""

from __future__ import annotations

import argparse

import numpy as np

from snippets import measure

REPEATS = 100
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


def ours(difference: float, seed: int, noise: float) -> tuple[str, int]:
    """Verdict of measure.race on a variant b that is slower by `difference`, and rounds used."""
    machine = Machine(seed, noise)
    verdict, samples = measure.race(
        lambda: machine.call(1.0),
        lambda: machine.call(1.0 + difference),
        measure.RaceRules(seed=seed),
        machine.clock,
    )
    return verdict.verdict, int(samples["a"].size)


def naive(difference: float, seed: int, noise: float) -> str:
    """The variant with the smaller median of 30 calls, measured one after the other."""
    machine = Machine(seed, noise)
    medians = [
        np.median([measure.timed_ms(lambda s=s: machine.call(s), machine.clock) for _ in range(30)])
        for s in (1.0, 1.0 + difference)
    ]
    return "a" if medians[0] < medians[1] else "b"


def main() -> int:
    """Print a table; the exit code is 1 when 5 % is not told apart, or equal variants are ranked, too often."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--noise", type=float, default=0.05, help="log-normal noise of one call (default %(default)s)")
    noise = parser.parse_args().noise
    print("difference   ours: right  wrong  not ranked  rounds   naive: right  wrong")
    good = True
    for difference in DIFFERENCES:
        verdicts = [ours(difference, seed, noise) for seed in range(REPEATS)]
        right = sum(v == "a" for v, _ in verdicts) if difference else 0
        ranked = sum(v in "ab" for v, _ in verdicts)
        rounds = int(np.median([count for _, count in verdicts]))
        guesses = [naive(difference, seed, noise) for seed in range(REPEATS)]
        naive_right = sum(g == "a" for g in guesses) if difference else 0
        print(
            f"{difference:9.0%}   {right:11d}  {ranked - right:5d}  {REPEATS - ranked:10d}  {rounds:6d}   "
            f"{naive_right:12d}  {REPEATS - naive_right:5d}"
        )
        good &= ranked - right <= 0.02 * REPEATS and (difference < 0.05 or right >= 0.95 * REPEATS)
    print(f"of {REPEATS} comparisons each; a ranking of equal variants counts as wrong")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
