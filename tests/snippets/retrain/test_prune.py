"""From the run's weights to pruned files: recorded once, replayed after, for a course's own classes too, or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from snippets import stats
from snippets.data.datasets import Dataset
from snippets.engine import export
from snippets.engine.plan import plan_of
from snippets.engine.variants import Bench
from snippets.measure.latency import Latency
from snippets.model.mobilenet import mobilenet_v2
from snippets.record import open_run
from snippets.retrain import prune
from snippets.retrain.prune import Lesson


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prune.LESSONS, "quick", Lesson(6, 1, 3))


def opened(runs: Path, data: Dataset, mode: str = "resume") -> Bench:
    run = open_run("model", notebook="6_retrain", run_id="x", runs=runs, profile="quick", mode=mode, parameters={})
    return Bench(run, data.split("evaluation"), plan_of("quick", 1), data.fingerprint)


@pytest.mark.usefixtures("short")
def test_a_courses_own_network_is_pruned_and_what_is_left_is_counted_in_the_files(
    tmp_path: Path, own_classes: Dataset
) -> None:
    torch.manual_seed(0)
    weights = str(tmp_path / "pets.pth")
    torch.save(mobilenet_v2(3, 0.25).state_dict(), weights)
    bench = opened(tmp_path, own_classes)
    fp32 = export.ensure_fp32(bench.run, weights, own_classes.classes)
    files = prune.files(bench, fp32, weights, own_classes)
    counts = prune.counts(bench, fp32, files)
    assert list(files) == list(prune.NAMES) and list(counts) == ["onnx-all", *prune.NAMES]
    shares = {name: one["zeros"] / one["weights"] for name, one in counts.items()}
    assert shares == pytest.approx({"onnx-all": 0.0, "zeros-50": 0.5, "zeros-80": 0.8, "channels-50": 0.0}, abs=0.01)
    whole = counts["onnx-all"]
    for name in prune.ZEROS:
        assert counts[name]["multiply_adds"] == whole["multiply_adds"] > counts[name]["useful"]
        assert counts[name]["loaded_bytes"] == whole["loaded_bytes"]
    assert counts["zeros-80"]["zip_bytes"] < counts["zeros-50"]["zip_bytes"] < 0.7 * whole["zip_bytes"]
    assert 0.4 < counts["channels-50"]["multiply_adds"] / whole["multiply_adds"] < 0.75
    trained = bench.run.record().result("prune/channels-50/train")
    assert trained["images"] == 6 and all(count % 16 == 0 for count in trained["channels"])
    steps = len(bench.run.record().steps)
    again = opened(tmp_path, own_classes, "replay")
    assert prune.counts(again, fp32, prune.files(again, fp32, weights, own_classes))["zeros-80"]["zeros"] > 0
    assert prune.options(again, fp32, weights, own_classes) == {"channels-50": files["channels-50"]}
    assert len(bench.run.record().steps) == steps


def test_an_onnx_file_is_not_pruned_and_the_record_says_why(tmp_path: Path, own_classes: Dataset) -> None:
    bench = opened(tmp_path, own_classes)
    assert "ONNX file" in prune.missing(bench, "theirs.onnx")
    assert prune.files(bench, Path("fp32.onnx"), "theirs.onnx", own_classes) == {}
    assert prune.counts(bench, Path("fp32.onnx"), {}) == prune.measure(bench, Path("fp32.onnx"), {}) == {}
    assert prune.options(bench, Path("fp32.onnx"), "theirs.onnx", own_classes) == {}
    assert bench.run.record().names() == ("prune/absent",)
    assert prune.missing(opened(tmp_path, own_classes, "replay"), "theirs.onnx").startswith(
        "the weights are an ONNX file"
    )


def test_what_remains_is_a_share_of_the_whole_and_the_latency_has_its_interval() -> None:
    whole = dict.fromkeys(("multiply_adds", "useful", "loaded_bytes", "bytes", "zip_bytes"), 200)
    counts = {"onnx-all": whole, "zeros-80": whole | {"useful": 50, "zip_bytes": 60}}
    rounds = np.repeat(np.arange(1, 6), 2)
    times = {
        name: Latency.of({"latency_ms": np.full(10, ms), "rounds": rounds, "group": "prune", "slow": []})
        for name, ms in {"onnx-all": 4.0, "zeros-80": 4.0}.items()
    }
    left = prune.remains(counts, times)
    assert {what: found["zeros-80"].value for what, found in left.items()} == pytest.approx(
        {"multiplications": 1, "those by no zero": 0.25, "latency": 1, "weights in memory": 1, "file": 1, "zipped": 0.3}
    )
    assert isinstance(left["latency"]["zeros-80"], stats.Estimate) and all(
        "onnx-all" not in one for one in left.values()
    )
