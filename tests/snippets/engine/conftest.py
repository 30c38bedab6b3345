"""A small network for tests of the engines (a convolution, an average over each channel, five numbers), and a bench."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from snippets.data.datasets import Split
from snippets.engine.plan import plan_of
from snippets.engine.variants import Bench
from snippets.measure import blocks
from snippets.record.run import open_run
from tests.snippets.onnx_files import save_onnx


@pytest.fixture(scope="session")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 (N,3,32,32) `input` -> (N,5) `logits`."""
    weights = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "weights"], ["features"], name="conv"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], axis=1, name="flatten"),
    ]
    path = tmp_path_factory.mktemp("small") / "small.onnx"
    return save_onnx(path, nodes, {"weights": weights}, ("N", 3, 32, 32), ("N", 5))


@pytest.fixture
def bench() -> Bench:
    """Six black images of two classes, three whole batches of two, on one thread."""
    images = np.zeros((6, 224, 224, 3), dtype=np.uint8)
    split = Split(images, np.array([0, 1] * 3), tuple("abcdef"), ())
    plan = replace(plan_of("quick", threads=1), evaluation=0, batch=2)
    return Bench(open_run("model", run_id="t"), split, plan, "fingerprint")


@pytest.fixture(autouse=True)
def rounds_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compared here: rounds need not lie apart."""
    monkeypatch.setattr(blocks, "APART_S", 0.0)
