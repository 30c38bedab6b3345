"""Run a part on a node, detached, and bring each finished step home at once.

The run belongs to the node: it goes on when this program, its network or its machine goes away. Called again, it
finds the job and follows it; on another node, the run's folder is sent there first and goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve.clock import Say, duration_text
from reserve.desk import Desk
from reserve.errors import ConnectionLost, Missing, NodeCommandFailed, RunTimeout, SiteError, WaitedTooLong
from reserve.lease.time_left import Watch
from reserve.node.attach import OpenNode
from reserve.node.places import RUNS, STATE
from reserve.node.shell import program
from reserve.node.sync import pull, push_run
from reserve.site import Lease, Machine
from snippets import errors as kit_errors
from snippets.errors import Place
from snippets.record.run import load_record

POLL_S = 2.0
RECONNECT_LIMIT_S = 600.0
LOST_IN_A_ROW = 5
"""How often a look at the run may fail in a row although connecting works: then the way back does not work."""


@dataclass(frozen=True)
class Job:
    """What runs: a part, its run's name, the words of `servelab run`, and variables of its environment."""

    part: str
    run_id: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where the job's state is, below the node's home."""
        return f"{STATE}/jobs/{self.part}-{self.run_id}"

    @property
    def run_folder(self) -> str:
        """Where its run is, below the node's home."""
        return f"{RUNS}/{self.part}/{self.run_id}"


def start(machine: Machine, job: Job, lease: Lease, node_type: str) -> bool:
    """Start the job unless it is running; True if it was started now. The run's record will name the lease, and
    the `node_type` that was leased: what a grader holds the host's facts against."""
    state = machine.run(program("job_state", "job_look", arguments=(job.folder,))).output.strip()
    if state == "running":
        return False
    facts = {
        "site": lease.site,
        "node_type": node_type,
        "name": lease.name,
        "id": lease.id,
        "start": lease.start.isoformat(),
        "end": lease.end.isoformat(),
    }
    settings = [f"{name}={value}" for name, value in sorted(job.environment.items())]
    arguments = (job.folder, json.dumps(facts, sort_keys=True), *settings, *job.words)
    machine.run(program("job_start", arguments=arguments))
    return True


def send_earlier(machine: Machine, job: Job, home: Path, say: Say) -> None:
    """Send the run's folder from here if it is further than the node's: another node began it."""
    here = _steps_here(home)
    if not here:
        return
    there = machine.run(
        f"cd {job.run_folder} 2>/dev/null && grep -c . progress.jsonl 2>/dev/null || echo 0", check=False
    ).output.strip()
    if there in ("", "0"):
        say(f"sending the run so far ({here} steps): it goes on here")
        push_run(machine, home, job.run_folder)


def _steps_here(home: Path) -> int:
    try:
        return len(load_record(home).steps)
    except kit_errors.KitError:
        return 0


