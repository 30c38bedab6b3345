"""steps.jsonl alone: a canonical line a step, appended in one write, and a line that a kill cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from snippets.errors import RecordError, StorageError
from snippets.record import steps
from snippets.record.steps import Interrupted, append, flush, line, parse, read_steps

PATH = Path("steps.jsonl")
KEY = "0" * 64


def step(index: int, **fields: Any) -> dict[str, Any]:
    return {"index": index, "key": KEY, "name": f"s/{index}", "text": "ü\u2028", **fields}


def test_a_line_has_sorted_keys_and_no_spaces() -> None:
    assert line({"b": [1, 2], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,2]}\n'.encode()


def test_appended_steps_are_read_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.touch()
    for index in range(3):
        append(path, step(index))
    assert read_steps(path) == ([step(0), step(1), step(2)], None)
    assert path.read_bytes() == b"".join(line(step(index)) for index in range(3))


def test_no_file_holds_no_steps(tmp_path: Path) -> None:
    assert read_steps(tmp_path / "steps.jsonl") == ([], None)
    assert parse(b"", PATH) == ([], None)


def test_a_file_that_cannot_be_read_is_named_and_one_that_is_damaged_too(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=f"^{tmp_path}/folder cannot be written"):
        read_steps(tmp_path / "folder")
    path = tmp_path / "steps.jsonl"
    path.write_bytes(b"steps\n")
    with pytest.raises(RecordError, match=f"The record {path} is damaged"):
        read_steps(path)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"steps",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":1}{"a":1}',
        b'{"a":"\xff"}',
        b"[" * 200_000,
        b' {"a":1}',
        b'{"a":1}\r',
        b'{"a":"\\u00fc"}',
        b'{"a":1,"a":1}',
    ],
)
def test_a_line_that_is_not_as_it_was_written_is_named_by_its_number(bad: bytes) -> None:
    data = line(step(0)) + bad + b"\n" + line(step(1))
    with pytest.raises(RecordError, match="steps.jsonl is damaged: line 2 of its steps is no step. Restore it"):
        parse(data, PATH)


def test_a_cut_line_does_not_count_and_is_named_where_its_name_is_there() -> None:
    data = line(step(0, name='a "quoted" \\ name'))
    with_name = data.index(b'"text"') - 1
    assert parse(data[:-1], PATH, first=5) == ([], Interrupted(5, 'a "quoted" \\ name'))
    assert parse(line(step(7)) + data[:with_name], PATH) == ([step(7)], Interrupted(1, 'a "quoted" \\ name'))
    assert parse(data[: with_name - 1], PATH) == ([], Interrupted(0, ""))
    assert parse(line(step(0))[:-5], PATH)[1] == Interrupted(0, "s/0"), "cut in the middle of a character"
    assert parse(data[:1], PATH) == ([], Interrupted(0, ""))
    assert parse(b"[" * 200_000, PATH) == ([], Interrupted(0, ""))


def test_a_name_among_the_inputs_is_not_taken_for_the_steps() -> None:
    data = line({"inputs": {"file": {"name": "m.onnx"}}, "key": KEY, "name": "export", "result": 1})
    assert parse(data[:-3], PATH)[1] == Interrupted(0, "export")
    assert parse(data[: data.index(b'"key"')], PATH)[1] == Interrupted(0, "")


def test_it_says_what_becomes_of_the_interrupted_step() -> None:
    assert str(Interrupted(12, "graph/all")) == (
        "The step 'graph/all' (step 12) was interrupted while it was written; it does not count, and is measured again."
    )
    assert str(Interrupted(12, "")).startswith("The step number 12 was interrupted")


@pytest.mark.parametrize("end", [b"\x0b", b" ", b"x", b"}"])
def test_an_end_of_line_that_was_changed_is_not_taken_for_a_cut(end: bytes) -> None:
    with pytest.raises(RecordError, match="steps.jsonl is damaged: its last line goes on behind its step"):
        parse(line(step(0)) + line(step(1))[:-1] + end, PATH)


def test_a_line_that_the_disk_takes_half_of_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_bytes(line(step(0)))
    write = os.write
    monkeypatch.setattr(steps.os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:-1]))
    with pytest.raises(StorageError, match="The disk is full.*free some space"):
        append(path, step(1))
    assert path.read_bytes() == line(step(0))


def test_a_step_is_never_written_where_no_steps_are(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="steps.jsonl"):
        append(tmp_path / "steps.jsonl", step(0))
    with pytest.raises(StorageError, match="steps.jsonl"):
        flush(tmp_path / "steps.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_only_a_durable_line_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "steps.jsonl", []
    path.touch()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    append(path, step(0))
    assert synced == []
    append(path, step(1), durable=True)
    flush(path)
    assert synced == [path.stat().st_size] * 2


def test_each_step_is_one_write_so_that_a_follower_sees_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writes, write = tmp_path / "steps.jsonl", [], os.write
    path.touch()
    monkeypatch.setattr(os, "write", lambda descriptor, data: (writes.append(bytes(data)), write(descriptor, data))[1])
    append(path, step(0))
    assert writes == [line(step(0))] and json.loads(writes[0])["name"] == "s/0"


def test_a_line_that_is_just_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, whole = tmp_path / "steps.jsonl", line(step(0))
    path.write_bytes(whole[:30])
    monkeypatch.setattr(steps.time, "sleep", lambda seconds: path.write_bytes(whole))
    assert read_steps(path) == ([step(0)], None)


def test_a_line_that_stays_cut_is_waited_for_a_quarter_of_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, waited = tmp_path / "steps.jsonl", []
    path.write_bytes(line(step(0))[:-1])
    monkeypatch.setattr(steps.time, "sleep", waited.append)
    monkeypatch.setattr(steps.time, "monotonic", lambda: 0.1 * len(waited))
    assert read_steps(path) == ([], Interrupted(0, "s/0"))
    assert waited == [0.001] * 3, "at 0, 0.1 and 0.2 s"


def test_nobody_waits_for_a_line_that_was_cut_long_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_bytes(line(step(0))[:-1])
    monkeypatch.setattr(steps.time, "sleep", lambda seconds: pytest.fail("it waited"))
    monkeypatch.setattr(steps.time, "time", lambda: 1001.5)
    os.utime(path, (1000, 1000))
    assert read_steps(path) == ([], Interrupted(0, "s/0"))
    path.write_bytes(line(step(0)))
    os.utime(path, (1001.5, 1001.5))
    assert read_steps(path) == ([step(0)], None), "nor for one that is whole"
