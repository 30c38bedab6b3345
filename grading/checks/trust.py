"""How far a record can be believed. Each level is named for what was checked, and says what it does not prove.

consistent       form, hashes, chain, times and recomputed statistics fit together. Somebody who writes a whole
                 record by hand, with all of its hashes, passes.
plausible        the figures lie within physical bounds of the hardware that the record names, the samples look
                 measured, and steps, times and answers fit each other (grading.checks.integrity). What a program of
                 its own invents with care passes.
challenge-met    the run's model gave these outputs for images drawn from the student's own code and from the run's
                 chain (grading.rerun.challenges; the class is asked, not a part). It does not say how fast it was.
lease-confirmed  the lease exists at the testbed, under the student's name, and the steps lie within its time. It
                 does not say that the notebook was what ran there.
re-run           staff measured the same steps again on the same kind of hardware and the medians agree. It does not
                 say who made the first measurement.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from grading.checks import invariants
from grading.checks.evidence import Evidence
from grading.checks.integrity.samples import unmeasured
from grading.checks.integrity.shapes import is_carried_over
from snippets.course import laid_over, own_table
from snippets.decide.choose import GPU_PROVIDERS
from snippets.engine.turns import INFIX as TURNS
from snippets.errors import RecordError
from snippets.record.read import Step
from snippets.record.run import Record

LEVELS = ("none", "consistent", "plausible", "challenge-met", "lease-confirmed", "re-run")
NOT_PROVEN = {
    "none": "Nothing in this record can be relied on.",
    "consistent": "The record fits together; that does not show that it was measured.",
    "plausible": "The figures are possible on this hardware; that does not show on whose, or by whom.",
    "challenge-met": "The model answered this student's images in this run; that does not show how fast, or on what.",
    "lease-confirmed": "The lease was real and the times fall in it; that does not show what ran on it.",
    "re-run": "A second measurement agrees; that does not show who made the first.",
}
SLACK = timedelta(seconds=5)
FAR_BACK = timedelta(hours=26)
"""A clock that ran in a wrong time zone goes back so far; more is no ordinary accident."""
MANY_JUMPS = 3
GPU_WORDS = frozenset({*GPU_PROVIDERS, "gpu"})
"""Words in the name of a provider, or of a step, that say that a GPU computes."""
RERUN_FACTOR = 1.6
# Words in a variant's name that say that it computes with numbers of 8 or 16 bits.
NARROW = frozenset({"dynamic", "aggressive", "conservative", "bf16", "fp16"})
BOUNDS_FILE = Path(__file__).with_name("bounds.toml")


@lru_cache(maxsize=1)
def bounds() -> dict[str, Any]:
    """The physical limits: bounds.toml, with the course's own `own/staff/bounds.toml` laid over it."""
    return laid_over(tomllib.loads(BOUNDS_FILE.read_text(encoding="utf-8")), own_table("staff/bounds.toml"))


