"""An exemplar answer to each explanation, with the numbers of the record that is graded.

The templates are in exemplars.toml, a text for each question. What stands in braces is looked up in the record, as
`{p50 baseline/eager/latency}`; FACTS lists what can be asked. What the record lacks is said in the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from grading.checks import system
from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Met, Number
from grading.checks.looking_back import told
from grading.questions import answer_to, question, questions
from grading.questions.own import own_questions
from grading.staff.judges import JUDGES
from grading.staff.judges.system import forecast_of, stage_ms
from snippets import stats
from snippets.course import own_table
from snippets.decide import outcomes
from snippets.errors import RecordError
from snippets.measure.latency import compare
from snippets.parts import PARTS
from snippets.record.run import Record
from snippets.serve.stages import STAGES
from snippets.simulate import misses

TEMPLATES = Path(__file__).with_name("exemplars.toml")
NONE = "(The course has written no exemplar for this question of its own: own/staff/exemplars.toml.)"
PLACE = re.compile(r"\{([^{}]+)\}")


def digits(value: float) -> str:
    """A number as a student would write it: three digits."""
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _samples(evidence: Evidence, step: str, field: str = "latency_ms") -> np.ndarray:
    """Samples of a step; of a load those of its successes."""
    values = evidence.samples(step, field)
    ok = np.asarray(evidence.result(step).get("ok", np.ones(values.size)), dtype=bool).ravel()
    return values[ok] if ok.shape == values.shape and ok.any() else values


def _p(percent: float) -> Callable[..., str]:
    def fact(evidence: Evidence, step: str, field: str = "latency_ms") -> str:
        if percent == 50 and field == "latency_ms" and "rounds" in evidence.result(step):
            return digits(evidence.latency(step).p50().value)  # between blocks, as tables and charts have it
        return digits(stats.percentile(_samples(evidence, step, field), percent))

    return fact


def _mean(evidence: Evidence, step: str, field: str) -> str:
    return digits(float(np.mean(_samples(evidence, step, field))))


def _number(evidence: Evidence, step: str, field: str, times: str = "1") -> str:
    return digits(evidence.number(step, field) * float(times))


def _ratio(evidence: Evidence, a: str, b: str, field: str = "latency_ms") -> str:
    """Median of a over median of b."""
    if field == "latency_ms" and all("rounds" in evidence.result(step) for step in (a, b)):
        return digits(compare(evidence.latency(a), evidence.latency(b)).ratio.value)
    return digits(float(np.median(_samples(evidence, a, field)) / np.median(_samples(evidence, b, field))))


def _rate_of(evidence: Evidence, step: str) -> float:
    """Answers (or images) per second of a load, or of a batch that was timed."""
    if "batch_ms" in evidence.result(step):
        return evidence.images_per_s(step)
    return system.rate(evidence, step)


def _rate(evidence: Evidence, step: str) -> str:
    return digits(_rate_of(evidence, step))


def _batches(evidence: Evidence, variant: str) -> str:
    """Images per second at each batch size that was timed."""
    steps = evidence.named(f"{variant}/throughput")
    if not steps:
        raise NotMeasured(f"{variant}/throughput")
    return ", ".join(f"{digits(_rate_of(evidence, step))} at {evidence.number(step, 'batch'):g}" for step in steps)


def _rates(evidence: Evidence, a: str, b: str) -> str:
    """Rate of a over rate of b."""
    return digits(_rate_of(evidence, a) / _rate_of(evidence, b))


def _turns(evidence: Evidence, a: str, b: str) -> str:
    """Which of two variants (`graph/onnx-none`) is faster, with the interval and verdict."""
    ours, theirs = (evidence.latency(f"{step}/latency") for step in (a, b))
    return outcomes.ranking(a.rpartition("/")[2], b.rpartition("/")[2], compare(ours, theirs))


def _nodes(evidence: Evidence, level: str, *operation: str) -> str:
    """How many nodes of an operation a level has."""
    entry = evidence.field("graph/levels", level)
    return str(entry["histogram"].get(" ".join(operation), 0))


def _slowest(evidence: Evidence, step: str, most: str = "5") -> str:
    """The operations of a profile that take most of the time, with their milliseconds."""
    times = evidence.field(step, "milliseconds")
    ranked = sorted(times.items(), key=lambda item: -item[1])[: int(most)]
    return ", ".join(f"{name} {digits(ms)} ms" for name, ms in ranked)


def _accuracy(evidence: Evidence, step: str) -> str:
    return digits(100 * evidence.accuracy(step))


def _loss(evidence: Evidence, step: str, reference: str) -> str:
    """Points of accuracy lost against the predictions of another step, with the interval."""
    ours, theirs = (evidence.field(name, "predictions") for name in (step, reference))
    return stats.show(stats.scaled(stats.accuracy_loss(ours, theirs, evidence.field(step, "labels")), 100), 1)


def _searched(evidence: Evidence) -> str:
    """All candidates of the search with the points that each loses."""
    lost = []
    for step in evidence.named("quantize/search/", ".onnx"):
        name = step.removeprefix("quantize/search/").removesuffix(".onnx").replace("-", " ")
        lost.append(f"{name} {_loss(evidence, step, 'quantize/reference')}")
    if not lost:
        raise NotMeasured("quantize/search")
    return "; ".join(lost)


def _stages(evidence: Evidence, step: str) -> str:
    """Mean of each stage of the endpoint's successful requests."""
    return ", ".join(f"{stage} {digits(stage_ms(evidence, step, stage))} ms" for stage in STAGES)


