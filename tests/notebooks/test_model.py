"""Part 1 runs from one call, and what it measured relates as it must on this hardware, whatever the milliseconds."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.integrity.shapes import misshapen
from grading.questions import questions
from reserve.run.here import run_parts
from reserve.run.options import RunOptions
from snippets import stats
from snippets.decide.cost import load_prices
from snippets.draw import charts
from snippets.measure.latency import Latency, compare
from snippets.quantize import search
from snippets.record.run import Record, load_record
from snippets.retrain import prune
from snippets.smaller import family
from tests.notebooks.executed import on_one_core, printed
from tests.notebooks.given_away import given_away
from tests.notebooks.sentences import (
    gains,
    interval_of_blocks,
    interval_of_ratio,
    median_of_blocks,
    rankings,
    ratio_of_blocks,
)

LEVELS = ("none", "basic", "extended", "all")
ADDED = {
    **dict.fromkeys(family.NAMES, "smaller"),
    **dict.fromkeys(prune.NAMES, "prune"),
    "qat": "int8",
    "student": "distill",
}
"""Where options that are not ways to run the part's network were measured."""
NOTEBOOKS = ("0_kernel", "1_baseline", "2_graph", "3_quantize", "4_providers", "5_smaller", "6_retrain", "7_choose")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """The eight notebooks, run once in the quick profile on a quarter of the images, and replayed with fewer cores."""
    runs = tmp_path_factory.mktemp("runs")
    (first,) = run_parts("model", RunOptions(params=("images=165",), runs=runs), lambda line: None)
    with on_one_core():
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
    assert len(list((first.folder / "notebooks").glob("*.ipynb"))) == len(NOTEBOOKS)
    assert record.verify() == []


def test_an_honest_run_is_as_the_kit_records_it(record: Record) -> None:
    assert misshapen(Evidence(record)) == []


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


def test_dynamic_is_smaller_yet_not_faster_than_static(record: Record) -> None:
    dynamic, static = (Latency.of(record.result(f"quantize/{name}/latency")) for name in ("dynamic", "aggressive"))
    assert compare(dynamic, static).verdict != "a"  # on a machine that is busy just then, perhaps not decided
    profile = record.result("quantize/profile-dynamic")["milliseconds"]
    assert max(profile, key=profile.get) == "ConvInteger" and "Conv" not in profile


def test_the_layout_of_level_all_is_not_slower_than_level_none(record: Record) -> None:
    best, plain = (Latency.of(record.result(f"graph/onnx-{level}/latency")) for level in ("all", "none"))
    assert compare(best, plain).verdict != "b"  # on a machine that is busy just then, perhaps not decided


def test_networks_differ_in_work_and_the_embedding_has_the_layers_of_the_residual_one(record: Record) -> None:
    facts = {name: record.result(f"smaller/{name}/export") for name in (*family.OTHERS, family.EMBEDDING)}
    assert facts["mobilenet-half"]["multiply_adds"] < 0.25 * facts["resnet"]["multiply_adds"]
    assert facts["embedding"]["multiply_adds"] == facts["resnet"]["multiply_adds"]
    # 301 million at full width (Sandler et al., table 4); half of the channels in and out are a quarter of most layers.
    assert 0.9 < facts["mobilenet-half"]["multiply_adds"] / 97e6 < 1.1


def test_float16_halves_the_file_and_keeps_the_answers(record: Record) -> None:
    assert 0.45 < size(record, "smaller/fp16") / size(record, "graph/onnx-all") < 0.55
    ours, theirs = (record.result(f"{name}/accuracy")["predictions"] for name in ("smaller/fp16", "graph/onnx-all"))
    assert np.mean(ours == theirs) > 0.98
    found = record.result("smaller/fp16/convert")
    assert set(found["weights"]) >= {"float16"} and found["loaded"]


def test_zeros_leave_the_work_and_channels_take_it_away(record: Record) -> None:
    counts = {name: record.result(f"prune/{name}/export") for name in ("onnx-all", *prune.NAMES)}
    whole = counts["onnx-all"]
    for name, share in prune.ZEROS.items():
        one = counts[name]
        assert abs(one["zeros"] / one["weights"] - share) <= 0.01
        assert one["multiply_adds"] == whole["multiply_adds"] and one["loaded_bytes"] == whole["loaded_bytes"]
        # A zero is still four bytes in the file; zipped, it is next to nothing.
        assert abs(one["bytes"] / whole["bytes"] - 1) < 0.01 and one["zip_bytes"] < (1.15 - share) * whole["zip_bytes"]
    assert 0.45 < counts["channels-50"]["multiply_adds"] / whole["multiply_adds"] < 0.6
    assert counts["channels-50"]["bytes"] < 5e6
    times = {name: Latency.of(record.result(f"prune/{name}/latency")) for name in counts}
    assert compare(times["channels-50"], times["onnx-all"]).verdict != "b"  # perhaps not decided, but never slower
    for name, most in {"zeros-50": 0.06, "zeros-80": 0.15, "channels-50": 0.2}.items():
        assert accuracy(record, f"prune/{name}") > accuracy(record, "graph/onnx-all") - most, name


