"""A run of part model with two variants and a service under load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.record.run import Run, open_run


def measured(run: Run, variant: str, p50: float, batch_ms: float, correct: int = 90) -> None:
    spread = np.linspace(-0.1, 0.1, 201)
    run.step(
        f"1_x/{variant}/latency",
        lambda: {"latency_ms": p50 * (1 + spread), "batch": 1, "threads": 1, "provider": "cpu"},
    )
    for batch, factor in ((1, 0.5), (32, 1.0), (64, 0.9)):
        run.step(
            f"1_x/{variant}/throughput-{batch}",
            lambda b=batch, f=factor: {
                "batch_ms": b / 32 * batch_ms / f * (1 + spread),
                "batch": b,
                "threads": 1,
                "provider": "cpu",
            },
            inputs={},
        )
    labels = np.zeros(100, dtype=np.int64)
    run.step(
        f"1_x/{variant}/accuracy",
        lambda: {"predictions": (np.arange(100) >= correct).astype(np.int64), "labels": labels, "split": "evaluation"},
    )
    run.step(f"1_x/{variant}/size", lambda: {"bytes": 9_000_000})


@pytest.fixture
def folder() -> Path:
    run = open_run("model", run_id="quick")
    measured(run, "onnx-all", p50=2.5, batch_ms=30.0)
    measured(run, "eager", p50=60.0, batch_ms=400.0)
    ok = np.ones(50, dtype=bool)
    ok[:2] = False
    run.step("2_y/python/load-8", lambda: {"latency_ms": np.full(50, 12.0), "ok": ok, "clients": 8, "seconds": 2.0})
    return run.folder
