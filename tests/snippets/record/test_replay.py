"""A replay only reads: no folder, no machine, no lock, no line of progress, and it needs no right to write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snippets.errors import RecordError, RunLocked
from snippets.record.lock import acquire
from snippets.record.run import default_runs, load_record, open_run
from tests.snippets.record.folders import listing, measured, seal, value


def fail(*_: object) -> Any:
    raise AssertionError("a replay measures nothing")


def replay() -> Any:
    return open_run("model", notebook="2_graph", mode="replay", parameters={"threads": 7})


def test_all_that_a_notebook_does_leaves_a_sealed_folder_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    run = measured(3)
    run.answer("q", 1)
    (run.folder / "models").rmdir()
    seal(default_runs())
    before = listing(default_runs())
    monkeypatch.setattr("snippets.record.run.host_facts", fail)
    monkeypatch.setenv("SERVELAB_LEASE", '{"id": "other"}')
    run = replay()
    assert run.step("step/1", fail, inputs={"n": 2})["values"].tolist() == [0, 1]
    assert run.has("step/2") and not run.has("step/3")
    assert run.answer("q", 1)["value"] == 1
    with pytest.raises(RecordError, match="only replayed: no answer to q is added"):
        run.answer("q", 2)
    with pytest.raises(RecordError, match="The step 'new' of notebook 2_graph is not in the record"):
        run.step("new", fail)
    figure = plt.figure()
    assert run.figure("latency", figure) == run.folder / "figures/latency.png"
    plt.close(figure)
    assert run.screenshot("page", b"png") == run.folder / "screens/page.png"
    record = run.record()
    assert record.verify() == [] and len(record.hosts) == 1 and record.leases == () and record.parameters == {}
    assert listing(default_runs()) == before


@pytest.mark.parametrize(
    ("made_by", "ours", "told"),
    [
        ("a" * 40, "b" * 40, True),
        ("a" * 40, "a" * 40, False),
        ("", "b" * 40, False),
        ("a" * 40, "", False),
    ],
)
def test_a_run_of_another_commit_of_the_kit_is_named_where_it_cannot_be_replayed(
    made_by: str, ours: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"id": "host", "kit": {"commit": made_by} if made_by else {}}
    monkeypatch.setattr("snippets.record.run.host_facts", lambda: facts)
    monkeypatch.setattr("snippets.record.run.kit_commit", lambda: {"commit": ours} if ours else {})
    measured(1)
    with pytest.raises(RecordError) as refused:
        replay().step("new", fail)
    assert ("made by commit aaaaaaaaaaaa of the kit, and this is bbbbbbbbbbbb" in str(refused.value)) == told


def test_without_a_record_nothing_is_made() -> None:
    with pytest.raises(RecordError, match="no record to replay in .*servelab run model"):
        replay()
    assert not default_runs().exists()


def test_it_goes_on_beside_a_process_that_measures() -> None:
    folder = measured(2).folder
    with acquire(folder / ".lock", "1_baseline"), acquire(folder / ".run.lock", "servelab run"):
        assert replay().step("step/0", fail, inputs={"n": 1})["values"].tolist() == [0]
        with pytest.raises(RunLocked):
            open_run("model")


def test_it_sees_what_was_measured_since_it_was_opened() -> None:
    run = measured(1)
    replayed = replay()
    run.step("later", lambda: 5)
    assert replayed.has("later") and replayed.step("later", fail, inputs={}) == 5


def test_an_interrupted_line_is_left_for_whoever_writes_next() -> None:
    path = measured(3, known=2).folder / "steps.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    before = listing(path.parent)
    run = replay()
    assert run.step("step/1", fail, inputs={"n": 2})["text"] == value(2)["text"]
    with pytest.raises(RecordError, match="'step/2' .* is not in the record"):
        run.step("step/2", fail, inputs={"n": 3})
    assert listing(path.parent) == before


def test_a_step_whose_file_is_gone_or_changed_is_told_apart_from_a_missing_one() -> None:
    run = open_run("model")

    def export() -> Path:
        (run.models / "m.onnx").write_bytes(b"graph")
        return run.models / "m.onnx"

    path = run.step("export", export)
    assert replay().step("export", fail, inputs={}) == path
    path.write_bytes(b"other")
    with pytest.raises(RecordError, match="'export' .* needs models/m.onnx, which is gone or changed"):
        replay().step("export", fail, inputs={})


def test_its_progress_goes_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = measured(1).folder
    before = listing(folder)
    monkeypatch.setenv("SERVELAB_PROGRESS", str(tmp_path / "progress.jsonl"))
    replay().step("step/0", fail, inputs={"n": 1})
    line = json.loads((tmp_path / "progress.jsonl").read_text())
    assert (line["step"], line["state"], line["notebook"]) == ("step/0", "replayed", "2_graph")
    assert listing(folder) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a read-only file system needs root")
def test_a_file_system_that_cannot_be_written_is_no_hindrance() -> None:
    folder = measured(2).folder
    script = (
        "from snippets.record.run import open_run; "
        "print(open_run('model', mode='replay').step('step/1', None, inputs={'n': 2})['values'])"
    )
    mount = (
        f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && "
        f'! touch {folder}/x 2>/dev/null && {sys.executable} -c "$SCRIPT"'
    )
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount],
        env={**os.environ, "SCRIPT": script},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        pytest.skip(f"this container may not mount: {ended.stderr.strip()}")
    assert ended.stdout == "[0 1]\n", ended.stderr


def test_a_record_of_another_part_is_refused() -> None:
    folder = measured(1).folder
    (folder.parent.parent / "edge").mkdir()
    folder.rename(folder.parent.parent / "edge" / "mine")
    with pytest.raises(RecordError, match="holds a run of part 'model', not 'edge'"):
        open_run("edge", mode="replay")
    assert load_record(folder.parent.parent / "edge" / "mine").part == "model"