def test_the_networks_have_learnt_something(record: Record) -> None:
    for name in (*family.OTHERS, family.EMBEDDING):
        assert accuracy(record, f"smaller/{name}") > 3 / 11, name


def test_the_gain_that_is_printed_is_that_of_the_predictions_with_what_three_seeds_may_claim(
    finished, record: Record
) -> None:
    points = [
        100 * (accuracy(record, f"distill/teacher-{seed}") - accuracy(record, f"distill/labels-{seed}"))
        for seed in (1, 2, 3)
    ]
    reach = 4.302653 * np.std(points, ddof=1) / np.sqrt(3)
    mean, low, high, told = re.findall(
        r"^gain over seeds: (\S+) \((\S+) to (\S+)\) points: (.*)$", said(finished, "6_retrain"), re.M
    )[0]
    expected = np.mean(points), np.mean(points) - reach, np.mean(points) + reach
    assert [float(each) for each in (mean, low, high)] == pytest.approx(expected, abs=0.051)
    decided = abs(np.mean(points)) > reach
    assert ("do not decide" not in told) == decided


def test_students_of_a_seed_learnt_equally_long_from_equally_many_and_the_teacher_knows_them(record: Record) -> None:
    for seed in (1, 2, 3):
        ours, theirs = (record.result(f"distill/{source}-{seed}/train") for source in ("labels", "teacher"))
        assert ours["loss"].shape == theirs["loss"].shape and ours["images"] == theirs["images"]
    told = record.result("distill/teacher/logits")
    assert np.mean(told["logits"].argmax(1) == told["labels"]) > 0.8
    assert size(record, "distill/student") < size(record, "graph/onnx-all") / 4


def said(finished, name: str) -> str:
    """What notebook `name` printed when it ran."""
    return printed(nbformat.read(finished[0].folder / "notebooks" / f"{name}.ipynb", as_version=4))


SAVED = "saved at extended, loaded by default"
# What a sentence calls a variant, and whose step that is.
GRAPH = {**{level: f"graph/onnx-{level}" for level in LEVELS}, SAVED: "graph/onnx-saved"}
TRAP = {"onnx-extended": "graph/onnx-extended", "onnx-all": "graph/onnx-all", SAVED: "graph/onnx-saved"}
ENGINES = {name: f"providers/{name}" for name in ("onnx-all", "openvino")}
SMALLER = {name: f"smaller/{name}" for name in ("onnx-all", "mobilenet-half", "openvino", "openvino-bf16")}
PRUNED = {name: f"prune/{name}" for name in ("onnx-all", *prune.NAMES)}
DISTILL = {name: f"distill/{name}" for name in ("onnx-all", "student")}
BITS = {"float32": "smaller/onnx-all", "fp16": "smaller/fp16"}
RETRAINED = {name: f"int8/{name}" for name in ("onnx-all", "static", "qat")}
INT8 = {name: f"quantize/{name}" for name in ("onnx-all", "dynamic", "aggressive", "conservative")}


