"""Two int8 files from one network, recorded once and replayed after; and networks that cannot be trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

from snippets.data.datasets import Dataset, dataset
from snippets.engine import export, graph
from snippets.engine.plan import plan_of
from snippets.engine.providers import session
from snippets.engine.variants import Bench
from snippets.model.mobilenet import mobilenet_v2
from snippets.record import open_run
from snippets.record.run import Run
from snippets.retrain import qat
from snippets.retrain.int8.lesson import Lesson
from tests.snippets.onnx_files import save_onnx

CLASSES = ("cat", "dog", "fish")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A course's own three classes, a few pictures each."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("own")
    dice = np.random.default_rng(0)
    for split in ("training", "validation", "evaluation"):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for number in range(4):
                Image.fromarray(dice.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
                    folder / split / name / f"{number}.png"
                )
    return dataset(folder, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the course's own: a narrow MobileNetV2 of three classes."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.save(mobilenet_v2(3, width=0.25).state_dict(), path)
    return path


def opened(folder: Path, mode: str = "resume") -> Run:
    return open_run("model", notebook="6_retrain", run_id="x", runs=folder, profile="quick", mode=mode, parameters={})


def benched(run: Run, data: Dataset) -> Bench:
    return Bench(run, data.split("evaluation"), replace(plan_of("quick", 1), batch=4), data.fingerprint)


def test_a_course_with_its_own_classes_trains_its_own_network_and_a_replay_reads_it(
    tmp_path: Path, own: Dataset, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(qat.LESSONS, "quick", {8: Lesson(12, 1, 1e-3), 4: Lesson(6, 1, 1e-3)})
    run = opened(tmp_path)
    fp32 = export.ensure_fp32(run, str(weights), CLASSES)
    bench = benched(run, own)
    found = qat.files(bench, fp32, own) | qat.files(bench, fp32, own, bits=4)
    assert list(found) == ["static", "qat", "static-4bit", "qat-4bit"] and qat.missing(bench, fp32) == ""
    learnt = run.record().result("int8/qat/train")
    assert learnt["loss"].shape == (2,) and learnt["images"] == 12 and learnt["largest_difference"] < 0.05
    assert [run.record().result(f"int8/{name}/convert")["bits"] for name in ("static", "static-4bit")][1] == 4
    counts = []
    for path in found.values():
        session(path, threads=1, optimized=tmp_path / "optimized.onnx")
        counts.append(graph.histogram(graph.read_model(tmp_path / "optimized.onnx")))
    assert counts == counts[:1] * 4 and counts[0]["QLinearConv"] == 52
    assert len({path.stat().st_size for path in found.values()}) == 1
    count = len(run.record().steps)
    again = opened(tmp_path, "replay")
    assert qat.files(benched(again, own), fp32, own, bits=4) == {name: found[name] for name in list(found)[2:]}
    assert len(again.record().steps) == count


def named(*places: int) -> dict:
    """What was measured of a file that names these of ten images rightly."""
    return {"predictions": [1 if n in places else 0 for n in range(10)], "labels": [1] * 10}


def test_the_share_that_came_back_counts_images() -> None:
    # Float32 names 0 to 8 rightly, static int8 0 to 4: four lost. Trained, 0 to 6 and 9: three more, of four.
    scored = {"onnx-all": named(*range(9)), "static": named(*range(5)), "qat": named(*range(7), 9)}
    assert qat.came_back(scored).value == pytest.approx(0.75)
    assert qat.right(scored["qat"]) == "8 of 10 right"
    assert {name: round(one.value, 9) for name, one in qat.lost(scored).items()} == {"static": 0.4, "qat": 0.1}
    scored |= {"static-4bit": named(*range(9)), "qat-4bit": named(0)}
    nothing = qat.came_back(scored, bits=4)
    assert np.isnan(nothing.value) and not nothing.bounded


def test_a_network_of_other_operations_is_left_out_with_its_reason(tmp_path: Path, own: Dataset) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Sqrt", ["flat"], ["root"]),
        helper.make_node("Gemm", ["root", "w"], ["logits"]),
    ]
    file = save_onnx(tmp_path / "odd.onnx", nodes, {"w": np.eye(3, dtype=np.float32)}, ("N", 3, 224, 224), ("N", 3))
    run = opened(tmp_path)
    bench = benched(run, own)
    assert qat.files(bench, file, own) == {} == qat.measure(bench, file, {})
    assert "cannot be trained here: Sqrt" in run.record().result("int8/qat/absent")["reason"]
    assert "Sqrt" in run.record().result("int8/qat-4bit/absent")["reason"]
    assert "Sqrt" in qat.missing(benched(opened(tmp_path, "replay"), own), file)


def test_a_network_in_int8_or_a_machine_without_torch_is_left_out(
    tmp_path: Path, own: Dataset, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(tmp_path)
    fp32 = export.ensure_fp32(run, str(weights), CLASSES)
    file = qat.static(run, fp32, own, plan_of("quick", 1))
    assert "int8 already" in qat.absence(run, file)
    monkeypatch.setattr(qat, "find_spec", lambda name: None)
    assert "PyTorch is not installed" in qat.absence(run, fp32)
