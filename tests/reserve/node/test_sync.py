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
from tests.snippets.record.folders import version_1


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
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == [
        "progress.jsonl",
        "record.json",
        "steps.jsonl",
    ]
    assert not (home / ".incoming").exists()


def test_only_what_changed_is_copied_again(machine, tmp_path):
    measured(machine, 2)
    home = tmp_path / "home"
    pull(machine, REMOTE, home)
    assert pull(machine, REMOTE, home) == []
    measured(machine, 3)
    copied = pull(machine, REMOTE, home)
    assert sum(name.startswith("samples/") for name in copied) == 1
    assert copied[-2:] == [".steps-home.jsonl", ".record-home.json"]


@pytest.mark.parametrize("moment", ["before the copies", "between the copies", "after the copies", "before the head"])
def test_a_run_that_goes_on_while_it_comes_home_verifies_at_every_moment(machine, tmp_path, moment):
    """Whenever the node measures and writes its head, what is at home lacks nothing that it names."""
    measured(machine, 2)
    home, count = tmp_path / "home", [2]
    pull(machine, REMOTE, home)

    def go_on() -> None:
        count[0] += 2
        measured(machine, count[0])
        measured(machine, count[0])  # opened again: now the head knows of these steps too

    class GoingOn:
        """The node, whose run goes on at one moment of a pull."""

        batch_bytes = machine.batch_bytes

        def run(self, command, **options):
            if moment in ("before the copies", "before the head"):
                go_on()
            if moment == "between the copies":
                first, _, rest = command.partition("rm -f .steps-home.jsonl")
                machine.run(first + "true", **options)
                go_on()
                command = command.partition("exit 0; ")[0] + "exit 0; rm -f .steps-home.jsonl" + rest
            done = machine.run(command, **options)
            if moment == "after the copies":
                go_on()
            return done

        def pull(self, folder, names):
            if moment == "before the head" and ".record-home.json" in names:
                go_on()
            archive = machine.pull(folder, names)
            record = load_record(home)
            assert record.verify() == [], names
            return archive

    for _ in range(3):
        pull(GoingOn(), REMOTE, home)
        record = load_record(home)
        assert record.verify() == [] and len(record.steps) >= count[0] - 4
    pull(machine, REMOTE, home)
    assert len(load_record(home).steps) == count[0] >= 8


def test_a_line_that_was_copied_while_it_was_written_comes_home_whole_with_the_next_pull(machine, tmp_path):
    measured(machine, 2)
    home, path = tmp_path / "home", Path(machine.home) / REMOTE / "steps.jsonl"
    measured(machine, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    pull(machine, REMOTE, home)
    assert len(load_record(home).steps) == 2 and load_record(home).interrupted.name == "n/v2/latency"
    path.write_bytes(whole)
    pull(machine, REMOTE, home)
    assert len(load_record(home).steps) == 3 and load_record(home).interrupted is None


def test_a_head_of_the_same_size_and_second_comes_home_with_its_steps(machine, tmp_path):
    measured(machine, 2)
    home, there = tmp_path / "home", Path(machine.home) / REMOTE / "record.json"
    pull(machine, REMOTE, home)
    measured(machine, 3)
    measured(machine, 3)
    os.utime(there, ns=((home / "record.json").stat().st_mtime_ns,) * 2)
    assert there.stat().st_size == (home / "record.json").stat().st_size
    pull(machine, REMOTE, home)
    assert (home / "record.json").read_bytes() == there.read_bytes()


def test_a_record_of_the_first_version_comes_home_and_so_does_what_becomes_of_it(machine, tmp_path):
    runs = Path(machine.home) / "servelab-runs"
    folder = version_1("edge", tmp_path)
    (runs / "edge").mkdir(parents=True)
    folder.rename(runs / "edge" / "quick")
    home = tmp_path / "home"
    pull(machine, "servelab-runs/edge/quick", home)
    assert len(load_record(home).steps) == 26 and not (home / "steps.jsonl").exists()
    open_run("edge", runs=str(runs), run_id="quick").step("late", lambda: 1)
    pull(machine, "servelab-runs/edge/quick", home)
    assert len(load_record(home).steps) == 27 and (home / "steps.jsonl").is_file()


def test_a_file_of_the_same_size_with_another_time_is_copied_again(machine, tmp_path):
    measured(machine, 1)
    remote, home = Path(machine.home) / REMOTE / "notes.txt", tmp_path / "home"
    for text, time in (("one", 1_000_000), ("two", 1_000_001)):
        remote.write_text(text)
        os.utime(remote, (time, time))
        assert "notes.txt" in pull(machine, REMOTE, home)
        assert (home / "notes.txt").read_text() == text
    assert pull(machine, REMOTE, home) == []


def test_a_name_with_blanks_comes_home_as_it_is(machine, tmp_path):
    measured(machine, 1)
    name = "screens/my own  picture.png"
    (Path(machine.home) / REMOTE / name).write_bytes(b"picture")
    assert name in pull(machine, REMOTE, tmp_path / "home")
    assert (tmp_path / "home" / name).read_bytes() == b"picture"


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


def test_what_is_sent_begins_with_the_head_and_the_steps_and_ends_with_the_progress(machine, tmp_path):
    measured(machine, 2)
    sent = []

    class Node:
        def push(self, archive, folder):
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                sent.extend(tar.getnames())

    push_run(Node(), Path(machine.home) / REMOTE, REMOTE)
    assert sent[:2] == ["record.json", "steps.jsonl"] and sent[-1] == "progress.jsonl"
    assert len(sent) == 5 and all(name.startswith("samples/") for name in sent[2:-1])


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
