"""How long runs will take, from what earlier ones took on this machine: said before a grid begins."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

from reserve.run.naming import named
from reserve.run.options import RunOptions
from snippets.errors import RecordError, UsageError
from snippets.parts import expand
from snippets.record.read import Record, load_record

NOTEBOOK_S = 5.0
"""What a notebook takes besides its steps: a kernel, imports, charts."""
LOOK_AT = 10
"""So many of the newest runs are looked at."""


def whole_run_s(part: str, profile: str, runs: Path) -> float | None:
    """Seconds of a whole run of a part in this profile, from the run with most steps among the newest; None where no
    run tells. A run of part system in another profile tells, too: `forecast.duration.in_profile`."""
    here = platform.node()
    read = (record_in(folder) for folder in _newest(runs / part))
    found = [record for record in read if record and record.steps and record.host.get("hostname") == here]
    same = [record for record in found if _profile(record) == profile]
    if same:
        most = max(same, key=lambda record: len(record.steps))
        return _spent_s(most) + _overhead_s(most)
    if part != "system" or not found:
        return None
    from snippets.forecast.duration import in_profile

    most = max(found, key=lambda record: len(record.steps))
    try:
        return in_profile(most, profile) + _overhead_s(most)
    except (UsageError, RecordError):
        return None


def left_s(parts: str, every: Iterable[RunOptions], runs: Path) -> float | None:
    """Seconds that runs with these options (of a part, or of all) still take, one after the other: less what their
    records hold already. None where that is not known of one of the parts."""
    total = 0.0
    for options in every:
        for part in expand(parts):
            whole = whole_run_s(part, options.profile, runs)
            if whole is None:
                return None
            begun = record_in(runs / part / named(part, options).name)
            total += max(whole - (_spent_s(begun) if begun and options.mode == "resume" else 0.0), 0.0)
    return total


def _newest(part_runs: Path) -> list[Path]:
    folders = [path.parent for path in part_runs.glob("*/record.json")]
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)[:LOOK_AT]


def record_in(folder: Path) -> Record | None:
    """The record in that folder; None where there is none that can be read."""
    try:
        return load_record(folder)
    except RecordError:
        return None


def _profile(record: Record) -> str:
    return next((str(values.get("profile", "")) for values in record.parameters.values()), "")


def _spent_s(record: Record) -> float:
    return sum(step.seconds for step in record.steps)


def _overhead_s(record: Record) -> float:
    return NOTEBOOK_S * len({step.notebook for step in record.steps})
