"""From a record to the pages of its submission: answers, when they were given, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grading.questions import Question, answer_to, is_late
from grading.submission.pdf import Page
from snippets.engine.turns import INFIX as TURNS
from snippets.errors import RecordError
from snippets.measure.latency import Latency
from snippets.record.run import Record

MAX_MEASURED = 8


def shown(question: Question, value: Any) -> str:
    """An answer as a person reads it."""
    if question.kind == "predict" and isinstance(value, list) and len(value) == 2:
        if question.choices:
            return f"{value[0]}, {100 * value[1]:.0f} % sure" if isinstance(value[1], float | int) else str(value)
        return f"{value[0]:.10g} to {value[1]:.10g} {question.unit}" if _numbers(value) else str(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:.10g} {question.unit}".strip()
    return str(value)


def _latency_facts(result: Mapping[str, Any]) -> list[str]:
    """Median, p95 where the samples bound it, and their number."""
    try:
        found = Latency.of(result)
        p50, p95 = found.p50(), found.percentile(95)
    except (ValueError, TypeError):
        return ["its latencies are no measurement"]
    tail = [f"p95 {p95.value:.3g} ms"] if p95 else []
    return [f"p50 {p50.value:.3g} ms", *tail, f"n = {found.ms.size}"]


def _numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _throughput_fact(result: Mapping[str, Any], batch: int) -> str:
    try:
        return f"{Latency.of(result).images_per_s().value:.4g} images/s at batch {batch}"
    except (ValueError, TypeError, ZeroDivisionError):
        return "its batches are no measurement"


def summary(record: Record, name: str) -> str | None:
    """One line on a measured step, recomputed from its samples; None where there is nothing to say."""
    step = record.latest(name)
    if step is None:
        return f"{name}: not measured"
    try:
        result = step.result
    except RecordError:
        return f"{name}: samples unreadable"
    if not isinstance(result, dict):
        return None
    facts = []
    latency_ms = result.get("latency_ms")
    if isinstance(latency_ms, np.ndarray) and latency_ms.ndim == 1 and latency_ms.size:
        facts += _latency_facts(result)
    batch_ms, batch = result.get("batch_ms"), result.get("batch")
    if isinstance(batch_ms, np.ndarray) and batch_ms.size and isinstance(batch, int):
        facts.append(_throughput_fact(result, batch))
    predictions, labels = result.get("predictions"), result.get("labels")
    if isinstance(predictions, np.ndarray) and isinstance(labels, np.ndarray) and predictions.shape == labels.shape:
        facts.append(f"accuracy {np.mean(predictions == labels):.2%} of {labels.size}")
    if isinstance(result.get("bytes"), int):
        facts.append(f"{result['bytes'] / 1e6:.2f} MB")
    if not facts:
        facts = [
            f"{key} {value:.4g}"
            for key, value in result.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ][:4]
    return f"{name}: {', '.join(facts)}" if facts else None


def pages(
    record: Record,
    questions: Sequence[Question],
    pictures: Mapping[str, Path],
    problems: Mapping[str, str] | None = None,
) -> list[Page]:
    """One page per question, in order. `pictures`, and `problems` with them, by question id."""
    made = []
    for question in questions:
        entry = answer_to(question, record)
        # What rounds say is in the steps that are put together from them.
        steps = [name for name in question.steps if TURNS not in name][:MAX_MEASURED]
        lines = [line for name in steps if (line := summary(record, name))]
        state, alarm, placeholder = "", False, ""
        if entry is not None:
            state = f"Answered {entry['answered_utc'][:16].replace('T', ' ')} UTC"
            if question.kind == "predict":
                alarm = is_late(entry)
                state += ", late: after the measurement" if alarm else ", before the measurement"
        elif question.kind != "screenshot":
            state, alarm, placeholder = "Missing answer", True, "No answer was given."
        picture = pictures.get(question.id)
        if question.kind == "screenshot":
            problem = (problems or {}).get(question.id, "")
            alarm = picture is None or bool(problem)
            state = f"Screenshot {problem}" if problem else "" if picture else "Missing screenshot"
            placeholder = "No screenshot was handed in."
        answer = shown(question, entry["value"]) if entry is not None else ""
        if question.kind == "screenshot" and picture is None and answer:
            answer = f"[no screenshot] {answer}"
        made.append(Page(question, answer, state, alarm, tuple(lines), picture, placeholder))
    return made
