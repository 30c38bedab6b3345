"""Tables of the system lab, as Markdown, from step results alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from snippets.decide import outcomes
from snippets.draw import style
from snippets.draw.online_charts import loadgen_ms
from snippets.draw.tables import interval, markdown_table
from snippets.load import estimates, queueing, windows
from snippets.simulate.calibrated import Figures, measured
from snippets.stats import Estimate

Load = Mapping[str, Any]


def endpoints(results: Mapping[str, Load]) -> str:
    """Loads on the endpoints: requests per second, failures, p50 and p95, with their intervals between windows.

    A load's name is "<service>, <clients>"; of an open loop the clients' place says how many requests arrive.
    """
    head = ("", "clients", "requests/s", "p50 (ms)", "p95 (ms)", "failures")
    rows = [
        (
            name.rpartition(",")[0],
            str(load["clients"]) if "clients" in load else f"{load['asked_rps']:g} arrive/s",
            interval(estimates.rate(load)),
            interval(estimates.latency(load, 50)),
            interval(estimates.latency(load, 95)),
            str(load["failures"]),
        )
        for name, load in results.items()
    ]
    return markdown_table(head, rows)


def generators(loads: Mapping[str, Mapping[str, Load]]) -> str:
    """Loads by name, each by "yours" and "kit": requests, and their mean latency by where it counts from."""
    head = ("", "requests", "yours, from the sending (ms)", "yours, from when due (ms)", "the kit's (ms)")
    rows = [
        (
            name,
            str(len(load["yours"]["from_due_ms"])),
            f"{load['yours']['from_sending_ms'].mean():.1f}",
            f"{load['yours']['from_due_ms'].mean():.1f}",
            f"{load['kit']['from_due_ms'].mean():.1f}",
        )
        for name, load in loads.items()
    ]
    return markdown_table(head, rows)


def own_service(facts: Mapping[str, Any]) -> str:
    """What a service of one's own is, and what is sent to it (`own_service.describe`), as a list."""
    way, _, name = facts["sent"].partition(":")
    sent = {
        "binary": "a tensor as bytes behind the JSON (binary tensor data extension)",
        "JSON": "a tensor as numbers in JSON",
        "form": f"the photo's file in the form field `{name}`",
        "json": f"the photo's file as base64 in JSON, under `{name}`",
        "file": "the photo's file as it is",
    }[way]
    lines = [
        f"what answers: {facts['url']} ({facts['protocol']})",
        *([f"what it takes: {facts['takes']}"] if "takes" in facts else []),
        f"what is sent: {sent}, {facts['request_bytes'] / 1e3:,.0f} kB",
        *([f"photos in a request: {facts['batch']} (answers a second count photos)"] if facts["batch"] > 1 else []),
        f"its answer to your photo: {facts['named']}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def forecast(said: Mapping[str, Figures], loads: Mapping[str, Load] | None = None) -> str:
    """What a model says of loads: answers per second, p50 and p95, each with what the machine's unsteadiness leaves
    open; with the loads themselves what was measured beside it, and by how many per cent of it the model was off."""
    head = ("requests/s", "p50 (ms)", "p95 (ms)")
    if loads is None:
        rows = [(name, *(_short_interval(value) for value in one.ranges())) for name, one in said.items()]
        return markdown_table(("predicted", *head), rows)
    rows = []
    for name, ours in said.items():
        theirs = measured(loads[name])
        cells = zip(ours.values(), theirs.values(), ours.error(theirs).values(), strict=True)
        rows.append((name, *(f"{style.short(a)} / {style.short(b)} ({100 * off:+.0f} %)" for a, b, off in cells)))
    return markdown_table(("predicted / measured", *head), rows)


def _short_interval(estimate: Estimate) -> str:
    if not estimate.bounded:
        return style.short(estimate.value)
    return f"{style.short(estimate.value)} ({style.short(estimate.low)} to {style.short(estimate.high)})"


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
            interval(estimates.rate(r)),
            interval(estimates.latency(r, 50)),
            interval(estimates.latency(r, 95)),
            f"{r['queue_ms']:.1f}",
            f"{r['compute_ms']:.1f}",
            f"{r['mean_batch']:.1f}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)


def compared(results: Mapping[str, Load]) -> str:
    """The first load against each of the others, as a list in words: how many times the answers per second and the
    median latency, each with its interval, and, for loads on Triton, what became of queue and computing."""
    (base, first), *others = results.items()
    lines = []
    for label, load in others:
        rate = outcomes.times(estimates.times_the_rate(load, first), "the answers per second")
        latency = outcomes.times(estimates.times_the_latency(load, first), "the median latency")
        line = f"- **{label}** against {base}: {rate}, {latency}"
        if "compute_ms" in load:
            parts = (
                f"{name} {first[field]:.1f} -> {load[field]:.1f} ms"
                for name, field in (("queue", "queue_ms"), ("computing", "compute_ms"))
            )
            line += f"; {', '.join(parts)}"
        lines.append(line.replace("\n", " "))
    return "\n".join(lines)


def neighbours(results: Mapping[str, Load]) -> str:
    """The light model's latency and the heavy one's requests in each arrangement."""
    head = ("", "light: p50 (ms)", "light: p95 (ms)", "light: answers/s", "heavy: requests/s", "failures")
    rows = [
        (
            label,
            interval(estimates.latency(r, 50)),
            interval(estimates.latency(r, 95)),
            interval(estimates.rate(r)),
            interval(estimates.neighbour_rate(r)) if "neighbour_rps" in r else "-",
            str(r["failures"] + r.get("neighbour_failures", 0)),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)


def offered(curves: Mapping[str, Sequence[Load]]) -> str:
    """Open-loop loads: offered, answered, latency, how many were in the system on average, how many arrived in a window
    and by how many those in the system grew in it (see `queueing.growth`)."""
    head = ("", "offered/s", "answered/s", "mean (ms)", "p50 (ms)", "p99 (ms)", "in the system", "arrived", "grew by")
    rows = [
        (
            label,
            f"{r['offered_rps']:.0f}",
            interval(estimates.rate(r), 0),
            interval(estimates.mean_latency(r)),
            interval(estimates.latency(r, 50)),
            interval(estimates.latency(r, 99)),
            f"{r['in_flight_mean']:.1f}",
            f"{r['arrivals'] / len(windows.parts(r)):.0f}",
            f"{round(queueing.growth(r), 1) + 0.0:+.1f}",  # a tenth: the rule is "more than five"; no "-0.0"
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
            f"{loadgen_ms(r, 50):.1f}",
            f"{loadgen_ms(r, 99):.1f}",
            "yes" if r["valid"] else f"no: {_why_invalid(r)}",
            str(r["failures"]),
        )
        for label, r in results.items()
    ]
    return markdown_table(head, rows)


def _why_invalid(result: Load) -> str:
    """LoadGen's reason for its "no". That of too few samples for a 99th percentile stands in a field of its own."""
    reason = str(result["loadgen"].get("result_invalid_reason", "")).strip()
    more = re.search(r"at least (\d+) more queries", str(result["loadgen"].get("early_stopping_result", "")))
    if result["failures"]:
        return f"{result['failures']} samples failed"
    if not reason and more:
        return f"it wants {more[1]} samples more before it believes a p99"
    return reason or "see its log"
