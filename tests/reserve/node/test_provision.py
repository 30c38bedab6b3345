"""Steps: looked at before and after, one round trip when nothing is to be done."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reserve import hardware
from reserve.clock import Clock
from reserve.errors import ConnectionLost, SiteError, WaitedTooLong
from reserve.node.checkout import pack
from reserve.node.preparation import images
from reserve.node.provision import Task, examine, provision
from reserve.site import CommandResult
from reserve.sites.local import LocalMachine


class NoWaiting(Clock):
    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def machine(tmp_path):
    return LocalMachine("node", tmp_path / "home")


def touch(name: str, **rest) -> Task:
    return Task(name, f"making {name}", f"test -f {name}", f"touch {name}; echo made {name}", "Look.", **rest)


def test_what_is_done_is_not_done_twice(machine):
    words: list[str] = []
    steps = [touch("a"), touch("b")]
    assert provision(machine, steps, NoWaiting(), words.append) == ["a", "b"]
    assert "    a | made a" in words
    assert provision(machine, steps, NoWaiting(), words.append) == []


def test_nothing_to_do_is_one_command(machine, monkeypatch):
    steps = [touch("a"), touch("b"), touch("c")]
    provision(machine, steps, NoWaiting(), lambda text: None)
    real, count = machine.run, []
    monkeypatch.setattr(machine, "run", lambda *args, **kw: (count.append(args), real(*args, **kw))[1])
    provision(machine, steps, NoWaiting(), lambda text: None)
    assert len(count) == 1


def test_a_step_that_ran_but_did_not_work_is_a_failure(machine):
    hollow = Task("hollow", "doing nothing", "echo still missing; false", "true", "Do it by hand.", tries=3)
    clock = NoWaiting()
    with pytest.raises(SiteError, match="step hollow failed .* 3 attempt.*still missing. Do it by hand"):
        provision(machine, [hollow], clock, lambda text: None)
    assert sum(clock.slept) == 5 + 20


def test_a_step_that_fails_once_is_done_again(machine):
    step = Task(
        "twice",
        "failing once",
        "test -f done",
        "test -f tried && touch done; touch tried; test -f done",
        "Look.",
        tries=2,
    )
    assert provision(machine, [step], NoWaiting(), lambda text: None) == ["twice"]


def test_steps_after_a_failed_one_are_not_tried(machine):
    bad = Task("bad", "failing", "false", "false", "Look.")
    with pytest.raises(SiteError):
        provision(machine, [bad, touch("later")], NoWaiting(), lambda text: None)
    assert machine.run("test -f later", check=False).status == 1


def again(machine: LocalMachine) -> LocalMachine:
    """Another way to the same machine."""
    return LocalMachine(machine.name, Path(machine.home))


def until(name: str) -> str:
    """Shell words that wait until the file is there."""
    return f"for i in $(seq 400); do test -f {name} && break; sleep 0.05; done; test -f {name}"


def test_tasks_that_need_nothing_of_each_other_are_done_at_the_same_time(machine):
    words: list[str] = []
    one = Task("one", "waiting for two", "test -f one2", f"touch one; {until('two')}; touch one2", "Look.")
    two = Task("two", "waiting for one", "test -f two2", f"touch two; {until('one')}; touch two2", "Look.")
    last = touch("last", after=("one", "two"))
    done = provision(machine, [one, two, last], NoWaiting(), words.append, lambda: again(machine))
    assert done == ["one", "two", "last"]
    assert words.index("  last: making last") > max(
        words.index(w) for w in words if "two: done" in w or "one: done" in w
    )


def test_when_one_of_two_fails_the_other_comes_to_its_end_and_repeating_goes_on_at_the_one(machine):
    """The failure names its task, is told at once, and begins nothing that comes after."""
    words: list[str] = []

    def say(text: str) -> None:
        words.append(text)
        if "bad: failed. First slow, under way, comes to its end" in text:
            (Path(machine.home) / "told").touch()

    bad = Task("bad", "failing", "test -f mended", f"{until('begun')}; echo no disk; exit 3", "Mend it.")
    slow = Task("slow", "taking its time", "test -f slow", f"touch begun; {until('told')}; touch slow", "Look.")
    later = touch("later", after=("slow",))
    with pytest.raises(SiteError, match="step bad failed on node after 1 attempt.*Mend it. Then repeat the command"):
        provision(machine, [bad, slow, later], NoWaiting(), say, lambda: again(machine))
    home = Path(machine.home)
    assert (home / "slow").exists() and not (home / "later").exists()
    (home / "mended").touch()
    words.clear()
    assert provision(machine, [bad, slow, later], NoWaiting(), say, lambda: again(machine)) == ["later"]
    assert "  bad: ready" in words and "  slow: ready" in words


def test_after_a_failure_another_task_is_not_tried_again(machine):
    words: list[str] = []

    class Waits(Clock):
        def sleep(self, seconds: float) -> None:
            (Path(machine.home) / "waiting").touch()

    bad = Task("bad", "failing", "false", f"{until('waiting')}; exit 1", "Look.")
    flaky = Task("flaky", "failing often", "false", "exit 1", "Look.", tries=10_000)
    with pytest.raises(SiteError, match="step bad failed"):
        provision(machine, [bad, flaky], Waits(), words.append, lambda: again(machine))
    assert [word for word in words if "flaky: failed as well. step flaky failed" in word]


def test_what_is_looked_at_every_time_is_not_something_that_was_left_to_do(machine):
    looked: list[str] = []
    look = Task("look", "looking", "", lambda there: looked.append(there.name), "")
    assert provision(machine, [look, touch("a", after=("look",))], NoWaiting(), lambda text: None) == ["a"]
    assert provision(machine, [look, touch("a")], NoWaiting(), lambda text: None) == []
    assert looked == ["node", "node"]


class Logins(LocalMachine):
    """Counts the connections that it makes again after it was closed."""

    def close(self) -> None:
        (Path(self.home) / "logins").open("a").write("again\n")


def test_after_a_task_that_wants_a_new_login_no_other_uses_an_old_one(tmp_path):
    machine = Logins("node", tmp_path / "home")
    group = touch("group", new_login=True)
    seen = Task("seen", "looking", "test -f seen", "cp logins seen", "Look.", after=("group",))
    assert provision(machine, [group, seen], NoWaiting(), lambda text: None) == ["group", "seen"]
    assert (tmp_path / "home" / "seen").read_text() == "again\n"


def test_a_connection_that_is_not_made_at_once_is_tried_again(machine):
    refused = [ConnectionLost("refused")]

    def sometimes() -> LocalMachine:
        if refused:
            raise refused.pop()
        return again(machine)

    one = Task("one", "waiting for two", "test -f one", f"{until('two')}; touch one", "Look.")
    clock = NoWaiting()
    assert provision(machine, [one, touch("two")], clock, lambda text: None, sometimes) == ["one", "two"]
    assert sum(clock.slept) == 5


def test_ctrl_c_ends_the_commands_that_are_under_way(machine, monkeypatch):
    """The wait for them is broken off as Ctrl-C does; a command of minutes is not waited for."""
    endless = Task("endless", "sleeping", "test -f never", "touch begun; sleep 600", "Look.", tries=3)

    def interrupted(*_: object, **__: object) -> None:
        while not (Path(machine.home) / "begun").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("reserve.parallel.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provision(machine, [endless], NoWaiting(), lambda text: None, lambda: again(machine))


def test_a_command_that_never_ends_is_ended(machine):
    with pytest.raises(WaitedTooLong, match="no end within"):
        machine.run("sleep 30", timeout_s=0.3)


def test_images_are_built_from_their_pins_and_again_when_these_change(root, tmp_path):
    p100 = replace(hardware.load()["gpu_p100"], images=("triton",))
    (step,) = images(p100, root)
    assert isinstance(step.apply, str)
    assert "--build-arg TRITON_IMAGE=nvcr.io/nvidia/tritonserver:" in step.apply
    (tmp_path / "reserve/containers/triton").mkdir(parents=True)
    (tmp_path / "reserve/containers/triton/Dockerfile").write_text("FROM scratch\n")
    (other,) = images(p100, tmp_path)
    assert other.check != step.check


def test_an_image_without_a_dockerfile_is_pulled(root):
    (step,) = images(replace(hardware.load()["gpu_p100"], images=("docker.io/library/redis:7",)), root)
    assert step.name == "image:redis:7" and "docker pull -q docker.io/library/redis:7" in str(step.apply)


@dataclass(frozen=True)
class Told:
    """A node that answers the look at it with these lines, after those that every node has."""

    lines: tuple[str, ...]
    name: str = "node7"

    def run(self, command: str, **_: object) -> CommandResult:
        return CommandResult(0, "\n".join(["cores=8", "free_kb=50000000", "now=0", *self.lines]))


class AtZero(Clock):
    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC)


P100S = replace(hardware.load()["gpu_p100"], disk_gb=50, expected={"gpu": "P100", "gpu_count": [2]})
TWO = ("gpu=Tesla P100", "gpu=Tesla P100")


def examined(*lines: str, table: hardware.Hardware = P100S) -> int:
    """Number of GPUs of a node that answers so."""
    return len(examine(Told(lines), table, AtZero(), lambda text: None).gpus)  # type: ignore[arg-type]


def test_a_node_like_the_courses_passes():
    assert examined(*TWO) == 2
    assert examined(table=replace(P100S, expected={})) == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "node7 shows no GPU .neither nvidia-smi nor rocm-smi"),
        (("gpu_problem=No devices were found",), "node7 shows no GPU .No devices were found"),
        ((*TWO, "gpu_problem=driver mismatch"), "node7 shows no GPU .driver mismatch"),
        (TWO[:1], "node7 shows 1 GPU"),
        (("gpu=Tesla P100", "gpu=Tesla T4"), "node7 has Tesla T4, not the P100"),
    ],
)
def test_a_node_without_the_courses_gpus_is_refused(lines, words):
    with pytest.raises(SiteError, match=words):
        examined(*lines)


def test_a_node_without_room_on_its_disk_is_refused():
    with pytest.raises(SiteError, match="50.0 GB free, 50.1 GB needed"):
        examined(*TWO, table=replace(P100S, disk_gb=50.1))


def test_packing_the_kit_leaves_runs_and_caches_here(root):
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(pack(root).archive)) as tar:
        names = tar.getnames()
    assert "servelab.py" in names and not [n for n in names if n.startswith(("runs/", ".venv/", ".git/"))]
