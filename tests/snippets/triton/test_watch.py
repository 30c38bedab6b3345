"""The watching program passes a server's status on, and however anybody ends, nothing of the server is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from snippets.triton import watch
from tests.snippets.triton.triton_models import alive, until

# A server says its process id into the named pipe `$0` once it runs.
RUNS = "echo $$ > $0; exec sleep 600"
ENDED_BY_TERM = 128 + signal.SIGTERM


class Watched:
    """A server under watch, started for one test."""

    def __init__(self, folder: Path, script: str, shared_memory: str = "", remove: Sequence[str] = ()) -> None:
        self.log, self._pipe = folder / "log", folder / "pipe"
        os.mkfifo(self._pipe)
        words = [str(self.log), shared_memory, json.dumps(remove), "sh", "-c", script, str(self._pipe)]
        self.program = subprocess.Popen([sys.executable, "-I", watch.__file__, *words], stdin=subprocess.PIPE)

    def server(self) -> psutil.Process:
        """The process that the server names, once it does."""
        return psutil.Process(int(self._pipe.read_text()))

    def status(self) -> int:
        """The program's exit status, once it has ended."""
        return self.program.wait(30)

    def let_go(self) -> int:
        """End as the asking program does, however it ends: its end of the pipe closes. Returns the status."""
        assert self.program.stdin is not None
        self.program.stdin.close()
        return self.status()


Start = Callable[..., Watched]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server under watch: `start(script, ...)`."""
    started: list[Watched] = []

    def begin(script: str, **options: Any) -> Watched:
        started.append(Watched(tmp_path, script, **options))
        return started[-1]

    yield begin
    for each in started:
        each.let_go()


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 128 + signal.SIGKILL)])
def test_the_servers_status_is_passed_on(start: Start, script: str, status: int) -> None:
    assert start(script).status() == status


def test_what_the_server_prints_is_added_to_the_log(start: Start, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    assert start("echo out; echo err >&2").status() == 0
    assert (tmp_path / "log").read_text() == "before\nout\nerr\n"


def test_the_server_ends_with_the_program_that_asked_for_it(start: Start) -> None:
    watched = start(RUNS)
    server = watched.server()
    assert alive(server)
    assert watched.let_go() == ENDED_BY_TERM and not alive(server)


def test_the_server_ends_where_the_watching_program_is_asked_to(start: Start) -> None:
    watched = start(RUNS)
    server = watched.server()
    watched.program.terminate()
    assert watched.status() == ENDED_BY_TERM and not alive(server)


def test_ctrl_c_is_left_to_the_program_that_asked(start: Start) -> None:
    watched = start(RUNS)
    server = watched.server()
    watched.program.send_signal(signal.SIGINT)
    assert watched.program.poll() is None and alive(server)
    assert watched.let_go() == ENDED_BY_TERM


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_watching_program_that_is_killed_takes_the_server_with_it(start: Start) -> None:
    watched = start(RUNS)
    server = watched.server()
    watched.program.kill()
    assert until(lambda: not alive(server))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands a lost process to the program that watches")
def test_what_a_server_leaves_in_a_session_of_its_own_is_ended_too(start: Start) -> None:
    watched = start("setsid sleep 600 & echo $! > $0; exit 3")
    left = watched.server()
    assert watched.status() == 3 and not alive(left)


def test_a_server_that_does_not_stop_when_asked_is_killed() -> None:
    code = (
        "import subprocess, sys; from snippets.triton import watch;"
        "server = subprocess.Popen(['sh', '-c', 'trap \"\" TERM; echo; while :; do read x; done'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=watch.die_with_parent);"
        "server.stdout.readline(); watch.stop(server, grace_s=0.2); print(server.returncode)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.stdout == f"{-signal.SIGKILL}\n", told.stderr


def test_the_servers_shared_memory_is_removed_and_nobody_elses(start: Start) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("no shared memory here")
    mine, others = (shared / f"watch-{os.getpid()}-{name}" for name in ("mine-1", "others"))
    try:
        for region in (mine, others):
            region.touch()
        start("exit 0", shared_memory=f"watch-{os.getpid()}-mine").status()
        assert (mine.exists(), others.exists()) == (False, True)
    finally:
        for region in (mine, others):
            region.unlink(missing_ok=True)


def test_no_prefix_removes_no_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    region = tmp_path / "somebody's"
    region.touch()
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: [region])
    watch.remove_shared_memory("")
    assert region.exists()


def test_the_last_command_runs_once_the_server_has_ended(start: Start, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    start("echo served", remove=["cp", str(tmp_path / "log"), str(seen)]).status()
    assert seen.read_text() == "served\n"
