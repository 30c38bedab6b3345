"""A run record keeps every finished step, replays it, and names what is wrong with a damaged one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snippets.errors import RecordError, RunLocked, StorageError, UsageError
from snippets.record.document import read_document
from snippets.record.run import latest_run, load_record, open_run
from snippets.record.values import sha256_text


class Counter:
    """A measurement that counts how often it ran."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, n: int = 5, scale: float = 1.0) -> dict:
        self.calls += 1
        return {"latency_ms": np.arange(n) * scale, "threads": 1, "note": "ok", "odd": [math.inf, None, True]}


def measure(run, counter: Counter, name: str = "graph/all/latency", **kwargs):
    return run.step(name, counter, inputs=kwargs, **kwargs)


def test_a_step_runs_once_and_replays_the_same_result() -> None:
    counter = Counter()
    first = measure(open_run("model"), counter, n=5)
    again = measure(open_run("model"), counter, n=5)
    assert counter.calls == 1
    assert first["latency_ms"].tolist() == again["latency_ms"].tolist() == [0, 1, 2, 3, 4]
    assert {**first, "latency_ms": None} == {**again, "latency_ms": None}


def test_changed_inputs_are_a_new_step() -> None:
    counter, run = Counter(), open_run("model")
    measure(run, counter, n=5)
    measure(run, counter, n=6)
    assert counter.calls == 2
    assert load_record(run.folder).result("graph/all/latency")["latency_ms"].size == 6


def test_a_changed_input_file_is_a_new_step(tmp_path: Path) -> None:
    model, calls = tmp_path / "model.onnx", []
    run = open_run("model")
    for content in (b"one", b"one", b"two"):
        model.write_bytes(content)
        run.step("size", lambda path: calls.append(path) or path.stat().st_size, model, inputs={"model": model})
    assert len(calls) == 2


def test_arguments_decide_the_key_when_no_inputs_are_given() -> None:
    run, seen = open_run("model"), []

    def double(value: int, by: float = 2.0) -> float:
        seen.append(value)
        return value * by

    assert [run.step("double", double, v, by=b) for v, b in ((1, 2.0), (1, 2.0), (2, 2.0), (1, 3.0))] == [2, 2, 4, 3]
    assert seen == [1, 2, 1]


def test_an_input_without_content_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be hashed.*inputs="):
        open_run("model").step("x", lambda session: 1, object())


def test_a_result_that_json_and_numpy_cannot_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="return numbers, text, lists"):
        open_run("model").step("x", lambda: {"session": object()})
    with pytest.raises(UsageError, match="Python objects"):
        open_run("model").step("y", lambda: np.array([object()]))


def test_a_step_that_raises_is_not_recorded_and_runs_again() -> None:
    run, fate = open_run("model"), [ValueError("noise"), {"value": 1}]

    def fragile() -> dict:
        outcome = fate.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(ValueError, match="noise"):
        run.step("fragile", fragile)
    assert not run.has("fragile")
    assert run.step("fragile", fragile) == {"value": 1}


def test_replay_raises_for_a_missing_step_and_names_it() -> None:
    measure(open_run("model"), Counter(), n=5)
    run = open_run("model", mode="replay", notebook="2_graph")
    assert measure(run, Counter(), n=5)["threads"] == 1
    with pytest.raises(RecordError, match=r"'graph/all/latency' of notebook 2_graph.*servelab run model"):
        measure(run, Counter(), n=9)


def test_replay_needs_a_record() -> None:
    with pytest.raises(RecordError, match="no record to replay"):
        open_run("model", mode="replay")


def test_fresh_measures_again_but_only_once() -> None:
    counter = Counter()
    measure(open_run("model"), counter)
    run = open_run("model", mode="fresh")
    measure(run, counter)
    measure(run, counter)
    assert counter.calls == 2


def test_fresh_notebooks_of_one_run_share_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter()
    measure(open_run("model"), counter)
    monkeypatch.setenv("SERVELAB_FRESH_SINCE", "2000-01-01T00:00:00.000000Z")
    measure(open_run("model", mode="fresh"), counter)
    assert counter.calls == 1


def test_an_artifact_that_is_gone_or_changed_is_made_again() -> None:
    run, calls = open_run("model"), []

    def export() -> dict:
        calls.append(1)
        path = run.models / "m.onnx"
        path.write_bytes(b"graph")
        return {"file": path}

    path = run.step("export", export)["file"]
    assert path == run.models / "m.onnx"
    path.unlink()
    run.step("export", export)
    path.write_bytes(b"other")
    run.step("export", export)
    run.step("export", export)
    assert len(calls) == 3


