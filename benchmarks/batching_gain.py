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

from snippets.load.loadgen import Scenario
from snippets.load.options import LoadOptions
from snippets.record.run import open_run
from snippets.triton.config import DynamicBatching
from snippets.triton.deployments import ServiceOptions
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
        seconds = given.seconds
        off, on = lab.service("similar"), lab.service("similar", ServiceOptions(batching=DynamicBatching()))
        for number in range(given.rounds):
            capacity = 1000 / lab.load(f"{number}/alone", off, LoadOptions(clients=1, seconds=seconds))["server_ms"]
            pairs = {
                "clients": LoadOptions(clients=32, seconds=seconds),
                "offered": LoadOptions(offered_rps=2 * capacity, seconds=seconds),
            }
            for name, options in pairs.items():
                for side, deployment in enumerate((off, on)):
                    found = lab.load(f"{number}/{name}-{side}", deployment, options)
                    rates[name][side].append(found.get("completed_rps", found["samples_per_s"]))
            for side, batch in enumerate((1, 32)):
                scenario = Scenario("Offline", seconds, batch=batch, expected_per_s=capacity)
                rates["offline"][side].append(lab.loadgen(f"{number}/offline-{side}", off, scenario)["samples_per_s"])
    print(f"{'':8} {'without':>9} {'with':>9} {'gain':>6} {'target':>7}")
    missed = 0
    for name, target in TARGETS.items():
        without, batched = map(statistics.median, rates[name])
        missed += batched / without < target
        print(f"{name:8} {without:>7.0f}/s {batched:>7.0f}/s {batched / without:>6.2f} {target:>7}")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
