"""Make a node ready, in named tasks: each is looked at before, done only if need be, and looked at after.

All checks of all tasks go to the node as one command, so a second `up` costs one round trip. Tasks that do not need
each other are done at the same time, each over a connection of its own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reserve.clock import Clock, Say, duration_text
from reserve.errors import ConnectionLost, NodeCommandFailed, SiteError, WaitedTooLong
from reserve.hardware import Hardware
from reserve.node.shell import program
from reserve.parallel import Piece, Watcher, in_parallel
from reserve.site import Machine

LANES = 4
"""How many tasks are done at the same time."""
PAUSES_S = (5.0, 20.0, 60.0)


@dataclass(frozen=True)
class Task:
    """`check` is a shell command that succeeds if nothing is to be done; where it is empty the task is done every time,
    and does not count as something that was left to do. `apply` is a command, or a function."""

    name: str
    about: str
    check: str
    apply: str | Callable[[Machine], None]
    remedy: str
    timeout_s: float = 600.0
    tries: int = 1
    new_login: bool = False
    """Whether the next command must log in again, as after joining a group."""
    needed: bool = True
    """Whether nothing can go on without it; if not, a failure is told and the next task begins."""
    network: bool = False
    """Whether it waits for the network: what its time depends on."""
    after: tuple[str, ...] = ()
    """The tasks that it needs, by name; those that are not asked for do not count."""
    holds: str = ""
    """What only one task at a time may use, such as `apt`."""


@dataclass(frozen=True)
class Facts:
    """What a machine says about itself before anything is done to it."""

    cores: int
    machine: str
    cpu: str
    free_gb: float
    skew_s: float
    gpus: tuple[str, ...]
    gpu_problem: str


def look(machine: Machine, clock: Clock) -> Facts:
    """Ask the machine for its facts, in one command."""
    values: dict[str, list[str]] = {}
    began = clock.now().timestamp()
    for line in machine.run(program("look"), timeout_s=40).output.splitlines():
        name, found, value = line.partition("=")
        if found:
            values.setdefault(name, []).append(value.strip())

    def number(name: str) -> float:
        try:
            return float(values[name][0])
        except (KeyError, ValueError):
            raise SiteError(
                f"{machine.name} does not say its {name}: it is not the Linux that the course's image brings. "
                "Check `image` in reserve/hardware.toml."
            ) from None

    return Facts(
        cores=int(number("cores")),
        machine=values.get("machine", ["?"])[0],
        cpu=values.get("cpu", [""])[0],
        free_gb=number("free_kb") / 1e6,
        skew_s=number("now") - began,
        gpus=tuple(g for g in values.get("gpu", []) if g),
        gpu_problem=values.get("gpu_problem", [""])[0],
    )


def examine(machine: Machine, hardware: Hardware, clock: Clock, say: Say) -> Facts:
    """Compare the machine with hardware.toml. Raises SiteError for what would spoil every measurement or run."""
    facts, expected = look(machine, clock), hardware.expected
    say(
        f"{machine.name}: {facts.cores} cores {facts.cpu or facts.machine}, {facts.free_gb:.0f} GB free"
        + (f", {len(facts.gpus)} x {facts.gpus[0]}" if facts.gpus else "")
    )
    if facts.free_gb < hardware.disk_gb:
        raise SiteError(
            f"the disk of {machine.name} is full: {facts.free_gb:.1f} GB free, {hardware.disk_gb:g} GB needed. Delete "
            "what an earlier user left (`du -xsh ~/* /var/lib/docker`), or `servelab down` and take another node."
        )
    if expected.get("gpu"):
        if facts.gpu_problem or not facts.gpus:
            raise SiteError(
                f"{machine.name} shows no GPU ({facts.gpu_problem or 'neither nvidia-smi nor rocm-smi names one'}). "
                f"Reboot it on the dashboard; check that `image` of [{hardware.key}] is one with the driver of its GPU "
                "(CUDA, CUDA-VGPU or ROCm); or `servelab down` and take another node (--node)."
            )
        counts = expected.get("gpu_count") or [len(facts.gpus)]
        if len(facts.gpus) not in counts:
            raise SiteError(
                f"{machine.name} shows {len(facts.gpus)} GPU(s), the course's {hardware.key} has {counts}: a "
                "measurement here would not compare. `servelab down` and take another node (--node), and tell the "
                "help desk."
            )
        wrong = [gpu for gpu in facts.gpus if str(expected["gpu"]) not in gpu]
        if wrong:
            raise SiteError(
                f"{machine.name} has {wrong[0]}, not the {expected['gpu']} "
                f"of [{hardware.key}]. Take another node (--node)."
            )
    if abs(facts.skew_s) > 120:
        say(
            f"the clock of {machine.name} is {facts.skew_s / 60:.0f} min off: "
            "durations are unaffected, times in the record are the node's"
        )
    cpu = str(expected.get("cpu", ""))
    if cpu and facts.cpu and cpu not in facts.cpu:
        say(f"note: the CPU is {facts.cpu}, the course expects {cpu}; the record says what was really used")
    return facts


def provision(
    machine: Machine,
    tasks: Sequence[Task],
    clock: Clock,
    say: Say,
    another: Callable[[], Machine] | None = None,
) -> list[str]:
    """Bring every task to its checked state; returns the names of those that had to be done.

    `another` opens a further connection to the same machine: with it, tasks that do not need each other are done at the
    same time, without it one after the other. When one fails, those under way are waited for and no other is begun.
    Raises SiteError naming the task, what the node said, and the remedy. Repeating it goes on at that task.
    """
    ready = _check_all(machine, tasks)
    work = _Work(machine, another, clock, say)
    todo = []
    for task in tasks:
        if ready.get(task.name):
            say(f"  {task.name}: ready")
        else:
            todo.append(task)
    by_name = {task.name: task for task in todo}
    pieces = [Piece(task.name, task.after, task.holds) for task in todo]
    try:
        in_parallel(
            pieces,
            lambda name: work.do(by_name[name]),
            LANES if another else 1,
            Watcher(lambda name, error, others: work.failed(by_name[name], error, others), work.cut),
        )
    finally:
        work.close()
    return [task.name for task in todo if task.name in work.done]


class _Work:
    """What the threads share: connections that nobody uses, one voice, what was done, and whether to stop."""

    def __init__(self, machine: Machine, another: Callable[[], Machine] | None, clock: Clock, say: Say) -> None:
        self._first, self._another, self._clock, self._say = machine, another, clock, say
        self._lock = threading.Lock()
        self._idle, self._busy = [machine], list[Machine]()
        self._logins: dict[int, int] = {}
        self._login = 0
        self.stop = threading.Event()
        self.done: set[str] = set()

    def say(self, text: str) -> None:
        """One line at a time, whoever speaks."""
        with self._lock:
            self._say(text)

    def do(self, task: Task) -> None:
        """Do the task over a connection that nobody else uses. Raises SiteError if it is needed and cannot be done."""
        machine = self._take()
        try:
            self.say(f"  {task.name}: {task.about}")
            began = self._clock.seconds()
            try:
                _do(machine, task, self)
            except SiteError as error:
                if task.needed or isinstance(error, ConnectionLost):
                    raise
                self.say(f"  {task.name}: left out. {error}")
                return
            self.say(f"  {task.name}: done in {duration_text(self._clock.seconds() - began)}")
            with self._lock:
                self._login += task.new_login
                if task.check:
                    self.done.add(task.name)
        finally:
            self._give_back(machine)

    def _take(self) -> Machine:
        with self._lock:
            machine = self._idle.pop() if self._idle else None
        machine = machine or self._connect()
        with self._lock:
            self._busy.append(machine)
            old = self._logins.get(id(machine), 0) < self._login
            self._logins[id(machine)] = self._login
        if old:
            machine.close()  # the next command logs in again
        return machine

    def _connect(self) -> Machine:
        assert self._another is not None
        for pause in PAUSES_S:
            try:
                return self._another()
            except ConnectionLost:
                if self.stop.is_set():
                    raise
                self.sleep(pause)
        return self._another()

    def _give_back(self, machine: Machine) -> None:
        with self._lock:
            self._busy.remove(machine)
            self._idle.append(machine)

    def sleep(self, seconds: float) -> None:
        """Wait, unless a task fails meanwhile."""
        while seconds > 0 and not self.stop.is_set():
            self._clock.sleep(min(seconds, 1.0))
            seconds -= 1.0

    def failed(self, task: Task, error: BaseException, others: list[str]) -> None:
        """Say it at once, with what is waited for."""
        first = not self.stop.is_set()
        self.stop.set()
        if others and first:
            self.say(f"  {task.name}: failed. First {' and '.join(others)}, under way, comes to its end")
        elif not first:
            self.say(f"  {task.name}: failed as well. {error}")

    def cut(self) -> None:
        """Make every command end: its connection is closed."""
        self.stop.set()
        with self._lock:
            busy = list(self._busy)
        for machine in busy:
            machine.close()

    def close(self) -> None:
        """Close the further connections; the caller's stays, except for a login that is too old."""
        for machine in self._idle:
            if machine is not self._first or self._logins.get(id(machine), 0) < self._login:
                machine.close()


