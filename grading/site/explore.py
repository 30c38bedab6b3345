"""What the sliders of a lesson move over: samples and loads of the record, as they were measured.

Nothing is interpolated: a percentile is one of the samples (the smallest that at least p % of them do not exceed, the
nearest rank), and a load is one that was offered. Figures with an interval are the kit's own estimates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from grading.report.tables import interval, three_digits
from snippets import stats
from snippets.load import estimates, windows
from snippets.measure.latency import Latency
from snippets.record.run import Record
from snippets.stats import Estimate

PERCENTS = (50, 95, 99)
TOO_FEW = "too few samples to tell"


@dataclass(frozen=True)
class Distribution:
    """Latencies of one step in ms, ascending; `told`: the kit's estimate of the usual percentiles, in words; none of a
    soak, whose samples follow one another, so that no interval of theirs would hold."""

    name: str
    ms: tuple[float, ...]
    told: Mapping[str, str]

    def at(self, percent: float) -> float:
        """The sample of that percentile in ms, by nearest rank; `percent` above 0, at most 100."""
        return self.ms[max(1, math.ceil(percent / 100 * len(self.ms))) - 1]


@dataclass(frozen=True)
class Row:
    """One service at one load: its figures in words, with their 95 % intervals."""

    service: str
    rate: str
    p50: str
    p95: str
    failures: int


@dataclass(frozen=True)
class Axis:
    """Loads of one kind, ascending: `values` clients, or requests a second offered, each with the services that met
    it."""

    unit: str
    values: tuple[float, ...]
    rows: tuple[tuple[Row, ...], ...]


def _names(record: Record, notebook: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Step names of a notebook with their results, windows joined, where these are tables of values."""
    for name in record.names():
        step = record.latest(name)
        if step is not None and step.notebook == notebook and name.endswith(("latency", "load", "soak")):
            result = windows.result_of(record, name)
            if isinstance(result, dict) and len(result.get("latency_ms", ())):
                yield name, result


def _told(estimate: Estimate | None) -> str:
    if estimate is None:
        return TOO_FEW
    ends = interval(estimate)
    return three_digits(estimate.value) + (f" ({ends})" if ends else "")


def distributions(record: Record, notebook: str) -> list[Distribution]:
    """All latencies that a notebook recorded: of single calls, and of requests that were answered well."""
    found = []
    for name, result in _names(record, notebook):
        ms = stats.good_ms(result) if "ok" in result else np.asarray(result["latency_ms"], dtype=float).ravel()
        if ms.size:
            found_of = _of_soak if name.endswith("soak") else _of_load if "ok" in result else _of_calls
            told = {str(percent): _told(estimate) for percent, estimate in found_of(result).items()}
            found.append(Distribution(_plain(name), tuple(np.sort(ms).round(4).tolist()), told))
    return found


def _of_soak(_: Mapping[str, Any]) -> dict[int, Estimate | None]:
    return {}


def _of_load(result: Mapping[str, Any]) -> dict[int, Estimate | None]:
    return {percent: estimates.latency(result, percent) for percent in PERCENTS}


def _of_calls(result: Mapping[str, Any]) -> dict[int, Estimate | None]:
    times = Latency.of(result)
    return {50: times.p50()} | {percent: times.percentile(percent) for percent in PERCENTS[1:]}


def axes(record: Record, notebook: str) -> list[Axis]:
    """The loads of a notebook, by clients and by requests a second; an axis has at least two values."""
    found: dict[str, dict[float, list[Row]]] = {}
    for name, result in _names(record, notebook):
        if "ok" not in result or "seconds" not in result or not result["ok"].astype(bool).any():
            continue
        open_loop = "offered_rps" in result
        unit = "requests/s offered" if open_loop else "clients"
        value = float(result.get("asked_rps", result["offered_rps"]) if open_loop else result.get("clients", 1))
        batch = result.get("batch", 1)
        row = Row(
            _plain(name).removesuffix(f"-{value:g}") + (f", batch {batch}" if batch != 1 else ""),
            _told(stats.scaled(estimates.rate(result), 1 / batch)),
            _told(estimates.latency(result, 50)),
            _told(estimates.latency(result, 95)),
            int((~result["ok"].astype(bool)).sum()),
        )
        found.setdefault(unit, {}).setdefault(value, []).append(row)
    ordered = {unit: sorted(points.items()) for unit, points in found.items() if len(points) > 1}
    return [
        Axis(unit, tuple(value for value, _ in points), tuple(tuple(rows) for _, rows in points))
        for unit, points in ordered.items()
    ]


def _plain(name: str) -> str:
    """`batching/on-8/load` as `batching: on-8`."""
    topic, *rest = name.split("/")
    return f"{topic}: {'/'.join(rest[:-1])}" if rest[:-1] else topic


def as_data(value: Distribution | Axis) -> dict[str, Any]:
    """For the page's script, as JSON."""
    return asdict(value)
