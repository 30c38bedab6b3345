"""The GPU's ladder: left out with its reason where there is no GPU, and read from a record anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from grading.report.tables import kernel_rows
from snippets.errors import RecordError
from snippets.kernel import gpu_ladder
from snippets.kernel.gpu_ladder import GpuLadder
from snippets.record.run import Run, open_run

needs_none = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


def run(runs: Path, mode: str = "resume") -> Run:
    return open_run("model", notebook="0_kernel", run_id="t", runs=str(runs), mode=mode, parameters={})


@needs_none
def test_without_a_gpu_the_reason_is_recorded_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert GpuLadder(run(tmp_path)).missing == "PyTorch sees no CUDA GPU here"
    monkeypatch.setattr(gpu_ladder, "absence", lambda: "")  # replayed where there is one
    assert GpuLadder(run(tmp_path, "replay")).missing == "PyTorch sees no CUDA GPU here"


def test_a_run_from_before_this_ladder_is_replayed_without_it(tmp_path: Path) -> None:
    run(tmp_path).step("kernel/limits", lambda: {"threads": 1})
    assert GpuLadder(run(tmp_path, "replay")).missing == "it was not recorded"


def test_a_rung_that_is_wrong_or_cannot_be_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(rung: str, side: int) -> float:
        if rung == "tiles in shared memory":
            raise RuntimeError("no kernel image\nis available")
        return {"naive": 1e-6, "coalesced": 0.5}.get(rung, float("nan"))

    monkeypatch.setattr(gpu_ladder, "relative_error", error)
    steps = GpuLadder(run(tmp_path))
    assert list(steps.turns.entrants) == ["naive"]
    assert steps.left_out()[:2] == [
        "coalesced is left out: its product is wrong by 0.5 (float32 allows 1e-05)",
        "tiles in shared memory is left out: no kernel image",
    ]
    assert steps.examined["library"] == {
        "error": None,
        "why": "its product is wrong by nan (float32 allows 1e-05)",
    }


def test_rates_count_two_operations_for_each_multiplication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of a hand-made clock's length can't be had; here the calls are real and the rate is their own median's."""
    monkeypatch.setattr(gpu_ladder, "relative_error", lambda rung, side: 0.0)
    monkeypatch.setattr(gpu_ladder, "loaded", lambda rung, side: lambda: sum(range(1000)))
    monkeypatch.setattr(gpu_ladder.blocks, "APART_S", 0.0)
    steps = GpuLadder(run(tmp_path), side=128)
    steps.turns.take_all(2)
    milliseconds: Any = steps.turns.latencies()["library"].p50()
    assert steps.rates()["library"].value == pytest.approx(2 * 128**3 / (milliseconds.value / 1e3) / 1e9)
    # a, b and c, 128 x 128 numbers of 4 and of 2 bytes, moved once: 2 * 128 / 12 and 2 * 128 / 6 operations a byte.
    assert steps.points()["library"][0] == pytest.approx(21.333, abs=1e-3)
    assert run(tmp_path).record().result("gpu-kernel/rungs")["library"] == {
        "step": "gpu-kernel/library/latency",
        "flop": 2 * 128**3,
    }
    assert list(steps.rates()) == list(gpu_ladder.RUNGS)
    rows = [figures for figures, _ in kernel_rows(run(tmp_path).record())]
    assert {row[0] for row in rows} == {f"GPU: {rung}" for rung in gpu_ladder.RUNGS}
    assert [float(row[2]) for row in rows] == sorted(float(row[2]) for row in rows)
    assert steps.points()["library, float16"][0] == pytest.approx(42.667, abs=1e-3)


def test_a_replay_without_the_rungs_names_what_is_missing(tmp_path: Path) -> None:
    run(tmp_path).step("kernel/limits", lambda: {"threads": 1})
    with pytest.raises(RecordError, match="gpu-kernel/examined"):
        _ = GpuLadder(run(tmp_path, "replay")).examined
