"""Records small enough to judge with pencil and paper: a few steps, round numbers, and what each answer must earn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.judging import Judge, Judgement, judgement
from grading.questions import question
from snippets.decide.cost import Prices
from snippets.decide.targets import Target
from snippets.record.run import Record

# Limits and prices of these papers' own, so that a course may edit the kit's.
TARGETS = {
    "server CPU": Target("server CPU", "any", p50_ms_below=3.0, images_per_s_at_least=1000),
    "server GPU": Target("server GPU", "any", p50_ms_below=1.0, images_per_s_at_least=5000),
    "end-user device": Target("end-user device", "any", p50_ms_below=15.0, size_mb_below=4.8),
}
PRICES = Prices(
    "USD", utilization=0.5, per_core_hour=0.036, per_gpu_hour=3.6, per_gb_delivered=0.1, predictions_per_download=100
)


# Ten seconds: the first fifth at 10 ms, the last at 12, which is 20 % slower.
SOAKED: dict[str, Any] = {
    "latency_ms": np.repeat([10.0, 11.0, 12.0], [20, 60, 20]),
    "started_s": np.arange(100) / 10,
    "seconds": 10.0,
    "absent": {"limits": "x"},
    "board_s": np.array([]),
    "temperature_c": np.array([]),
    "limits": [],
}
NOON = "2026-03-01T12:00:00Z"


@dataclass(frozen=True)
class PaperStep:
    """What checks read of a step; judges take its arrays as lists, too."""

    name: str
    result: Any
    started_utc: str = NOON
    ended_utc: str = NOON
    seconds: float = 1000.0
    host: str = "h"
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperRecord:
    """What checks read of a record. Its files, hashes and chain are whole, save for the `broken` ones."""

    steps: tuple[PaperStep, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    part: str = "edge"
    hosts: tuple[Mapping[str, Any], ...] = ({"id": "h"},)
    lease: Mapping[str, Any] | None = None
    answers: tuple[Mapping[str, Any], ...] = ()
    created_utc: str = NOON
    broken: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def host(self) -> Mapping[str, Any]:
        """The machine that ran the steps."""
        return self.hosts[-1]

    @property
    def machine(self) -> Mapping[str, Any]:
        """The machine that ran the first of them."""
        return self.hosts[0]

    @property
    def evidence(self) -> Evidence:
        """The record as checks see it."""
        return Evidence(cast(Record, self))

    def latest(self, name: str) -> PaperStep | None:
        """The newest step of that name."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def result(self, name: str) -> Any:
        """Result of the newest step of that name."""
        return next(step.result for step in reversed(self.steps) if step.name == name)

    def names(self) -> tuple[str, ...]:
        """Names of the steps."""
        return tuple(step.name for step in self.steps)

    @property
    def leases(self) -> tuple[Mapping[str, Any], ...]:
        """All leases, in their order."""
        return () if self.lease is None else (self.lease,)

    def clock_doubts(self) -> dict[str, str]:
        """By step, where clocks do not fit each other: here they always do."""
        return {}

    def verify(self, schema: bool = True) -> list[str]:
        """What does not hold together by itself."""
        return list(self.broken)


@dataclass(frozen=True)
class Paper:
    """Results by step, and for each answer the share of the points (0 to 1) that was worked out for it by hand."""

    steps: Mapping[str, Any]
    shares: Mapping[Any, float]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """The record as judges see it."""
        steps = tuple(PaperStep(*item) for item in self.steps.items())
        return PaperRecord(steps, self.parameters, hosts=({"id": "h", **self.host},)).evidence


def each(papers: Mapping[str, tuple[Paper, ...]]) -> list[Any]:
    """Question and paper, as parameters of a test."""
    return [
        pytest.param(name, paper, id=f"{name}-{number}")
        for name, sheets in papers.items()
        for number, paper in enumerate(sheets, start=1)
    ]


def judged(judges: Mapping[str, Judge], name: str, paper: Paper, answer: Any) -> Judgement:
    """What the judge of question `name` says of an answer on this paper's record."""
    return judgement(judges[name], question(name), paper.evidence, answer)


def earned(judges: Mapping[str, Judge], name: str, paper: Paper) -> dict[Any, float]:
    """The share that each of the paper's answers earns."""
    return {answer: judged(judges, name, paper, answer).share for answer in paper.shares}


def asks_to_measure(judges: Mapping[str, Judge], papers: Mapping[str, tuple[Paper, ...]], name: str) -> bool:
    """Whether without its measurement an answer earns nothing, and the student is told what to measure, and how."""
    told = judged(judges, name, Paper({}, {}), next(iter(papers[name][0].shares)))
    command = f"servelab run {name.partition('.')[0]}"
    return told.share == 0 and told.message.startswith("Measure ") and command in told.message


def untried(papers: Mapping[str, tuple[Paper, ...]]) -> list[str]:
    """Questions whose papers lack an answer that earns everything, or one that earns nothing."""
    return [
        name
        for name, sheets in papers.items()
        if not {0, 1} <= {share for paper in sheets for share in paper.shares.values()}
    ]
