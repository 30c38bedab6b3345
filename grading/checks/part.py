"""All checks of one part's record: measurements, answers, trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.checks import invariants, trust
from grading.checks.evidence import Evidence
from grading.checks.integrity.answers import misplaced_answers
from grading.checks.integrity.remarks import integrity_remarks
from grading.checks.integrity.shapes import is_carried_over, is_now, may_be_absent, shape_mismatches
from grading.checks.judging import judge_answers
from grading.checks.prints import answer_prints, profiles, sample_prints, step_prints
from grading.checks.result import Result
from grading.questions import questions
from grading.staff.judges import JUDGES
from snippets.engine.turns import INFIX as TURNS
from snippets.load.windows import WINDOW
from snippets.record.run import Record, load_record

MEASUREMENT_POINTS = 10.0


@dataclass(frozen=True)
class PartGrade:
    """The grade of one part. `trust` is the highest level reached; `doubts` say why it is not higher;
    `prints` are hashes, and `profiles` figures by step, that similarity is judged by. `chain`: the beginnings of the
    run's links, its own first; `measured_utc`: when its last step ended, by its own clock.
    """

    part: str
    run_id: str
    digest: str
    node_type: str
    results: tuple[Result, ...]
    trust: str
    doubts: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    profiles: Mapping[str, list[float]] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    measured_utc: str = ""

    @property
    def points(self) -> float:
        """Points earned without a person."""
        return round(sum(result.points for result in self.results), 3)

    @property
    def possible(self) -> float:
        """All points of the part, those given by hand included."""
        return sum(result.possible for result in self.results)


# What runs of kits before blocks and windows have in the place of steps that came later.
BEFORE = {
    "baseline/turns-1": "baseline/eager/latency",
    "graph/turns-1": "graph/ranking",
    "graph/onnx-saved/latency": "graph/trap",
    "quantize/turns-1": "quantize/dynamic/latency",
    "quantize/search/a-scale-a-channel.onnx": "quantize/search/all--per-tensor.onnx",
    "providers/turns-1": "providers/ranking",
    "providers/onnx-all/latency": "providers/ranking",
    "providers/onnx-all/throughput": "graph/onnx-all/throughput",
    "edge/turns-1": "edge/fp32-threads-1/latency",
    "batching/waits-for-16-8/load": "batching/on-waits-10-ms-8/load",
}
# Beginnings of steps for which those runs have nothing.
LATER = ("kernel/", "search/", "online/even/", "online/random/", "online/random-batching/")
# Beginnings of steps that came after those: runs that were begun before `shapes.since` and have none need none.
ADDED = (
    *("smaller/", "int8/", "prune/", "distill/", "browser/"),
    *("calibrate/", "forecast/", "platform/", "cards/", "isolation/", "pipeline/"),
)
# Questions that rest on a browser beside the models.
BROWSER = "edge.browser."


def is_older(record: Record) -> bool:
    """Whether a run was made by a kit that measured neither in blocks nor in windows."""
    return bool(record.steps) and not any(TURNS in step.name or WINDOW in step.inputs for step in record.steps)


def _noted_absent(record: Record) -> set[str]:
    """Variants that the run noted as absent, of those that a machine may lack."""
    return {
        name.removesuffix("/absent")
        for name in record.names()
        if name.endswith("/absent") and may_be_absent(name.removesuffix("/absent"))
    }


def wanted_steps(part: str, record: Record) -> list[str]:
    """Steps that the part's questions rest on, less those that the run's host cannot make.

    Those are a GPU's where there is none, and those of a variant that the run noted as absent (`<variant>/absent`:
    no compiler, no OpenVINO), of those that a machine may lack; a GPU that is there is not excused.
    """
    has_gpu = bool(record.host.get("gpus"))
    absent = _noted_absent(record)
    if any(name.startswith("quantize/search/") for name in record.names()):  # a search may end without a candidate
        absent |= {
            f"quantize/{name}"
            for name in ("aggressive", "conservative")
            if f"quantize/{name}/choose" not in record.names()
        }
    names = dict.fromkeys(name for question in questions(part) for name in question.steps)

    def possible(name: str) -> bool:
        if trust.GPU_WORDS & set(name.split("/")):
            return has_gpu
        above = [name[:end] for end, letter in enumerate(name) if letter == "/"]  # a whole group may be absent, too
        return absent.isdisjoint(above)

    wanted = [name for name in names if possible(name)]
    if not is_now(record.created_utc):
        later = tuple(start for start in ADDED if not any(name.startswith(start) for name in record.names()))
        wanted = [name for name in wanted if not name.startswith(later)]
    if not is_older(record):
        return wanted
    return list(dict.fromkeys(BEFORE.get(name, name) for name in wanted if not name.startswith(LATER)))


def check_measurements(evidence: Evidence) -> Result:
    """Points for measuring: the share of the wanted steps that were measured and keep the invariants."""
    record, steps = evidence.record, evidence.steps
    wanted = wanted_steps(record.part, record)
    missing = [name for name in wanted if name not in steps]
    broken = {name: found for name in wanted if name in steps and (found := _wrong(evidence, name))}
    good = len(wanted) - len(missing) - len(broken)
    share = good / len(wanted) if wanted else float(bool(steps))
    told = []
    if missing:
        told.append(
            f"Measure {', '.join(missing[:6])}{' ...' if len(missing) > 6 else ''} (servelab run {record.part})."
        )
    told += [f"Measure {name} again: {found[0]}." for name, found in list(broken.items())[:6]]
    return Result(
        f"{record.part}.measured",
        "measurement",
        share == 1,
        round(MEASUREMENT_POINTS * share, 3),
        MEASUREMENT_POINTS,
        " ".join(told) or "All measurements are there and fit their samples.",
        f"{good} of {len(wanted)} steps",
    )


def _wrong(evidence: Evidence, name: str) -> list[str]:
    unreadable = evidence.unreadable(name)
    if unreadable:
        return [unreadable]
    found = [mismatch.told for mismatch in shape_mismatches(evidence, name) if mismatch.absent]
    for step, result in evidence.measured(name):
        few = [] if is_carried_over(name) else invariants.too_few(result)
        found += [*few, *invariants.problems(step, result)]
    return found


def _is_remark(problem: str) -> bool:
    """True for lost or repainted pictures and copies: odd, but no evidence rests on them."""
    kept = ("the file figures/", "the file screens/", "the file notebooks/")
    return problem.startswith(kept) or (problem.startswith("the file models/") and problem.endswith("missing"))


def trust_level(
    evidence: Evidence,
    netid: str,
    left_out: frozenset[str],
    leases: Mapping[str, Mapping[str, Any]] | None,
    staff_run: Record | None,
) -> tuple[str, list[str], list[str]]:
    """Highest level reached, why it is not higher, and remarks that cost nothing."""
    record = evidence.record
    problems = trust.inconsistencies(evidence, left_out)
    remarks = [problem for problem in problems if _is_remark(problem)]
    doubts = [problem for problem in problems if not _is_remark(problem)]
    if doubts:
        return "none", doubts, remarks
    if doubts := [*trust.implausibilities(evidence), *integrity_remarks(evidence)]:
        return "consistent", doubts, remarks
    level, clocks = "plausible", [*(jump.told for jump in trust.clock_jumps(evidence)), *misplaced_answers(record)]
    if leases is not None:
        doubts = trust.lease_doubts(record, netid, leases)
        if doubts:
            return level, doubts + clocks, remarks
        level = "lease-confirmed"
    if staff_run is not None:
        doubts = trust.rerun_doubts(record, staff_run)
        level = level if doubts else "re-run"
    return level, doubts + clocks, remarks


def check_part(
    folder: Path,
    *,
    netid: str = "",
    screenshots: frozenset[str] = frozenset(),
    left_out: frozenset[str] = frozenset(),
    leases: Mapping[str, Mapping[str, Any]] | None = None,
    staff_run: Record | None = None,
) -> PartGrade:
    """Grade the run in `folder`. Raises RecordError if it cannot be read at all.

    `staff_run`: a run of the same part that staff measured.
    A record that is not even consistent earns nothing for its measurements, nor for answers judged against them.
    """
    record = load_record(folder)
    evidence = Evidence(record)
    level, doubts, remarks = trust_level(evidence, netid, left_out, leases, staff_run)
    answers = judge_answers(evidence, JUDGES, screenshots)
    results = [check_measurements(evidence), *_without_a_browser(record, answers)]
    if level == "none":
        results = [_withheld(result, doubts[0]) for result in results]
    lease = record.lease or {}
    return PartGrade(
        record.part,
        record.run_id,
        record.digest,
        str(lease.get("node_type") or "own machine"),
        tuple(results),
        level,
        tuple(doubts),
        tuple(remarks),
        (*sample_prints(evidence), *step_prints(record), *answer_prints(record)),
        profiles(evidence),
        tuple(link[:12] for link in record.links),
        max((step.ended_utc for step in record.steps), default=""),
    )


def _without_a_browser(record: Record, results: Sequence[Result]) -> list[Result]:
    """The results, the points given of every question about a browser that the run notes as absent.

    A Raspberry Pi has none, and no student can put one there. Whoever measured in one all the same is judged by it.
    """
    absent, names = _noted_absent(record), set(record.names())
    excused = {
        question.id
        for question in questions(record.part)
        if question.id.startswith(BROWSER)
        and not names & set(question.steps)
        and all(step.rpartition("/")[0] in absent for step in question.steps)
    }
    given = "Not asked of this run: its machine has no browser, as it notes, so the points are given."
    return [
        Result(result.id, "answer", True, result.possible, result.possible, given, "no browser")
        if result.id in excused
        else result
        for result in results
    ]


def _withheld(result: Result, why: str) -> Result:
    if result.kind == "by hand" or result.points == 0:
        return result
    return Result(
        result.id,
        result.kind,
        False,
        0,
        result.possible,
        f"Hand in the run as it was measured: its record does not fit together ({why}).",
        f"{result.detail}; {result.points:g} points withheld",
    )


def unreadable(part: str, why: str) -> PartGrade:
    """The grade of a part whose record cannot be read: no points yet, everything left to a person."""
    results = [Result(f"{part}.measured", "measurement", False, 0, MEASUREMENT_POINTS, why)]
    results += [
        Result(
            question.id,
            "by hand" if question.by_hand else "answer",
            False,
            0,
            question.points,
            "No readable record came with this answer; a person looks at the PDF.",
        )
        for question in questions(part)
    ]
    return PartGrade(part, "", "", "", tuple(results), "none", (why,))
