"""Bringing a run home: only what changed, the record last, nothing but what was asked for."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from reserve.errors import ConnectionLost, SiteError
from reserve.node.checkout import pack
from reserve.node.sync import pull, push_run, unpack
from reserve.site import packing
from reserve.sites.local import LocalMachine
from snippets.errors import StorageError
from snippets.record.run import load_record, open_run


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine("node", tmp_path / "node")


def measured(machine: LocalMachine, count: int) -> None:
    run = open_run("model", notebook="n", runs=str(Path(machine.home) / "servelab-runs"), run_id="quick")
    for number in range(count):
        run.step(f"n/v{number}/latency", lambda: {"latency_ms": np.ones(4)}, inputs={"number": number})


REMOTE = "servelab-runs/model/quick"


def test_a_run_comes_home_whole_and_verifies(machine, tmp_path):
    measured(machine, 3)
    home = tmp_path / "home"
    pull(machine, REMOTE, home)
    assert len(load_record(home).steps) == 3 and load_record(home).verify() == []
    assert not (home / ".record-home.json").exists() and not (home / ".incoming").exists()


def test_only_what_changed_is_copied_again(machine, tmp_path):
    measured(machine, 2)
    home = tmp_path / "home"
    pull(machine, REMOTE, home)
    assert pull(machine, REMOTE, home) == []
    measured(machine, 3)
    copied = pull(machine, REMOTE, home)
    assert sum(name.startswith("samples/") for name in copied) == 1
    assert copied[-1] == ".record-home.json"


def test_a_pull_cut_short_leaves_a_record_that_verifies(machine, tmp_path):
    measured(machine, 2)
    home = tmp_path / "home"
    pull(machine, REMOTE, home)
    measured(machine, 4)
    real, calls = machine.pull, []

    def once_then_gone(folder, names):
        calls.append(names)
        if len(calls) > 1:
            raise ConnectionLost("the lease ended")
        return real(folder, names)

    machine.pull = once_then_gone  # type: ignore[method-assign]
    with pytest.raises(ConnectionLost):
        pull(machine, REMOTE, home)
    record = load_record(home)
    assert len(record.steps) == 2 and record.verify() == []


def test_a_run_goes_on_where_it_was_sent(machine, tmp_path):
    measured(machine, 2)
    home = tmp_path / "home"
    pull(machine, REMOTE, home)
    other = LocalMachine("other", tmp_path / "other")
    push_run(other, home, REMOTE)
    measured(other, 3)
    pull(other, REMOTE, home)
    assert len(load_record(home).steps) == 3 and load_record(home).verify() == []


def archive_of(*members: tuple[str, bytes, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content)
            if kind == tarfile.SYMTYPE:
                info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    "member",
    [
        ("../escape", tarfile.REGTYPE, b"x"),
        ("/etc/escape", tarfile.REGTYPE, b"x"),
        ("wanted", tarfile.SYMTYPE, b""),
        ("not-asked-for", tarfile.REGTYPE, b"x"),
    ],
    ids=["above", "absolute", "link", "unasked"],
)
def test_an_archive_may_hold_only_what_was_asked_for(member, tmp_path):
    with pytest.raises(SiteError, match="not asked for"):
        unpack(archive_of(member), {"wanted"}, tmp_path / "home")
    assert not (tmp_path / "escape").exists() and not list((tmp_path / "home").iterdir())


def test_a_name_from_the_node_that_leads_out_is_never_asked_for(machine, tmp_path):
    from reserve.node.sync import Remote, to_copy

    names = ["../../.ssh/authorized_keys", "/etc/passwd", "samples/a.npy"]
    assert [file.name for file in to_copy([Remote(n, 1, 1) for n in names], tmp_path)] == ["samples/a.npy"]


def test_a_broken_archive_is_a_lost_connection(tmp_path):
    with pytest.raises(ConnectionLost, match="cut short"):
        unpack(archive_of(("wanted", tarfile.REGTYPE, b"x" * 9000))[:3000], {"wanted"}, tmp_path / "home")


def test_a_home_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write the run"):
        unpack(archive_of(("wanted", tarfile.REGTYPE, b"x")), {"wanted"}, tmp_path / "file" / "home")


def test_the_tree_sent_is_the_one_here_dirty_or_not(tmp_path):
    import subprocess

    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run([*git[:3], "init", "-q"], check=True)
    (tmp_path / ".gitignore").write_text("secret\n")
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "secret").write_text("do not send")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    clean = pack(tmp_path)
    assert "+changes" not in clean.commit
    (tmp_path / "a.py").write_text("2")
    (tmp_path / "new.py").write_text("3")
    dirty = pack(tmp_path)
    assert dirty.commit == clean.commit + "+changes" and dirty.digest != clean.digest
    with tarfile.open(fileobj=io.BytesIO(dirty.archive)) as tar:
        assert set(tar.getnames()) == {".gitignore", "a.py", "new.py", ".servelab-files"}
    assert pack(tmp_path).archive == dirty.archive


@pytest.mark.parametrize(("tar_ends_with", "told"), [(0, 0), (1, 0), (2, 1)])
def test_a_file_saved_while_it_is_packed_is_no_failure(tmp_path: Path, tar_ends_with: int, told: int) -> None:
    program = tmp_path / "tar"
    program.write_text(f"#!/bin/sh\necho packed\nexit {tar_ends_with}\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(["sh", "-c", packing("a run")], env=environment, input=b"x\n", capture_output=True)
    assert ended.stdout == b"packed\n" and ended.returncode == told


def test_what_is_there_is_packed_and_what_is_missing_left_out(tmp_path: Path) -> None:
    (tmp_path / "a run").mkdir()
    (tmp_path / "a run" / "there").write_text("1")
    command = packing(str(tmp_path / "a run"))
    ended = subprocess.run(["sh", "-c", command], input=b"there\nmissing\n", capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(ended.stdout)) as tar:
        assert tar.getnames() == ["there"] and ended.returncode == 0