def _check_all(machine: Machine, tasks: Sequence[Task]) -> dict[str, bool]:
    command = "\n".join(
        f"if ( {task.check}\n) >/dev/null 2>&1 </dev/null; "
        f"then echo 'ready {task.name}'; else echo 'todo {task.name}'; fi"
        for task in tasks
        if task.check
    )
    lines = machine.run(command, timeout_s=40.0).output.splitlines()
    return {line.split()[1]: line.startswith("ready ") for line in lines if re.match(r"(ready|todo) \S+$", line)}


def _do(machine: Machine, task: Task, work: _Work) -> None:
    trouble: SiteError | None = None
    attempts = 0
    for attempt in range(task.tries):
        if trouble is not None:
            if work.stop.is_set():
                break
            pause = PAUSES_S[min(attempt - 1, len(PAUSES_S) - 1)]
            work.say(f"  {task.name}: failed ({_last(trouble)}); trying again in {pause:.0f} s")
            work.sleep(pause)
            if work.stop.is_set():
                break
        attempts += 1
        try:
            if callable(task.apply):
                task.apply(machine)
            else:
                machine.run(task.apply, timeout_s=task.timeout_s, on_line=lambda line: _show(task.name, line, work.say))
            if not task.check:
                return
            after = machine.run(f"( {task.check}\n) 2>&1", timeout_s=40.0, check=False)
            if after.status == 0:
                return
            trouble = SiteError(after.output.strip()[-300:] or "it ran, but its check does not pass")
        except (NodeCommandFailed, ConnectionLost, WaitedTooLong) as error:
            trouble = error
    assert trouble is not None
    text = trouble.output if isinstance(trouble, NodeCommandFailed) else str(trouble)
    if re.search(r"no space left|disk quota", text, re.I):
        raise SiteError(
            f"the disk of {machine.name} is full (step {task.name}). Delete what "
            "is not needed there, or `servelab down` and take another node."
        ) from None
    if re.search(r"could not resolve|temporary failure resolving|network is unreachable", text, re.I):
        raise SiteError(
            f"{machine.name} has no internet (step {task.name}): {_last(trouble)}. Look "
            "at its network on the dashboard, or `servelab down` and take another node."
        ) from None
    if isinstance(trouble, ConnectionLost):
        raise trouble
    raise SiteError(
        f"step {task.name} failed on {machine.name} after {attempts} attempt(s): {_last(trouble)}. {task.remedy} "
        "Then repeat the command: finished steps are not done again."
    ) from None


def _show(name: str, line: str, say: Say) -> None:
    """A line of the node's output, with the task's name; of a progress bar only what it ended with."""
    text = line.rstrip().rsplit("\r", 1)[-1].strip()
    if text:
        say(f"    {name} | {text[:160]}")


def _last(error: Exception) -> str:
    """The last thing that was said, which is mostly the reason."""
    text = error.output if isinstance(error, NodeCommandFailed) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else str(error))[:240].rstrip(".")
