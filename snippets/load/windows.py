"""A load that was measured in several short windows, in turn with others, read as one.

Each window is a recorded step of its own: they share a name and all inputs but one, the window's number (WINDOW). So
the record tells in which order settings took turns, and a run that was cut off goes on with the window that is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from snippets import stats
from snippets.machine.utilization import OF_A_GPU, OF_THE_MACHINE
from snippets.record.read import Record, Step

WINDOW = "window"
"""The input by which the windows of one load differ."""
_ENDS = (*OF_THE_MACHINE, *OF_A_GPU)
_SUMS = ("seconds", "failures", "neighbour_failures", "arrivals", "inferences", "executions") + tuple(
    f"server_{what}" for what in ("requests", "failures")
)
# Means over requests or over time -> what they are weighted by.
_MEANS = dict.fromkeys(
    ("queue_ms", "compute_input_ms", "compute_infer_ms", "compute_output_ms", "compute_ms", "server_ms"),
    "server_requests",
) | dict.fromkeys(("completed_rps", "offered_rps", "in_flight_mean", "neighbour_rps"), "seconds")


def in_turn(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and name, every name once a round, each round in the order opposite to the last: what drifts evenly meets
    all of them alike, and what stands last goes on without a change."""
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            yield number, name


def take_turns(
    names: Sequence[str], rounds: int, window: Callable[[str, int], Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Loads by name, `joined` from windows that are measured `in_turn`: `window` gets a name and the round's number."""
    windows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
    for number, name in in_turn(names, rounds):
        windows[name].append(window(name, number))
    return {name: joined(measured) for name, measured in windows.items()}


def steps_of(record: Record, name: str) -> list[Step]:
    """The steps that make up the newest result of that name: its windows in order, or the newest step alone."""
    newest = record.latest(name)
    if newest is None or WINDOW not in newest.inputs:
        return [newest] if newest is not None else []
    alike = {k: v for k, v in newest.inputs.items() if k != WINDOW}
    found = {
        step.inputs[WINDOW]: step
        for step in record.steps
        if step.name == name and WINDOW in step.inputs and {**step.inputs, WINDOW: 0} == {**alike, WINDOW: 0}
    }
    return [found[number] for number in sorted(found)]


def result_of(record: Record, name: str) -> Any:
    """The newest result of a step, its windows joined. Raises RecordError, naming the run, if there is none."""
    steps = steps_of(record, name)
    return joined([step.result for step in steps]) if len(steps) > 1 else record.result(name)


def parts(load: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The windows of a load; a load that was measured once is its own only window."""
    return load.get("windows") or [load]


def joined(windows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Windows of one load as one result of the same fields, and `windows` themselves.

    Samples stand one behind another; times since the window opened go on from window to window, as if these followed
    each other without a gap (and what the machine did between them is left out). Counts are summed, rates and means are
    those over all windows. What differs otherwise is the first window's.
    """
    if len(windows) == 1:
        return dict(windows[0])
    first = windows[0]
    starts = np.concatenate(([0.0], np.cumsum([one["seconds"] for one in windows])))
    result = dict(first)
    for name, value in first.items():
        if isinstance(value, np.ndarray) and name not in _ENDS:
            shift = starts if name in ("started_s", "sampled_s") else np.zeros(len(windows))
            result[name] = np.concatenate(
                [one[name] + at if at else one[name] for one, at in zip(windows, shift, strict=False)]
            )
        elif name in _SUMS:
            result[name] = sum(one[name] for one in windows)
        elif name in _MEANS:
            weights = [max(float(one.get(_MEANS[name], 1.0)), 1e-9) for one in windows]
            result[name] = float(np.average([one[name] for one in windows], weights=weights))
    result |= _machine(windows, starts)
    for name in ("errors", "batches"):
        if name in first:
            counts: Counter = Counter()
            for one in windows:
                counts.update(one[name])
            result[name] = dict(counts)
    return result | _rates(result) | {"windows": list(windows)}


def _machine(windows: Sequence[Mapping[str, Any]], starts: np.ndarray) -> dict[str, np.ndarray]:
    """The machine's samples that were taken while a window was open."""
    if "util_s" not in windows[0]:
        return {}
    inside = [(one["util_s"] >= 0) & (one["util_s"] <= one["seconds"]) for one in windows]
    kept = {
        name: np.concatenate([one[name][here] for one, here in zip(windows, inside, strict=True)])
        for name in _ENDS
        if name in windows[0]  # older records lack some
    }
    shifted = zip(windows, inside, starts, strict=False)
    kept["util_s"] = np.concatenate([one["util_s"][here] + at for one, here, at in shifted])
    return kept


def _rates(result: Mapping[str, Any]) -> dict[str, float]:
    """What follows from the sums."""
    found = {}
    if "ok" in result and "requests_per_s" in result:
        found["requests_per_s"] = float(np.sum(result["ok"])) / result["seconds"]
        found["samples_per_s"] = found["requests_per_s"] * result.get("batch", 1)
    if result.get("executions"):
        found["mean_batch"] = result["inferences"] / result["executions"]
    if "client_ms" in result and np.any(result["ok"]):
        found["client_ms"] = float(np.mean(stats.good_ms(result)) - result["server_ms"])
    return found
