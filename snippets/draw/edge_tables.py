"""Tables of the edge lab, as Markdown, from the record's samples alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snippets.draw.tables import interval, markdown_table
from snippets.edge.cold_start import PHASES
from snippets.edge.device import Row


def files(models: Mapping[str, Path], absent: Mapping[str, str]) -> str:
    """The models that are there with their size, and those that are not with the reason."""
    rows = [(name, f"{path.stat().st_size / 1e6:.2f}") for name, path in models.items()]
    rows += [(name, f"absent: {reason}") for name, reason in absent.items()]
    return markdown_table(("model", "size (MB)"), rows, texts=(0, 1))


def verdicts(rows: Sequence[Row]) -> str:
    """Each model on the device: size, threads, latency, accuracy, and the targets that it misses."""
    head = (
        "model",
        "size (MB)",
        "threads",
        "p50 (ms), 95 % interval",
        "p95 (ms)",
        "accuracy, 95 % interval",
        "targets",
    )
    cells = [
        (
            row.variant,
            f"{row.size_mb:.2f}",
            str(row.threads),
            interval(row.p50, 2),
            f"{row.p95_ms:.2f}",
            interval(row.accuracy, 1, "%"),
            "met" if not row.missed else "missed: " + "; ".join(row.missed),
        )
        for row in rows
    ]
    return markdown_table(head, cells, texts=(0, 6))


def cold_starts(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Medians of a model's cold starts: the phases summed and as the parent saw them, the first call, the memory."""
    head = ("model", "sum of the phases (ms)", "seen from outside (ms)", "first inference v. steady", "memory (MB)")
    rows = []
    for variant, result in results.items():
        total = sum(result[f"{phase}_ms"] for phase in PHASES)
        ratio = np.median(result["first_inference_ms"]) / np.median(result["steady_ms"])
        rows.append(
            (
                variant,
                f"{np.median(total):.0f}",
                f"{np.median(result['answered_ms']):.0f}",
                f"{ratio:.1f} times",
                f"{np.median(result['rss_mb'][:, -1]):.0f}",
            )
        )
    return markdown_table(head, rows)
