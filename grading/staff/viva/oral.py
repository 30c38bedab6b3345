"""One question about a student's own numbers, with its answer, and templates that make them from a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.staff.exemplars import digits
from snippets import stats
from snippets.errors import KitError

NEAR = 0.1
"""A number within a tenth counts as known: nobody has four digits in their head."""
APART = 1.05
"""What is asked for as the first of several must be that by 5 %, else two answers would be right."""


@dataclass(frozen=True)
class Oral:
    """A question to ask, and what is right.

    `answer`: as it is printed for whoever asks. `numbers` and `names`: the same as values, in the order of the answer.
    `steps`: where in the record it can be looked up. `then`: what to ask next. `template` and `variant`: what it was
    made from; two questions of one template ask for the same kind of thing.
    """

    text: str
    answer: str
    numbers: tuple[float, ...]
    names: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    then: str = ""
    template: str = ""
    variant: str = ""


@dataclass(frozen=True)
class Template:
    """Makes the questions of one kind: `make(evidence, *variant)` for each of the record's `variants(evidence)`.

    `make` raises NotMeasured, or returns None, where the record does not decide what is right.
    """

    name: str
    variants: Callable[[Evidence], Iterable[tuple[Any, ...]]]
    make: Callable[..., Oral | None]

    def orals(self, evidence: Evidence) -> Iterator[Oral]:
        """All questions that the template can ask of a record. What it lacks, or holds in another form, is left out."""
        with suppress(NotMeasured, KitError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            for variant in self.variants(evidence):
                with suppress(NotMeasured, KitError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
                    made = self.make(evidence, *variant)
                    if made is not None and all(np.isfinite(made.numbers)):
                        told = " ".join(str(word) for word in variant)
                        yield replace(made, template=self.name, variant=told)


def about(value: float, unit: str) -> str:
    """A number with its unit, and what else counts as known: "3.21 ms (2.89 to 3.53)"."""
    low, high = sorted((value * (1 - NEAR), value * (1 + NEAR)))
    return f"{digits(value)} {unit} ({digits(low)} to {digits(high)})"


def first_of(values: dict[str, float], smallest: bool = False) -> str | None:
    """The name with the largest (or smallest) value; None where another is within 5 % of it, or there is no other."""
    ranked = sorted(values, key=lambda name: values[name], reverse=not smallest)
    if len(ranked) < 2:
        return None
    first, second = values[ranked[0]], values[ranked[1]]
    apart = second >= first * APART if smallest else first >= second * APART
    return ranked[0] if apart and min(first, second) > 0 else None


def pairs(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each two of some names, in their order."""
    listed = list(names)
    yield from ((a, b) for place, a in enumerate(listed) for b in listed[place + 1 :])


def plain(name: str) -> str:
    """A step's name as people say it: `edge/fp32-threads-2/latency` is "fp32, 2 threads"."""
    words = name.split("/")
    middle = words[1] if len(words) > 2 else words[-1]
    variant, _, threads = middle.partition("-threads-")
    return f"{variant}, {threads} thread{'s' * (threads != '1')}" if threads else variant


def faster(evidence: Evidence, a: str, b: str, group: str) -> Oral | None:
    """Which of two steps has the lower latency, where the intervals of their medians do not overlap."""
    ours, theirs = evidence.latency(a).p50(), evidence.latency(b).p50()
    if not (ours.high < theirs.low or theirs.high < ours.low):
        return None
    (quick, low), (slow, high) = sorted(((a, ours.value), (b, theirs.value)), key=lambda item: item[1])
    if high / low < APART:
        return None
    return Oral(
        f"One photo at a time ({group}): which was faster on your machine, {plain(a)} or {plain(b)}, and by what "
        "factor?",
        f"{plain(quick)}, {about(high / low, 'times')}: {digits(low)} against {digits(high)} ms.",
        (high / low,),
        (plain(quick),),
        (a, b),
        "Why? And what would you expect on another processor?",
    )


def tail(evidence: Evidence, step: str, group: str) -> Oral:
    """How far the p95 of a step's latencies lies above their median."""
    samples = evidence.samples(step)
    factor = stats.percentile(samples, 95) / stats.percentile(samples, 50)
    return Oral(
        f"{group}: by how many per cent was the p95 of {plain(step)} above its median, over all samples?",
        f"{100 * (factor - 1):.0f} % (within {max(3.0, 20 * (factor - 1)):.0f}).",
        (100 * (factor - 1),),
        (),
        (step,),
        "What makes single calls slower than the others?",
    )
