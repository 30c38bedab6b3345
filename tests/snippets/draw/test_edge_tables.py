"""The edge lab's tables say what was measured, and why there is nothing where there is nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snippets.decide.targets import Verdict
from snippets.draw import edge_tables
from snippets.edge.device import Row
from snippets.stats import Estimate


def rows(table: str) -> list[str]:
    return table.splitlines()[2:]


def test_models_have_sizes_and_absent_ones_a_reason(tmp_path: Path) -> None:
    (tmp_path / "fp32.onnx").write_bytes(bytes(2_500_000))
    table = edge_tables.files({"fp32": tmp_path / "fp32.onnx"}, {"dynamic": "not made"})
    assert rows(table) == ["| fp32 | 2.50 |", "| dynamic | absent: not made |"]


def test_a_verdict_names_what_was_missed() -> None:
    p95, lost, nothing = Estimate(1.8, 1.7, 2.0), Estimate(0.02, -0.01, 0.05), Estimate(0.0, 0.0, 0.0)
    good = Row("aggressive", 2.4, 2, Estimate(1.5, 1.4, 1.6), p95, Estimate(0.9, 0.8, 0.95), lost, Verdict())
    missed = Verdict(missed=("9.10 MB, not below 5",))
    bad = Row("fp32", 9.1, 1, Estimate(9.0, 8.0, 10.0), None, Estimate(0.92, 0.85, 0.96), nothing, missed)
    first, second = rows(edge_tables.measured([good, bad]))
    figures = "2.40 | 2 | 1.50 (1.40 to 1.60) | 1.80 | 90.0% (80.0% to 95.0%) | 2.0 (-1.0 to 5.0)"
    assert first == f"| aggressive | {figures} |"
    assert "| too few samples |" in second and "missed" not in second
    assert rows(edge_tables.verdicts([good, bad])) == [
        "| aggressive | met |",
        "| fp32 | missed: 9.10 MB, not below 5 |",
    ]


def test_a_cold_start_is_divided_into_phases_that_cover_what_was_seen_from_outside() -> None:
    start = {
        "process_ms": np.array([20.0, 22.0, 21.0]),
        "libraries_ms": np.full(3, 60.0),
        "model_ms": np.full(3, 15.0),
        "first_inference_ms": np.full(3, 8.0),
        "steady_ms": np.full(3, 4.0),
        # The phases sum to 103, 105 and 104 ms: 100 %, 100 % and 50 %.
        "answered_ms": np.array([103.0, 105.0, 208.0]),
        "rss_mb": np.tile([10.0, 50.0, 60.0, 70.0], (3, 1)),
    }
    assert rows(edge_tables.cold_starts({"fp32": start})) == [
        "| fp32 | 21.0 | 60.0 | 15.0 | 8.0 | 100% | 2.0 times | 70 |"
    ]