def _time(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


@dataclass(frozen=True)
class ClockJump:
    """A place where the clock of date and time jumped; `back`: how far it went back, at least."""

    told: str
    back: timedelta


def clock_jumps(evidence: Evidence) -> list[ClockJump]:
    """Where a clock of date and time jumped: a lid closed during a step, a clock set by the network.

    The clock that measures does not jump with it, so each is a doubt about when a step was made, not about what it
    measured.
    """
    record, none = evidence.record, timedelta(0)
    found = []
    for name, told in record.clock_doubts().items():
        step = next(step for step in record.steps if step.name == name)
        started, ended = _time(step.started_utc), _time(step.ended_utc)
        back = timedelta(seconds=step.seconds) - (ended - started) if started and ended else none
        found.append(ClockJump(told, max(back, none)))
    for earlier, later in pairwise(record.steps):
        ended, started = _time(earlier.ended_utc), _time(later.started_utc)
        if ended and started and started < ended - SLACK:
            told = f"step {later.name!r} starts before {earlier.name!r}, which precedes it, has ended"
            found.append(ClockJump(told, ended - started))
    created = _time(record.created_utc)
    first = _time(record.steps[0].started_utc) if record.steps else None
    if created and first and first < created - SLACK:
        found.append(ClockJump("the first step is older than the run", created - first))
    given = [(when, answer.get("question")) for answer in record.answers if (when := _time(answer.get("answered_utc")))]
    if created and given and (oldest := min(given, key=lambda item: item[0]))[0] < created - SLACK:
        found.append(ClockJump(f"the answer to {oldest[1]!r} is older than the run", created - oldest[0]))
    return found


def _are_jumps_ordinary(jumps: Sequence[ClockJump], steps: int) -> bool:
    """Whether jumps are few, and none went back further than a wrong time zone does."""
    return len(jumps) <= max(MANY_JUMPS, steps // 10) and all(jump.back <= FAR_BACK for jump in jumps)


def inconsistencies(evidence: Evidence, left_out: frozenset[str] = frozenset()) -> list[str]:
    """Why a record is not consistent; empty if it is.

    `left_out`: files (relative to the run) that the submission names as left out for size; those may be missing.
    """
    record = evidence.record
    told_elsewhere = {*record.clock_doubts().values(), *(f"the file {name} is missing" for name in left_out)}
    found = [problem for problem in record.verify(schema=False) if problem not in told_elsewhere]
    jumps = clock_jumps(evidence)
    if len(jumps) > max(MANY_JUMPS, len(record.steps) // 2):
        found += [f"{len(jumps)} of the run's times do not follow each other", *(jump.told for jump in jumps)]
    for answer in record.answers:
        if _time(answer.get("answered_utc")) is None:
            found.append(f"the answer to {answer.get('question')!r} has no time")
    turns = {name: evidence.loaded(name) for name in evidence.steps if TURNS in name}
    for name in evidence.steps:
        for step, result in evidence.measured(name):
            found += [f"step {name!r}: {problem}" for problem in invariants.problems(step, result)]
        if not is_carried_over(name) and (problem := invariants.not_of_its_rounds(evidence.loaded(name), turns)):
            found.append(f"step {name!r}: {problem}")
    return found


def _cpu_ops_per_s(host: Mapping[str, Any], int8: bool) -> float:
    cpu, limits = host.get("cpu") or {}, bounds()["cpu"]
    flags = set(cpu.get("flags") or [])
    width = max(
        [rate for flag, rate in limits["flops_per_cycle"].items() if flag in flags],
        default=limits["flops_per_cycle"]["avx2"],
    )
    per_cycle = width * (limits["int8_factor"] if int8 else 1)
    if "amx_int8" in flags:
        per_cycle = max(per_cycle, limits["amx_int8_ops_per_cycle"])
    return max(int(cpu.get("cores") or 1), 1) * limits["ghz"] * 1e9 * per_cycle


def least_ms(step: Step, host: Mapping[str, Any], provider: str) -> float:
    """The shortest time in ms in which one image can pass through the step's model on that host."""
    work, gpu = bounds()["work"], bounds()["gpu"]
    words = [word.split("-threads")[0] for word in step.name.split("/")]
    variant = next((word for word in words if word in work["mobilenet_variants"]), "")
    operations = (work["mobilenet_gflop"] if variant else work["smallest_gflop"]) * 1e9
    cards = host.get("gpus") or []
    if any(word in provider.lower() for word in GPU_WORDS):
        model = str(cards[0].get("model", "")) if cards and isinstance(cards[0], Mapping) else ""
        rate = next((value for name, value in gpu["tera_ops"].items() if name in model), gpu["other_tera_ops"])
        return 1e3 * max(operations / (rate * 1e12), work["image_bytes"] / (gpu["bus_gb_per_s"] * 1e9))
    return 1e3 * operations / _cpu_ops_per_s(host, bool(NARROW.intersection(variant.split("-"))))


def implausibilities(evidence: Evidence) -> list[str]:
    """Why a record is not plausible by its hardware, its clock and its samples; empty if it is."""
    record = evidence.record
    found = _hardware(record)
    jumps = clock_jumps(evidence)
    if not _are_jumps_ordinary(jumps, len(record.steps)):
        found += [jump.told for jump in jumps]
    hosts = {host.get("id"): host for host in record.hosts}
    for name in evidence.steps:
        if name.endswith(("/load", "/loadgen")) or is_carried_over(name):
            continue
        for step, result in evidence.measured(name):
            if isinstance(result, Mapping):
                found += _faster_than_arithmetic(step, result, hosts.get(step.host, {}))
    return found + unmeasured(evidence)


def _faster_than_arithmetic(step: Step, result: Mapping[str, Any], host: Mapping[str, Any]) -> Iterator[str]:
    """A step that names no provider is held against the host's processor."""
    batch = result.get("batch") if isinstance(result.get("batch"), int) else 1
    least = least_ms(step, host, str(result.get("provider", ""))) * max(int(batch or 1), 1)
    for field in ("latency_ms", "batch_ms"):
        samples = result.get(field)
        if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "fiu" or not samples.size:
            continue
        if float(np.median(samples)) < least:
            yield (
                f"{step.name}: a median of {np.median(samples):.4g} ms is below the {least:.3g} ms "
                "that the arithmetic needs on this hardware"
            )


def _hardware(record: Record) -> list[str]:
    """Whether host facts, lease and part fit each other."""
    lease = record.lease
    if not lease:
        return []
    fitting = bounds()["parts"].get(record.part, {}).get("node_types", {})
    node_type = str(lease.get("node_type", ""))
    if node_type not in fitting:
        return [f"a lease of {node_type or 'an unnamed type'} does not fit part {record.part} ({', '.join(fitting)})"]
    facts = str([host.get("gpus") for host in record.hosts]) + str([host.get("cpu") for host in record.hosts])
    if fitting[node_type] not in facts:
        return [f"the lease is of {node_type}, but no host of the run has {fitting[node_type]}"]
    return []


def lease_doubts(record: Record, netid: str, leases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why the testbed does not confirm the lease. `leases`: by id, with name, start_utc and end_utc, and
    netid where it is known whose account made it (empty: nobody's of the course)."""
    named = [lease for lease in record.leases if isinstance(lease, Mapping) and lease.get("id")]
    if not named:
        return ["the record names no lease"]
    found: list[str] = []
    times: list[tuple[datetime, datetime]] = []
    for lease in {str(lease["id"]): lease for lease in named}:
        known = leases.get(lease)
        if known is None:
            found.append(f"the testbed knows no lease {lease}")
            continue
        if "netid" in known:
            if not known["netid"] or known["netid"] != netid.strip().casefold():
                whose = known["netid"] or f"user {known.get('user_id') or 'unknown'}, whom no list names"
                found.append(f"the lease was made by the account of {whose}, not of {netid}")
        elif not _is_for(str(known.get("name", "")), netid):
            found.append(f"the lease is named {known.get('name')!r}, not for {netid}")
        start, end = _time(known.get("start_utc")), _time(known.get("end_utc"))
        if start is None or end is None:
            found.append("the testbed's times for the lease cannot be read")
        else:
            times.append((start, end))
    outside = [
        step.name
        for step in record.steps
        if not (
            (began := _time(step.started_utc)) and any(start - SLACK <= began <= end + SLACK for start, end in times)
        )
    ]
    if times and outside:
        found.append(f"{len(outside)} steps were measured outside the lease's time, the first: {outside[0]}")
    return found


def _is_for(name: str, netid: str) -> bool:
    """Whether a lease of that name is this student's: `serve_<part>_<NetID>`, in any case."""
    theirs, own = (re.sub(r"[._]", "-", text.strip().casefold()) for text in (name, netid))
    return bool(own) and re.sub(r"^serve-(model|edge|system)-", "", theirs) == own


def rerun_doubts(record: Record, staff_run: Record) -> list[str]:
    """Where a second measurement by staff does not agree: medians more than 1.6 times apart."""
    theirs, ours = ({step.name: step for step in each.steps} for each in (record, staff_run))
    common = [name for name in theirs if name in ours]
    if not common:
        return ["the second run shares no step with this one"]
    found = []
    for name in common:
        try:
            first, second = theirs[name].result, ours[name].result
        except (RecordError, ValueError) as error:
            found.append(str(error))
            continue
        for field in ("latency_ms", "batch_ms"):
            if all(isinstance(each, dict) and isinstance(each.get(field), np.ndarray) for each in (first, second)):
                ratio = float(np.median(first[field]) / np.median(second[field]))
                if not 1 / RERUN_FACTOR <= ratio <= RERUN_FACTOR:
                    found.append(f"{name}: the medians differ by a factor of {max(ratio, 1 / ratio):.2f}")
    return found
