"""record.json and steps.jsonl, read as one: cut anywhere, changed anywhere, forged, it is told or harmless."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from snippets.errors import RecordError
from snippets.files import sha256_text
from snippets.record import document
from snippets.record.chain import genesis
from snippets.record.document import read_content, state, write_head, write_whole, written_ns
from snippets.record.run import load_record, open_run
from tests.snippets.record.folders import forge, measured, version_1


def test_both_files_are_json_that_anyone_reads() -> None:
    folder = measured(3, known=1).folder
    head = json.loads((folder / "record.json").read_text())
    steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().split("\n")[:-1]]
    assert head["schema_version"] == 2 and head["steps"] == {"count": 1, "last": steps[0]["hash"]}
    assert [step["name"] for step in steps] == ["step/0", "step/1", "step/2"]
    assert load_record(folder).verify() == []


def test_a_new_run_has_both_files_and_no_steps() -> None:
    folder = open_run("model").folder
    content = read_content(folder)
    assert (folder / "steps.jsonl").read_bytes() == b"" and content.steps == [] and content.known == 0
    assert json.loads((folder / "record.json").read_text())["steps"] == {"count": 0, "last": genesis(content.head)}


def test_a_truncated_head_is_named() -> None:
    path = measured().folder / "record.json"
    data = path.read_bytes()
    for length in (0, 1, len(data) // 2, len(data) - 3, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(RecordError, match="damaged|changed"):
            load_record(path.parent)
        with pytest.raises(RecordError):
            open_run("model")


def test_steps_cut_below_what_the_head_knows_of_are_named_at_every_length() -> None:
    path = measured(3).folder / "steps.jsonl"
    data = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(data) if byte == 10]
    for length in [*range(0, len(data), 11), *ends[:-1], len(data) - 1]:
        path.write_bytes(data[:length])
        os.utime(path, (0, 0))  # long ago: nobody waits for the rest
        whole = data[:length].count(b"\n")
        with pytest.raises(RecordError, match=f"it holds {whole} whole steps, and record.json knows of 3"):
            load_record(path.parent)
        with pytest.raises(RecordError, match="Restore it from a copy"):
            open_run("model")
    path.unlink()
    with pytest.raises(RecordError, match="it holds 0 whole steps"):
        load_record(path.parent)


def test_the_last_of_the_steps_that_the_head_knows_of_must_be_there() -> None:
    folder = measured(2).folder
    path = folder / "steps.jsonl"
    whole = path.read_bytes()
    forge(folder, lambda head, steps: steps.pop())
    path.write_bytes(whole)
    assert len(load_record(folder).steps) == 2
    forge(folder, lambda head, steps: steps[1].update(seconds=9.0), chain=True)
    path.write_bytes(whole)
    with pytest.raises(RecordError, match="step 1 is another one than record.json knows of"):
        load_record(folder)


def test_a_negative_number_of_steps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = measured(2).folder
    text = (folder / "record.json").read_text().replace('"count":2', '"count":-1')
    body = text.partition(',\n"digest"')[0]
    (folder / "record.json").write_text(f'{body},\n"digest": "{sha256_text(body)}"\n}}\n')
    with pytest.raises(RecordError, match="knows of -1"):
        load_record(folder)


@pytest.mark.parametrize(("name", "stride"), [("record.json", 5), ("steps.jsonl", 3)])
def test_every_flipped_byte_is_noticed(name: str, stride: int) -> None:
    path = measured(3, known=2).folder / name
    data = path.read_bytes()
    for position in [*range(0, len(data), stride), *range(len(data) - 8, len(data))]:
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(RecordError, match="damaged|changed|not valid|not a run record|schema version"):
            load_record(path)
    path.write_bytes(data)
    assert load_record(path.parent).verify() == []


def test_a_last_line_that_a_kill_cut_off_counts_as_never_written_and_is_named() -> None:
    run = measured(3, known=2)
    path = run.folder / "steps.jsonl"
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        os.utime(path, (0, 0))  # long ago: nobody waits for the rest
        record = load_record(path)
        assert record.names() == ("step/0", "step/1"), length
        assert record.interrupted is not None and record.interrupted.index == 2, length
    assert record.interrupted.name == "step/2"
    path.write_bytes(whole[:start])
    assert load_record(path).interrupted is None


def test_a_run_goes_on_after_a_cut_line_and_measures_its_step_again() -> None:
    run = measured(3, known=2)
    path = run.folder / "steps.jsonl"
    path.write_bytes(path.read_bytes()[:-9])  # another process was killed while this one had the run open
    again = run.step("step/2", lambda n: n, 3)
    assert again == 3 and load_record(path).interrupted is None
    assert load_record(path).names() == ("step/0", "step/1", "step/2") and load_record(path).verify() == []


def test_a_changed_step_breaks_the_chain_even_with_a_fitting_head() -> None:
    folder = measured().folder
    forge(folder, lambda head, steps: steps[1].update(seconds=0.001))
    with pytest.raises(RecordError, match=r"steps.jsonl was changed: step 1 \('step/1'\) does not follow"):
        load_record(folder)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_removed_step_breaks_the_chain_or_the_count(index: int) -> None:
    folder = measured().folder
    lines = (folder / "steps.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "steps.jsonl").write_bytes(b"".join(lines[:index] + lines[index + 1 :]))
    with pytest.raises(RecordError, match="does not follow|ends too early"):
        load_record(folder)


def test_a_whole_chain_made_anew_is_read_for_no_hash_tells_who_made_it() -> None:
    folder = measured().folder
    forge(folder, lambda head, steps: steps[1].update(seconds=0.5), chain=True)
    assert load_record(folder).steps[1].seconds == 0.5


def test_the_head_of_another_run_does_not_fit_the_steps() -> None:
    folder = measured().folder
    forge(folder, lambda head, steps: head.update(run_id="other"))
    with pytest.raises(RecordError, match="step 0 .* does not follow"):
        load_record(folder)


def test_an_answer_after_a_step_that_is_not_there_is_named() -> None:
    run = measured(2)
    run.answer("model.graph.gain", 2)
    assert load_record(run.folder).answers[0]["after"] == load_record(run.folder).links[2]
    forge(run.folder, lambda head, steps: head["answers"][0].update(after="0" * 64))
    with pytest.raises(RecordError, match="the answer to model.graph.gain was given after a step that is not there"):
        load_record(run.folder)


@pytest.mark.parametrize("change", [{"name": 3}, {"seconds": "1"}, {"inputs": []}])
def test_a_step_of_the_wrong_form_is_named(change: dict[str, Any]) -> None:
    folder = measured().folder
    forge(folder, lambda head, steps: steps[2].update(change), chain=True)
    with pytest.raises(RecordError, match=f"not valid: step 2: the field '{next(iter(change))}'"):
        load_record(folder)


def test_a_forged_path_does_not_leave_the_folder() -> None:
    folder = measured().folder
    forge(folder, lambda head, steps: steps[1]["result"]["values"].update({"$array": "../samples/0001"}), chain=True)
    with pytest.raises(RecordError, match="names a file outside its folder"):
        load_record(folder).result("step/1")


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run record"):
        load_record(tmp_path / "nowhere")


def test_the_state_changes_with_either_file_and_only_then() -> None:
    folder = measured().folder
    before = state(folder)
    assert state(folder) == before and len(set(before)) == 2
    for name in ("record.json", "steps.jsonl"):
        with (folder / name).open("ab") as file:
            file.write(b" ")
        assert state(folder) != before
        before = state(folder)
    data = (folder / "record.json").read_bytes()
    (folder / "new").write_bytes(data)
    os.utime(folder / "new", ns=(before[0][2], before[0][2]))
    (folder / "new").rename(folder / "record.json")
    assert state(folder) != before, "another file of the same size and time"


def test_the_record_was_written_when_the_later_of_its_files_was(tmp_path: Path) -> None:
    assert written_ns(tmp_path) == 0
    folder = measured().folder
    for head, steps in ((5, 7), (8, 7)):
        os.utime(folder / "record.json", ns=(head, head))
        os.utime(folder / "steps.jsonl", ns=(steps, steps))
        assert written_ns(folder) == max(head, steps)


def test_steps_are_on_the_disk_before_the_head_that_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = measured(2, known=1).folder
    content, order = read_content(folder), []
    real = document.write_atomic
    monkeypatch.setattr(document, "flush", lambda path: order.append(("flush", path.name)))
    monkeypatch.setattr(
        document,
        "write_atomic",
        lambda path, data, durable=False: (order.append((path.name, durable)), real(path, data, durable=durable)),
    )
    write_head(folder, content.head, content.steps)
    write_whole(folder, content.head, content.steps)
    assert order == [("flush", "steps.jsonl"), ("record.json", True), ("steps.jsonl", True), ("record.json", True)]
    assert read_content(folder).known == 2


def test_whoever_reads_while_another_writes_sees_whole_records_only() -> None:
    run = open_run("model")
    seen, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            record = load_record(run.folder)
            seen.append((len(record.steps), len(record.answers), record.interrupted))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        run.step(f"step/{number}", lambda: "x" * 20_000)
        if number % 3 == 0:
            run.answer("q", number)
    while len(seen) < 10:
        assert reader.is_alive(), "a read failed"
    stop.set()
    reader.join()
    assert [counts[:2] for counts in seen] == sorted(counts[:2] for counts in seen)
    assert {interrupted for _, _, interrupted in seen} == {None}


def test_a_record_of_version_1_is_told_apart_and_brought_to_this_version_in_memory(tmp_path: Path) -> None:
    content = read_content(version_1("edge", tmp_path))
    assert (content.version, content.head["schema_version"], content.known, len(content.steps)) == (1, 2, 26, 26)
    content = read_content(version_1("model", tmp_path / "model"))
    assert (content.version, content.known, len(content.steps)) == (1, 63, 64)
    assert read_content(measured(2).folder).version == 2
