"""What a record claims that a second measurement can confirm or refute: relations between numbers, not milliseconds.

size      a model file has so many bytes
outputs   a model names these classes for these images
answer    a model gives these probabilities for the kit's photo
faster    one variant takes so many times as long as another, on processors of one kind

A second machine is slower or faster than the first; that a file has 9,152,041 bytes, that it takes this dish for soup,
and that the graph at level `all` is twice as fast as at level `none`, is so on both.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from snippets.errors import RecordError
from snippets.measure.latency import Latency, compare
from snippets.stats import Estimate

KINDS = ("size", "outputs", "answer", "faster")
NARROW = ("dynamic", "aggressive", "conservative")
"""Variants that compute in 8 bits: what they answer depends on the processor's instructions."""
FACTOR = 1.4
"""Two ratios contradict each other where no value of the one's interval is within this factor of one of the other's."""
VAGUE = 2.0
"""A ratio whose interval spans more than this factor claims nothing that could be refuted, and refutes nothing."""
CONFIDENCE = 0.99
IMAGES = 64
"""Of an accuracy step so many images are classified again."""
FLIPS = 0.05
"""Share of images that may get another class: ties, and another version of the engine."""
PROBABILITY = 0.02
MOST_LATENCIES = 6
INT8_FLAGS = frozenset({"avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
"""Instructions that decide which variant is fast."""
_EDGE = re.compile(r"edge/(?P<variant>[a-z0-9]+)-threads-(?P<threads>\d+)/latency")
_LEVEL = re.compile(r"graph/onnx-(?P<level>none|basic|extended|all)/latency")
_FILE = re.compile(r"quantize/(?P<variant>dynamic|aggressive|conservative|onnx-all)/latency")


@dataclass(frozen=True)
class Variant:
    """How a latency was measured: the model file's name without suffix, its hash where the record tells it, the level
    of graph optimization, and threads; `bytes`: its size, 0 where that is not told. Always ONNX Runtime on the CPU.
    """

    model: str
    sha256: str
    level: str
    threads: int
    bytes: int = 0


@dataclass(frozen=True)
class Relation:
    """One claim. `steps`: where it stands; `variants`: what must be loaded again; `claimed`: the value, by kind: bytes,
    {image: class}, {class: probability}, or the Estimate of a ratio (time of the first over time of the second).
    `photos`: which images, as {"data": fingerprint} or {"photos": hash, "count": n}.
    """

    kind: str
    steps: tuple[str, ...]
    variants: tuple[Variant, ...]
    claimed: Any
    photos: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What became of a relation: `holds` is None where it could not be measured again; `told` says it in words."""

    relation: Relation
    holds: bool | None
    told: str


def _sha(inputs: Mapping[str, Any]) -> str:
    """The hash of the model in a step's inputs; empty where none is named."""
    for name in ("model", "file"):
        value = inputs.get(name)
        if isinstance(value, Mapping) and isinstance(value.get("$file"), str):
            return str(value["$file"])
    return ""


def _model_of(step: str) -> str:
    """The file that a step's variant is in."""
    variant = step.split("/")[1].partition("-threads-")[0]
    return variant if variant in (*NARROW, "fp32") else "fp32"


def _is_ours(step: str) -> bool:
    """Whether a step's variant is one that ONNX Runtime runs on a CPU from a file of its own."""
    words = step.split("/")
    return words[0] in ("graph", "kit", "edge", "quantize") and (
        words[1] in (*NARROW, "fp32") or words[1].removeprefix("onnx-") in ("none", "basic", "extended", "all")
    )


def _hashes(evidence: Evidence) -> dict[str, str]:
    """Hashes of the models by name, as far as the record names them."""
    found: dict[str, str] = {}
    for name in evidence.named("", "/size"):
        if _is_ours(name) and (sha := _sha(evidence.steps[name].inputs)):
            found.setdefault(_model_of(name), sha)
    return found


def _bytes(evidence: Evidence) -> dict[str, int]:
    """Sizes of the models by name, as far as the record tells them."""
    names = [name for name in evidence.named("", "/size") if _is_ours(name)]
    return {_model_of(name): int(evidence.number(name, "bytes")) for name in reversed(names)}


def _sizes(evidence: Evidence) -> Iterator[Relation]:
    for name in evidence.named("", "/size"):
        if _is_ours(name):
            variant = Variant(_model_of(name), _sha(evidence.steps[name].inputs), "all", 1)
            yield Relation("size", (name,), (variant,), int(evidence.number(name, "bytes")))


def _outputs(evidence: Evidence, same_processor: bool) -> Iterator[Relation]:
    for name in evidence.named("", "/accuracy"):
        if not _is_ours(name) or (_model_of(name) in NARROW and not same_processor):
            continue
        inputs = evidence.steps[name].inputs
        predictions = np.asarray(evidence.field(name, "predictions"))
        if "indices" in evidence.result(name):
            indices, photos = np.asarray(evidence.field(name, "indices")), {"data": inputs.get("data")}
        else:
            indices, photos = np.arange(predictions.size), {"photos": inputs.get("photos"), "count": predictions.size}
        if predictions.ndim != 1 or predictions.shape != indices.shape or not predictions.size:
            continue
        chosen = np.unique(np.linspace(0, predictions.size - 1, IMAGES).round().astype(int))
        claimed = {int(indices[place]): int(predictions[place]) for place in chosen}
        level = name.split("/")[1].removeprefix("onnx-") if name.startswith("graph/") else "all"
        yield Relation("outputs", (name,), (Variant(_model_of(name), _sha(inputs), level, 1),), claimed, photos)


def _answers(evidence: Evidence) -> Iterator[Relation]:
    name = "endpoint/onnx/answer"
    if evidence.has(name):
        claimed = {str(label): float(value) for label, value in evidence.field(name, "probabilities").items()}
        inputs = evidence.steps[name].inputs
        photo = inputs.get("photo")
        sha = photo.get("$array", "") if isinstance(photo, Mapping) else ""
        yield Relation("answer", (name,), (Variant("food", _sha(inputs), "all", 1),), claimed, {"bytes": sha})


def _timed(evidence: Evidence) -> dict[str, Variant]:
    """The latency steps that can be taken again, with how each was measured."""
    hashes, sizes = _hashes(evidence), _bytes(evidence)
    found: dict[str, Variant] = {}
    for name in evidence.named("", "/latency"):
        edge, level, file = (pattern.fullmatch(name) for pattern in (_EDGE, _LEVEL, _FILE))
        if edge:
            model, optimized, threads = edge["variant"], "all", int(edge["threads"])
        elif level or file:
            model = "fp32" if level or file and file["variant"] == "onnx-all" else str(file and file["variant"])
            optimized, threads = level["level"] if level else "all", int(evidence.number(name, "threads"))
        else:
            continue
        if model in (*NARROW, "fp32") and 1 <= threads <= 64:
            found[name] = Variant(model, hashes.get(model, ""), optimized, threads, sizes.get(model, 0))
    return found


def _faster(evidence: Evidence, cores: int) -> Iterator[Relation]:
    timed = {name: one for name, one in _timed(evidence).items() if one.threads <= cores}
    times = {name: evidence.latency(name) for name in timed}
    listed = list(timed)
    for place, a in enumerate(listed):
        for b in listed[place + 1 :]:
            if timed[a].threads == timed[b].threads and a.split("/")[0] == b.split("/")[0]:
                ratio = ratio_of(times[a], times[b])
                if is_clear(ratio):
                    yield Relation("faster", (a, b), (timed[a], timed[b]), ratio)


def ratio_of(a: Latency, b: Latency) -> Estimate:
    """Time of a over time of b, with the interval of CONFIDENCE."""
    return compare(a, b, confidence=CONFIDENCE).ratio


def is_clear(ratio: Estimate) -> bool:
    """Whether a ratio is known well enough to be held against another."""
    return ratio.bounded and ratio.low > 0 and ratio.high / ratio.low <= VAGUE


def alike(record_host: Mapping[str, Any], host: Mapping[str, Any]) -> bool:
    """Whether two machines' processors are of one kind, so that the same variant is the faster one on both."""
    ours, theirs = ((each.get("cpu") or {}) for each in (host, record_host))
    flags = [INT8_FLAGS & {str(flag) for flag in each.get("flags") or ()} for each in (ours, theirs)]
    return flags[0] == flags[1] and bool(flags[0]) and not theirs.get("emulated")


def relations(evidence: Evidence, host: Mapping[str, Any]) -> list[Relation]:
    """All claims of a record that can be checked on `host`; what it lacks or holds in another form is left out."""
    same = alike(evidence.record.host, host)
    makers: list[Iterable[Relation]] = [_sizes(evidence), _outputs(evidence, same), _answers(evidence)]
    if same:
        makers.append(_faster(evidence, int((host.get("cpu") or {}).get("cores") or 1)))
    found: list[Relation] = []
    for maker in makers:
        try:
            found += maker
        except (NotMeasured, RecordError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            continue
    return found


def sample(found: Sequence[Relation], count: int, seed: str) -> list[Relation]:
    """`count` of them by lot, the kinds in turn, and no more than MOST_LATENCIES variants to be timed."""
    rng = random.Random(f"rerun {seed}")
    by_kind = {kind: [each for each in found if each.kind == kind] for kind in KINDS}
    for each in by_kind.values():
        rng.shuffle(each)
    picked: list[Relation] = []
    timed: set[Variant] = set()
    # Relations of time first: they are what a forger must work hardest for.
    turns = [kind for kind in reversed(KINDS) if by_kind[kind]]
    while len(picked) < count and any(by_kind.values()):
        for kind in turns:
            if not by_kind[kind] or len(picked) == count:
                continue
            relation = by_kind[kind].pop()
            if kind == "faster" and len(timed | set(relation.variants)) > MOST_LATENCIES:
                continue
            timed |= set(relation.variants) if kind == "faster" else set()
            picked.append(relation)
    return picked


def judged(relation: Relation, measured: Any) -> Finding:
    """Whether a second measurement agrees. `measured`: the same kind of value as `claimed`; None: there is none."""
    where = " and ".join(relation.steps)
    if measured is None:
        return Finding(relation, None, f"{where}: could not be measured again")
    if relation.kind == "size":
        return Finding(
            relation, measured == relation.claimed, f"{where}: {relation.claimed} bytes, the file has {measured}"
        )
    if relation.kind == "outputs":
        wrong = sum(measured[image] != claimed for image, claimed in relation.claimed.items())
        most = max(1, math.floor(FLIPS * len(relation.claimed)))
        told = f"{where}: {wrong} of {len(relation.claimed)} images get another class from the model"
        return Finding(relation, wrong <= most, told)
    if relation.kind == "answer":
        differ = max(
            (abs(measured.get(label, 0.0) - claimed) for label, claimed in relation.claimed.items()), default=1.0
        )
        return Finding(relation, differ <= PROBABILITY, f"{where}: probabilities differ by up to {differ:.3g}")
    return _judged_times(relation, measured)


def _judged_times(relation: Relation, measured: Estimate) -> Finding:
    claimed: Estimate = relation.claimed
    gap = max(claimed.low / measured.high, measured.low / claimed.high)
    told = (
        f"{' over '.join(relation.steps)}: {claimed.value:.2f} times in the record "
        f"({claimed.low:.2f} to {claimed.high:.2f}), here {measured.value:.2f} "
        f"({measured.low:.2f} to {measured.high:.2f})"
    )
    return Finding(relation, bool(gap <= FACTOR), told)
