"""Does our load generator see the throughput that NVIDIA's perf_analyzer sees? One run, one real Triton, taking turns.

    python benchmarks/load_vs_perf_analyzer.py [--seconds 3] [--rounds 3]

The model is the search for similar photos (about 10 ms of real work for each request). Prints both, and ends with
status 1 if the medians differ by more than 10 % at any of 1, 8 and 16 clients.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

from snippets.load.options import LoadOptions
from snippets.triton import deployments, loads, perf_analyzer
from snippets.triton import server as triton

CLIENTS = (1, 8, 16)
AGREE = 0.10


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    program = perf_analyzer.install()
    print(program.version())
    worst = 0.0
    with tempfile.TemporaryDirectory() as name, triton.start("embedded") as server:
        folder = Path(name)
        server.deploy(deployments.similar_photos(deployments.write_similar_photos(folder / "similar.onnx")))
        inputs = {"embedding": np.random.default_rng(0).random((1, deployments.EMBEDDING), dtype=np.float32)}
        shapes = {"embedding": (deployments.EMBEDDING,)}
        print(f"{'clients':>8} {'ours (1/s)':>12} {'perf_analyzer':>14} {'difference':>11}")
        for clients in CLIENTS:
            ours, theirs = [], []
            for _ in range(given.rounds):
                load = LoadOptions(clients=clients, seconds=given.seconds)
                ours.append(loads.put_under_load(server, "similar", inputs, load)["samples_per_s"])
                setting = perf_analyzer.Setting(clients, shapes, window_s=given.seconds / 3, trials=3)
                found = perf_analyzer.analyze(program, server, "similar", setting, folder / "report.csv")
                theirs.append(found["samples_per_s"])
            one, other = statistics.median(ours), statistics.median(theirs)
            difference = one / other - 1
            worst = max(worst, abs(difference))
            print(f"{clients:>8} {one:>12.1f} {other:>14.1f} {difference:>+10.1%}", flush=True)
    print("they agree" if worst <= AGREE else f"they differ by more than {AGREE:.0%}")
    return int(worst > AGREE)


if __name__ == "__main__":
    raise SystemExit(main())