def test_an_artifact_outside_the_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    with pytest.raises(UsageError, match="not under the run's folder"):
        open_run("model").step("export", lambda: {"file": tmp_path / "m.onnx"}, inputs={})


def test_two_open_notebooks_add_to_one_record() -> None:
    first, second = open_run("model", notebook="1_a"), open_run("model", notebook="2_b")
    first.step("a", lambda: 1)
    second.step("b", lambda: 2)
    first.step("c", lambda: 3)
    record = load_record(first.folder)
    assert record.names() == ("a", "b", "c") and record.verify() == []


def test_answers_keep_their_time_and_what_had_been_measured() -> None:
    run = open_run("model", notebook="2_graph")
    before = run.answer("q1", "faster", steps=["graph/all/latency"])
    measure(run, Counter())
    after = run.answer("q1", "slower", steps=["graph/all/latency"])
    assert before["measured"] == [] and after["measured"] == ["graph/all/latency"]
    assert run.answer("q1", "slower") == after
    assert [a["value"] for a in load_record(run.folder).answers] == ["faster", "slower"]


def test_figures_and_screenshots_are_listed_with_their_hash() -> None:
    import matplotlib.pyplot as plt

    run = open_run("model", notebook="1_baseline")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    run.figure("latency", figure)
    plt.close(figure)
    run.screenshot("page", b"\x89PNG not really")
    record = load_record(run.folder)
    assert record.figures["latency"]["$file"] == "figures/latency.png"
    assert record.screenshots["page"]["notebook"] == "1_baseline"
    assert record.verify() == []
    (run.folder / "screens/page.png").write_bytes(b"other")
    assert record.verify() == ["the file screens/page.png was changed after it was recorded"]


def test_the_record_is_valid_by_its_published_schema_and_names_the_host() -> None:
    run = open_run("model", notebook="1", parameters={"threads": 2, "data": "rehearsal"})
    measure(run, Counter())
    record = load_record(run.folder)
    assert record.verify() == []
    assert record.host["cpu"]["cores"] >= 1 and record.host["packages"]["numpy"] == np.__version__
    assert record.parameters == {"1": {"threads": 2, "data": "rehearsal"}}


def test_latest_run_is_the_one_written_last() -> None:
    assert latest_run("model") is None
    for name in ("one", "two", "three"):
        measure(open_run("model", run_id=name), Counter())
    for age, name in enumerate(("three", "one", "two")):
        path = open_run("model", run_id=name).folder / "record.json"
        os.utime(path, (1000 - age, 1000 - age))
    latest = latest_run("model")
    assert latest is not None and latest.name == "three"


def recorded(steps: int = 3) -> Path:
    run = open_run("model")
    for index in range(steps):
        run.step(f"step/{index}", lambda n: {"values": np.arange(n)}, index + 1)
    return open_run("model").folder  # which takes the appended steps into the record's object


def test_a_truncated_record_is_named(tmp_path: Path) -> None:
    path = recorded() / "record.json"
    data = path.read_bytes()
    for length in (0, 1, len(data) // 2, len(data) - 3):
        path.write_bytes(data[:length])
        with pytest.raises(RecordError, match="damaged|changed"):
            load_record(path.parent)
        with pytest.raises(RecordError):
            open_run("model")


def test_every_flipped_byte_is_noticed() -> None:
    path = recorded() / "record.json"
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(RecordError):
            load_record(path.parent)
    path.write_bytes(data)
    assert load_record(path.parent).verify() == []


def test_a_flipped_byte_in_the_samples_is_noticed() -> None:
    folder = recorded()
    sample = next(iter(sorted((folder / "samples").glob("*step-1*"))))
    data = bytearray(sample.read_bytes())
    data[-1] ^= 1
    sample.write_bytes(data)
    record = load_record(folder)
    with pytest.raises(RecordError, match="changed after they were recorded"):
        record.result("step/1")
    assert len(record.verify()) == 1
    sample.unlink()
    with pytest.raises(RecordError, match="missing"):
        record.result("step/1")


def forge(path: Path, change) -> None:
    """Rewrite a record with a change and a digest that fits it, as somebody who reads this file could."""
    document = read_document(path)
    change(document)
    document._texts = [json.dumps(step, sort_keys=True, separators=(",", ":")).encode() for step in document.steps]
    document._body = None
    path.write_bytes(b"".join(document.content()))


def test_a_changed_step_breaks_the_chain_even_with_a_new_digest() -> None:
    path = recorded() / "record.json"
    forge(path, lambda document: document.steps[1].update(seconds=0.001))
    with pytest.raises(RecordError, match=r"step 1 \('step/1'\) does not follow"):
        load_record(path)


def test_a_removed_step_breaks_the_chain() -> None:
    path = recorded() / "record.json"
    forge(path, lambda document: document.steps.pop(1))
    with pytest.raises(RecordError, match="does not follow"):
        load_record(path)


def test_a_newer_schema_is_named() -> None:
    path = recorded() / "record.json"
    forge(path, lambda document: document.head_fields.update(schema_version=99))
    with pytest.raises(RecordError, match="schema version 99; this kit reads up to 1. Update the kit"):
        load_record(path)


def test_another_file_is_not_a_record(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"schema": "other"}')
    with pytest.raises(RecordError, match="not a run record"):
        load_record(tmp_path)
    with pytest.raises(RecordError, match="no run record"):
        load_record(tmp_path / "nowhere")


def test_a_forged_path_does_not_leave_the_folder() -> None:
    path = recorded() / "record.json"
    text = path.read_text().replace("samples/0001", "../amples/0001")
    body = text.rpartition(',\n"digest"')[0]
    path.write_text(body + ',\n"digest": "' + sha256_text(body) + '"\n}\n')
    with pytest.raises(RecordError):
        load_record(path).result("step/1")


def test_a_run_of_another_part_is_refused() -> None:
    folder = recorded()
    (folder.parent.parent / "edge").mkdir()
    folder.rename(folder.parent.parent / "edge" / "mine")
    with pytest.raises(RecordError, match="holds a run of part 'model', not 'edge'"):
        open_run("edge")


@pytest.mark.parametrize(("field", "value"), [("mode", "again"), ("run_id", "../x"), ("part", "a b")])
def test_bad_names_are_refused(field: str, value: str) -> None:
    with pytest.raises(UsageError, match=repr(value)):
        open_run(**{"part": "model", field: value})


def test_a_second_process_is_refused_while_one_measures() -> None:
    run = open_run("model", notebook="1_baseline")
    script = "from snippets.record.run import open_run; open_run('model').step('b', lambda: 1)"

    def other() -> dict:
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        return {"rc": ended.returncode, "err": ended.stderr}

    result = run.step("a", other)
    assert result["rc"] == 1 and RunLocked.__name__ in result["err"]
    assert f"pid {os.getpid()} (1_baseline) is measuring" in result["err"]
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError):
        (tmp_path / "file" / "x").mkdir(parents=True)
    blocked = tmp_path / "sealed"
    blocked.mkdir(mode=0o500)
    if os.access(blocked, os.W_OK):
        pytest.skip("this user may write everywhere; the read-only file system test covers it")
    with pytest.raises(StorageError, match="--runs"):
        open_run("model", runs=blocked)


FULL_DISK = """
import resource, sys
import numpy as np
from snippets.record.run import load_record, open_run
from snippets.errors import StorageError
run = open_run("model")
run.step("small", lambda: 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    run.step("large", lambda: {"samples": np.zeros(100_000)})
except StorageError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert load_record(run.folder).names() == ("small",) and load_record(run.folder).verify() == []
run.step("large", lambda: {"samples": np.zeros(100_000)})
assert load_record(run.folder).names() == ("small", "large")
"""


def test_a_write_that_the_disk_refuses_loses_nothing_and_can_be_repeated() -> None:
    preamble = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
    script = FULL_DISK.replace("(200_000, 200_000)", "(200_000, resource.RLIM_INFINITY)")
    ended = subprocess.run([sys.executable, "-c", preamble + script], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "The disk is full" in ended.stdout and "free some space" in ended.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a read-only file system needs root")
@pytest.mark.parametrize(("options", "message"), [("ro", "cannot be written"), ("size=64k", "The disk is full")])
def test_a_real_full_or_read_only_disk(tmp_path: Path, options: str, message: str) -> None:
    script = (
        "import numpy as np; from snippets.record.run import open_run; from snippets.errors import StorageError\n"
        "try:\n"
        f"    open_run('model', runs={str(tmp_path / 'disk')!r}).step('x', lambda: np.zeros(100_000))\n"
        "except StorageError as error: print(error)\n"
    )
    (tmp_path / "disk").mkdir()
    mount = f'mount -t tmpfs -o {options} none {tmp_path}/disk && {sys.executable} -c "$SCRIPT"'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount],
        env={**os.environ, "SCRIPT": script},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        pytest.skip(f"this container may not mount: {ended.stderr.strip()}")
    assert message in ended.stdout, ended.stderr
