"""The edge lab's measurements on a toy model: kit, latency, table, cold start, the server's side."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snippets.decide.targets import Target
from snippets.draw import edge_charts
from snippets.edge import bundle, cold_start, device, server_latency
from snippets.errors import DataError, ModelError, RecordError, UsageError
from snippets.record.run import Run, open_run
from tests.snippets.servers import save_toy_onnx


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit as the laptop makes it: a model, once more under another name, and 12 photos of three plain colours."""
    folder = tmp_path_factory.mktemp("kit")
    save_toy_onnx(folder / "fp32.onnx")
    shutil.copyfile(folder / "fp32.onnx", folder / "aggressive.onnx")
    labels = np.arange(12) % 3
    photos = np.zeros((12, 224, 224, 3), dtype=np.uint8)
    for index, label in enumerate(labels):
        photos[index, ..., label] = 255
    np.savez(folder / bundle.PHOTOS_FILE, photos=photos, labels=labels)
    return folder


def measured(run: Run, kit: str, photos: int = 6) -> bundle.Kit:
    """Kit and the steps that the table is made of."""
    files = bundle.gather(run, kit=kit, photos=photos)
    for variant, model in files.models.items():
        for threads in (1, 2):
            run.step(
                f"edge/{variant}-threads-{threads}/latency",
                lambda m=model, t=threads: device.photo_latency(m, files.photos(), threads=t, profile="quick"),
                inputs={"model": model, "threads": threads, "photos": files.fingerprint},
            )
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
    assert all(len(row.missed) == 1 and "MB" in row.missed[0] for row in rows)
    assert all(row.p95_ms >= row.p50.value > 0 and row.threads in (1, 2) for row in rows)
    for figure in (edge_charts.latency_and_size(run.record()), edge_charts.threads(run.record())):
        assert figure.axes


def test_other_photos_are_another_step(kit: Path) -> None:
    run = open_run("edge", run_id="t")
    assert len(measured(run, str(kit), photos=6).labels) == 6
    steps = len(run.record().steps)
    assert len(measured(run, str(kit), photos=6).labels) == 6
    assert len(run.record().steps) == steps
    assert len(measured(run, str(kit), photos=12).labels) == 12
    assert len(run.record().steps) > steps


def test_models_of_part_1_are_taken_when_there_is_no_kit(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part_1 = open_run("model", run_id="quick")
    shutil.copyfile(kit / "fp32.onnx", part_1.models / "fp32.onnx")
    part_1.step("export/fp32/size", lambda: {"bytes": 1}, inputs={})
    with np.load(kit / bundle.PHOTOS_FILE) as held:
        photos = held["photos"], held["labels"]
    monkeypatch.setattr(bundle, "read_photos", lambda *_: photos)
    files = bundle.gather(open_run("edge", run_id="t"))
    assert files.models["fp32"].read_bytes() == (kit / "fp32.onnx").read_bytes()
    assert "servelab run model" in files.absent["dynamic"]


def test_missing_pieces_are_named_with_their_remedy(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="python -m snippets.edge.bundle"):
        bundle.gather(open_run("edge", run_id="a"), kit=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no fp32.onnx"):
        bundle.gather(open_run("edge", run_id="b"), kit=str(tmp_path / "empty"))
    shutil.copyfile(kit / "fp32.onnx", tmp_path / "empty" / "fp32.onnx")
    with pytest.raises(DataError, match="Make the kit again"):
        bundle.gather(open_run("edge", run_id="c"), kit=str(tmp_path / "empty"))
    with pytest.raises(RecordError, match="1_latency"):
        device.by_threads(open_run("edge", run_id="d").record(), "fp32")


def test_photos_are_spread_over_the_whole_split(kit: Path) -> None:
    photos, labels = bundle.read_photos(str(kit), "", 3)
    assert photos.shape == (3, 224, 224, 3) and list(labels) == [0, 0, 2]
    assert len(bundle.read_photos(str(kit), "", 999)[1]) == 12


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


def test_the_server_is_part_1s_fastest_single_sample_step() -> None:
    part_1 = open_run("model", run_id="quick")
    for name, factor in (("baseline/eager/latency", 9.0), ("providers/openvino/latency", 2.0)):
        part_1.step(
            name,
            lambda factor=factor: {"latency_ms": np.full(5, factor), "batch": 1, "threads": 2, "provider": "cpu"},
            inputs={},
        )
    found = server_latency.fastest_option("", 0.0)
    assert found["source"] == "Part 1, providers/openvino/latency" and np.median(found["latency_ms"]) == 2.0
    assert server_latency.fastest_option("", 7.5)["latency_ms"].tolist() == [7.5]


def test_without_part_1_the_managers_target_stands_in_and_says_so() -> None:
    found = server_latency.fastest_option("", 0.0)
    assert found["latency_ms"].tolist() == [3.0] and "target" in found["source"]
    with pytest.raises(UsageError):
        server_latency.fastest_option("", -1.0)


def test_thread_counts_stop_at_the_cores() -> None:
    assert device.thread_counts(4) == [1, 2, 3, 4]
    assert device.thread_counts()[0] == 1 and len(device.thread_counts()) <= device.MAX_THREADS


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
