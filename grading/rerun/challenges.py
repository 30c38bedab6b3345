"""Whether the runs of a class answered the challenge of their student's code, and their models say what they recorded.

Codes are reckoned from the course's secret. Logits are computed again, confined, by staff's models or by those handed
in: all that staff's models can answer in a few processes, so that a class takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from grading.checks.part import PartGrade
from grading.grade import Grade
from grading.rerun.again import Shelf
from grading.rerun.codes import code_of
from grading.rerun.confined import Classified, Job, measure
from grading.rerun.relations import Variant
from grading.shown import line, some
from grading.submission.opened import opened
from grading.submission.people import plain_netid
from snippets.data.image import preprocess
from snippets.errors import KitError
from snippets.model.challenge import IMAGES, STEP, drawn
from snippets.record.run import Record, load_record

CHALLENGE = "challenge"
"""Begins each remark of this."""
MET = "challenge-met"
SAME, SAME_SHARE = 0.05, 0.02
"""So far, and by so much of its size, a logit may lie off: GPUs compute convolutions in TF32, and engines differ."""
TOGETHER = 40
"""Runs whose images one process answers."""
LIMIT_S = 60.0
STAND_INS = {"food": "fp32"}
"""Models of Part 3 that are Part 1's under another name."""


@dataclass(frozen=True)
class Course:
    """What the answers are held against: the course's secret (None: there is none), the NetIDs of all who are in it,
    and staff's models."""

    secret: bytes | None = field(default=None, repr=False)
    roster: tuple[str, ...] = ()
    shelf: Shelf = Shelf()


@dataclass(frozen=True)
class Answered:
    """A run's answer: the code of its images, the chain's hash before it, the model (name, hash), its logits (N,C)."""

    part: str
    code: str
    link: str
    model: Variant
    logits: np.ndarray

    @property
    def images(self) -> np.ndarray:
        """The images that belong to it, preprocessed: float32 (IMAGES,3,224,224)."""
        return preprocess(drawn(self.code, self.part, self.link))


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: `agrees` is None where nobody could compute it again, which `told` explains. `known`:
    the model is one of staff's."""

    agrees: bool | None
    told: str
    known: bool = False


def answer_in(record: Record) -> Answered:
    """The newest answer of a record. Raises ValueError, in words, where there is none, or none that can be read."""
    steps = [step for step in record.steps if STEP.fullmatch(step.name)]
    if not steps:
        raise ValueError("the run has not answered it")
    step = steps[-1]
    try:
        logits, model = step.result["logits"], step.inputs["model"]
        name, sha = Path(str(model["name"])).stem, str(model["$file"])
        code = step.inputs["code"]
    except (KitError, LookupError, TypeError, ValueError):
        raise ValueError(f"step {step.name} is not as the kit records it") from None
    if not isinstance(logits, np.ndarray) or logits.dtype.kind != "f" or logits.ndim != 2 or len(logits) != IMAGES:
        raise ValueError(f"step {step.name} holds no logits of {IMAGES} images")
    if not isinstance(code, str) or not np.isfinite(logits).all():
        raise ValueError(f"step {step.name} is not as the kit records it")
    return Answered(record.part, code, record.links[step.index], Variant(name, sha, "all", 1), logits)


def code_problem(code: str, netids: Sequence[str], course: Course, others: Sequence[str]) -> str:
    """Why a code is not one of its students'; empty if it is, or if the course has no codes."""
    if course.secret is None:
        return ""
    own = list(dict.fromkeys(map(plain_netid, netids)))
    if not code:
        return f"no code was given to the run, and {some(own)} has one"
    if any(code == code_of(course.secret, netid) for netid in own):
        return ""
    whose = [netid for netid in dict.fromkeys(map(plain_netid, others)) if code == code_of(course.secret, netid)]
    return f"its code is that of {some(whose)}" if whose else "its code is nobody's of this class"


def differ_by(claimed: np.ndarray, measured: np.ndarray) -> float:
    """How far the worst logit lies off, in units of what it may; infinite for tables of different form."""
    if claimed.shape != measured.shape:
        return float("inf")
    return float(np.max(np.abs(claimed - measured) / (SAME + SAME_SHARE * np.abs(measured))))


@dataclass(frozen=True)
class _Place:
    """An answer of the class: whose file it is in, and what is said of it so far."""

    source: str
    answered: Answered


def with_challenges(grades: Sequence[Grade], course: Course) -> list[Grade]:
    """The grades, each part that counts with what became of its challenge; points stay as they are.

    The right code and the logits of a model of staff's raise `plausible` to `challenge-met`. A wrong code, or logits
    that the model does not give, is a doubt, and the trust no higher than `consistent`; what is missing is a doubt.
    Without a secret, right logits are a remark: they belong to this run, but show nothing of whose it is.
    """
    counted = [each for each in grades if each.counts and each.measured]
    wanted = {part.digest for each in counted for part in each.parts if part.digest}
    problems: dict[str, str] = {}
    places: dict[str, _Place] = {}
    for each in grades:  # a part may come from an earlier attempt
        if any(part.digest in wanted - {*places, *problems} for part in each.parts):
            for digest, found in _answers(Path(each.source)):
                if isinstance(found, Answered):
                    places[digest] = _Place(each.source, found)
                else:
                    problems[digest] = found
    verdicts = dict(zip(places, _verdicts(list(places.values()), course.shelf), strict=True))
    sharing: dict[str, list[str]] = {}
    for each in counted:
        sharing.setdefault(each.source, []).append(each.netid)
    everyone = [*course.roster, *(each.netid for each in grades)]

    def judged(each: Grade, part: PartGrade) -> PartGrade:
        if not part.digest:
            return part
        known = places.get(part.digest)
        if known is None:
            why = problems.get(part.digest, "the run could not be opened again")
            return _missing(part, why, course) if course.secret is not None else part
        wrong = code_problem(known.answered.code, sharing[each.source], course, everyone)
        return _judged(part, known.answered, wrong, verdicts[part.digest], course)

    return [
        replace(each, parts=tuple(judged(each, part) for part in each.parts)) if each.counts and each.measured else each
        for each in grades
    ]


