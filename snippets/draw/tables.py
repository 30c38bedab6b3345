"""Tables of the system lab, as Markdown, from step results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snippets.draw.system_charts import Load, p50, percentile
from snippets.load import queueing


def loads(results: Mapping[str, Load]) -> str:
    """Closed-loop loads: throughput, latency, where it was spent, batches, failures."""
    head = ("", "answers/s", "p50 (ms)", "p95 (ms)", "queue (ms)", "compute (ms)", "mean batch", "failures")
    rows = [
        (
            label,
            f"{r['samples_per_s']:.1f}",
            f"{p50(r):.1f}",
            f"{percentile(r, 95):.1f}",
            f"{r['queue_ms']:.1f}",
            f"{r['compute_ms']:.1f}",
            f"{r['mean_batch']:.1f}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return table(head, rows)


def neighbours(results: Mapping[str, Load]) -> str:
    """The light model's latency and the heavy one's requests in each arrangement."""
    head = ("", "light: p50 (ms)", "light: p95 (ms)", "light: answers/s", "heavy: requests/s", "failures")
    rows = [
        (
            label,
            f"{p50(r):.1f}",
            f"{percentile(r, 95):.1f}",
            f"{r['samples_per_s']:.1f}",
            f"{r['neighbour_rps']:.1f}" if "neighbour_rps" in r else "-",
            str(r["failures"] + r.get("neighbour_failures", 0)),
        )
        for label, r in results.items()
    ]
    return table(head, rows)


def offered(curves: Mapping[str, Sequence[Load]]) -> str:
    """Open-loop loads: offered, arrived, answered, and whether the server kept up."""
    head = ("", "offered/s", "arrived/s", "answered/s", "p50 (ms)", "p99 (ms)", "in the system", "keeps up")
    rows = [
        (
            label,
            f"{r['offered_rps']:.0f}",
            f"{r['arrivals'] / r['seconds']:.0f}",
            f"{r['completed_rps']:.0f}",
            f"{p50(r):.1f}",
            f"{percentile(r, 99):.1f}",
            f"{r['in_flight_mean']:.1f}",
            "yes" if queueing.keeps_up(r) else "**no**",
        )
        for label, results in curves.items()
        for r in results
    ]
    return table(head, rows)


def scenarios(results: Mapping[str, Any]) -> str:
    """LoadGen scenarios: samples, rate, LoadGen's own percentiles and verdict."""
    head = ("", "samples", "samples/s", "p50 (ms)", "p99 (ms)", "LoadGen: valid", "failures")
    rows = [
        (
            label.replace("\n", " "),
            str(r["samples"]),
            f"{r['samples_per_s']:.1f}",
            f"{r['loadgen']['result_50.00_percentile_latency_ns'] / 1e6:.1f}",
            f"{r['loadgen']['result_99.00_percentile_latency_ns'] / 1e6:.1f}",
            "yes" if r["valid"] else f"no: {r['loadgen'].get('result_invalid_reason', '').strip()}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
