"""A record as reports and checks read it: its steps, its samples, its times, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.report.tables import show_run
from snippets.errors import RecordError
from snippets.record.chain import genesis
from snippets.record.document import read_content
from snippets.record.run import load_record, open_run
from tests.snippets.record.folders import forge, measured


def test_the_folder_and_either_file_name_the_run() -> None:
    folder = measured(2).folder
    records = [load_record(place) for place in (folder, str(folder), folder / "record.json", folder / "steps.jsonl")]
    assert all(record == records[0] for record in records) and records[0].folder == folder


def test_it_tells_when_it_was_begun_and_which_samples_are_gone() -> None:
    folder = measured(2).folder
    lost = next((folder / "samples").glob("0000-*"))
    assert load_record(folder).created_utc == read_content(folder).head["created_utc"]
    lost.unlink()
    remedy = "restore them, or measure again with --mode fresh."
    assert load_record(folder).verify() == [f"step 'step/0': The samples {lost} are missing; {remedy}"]


def test_the_links_are_the_run_and_then_each_step() -> None:
    folder = measured(2).folder
    content = read_content(folder)
    record = load_record(folder)
    assert record.links == (genesis(content.head), content.steps[0]["hash"], content.steps[1]["hash"])
    assert record.digest == content.steps[1]["hash"]
    assert open_run("model", run_id="empty").record().digest == open_run("model", run_id="empty").record().links[0]


def test_names_are_in_their_first_order_and_the_newest_step_of_a_name_counts() -> None:
    run = open_run("model")
    for name, n in (("a", 1), ("b", 2), ("a", 3)):
        run.step(name, lambda n: n, n)
    record = run.record()
    assert record.names() == ("a", "b") and record.result("a") == 3
    latest = record.latest("a")
    assert latest is not None and latest.index == 2 and record.latest("c") is None
    with pytest.raises(RecordError, match=f"The run {run.folder} has no step 'c'. Measure it: servelab run model."):
        record.result("c")


def test_the_arrays_of_a_step_come_with_their_file_names() -> None:
    record = load_record(measured(2).folder)
    ((name, samples),) = record.steps[1].arrays()
    assert name == "samples/0001-step-1.values.npy" and samples.tolist() == [0, 1]


def test_the_host_is_that_of_the_last_step_and_the_lease_the_latest() -> None:
    folder = measured(2).folder

    def two_hosts(head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        head["hosts"] = [{"id": steps[1]["host"], "n": 1}, {"id": "other", "n": 2}]
        head["leases"] = [{"id": "a"}, {"id": "b"}]

    forge(folder, two_hosts)
    assert load_record(folder).host["n"] == 1 and load_record(folder).lease == {"id": "b"}
    forge(folder, lambda head, steps: (head.update(leases=[]), steps.clear()))
    assert load_record(folder).host["n"] == 2 and load_record(folder).lease is None
    forge(folder, lambda head, steps: head.update(hosts=[]))
    assert load_record(folder).host == {}


@pytest.mark.parametrize("name", ["step/0", "step/1", "step/2"])
def test_a_flipped_byte_in_the_samples_is_noticed(name: str) -> None:
    folder = measured(3).folder
    (sample,) = (folder / "samples").glob(f"*{name.replace('/', '-')}*")
    data = bytearray(sample.read_bytes())
    data[-1] ^= 1
    sample.write_bytes(data)
    record = load_record(folder)
    with pytest.raises(RecordError, match="changed after they were recorded"):
        record.result(name)
    (problem,) = record.verify()
    assert problem.startswith(f"step {name!r}: The samples ")
    sample.unlink()
    with pytest.raises(RecordError, match="missing; restore them"):
        record.result(name)


def test_only_the_newest_writer_of_a_file_answers_for_it() -> None:
    run = open_run("model")

    def export(text: str) -> Path:
        (run.models / "m.onnx").write_text(text)
        return run.models / "m.onnx"

    for text in ("one", "two"):
        run.step("export", export, text)
    assert run.record().verify() == []
    export("three")
    assert run.record().verify() == ["the file models/m.onnx was changed after it was recorded"]
    (run.models / "m.onnx").unlink()
    assert run.record().verify() == ["the file models/m.onnx is missing"]


@pytest.mark.parametrize(
    ("seconds", "wall_s", "told"),
    [
        (10.0, 10.0, ""),
        (10.0, 13.0, ""),
        (10.0, 13.1, "lasted 10.0 s by its own clock, but 13.1 s by its times"),
        (10.0, 7.1, ""),
        (10.0, 6.9, "lasted 10.0 s by its own clock, but 6.9 s by its times"),
        (0.0, 1.9, ""),
        (0.0, 2.1, "lasted 0.0 s"),
        (100.0, 111.0, ""),
        (100.0, 113.0, "lasted 100.0 s"),
        (0.0, 0.0, ""),
        (0.0, -0.001, "ends before it starts"),
    ],
)
def test_a_steps_clock_and_its_times_agree_within_2_s_and_a_tenth(seconds: float, wall_s: float, told: str) -> None:
    folder = measured(2).folder

    def change(head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        started = datetime.fromisoformat(steps[1]["started_utc"])
        ended = (started + timedelta(seconds=wall_s)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        steps[1].update(seconds=seconds, ended_utc=ended)

    forge(folder, change, chain=True)
    problems = load_record(folder).verify()
    assert len(problems) == bool(told) and all(problem.startswith(f"step 'step/1' {told}") for problem in problems)


def test_a_time_that_is_none_is_named() -> None:
    folder = measured(2).folder

    def change(head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        steps[0].update(started_utc="yesterday")
        steps[1].update(ended_utc="2000-01-01T00:00:00.000000Z")

    forge(folder, change, chain=True)
    problems = load_record(folder).verify(schema=False)
    assert problems[0] == "step 'step/0' has a time that is no ISO 8601 time" and len(problems) == 2
    assert problems[1].startswith("step 'step/1' ends before it starts"), "what comes after it is looked at, too"


def test_the_schema_is_checked_unless_it_is_left_out() -> None:
    folder = measured(1).folder
    forge(folder, lambda head, steps: (head.update(extra=1), steps[0].update(key="x")), chain=True)
    record = load_record(folder)
    assert len(record.verify()) == 2 and record.verify(schema=False) == []


def test_an_interrupted_step_is_shown_and_is_no_fault_of_the_record() -> None:
    folder = measured(3, known=2).folder
    assert "interrupted" not in show_run(folder)
    path = folder / "steps.jsonl"
    path.write_bytes(path.read_bytes()[:-4])
    assert "The step 'step/2' (step 2) was interrupted while it was written" in show_run(folder)
    assert load_record(folder).verify() == [] and "does not hold together" not in show_run(folder)


def test_samples_that_were_changed_after_the_step_are_named_with_the_step() -> None:
    run = open_run("model")
    run.step("graph/all/latency", lambda: {"latency_ms": np.array([1.0, 2.0])}, inputs={})
    assert run.record().verify() == []
    (samples,) = (run.folder / "samples").glob("*.npy")
    samples.write_bytes(samples.read_bytes()[:-1] + b"\x00")
    (problem,) = run.record().verify()
    assert problem.startswith("step 'graph/all/latency': ") and samples.name in problem


def test_a_record_knows_when_its_run_was_made() -> None:
    run = open_run("model")
    assert run.record().created_utc == read_content(run.folder).head["created_utc"]


def test_what_is_left_to_the_machine_is_decided_by_the_one_that_measured_first() -> None:
    record = load_record(measured(2).folder)
    first, second = record.steps
    hosts = ({"id": "laptop", "cpu": {"cores": 2}}, {"id": "node", "cpu": {"cores": 128, "physical_cores": 64}})
    record = replace(record, hosts=hosts, steps=(replace(first, host="node"), replace(second, host="laptop")))
    assert record.machine["id"] == "node" and record.host["id"] == "laptop"
    assert (record.cores(), record.cores(physical=True)) == (128, 64)


def test_older_facts_know_no_physical_cores_and_a_run_without_steps_has_the_machine_that_opened_it() -> None:
    run = open_run("model", run_id="empty")
    assert run.record().machine["cpu"]["cores"] == run.record().cores() > 0
    folder = measured(1).folder

    def older(head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        head["hosts"] = [{"id": steps[0]["host"], "cpu": {"cores": 6}}]

    forge(folder, older)
    assert load_record(folder).cores(physical=True) == 6