def _missing(part: PartGrade, why: str, course: Course) -> PartGrade:
    told = f"{CHALLENGE}: {why}" if course.secret is not None else ""
    return replace(part, doubts=(*part.doubts, line(told, 400)))


def _judged(part: PartGrade, answered: Answered, wrong: str, verdict: Verdict, course: Course) -> PartGrade:
    """The part with what is said of its code (`wrong`: what is wrong with it) and of its logits."""
    refuted = [wrong] if wrong and answered.code else []
    refuted += [verdict.told] if verdict.agrees is False else []
    doubts = [*refuted, *([wrong] if wrong and not answered.code else [])]
    doubts += [verdict.told] if verdict.agrees is None else []
    trust = part.trust
    if refuted and trust not in ("none", "consistent"):
        trust = "consistent"
    elif not doubts and verdict.known and course.secret is not None and trust == "plausible":
        trust = MET
    remark = [] if doubts else [f"{CHALLENGE}: {verdict.told}{'' if answered.code else ', drawn without a code'}"]
    return replace(
        part,
        trust=trust,
        doubts=(*part.doubts, *(line(f"{CHALLENGE}: {each}", 400) for each in doubts)),
        remarks=(*part.remarks, *(line(each, 400) for each in remark)),
    )


def _answers(source: Path) -> Iterator[tuple[str, Answered | str]]:
    """The digest of each run of a submission with its answer, or why it has none. Never raises for what a student
    handed in: grading has told what is wrong with it."""
    with suppress(KitError, OSError), opened(source) as found:
        for run in found.runs.values():
            with suppress(Exception):
                record = load_record(run)
                try:
                    made: Answered | str = answer_in(record)
                except ValueError as error:
                    made = str(error)
                yield record.digest, made


def _verdicts(places: Sequence[_Place], shelf: Shelf) -> list[Verdict]:
    """By staff's models first, all together; where these cannot tell, by the very model that was handed in."""
    files = [shelf.exact(each.answered.model) or _like(shelf, each.answered.model) for each in places]
    logits, problem = _together({n: file for n, file in enumerate(files) if file}, places)
    verdicts = []
    for number, each in enumerate(places):
        claimed, exact = each.answered, shelf.exact(each.answered.model) is not None
        measured = logits.get(number)
        off = differ_by(claimed.logits, measured) if measured is not None else None
        if off is not None and (exact or off <= 1):
            verdicts.append(replace(_told(off, "staff's model"), known=True))
        else:
            verdicts.append(_by_own(each, problem if files[number] and measured is None else ""))
    return verdicts


def _like(shelf: Shelf, model: Variant) -> Path | None:
    """Staff's model of that name: what it says agrees where the weights are the kit's, and proves nothing otherwise."""
    stand_in = STAND_INS.get(model.model)
    return shelf.like(model) or (shelf.like(replace(model, model=stand_in)) if stand_in else None)


def _told(off: float, by: str) -> Verdict:
    if off <= 1:
        return Verdict(True, f"its answers are those of {by}")
    return Verdict(False, f"its answers are not those of {by} to the images of its code and chain")


def _together(files: Mapping[int, Path], places: Sequence[_Place]) -> tuple[dict[int, np.ndarray], str]:
    """Logits of staff's models by place, TOGETHER of them in a process; and why some are missing."""
    found: dict[int, np.ndarray] = {}
    problems: list[str] = []
    for file in dict.fromkeys(files.values()):
        numbers = [number for number, each in files.items() if each == file]
        for begin in range(0, len(numbers), TOGETHER):
            some_of = numbers[begin : begin + TOGETHER]
            images = np.concatenate([places[number].answered.images for number in some_of])
            done = measure(Job([Classified(file, "all", images)]), LIMIT_S)
            if 0 in done.logits:
                found |= zip(some_of, np.split(done.logits[0], len(some_of)), strict=True)
            problems += [done.problem] if done.problem else []
    return found, "; ".join(dict.fromkeys(problems))


def _by_own(each: _Place, problem: str) -> Verdict:
    """By the file that was handed in, if it is the one that the step names."""
    model = each.answered.model
    try:
        with opened(Path(each.source)) as found:
            own = Shelf().with_submission(found.root).exact(model)
            if own is None:
                why = problem or f"{line(model.model, 60)}.onnx was not handed in, and staff have no such file"
                return Verdict(None, f"its answers could not be computed again: {line(why, 200)}")
            done = measure(Job([Classified(own, "all", each.answered.images)]), LIMIT_S)
    except KitError as error:
        return Verdict(None, f"its answers could not be computed again: {line(error, 200)}")
    if 0 not in done.logits:
        return Verdict(None, f"its answers could not be computed again: {line(done.problem, 200)}")
    return _told(differ_by(each.answered.logits, done.logits[0]), "the model that was handed in, not staff's")
