"""A run of part model with a prediction, a measurement and an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.questions import ask
from snippets.record.run import Run, open_run


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    run = open_run("model", notebook="2_graph", runs=tmp_path / "runs")
    ask(run, "model.graph.layout", answer=["all", 0.7])
    samples = np.random.default_rng(1).normal(8, 0.5, 120)
    run.step("graph/all/latency", lambda: {"latency_ms": samples, "batch": 1}, inputs={})
    ask(run, "model.graph.gain", answer=2.5)
    return run
