"""The edge notebooks run from a kit, record what grading needs, and replay without kit, model or measurement."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from papermill.exceptions import PapermillExecutionError

from grading.checks.evidence import Evidence
from grading.questions import questions
from snippets.edge import cold_start, device, soak
from snippets.edge.browser import measuring
from snippets.edge.bundle import PHOTOS_FILE
from snippets.record.run import load_record
from tests.notebooks import sentences
from tests.notebooks.executed import execute, measured, on_one_core, pictures, printed
from tests.notebooks.given_away import given_away
from tests.snippets.servers import save_toy_onnx

NOTEBOOKS = ("1_latency", "2_soak_and_cold_start", "3_cloud_or_edge", "4_browser")
IN_BROWSER = not measuring.absence()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a kit of two toy models and a run of all four notebooks, and a replay of each with fewer cores."""
    folder = tmp_path_factory.mktemp("edge")
    kit = folder / "kit"
    kit.mkdir()
    save_toy_onnx(kit / "fp32.onnx")
    shutil.copyfile(kit / "fp32.onnx", kit / "conservative.onnx")
    labels = np.arange(9) % 3
    photos = np.zeros((9, 224, 224, 3), dtype=np.uint8)
    for index, label in enumerate(labels):
        photos[index, ..., label] = 255
    np.savez(kit / PHOTOS_FILE, photos=photos, labels=labels)
    each = {
        "1_latency": {"kit": str(kit)},
        "2_soak_and_cold_start": {"kit": str(kit), "soak_seconds": 0.5, "watts": 6.0},
        "3_cloud_or_edge": {"server_ms": 0.01, "server_address": ""},
        "4_browser": {"kit": str(kit)},
    }
    common = {"runs": str(folder / "runs"), "run_id": "t"}
    for name, parameters in each.items():
        execute(f"edge/{name}", folder / f"{name}.ipynb", **common, **parameters)
    shutil.rmtree(kit)
    with on_one_core():
        for name, parameters in each.items():
            execute(f"edge/{name}", folder / f"{name}.replay.ipynb", mode="replay", **common, **parameters)
    return folder


def read(lab: Path, name: str):
    import nbformat

    return nbformat.read(lab / f"{name}.ipynb", as_version=4)