class Follower:
    """Streams a job's words, syncs its run to `home`, survives dropped connections, warns before the lease ends."""

    def __init__(self, desk: Desk, opened: OpenNode, job: Job, home: Path) -> None:
        self.machine = opened.machine
        self._desk, self._opened, self._job, self._home = desk, opened, job, home
        self._site = desk.site(opened.node.site)
        self._watch = Watch(opened.lease, desk.say)
        self._log_at = 1
        self._progress = -1

    def follow(self, limit_s: float) -> int:
        """Until the job ends; its exit status. `machine` may be another one then.

        Raises SiteError when the lease ended, KernelDied when the job ended without a status, RunTimeout after
        `limit_s` seconds (it then goes on there), ConnectionLost when nothing comes home although the node answers.
        """
        began, lost_in_a_row = self._desk.clock.seconds(), 0
        while True:
            late = self._desk.clock.seconds() - began > limit_s
            try:
                state = self._poll()
            except (ConnectionLost, WaitedTooLong) as lost:
                lost_in_a_row += 1
                if lost_in_a_row >= LOST_IN_A_ROW or late:
                    raise ConnectionLost(
                        f"{self.machine.name} answers, but the run cannot be followed: {lost_in_a_row} times in a row: "
                        f"{lost} What came home is in {self._home}; the run goes on there until the lease ends."
                    ) from None
                self._reconnect(lost)
                continue
            lost_in_a_row = 0
            self._watch.tick(self._site.now())
            if state.startswith("exit "):
                self._sync_surely()
                return int(state.split()[1])
            if state in ("dead", "none"):
                self._sync_surely()
                raise kit_errors.KernelDied(
                    f"the run of {self._job.part} on {self.machine.name} ended without a word (killed, or the "
                    f"node was restarted). What was measured is in {self._home}; repeat the command to go on.",
                    place=Place(part=self._job.part),
                )
            if late:
                raise RunTimeout(
                    f"the run of {self._job.part} still goes on after {duration_text(limit_s)}. "
                    "It is left running: repeat the command to follow it again.",
                    place=Place(part=self._job.part),
                )
            self._desk.clock.sleep(POLL_S)

    def _poll(self) -> str:
        """One round trip: the job's state, the size of its progress, and its new words."""
        run = self._job.run_folder
        arguments = (self._job.folder, run, str(self._log_at))
        output = self.machine.run(program("job_state", "job_poll", arguments=arguments), timeout_s=40).output
        state, size, words = (output.split("\n", 2) + ["", ""])[:3]
        complete = words[: words.rfind("\n") + 1]
        if size.strip().isdigit() and int(size) != self._progress:
            pull(self.machine, run, self._home)
            self._progress = int(size)
        # Said only now: a step that is reported as done is at home.
        self._log_at += len(complete.encode())
        for line in complete.splitlines():
            self._desk.say(f"  {line}")
        return state.strip()

    def _sync_surely(self) -> None:
        """The last pull, over a new connection if need be."""
        for _ in range(3):
            try:
                pull(self.machine, self._job.run_folder, self._home)
                return
            except (ConnectionLost, WaitedTooLong) as lost:
                self._reconnect(lost)
        pull(self.machine, self._job.run_folder, self._home)

    def _reconnect(self, lost: Exception) -> None:
        self._desk.say("the connection to the node broke; the run goes on there. Connecting again ...")
        began, pause = self._desk.clock.seconds(), 1.0
        while True:
            self._raise_if_lease_ended()
            self._raise_if_gone()
            try:
                self.machine.close()
                self.machine = self._site.open(self._opened.node)
                self.machine.run("true", timeout_s=30)
                self._desk.say("connected again")
                return
            except (ConnectionLost, NodeCommandFailed, WaitedTooLong) as error:
                lost = error
            if self._desk.clock.seconds() - began > RECONNECT_LIMIT_S:
                raise ConnectionLost(
                    f"{self.machine.name} does not answer any more ({lost}) What was synced is in {self._home}. "
                    "Repeat the command to follow the run again, or look at the node's console on the dashboard."
                ) from None
            self._desk.clock.sleep(pause)
            pause = min(pause * 2, 30.0)

    def _raise_if_lease_ended(self) -> None:
        try:
            lease = self._site.get_lease(self._opened.lease.id)
        except (SiteError, kit_errors.CredentialsError):
            return  # the site cannot be asked now; the node may still answer
        if lease is None or lease.ended or lease.status in ("TERMINATING", "ERROR"):
            steps = _steps_here(self._home)
            raise SiteError(
                f"the lease ended while {self._job.part} was running. {steps} finished steps are in "
                f"{self._home}; at most the one under way is lost. Reserve again (`servelab slots "
                f"{self._job.part}`), `servelab up`, and repeat this command: the run goes on from there."
            )

    def _raise_if_gone(self) -> None:
        node = self._opened.node
        try:
            there = self._site.get_node(node.id, self._opened.hardware)
        except (SiteError, kit_errors.CredentialsError):
            return
        if there is None:
            raise Missing(
                f"{node.name} is gone from {node.site} while {self._job.part} was running: somebody deleted it. What "
                f"was synced is in {self._home}. `servelab up {self._job.part}` makes it again; repeat this then."
            )


ERRORS: dict[int, type[kit_errors.KitError]] = {
    kind.exit_code: kind
    for kind in vars(kit_errors).values()
    if isinstance(kind, type) and issubclass(kind, kit_errors.KitError) and kind is not kit_errors.KitError
}


def raise_for(status: int, machine: Machine, job: Job, home: Path) -> None:
    """Turn the exit status of `servelab run` on the node into the error that it was there, and say at which step."""
    if status == 0:
        return
    tail = machine.run(f"tail -n 12 {job.folder}/log", check=False).output.strip()
    said = [line for line in tail.splitlines() if line.startswith("servelab: ")]
    words = said[-1].removeprefix("servelab: ") if said else tail[-400:]
    kind = ERRORS.get(status, kit_errors.KitError)
    raise kind(
        f"{job.part} on {machine.name}: {words} What was measured is in {home}; repeat the command to go on.",
        place=_place(job, home),
    )


def _place(job: Job, home: Path) -> Place:
    """Where the run ended, by the last line of its progress: known if a step failed."""
    try:
        last = json.loads((home / "progress.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return Place(part=job.part)
    if last["state"] != "failed":
        return Place(part=job.part)
    return Place(part=job.part, notebook=last["notebook"], step=last["step"])


def verify(home: Path) -> Any:
    """The record at home, checked: hashes, chain, times. Raises RecordError naming what is wrong."""
    record = load_record(home)
    problems = record.verify()
    if problems:
        raise kit_errors.RecordError(
            f"the run in {home} does not verify: {'; '.join(map(str, problems[:3]))}. "
            "Repeat `servelab collect` while the node is up."
        )
    return record
