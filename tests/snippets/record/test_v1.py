"""Records and submissions of schema version 1 load, show, grade and replay, and lose nothing when they go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grading.grade import GradeOptions, grade
from grading.report.tables import show_run
from snippets.errors import RecordError
from snippets.files import sha256_text
from snippets.record.head import SCHEMA_VERSION
from snippets.record.run import load_record, open_run
from snippets.record.schema import HEAD_SCHEMA
from snippets.record.values import references
from tests.snippets.record.folders import VERSION_1, listing, seal, version_1

STEPS = {"model": 64, "edge": 26, "system": 58}
ANSWERS = {"model": 0, "edge": 15, "system": 0}
HOSTS = {"model": 1, "edge": 2, "system": 1}
PARTS = pytest.mark.parametrize("part", STEPS)


def fail(*_: object, **__: object) -> Any:
    raise AssertionError("a replay measures nothing")


@PARTS
def test_it_loads_with_all_its_steps_answers_and_machines(tmp_path: Path, part: str) -> None:
    record = load_record(version_1(part, tmp_path))
    assert (record.part, record.run_id) == (part, "quick")
    assert (len(record.steps), len(record.answers), len(record.hosts)) == (STEPS[part], ANSWERS[part], HOSTS[part])
    assert record.interrupted is None and record.digest == record.links[-1]
    assert all(step.result is not None for step in record.steps)


@PARTS
def test_the_object_in_its_file_is_valid_by_the_schema_of_version_1(tmp_path: Path, part: str) -> None:
    import jsonschema

    fields, _ = json.JSONDecoder().raw_decode((version_1(part, tmp_path) / "record.json").read_text())
    schema = json.loads(HEAD_SCHEMA.with_name("record_v1.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(fields)
    assert fields["schema_version"] == 1


@PARTS
def test_only_what_its_submission_left_out_is_missing(tmp_path: Path, part: str) -> None:
    folder = version_1(part, tmp_path)
    problems = load_record(folder).verify()
    assert all(problem.startswith("the file ") and problem.endswith(" is missing") for problem in problems), problems


@PARTS
def test_it_is_shown(tmp_path: Path, part: str) -> None:
    shown = show_run(version_1(part, tmp_path))
    assert shown.startswith(f"Part {part}, run quick: ") and len(shown.splitlines()) > 10


@PARTS
def test_its_submission_is_graded(part: str) -> None:
    graded = grade(VERSION_1 / f"{part}.zip", GradeOptions(parts=(part,)))
    assert graded.netid == "ab123" and graded.problems == () and graded.parts[0].trust == "plausible"
    results = {result.id: result for result in graded.parts[0].results}
    assert results[f"{part}.measured"].points == results[f"{part}.measured"].possible == 10


@PARTS
def test_each_step_replays_from_a_sealed_folder_which_stays_as_it_is(tmp_path: Path, part: str) -> None:
    folder = version_1(part, tmp_path)
    record = load_record(folder)
    seal(tmp_path / "runs")
    before = listing(tmp_path / "runs")
    run = open_run(part, run_id="quick", runs=tmp_path / "runs", mode="replay", parameters={"threads": 99})
    replayed = 0
    for step in (record.latest(name) for name in record.names()):
        assert step is not None
        if all((folder / file["$file"]).is_file() for file in references(step.encoded, "$file")):
            assert run.step(step.name, fail, inputs=step.inputs) is not None
            replayed += 1
        else:
            with pytest.raises(RecordError, match=f"{step.name}.* needs models/.*, which is gone or changed"):
                run.step(step.name, fail, inputs=step.inputs)
    assert replayed > len(record.names()) / 2
    assert listing(tmp_path / "runs") == before


def test_that_of_part_model_has_a_step_behind_its_object(tmp_path: Path) -> None:
    text = (version_1("model", tmp_path) / "record.json").read_text()
    fields, end = json.JSONDecoder().raw_decode(text)
    assert len(fields["steps"]) == 63 and [json.loads(line)["index"] for line in text[end:].split("\n") if line] == [63]


@PARTS
def test_the_next_step_brings_it_to_this_version_without_loss(tmp_path: Path, part: str) -> None:
    folder = version_1(part, tmp_path)
    before = load_record(folder)
    run = open_run(part, run_id="quick", runs=tmp_path / "runs")
    run.step("late", lambda: 1)
    after = load_record(folder)
    assert json.loads((folder / "record.json").read_text())["schema_version"] == SCHEMA_VERSION == 2
    assert len((folder / "steps.jsonl").read_text().splitlines()) == STEPS[part] + 1
    assert after.steps[:-1] == before.steps and after.links[:-1] == before.links
    assert after.answers == before.answers and after.hosts[: len(before.hosts)] == before.hosts
    assert (after.created_utc, after.parameters, after.figures, after.screenshots, after.leases) == (
        before.created_utc,
        before.parameters,
        before.figures,
        before.screenshots,
        before.leases,
    )
    assert after.verify() == before.verify()


@PARTS
def test_reading_it_changes_nothing(tmp_path: Path, part: str) -> None:
    folder = version_1(part, tmp_path)
    before = listing(folder)
    show_run(folder)
    load_record(folder).verify()
    grade(folder.parent.parent)
    assert listing(folder) == before


def test_every_step_measured_before_is_replayed_after_it_was_brought_to_this_version(tmp_path: Path) -> None:
    folder = version_1("edge", tmp_path)
    run = open_run("edge", run_id="quick", runs=tmp_path / "runs")
    step = load_record(folder).steps[5]
    assert run.step(step.name, fail, inputs=step.inputs).keys() == step.result.keys()
    run.step("late", lambda: 1)
    assert run.step(step.name, fail, inputs=step.inputs).keys() == step.result.keys()


@PARTS
def test_one_that_was_changed_is_refused_before_it_is_written_anew(tmp_path: Path, part: str) -> None:
    folder = version_1(part, tmp_path)
    path = folder / "record.json"
    data = bytearray(path.read_bytes())
    for position in (len(data) // 3, len(data) // 2, data.rindex(b'"digest"') + 20):
        flipped = data.copy()
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(RecordError, match="damaged|changed|not valid"):
            load_record(folder)
        with pytest.raises(RecordError):
            open_run(part, run_id="quick", runs=tmp_path / "runs")
        assert path.read_bytes() == flipped and not (folder / "steps.jsonl").exists()


def test_every_flipped_byte_behind_its_object_is_noticed(tmp_path: Path) -> None:
    path = version_1("model", tmp_path) / "record.json"
    data = path.read_bytes()
    for position in range(data.index(b"\n}\n") + 2, len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(RecordError, match="damaged|changed|not valid"):
            load_record(path)


def test_what_is_wrong_behind_its_object_is_told_with_the_name_of_its_file(tmp_path: Path) -> None:
    folder = version_1("model", tmp_path)
    path = folder / "record.json"
    written = path.read_bytes()
    path.write_bytes(written + b"x\n")
    with pytest.raises(RecordError, match=f"The record {path} is damaged: line 2 "):
        load_record(folder)
    path.write_bytes(written + written.splitlines(keepends=True)[-1])  # the last step once more
    with pytest.raises(RecordError, match=f"The record {path} (was changed|is not valid): "):
        load_record(folder)


def test_a_line_behind_its_object_that_was_cut_off_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    folder = version_1("model", tmp_path)
    path, whole = folder / "record.json", load_record(folder)
    path.write_bytes(path.read_bytes()[:-30])
    record = load_record(folder)
    assert len(record.steps) == 63 and record.interrupted is not None
    assert (record.interrupted.index, record.interrupted.name) == (63, whole.steps[63].name)
    run = open_run("model", run_id="quick", runs=tmp_path / "runs")
    run.step("late", lambda: 1)
    record = load_record(folder)
    assert len(record.steps) == 64 and record.steps[:63] == whole.steps[:63] and record.interrupted is None


def test_a_kill_between_the_two_files_of_its_first_writing_loses_nothing(tmp_path: Path) -> None:
    folder = version_1("edge", tmp_path)
    (folder / "steps.jsonl").write_bytes(b"")  # the state before record.json is replaced, at its worst
    assert len(load_record(folder).steps) == STEPS["edge"]
    open_run("edge", run_id="quick", runs=tmp_path / "runs").step("late", lambda: 1)
    assert len(load_record(folder).steps) == STEPS["edge"] + 1


def test_steps_of_the_wrong_type_are_named(tmp_path: Path) -> None:
    path = version_1("edge", tmp_path) / "record.json"
    fields = json.loads(path.read_text())
    fields.pop("digest")
    fields["steps"] = {}
    body = json.dumps(fields)[:-1]
    path.write_text(f'{body},\n"digest": "{sha256_text(body)}"\n}}\n')
    with pytest.raises(RecordError, match="field 'steps' is missing or of the wrong type"):
        load_record(path)
