"""A cold start is a fresh process whose phases add up, and a model that cannot be loaded is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.draw import edge_charts
from snippets.edge import cold_start
from snippets.errors import ModelError, RunTimeout


def test_phases_of_a_cold_start_add_up_to_what_the_parent_saw(kit: Path) -> None:
    result = cold_start.cold_starts(kit / "fp32.onnx", threads=1, repeats=2)
    total = sum(result[f"{phase}_ms"] for phase in cold_start.PHASES)
    assert total.shape == (2,) and all(np.all(result[f"{phase}_ms"] > 0) for phase in cold_start.PHASES)
    assert np.all(total <= result["answered_ms"])
    # What is left is the line that says "answered" on its way through the pipe.
    assert np.all(result["answered_ms"] - total < 0.5 * result["answered_ms"])
    assert result["rss_mb"].shape == (2, 4) and np.all(np.diff(result["rss_mb"][:, :3], axis=1) > 0)
    assert edge_charts.cold_start({"fp32": result}).axes


def test_a_broken_model_fails_its_cold_start_by_name(tmp_path: Path) -> None:
    (tmp_path / "half.onnx").write_bytes(b"half a model")
    with pytest.raises(ModelError, match="half.onnx"):
        cold_start.cold_starts(tmp_path / "half.onnx", threads=1, repeats=1)


def test_a_start_that_takes_too_long_is_ended_and_named(kit: Path) -> None:
    with pytest.raises(RunTimeout, match="fp32.onnx was not done"):
        cold_start.cold_starts(kit / "fp32.onnx", threads=1, repeats=1, limit_s=0.01)
