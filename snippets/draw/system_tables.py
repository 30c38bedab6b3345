"""Tables of the system lab, as Markdown, from step results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snippets import stats
from snippets.draw.tables import interval, markdown_table
from snippets.load import queueing

Load = Mapping[str, Any]


def endpoints(results: Mapping[str, Load]) -> str:
    """Loads on the endpoints: requests per second, failures, median with its interval, p95.

    A load's name is "<service>, <clients>".
    """
    head = ("service", "clients", "requests/s", "failures", "p50 (ms), 95 % interval", "p95 (ms)")
    rows = [
        (
            name.rpartition(",")[0],
            str(load["clients"]),
            f"{load['requests_per_s']:.1f}",
            str(load["failures"]),
            interval(stats.median(stats.good_ms(load))),
            f"{stats.good_percentile(load, 95):.1f}",
        )
        for name, load in results.items()
    ]
    return markdown_table(head, rows)


def refusals(rows: Sequence[Mapping[str, Any]]) -> str:
    """What was sent to the endpoint, the status it was refused with, and the reason given."""
    cells = [(row["name"], str(row["status"]), row["detail"]) for row in rows]
    return markdown_table(("sent", "status", "reason given"), cells, texts=(0, 1, 2))


def loads(results: Mapping[str, Load]) -> str:
    """Closed-loop loads: throughput, latency, where it was spent, batches, failures."""
    head = ("", "answers/s", "p50 (ms)", "p95 (ms)", "queue (ms)", "compute (ms)", "mean batch", "failures")
    rows = [
        (
            label,
            f"{r['samples_per_s']:.1f}",
            f"{stats.good_percentile(r, 50):.1f}",
            f"{stats.good_percentile(r, 95):.1f}",
            f"{r['queue_ms']:.1f}",
            f"{r['compute_ms']:.1f}",
            f"{r['mean_batch']:.1f}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)


def neighbours(results: Mapping[str, Load]) -> str:
    """The light model's latency and the heavy one's requests in each arrangement."""
    head = ("", "light: p50 (ms)", "light: p95 (ms)", "light: answers/s", "heavy: requests/s", "failures")
    rows = [
        (
            label,
            f"{stats.good_percentile(r, 50):.1f}",
            f"{stats.good_percentile(r, 95):.1f}",
            f"{r['samples_per_s']:.1f}",
            f"{r['neighbour_rps']:.1f}" if "neighbour_rps" in r else "-",
            str(r["failures"] + r.get("neighbour_failures", 0)),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)


def offered(curves: Mapping[str, Sequence[Load]]) -> str:
    """Open-loop loads: offered, arrived, answered, and whether the server kept up."""
    head = ("", "offered/s", "arrived/s", "answered/s", "p50 (ms)", "p99 (ms)", "in the system", "keeps up")
    rows = [
        (
            label,
            f"{r['offered_rps']:.0f}",
            f"{r['arrivals'] / r['seconds']:.0f}",
            f"{r['completed_rps']:.0f}",
            f"{stats.good_percentile(r, 50):.1f}",
            f"{stats.good_percentile(r, 99):.1f}",
            f"{r['in_flight_mean']:.1f}",
            "yes" if queueing.keeps_up(r) else "**no**",
        )
        for label, results in curves.items()
        for r in results
    ]
    return markdown_table(head, rows)


def scenarios(results: Mapping[str, Load]) -> str:
    """LoadGen scenarios: samples, rate, LoadGen's own percentiles and verdict."""
    head = ("", "samples", "samples/s", "p50 (ms)", "p99 (ms)", "LoadGen: valid", "failures")
    rows = [
        (
            label,
            str(r["samples"]),
            f"{r['samples_per_s']:.1f}",
            f"{r['loadgen']['result_50.00_percentile_latency_ns'] / 1e6:.1f}",
            f"{r['loadgen']['result_99.00_percentile_latency_ns'] / 1e6:.1f}",
            "yes" if r["valid"] else f"no: {r['loadgen'].get('result_invalid_reason', '').strip()}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)
