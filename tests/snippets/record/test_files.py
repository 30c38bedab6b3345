"""A run's files as one process holds them, while others write to them too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snippets.errors import RecordError, StorageError
from snippets.record import files as record_files
from snippets.record.chain import genesis
from snippets.record.document import read_content
from snippets.record.files import RecordFiles

STEP = {
    "name": "s",
    "key": "k",
    "inputs": {},
    "result": 1,
    "notebook": "",
    "started_utc": "",
    "ended_utc": "",
    "seconds": 0.1,
    "host": "",
}
UTC = "2026-01-01T00:00:00.000000Z"


def opened(folder: Path, steps: int = 0) -> RecordFiles:
    files = RecordFiles(folder, "model")
    files.begin(UTC)
    files.save_head()
    for index in range(steps):
        files.add({**STEP, "index": index, "key": f"k{index}"}, durable=False)
    return files


def another(folder: Path) -> RecordFiles:
    files = RecordFiles(folder, "model")
    files.reload()
    return files


def test_steps_follow_each_other(tmp_path: Path) -> None:
    files = opened(tmp_path, 2)
    content = read_content(tmp_path)
    assert content.steps == files.steps and files.last == content.steps[1]["hash"]
    assert content.steps[0]["previous"] == genesis(files.head) and content.head["run_id"] == tmp_path.name


def test_what_another_wrote_is_seen_on_reloading(tmp_path: Path) -> None:
    first, second = opened(tmp_path, 1), another(tmp_path)
    first.add({**STEP, "index": 1, "key": "k1"}, durable=False)
    assert second.latest("k1") is None
    second.reload()
    assert second.latest("k1") == first.steps[1] and len(second.steps) == 2
    second.head["leases"].append({"id": "a"})
    second.save_head()
    first.reload()
    assert first.head["leases"] == [{"id": "a"}] and first.last == second.last


def test_two_that_take_turns_make_one_chain(tmp_path: Path) -> None:
    turns = [opened(tmp_path), another(tmp_path)]
    inode = (tmp_path / "steps.jsonl").stat().st_ino
    for index in range(6):
        turns[index % 2].reload()
        turns[index % 2].add({**STEP, "index": index, "key": f"k{index}"}, durable=False)
    assert [step["index"] for step in read_content(tmp_path).steps] == list(range(6))
    assert (tmp_path / "steps.jsonl").stat().st_ino == inode, "appended to, never replaced"


def test_files_that_nobody_touched_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = opened(tmp_path, 1)
    files.save_head()
    files.reload()
    monkeypatch.setattr(record_files, "read_content", lambda folder: pytest.fail("read again"))
    files.add({**STEP, "index": 1, "key": "k1"}, durable=False)
    files.reload()
    files.save_head()
    files.reload()


def test_the_newest_step_of_a_key_counts(tmp_path: Path) -> None:
    files = opened(tmp_path)
    for index in range(2):
        files.add({**STEP, "index": index}, durable=False)
    assert files.latest("k") == files.steps[1] == another(tmp_path).latest("k")
    assert files.latest("other") is None


def test_the_head_is_behind_until_it_is_saved(tmp_path: Path) -> None:
    files = opened(tmp_path)
    assert not files.behind
    files.add({**STEP, "index": 0}, durable=False)
    assert files.behind and another(tmp_path).behind
    files.save_head()
    assert not files.behind and not another(tmp_path).behind and read_content(tmp_path).known == 1


def test_steps_without_their_head_are_not_written_over(tmp_path: Path) -> None:
    opened(tmp_path, 1)
    (tmp_path / "record.json").unlink()
    before = (tmp_path / "steps.jsonl").read_bytes()
    with pytest.raises(RecordError, match="holds steps.jsonl, but its record.json is gone.*Restore it from a copy"):
        RecordFiles(tmp_path, "model").begin(UTC)
    assert (tmp_path / "steps.jsonl").read_bytes() == before
    (tmp_path / "steps.jsonl").write_bytes(b"")  # what a kill leaves between the two files of a new run
    assert opened(tmp_path).steps == []


def test_a_head_that_went_while_the_run_was_open_is_written_anew(tmp_path: Path) -> None:
    files = opened(tmp_path, 2)
    (tmp_path / "record.json").unlink()
    files.reload()
    files.add({**STEP, "index": 2, "key": "k2"}, durable=False)
    assert len(read_content(tmp_path).steps) == read_content(tmp_path).known == 3


@pytest.mark.parametrize("save", [True, False])
def test_an_interrupted_line_is_cut_off_by_the_next_write_without_touching_the_old_file(
    tmp_path: Path, save: bool
) -> None:
    opened(tmp_path, 2)
    path = tmp_path / "steps.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"ended')
    files = another(tmp_path)
    assert files.interrupted is not None and files.interrupted.index == 2 and path.read_bytes() == whole + b'{"ended'
    with path.open("rb") as follower:
        if save:
            files.save_head()
        else:
            files.add({**STEP, "index": 2, "key": "k2"}, durable=False)
        assert follower.read() == whole + b'{"ended'
    assert path.read_bytes().startswith(whole) and len(read_content(tmp_path).steps) == (2 if save else 3)
    assert files.interrupted is None and read_content(tmp_path).interrupted is None
    inode = path.stat().st_ino
    files.add({**STEP, "index": len(files.steps), "key": "k9"}, durable=False)
    assert path.stat().st_ino == inode, "appended again"


def full_disk(*_: Any) -> None:
    raise StorageError("The disk is full.")


def test_what_could_not_be_written_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = opened(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(record_files, "append", full_disk)
        patch.setattr(record_files, "write_head", full_disk)
        with pytest.raises(StorageError):
            files.add({**STEP, "index": 1, "key": "k1"}, durable=False)
        files.head["leases"].append({"id": "a"})
        with pytest.raises(StorageError):
            files.save_head()
    files.reload()
    assert files.latest("k1") is None and files.head["leases"] == [] and len(files.steps) == 1


def test_durability_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, asked = opened(tmp_path), []
    monkeypatch.setattr(record_files, "append", lambda path, step, durable: asked.append((path.name, durable)))
    for durable in (True, False):
        files.add({**STEP, "index": 0}, durable=durable)
    assert asked == [("steps.jsonl", True), ("steps.jsonl", False)]


def test_a_run_of_another_part_is_refused_whatever_else_is_wrong_with_it(tmp_path: Path) -> None:
    opened(tmp_path, 1).save_head()
    (tmp_path / "steps.jsonl").unlink()
    with pytest.raises(RecordError, match="holds a run of part 'model', not 'edge'; give another --runs"):
        RecordFiles(tmp_path, "edge").reload()
    with pytest.raises(RecordError, match="ends too early"):
        RecordFiles(tmp_path, "model").reload()


def test_a_run_without_steps_whose_steps_file_went_gets_another(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "steps.jsonl").unlink()
    files = another(tmp_path)
    files.add({**STEP, "index": 0}, durable=False)
    assert len(read_content(tmp_path).steps) == 1
