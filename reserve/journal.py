"""The write-ahead journal: what was asked of a site is on disk before the site is asked.

One JSON object a line, appended and synced. A crash can leave at most a torn last line, which is skipped. So after
`kill -9` at any point, every lease, server, container, address and key that may exist is named here.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve.calendar import to_text
from reserve.clock import Clock
from reserve.errors import SiteError
from reserve.redact import redact
from snippets.errors import RunLocked, StorageError
from snippets.parts import KIT

CLASS_LEASES = "class_leases"
KINDS = ("lease", "server", "container", "volume", "floating_ip", "borrowed_ip", "keypair")


def state_folder() -> Path:
    """$SERVELAB_STATE, else ~/.local/state/servelab, in the JupyterHub the kit's .servelab; private to the user.

    A JupyterHub server is taken away after some idle days, and only the work folder, where the kit is, comes back.
    """
    base = os.environ.get("SERVELAB_STATE")
    if base:
        folder = Path(base)
    elif os.environ.get("JUPYTERHUB_API_URL"):
        folder = KIT / ".servelab"
    else:
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "servelab"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"cannot make the state folder {folder}: {error.strerror}. Set SERVELAB_STATE.") from None
    return folder


@dataclass
class Entry:
    """One thing that was asked for. `id` is empty until the site answered; `gone` once its absence was verified."""

    key: str
    kind: str
    name: str
    site: str
    part: str
    id: str = ""
    gone: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class Journal:
    """The journal of one user on one machine: `journal.jsonl` in the state folder."""

    def __init__(self, folder: Path | None = None, clock: Clock | None = None) -> None:
        self.folder = folder or state_folder()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = self.folder / "journal.jsonl"
        self._clock = clock or Clock()

    def _append(self, event: dict[str, Any]) -> None:
        text = redact(json.dumps({"at": to_text(self._clock.now()), **event}, sort_keys=True))
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(fd).st_size
                torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
                os.write(fd, (b"\n" if torn else b"") + text.encode() + b"\n")
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise StorageError(
                f"cannot write the journal {self.path}: {error.strerror}. Nothing was asked of the site. "
                "Free space, or set SERVELAB_STATE to another folder."
            ) from None

    def intend(self, kind: str, name: str, site: str, part: str, **facts: Any) -> str:
        """Write down that `kind` `name` is about to be asked for; returns the entry's key."""
        if kind not in KINDS:
            raise ValueError(kind)
        key = uuid.uuid4().hex[:12]
        self._append(
            {"event": "intend", "key": key, "kind": kind, "name": name, "site": site, "part": part, "facts": facts}
        )
        return key

    def made(self, key: str, id: str, **facts: Any) -> None:
        """The site answered: it exists and has this id."""
        self._append({"event": "made", "key": key, "id": id, "facts": facts})

    def note(self, key: str, **facts: Any) -> None:
        """Add facts to an entry."""
        self._append({"event": "note", "key": key, "facts": facts})

    def gone(self, key: str, why: str = "") -> None:
        """Its absence was verified (deleted, or never made)."""
        self._append({"event": "gone", "key": key, "why": why})

    def entries(self) -> list[Entry]:
        """Everything ever asked for, oldest first, as its events left it."""
        found: dict[str, Entry] = {}
        for event in self._events():
            key = event.get("key", "")
            if event["event"] == "intend":
                found[key] = Entry(
                    key,
                    event["kind"],
                    event["name"],
                    event["site"],
                    event["part"],
                    facts=dict(event.get("facts") or {}),
                )
            elif key in found:
                entry = found[key]
                entry.id = event.get("id", entry.id)
                entry.facts.update(event.get("facts") or {})
                if event["event"] == "gone":
                    entry.gone = True
                    entry.facts["gone_at"] = event["at"]
        return list(found.values())

    def _events(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(
                f"cannot read the journal {self.path}: {error.strerror}. Mend its permissions."
            ) from None
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a line that a crash tore; what it would have said was not yet relied on
            if isinstance(event, dict) and "event" in event and "at" in event:
                yield event

    def remember_for_class(self, id: str) -> None:
        """Keep the id of a lease that was made for a student: it is nothing of this user's. Raises StorageError."""
        try:
            with (self.folder / CLASS_LEASES).open("a", encoding="utf-8") as file:
                file.write(f"{id}\n")
        except OSError as error:
            raise StorageError(f"cannot write {self.folder / CLASS_LEASES}: {error.strerror}. Free space.") from None

    def for_class(self) -> frozenset[str]:
        """The ids of leases that were made for students, those that are over too."""
        try:
            return frozenset((self.folder / CLASS_LEASES).read_text(encoding="utf-8").split())
        except OSError:
            return frozenset()

    def open_entries(self, part: str = "", site: str = "", kind: str = "") -> list[Entry]:
        """What may still exist."""
        return [
            entry
            for entry in self.entries()
            if not entry.gone
            and (not part or entry.part == part)
            and (not site or entry.site == site)
            and (not kind or entry.kind == kind)
        ]

    def lease_of(self, part: str) -> Entry | None:
        """The newest lease of `part` that was not released."""
        leases = self.open_entries(part=part, kind="lease")
        return leases[-1] if leases else None

    def lease_for_command(self, part: str) -> Entry:
        """Like `lease_of`, but a SiteError with the remedy when there is none."""
        entry = self.lease_of(part)
        if entry is None:
            raise SiteError(
                f"there is no lease for {part} on record here. See free blocks with `servelab slots {part}`, then "
                f"`servelab reserve {part} --start ... --netid ...`."
            )
        return entry

    @contextmanager
    def locked(self, part: str) -> Iterator[None]:
        """Only one command at a time makes or releases things of `part` (a dead process holds no lock)."""
        path = self.folder / f"{part}.lock"
        with path.open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                raise RunLocked(
                    f"another servelab (process {handle.read().strip() or '?'}) is working on {part}. "
                    "Wait for it, or stop it with Ctrl-C there."
                ) from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield
