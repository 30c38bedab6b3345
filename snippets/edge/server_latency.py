"""The server's side of "cloud or edge": how long Part 1's fastest option takes for one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snippets.decide.targets import target
from snippets.errors import UsageError
from snippets.record.run import Run, latest_run, load_record

SERVER = "server CPU"


def inputs(run: Run, runs: str, server_ms: float) -> dict[str, Any]:
    """What decides the server's latency: the given number, or the record of Part 1's latest run.

    In mode replay, what decided it when it was measured.
    """
    if run.mode == "replay" and run.has("cloud/server/latency"):
        return dict(run.record().result("cloud/server/latency")["inputs"])
    return _inputs(runs, server_ms)


def fastest_option(runs: str, server_ms: float) -> dict[str, Any]:
    """A `latency` step: the samples of Part 1's option with the lowest median, `source` saying which.

    `server_ms` above 0 takes its place as the only sample. Without either, the manager's target for a server stands in.
    Raises UsageError for a negative number.
    """
    if server_ms < 0:
        raise UsageError(f"server_ms is {server_ms:g}; a latency is above 0 ms (0: take Part 1's).")
    found = inputs_of = _inputs(runs, server_ms)
    folder = latest_run("model", runs) if found.get("step") else None
    if folder is not None:
        step = load_record(folder).result(found["step"])
        return {
            "latency_ms": np.asarray(step["latency_ms"]),
            "batch": 1,
            "threads": step["threads"],
            "provider": step["provider"],
            "source": f"Part 1, {found['step']}",
            "inputs": inputs_of,
        }
    if server_ms:
        value, source = server_ms, "given by the parameter server_ms"
    else:
        limit = target(SERVER).p50_ms_below
        assert limit is not None
        value, source = limit, f"no run of Part 1 here: the manager's target for a {SERVER}"
    return {
        "latency_ms": np.array([value]),
        "batch": 1,
        "threads": 0,
        "provider": "unknown",
        "source": source,
        "inputs": inputs_of,
    }


def _inputs(runs: str, server_ms: float) -> dict[str, Any]:
    if server_ms:
        return {"server_ms": server_ms}
    folder = latest_run("model", runs)
    step = _fastest_step(folder) if folder else None
    return {"step": step[0], "median_ms": step[1]} if step else {"server_ms": 0.0}


def _fastest_step(folder: Path) -> tuple[str, float] | None:
    """Name and median (ms) of the run's fastest single-sample step, or None if it has none."""
    record = load_record(folder)
    medians = {}
    for name in record.names():
        if name.endswith("/latency"):
            result = record.result(name)
            if result.get("batch") == 1:
                medians[name] = float(np.median(result["latency_ms"]))
    return min(medians.items(), key=lambda item: item[1]) if medians else None
