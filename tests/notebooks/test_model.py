"""Part 1 runs from one call, and what it measured relates as it must on this hardware, whatever the milliseconds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.questions import questions
from reserve.run.here import run_parts
from reserve.run.options import RunOptions
from snippets import stats
from snippets.draw import charts
from snippets.quantize import search
from snippets.record.run import Record, load_record
from tests.notebooks.executed import printed
from tests.notebooks.given_away import given_away
from tests.notebooks.sentences import gains, rankings, ratio_in_turn, ratio_one_by_one

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


def said(finished, name: str) -> str:
    """What notebook `name` printed when it ran."""
    return printed(nbformat.read(finished[0].folder / "notebooks" / f"{name}.ipynb", as_version=4))


@pytest.mark.parametrize(
    ("notebook", "step", "pairs"),
    [
        ("2_graph", "graph/ranking", list(pairwise(LEVELS))),
        (
            "2_graph",
            "graph/trap",
            [(level, "saved at extended, loaded by default") for level in ("level extended", "level all")],
        ),
        ("4_providers", "providers/ranking", [("onnx-all", "openvino")]),
    ],
)
def test_each_sentence_about_what_took_turns_says_what_the_rounds_say(
    finished, record: Record, notebook: str, step: str, pairs: list[tuple[str, str]]
) -> None:
    sentences, turns = rankings(said(finished, notebook)), record.result(step)
    for a, b in pairs:
        assert sentences[a, b].agrees_with(ratio_in_turn(turns[a], turns[b]), a, b), (a, b, sentences)


def test_the_bars_of_levels_and_of_engines_are_the_medians_of_those_rounds(record: Record) -> None:
    for step, label in (("graph/ranking", "onnx-"), ("providers/ranking", "")):
        turns = record.result(step)
        figure = charts.bars({f"{label}{name}": stats.median(times) for name, times in turns.items()}, "title", "ms")
        written = [text.get_text() for text in figure.axes[0].texts]
        assert written == [f"{np.median(times):,.2f}" for times in turns.values()]


def test_the_sentences_about_batches_say_what_the_samples_say(finished, record: Record) -> None:
    rates = {}
    for name in (name for name in record.names() if name.startswith("baseline/eager/throughput")):
        timed = record.result(name)
        rates[timed["batch"]] = timed["batch"] / np.median(timed["batch_ms"])
    sentences = gains(said(finished, "1_baseline"))
    assert len(sentences) == len(rates) - 1 >= 2
    for smaller, larger in pairwise(sorted(rates)):
        printed_ratio = sentences[f"batch {smaller}", str(larger)]
        assert printed_ratio == pytest.approx(rates[larger] / rates[smaller], abs=0.00501)


def test_the_sentence_about_compiling_says_what_the_samples_say(finished, record: Record) -> None:
    if "baseline/compiled/latency" not in record.names():
        assert "Compiled PyTorch is left out" in said(finished, "1_baseline")
        return
    eager, compiled = (record.result(f"baseline/{name}/latency")["latency_ms"] for name in ("eager", "compiled"))
    sentence = rankings(said(finished, "1_baseline"))["eager", "compiled"]
    assert sentence.agrees_with(ratio_one_by_one(eager, compiled), "eager", "compiled")


def test_the_front_that_is_printed_is_that_of_the_samples(finished, record: Record) -> None:
    priced = record.result("choose/front")["priced"]
    for name, (_, right) in priced.items():
        place = (
            "graph" if name == "onnx-all" else "providers" if name in ("openvino", "cuda", "tensorrt") else "quantize"
        )
        assert right == pytest.approx(100 * accuracy(record, f"{place}/{name}"))
    beaten = {
        name
        for name, (cost, right) in priced.items()
        if any(c <= cost and r >= right and (c < cost or r > right) for c, r in priced.values())
    }
    first = next(line for line in said(finished, "5_choose").splitlines() if line.startswith("on the front: "))
    names, _, undecided = first.removeprefix("on the front: ").partition("; not decided: ")
    assert set(names.split(", ")) == set(priced) - beaten
    assert set(filter(None, undecided.split(", "))) <= beaten


def test_no_percentile_is_printed_that_the_samples_cannot_bound(finished, record: Record) -> None:
    times = record.result("baseline/eager/latency")["latency_ms"]
    assert len(times) < 368  # what a p99 takes
    text = said(finished, "1_baseline")
    assert f"p99: {len(times)} samples are too few to tell" in text
    assert (f"p95: {len(times)} samples are too few to tell" in text) == (len(times) < 72)


def test_absent_providers_say_why(record: Record) -> None:
    for name in ("cuda", "tensorrt"):
        if f"providers/{name}/absent" in record.names():
            assert len(record.result(f"providers/{name}/absent")["reason"]) > 20
        else:
            assert f"providers/{name}/latency" in record.names()


def test_no_number_that_is_asked_for_stands_above_its_question(finished, record: Record) -> None:
    for name in ("1_baseline", "2_graph", "3_quantize", "4_providers", "5_choose"):
        assert given_away(said(finished, name), Evidence(record), "model") == []


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
