"""`servelab grade --rerun N`: N relations of each submission, measured again within a minute.

What does not hold is a doubt for staff to look into, and never costs points by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.part import PartGrade
from grading.rerun.confined import Classified, Job, Measured, Timed, measure
from grading.rerun.relations import Finding, Relation, Variant, is_clear, judged, ratio_of, relations, sample
from grading.shown import line
from grading.submission.opened import opened
from snippets.data.food11_classes import CLASSES
from snippets.data.image import decode, postprocess, preprocess
from snippets.errors import KitError, SubmissionError, UsageError
from snippets.files import sha256_bytes, sha256_file
from snippets.machine.host import host_facts
from snippets.measure.latency import ENOUGH, Latency, assemble
from snippets.parts import KIT, PARTS
from snippets.record.run import latest_run, load_record
from snippets.stats import Estimate

LIMIT_S = 60.0
LEAST_S = 15.0
"""A second look at ratios is worth nothing in less time."""
FIRST_SHARE = 0.6
"""Of the time, for the first look."""
TIMED_IMAGES = 8
MAX_MODEL_BYTES = 300_000_000
SAME_SIZE = 0.01
"""Two exports of one network differ by names and notes in the file."""
COFFEE = KIT / "snippets" / "serve" / "page" / "static" / "coffee.jpg"
GROUP = "rerun"
RERUN = "re-measured"
"""A word in each remark of this."""


@dataclass(frozen=True)
class Shelf:
    """Where models come from: files by content, and the kit's own by name, which may stand in where times count."""

    by_sha: Mapping[str, Path] = field(default_factory=dict)
    by_name: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Shelf:
        """The ONNX files in staff's folders; of files of one name the first."""
        files = [path for folder in folders for path in sorted(folder.rglob("*.onnx")) if path.is_file()]
        return cls({sha256_file(path): path for path in reversed(files)}, {p.stem: p for p in reversed(files)})

    def with_submission(self, root: Path) -> Shelf:
        """The same, and the models that were handed in: those only by their content, whatever they are called."""
        own = {}
        for path in sorted(root.rglob("*.onnx")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_MODEL_BYTES:
                own[sha256_file(path)] = path
        return replace(self, by_sha={**own, **self.by_sha})

    def exact(self, variant: Variant) -> Path | None:
        """The very file that was measured; None where it is not here."""
        return self.by_sha.get(variant.sha256)

    def like(self, variant: Variant) -> Path | None:
        """That file, or staff's of that name and size: a search, or another kit, may end with another file."""
        own, named = self.exact(variant), self.by_name.get(variant.model)
        if own or named is None or not variant.bytes:
            return own or named
        return named if abs(named.stat().st_size / variant.bytes - 1) <= SAME_SIZE else None


@lru_cache(maxsize=4)
def staff_shelf(folder: Path | None = None) -> Shelf:
    """Models of staff: in `folder`, else those of the newest runs of this checkout. Raises UsageError for a folder
    without any."""
    if folder is not None:
        found = Shelf.of([folder])
        if not found.by_sha:
            raise UsageError(f"{folder} holds no .onnx file. Name the models of a run: runs/model/RUN/models.")
        return found
    runs = [run for part in PARTS if (run := latest_run(part)) is not None]
    return Shelf.of([run / "models" for run in runs if (run / "models").is_dir()])


@dataclass(frozen=True)
class Rerun:
    """What became of a submission's relations, by part. `problem`: why none could be measured again (or not all)."""

    findings: Mapping[str, Sequence[Finding]]
    problem: str = ""
    seconds: float = 0.0

    def told(self, part: str) -> str:
        """The remark on a part, for staff."""
        found = self.findings.get(part, ())
        measured = [each for each in found if each.holds is not None]
        if not measured:
            why = (
                self.problem or "; ".join(each.told for each in found[:2]) or "nothing in it can be measured again here"
            )
            return f"not {RERUN}: {why}"
        good = [each for each in measured if each.holds]
        kinds = ", ".join(f"{kind} {_counted(good, kind)}" for kind in _kinds(measured))
        text = f"{RERUN}: {len(good)} of {len(measured)} relations hold ({kinds})"
        rest = [each.told for each in found if each.holds is None]
        return f"{text}; {'; '.join(rest[:2])}" if rest else text

    def doubts(self, part: str) -> list[str]:
        """What does not hold."""
        return [f"{RERUN}, {each.told}" for each in self.findings.get(part, ()) if each.holds is False]


def _kinds(found: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(each.relation.kind for each in found))


def _counted(found: Iterable[Finding], kind: str) -> int:
    return sum(each.relation.kind == kind for each in found)


def rerun(path: Path, count: int, shelf: Shelf, limit_s: float = LIMIT_S) -> Rerun:
    """Measure `count` relations of a submission again, those of all its parts by lot, in at most `limit_s` seconds.

    Never raises for what a student handed in.
    """
    started = time.monotonic()
    try:
        with opened(path) as found:
            picked = drawn(found.runs, count)
            own = shelf.with_submission(found.root)
            results = check([each for _, each in picked], own, FIRST_SHARE * (limit_s - (time.monotonic() - started)))
            results = _twice(results, own, limit_s - (time.monotonic() - started))
    except (SubmissionError, KitError) as error:
        return Rerun({}, line(error), time.monotonic() - started)
    findings: dict[str, list[Finding]] = {}
    for (part, _), finding in zip(picked, results, strict=True):
        findings.setdefault(part, []).append(finding)
    return Rerun(findings, "", time.monotonic() - started)


def _twice(results: Sequence[Finding], shelf: Shelf, left_s: float) -> list[Finding]:
    """Ratios that did not hold, measured a second time: only what fails twice fails. Without time for it, nothing is
    said of them."""
    failed = [each for each in results if each.holds is False and each.relation.kind == "faster"]
    if not failed:
        return list(results)
    enough = left_s >= LEAST_S
    second = (
        check([each.relation for each in failed], shelf, left_s) if enough else [replace(e, holds=None) for e in failed]
    )
    again = {id(first.relation): other for first, other in zip(failed, second, strict=True)}
    return [again.get(id(each.relation), each) for each in results]


def drawn(runs: Mapping[str, Path], count: int) -> list[tuple[str, Relation]]:
    """The relations of all runs that were drawn, each with its part."""
    by_relation: dict[int, str] = {}
    everything: list[Relation] = []
    digests = []
    for part, run in runs.items():
        with suppress(KitError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            record = load_record(run)
            found = relations(Evidence(record), host_facts())
            by_relation |= {id(each): part for each in found}
            everything += found
            digests.append(record.digest)
    return [(by_relation[id(each)], each) for each in sample(everything, count, " ".join(digests))]


def check(picked: Sequence[Relation], shelf: Shelf, limit_s: float) -> list[Finding]:
    """Each relation, measured again with the models of `shelf`."""
    outputs: dict[int, Classified] = {}
    ways: dict[Variant, Timed] = {}
    missing: dict[int, str] = {}
    for place, each in enumerate(picked):
        lacking = _prepare(place, each, shelf, outputs, ways)
        if lacking:
            missing[place] = lacking
    places, variants = list(outputs), list(ways)
    done = Measured({}, [])
    if outputs or ways:
        job = Job([outputs[place] for place in places], [ways[one] for one in variants], timed_images(bool(ways)))
        done = measure(job, limit_s)
    times = _latencies(done, variants)
    findings = []
    for place, each in enumerate(picked):
        if place in missing:
            findings.append(Finding(each, None, f"{' and '.join(each.steps)}: {missing[place]}"))
            continue
        value: Any = None
        if each.kind == "size":
            file = shelf.exact(each.variants[0])
            value = file.stat().st_size if file else None
        elif each.kind == "faster":
            value = _ratio(each, times)
        elif (logits := done.logits.get(places.index(place))) is not None:
            value = _as_claimed(each, logits)
        found = judged(each, value)
        why = done.problem or ("this machine was busy" if each.kind == "faster" else "")
        findings.append(replace(found, told=f"{found.told} ({line(why, 200)})") if value is None and why else found)
    return findings


def _ratio(each: Relation, times: Mapping[Variant, Latency]) -> Estimate | None:
    """The ratio of a pair, by the rounds in which the machine was not busy for either; None where these are too few, or
    leave it vague."""
    a, b = (times.get(one) for one in each.variants)
    if a is None or b is None or len((a.medians.keys() & b.medians.keys()) - a.slow - b.slow) < ENOUGH:
        return None
    ratio = ratio_of(a, b)
    return ratio if is_clear(ratio) else None


def _prepare(
    place: int, each: Relation, shelf: Shelf, outputs: dict[int, Classified], ways: dict[Variant, Timed]
) -> str:
    """Put what a relation needs into `outputs` or `ways`; what is missing for it, in words."""
    first = each.variants[0]
    if each.kind == "faster":
        files = [shelf.like(one) for one in each.variants]
        for one, file in zip(each.variants, files, strict=True):
            if file is None:
                return f"the model {one.model} is missing: it was not handed in, and staff's runs have none of its size"
        ways |= {
            one: Timed(file, one.level, one.threads) for one, file in zip(each.variants, files, strict=True) if file
        }
        return ""
    file = shelf.exact(first)
    if file is None:
        return f"the model {first.model} is missing: it was not handed in, and no run of staff has that very file"
    if each.kind == "size":
        return ""
    images = _coffee(each) if each.kind == "answer" else images_of(each)
    if images is None:
        return "its photos are not the kit's"
    outputs[place] = Classified(file, first.level, images)
    return ""


@lru_cache(maxsize=2)
def _rehearsal() -> Any:
    from snippets.data.datasets import dataset

    return dataset("rehearsal")


def images_of(each: Relation) -> np.ndarray | None:
    """The images of an `outputs` relation, preprocessed; None where they are not the kit's own."""
    wanted = list(each.claimed)
    if "data" in each.photos:
        data = _rehearsal()
        if each.photos["data"] != data.fingerprint:
            return None
        images = data.split("evaluation").images
    else:
        from snippets.edge.bundle import read_photos

        images, _ = read_photos("", "rehearsal", int(each.photos["count"]))
        if sha256_bytes(images.tobytes()) != each.photos["photos"]:
            return None
    if not all(0 <= index < len(images) for index in wanted):
        return None
    return preprocess(np.stack([images[index] for index in wanted]))


def _coffee(each: Relation) -> np.ndarray | None:
    """The kit's photo, preprocessed; None where the classes are not Food-11's, whose order is known."""
    return preprocess(decode(COFFEE)[np.newaxis]) if set(each.claimed) == set(CLASSES) else None


def timed_images(needed: bool) -> np.ndarray:
    """Images that are classified while the clock runs, preprocessed; where there is nothing to time, a stand-in."""
    if not needed:
        return np.zeros((1, 3, 1, 1), dtype=np.float32)
    images = _rehearsal().split("evaluation").images
    return preprocess(np.stack([images[place] for place in range(TIMED_IMAGES)]))


def _as_claimed(each: Relation, logits: np.ndarray) -> Any:
    """Logits in the form of what was claimed."""
    if each.kind == "answer":
        return dict(zip(CLASSES, map(float, postprocess(logits)[0]), strict=True))
    return {index: int(row.argmax()) for index, row in zip(each.claimed, logits, strict=True)}


def _latencies(done: Measured, variants: Sequence[Variant]) -> dict[Variant, Latency]:
    """What the rounds say of each variant; nothing where the machine was busy in all but two of them."""
    if not done.rounds:
        return {}
    found = {variants[int(name)]: Latency.of(step) for name, step in assemble(done.rounds, GROUP).items()}
    return {one: latency for one, latency in found.items() if len(latency.medians.keys() - latency.slow) >= ENOUGH}


def with_rerun(part: PartGrade, found: Rerun) -> PartGrade:
    """The part's grade with the remark, and where a relation does not hold, with doubts and trust no higher than
    `consistent`. Its points are as they were."""
    doubts = found.doubts(part.part)
    lowered = "consistent" if doubts and part.trust not in ("none", "consistent") else part.trust
    remarks = (*part.remarks, line(found.told(part.part), 600))
    return replace(part, trust=lowered, remarks=remarks, doubts=(*part.doubts, *(line(each, 400) for each in doubts)))
