"""Where the time goes inside a model: ONNX Runtime's own profiler, summed by operation type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.placement import CPU, NODE_SUFFIX, events_of
from snippets.engine.providers import session_options


def time_by_operation(
    path: Path, batch: np.ndarray, *, threads: int, level: str = "all", runs: int = 20
) -> dict[str, Any]:
    """Milliseconds a run spends in each operation type, measured by ONNX Runtime's profiler on the CPU.

    Returns `milliseconds` {type: ms a run, slowest first}, `nodes` {type: count}, `total_ms` and `runs`. The
    profiler slows each node by some microseconds: compare shares, and take latencies from unprofiled runs.
    """
    events = events_of(path, session_options(threads, level), [CPU], batch, runs + 3)
    return by_operation(events, runs, skip=3)


def by_operation(events: list[dict[str, Any]], runs: int, skip: int = 0) -> dict[str, Any]:
    """Sum profiler events by operation type, as ms a run, leaving out the first `skip` runs of each node."""
    seen: dict[str, int] = {}
    total_us: dict[str, float] = {}
    nodes: dict[str, set[str]] = {}
    for event in events:
        if event.get("cat") != "Node" or not event.get("name", "").endswith(NODE_SUFFIX):
            continue
        node = event["name"]
        seen[node] = seen.get(node, 0) + 1
        operation = event.get("args", {}).get("op_name", "?")
        nodes.setdefault(operation, set()).add(node)
        if seen[node] > skip:
            total_us[operation] = total_us.get(operation, 0.0) + float(event["dur"])
    milliseconds = {name: us / 1000.0 / runs for name, us in sorted(total_us.items(), key=lambda item: -item[1])}
    return {
        "milliseconds": milliseconds,
        "nodes": {name: len(found) for name, found in nodes.items()},
        "total_ms": sum(milliseconds.values()),
        "runs": runs,
    }
