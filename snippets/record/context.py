"""What the process that starts a kernel tells the run record in it, through environment variables."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.errors import UsageError

FRESH_VARIABLE = "SERVELAB_FRESH_SINCE"
OWNER_VARIABLE = "SERVELAB_RUN_OWNER"
LEASE_VARIABLE = "SERVELAB_LEASE"
PROGRESS_VARIABLE = "SERVELAB_PROGRESS"
LOCK_VARIABLE = "SERVELAB_LOCK"
UNLOCKED = "off"
"""As the value of that variable: nothing is locked, several measurements at once are meant."""
BATCH_VARIABLE = "SERVELAB_BATCH"
"""Set where notebooks are executed from top to bottom with nobody before them: open predictions then stop nothing."""


@dataclass(frozen=True)
class RunContext:
    """The circumstances of a run that its notebooks do not know.

    `fresh_since`: in mode fresh, steps begun at or after this time (UTC, ISO 8601) are not measured again; empty: since
    the run is opened. `owner`: process id of the `servelab run` that holds the folder for this process. `lease`: the
    lease under which is measured. `progress`: file for the lines on each step, instead of the run's own.
    """

    fresh_since: str = ""
    owner: str = ""
    lease: dict[str, Any] | None = None
    progress: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> RunContext:
        """The context of this process. Raises UsageError for a lease that is no JSON object."""
        progress = environment.get(PROGRESS_VARIABLE, "")
        return cls(
            environment.get(FRESH_VARIABLE, ""),
            environment.get(OWNER_VARIABLE, ""),
            _lease(environment.get(LEASE_VARIABLE, "")),
            Path(progress) if progress else None,
        )


def machine_lock(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file that whoever measures on this machine holds: $SERVELAB_LOCK, else one in the folder of temporary files,
    which all users share; None where that is `off`."""
    named = environment.get(LOCK_VARIABLE, "")
    if named == UNLOCKED:
        return None
    return Path(named or Path(tempfile.gettempdir()) / "servelab-measuring.lock")


def _lease(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        lease = json.loads(text)
    except ValueError:
        lease = None
    if not isinstance(lease, dict):
        raise UsageError(
            f"${LEASE_VARIABLE} is {text[:80]!r}; it is a JSON object with the lease's facts. Unset it to "
            "measure without a lease."
        )
    return lease
