"""What recording costs: the same 100 ms step bare and recorded, alternating, in one run.

Run: python benchmarks/record_overhead.py. Ends with status 1 if the overhead is not below 1 % of the median.
"""

from __future__ import annotations

import statistics
import tempfile
import time

import numpy as np

from snippets.record.run import open_run

ROUNDS = 100
MOST = 0.01


def step() -> dict:
    """Busy for 100 ms, as a measurement is: a sleeping core would be slow to wake."""
    until = time.perf_counter() + 0.1
    while time.perf_counter() < until:
        pass
    return {"latency_ms": np.random.default_rng(0).normal(size=1000), "threads": 1}


def main() -> int:
    """Measure, print, compare."""
    bare, recorded = [], []
    with tempfile.TemporaryDirectory() as folder:
        run = open_run("model", runs=folder)
        for number in range(ROUNDS):
            started = time.perf_counter()
            step()
            bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            run.step(f"bench/{number}/latency", step, inputs={"number": number})
            recorded.append(time.perf_counter() - started)
    ratio = statistics.median(recorded) / statistics.median(bare)
    print(
        f"bare {statistics.median(bare) * 1e3:.2f} ms, recorded {statistics.median(recorded) * 1e3:.2f} ms: "
        f"overhead {(ratio - 1) * 100:.2f} % of a 100 ms step ({ROUNDS} rounds; at most {MOST:.0%})"
    )
    return int(ratio - 1 >= MOST)


if __name__ == "__main__":
    raise SystemExit(main())