def _right(evidence: Evidence, name: str) -> str:
    """What the judge of a question finds right on this record."""
    expected = JUDGES[name](evidence)
    if isinstance(expected, Met):
        return expected.how
    if isinstance(expected, Number):
        return digits(expected.value)
    return " or ".join(sorted(expected.right | expected.accepted)) or "none"


def _misses(evidence: Evidence) -> str:
    """Each prediction of the part beside what was measured."""
    record = evidence.record
    lines = []
    for asked in questions(record.part):
        if asked.kind == "predict":
            became = told(asked, answer_to(asked, record), evidence)
            lines.append(f"{asked.id}: {became}".replace("*", ""))
    return "\n".join(lines)


def _kept_up(evidence: Evidence, share: str) -> str:
    """Little's law at one offered load: counted, and arrivals times mean latency."""
    from snippets.load.queueing import little

    law = little(evidence.result(f"online/off-{share}/load"))
    return f"counted {digits(law.seen)}, arrivals x mean latency {digits(law.expected)}"


def _missed(evidence: Evidence, topic: str) -> str:
    """The furthest miss of a forecast that the record holds, with what was measured."""
    step = f"forecast/{topic}/figures"
    found = misses.misses(*forecast_of(evidence, step))
    if not found:
        raise NotMeasured(step)
    return misses.shown(found[0])


def _outage(evidence: Evidence, name: str) -> str:
    """What a fault beside or within its process did to the good model (`one-process-crash`)."""
    found = system.outage(evidence, f"isolation/{name}/outage")
    return (
        f"{found.failed} errors, {found.late} late of {found.visitors}, nobody in time for {digits(found.outage_ms)} ms"
    )


FACTS: Mapping[str, Callable[..., str]] = {
    "p50": _p(50),
    "p95": _p(95),
    "mean": _mean,
    "number": _number,
    "ratio": _ratio,
    "rate": _rate,
    "rates": _rates,
    "batches": _batches,
    "turns": _turns,
    "nodes": _nodes,
    "slowest": _slowest,
    "accuracy": _accuracy,
    "loss": _loss,
    "searched": _searched,
    "stages": _stages,
    "right": _right,
    "misses": _misses,
    "kept_up": _kept_up,
    "missed": _missed,
    "outage": _outage,
}
"""What a template may ask of a record, by name; each takes the words behind the name."""


@lru_cache(maxsize=1)
def templates() -> Mapping[str, str]:
    """The template of each explanation, by its question's id: running text, whatever the file's lines."""
    texts = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))["exemplars"]
    texts |= own_table("staff/exemplars.toml").get("exemplars", {})
    for part in PARTS:
        for name in own_questions(part).tables:
            texts.setdefault(name, NONE)
    return {name: " ".join(text.split()) for name, text in texts.items()}


def exemplar(question_id: str, evidence: Evidence) -> str:
    """The exemplar answer to an explanation, with this record's numbers. Raises KeyError where there is none."""
    return PLACE.sub(lambda match: _fact(match.group(1), evidence), templates()[question(question_id).id])


def _fact(words: str, evidence: Evidence) -> str:
    name, *arguments = words.split()
    try:
        return FACTS[name](evidence, *arguments)
    except NotMeasured as missing:
        return f"(not in this record: {missing.step}{' ' + missing.field if missing.field else ''})"
    except (RecordError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        if name not in FACTS:
            raise
        return f"(not to be had from this record: {words}; {type(error).__name__})"


def answers(record: Record) -> Mapping[str, str]:
    """The text that the record holds for each of its part's explanations, those that it lacks as an empty one."""
    found = {}
    for asked in questions(record.part):
        if asked.kind == "explain":
            entry = answer_to(asked, record)
            found[asked.id] = "" if entry is None else str(entry["value"])
    return found