@pytest.mark.parametrize(
    ("notebook", "steps", "pairs"),
    [
        ("2_graph", GRAPH, list(pairwise(LEVELS))),
        ("2_graph", TRAP, [(level, SAVED) for level in ("onnx-extended", "onnx-all")]),
        ("3_quantize", INT8, [("onnx-all", name) for name in list(INT8)[1:]]),
        ("4_providers", ENGINES, [("onnx-all", "openvino")]),
        ("5_smaller", SMALLER, [("onnx-all", "mobilenet-half")]),
        ("5_smaller", BITS, [("float32", "fp16")]),
        ("6_retrain", RETRAINED, [("static", "qat")]),
        ("6_retrain", PRUNED, [("onnx-all", name) for name in prune.NAMES]),
        ("6_retrain", DISTILL, [("onnx-all", "student")]),
    ],
)
def test_each_sentence_about_what_took_turns_says_what_the_rounds_say(
    finished, record: Record, notebook: str, steps: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    sentences = rankings(said(finished, notebook))
    for a, b in pairs:
        ratio = ratio_of_blocks(*(record.result(f"{steps[name]}/latency") for name in (a, b)))
        assert sentences[a, b].agrees_with(ratio, a, b), (a, b, sentences)


def test_the_bars_of_levels_and_of_engines_are_the_medians_of_those_blocks(record: Record) -> None:
    for steps in (GRAPH, ENGINES):
        results = {name: record.result(f"{step}/latency") for name, step in steps.items()}
        figure = charts.bars({name: Latency.of(one).p50() for name, one in results.items()}, "title", "ms")
        written = [text.get_text() for text in figure.axes[0].texts]
        assert written == [f"{median_of_blocks(one):,.2f}" for one in results.values()]


def test_no_notebook_times_a_variant_by_itself_beside_its_blocks(record: Record) -> None:
    latencies = {name: record.result(name) for name in record.names() if name.endswith("/latency")}
    assert len(latencies) > 15 and all("rounds" in step for step in latencies.values())
    for name, step in latencies.items():
        assert len(np.unique(step["rounds"])) >= 5, name


def test_throughputs_that_are_compared_took_turns(finished, record: Record) -> None:
    steps = {name: record.result(name) for name in record.names() if name.split("/")[-1].startswith("throughput")}
    compared = {name: step for name, step in steps.items() if not name.startswith("baseline/")}
    assert len(compared) >= 4 + 7
    for name, step in compared.items():
        assert step["group"] == f"{name.split('/')[0]}/batches" and len(np.unique(step["rounds"])) >= 5, name
    sentences = gains(said(finished, "4_providers"))
    assert ("onnx-all", "onnx-streams") in sentences and ("onnx-all", "openvino") in sentences
    for (a, b), ratio in sentences.items():
        of = [next(step for name, step in steps.items() if name.startswith(f"providers/{each}/")) for each in (a, b)]
        assert ratio == pytest.approx(ratio_of_blocks(*of), abs=0.00501)
    prices, costs = load_prices(), record.result("choose/front")["priced"]
    for name in costs.keys() - {"cuda", "tensorrt"}:
        begins = (f"providers/{name}/", f"{ADDED.get(name, 'providers')}/{name}/")
        step = next(step for each, step in steps.items() if each.startswith(begins))
        hours = 1e6 * median_of_blocks(step) / 1000 / 3600 / prices.utilization
        assert costs[name][0] == pytest.approx(hours * step["threads"] * prices.per_core_hour), name


def test_every_notebook_says_how_many_blocks_were_repeated_and_marked(finished) -> None:
    for notebook in NOTEBOOKS:
        assert " blocks in turn; " in said(finished, notebook)


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
    eager, compiled = (record.result(f"baseline/{name}/latency") for name in ("eager", "compiled"))
    sentence = rankings(said(finished, "1_baseline"))["eager", "compiled"]
    assert sentence.agrees_with(ratio_of_blocks(eager, compiled), "eager", "compiled")
    low, _ = interval_of_ratio(eager, compiled)
    assert ("do not decide that compiling made it faster" in said(finished, "1_baseline")) == (low <= 1.02)
    for name, step in (("eager", eager), ("compiled", compiled)):
        assert f"{name}: p50 {median_of_blocks(step):.2f} (" in said(finished, "1_baseline")


def test_the_verdicts_on_targets_are_those_of_the_samples(finished, record: Record) -> None:
    """The manager's 3 ms and 1,000 images/s on a server's CPU, and 5 MB with at most 5 points lost on a phone."""
    text = said(finished, "7_choose")
    told = dict(re.findall(r"^server CPU: ([\w-]+) +((?:missed|not decided|met).*)$", text, re.M))
    names = [name.split("/")[1] for name in record.names() if re.fullmatch(r"choose/[^/]+/latency", name)]
    assert set(told) == set(names) - {"cuda", "tensorrt"}
    expected: dict[str, str] = {}
    for name in told:
        p50 = interval_of_blocks(record.result(f"choose/{name}/latency"))
        of = ADDED.get(name, "providers")
        step = next(each for each in record.names() if each.startswith(f"{of}/{name}/throughput"))
        low, high = (1000 / ms for ms in reversed(interval_of_blocks(record.result(step))))
        missed, sure = p50[0] >= 3 or high < 1000, p50[1] < 3 and low >= 1000
        expected[name] = "missed" if missed else "met" if sure else "not decided"
        assert told[name].partition(":")[0] == expected[name], (name, p50, low, high)
        assert ("ms, not below 3" in told[name]) == (p50[0] >= 3), name
        assert ("images/s, not 1000" in told[name]) == (high < 1000), name
    line = re.search(r"^server CPU: (.*)$", text.split("server CPU, by latency and accuracy:")[1], re.M)
    assert line
    met, _, undecided = line[1].partition("; not decided: ")
    by_verdict = {verdict: {n for n in told if expected[n] == verdict} for verdict in ("met", "not decided")}
    assert (set() if met.startswith("nothing that") else set(met.split(", "))) == by_verdict["met"]
    assert set(filter(None, undecided.split(", "))) == by_verdict["not decided"]
    files = {"onnx-all": "graph/onnx-all", **{n: f"quantize/{n}" for n in ("dynamic", "aggressive", "conservative")}}
    files |= {name: f"smaller/{name}" for name in family.NAMES} | {"qat": "int8/qat"}
    files |= {prune.CHANNELS: f"prune/{prune.CHANNELS}", "student": "distill/student"}
    files = {name: step for name, step in files.items() if f"{step}/accuracy" in record.names()}
    least = max(accuracy(record, step) for step in files.values()) - 0.05 - 1e-9
    fits = {n for n, step in files.items() if size(record, step) < 5e6 and accuracy(record, step) >= least}
    phone = re.search(r"^end-user device, [^:]*: (.*)$", text, re.M)
    assert phone and set(phone[1].split(", ")) == fits


def test_the_losses_that_are_printed_are_those_of_the_predictions(finished, record: Record) -> None:
    text = said(finished, "3_quantize")
    reference = record.result("quantize/reference")["predictions"]
    lines = re.findall(r"^(.+?) +[\d.]+ MB  loss (-?[\d.]+) \((-?[\d.]+) to (-?[\d.]+)\) points$", text, re.M)
    tried = [name for name in record.names() if re.fullmatch(r"quantize/search/.*\.onnx", name)]
    assert len(lines) == len(tried) >= 4
    for (_, *printed_ones), step in zip(lines, tried, strict=True):
        found = record.result(step)
        ours, theirs = (np.asarray(each) == found["labels"] for each in (found["predictions"], reference))
        lost, gained, count = np.sum(theirs & ~ours), np.sum(ours & ~theirs), ours.size
        centre = (lost - gained) / (count + 2)  # half an image more in each of the four cells
        half = 1.959964 * np.sqrt(lost + gained + 1 - centre * (lost - gained)) / (count + 2)
        points = 100 * np.array([(lost - gained) / count, centre - half, centre + half])
        assert [float(each) for each in printed_ones] == pytest.approx(points, abs=0.0501), step


def named_rightly(record: Record, name: str) -> np.ndarray:
    """Whether each evaluation image was named rightly by the file `int8/<name>`, or by float32."""
    found = record.result("graph/onnx-all/accuracy" if name == "onnx-all" else f"int8/{name}/accuracy")
    return np.asarray(found["predictions"]) == np.asarray(found["labels"])


def test_the_files_trained_for_int8_are_the_static_ones_with_other_integers(record: Record) -> None:
    sizes = {record.result(f"int8/{name}/size")["bytes"] for name in ("static", "qat")}
    profiles = [record.result(f"int8/{name}/profile")["nodes"] for name in ("static", "qat")]
    assert len(sizes) == 1 and profiles[0] == profiles[1] and profiles[1]["QLinearConv"] == 52
    for name in ("qat", "qat-4bit"):
        learnt = record.result(f"int8/{name}/train")
        assert learnt["largest_difference"] < 0.15 and len(learnt["loss"]) == learnt["images"] // 11, name
    # Fifteen values a weight hurt far more than 255, and training brings some of that back.
    right = {name: named_rightly(record, name).sum() for name in ("onnx-all", "static", "static-4bit", "qat-4bit")}
    assert right["static-4bit"] < right["static"] and right["static-4bit"] < right["qat-4bit"] <= right["onnx-all"] + 3


def test_the_sentences_about_training_for_int8_say_what_the_predictions_say(finished, record: Record) -> None:
    text = said(finished, "6_retrain")
    for name in ("onnx-all", "static", "static-4bit", "qat", "qat-4bit"):
        right = named_rightly(record, name)
        assert re.search(rf"^{name} +{right.sum()} of {right.size} right$", text, re.M), name
    full = named_rightly(record, "onnx-all").astype(float)
    for bits, end in ((8, ""), (4, "-4bit")):
        static, trained = (named_rightly(record, f"{name}{end}").astype(float) for name in ("static", "qat"))
        line = re.search(rf"^{bits} bits: (-?[\d.]+) \(.* points lost(.*)$", text, re.M)
        assert line and float(line[1]) == pytest.approx(100 * (full - static).mean(), abs=0.0501)
        told = re.search(r"of which (-?\d+) % \((-?\d+) to (-?\d+)\) came back", line[2])
        # By Fieller: the loss decides a share only where it is 1.96 standard errors from zero.
        sure = (full - static).mean() > 1.959964 * np.std(full - static) / np.sqrt(full.size)
        assert bool(told) == sure
        if told:
            share = (trained - static).mean() / (full - static).mean()
            assert int(told[1]) == pytest.approx(100 * share, abs=0.501)
            for end_of_it in (int(told[2]) / 100, int(told[3]) / 100):
                left = trained - static - end_of_it * (full - static)
                assert abs(left.mean()) / (np.std(left) / np.sqrt(left.size)) == pytest.approx(1.96, abs=0.15)


def test_the_front_that_is_printed_is_that_of_the_samples(finished, record: Record) -> None:
    priced = record.result("choose/front")["priced"]
    for name, (_, right) in priced.items():
        quantized = name in ("dynamic", "aggressive", "conservative")
        place = "graph" if name == "onnx-all" else "quantize" if quantized else "providers"
        place = ADDED.get(name, place)
        assert right == pytest.approx(100 * accuracy(record, f"{place}/{name}"))
    beaten = {
        name
        for name, (cost, right) in priced.items()
        if any(c <= cost and r >= right and (c < cost or r > right) for c, r in priced.values())
    }
    first = next(line for line in said(finished, "7_choose").splitlines() if line.startswith("on the front: "))
    names, _, undecided = first.removeprefix("on the front: ").partition("; not decided: ")
    assert set(names.split(", ")) == set(priced) - beaten
    assert set(filter(None, undecided.split(", "))) <= beaten


def test_no_percentile_is_printed_that_the_samples_cannot_bound(finished, record: Record) -> None:
    # Five blocks of at most 20 calls come before the sentence; a p99 takes 368, a p95 72.
    text = said(finished, "1_baseline")
    count = int(re.search(r"^(\d+) calls of ", text, re.M)[1])
    assert count <= 100 and "p99: too few blocks to tell" in text
    assert count >= 72 or "p95: too few blocks to tell" in text


def test_each_way_to_serve_agrees_with_the_file_that_it_runs(record: Record) -> None:
    careful = "conservative" if "quantize/conservative/accuracy" in record.names() else "aggressive"
    ways = {"openvino-streams": "graph/onnx-all", "onnx-streams": "graph/onnx-all", "openvino-bf16": "graph/onnx-all"}
    ways |= {"openvino-bf16-streams": "graph/onnx-all", f"{careful}-streams": f"quantize/{careful}"}
    ways |= {f"openvino-{careful}": f"quantize/{careful}", f"openvino-{careful}-streams": f"quantize/{careful}"}
    for name, file in ways.items():
        if f"providers/{name}/absent" in record.names():
            assert "bf16" in name or "openvino" in name
            continue
        ours, theirs = (record.result(f"{prefix}/accuracy")["predictions"] for prefix in (f"providers/{name}", file))
        # The same arithmetic as one session; other engines round otherwise.
        assert np.mean(ours == theirs) >= (1 if name in ("onnx-streams", f"{careful}-streams") else 0.95), name
        assert record.result(f"choose/{name}/latency")["batch"] == 1
        assert name in record.result("choose/front")["priced"]


def test_absent_providers_say_why(record: Record) -> None:
    for name in ("cuda", "tensorrt"):
        if f"providers/{name}/absent" in record.names():
            assert len(record.result(f"providers/{name}/absent")["reason"]) > 20
        else:
            assert f"providers/{name}/latency" in record.names()


def test_no_number_that_is_asked_for_stands_above_its_question(finished, record: Record) -> None:
    for name in NOTEBOOKS:
        assert given_away(said(finished, name), Evidence(record), "model") == []


def test_every_notebook_drew_figures(record: Record) -> None:
    drawn = {entry["notebook"] for entry in record.figures.values()}
    assert drawn == set(NOTEBOOKS)


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
    record = load_record(runs / "model" / "quick")
    assert record.result("export/fp32/size")["classes"] == 3
    assert size(record, "quantize/dynamic") < size(record, "graph/onnx-all")
