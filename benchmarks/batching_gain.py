"""What batching gains on the search for similar photos: one run, one real Triton, the two sides taking turns.

    python benchmarks/batching_gain.py [--seconds 2] [--rounds 3]

Three pairs: 32 clients, without and with dynamic batching (clients); arrivals at twice what one request at a time
allows, without and with it (offered); MLPerf's Offline scenario, one by one and in batches of 32 (offline). Prints both
sides' samples per second (medians of the rounds) and the gain; ends with status 1 if a gain is below its target.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial

from snippets.record.run import open_run
from snippets.triton.config import DynamicBatching
from snippets.triton.lab import Lab

# The smallest gains that still teach the lesson.
TARGETS = {"clients": 1.5, "offered": 1.2, "offline": 1.5}


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in TARGETS}
    with tempfile.TemporaryDirectory() as folder, Lab(open_run("system", runs=folder, profile="quick")) as lab:
        load, offline = partial(lab.load, seconds=given.seconds), partial(lab.loadgen, seconds=given.seconds)
        off, on = lab.service("similar"), lab.service("similar", batching=DynamicBatching())
        for number in range(given.rounds):
            capacity = 1000 / load(f"{number}/alone", off, clients=1)["server_ms"]
            for name, side, one in (
                ("clients", 0, partial(load, deployment=off, clients=32)),
                ("clients", 1, partial(load, deployment=on, clients=32)),
                ("offered", 0, partial(load, deployment=off, offered_rps=2 * capacity)),
                ("offered", 1, partial(load, deployment=on, offered_rps=2 * capacity)),
                ("offline", 0, partial(offline, deployment=off, scenario="Offline", expected_per_s=capacity)),
                ("offline", 1, partial(offline, deployment=off, scenario="Offline", expected_per_s=capacity, batch=32)),
            ):
                found = one(f"{number}/{name}-{side}")
                rates[name][side].append(found.get("completed_rps", found["samples_per_s"]))
    print(f"{'':8} {'without':>9} {'with':>9} {'gain':>6} {'target':>7}")
    missed = 0
    for name, target in TARGETS.items():
        without, batched = map(statistics.median, rates[name])
        missed += batched / without < target
        print(f"{name:8} {without:>7.0f}/s {batched:>7.0f}/s {batched / without:>6.2f} {target:>7}")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
