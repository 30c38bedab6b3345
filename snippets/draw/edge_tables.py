"""Tables of the edge lab, as Markdown, from the record's samples alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snippets.draw.tables import interval, markdown_table
from snippets.edge.browser import results
from snippets.edge.browser.page import PHASES as PAGE_PHASES
from snippets.edge.cold_start import PHASES
from snippets.edge.device import Row
from snippets.record.read import Record
from snippets.stats import scaled


def files(models: Mapping[str, Path], absent: Mapping[str, str]) -> str:
    """The models that are there with their size, and those that are not with the reason."""
    rows = [(name, f"{path.stat().st_size / 1e6:.2f}") for name, path in models.items()]
    rows += [(name, f"absent: {reason}") for name, reason in absent.items()]
    return markdown_table(("model", "size (MB)"), rows, texts=(0, 1))


def measured(rows: Sequence[Row]) -> str:
    """Each model on the device: size, threads, latency, accuracy."""
    head = (
        "model",
        "size (MB)",
        "threads",
        "p50 (ms), 95 % interval",
        "p95 (ms)",
        "accuracy, 95 % interval",
        "points lost to fp32",
    )
    cells = [
        (
            row.variant,
            f"{row.size_mb:.2f}",
            str(row.threads),
            interval(row.p50, 2),
            f"{row.p95_ms.value:.2f}" if row.p95_ms else "too few samples",
            interval(row.accuracy, 1, "%"),
            "" if row.variant == "fp32" else interval(scaled(row.lost, 100), 1),
        )
        for row in rows
    ]
    return markdown_table(head, cells)


def verdicts(rows: Sequence[Row]) -> str:
    """Which targets each model meets or misses."""
    return markdown_table(("model", "targets"), [(row.variant, str(row.verdict)) for row in rows], texts=(0, 1))


def cold_starts(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Medians of a model's cold starts: each phase, their share of what the parent saw, the first call, the memory."""
    head = (
        "model",
        *(f"{phase.replace('_', ' ')} (ms)" for phase in PHASES),
        "phases of what was seen from outside",
        "first inference v. steady",
        "memory (MB)",
    )
    rows = []
    for variant, result in results.items():
        covered = np.median(sum(result[f"{phase}_ms"] for phase in PHASES) / result["answered_ms"])
        ratio = np.median(result["first_inference_ms"]) / np.median(result["steady_ms"])
        rows.append(
            (
                variant,
                *(f"{np.median(result[f'{phase}_ms']):.1f}" for phase in PHASES),
                f"{covered:.0%}",
                f"{ratio:.1f} times",
                f"{np.median(result['rss_mb'][:, -1]):.0f}",
            )
        )
    return markdown_table(head, rows)


def in_browser(record: Record) -> str:
    """Each model in the browser beside native ONNX Runtime: times, how many times slower, whether both see the same."""
    head = (
        "model",
        "threads",
        "browser p50 (ms), 95 % interval",
        "native p50 (ms), 95 % interval",
        "times as long, 99 % interval",
        "same class",
        "accuracy, 95 % interval",
        "points lost to native",
    )
    rows = [
        (
            row.variant,
            str(row.threads),
            interval(row.browser, 2),
            interval(row.native, 2) if row.native else "not this device's",
            interval(row.slower.ratio, 2) if row.slower else "-",
            "-" if row.same is None else f"{row.same * row.photos:.0f} of {row.photos}",
            interval(row.accuracy, 1, "%"),
            interval(scaled(row.lost, 100), 1) if row.lost else "-",
        )
        for row in results.rows(record)
    ]
    return markdown_table(head, rows)


def browser_starts(record: Record) -> str:
    """Medians of a first visit's phases in the browser, and what a photo takes afterwards."""
    head = (
        "model",
        *(f"{phase.replace('_', ' ')} (ms)" for phase in PAGE_PHASES),
        "together (ms)",
        "then a photo (ms)",
    )
    rows = [
        (
            row.variant,
            *(f"{row.phases_ms[phase]:.0f}" for phase in PAGE_PHASES),
            f"{row.start_ms:.0f}",
            f"{row.browser.value:.1f}",
        )
        for row in results.rows(record)
    ]
    return markdown_table(head, rows)
