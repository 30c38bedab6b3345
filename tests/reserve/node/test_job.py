"""Jobs on a node: every state, one round trip of words and progress, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from reserve.node.job import Job, raise_for, send_earlier, start, verify
from reserve.node.shell import program
from reserve.site import Lease
from reserve.sites.local import LocalMachine
from snippets.errors import CellError, KitError, Place, RecordError
from snippets.record.run import open_run

JOB = Job("model", "quick", ("run", "model", "-p", "data=my photos"))
START = datetime(2027, 3, 4, 15, tzinfo=UTC)
LEASE = Lease("l1", "serve_model_ab123", "local", "ACTIVE", START, START + timedelta(hours=3))


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine("node", tmp_path / "home")


def folder(machine: LocalMachine, **files: str) -> Path:
    """The job's folder with these files in it."""
    made = Path(machine.home) / JOB.folder
    made.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (made / name).write_text(text)
    return made


def state(machine: LocalMachine) -> str:
    return machine.run(program("job_state", "job_look", arguments=(JOB.folder,))).output.strip()


def test_a_jobs_places_are_named_after_part_and_run() -> None:
    assert (JOB.folder, JOB.run_folder) == (".servelab/jobs/model-quick", "servelab-runs/model/quick")


def test_every_state_of_a_job_is_told(machine: LocalMachine) -> None:
    assert state(machine) == "none"
    folder(machine, pid=str(os.getpid()))
    assert state(machine) == "running"
    ended = subprocess.Popen(["true"])
    ended.wait()
    folder(machine, pid=str(ended.pid))
    assert state(machine) == "dead"
    folder(machine, exit="3\n")
    assert state(machine) == "exit 3"


def test_one_look_tells_state_progress_and_the_new_words(machine: LocalMachine) -> None:
    folder(machine, pid=str(os.getpid()), log="one\ntwo\n")
    run = Path(machine.home) / JOB.run_folder
    run.mkdir(parents=True)
    (run / "progress.jsonl").write_text("x" * 12)
    poll = program("job_state", "job_poll", arguments=(JOB.folder, JOB.run_folder, "5"))
    first, size, *words = machine.run(poll).output.splitlines()
    assert (first, size.strip(), words) == ("running", "12", ["two"])


def test_all_jobs_are_listed_with_their_steps(machine: LocalMachine) -> None:
    folder(machine, pid="1", exit="0\n")
    run = Path(machine.home) / JOB.run_folder
    run.mkdir(parents=True)
    (run / "progress.jsonl").write_text('{"state": "started"}\n{"state": "done"}\n{"state": "done"}\n')
    assert machine.run(program("job_state", "job_list")).output == "model-quick ended (0), 2 steps\n"


def test_a_job_runs_the_command_under_its_lease_and_leaves_its_status(machine: LocalMachine) -> None:
    home = Path(machine.home)
    (home / "servelab").mkdir()
    (home / "servelab" / ".servelab-tree").write_text("digest c0ffee\n")
    (home / "servelab" / "servelab.py").write_text(
        "import json, os, sys\n"
        "lease = json.loads(os.environ['SERVELAB_LEASE'])\n"
        "print(sys.argv[1:], lease['node_type'], lease['name'], os.environ['SERVELAB_KIT_COMMIT'])\n"
        "sys.exit(3)\n"
    )
    folder(machine, exit="0\n")  # what an earlier job left
    (home / ".servelab" / "python").write_text(sys.executable)
    assert start(machine, JOB, LEASE, "compute_liqid")
    machine.run(f"tail -s 0.05 --pid=$(cat {JOB.folder}/pid) -f /dev/null", timeout_s=30)
    assert state(machine) == "exit 3"
    said = (home / JOB.folder / "log").read_text()
    assert "'-p', 'data=my photos', '--runs'" in said and said.endswith("compute_liqid serve_model_ab123 c0ffee\n")


