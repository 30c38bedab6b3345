"""What is read of a browser's steps, on numbers that pencil and paper can follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.edge.browser import results
from snippets.errors import RecordError
from snippets.record.read import Record
from snippets.record.run import open_run

FACTS = {"user_agent": "A Browser 1.0", "version": "1.24.3", "cores": 2, "threads": 2, "isolated": True}


def in_rounds(ms: float) -> dict[str, Any]:
    """Five rounds of one sample."""
    return {"latency_ms": np.full(5, ms), "rounds": np.arange(1, 6), "group": "browser", "slow": [], "repeated": 0}


def record(folder: Path, steps: dict[str, Any]) -> Record:
    run = open_run("edge", run_id="t", runs=folder)
    for name, result in steps.items():
        run.step(name, dict, result, inputs={"name": name})
    return run.record()


def steps(remote: bool) -> dict[str, Any]:
    """fp32: 60 ms in the page (100 with one thread), 20 natively; of four photos one gets another class in the page."""
    labels = np.array([0, 1, 2, 0])
    phases = {"fetch": 40.0, "runtime": 180.0, "model": 90.0, "first_inference": 90.0}
    made = {
        "browser/facts": {**FACTS, "webgpu": False, "resolution_ms": 0.005, "remote": remote},
        "browser/wasm-fp32/start": {f"{name}_ms": np.array([3 * ms, ms, ms / 2]) for name, ms in phases.items()},
        "browser/wasm-fp32-threads-2/latency": in_rounds(60.0),
        "browser/wasm-fp32-threads-1/latency": in_rounds(100.0),
        "browser/wasm-fp32/accuracy": {"predictions": np.array([0, 1, 2, 1]), "labels": labels},
    }
    if not remote:
        made["browser/native-fp32-threads-2/latency"] = in_rounds(20.0)
        made["browser/native-fp32/accuracy"] = {"predictions": labels, "labels": labels}
    return made


def test_beside_the_native_runtime(tmp_path: Path) -> None:
    (row,) = results.rows(record(tmp_path, steps(remote=False)))
    assert row.slower is not None and row.slower.ratio.value == pytest.approx(3.0)
    assert row.same == 0.75 and row.lost is not None and row.lost.value == pytest.approx(0.25)
    assert row.browser.value == pytest.approx(60) and row.one_thread is not None
    assert row.one_thread.value == pytest.approx(100)
    assert row.start_ms == 400.0 and row.photos == 4


def test_a_terminal_gets_short_lines(tmp_path: Path) -> None:
    both, alone = (
        results.summary(record(tmp_path / str(remote), steps(remote))).splitlines() for remote in (False, True)
    )
    assert both == [
        "fp32, threads: 2",
        "  in the browser  60.00 (60.00 to 60.00) ms",
        "  natively        20.00 (20.00 to 20.00) ms",
        "  times as long   3.00 (3.00 to 3.00)",
        "  75.0 % of 4 photos right, 3 as natively",
    ]
    assert alone == [both[0], both[1], "  75.0 % of 4 photos right"]
    assert all(len(line) <= 60 for line in both)


def test_of_another_device_there_is_nothing_beside_it(tmp_path: Path) -> None:
    (row,) = results.rows(record(tmp_path, steps(remote=True)))
    assert row.native is row.slower is row.same is row.lost is None
    assert row.accuracy.value == 0.75


def test_of_one_core_there_is_no_single_thread_beside_it(tmp_path: Path) -> None:
    made = steps(remote=False)
    del made["browser/wasm-fp32-threads-1/latency"]
    (row,) = results.rows(record(tmp_path, made))
    assert row.one_thread is None


def test_without_a_browser_it_is_said_why(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nobody has opened the page yet"):
        results.rows(record(tmp_path / "a", {"x": {}}))
    with pytest.raises(RecordError, match="nothing of a browser: no Chromium"):
        results.rows(record(tmp_path / "b", {"browser/absent": {"reason": "no Chromium"}}))
    with pytest.raises(RecordError, match="holds no browser/native-fp32-threads-9/latency"):
        results.latency(record(tmp_path / "c", steps(remote=True)), "native", "fp32", 9)


def test_the_browser_is_told_in_words(tmp_path: Path) -> None:
    text = results.told(record(tmp_path, steps(remote=False)))
    assert text.startswith(
        "A Browser 1.0\nonnxruntime-web 1.24.3, 2 cores, 2 thread(s) for a model; its clock tells times"
    )
    made = steps(remote=True)
    made["browser/facts"] |= {"isolated": False, "webgpu": True}
    text = results.told(record(tmp_path / "b", made))
    assert "not cross-origin isolated" in text and "WebGPU is offered" in text
