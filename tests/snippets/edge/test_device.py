"""The edge lab's measurements on a toy model: kit, latency, table, cold start, the server's side."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from snippets.decide.targets import Target
from snippets.draw import edge_charts
from snippets.edge import bundle, device
from snippets.record.run import Run, open_run


def measured(run: Run, kit: str, photos: int = 6) -> bundle.Kit:
    """Kit and the steps that the table is made of."""
    files = bundle.gather(run, kit=kit, photos=photos)
    turns = device.turns(run, files.models, files.photos, files.fingerprint, profile="quick")
    turns.take_all(2)
    turns.latencies()
    for variant, model in files.models.items():
        run.step(
            f"edge/{variant}/accuracy",
            lambda m=model: device.classify(m, files.photos(), files.labels, threads=1),
            inputs={"model": model, "photos": files.fingerprint},
        )
    return files


def test_a_kit_is_measured_and_replayed_without_the_kit(kit: Path, tmp_path: Path) -> None:
    moved = tmp_path / "kit"
    shutil.copytree(kit, moved)
    first = measured(open_run("edge", run_id="t"), str(moved))
    assert set(first.models) == {"fp32", "aggressive"} and set(first.absent) == {"dynamic", "conservative"}
    assert len(first.labels) == 6
    shutil.rmtree(moved)
    run = open_run("edge", run_id="t", mode="replay")
    again = measured(run, str(moved))
    assert again.fingerprint == first.fingerprint and again.models == first.models
    rows = device.verdicts(run.record(), Target("toy", "toy", p50_ms_below=1e6, size_mb_below=1e-6))
    assert [row.variant for row in rows] == ["fp32", "aggressive"]
    assert all(row.accuracy.value == 1.0 for row in rows)
    assert all(len(row.verdict.missed) == 1 and "MB" in row.verdict.missed[0] for row in rows)
    assert all(row.p50.value > 0 and row.lost.value == 0 and row.threads in (1, 2) for row in rows)
    for figure in (edge_charts.latency_and_size(run.record()), edge_charts.threads(run.record())):
        assert figure.axes


def test_models_take_turns_with_every_number_of_threads(kit: Path) -> None:
    run = open_run("edge", run_id="t")
    models = {name: kit / f"{name}.onnx" for name in ("fp32", "aggressive")}
    photos = np.zeros((3, 224, 224, 3), dtype=np.uint8)
    turns = device.turns(run, models, lambda: photos, "photos", profile="quick")
    turns.take_all(2)
    expected = {
        f"{model}-threads-{threads}" for model in models for threads in device.thread_counts(run.record().cores())
    }
    assert set(turns.latencies()) == expected
    by_threads = device.by_threads(run.record(), "aggressive")
    assert list(by_threads) == device.thread_counts(run.record().cores())
    assert all(sorted(one.medians) == [1, 2] for one in by_threads.values())


def test_a_record_made_before_there_were_blocks_is_read(kit: Path) -> None:
    run = open_run("edge", run_id="t")
    for threads, ms in ((1, 9.0), (2, 5.0)):
        run.step(f"edge/fp32-threads-{threads}/latency", lambda ms=ms: {"latency_ms": np.full(9, ms)}, inputs={"t": ms})
    threads, latency = device.fastest_threads(run.record(), "fp32")
    assert (threads, latency.p50().value, latency.rounds) == (2, 5.0, None)


def test_other_photos_are_another_step(kit: Path) -> None:
    run = open_run("edge", run_id="t")
    assert len(measured(run, str(kit), photos=6).labels) == 6
    steps = len(run.record().steps)
    assert len(measured(run, str(kit), photos=6).labels) == 6
    assert len(run.record().steps) == steps
    assert len(measured(run, str(kit), photos=12).labels) == 12
    assert len(run.record().steps) > steps


def test_thread_counts_stop_at_the_cores_and_at_four() -> None:
    assert device.thread_counts(1) == [1] and device.thread_counts(3) == [1, 2, 3]
    assert device.thread_counts(64) == [1, 2, 3, 4]


def test_measuring_modules_need_only_what_a_pi_has(root: Path) -> None:
    """Import them with torch, Pillow, FastAPI and all else hidden."""
    code = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "PIL", "onnx", "fastapi", "httpx", "pydantic", "psutil", "matplotlib"}:
            raise ImportError(name + " is not on a Pi")
sys.meta_path.insert(0, Hidden())
import snippets.edge.device, snippets.edge.bundle, snippets.edge.soak
import snippets.edge.board, snippets.edge.cold_start, snippets.edge.crossover
import snippets.edge.server_latency, snippets.record.run, snippets.draw.edge_charts, snippets.engine.providers
import grading.questions
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
