"""Part 1 runs from one call, and what it measured relates as it must on this hardware, whatever the milliseconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.questions import questions
from reserve.run.here import run_parts
from reserve.run.options import RunOptions
from snippets import stats
from snippets.quantize import search
from snippets.record.run import Record, load_record

LEVELS = ("none", "basic", "extended", "all")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """The five notebooks, run once in the quick profile on a quarter of the evaluation split, and replayed once."""
    runs = tmp_path_factory.mktemp("runs")
    (first,) = run_parts("model", RunOptions(params=("images=165",), runs=runs), lambda line: None)
    (again,) = run_parts("model", RunOptions(params=("images=165",), runs=runs, mode="replay"), lambda line: None)
    return first, again


@pytest.fixture(scope="module")
def record(finished) -> Record:
    return load_record(finished[0].folder)


def accuracy(record: Record, name: str) -> float:
    found = record.result(f"{name}/accuracy")
    return stats.accuracy(found["predictions"], found["labels"]).value


def size(record: Record, name: str) -> int:
    return record.result(f"{name}/size")["bytes"]


def test_all_notebooks_ran_and_a_replay_measures_nothing(finished, record: Record) -> None:
    first, again = finished
    assert first.measured == len(record.steps) and again.measured == 0 and again.replayed >= first.measured
    assert len(list((first.folder / "notebooks").glob("*.ipynb"))) == 5
    assert record.verify() == []


def test_every_question_refers_to_steps_that_were_measured(record: Record) -> None:
    names = set(record.names())
    missing = {step for question in questions("model") for step in question.steps if step not in names}
    assert {m for m in missing if "cuda" not in m and "tensorrt" not in m} == set()


def test_the_shipped_model_names_about_nine_of_ten_rightly(record: Record) -> None:
    assert 0.85 <= accuracy(record, "graph/onnx-all") <= 0.97


def test_eager_compiled_and_every_graph_level_give_the_same_predictions(record: Record) -> None:
    base = record.result("graph/onnx-none/accuracy")["predictions"]
    others = [*(f"graph/onnx-{level}" for level in LEVELS[1:]), "baseline/eager", "providers/openvino"]
    if "baseline/compiled/accuracy" in record.names():
        others.append("baseline/compiled")
    for name in others:
        assert np.mean(record.result(f"{name}/accuracy")["predictions"] == base) > 0.99, name


def test_the_export_gives_the_same_logits(record: Record) -> None:
    assert record.result("export/fp32/size")["largest_difference"] < 1e-3


def test_each_level_removes_or_fuses_and_the_layout_comes_last(record: Record) -> None:
    levels = record.result("graph/levels")
    nodes = [levels[level]["nodes"] for level in LEVELS]
    assert nodes[0] > nodes[1] > nodes[2]
    assert levels["none"]["histogram"].get("BatchNormalization", 0) >= levels["basic"]["histogram"].get(
        "BatchNormalization", 0
    )
    assert levels["basic"]["constant_nodes"] <= levels["none"]["constant_nodes"]
    layouts = {level: any("NCHWc" in name for name in levels[level]["histogram"]) for level in LEVELS}
    assert layouts == {"none": False, "basic": False, "extended": False, "all": True}


def test_dynamic_quantization_is_a_quarter_of_the_size(record: Record) -> None:
    assert 0.22 < size(record, "quantize/dynamic") / size(record, "graph/onnx-all") < 0.32


def chosen(record: Record, name: str) -> dict:
    """The search step of the candidate that was chosen."""
    return record.result(f"quantize/search/{record.result(f'quantize/{name}/choose')['candidate']}.onnx")


@pytest.mark.parametrize(("name", "criterion"), [("aggressive", 0.05), ("conservative", 0.01)])
def test_a_chosen_file_keeps_its_criterion_or_the_images_do_not_decide(
    record: Record, name: str, criterion: float
) -> None:
    trial, expected = chosen(record, name), record.result("quantize/reference")["predictions"]
    loss = stats.accuracy_loss(trial["predictions"], expected, trial["labels"])
    assert loss.value <= criterion + 1e-9 and search.verdict(loss, criterion) in ("kept", "not decided")
    # On the evaluation split chance is added to the criterion of the validation split.
    assert accuracy(record, "graph/onnx-all") - accuracy(record, f"quantize/{name}") < 0.12


def test_the_conservative_file_is_a_real_int8_model_that_fits_a_phone(record: Record) -> None:
    found = chosen(record, "conservative")["coverage"]["Conv"]
    assert found["float32"] < found["total"] / 2
    assert record.result("quantize/profile-conservative")["nodes"]["QLinearConv"] > found["total"] / 2
    assert size(record, "quantize/conservative") < 5e6


def test_the_layers_left_in_float32_are_those_of_the_worst_part(record: Record) -> None:
    scan, tried = (
        record.result("quantize/sensitivity"),
        record.result("quantize/search/2-sensitive-layers-in-float32.onnx"),
    )
    assert scan["errors"] == sorted(scan["errors"], reverse=True)
    # MobileNetV2's last convolution and classifier are large; two early layers would weigh next to nothing.
    assert tried["coverage"]["Gemm"]["float32"] == 1 and tried["bytes"] > 3.5e6


def test_equalizing_makes_every_place_between_blocks_more_even(record: Record) -> None:
    even = record.result("quantize/equalize")
    pairs = list(zip(even["uneven_before"], even["uneven_after"], strict=True))
    assert len(pairs) == 7 and all(after < before / 2 for before, after in pairs)


def test_dynamic_int8_costs_accuracy_and_the_conservative_file_next_to_none(record: Record) -> None:
    dynamic, conservative, fp32 = (
        accuracy(record, name) for name in ("quantize/dynamic", "quantize/conservative", "graph/onnx-all")
    )
    assert dynamic < fp32 - 0.02 and dynamic < conservative
    assert abs(conservative - fp32) < 0.03


def test_dynamic_is_smaller_yet_slower_than_static(record: Record) -> None:
    dynamic = stats.median(record.result("quantize/dynamic/latency")["latency_ms"]).value
    static = stats.median(record.result("quantize/aggressive/latency")["latency_ms"]).value
    assert dynamic > static
    profile = record.result("quantize/profile-dynamic")["milliseconds"]
    assert profile["ConvInteger"] > record.result("quantize/profile-float32")["milliseconds"]["Conv"]


def test_the_layout_of_level_all_is_faster_than_level_none(record: Record) -> None:
    rounds = record.result("graph/ranking")
    assert stats.compare(rounds["all"], rounds["none"], paired=True).verdict == "a"


def test_absent_providers_say_why(record: Record) -> None:
    for name in ("cuda", "tensorrt"):
        if f"providers/{name}/absent" in record.names():
            assert len(record.result(f"providers/{name}/absent")["reason"]) > 20
        else:
            assert f"providers/{name}/latency" in record.names()


def test_every_notebook_drew_figures(record: Record) -> None:
    drawn = {entry["notebook"] for entry in record.figures.values()}
    assert drawn == {"1_baseline", "2_graph", "3_quantize", "4_providers", "5_choose"}


def test_a_folder_of_other_photographs_and_weights_of_another_class_count_work(tmp_path: Path) -> None:
    import torch
    from PIL import Image

    from snippets.model.mobilenet import mobilenet_v2

    chance = np.random.default_rng(7)
    for name, base in (("cats", 60), ("dogs", 150), ("fish", 220)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(chance.normal(base, 30, (90, 120, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.jpg")
    torch.manual_seed(0)
    torch.save(mobilenet_v2(3, width=0.5).state_dict(), tmp_path / "pets.pth")
    runs = tmp_path / "runs"
    from reserve.run.execute import execute
    from snippets import parts

    # It makes what it needs of the notebooks before it: the export, and the float32 model's measurements.
    execute(
        parts.NOTEBOOKS / "model" / "3_quantize.ipynb",
        tmp_path / "3_quantize.ipynb",
        {"runs": str(runs), "data": str(tmp_path / "photos"), "weights": str(tmp_path / "pets.pth")},
        240,
    )
    record = load_record(runs / "model" / "mine")
    assert record.result("export/fp32/size")["classes"] == 3
    assert size(record, "quantize/dynamic") < size(record, "graph/onnx-all")
