"""Forked kernels behave as ordinary ones do, start clean, and share nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from grading.kernels import client
from grading.kernels.client import WarmKernel, fork_kernels, warm_pool
from grading.nbgrader.release import KERNEL, KERNELSPEC

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
Run = Callable[..., list[str]]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A course folder whose kernelspec Jupyter finds."""
    spec = tmp_path / "jupyter" / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(KERNELSPEC))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(root))
    return tmp_path


def run(course: Path, *cells: str, kernel: str = KERNEL, **options: Any) -> list[str]:
    """What each cell printed; an error's name where it raised."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    options = {"timeout": 60, "shutdown_kernel": "immediate", **options}
    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        resources={"metadata": {"path": str(course)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        **options,
    )
    client.execute()
    return ["".join(out.get("text", out.get("ename", "")) for out in cell.outputs).strip() for cell in notebook.cells]


def test_nothing_of_one_notebook_is_seen_by_the_next(course: Path) -> None:
    leave = (
        "import builtins, os, sys, numpy, grading.nbgrader.cells as scoring\nleft = 1\nbuiltins.left = 2\n"
        "os.environ['LEFT'] = '3'\nnumpy.left = scoring.left = 4\nsys.path.append('left')\nos.chdir('/')\n"
        "print(os.getpid(), os.getppid(), numpy.random.rand())"
    )
    look = (
        "import builtins, os, sys, numpy, grading.nbgrader.cells as scoring\n"
        "print('left' in globals(), hasattr(builtins, 'left'), 'LEFT' in os.environ, hasattr(numpy, 'left'), "
        "hasattr(scoring, 'left'), 'left' in sys.path)\nprint(os.getcwd())"
    )
    first, second = run(course, leave)[0].split(), run(course, look, leave)
    assert second[0] == f"False False False False False False\n{course}"
    pid, parent, number = second[1].split()
    assert pid != first[0] and parent == first[1] == str(warm_pool().process.pid)
    assert number != first[2]  # random numbers are not the same in every notebook


def test_the_warm_process_has_one_thread(course: Path) -> None:
    run(course, "1")
    tasks = Path(f"/proc/{warm_pool().process.pid}/task")
    if not tasks.is_dir():
        pytest.skip("this system has no /proc")
    assert len(list(tasks.iterdir())) == 1


@pytest.mark.parametrize("kernel", [KERNEL, "python3"])
def test_a_kernel_that_dies_is_noticed(course: Path, kernel: str) -> None:
    with pytest.raises(DeadKernelError):
        run(course, "import os; os._exit(3)", kernel=kernel)


@pytest.mark.parametrize("kernel", [KERNEL, "python3"])
def test_a_cell_that_takes_too_long_is_an_error(course: Path, kernel: str) -> None:
    with pytest.raises(CellTimeoutError):
        run(course, "while True: pass", kernel=kernel, timeout=1)


@pytest.mark.parametrize("kernel", [KERNEL, "python3"])
def test_a_cell_that_takes_too_long_is_interrupted_and_the_next_one_runs(course: Path, kernel: str) -> None:
    late = {"ename": "Late", "evalue": "", "traceback": [], "status": "error"}
    said = run(
        course,
        "import time\ntime.sleep(99)",
        "print('on')",
        kernel=kernel,
        timeout=2,
        allow_errors=True,
        interrupt_on_timeout=True,
        error_on_timeout=late,
    )
    assert said[1] == "on"


def test_a_killed_kernel_is_told_by_its_signal(course: Path) -> None:
    kernel = warm_pool().start(["-f", str(course / "connection.json")], dict(os.environ), str(course))
    assert kernel.poll() is None
    kernel.kill()
    assert kernel.wait(20) == -signal.SIGKILL


def test_a_warm_process_that_dies_is_replaced(course: Path) -> None:
    before = warm_pool()
    os.kill(before.process.pid, signal.SIGKILL)
    before.process.wait(20)
    assert run(course, "import os; print(os.getppid())") == [str(warm_pool().process.pid)]
    assert warm_pool() is not before


def test_where_nothing_can_be_forked_an_ordinary_kernel_runs(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    started: list[Any] = []
    monkeypatch.setattr(WarmKernel, "__init__", lambda *_: started.append(_))
    assert run(course, "print(6 * 7)") == ["42"] and not started


@pytest.mark.parametrize("registered", [True, False])
def test_a_process_may_fork_all_its_kernels_where_the_provisioner_is_installed(
    course: Path, monkeypatch: pytest.MonkeyPatch, registered: bool
) -> None:
    default = "JUPYTER_DEFAULT_PROVISIONER_NAME"
    monkeypatch.setenv(default, "local-provisioner")  # so that it is put back
    monkeypatch.setattr(KernelProvisionerFactory, "_instance", None)
    if not registered:
        monkeypatch.setattr(client, "entry_points", lambda group: EntryPoints())
    fork_kernels()
    assert os.environ[default] == ("servelab-warm" if registered else "local-provisioner")
    parent, backend = run(
        course, "import os; print(os.getppid())", "import matplotlib; print(matplotlib.get_backend())", kernel="python3"
    )
    assert (parent == str(warm_pool().process.pid)) is registered
    assert backend.removeprefix("module://matplotlib_inline.backend_") == "inline"


def test_a_forked_kernel_does_what_cells_left_for_its_end(course: Path) -> None:
    run(
        course,
        "import atexit, pathlib\natexit.register(pathlib.Path('left').write_text, 'done')",
        shutdown_kernel="graceful",
    )
    assert (course / "left").read_text() == "done"


def test_kernels_end_with_the_process_that_started_them(course: Path, root: Path) -> None:
    script = (
        "import os\nfrom grading.kernels.client import warm_pool\n"
        "kernel = warm_pool().start(['-f', 'connection.json'], dict(os.environ), '.')\n"
        "print(kernel.pid, flush=True)\nos._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=course, stdout=subprocess.PIPE, text=True, timeout=60)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{done.stdout.strip()}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{done.stdout.strip()}").exists()
