"""`servelab collect --pull`: every run of a part home from its node, each verified here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reserve.desk import Desk, runs_folder
from reserve.errors import ConnectionLost, SiteError
from reserve.node.attach import attach
from reserve.node.job import verify
from reserve.node.places import RUNS
from reserve.node.sync import pull
from reserve.site import Machine

TRIES = 3
"""How often one run is fetched when the connection breaks: each try goes on where the last one stopped."""


@dataclass(frozen=True)
class PulledRun:
    """A run at home: its folder, how many files came now, how many steps it has."""

    folder: Path
    files: int
    steps: int


def pull_part(desk: Desk, part: str, runs: Path | None = None) -> list[PulledRun]:
    """Bring home all runs of `part` from its node, into `runs` or the usual folder, and verify them.

    Raises Missing if there is no node, SiteError if it has no run, RecordError for a run that does not verify.
    """
    opened = attach(desk, part)
    machine = opened.machine
    try:
        names = machine.run(f"cd {RUNS}/{shlex.quote(part)} 2>/dev/null && ls -1 || true").output.split()
        if not names:
            raise SiteError(
                f"there is no run of {part} on {machine.name} yet. Start one: `servelab run {part} --site chameleon`."
            )
        return [_pull_run(machine, part, name, runs_folder(runs) / part / name) for name in names]
    finally:
        machine.close()


def _pull_run(machine: Machine, part: str, name: str, home: Path) -> PulledRun:
    tries = TRIES
    while True:
        tries -= 1
        try:
            files = pull(machine, f"{RUNS}/{part}/{name}", home)
            return PulledRun(home, len(files), len(verify(home).steps))
        except ConnectionLost:
            if not tries:
                raise


def pull_parts(desk: Desk, parts: Iterable[str]) -> None:
    """Pull these parts one after the other, and say what came."""
    for part in parts:
        for home in pull_part(desk, part):
            desk.say(f"pulled {home.folder}: {home.files} files, {home.steps} steps")