def test_a_job_that_runs_is_not_started_again(machine: LocalMachine) -> None:
    folder(machine, pid=str(os.getpid()))
    assert not start(machine, JOB, LEASE, "compute_liqid")


def test_a_status_becomes_the_error_that_it_was_there(machine: LocalMachine, tmp_path: Path) -> None:
    folder(machine, log="[1/2] first\nservelab: the cell failed.\n")
    raise_for(0, machine, JOB, tmp_path)
    with pytest.raises(CellError, match="model on node: the cell failed. What was measured is in .*repeat the command"):
        raise_for(CellError.exit_code, machine, JOB, tmp_path)
    folder(machine, log="Killed\n")
    with pytest.raises(KitError, match="Killed"):
        raise_for(137, machine, JOB, tmp_path)


def test_the_step_that_failed_there_is_read_from_the_progress_that_came_home(
    machine: LocalMachine, tmp_path: Path
) -> None:
    folder(machine, log="servelab: no.\n")

    def place(*lines: dict) -> Place:
        (tmp_path / "progress.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
        with pytest.raises(CellError) as caught:
            raise_for(CellError.exit_code, machine, JOB, tmp_path)
        return caught.value.place

    failed = {"state": "failed", "notebook": "1_first", "step": "n/v0/latency"}
    assert place({"state": "done", "notebook": "1_first", "step": "n/v0/size"}, failed) == Place(
        "model", "1_first", step="n/v0/latency"
    )
    assert place(failed, {**failed, "state": "done"}) == place() == Place("model")


def measured(runs: Path) -> Path:
    run = open_run("model", notebook="n", runs=str(runs), run_id="quick")
    run.step("n/v0/latency", lambda: 1)
    return run.folder


def test_a_run_begun_elsewhere_is_sent_to_a_node_that_has_none(machine: LocalMachine, tmp_path: Path) -> None:
    words: list[str] = []
    send_earlier(machine, JOB, tmp_path / "nothing", words.append)
    assert words == []
    home = measured(tmp_path / "runs")
    send_earlier(machine, JOB, home, words.append)
    assert words == ["sending the run so far (1 steps): it goes on here"]
    assert len(verify(Path(machine.home) / JOB.run_folder).steps) == 1
    send_earlier(machine, JOB, home, words.append)
    assert len(words) == 1


def test_a_run_that_does_not_verify_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(verify(measured(tmp_path / "runs")).steps) == 1
    broken = SimpleNamespace(verify=lambda: ["a is gone", "b", "c", "d"])
    monkeypatch.setattr("reserve.node.job.load_record", lambda home: broken)
    with pytest.raises(RecordError, match="home does not verify: a is gone; b; c. Repeat `servelab collect`"):
        verify(Path("home"))


def test_variables_reach_the_job_and_words_with_an_equals_sign_stay_words(
    machine: LocalMachine, tmp_path: Path
) -> None:
    """A stand-in for the kit on the node writes down what it was started with."""
    kit = Path(machine.home) / "servelab"
    kit.mkdir(parents=True)
    (kit / "servelab.py").write_text("import os, sys\nprint(os.environ['SERVELAB_TRITON_IMAGE'], sys.argv[1:])\n")
    (Path(machine.home) / ".servelab").mkdir(exist_ok=True)
    (Path(machine.home) / ".servelab" / "python").write_text(sys.executable)
    job = Job(JOB.part, JOB.run_id, JOB.words, {"SERVELAB_TRITON_IMAGE": "servelab/triton:0123"})
    assert start(machine, job, LEASE, "gpu_p100")
    log = Path(machine.home) / JOB.folder / "log"
    for _ in range(200):
        if (Path(machine.home) / JOB.folder / "exit").exists():
            break
        time.sleep(0.05)
    assert log.read_text().startswith("servelab/triton:0123 ['run', 'model', '-p', 'data=my photos', '--runs'")
