"""Tables of a run, recomputed from its samples: what was measured, how sure, what others saw, which target is met."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snippets import stats
from snippets.decide.choose import GPU_PROVIDERS
from snippets.decide.targets import Target, published, target
from snippets.draw.tables import text_table
from snippets.load import estimates, windows
from snippets.measure.latency import Latency
from snippets.record.run import Record, load_record
from snippets.stats import Estimate

# Steps of products and searches, which are no variants of the model.
NO_MODEL = ("kernel", "search")
PREFERRED_BATCH = 32  # the published throughput is that of batch 32


@dataclass
class Variant:
    """One variant of the model: what the newest steps `*/<variant>/<what>` of a record say about it."""

    name: str
    size_mb: float | None = None
    accuracy: Estimate | None = None
    p50_ms: Estimate | None = None
    p95_ms: Estimate | None = None
    p99_ms: Estimate | None = None
    images_per_s: Estimate | None = None
    batch: int | None = None
    provider: str = ""
    published: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """One load put on one service; requests_per_s: what was answered within its windows."""

    name: str
    load: str
    requests_per_s: Estimate
    p50_ms: Estimate
    p95_ms: Estimate | None
    p99_ms: Estimate | None
    failures: int


def variants(record: Record) -> list[Variant]:
    """Variants in the order in which they were first measured."""
    found: dict[str, Variant] = {}
    for name in record.names():
        parts = name.split("/")
        if (
            parts[0] in NO_MODEL
            or len(parts) < 3
            or not parts[-1].startswith(("latency", "throughput", "accuracy", "size"))
        ):
            continue
        result = record.result(name)
        if isinstance(result, dict):
            variant = found.setdefault(parts[-2], Variant(parts[-2]))
            _add(variant, parts[-1], result)
    _join_threads(found)
    rows = {row["variant"]: row for row in published("model")} if record.part == "model" else {}
    for variant in found.values():
        variant.published = rows.get(variant.name, {})
    return [v for v in found.values() if v.p50_ms or v.images_per_s or v.accuracy]


def _join_threads(found: dict[str, Variant]) -> None:
    """Where latencies were taken by threads (`fp32-threads-2`), the variant itself gets the lowest of them."""
    for name, variant in list(found.items()):
        by_threads = [
            (other.p50_ms.value, place)
            for place, other in found.items()
            if other.p50_ms and place.startswith(f"{name}-threads-") and place.rpartition("-")[2].isdecimal()
        ]
        if by_threads and variant.p50_ms is None:
            best = found.pop(min(by_threads)[1])
            variant.p50_ms, variant.p95_ms, variant.p99_ms = best.p50_ms, best.p95_ms, best.p99_ms
            variant.provider = best.provider


def _add(variant: Variant, what: str, result: dict[str, Any]) -> None:
    # The last latency in turns stands, that of the choice; one that was taken alone does not replace it.
    if what == "latency" and len(result.get("latency_ms", ())) > 0 and (variant.p50_ms is None or "rounds" in result):
        times = Latency.of(result)
        variant.p50_ms = times.p50()
        variant.p95_ms, variant.p99_ms = (times.percentile(percent) for percent in (95, 99))
        variant.provider = result.get("provider", variant.provider)
    elif what.startswith("throughput") and len(result.get("batch_ms", ())) > 0:
        batch = int(result["batch"])
        rate = Latency.of(result).images_per_s()
        # Of batches of one size, the last that took turns stand.
        better = (
            variant.images_per_s is None
            or ("rounds" in result and variant.batch == batch)
            or variant.batch != PREFERRED_BATCH
            and (batch == PREFERRED_BATCH or rate.value > variant.images_per_s.value)
        )
        if better:
            variant.images_per_s, variant.batch = rate, batch
    elif what == "accuracy" and len(result.get("predictions", ())) > 0:
        if result.get("split", "evaluation") == "evaluation":
            variant.accuracy = stats.accuracy(result["predictions"], result["labels"])
    elif what == "size" and "bytes" in result:
        variant.size_mb = result["bytes"] / 1e6


def loads(record: Record) -> list[Load]:
    """Every load put on a service, its windows together, in order."""
    rows = []
    for name in record.names():
        result = windows.result_of(record, name)
        if not (isinstance(result, dict) and {"latency_ms", "ok", "seconds"} <= result.keys()):
            continue
        ok = result["ok"].astype(bool)
        if not ok.any():
            continue
        if "offered_rps" in result:
            load = f"{result['offered_rps']:g} requests/s offered"
        else:
            load = f"{result.get('clients', 1)} client{'s' if result.get('clients', 1) != 1 else ''}"
        batch = result.get("batch", 1)
        if batch != 1:
            load += f", batch {batch}"
        p50, p95, p99 = (estimates.latency(result, percent) for percent in (50, 95, 99))
        if p50 is None:
            continue
        rate = stats.scaled(estimates.rate(result), 1 / batch)
        rows.append(Load(name, load, rate, p50, p95, p99, int((~ok).sum())))
    return rows


def applying_target(record: Record, variant: Variant) -> Target:
    """The target that a variant's hardware speaks to: the device for Part 2, CPU or GPU for Part 1 by its provider, and
    by which GPU the machine has."""
    gpu = variant.provider.lower().startswith(GPU_PROVIDERS)
    wanted = "end-user device" if record.part == "edge" else "server GPU" if gpu else "server CPU"
    return target(wanted, record.machine)


def verdict(record: Record, variant: Variant) -> str:
    """Whether the variant meets its target on this machine, beyond the intervals of its figures, in words."""
    wanted = applying_target(record, variant)
    held = wanted.judge(p50_ms=variant.p50_ms, images_per_s=variant.images_per_s, size_mb=variant.size_mb)
    return "" if held is None else f"{wanted.name}: {held}"


def value(estimate: Estimate | None) -> float | None:
    """The figure without its interval; None where nothing was estimated."""
    return None if estimate is None else estimate.value


def three_digits(x: float | None) -> str:
    """A figure with three significant digits, an empty text for none."""
    if x is None:
        return ""
    if not math.isfinite(x):
        return "?"
    return f"{x:.0f}" if abs(x) >= 100 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


def interval(estimate: Estimate | None, scale: float = 1.0) -> str:
    """The ends of a 95 % interval; `?` for an end that the samples cannot bound, nothing where they bound neither."""
    if estimate is None or not (math.isfinite(estimate.low) or math.isfinite(estimate.high)):
        return ""
    return f"{three_digits(estimate.low * scale)}..{three_digits(estimate.high * scale)}"


def variant_rows(record: Record) -> list[tuple[list[str], list[str]]]:
    """Two lines a variant: the figures, and their intervals under them."""
    rows = []
    for v in variants(record):
        p = v.published
        expected = ""
        if p:
            rate = f"{three_digits(p['images_per_s'])}/s at batch {PREFERRED_BATCH}"
            expected = f"{three_digits(p['p50_ms'])} ms, {rate} ({p['hardware']})"
        figures = [
            v.name,
            three_digits(v.size_mb),
            three_digits(v.accuracy.value * 100) if v.accuracy else "",
            three_digits(value(v.p50_ms)),
            three_digits(value(v.p95_ms)),
            three_digits(value(v.p99_ms)),
            three_digits(value(v.images_per_s)),
            str(v.batch or ""),
            expected,
            verdict(record, v),
        ]
        intervals = [
            "",
            "",
            interval(v.accuracy, 100),
            interval(v.p50_ms),
            interval(v.p95_ms),
            interval(v.p99_ms),
            interval(v.images_per_s),
            "",
            "",
            "",
        ]
        rows.append((figures, intervals))
    return rows


def kernel_rows(record: Record) -> list[tuple[list[str], list[str]]]:
    """The rungs of the ladders of kernels, slowest first: how fast each product was, by its name; none without them."""
    names = record.names()
    rungs = record.result("kernel/rungs") if "kernel/rungs" in names else {}
    if "gpu-kernel/rungs" in names:
        rungs |= {f"GPU: {name}": rung for name, rung in record.result("gpu-kernel/rungs").items()}
    rows = []
    for name, rung in rungs.items():
        if rung["step"] not in names:
            continue
        times = Latency.of(record.result(rung["step"]))
        rate = stats.scaled(times.images_per_s(), rung["flop"] / 1e9)
        figures = [name, three_digits(times.p50().value), three_digits(rate.value)]
        rows.append((rate.value, (figures, ["", interval(times.p50()), interval(rate)])))
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


KERNEL_HEADER = ["kernel", "p50 ms", "GFLOP/s"]
KERNEL_TEXTS = (0,)
VARIANT_HEADER = [
    "variant",
    "size MB",
    "accuracy %",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "images/s",
    "batch",
    "published",
    "target",
]
VARIANT_TEXTS = (0, 8, 9)
"""Columns that hold text; the others hold numbers."""
LOAD_HEADER = ["step", "load", "requests/s", "p50 ms", "p95 ms", "p99 ms", "failures"]
LOAD_TEXTS = (0, 1)


INTERVALS = (
    "Under each figure: its 95 % interval, of a load between its windows (none where there is one window, or its queue"
    " grew or remembers too long to tell). No p95 or p99 where the samples are too few to bound it."
)


def load_rows(record: Record) -> list[tuple[list[str], list[str]]]:
    """Two lines a load: the figures, and their intervals under them."""
    return [
        (
            [
                r.name,
                r.load,
                three_digits(r.requests_per_s.value),
                three_digits(r.p50_ms.value),
                three_digits(value(r.p95_ms)),
                three_digits(value(r.p99_ms)),
                str(r.failures),
            ],
            ["", "", interval(r.requests_per_s), interval(r.p50_ms), interval(r.p95_ms), interval(r.p99_ms), ""],
        )
        for r in loads(record)
    ]


def cards(header: Sequence[str], rows: Sequence[tuple[list[str], list[str]]], width: int) -> str:
    """What a table holds, for a terminal that is too narrow for it: a paragraph a row, of lines of at most `width`."""
    told = []
    for figures, intervals in rows:
        named = zip(header[1:], figures[1:], intervals[1:], strict=True)
        items = [f"{name} {text}" + f" ({ends})" * bool(ends) for name, text, ends in named if text]
        # A figure stays on the line of its name and its interval, as far as there is room.
        glued = "; ".join(item.replace(" ", "\0") if len(item) < width - 4 else item for item in items)
        lines = textwrap.wrap(glued, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        told.append("\n".join([*textwrap.wrap(figures[0], width), *lines]).replace("\0", " "))
    return "\n".join(told)


def show_run(folder: str | Path, width: int | None = None) -> str:
    """What a run measured, for a terminal: machine, table of variants, table of loads, problems.

    `width`: columns of the terminal, into which all of it fits; None: as wide as it is. A step that a kill
    interrupted is named. Raises RecordError for a folder without a readable record.
    """
    record = load_record(folder)
    host = record.host
    lines = [
        f"Part {record.part}, run {record.run_id}: {len(record.names())} steps on "
        f"{host.get('cpu', {}).get('model', 'an unknown machine')} ({host.get('cpu', {}).get('cores', '?')} cores)"
        + "".join(f", {gpu['model']}" for gpu in host.get("gpus", []))
    ]
    tables = [
        _fitting(header, rows, texts, width)
        for header, rows, texts in (
            (VARIANT_HEADER, variant_rows(record), VARIANT_TEXTS),
            (LOAD_HEADER, load_rows(record), LOAD_TEXTS),
        )
        if rows
    ]
    for table in tables:
        lines += ["", table]
    if tables:
        lines += ["", INTERVALS]
    if record.interrupted:
        lines += ["", str(record.interrupted)]
    problems = record.verify()
    if problems:
        lines += ["", "The record does not hold together:", *(f"  {p}" for p in problems)]
    text = "\n".join(lines)
    return text if width is None else "\n".join(filled for line in text.split("\n") for filled in _filled(line, width))


def _fitting(
    header: Sequence[str], rows: Sequence[tuple[list[str], list[str]]], texts: Sequence[int], width: int | None
) -> str:
    # The line of intervals is left out where it would be empty.
    table = text_table(header, [line for pair in rows for line in pair if any(line)], texts)
    if width is None or max(map(len, table.splitlines())) <= width:
        return table
    return cards(header, rows, width)


def _filled(line: str, width: int) -> list[str]:
    indent = "  " if line.startswith("  ") else ""
    return [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=indent)
