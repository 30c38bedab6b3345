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
from snippets.record.document import read_content
from snippets.record.run import default_runs, latest_run, load_record, open_run
from tests.snippets.record.folders import measured


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


def test_a_step_begun_the_moment_fresh_steps_count_from_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter()
    run = open_run("model")
    measure(run, counter)
    monkeypatch.setenv("SERVELAB_FRESH_SINCE", load_record(run.folder).steps[0].started_utc)
    measure(open_run("model", mode="fresh"), counter)
    assert counter.calls == 1
    monkeypatch.setenv("SERVELAB_FRESH_SINCE", "9000-01-01T00:00:00.000000Z")
    measure(open_run("model", mode="fresh"), counter)
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


def test_an_answer_names_the_last_step_before_it_and_is_kept_durably(monkeypatch: pytest.MonkeyPatch) -> None:
    run, synced = open_run("model"), []
    first = run.answer("q", 1)
    run.step("a", int)
    run.step("b", int)
    monkeypatch.setattr(os, "fsync", synced.append)
    second = run.answer("q", 2)
    third = run.answer("r", 2)
    links = load_record(run.folder).links
    assert [entry["after"] for entry in (first, second, third)] == [links[0], links[2], links[2]] and synced


def test_an_answer_that_could_not_be_written_does_not_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    run = measured()
    with monkeypatch.context() as patch:
        patch.setattr("snippets.record.files.write_head", full_disk)
        with pytest.raises(StorageError):
            run.answer("q", 1)
    assert run.answer("q", 1)["value"] == 1 and len(load_record(run.folder).answers) == 1


def full_disk(*_: object) -> None:
    raise StorageError("The disk is full.")


def test_the_lease_under_which_is_measured_is_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_LEASE", '{"id": "a1", "site": "CHI@TACC"}')
    open_run("model")
    run = open_run("model")
    assert load_record(run.folder).lease == {"id": "a1", "site": "CHI@TACC"}
    monkeypatch.setenv("SERVELAB_LEASE", '{"id": "b2"}')
    assert [lease["id"] for lease in open_run("model").record().leases] == ["a1", "b2"]


def test_a_run_on_another_machine_adds_that_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    run = measured(1)
    here = load_record(run.folder).host
    monkeypatch.setattr(
        "snippets.record.run.host_facts", lambda: {**here, "id": "0123456789abcdef", "hostname": "other"}
    )
    other = open_run("model")
    other.step("there", int)
    record = load_record(run.folder)
    assert [host["id"] for host in record.hosts] == [here["id"], "0123456789abcdef"]
    assert [step.host for step in record.steps] == [here["id"], "0123456789abcdef"]
    assert record.host["hostname"] == "other"


