"""The server's side of "cloud or edge": how long Part 1 took for one photo with the model that the device runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from snippets.decide.targets import target
from snippets.errors import UsageError
from snippets.measure.latency import Latency
from snippets.record.run import Run, latest_run, load_record

SERVER = "server CPU"


def steps_of(variant: str) -> tuple[str, ...]:
    """The steps of Part 1 that may have timed a variant of Part 2 on the server, the last word first."""
    name = "onnx-all" if variant == "fp32" else variant
    first = "graph/onnx-all/latency" if variant == "fp32" else f"quantize/{variant}/latency"
    return f"choose/{name}/latency", f"quantize/{name}/latency", first


def inputs(run: Run, runs: str, variant: str, server_ms: float) -> dict[str, Any]:
    """What decides the server's latency: the given number, or the record of Part 1's latest run.

    In mode replay, what decided it when it was measured.
    """
    if run.mode == "replay" and run.has("cloud/server/latency"):
        return dict(run.record().result("cloud/server/latency")["inputs"])
    return _inputs(runs, variant, server_ms)


def same_model(runs: str, variant: str, server_ms: float) -> dict[str, Any]:
    """A `latency` step: Part 1's samples of the same file that the device runs, `source` saying where they come from.

    `server_ms` above 0 takes its place as the only sample. Without either, the manager's target for a server stands in.
    Raises UsageError for a negative number.
    """
    if server_ms < 0:
        raise UsageError(f"server_ms is {server_ms:g}; a latency is above 0 ms (0: take Part 1's).")
    found = _inputs(runs, variant, server_ms)
    folder = latest_run("model", runs) if found.get("step") else None
    if folder is not None:
        step = load_record(folder).result(found["step"])
        blocks = {name: step[name] for name in ("rounds", "group", "slow", "repeated") if name in step}
        return {
            "latency_ms": np.asarray(step["latency_ms"]),
            **blocks,
            "batch": 1,
            "threads": step["threads"],
            "provider": step["provider"],
            "source": f"Part 1, {found['step']}",
            "inputs": found,
        }
    if server_ms:
        value, source = server_ms, "given by the parameter server_ms"
    else:
        limit = target(SERVER).p50_ms_below
        assert limit is not None
        value = limit
        source = f"{variant} was not measured by a run of Part 1 here: the manager's target for a {SERVER}"
    return {
        "latency_ms": np.array([value]),
        "batch": 1,
        "threads": 0,
        "provider": "unknown",
        "source": source,
        "inputs": found,
    }


def _inputs(runs: str, variant: str, server_ms: float) -> dict[str, Any]:
    if server_ms:
        return {"server_ms": server_ms}
    folder = latest_run("model", runs)
    if folder:
        record = load_record(folder)
        for step in steps_of(variant):
            if step in record.names():
                return {"step": step, "median_ms": Latency.of(record.result(step)).p50().value}
    return {"server_ms": 0.0}