def test_every_question_of_the_part_is_asked_and_its_steps_are_recorded(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    text = "\n".join(printed(read(lab, name)) for name in NOTEBOOKS)
    for question in questions("edge"):
        assert f"`{question.id}`" in text
        for step in question.steps:
            # The toy kit lacks one model that a question refers to; a machine may lack a browser, and then says so.
            noted = f"{step.rpartition('/')[0]}/absent"
            assert step in record.names() or "dynamic" in step or (noted in record.names() and not IN_BROWSER), step
    assert record.verify() == []


def test_no_number_that_is_asked_for_stands_above_its_question(lab: Path) -> None:
    evidence = Evidence(load_record(lab / "runs" / "edge" / "t"))
    for name in NOTEBOOKS:
        assert given_away(printed(read(lab, name)), evidence, "edge") == []


def test_in_a_kernel_with_somebody_before_it_run_all_stops_at_the_first_open_prediction(lab: Path) -> None:
    with pytest.raises(PapermillExecutionError) as stopped:
        execute("edge/1_latency", lab / "stopped.ipynb", batch=False, runs=str(lab / "again"), run_id="t", kit="")
    assert stopped.value.ename.endswith("PredictionOpen")
    assert stopped.value.traceback == [stopped.value.evalue] and stopped.value.evalue.startswith("Predict first: ")
    assert not [name for name in load_record(lab / "again" / "edge" / "t").names() if name.endswith("/latency")]


def test_pictures_are_shown_and_kept(lab: Path) -> None:
    shown = {name: pictures(read(lab, name)) for name in NOTEBOOKS}
    assert list(shown.values()) == [2, 2, 1, int(IN_BROWSER)]
    kept = {path.stem for path in (lab / "runs" / "edge" / "t" / "figures").iterdir()}
    assert kept - {"browser"} == {"latency", "threads", "cold-start", "soak", "cloud-or-edge"}
    assert ("browser" in kept) == IN_BROWSER


def test_what_is_printed_is_what_the_record_holds(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    starts = record.result("cold/fp32/start")
    phases = " | ".join(f"{np.median(starts[f'{phase}_ms']):.1f}" for phase in cold_start.PHASES)
    text = printed(read(lab, "2_soak_and_cold_start"))
    assert f"| fp32 | {phases} |" in text
    assert soak.trend(record.result("soak/all/soak")).verdict in text
    assert "power: 6.0 W (given by the parameter watts)" in text
    crossing = record.result("cloud/all/crossover")
    edge = {
        name: crossing[f"edge_{field}"]
        for name, field in (("latency_ms", "ms"), ("rounds", "rounds"), ("slow", "slow"))
    }
    middle = sentences.median_of_blocks(edge) - np.median(crossing["server_ms"])
    assert crossing["rtt_ms"][1] == pytest.approx(middle)


def test_each_sentence_about_speed_says_what_the_samples_say(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    text = printed(read(lab, "1_latency"))
    said = sentences.rankings(text)
    best = {
        name: f"edge/{name}-threads-{device.fastest_threads(record, name)[0]}/latency"
        for name in ("fp32", "conservative")
    }
    ratio = sentences.ratio_of_blocks(*(record.result(step) for step in best.values()))
    assert said["fp32", "conservative"].agrees_with(ratio, "fp32", "conservative")
    most = device.thread_counts(record.cores())[-1]
    ratio = sentences.ratio_of_blocks(*(record.result(f"edge/fp32-threads-{count}/latency") for count in (1, most)))
    threads = sentences.rankings("\n".join(line for line in text.splitlines() if line.startswith("fp32: 1 thread")))
    assert most == 1 or threads["1 thread", f"{most} threads"].agrees_with(ratio, "1 thread", f"{most} threads")


def test_the_sentences_about_the_soak_and_the_network_say_what_the_samples_say(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    soaked = record.result("soak/all/soak")
    share = np.asarray(soaked["started_s"]) / soaked["seconds"]
    first, last = (np.median(np.asarray(soaked["latency_ms"])[fifth]) for fifth in (share < 0.2, share >= 0.8))
    text = printed(read(lab, "2_soak_and_cold_start"))
    assert f"median of the first fifth {first:.2f} (" in text and f"of the last {last:.2f} (" in text
    assert "A soak of 0.5 s is too short to heat a device" in text
    # 60 kB take 48 ms to send and a toy model takes less, on the device as on a server of 0.01 ms.
    crossing = record.result("cloud/all/crossover")
    assert np.max(crossing["edge_ms"]) < 48
    assert "whole photo sent (60 kB): the device answers sooner on every network" in printed(
        read(lab, "3_cloud_or_edge")
    )


def test_device_and_server_run_the_same_model(lab: Path) -> None:
    text = printed(read(lab, "3_cloud_or_edge"))
    # The kit lacks aggressive, so that fp32 takes its place.
    assert load_record(lab / "runs" / "edge" / "t").result("cloud/all/crossover")["variant"] == "fp32"
    assert "fp32 (" in text and "below the manager's limit of 5 MB" in text


@pytest.mark.skipif(not IN_BROWSER, reason=f"no browser: {measuring.absence()}")
def test_browser_and_native_runtime_are_told_apart_by_the_samples(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    text = printed(read(lab, "4_browser"))
    threads = record.result("browser/facts")["threads"]
    said = sentences.rankings("\n".join(line for line in text.splitlines() if line.startswith("wasm: ")))
    both = [record.result(f"browser/wasm-{name}-threads-{threads}/latency") for name in ("fp32", "conservative")]
    (ranking,) = said.values()
    assert ranking.agrees_with(sentences.ratio_of_blocks(*both), "fp32", "conservative")
    assert "9 of 9" in text and "6 images, drawn for this run alone" in text


def test_without_a_browser_the_notebook_says_so_and_goes_on_to_its_end(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVELAB_CHROMIUM", "/nowhere")
    save_toy_onnx(tmp_path / "fp32.onnx")
    np.savez(tmp_path / PHOTOS_FILE, photos=np.zeros((2, 224, 224, 3), dtype=np.uint8), labels=np.arange(2))
    execute("edge/4_browser", tmp_path / "4.ipynb", runs=str(tmp_path / "runs"), run_id="t", kit=str(tmp_path))
    import nbformat

    text = printed(nbformat.read(tmp_path / "4.ipynb", as_version=4))
    assert "Not measured: there is no Chromium here" in text and "were answered by fp32.onnx" in text
    names = load_record(tmp_path / "runs" / "edge" / "t").names()
    assert "browser/absent" in names and "browser/wasm-fp32/absent" in names


def test_a_missing_model_is_shown_as_absent(lab: Path) -> None:
    assert "| dynamic | absent: Part 1 has not made it" in printed(read(lab, "1_latency"))


def test_a_replay_says_the_same_and_measures_nothing(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    names = [step.name for step in record.steps]
    assert len(names) == len(set(names)), "a step was measured twice"
    for name in NOTEBOOKS:
        assert measured(read(lab, f"{name}.replay")) == measured(read(lab, name))


def test_the_bare_calls_were_made_on_the_device(lab: Path) -> None:
    record = load_record(lab / "runs" / "edge" / "t")
    assert record.result("edge/fp32/bare-call")["logits"].shape[0] == 1
    assert len(record.result("cold/fp32/bare-call")["ms"]) == 4
    assert "the photo's label is 0" in printed(read(lab, "1_latency"))
