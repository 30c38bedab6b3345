"""Pull every run of a part from its node, and verify each at home."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from reserve.desk import Desk, runs_folder
from reserve.errors import ConnectionLost, SiteError
from reserve.node.job import verify
from reserve.node.preparation import RUNS
from reserve.node.sync import pull as pull_run
from reserve.verbs.up import attach


@dataclass(frozen=True)
class Collected:
    """A run at home: its folder, how many files came now, how many steps it has."""

    folder: Path
    files: int
    steps: int


def pull(
    part: str, runs: Path | str | None = None, desk: Desk | None = None, run_id: str | None = None
) -> list[Collected]:
    """Bring home all runs of `part` (or one) from its node and verify them. Raises SiteError if there is no node,
    RecordError for a run that does not verify."""
    desk = desk or Desk()
    ready = attach(desk, part)
    base = runs_folder(runs)
    try:
        return _pull(ready.machine, part, base, run_id)
    finally:
        ready.machine.close()


def _pull(machine, part: str, base: Path, run_id: str | None) -> list[Collected]:  # type: ignore[no-untyped-def]
    listed = machine.run(f"cd {RUNS}/{shlex.quote(part)} 2>/dev/null && ls -1 || true").output.split()
    names = [name for name in listed if run_id is None or name == run_id]
    if not names:
        raise SiteError(
            f"there is no run of {part} on {machine.name} yet. Start one: `servelab run {part} --site chameleon`."
        )
    found = []
    for name in names:
        home = base / part / name
        for attempt in (1, 2, 3):
            try:
                files = pull_run(machine, f"{RUNS}/{part}/{name}", home)
                break
            except ConnectionLost:
                if attempt == 3:
                    raise
        found.append(Collected(home, len(files), len(verify(home).steps)))
    return found