def progress(folder: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return [(line["step"], line["state"]) for line in lines]


def test_progress_tells_each_step_as_it_begins_and_ends() -> None:
    run = open_run("model")
    run.step("a", int)
    run.step("a", int)
    with pytest.raises(ZeroDivisionError):
        run.step("b", lambda: 1 / 0)
    assert progress(run.folder) == [
        ("a", "started"),
        ("a", "done"),
        ("a", "replayed"),
        ("b", "started"),
        ("b", "failed"),
    ]


def test_an_interrupted_line_is_cut_off_and_stays_named_in_the_progress() -> None:
    run = measured(3)
    path = run.folder / "steps.jsonl"
    path.write_bytes(path.read_bytes() + b'{"ended_utc":"20')
    run = open_run("model")
    assert load_record(run.folder).interrupted is None
    assert run.step("late", lambda: 7) == 7
    assert progress(run.folder)[-3:] == [("step 3", "interrupted"), ("late", "started"), ("late", "done")]
    record = load_record(run.folder)
    assert record.names() == ("step/0", "step/1", "step/2", "late") and record.interrupted is None


def test_a_step_that_could_not_be_written_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run, calls = measured(), []
    with monkeypatch.context() as patch:
        patch.setattr("snippets.record.files.append", full_disk)
        with pytest.raises(StorageError):
            run.step("late", lambda: calls.append(1))
    run.step("late", lambda: calls.append(2))
    assert calls == [1, 2] and load_record(run.folder).names()[-1] == "late"
    assert load_record(run.folder).verify() == []


def test_a_long_step_is_on_the_disk_and_in_the_head_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run, synced = measured(2), []
    monkeypatch.setattr(os, "fsync", synced.append)
    run.step("short", int)
    assert synced == [] and read_content(run.folder).known == 2
    monkeypatch.setattr("snippets.record.run.SHORT_S", 0.0)
    run.step("long", int)
    assert synced and read_content(run.folder).known == 4


def test_opening_a_run_lets_the_head_know_of_all_steps() -> None:
    folder = measured(3, known=1).folder
    assert read_content(folder).known == 1
    open_run("model")
    assert read_content(folder).known == 3


def test_samples_are_numbered_by_their_step_and_named_for_it() -> None:
    run = open_run("model")
    run.step("a", int)
    run.step("graph/all/latency ms", lambda: {"p": {"x": np.ones(2)}, "l": [0, np.ones(1)]})
    run.step("bare", lambda: np.ones(3))
    assert sorted(path.name for path in (run.folder / "samples").iterdir()) == [
        "0001-graph-all-latency-ms.l.1.npy",
        "0001-graph-all-latency-ms.p.x.npy",
        "0002-bare.value.npy",
    ]


def test_figures_and_screenshots_are_listed_with_their_hash() -> None:
    import matplotlib.pyplot as plt

    run = open_run("model", notebook="1_baseline")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    run.figure("latency", figure)
    plt.close(figure)
    assert run.screenshot("page", b"\x89PNG not really") == run.folder / "screens/page.png"
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


def test_latest_run_is_the_one_whose_head_or_steps_were_written_last() -> None:
    assert latest_run("model") is None
    ages = {"one": (30, 20), "two": (40, 10), "three": (5, 50), "four": (60, 60)}
    for name, (head, steps) in ages.items():
        folder = measured(1, run_id=name).folder
        os.utime(folder / "record.json", (1000 - head, 1000 - head))
        os.utime(folder / "steps.jsonl", (1000 - steps, 1000 - steps))
    latest = latest_run("model")
    assert latest is not None and latest.name == "three"
    os.utime(latest / "record.json", (900, 900))
    assert latest_run("model", default_runs()) == latest.parent / "two"
    assert latest_run("edge") is None


def test_runs_lie_where_the_environment_says_else_in_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_RUNS", "/somewhere/else")
    assert default_runs() == Path("/somewhere/else")
    monkeypatch.delenv("SERVELAB_RUNS")
    monkeypatch.chdir(root / "notebooks" / "model")
    assert default_runs() == root / "runs"


def test_a_run_of_another_part_is_refused() -> None:
    folder = measured().folder
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


def test_a_screenshot_may_be_a_file_elsewhere_or_the_one_that_is_there(tmp_path: Path) -> None:
    run = open_run("model")
    (tmp_path / "shot.png").write_bytes(b"png")
    kept = run.screenshot("page", tmp_path / "shot.png")
    assert kept == run.folder / "screens/page.png" and kept.read_bytes() == b"png"
    assert run.screenshot("page", kept).read_bytes() == b"png"
    assert list(run.record().screenshots) == ["page"]


@pytest.mark.parametrize("half", ["nice \ud83d", "\ude00 nice", "\ud83d x \ude00"])
def test_half_an_emoji_in_an_answer_costs_neither_it_nor_what_is_measured_after_it(half: str) -> None:
    run, counter = open_run("model"), Counter()
    assert "\ufffd" in run.answer("model.graph.why", half)["value"]
    assert run.answer("model.graph.why", "whole \U0001f600")["value"] == "whole \U0001f600"
    measure(run, counter, n=3)
    run.step("a/b/latency", lambda: {"note": half}, inputs={"text": half})
    record = load_record(run.folder)
    assert [answer["value"] for answer in record.answers][1] == "whole \U0001f600" and len(record.steps) == 2
    assert "\ufffd" in record.result("a/b/latency")["note"] and record.verify() == []


def test_a_record_that_an_editor_of_windows_saved_is_read_and_goes_on() -> None:
    run, counter = open_run("model"), Counter()
    measure(run, counter, n=3)
    run.answer("model.graph.why", "first")
    for name in ("record.json", "steps.jsonl"):
        path = run.folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_record(run.folder).verify() == []
    again = open_run("model")
    measure(again, counter, n=3)
    again.answer("model.graph.why", "second")
    assert counter.calls == 1 and len(load_record(run.folder).answers) == 2


def test_a_record_with_marks_of_a_merge_says_so() -> None:
    run = open_run("model")
    path = run.folder / "record.json"
    path.write_text("<<<<<<< HEAD\n" + path.read_text() + "=======\n>>>>>>> main\n")
    with pytest.raises(RecordError, match="git's marks of a conflict"):
        load_record(run.folder)
