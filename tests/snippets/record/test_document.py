"""Short steps are appended behind the record's object: cut anywhere, changed anywhere, it is told or harmless."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from snippets.errors import RecordError, StorageError
from snippets.record import document as record_file
from snippets.record.run import Run, load_record, open_run


def value(n: int) -> dict:
    return {"values": np.arange(n), "text": "line\u2028separator, ü"}


def appended(steps: int = 3) -> Run:
    """A run whose object holds a step, with further ones behind it."""
    run = open_run("model")
    run.step("step/0", value, 1)
    run = open_run("model")
    for index in range(1, steps):
        run.step(f"step/{index}", value, index + 1)
    return run


def lines_behind(folder: Path) -> list[str]:
    text = (folder / "record.json").read_text()
    return text[json.JSONDecoder().raw_decode(text)[1] + 1 :].split("\n")[:-1]


def test_a_short_step_is_appended_and_the_next_replacement_takes_it_in() -> None:
    run = appended()
    assert [json.loads(line)["name"] for line in lines_behind(run.folder)] == ["step/1", "step/2"]
    assert load_record(run.folder).names() == ("step/0", "step/1", "step/2")
    assert load_record(run.folder).verify() == []
    run.answer("q1", 2)
    assert lines_behind(run.folder) == []
    assert len(json.loads((run.folder / "record.json").read_text())["steps"]) == 3
    assert load_record(run.folder).verify() == []


def test_opening_a_run_takes_the_appended_steps_in() -> None:
    folder = appended().folder
    open_run("model", mode="replay")
    assert json.loads((folder / "record.json").read_text())["steps"][2]["name"] == "step/2"


def test_a_long_step_replaces_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    run = appended()
    monkeypatch.setattr("snippets.record.run.SHORT_S", 0.0)
    run.step("step/3", value, 4)
    assert lines_behind(run.folder) == [] and len(load_record(run.folder).names()) == 4


def test_a_last_line_that_a_kill_cut_off_counts_as_never_written() -> None:
    run = appended()
    path = run.folder / "record.json"
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start, len(whole)):
        path.write_bytes(whole[:length])
        assert load_record(path).names() == ("step/0", "step/1"), length
    again = open_run("model")
    path.write_bytes(whole[:-9])  # another process was killed while this one had the run open
    assert again.step("step/2", value, 3)["values"].tolist() == [0, 1, 2]
    assert load_record(path).names() == ("step/0", "step/1", "step/2") and load_record(path).verify() == []


def test_every_flipped_byte_of_an_appended_step_is_noticed() -> None:
    path = appended().folder / "record.json"
    data = path.read_bytes()
    for position in range(data.index(b"\n}\n") + 2, len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(RecordError, match="damaged|changed|not valid"):
            load_record(path)


@pytest.mark.parametrize("line", ["null", "{}", "[1]", '{"index":NaN}', "steps"])
def test_a_line_that_is_no_step_is_named(line: str) -> None:
    path = appended().folder / "record.json"
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RecordError, match="not valid.*Restore it from a copy"):
        load_record(path)


def test_a_step_taken_out_of_the_middle_breaks_the_chain() -> None:
    path = appended(steps=4).folder / "record.json"
    lines = lines_behind(path.parent)
    path.write_text(path.read_text().replace(lines[1] + "\n", ""))
    with pytest.raises(RecordError, match="does not follow"):
        load_record(path)


def test_two_open_runs_append_to_one_file() -> None:
    first, second = open_run("model", notebook="1_a"), open_run("model", notebook="2_b")
    for index in range(6):
        (first, second)[index % 2].step(f"step/{index}", value, index)
    record = load_record(first.folder)
    assert len(record.names()) == 6 and record.verify() == []


def test_a_line_that_the_disk_takes_half_of_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    run = appended()
    before = (run.folder / "record.json").read_bytes()
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(record_file.os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:20]))
        document = record_file.read_document(run.folder / "record.json")
        with pytest.raises(StorageError, match="The disk is full.*free some space"):
            record_file.append_step(run.folder / "record.json", document)
    assert (run.folder / "record.json").read_bytes() == before


def test_a_step_that_could_not_be_written_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run, calls = appended(), []

    def refuse(path: Path, document: record_file.Document) -> None:
        raise record_file.storage_error(OSError(errno.ENOSPC, "No space left on device"), path)

    with monkeypatch.context() as patch:
        patch.setattr("snippets.record.run.append_step", refuse)
        with pytest.raises(StorageError):
            run.step("late", lambda: calls.append(1))
    run.step("late", lambda: calls.append(2))
    assert calls == [1, 2] and load_record(run.folder).names()[-1] == "late"
    assert load_record(run.folder).verify() == []


def test_a_record_that_is_gone_is_written_whole() -> None:
    run = appended()
    (run.folder / "record.json").unlink()
    run.step("step/3", value, 4)
    assert len(load_record(run.folder).names()) == 4
