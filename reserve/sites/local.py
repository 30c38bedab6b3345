"""This machine as a site: the same contract, no account, nothing to pay, nothing to wait for."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from reserve.calendar import Calendar, from_text, to_text
from reserve.clock import Clock
from reserve.errors import ConnectionLost, WaitedTooLong
from reserve.hardware import Hardware
from reserve.journal import Journal
from reserve.site import CommandResult, Lease, LeaseSpec, Machine, Node, OnLine, Thing
from snippets.files import unpack_tar, write_atomic

NAME = "local"


def on_this_machine(hardware: Hardware) -> Hardware:
    """A part's rules without what only a Chameleon node has."""
    return replace(
        hardware,
        site=NAME,
        kind="node",
        user="",
        expected={},
        images=(),
        alone=(),
        wheels=(),
        disk_gb=1.0,
        pins={},
        run={},
        floating_ip=False,
        boot_volume_gb=0,
    )


class LocalSite:
    """Leases and nodes are entries of a file; the node is a scratch home on this machine."""

    name: str = NAME

    def __init__(self, journal: Journal, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.folder = journal.folder / "local"
        self._file = self.folder / "site.json"

    def _load(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {"leases": {}, "nodes": {}}

    def _save(self, state: dict[str, dict[str, dict[str, str]]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._file, json.dumps(state, indent=1).encode(), setting="SERVELAB_STATE")

    def sign_in(self) -> str:
        """Nobody has to."""
        return "this machine, no account"

    def check_can_lease(self) -> None:
        """Everyone can lease this machine."""

    def now(self) -> datetime:
        """This machine's time."""
        return self.clock.now()

    def calendar(self, hardware: Hardware) -> Calendar:
        """One node, never taken."""
        return Calendar(hardware.key, {"this machine": ()}, fetched=self.now())

    def _lease(self, name: str, facts: dict[str, str]) -> Lease:
        start, end = from_text(facts["start"]), from_text(facts["end"])
        return Lease(name, name, NAME, "TERMINATED" if end <= self.now() else "ACTIVE", start, end, reservation_id=name)

    def find_lease(self, name: str) -> Lease | None:
        """The lease of that name that has not ended."""
        facts = self._load()["leases"].get(name)
        lease = self._lease(name, facts) if facts else None
        return lease if lease and lease.status == "ACTIVE" else None

    def project_leases(self) -> list[Lease]:
        """Every lease that is written down and has not ended."""
        found = [self._lease(name, facts) for name, facts in self._load()["leases"].items()]
        return [lease for lease in found if lease.status == "ACTIVE"]

    def get_lease(self, id: str) -> Lease | None:
        """The same: names are ids here."""
        return self.find_lease(id)

    def create_lease(self, spec: LeaseSpec) -> Lease:
        """Write the lease down; nothing refuses it."""
        state = self._load()
        state["leases"][spec.name] = {"start": to_text(spec.start), "end": to_text(spec.end)}
        self._save(state)
        return self._lease(spec.name, state["leases"][spec.name])

    def extend_lease(self, lease: Lease, until: datetime) -> Lease:
        """Write the new end down; nobody else wants the time."""
        state = self._load()
        state["leases"][lease.name]["end"] = to_text(until)
        self._save(state)
        return replace(lease, end=until)

    def find_node(self, name: str, hardware: Hardware) -> Node | None:
        """The scratch home of that name, if it was made; always ACTIVE."""
        if name not in self._load()["nodes"]:
            return None
        return Node(name, name, NAME, "server", "ACTIVE", address="127.0.0.1")

    def get_node(self, id: str, hardware: Hardware) -> Node | None:
        """The same: names are ids here."""
        return self.find_node(id, hardware)

    def create_node(self, name: str, lease: Lease, hardware: Hardware, *, public: bool = False) -> Node:
        """Make the scratch home, a folder."""
        state = self._load()
        state["nodes"][name] = {"lease": lease.name}
        self._save(state)
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        return Node(name, name, NAME, "server", "ACTIVE", address="127.0.0.1")

    def all_named(self, name: str, hardware: Hardware) -> list[Thing]:
        """The scratch home of that name, as a thing."""
        return [Thing("server", name, name, NAME)] if name in self._load()["nodes"] else []

    def open_ports(self, node: Node, hardware: Hardware, *, public: bool) -> None:
        """Nothing is closed here."""

    def addresses_of_lease(self, lease: Lease) -> list[Thing]:
        """None: the loopback is always there."""
        return []

    def give_address(self, node: Node, lease: Lease) -> Thing:
        """The loopback address, which needs no making."""
        return Thing("floating_ip", f"{node.id}-address", node.name, NAME, "127.0.0.1")

    def find_addresses(self, name: str, node_ids: set[str]) -> list[Thing]:
        """None: no address is made here."""
        return []

    def exists(self, thing: Thing) -> bool:
        """Whether it is still written down."""
        state = self._load()
        return thing.id in state["leases" if thing.kind == "lease" else "nodes"]

    def delete(self, thing: Thing) -> None:
        """Strike it out; a scratch home loses its processes and its files too."""
        state = self._load()
        if thing.kind == "lease":
            state["leases"].pop(thing.id, None)
        elif thing.kind == "server":
            state["nodes"].pop(thing.id, None)
            home = self.folder / thing.id
            _stop_processes(home)
            shutil.rmtree(home, ignore_errors=True)
        self._save(state)

    def inventory(self) -> list[Thing]:
        """Every lease and scratch home that is written down."""
        state = self._load()
        leases = [Thing("lease", name, name, NAME, f"until {facts['end']}") for name, facts in state["leases"].items()]
        return leases + [Thing("server", name, name, NAME) for name in state["nodes"]]

    def open(self, node: Node) -> Machine:
        """Commands as subprocesses in the scratch home."""
        return LocalMachine(node.name, self.folder / node.id)


def _stop_processes(home: Path) -> None:
    """End what was started in a scratch home: JupyterLab and detached jobs, by the ids that they left."""
    pids: list[int] = []
    for path in home.glob(".servelab/jobs/*/pid"):
        if path.read_text().strip().isdigit() and not path.with_name("exit").exists():
            pids.append(int(path.read_text()))
    with contextlib.suppress(OSError, ValueError, KeyError):
        pids.append(int(json.loads((home / ".servelab/jupyter.json").read_text())["pid"]))
    for pid in pids:
        try:
            os.killpg(os.getpgid(pid), signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            continue


class LocalMachine:
    """The Machine contract with subprocesses, in a home of its own."""

    batch_bytes = 64_000_000

    def __init__(self, name: str, home: Path) -> None:
        self.name, self.home = name, str(home)
        home.mkdir(parents=True, exist_ok=True)
        cache = os.environ.get("SERVELAB_CACHE") or str(Path.home() / ".cache" / "servelab")
        own = {"HOME": self.home, "SERVELAB_NODE_PYTHON": sys.executable, "SERVELAB_CACHE": cache}
        self._running: set[subprocess.Popen[str]] = set()
        self._env = {**{k: v for k, v in os.environ.items() if not k.startswith("OS_")}, **own}

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run with `sh`, in a process group that is killed after `timeout_s` seconds. Raises as `Machine.run`."""
        child = subprocess.Popen(
            ["sh", "-c", command],
            cwd=self.home,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        self._running.add(child)
        timer = threading.Timer(timeout_s, stop)
        timer.start()
        lines = []
        assert child.stdout is not None
        try:
            for line in child.stdout:
                lines.append(line)
                if on_line:
                    on_line(line.rstrip("\n"))
            status = child.wait()
        except BaseException:
            child.kill()
            raise
        finally:
            timer.cancel()
            child.stdout.close()
            self._running.discard(child)
        output = "".join(lines)
        if late.is_set():
            raise WaitedTooLong(f"a command on {self.name} gave no end within {timeout_s:.0f} s: {command[:80]!r}.")
        result = CommandResult(status, output)
        return result.succeeded(self.name) if check else result

    def push(self, archive: bytes, folder: str) -> None:
        """Unpack a tar archive into `folder` of the scratch home."""
        target = Path(self.home) / folder
        target.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            unpack_tar(tar, target)

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """A tar archive of `names`. Raises ConnectionLost for a file that cannot be read."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in names:
                try:
                    tar.add(Path(self.home) / folder / name, arcname=name, recursive=False)
                except FileNotFoundError:
                    continue  # replaced since it was listed: the next pull takes it
                except OSError as error:
                    raise ConnectionLost(f"{name} cannot be read: {error.strerror}") from None
        return packed.getvalue()

    def close(self) -> None:
        """Nothing is held open; a command that another thread waits for is ended."""
        for child in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
