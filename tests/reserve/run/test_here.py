"""`servelab run`: small notebooks stand for the lab's; kernels, papermill and signals are real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

import snippets.parts
from grading.kernels.client import fork_kernels
from reserve.run.here import run_parts
from reserve.run.options import RunOptions
from reserve.run.parameters import describe
from snippets.errors import CellError, DataError, KernelDied, Place, RecordError, RunLocked, RunTimeout, UsageError
from snippets.record.context import machine_lock
from snippets.record.lock import acquire
from snippets.record.run import latest_run, load_record, open_run
from tests.snippets.record.folders import listing, seal

PARAMETERS = """\
profile: str = "quick"  # quick or full
runs: str = ""  # folder of run records
run_id: str = "mine"  # name of the run's folder
mode: str = "resume"  # resume, fresh or replay
threads: int = 1  # threads to measure with
data: str = "rehearsal"  # images
"""
OPEN = """\
from snippets.record.run import open_run
run = open_run("model", notebook="{name}", runs=runs, run_id=run_id, profile=profile, mode=mode,
               parameters={{"threads": threads, "data": data}})
"""


def notebook(*cells: str, name: str = "1_small") -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    made.cells = [
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *(nbformat.v4.new_code_cell(cell) for cell in (OPEN.format(name=name), *cells)),
    ]
    return made


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes notebooks for part `model` and points the kit at them."""
    monkeypatch.setattr(snippets.parts, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks" / "model").mkdir(parents=True)

    def write(**cells: tuple[str, ...]) -> Path:
        for name, sources in cells.items():
            path = tmp_path / "notebooks" / "model" / f"{name.removeprefix('n')}.ipynb"
            nbformat.write(notebook(*sources, name=path.stem), path)
        return tmp_path

    return write


@pytest.fixture(params=["started", "forked"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels as Jupyter starts them, and as `servelab run` does."""
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")
    monkeypatch.setattr(KernelProvisionerFactory, "_instance", None)
    if request.param == "forked":
        fork_kernels()
        if os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] == "local-provisioner":
            pytest.skip("kernels are forked on Linux only")


def quiet(_line: str) -> None:
    pass


MEASURE = 'run.step("a/x/latency", lambda t: {"threads": t}, threads)'


def test_a_run_executes_in_order_keeps_notebooks_and_tells_each_step(lab) -> None:
    lab(n1_first=(MEASURE,), n2_second=('run.step("b/x/latency", lambda: 1)',))
    said: list[str] = []
    (done,) = run_parts("model", RunOptions(params=("threads=3",)), said.append)
    assert (done.measured, done.replayed) == (2, 0)
    assert done.folder.name == "quick-threads-3"
    assert load_record(done.folder).result("a/x/latency") == {"threads": 3}
    assert sorted(p.name for p in (done.folder / "notebooks").iterdir()) == ["1_first.ipynb", "2_second.ipynb"]
    executed = nbformat.read(done.folder / "notebooks/1_first.ipynb", as_version=4)
    assert any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)
    assert [line.split()[0] for line in said if "/latency" in line] == ["a/x/latency", "b/x/latency"]
    (again,) = run_parts("model", RunOptions(params=("threads=3",)), quiet)
    assert (again.measured, again.replayed) == (0, 2)


def test_other_parameters_never_touch_a_finished_run(lab) -> None:
    lab(n1_first=(MEASURE, "print('measured')"))
    (done,) = run_parts("model", say=quiet)
    seal(done.folder)
    before = listing(done.folder)
    (other,) = run_parts("model", RunOptions(params=("threads=2",)), quiet)
    assert other.folder == done.folder.with_name("quick-threads-2") and listing(done.folder) == before
    said: list[str] = []
    for mode in ("resume", "fresh"):
        with pytest.raises(UsageError, match="measured with threads=1, not threads=2.*--run-id quick-threads-2"):
            run_parts("model", RunOptions(params=("threads=2",), run_id="quick", mode=mode), said.append)
    assert listing(done.folder) == before and said == []


@pytest.mark.parametrize("run_id", ["../x", "a/b", ".."])
def test_nothing_is_written_outside_of_the_parts_folder(lab, run_id: str) -> None:
    lab(n1_first=(MEASURE,))
    with pytest.raises(UsageError, match="--run-id is"):
        run_parts("model", RunOptions(run_id=run_id), quiet)
    assert not Path(os.environ["SERVELAB_RUNS"]).exists()


def test_a_run_that_fails_before_it_measures_leaves_no_record(lab) -> None:
    lab(n1_first=("int('/nope')", MEASURE))
    with pytest.raises(CellError):
        run_parts("model", say=quiet)
    folder = Path(os.environ["SERVELAB_RUNS"]) / "model" / "quick"
    assert not (folder / "record.json").exists() and latest_run("model") is None
    assert (folder / "notebooks/1_first.ipynb").is_file(), "with the traceback"
    lab(n1_first=(MEASURE,))
    run_parts("model", say=quiet)
    lab(n1_first=("int('/nope')", MEASURE))
    with pytest.raises(CellError):
        run_parts("model", say=quiet)
    assert load_record(folder).names() == ("a/x/latency",), "what was there before stays"


def test_notebooks_run_in_the_order_that_is_asked_for(lab) -> None:
    runs, said = lab(n1_a=(), n2_b=(), n3_c=()), []
    run_parts("model", RunOptions(runs=runs, order="1, 3,2"), said.append)
    assert [line.split("] ")[1] for line in said if line.startswith("  [")] == ["1_a", "3_c", "2_b"]
    for wrong in ("1,3", "1,2,2", "1,2,3,4", "a"):
        with pytest.raises(UsageError, match="does not name each notebook of model once: 1,2,3"):
            run_parts("model", RunOptions(runs=runs, order=wrong), said.append)


def test_the_windows_of_one_load_are_told_once(lab) -> None:
    windows = "for n in range(3):\n    run.step('a/load', lambda n=n: n, inputs={'window': n})"
    lab(n1_first=(windows,))
    said: list[str] = []
    (done,) = run_parts("model", say=said.append)
    assert done.measured == 3 and sum("a/load" in line for line in said) == 1


def test_fresh_measures_again_once_for_all_notebooks(lab) -> None:
    lab(n1_first=(MEASURE,), n2_second=(MEASURE,))
    run_parts("model", say=quiet)
    (done,) = run_parts("model", RunOptions(mode="fresh"), quiet)
    assert (done.measured, done.replayed) == (1, 1)
    assert "SERVELAB_FRESH_SINCE" not in os.environ


def test_a_replay_leaves_the_run_as_it_is_and_keeps_its_notebooks_elsewhere(lab) -> None:
    lab(n1_first=(MEASURE,), n2_second=('run.step("b/x/latency", lambda: 1)',))
    (done,) = run_parts("model", say=quiet)
    seal(done.folder)
    before, said = listing(done.folder), []
    (again,) = run_parts("model", RunOptions(mode="replay"), said.append)
    assert (again.measured, again.replayed) == (0, 2) and listing(done.folder) == before
    assert "SERVELAB_PROGRESS" not in os.environ
    place = Path(next(line for line in said if "executed notebooks go to" in line).split()[-1])
    assert sorted(path.name for path in place.iterdir()) == ["1_first.ipynb", "2_second.ipynb"]
    with pytest.raises(RecordError, match="no run quick-threads-9 to replay"):
        run_parts("model", RunOptions(mode="replay", params=("threads=9",)), quiet)
    lab(n1_first=(MEASURE, 'run.step("c/x/latency", lambda: 1)'))
    with pytest.raises(RecordError, match="is not in the record"):
        run_parts("model", RunOptions(mode="replay"), quiet)
    assert listing(done.folder) == before


def test_a_step_that_a_kill_interrupted_is_told_when_the_run_goes_on(lab) -> None:
    lab(n1_first=(MEASURE,))
    (done,) = run_parts("model", say=quiet)
    path = done.folder / "steps.jsonl"
    path.write_bytes(path.read_bytes() + b'{"ended')
    said: list[str] = []
    run_parts("model", say=said.append)
    assert any("step 1" in line and "was interrupted while it was written" in line for line in said)


def test_a_cell_that_raises_is_named_and_its_notebook_kept(lab) -> None:
    lab(n1_first=(MEASURE, "1 / 0", "print('never')"))
    with pytest.raises(CellError, match=r"ZeroDivisionError: division by zero\n.*cell 5 of 1_first.ipynb") as caught:
        run_parts("model", say=quiet)
    assert caught.value.exit_code == 3 and caught.value.place == Place("model", "1_first", 4)
    folder = next(Path(os.environ["SERVELAB_RUNS"]).glob("model/*"))
    kept = nbformat.read(folder / "notebooks/1_first.ipynb", as_version=4)
    assert any(o.get("ename") == "ZeroDivisionError" for c in kept.cells if c.cell_type == "code" for o in c.outputs)
    assert load_record(folder).names() == ("a/x/latency",)


def test_a_step_that_raises_is_named_unless_the_notebook_went_on(lab) -> None:
    failing = 'run.step("a/x/size", lambda: 1 / 0)'
    lab(n1_first=(MEASURE,), n2_second=(failing,))
    with pytest.raises(CellError) as caught:
        run_parts("model", say=quiet)
    assert caught.value.place == Place("model", "2_second", 3, "a/x/size")
    went_on = f"try:\n    {failing}\nexcept ZeroDivisionError:\n    run.step('a/x/other', lambda: 1)"
    lab(n1_first=(MEASURE,), n2_second=(went_on, "int('x')"))
    with pytest.raises(CellError) as caught:
        run_parts("model", say=quiet)
    assert caught.value.place == Place("model", "2_second", 4)


def test_an_error_of_the_kit_keeps_its_kind_and_exit_code(lab) -> None:
    lab(n1_first=("from snippets.errors import DataError", "raise DataError('No images in x; name a folder.')"))
    with pytest.raises(DataError, match="No images in x"):
        run_parts("model", say=quiet)


def test_a_killed_kernel_is_not_called_complete(lab, kernels) -> None:
    lab(n1_first=(MEASURE, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('never')"))
    with pytest.raises(KernelDied, match="kernel that ran 1_first.ipynb died") as caught:
        run_parts("model", say=quiet)
    assert caught.value.exit_code == 4
    lab(n1_first=(MEASURE,))
    (done,) = run_parts("model", say=quiet)
    assert (done.measured, done.replayed) == (0, 1)


def test_a_notebook_that_takes_too_long_is_stopped(lab, kernels) -> None:
    lab(n1_first=(MEASURE, "import threading; threading.Event().wait(600)"))
    with pytest.raises(RunTimeout, match="longer than 8 s") as caught:
        run_parts("model", RunOptions(timeout_s=8), quiet)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["thread=2"], r"no parameter 'thread'(.|\n)*threads +int +1 +threads to measure with \[1_first\]"),
        (["threads=two"], "type int, not 'two'"),
        (["threads"], "not of the form NAME=VALUE"),
        (["threads=1", "threads=2"], "given twice"),
        (["profile=full"], "--profile"),
    ],
)
def test_bad_parameters_are_refused_before_anything_runs(lab, settings: list[str], message: str) -> None:
    lab(n1_first=(MEASURE,))
    with pytest.raises(UsageError, match=message) as caught:
        run_parts("model", RunOptions(params=tuple(settings)), quiet)
    assert caught.value.exit_code == 2
    assert not list(Path(os.environ["SERVELAB_RUNS"]).glob("*/*"))


def test_unknown_parts_and_parts_without_notebooks_are_named(lab) -> None:
    lab()
    with pytest.raises(UsageError, match="no part 'modle'; the parts are model, edge, system"):
        run_parts("modle")
    with pytest.raises(UsageError, match="no notebooks"):
        run_parts("edge")


def test_parameters_are_described_with_type_default_and_meaning(lab) -> None:
    lab(n1_first=())
    text = describe("model")
    assert "threads  int  1" in text and "images [1_first]" in text
    assert "run_id" not in text


def test_two_runs_in_one_folder_are_refused(lab) -> None:
    lab(n1_first=(MEASURE,))
    folder = Path(os.environ["SERVELAB_RUNS"]) / "model" / "quick"
    folder.mkdir(parents=True)
    with acquire(folder / ".run.lock", "servelab run"):
        with pytest.raises(RunLocked, match=f"pid {os.getpid()}.*--run-id"):
            run_parts("model", say=quiet)
        with pytest.raises(RunLocked):
            open_run("model", run_id="quick")
    run_parts("model", say=quiet)


def test_a_run_waits_while_another_measures_on_the_machine(lab) -> None:
    lab(n1_first=(MEASURE,))
    path = machine_lock()
    assert path is not None
    held = acquire(path, "servelab run, system/full")
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "waits" in line:
            assert not list(Path(os.environ["SERVELAB_RUNS"]).glob("*/*/steps.jsonl"))
            held.close()

    run_parts("model", say=say)
    (waited,) = (line for line in said if "waits" in line)
    assert "(servelab run, system/full) is measuring on this machine" in waited
    run_parts("model", RunOptions(mode="replay"), quiet)


def test_a_folder_of_another_part_is_refused(lab) -> None:
    lab(n1_first=(MEASURE,))
    (done,) = run_parts("model", say=quiet)
    path = done.folder / "record.json"
    other = open_run("edge", run_id="quick")
    path.write_bytes((other.folder / "record.json").read_bytes())
    with pytest.raises(RecordError, match="part 'edge', not 'model'"):
        run_parts("model", say=quiet)


STOP = """
import sys
import snippets.parts
from pathlib import Path
import servelab
snippets.parts.NOTEBOOKS = Path(sys.argv[1])
sys.argv = ["servelab", "run", "model"]
servelab.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_kernel_keeps_what_was_finished_and_says_so(lab, number: signal.Signals) -> None:
    top = lab(
        n1_first=(
            MEASURE,
            "import os; print(os.getpid())",
            'run.step("kernel", os.getpid)',
            "import threading; threading.Event().wait(600)",
        )
    )
    with subprocess.Popen(
        [sys.executable, "-c", STOP, str(top / "notebooks")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if line.split()[:1] == ["kernel"]:
                break
        process.send_signal(number)
        process.wait(60)
        assert process.returncode == 130
        assert "stopped by Ctrl-C; what was finished is kept" in process.stderr.read()
    folder = next(Path(os.environ["SERVELAB_RUNS"]).glob("model/*"))
    record = load_record(folder)
    assert record.names() == ("a/x/latency", "kernel")
    kernel = record.result("kernel")
    assert not Path(f"/proc/{kernel}").exists() or "Z" in Path(f"/proc/{kernel}/stat").read_text().split()[2]
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert [entry["state"] for entry in lines] == ["started", "done", "started", "done"]
