"""Does `servelab grade --rerun` tell honest records from forged ones? `python benchmarks/rerun.py [RUN ...]`

First on made-up noise: 200 honest students, whose grader's machine has other milliseconds, blocks that differ by some
per cent, and ratios of its own (a few per cent off); then the same with one kind of claim forged in each. Then on runs
that were really measured (RUN, default: the newest of each part here), again and again, honest and forged. At most 1 %
of the honest students may get a doubt, at least 95 % of the forged relations must; the exit code is 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grading.checks.evidence import Evidence  # noqa: E402
from grading.rerun.again import LIMIT_S, check, staff_shelf  # noqa: E402
from grading.rerun.relations import FACTOR, Relation, Variant, judged, ratio_of, relations, sample  # noqa: E402
from snippets.machine.host import host_facts  # noqa: E402
from snippets.measure.latency import Latency  # noqa: E402
from snippets.parts import PARTS  # noqa: E402
from snippets.record.run import latest_run, load_record  # noqa: E402
from snippets.stats import Estimate  # noqa: E402

STUDENTS, CLAIMS = 200, 6
MOST_FALSE, LEAST_CAUGHT = 0.01, 0.95
BETWEEN_BLOCKS, BETWEEN_MACHINES = 0.06, 0.08
"""Standard deviations, on logarithms: of a block's median, and of the ratio of two variants from machine to machine."""
PAIR = (Variant("fp32", "", "all", 2), Variant("dynamic", "", "all", 2))


def taken(rng: np.random.Generator, median: float) -> Latency:
    """Latencies of a variant in five blocks on a machine with neighbours."""
    rounds = np.repeat(np.arange(5), 20)
    blocks = np.exp(rng.normal(0, BETWEEN_BLOCKS, 5))[rounds]
    return Latency(median * blocks * np.exp(rng.normal(0, 0.1, 100)), rounds, "turns")


def pair_on(rng: np.random.Generator, ratio: float) -> Estimate:
    """The ratio of two variants as a machine measures it."""
    theirs = ratio * float(np.exp(rng.normal(0, BETWEEN_MACHINES)))
    median = float(rng.uniform(1, 20))
    return ratio_of(taken(rng, median * theirs), taken(rng, median))


def holds(claim: Relation, measure: Callable[[], Estimate]) -> bool:
    """As `rerun` has it: only what fails twice fails."""
    return bool(judged(claim, measure()).holds) or bool(judged(claim, measure()).holds)


def claim_of(ratio: Estimate) -> Relation:
    """That two variants have this ratio."""
    return Relation("faster", ("a", "b"), PAIR, ratio)


FORGED: dict[str, Callable[[Estimate], Estimate]] = {
    "the slower one is called the faster": lambda one: Estimate(1 / one.value, 1 / one.high, 1 / one.low),
    "three times as much faster": lambda one: Estimate(3 * one.value, 3 * one.low, 3 * one.high),
    "a third of the difference": lambda one: Estimate(one.value / 3, one.low / 3, one.high / 3),
}


def synthetic() -> bool:
    """Print how often honest and forged claims fail on made-up noise; whether both are within the limits."""
    rng = np.random.default_rng(20)
    doubted = 0
    caught: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for _ in range(STUDENTS):
        good = []
        for _ in range(CLAIMS):
            ratio = float(np.exp(rng.uniform(np.log(1.4), np.log(6))))
            honest = claim_of(pair_on(rng, ratio))
            good.append(holds(honest, lambda ratio=ratio: pair_on(rng, ratio)))
            for name, forge in FORGED.items():
                tried[name] += 1
                forged = replace(honest, claimed=forge(honest.claimed))
                caught[name] += not holds(forged, lambda ratio=ratio: pair_on(rng, ratio))
        doubted += not all(good)
    print(f"made-up noise, {STUDENTS} students with {CLAIMS} ratios each, factor {FACTOR:g}:")
    print(f"  honest students with a doubt: {doubted} ({100 * doubted / STUDENTS:.1f} %)")
    for name in FORGED:
        print(f"  caught, {name}: {caught[name]} of {tried[name]} ({100 * caught[name] / tried[name]:.1f} %)")
    return doubted <= MOST_FALSE * STUDENTS and sum(caught.values()) >= LEAST_CAUGHT * sum(tried.values())


def forged(claim: Relation, rng: np.random.Generator) -> Relation:
    """The claim as somebody writes it who did not measure."""
    if claim.kind == "size":
        return replace(claim, claimed=int(claim.claimed * rng.uniform(0.9, 1.1)) + 1)
    if claim.kind == "outputs":
        # As accurate as the honest ones, but nobody knows which images a model gets wrong.
        return replace(
            claim, claimed={k: int(v if rng.random() < 0.85 else (v + 1) % 11) for k, v in claim.claimed.items()}
        )
    if claim.kind == "answer":
        made = rng.dirichlet(np.ones(len(claim.claimed)))
        return replace(claim, claimed=dict(zip(claim.claimed, map(float, made), strict=True)))
    names = list(FORGED) if abs(np.log(claim.claimed.value)) > np.log(1.4) else list(FORGED)[1:]
    return replace(claim, claimed=FORGED[str(rng.choice(names))](claim.claimed))


def real(runs: Sequence[Path], repeats: int, models: Path | None) -> bool:
    """Print what became of honest and forged claims of runs that were really measured."""
    rng, shelf = np.random.default_rng(21), staff_shelf(models)
    doubted = students = 0
    outcomes: Counter[tuple[str, str, object]] = Counter()
    longest = 0.0
    for number in range(repeats):
        for run in runs:
            found = relations(Evidence(load_record(run)), host_facts())
            picked = sample(found, CLAIMS, f"{run} {number}")
            for what, claims in (("honest", picked), ("forged", [forged(each, rng) for each in picked])):
                started = time.perf_counter()
                results = check(claims, shelf, 0.6 * LIMIT_S)
                again = [each.relation for each in results if each.holds is False and each.relation.kind == "faster"]
                left = LIMIT_S - (time.perf_counter() - started)
                second = {id(each.relation): each for each in (check(again, shelf, left) if again else [])}
                longest = max(longest, time.perf_counter() - started)
                final = [second.get(id(each.relation), each) for each in results]
                outcomes.update((what, each.relation.kind, each.holds) for each in final)
                if what == "honest":
                    students += 1
                    failing = [each.told for each in final if each.holds is False]
                    doubted += bool(failing)
                    for told in failing:
                        print(f"  honest, and fails: {told}")
    print(f"measured for real: {students} honest, {doubted} with a doubt; the longest took {longest:.0f} s")
    caught = decided = 0
    for kind in dict.fromkeys(kind for _, kind, _ in outcomes):
        honest, made = ({h: outcomes[what, kind, h] for h in (True, False, None)} for what in ("honest", "forged"))
        caught, decided = caught + made[False], decided + made[False] + made[True]
        print(
            f"  {kind}: honest {honest[True]} hold, {honest[False]} do not, {honest[None]} not decided; "
            f"forged {made[False]} caught, {made[True]} not, {made[None]} not decided"
        )
    return doubted <= MOST_FALSE * students and caught >= LEAST_CAUGHT * decided


def main() -> int:
    """Both halves; 0 if the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="run folders; default: the newest of each part")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--models", type=Path, help="folder of models; default: those of the newest runs")
    given = parser.parse_args()
    runs = given.runs or [run for part in PARTS if (run := latest_run(part)) is not None]
    kept = [synthetic()]
    if runs:
        kept.append(real(runs, given.repeats, given.models))
    else:
        print("no runs here: servelab run all measures some")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
