"""The instructor's guide in numbers: time, leases and grading, each with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from grading.site.lessons import Lesson

STUDENTS = 30
MINUTES = 2
"""A class and the minutes to read an explanation to begin with; the page says that both are to be replaced."""


class Reservable(Protocol):
    """What the guide says of a kind of hardware; `reserve.hardware.Hardware` is one."""

    @property
    def part(self) -> str:
        """The part of the lab that leases it."""

    @property
    def site(self) -> str:
        """Where it is leased, such as CHI@TACC."""

    @property
    def type_name(self) -> str:
        """What a reservation asks for."""

    @property
    def about(self) -> str:
        """What it is, in words."""

    @property
    def block_hours(self) -> int:
        """A lease's hours, its margin included."""

    @property
    def end_margin_minutes(self) -> int:
        """How much earlier a lease ends."""

    @property
    def boot_minutes(self) -> int:
        """How long it takes to boot."""

    @property
    def offered(self) -> bool:
        """Whether the course uses it."""


@dataclass(frozen=True)
class Lease:
    """A kind of hardware that a part may lease. `node_hours`: what one lease takes of a node."""

    part: str
    site: str
    name: str
    about: str
    block_hours: int
    margin_minutes: int
    boot_minutes: int

    @property
    def node_hours(self) -> float:
        """Hours of one node that a lease holds."""
        return self.block_hours - self.margin_minutes / 60


def leases(hardware: Sequence[Reservable]) -> list[Lease]:
    """What the course offers, in the order of its table."""
    return [
        Lease(h.part, h.site, h.type_name, h.about, h.block_hours, h.end_margin_minutes, h.boot_minutes)
        for h in hardware
        if h.offered
    ]


@dataclass(frozen=True)
class PartWork:
    """What a part asks of students and of whoever grades it. Minutes are those that the notebooks themselves name;
    `seconds`: what the recorded run measured, None without one; `node_hours`: of a student's lease, 0 without one."""

    part: str
    lessons: int
    thinking: int
    seconds: float | None
    questions: int
    explanations: int
    screenshots: int
    points: float
    hand_points: float
    node_hours: float

    @property
    def automatic(self) -> int:
        """Questions that the student's record answers."""
        return self.questions - self.explanations - self.screenshots


def work(
    part: str, lessons: Sequence[Lesson], seconds: Mapping[str, float | None], offered: Sequence[Lease]
) -> PartWork:
    """The work in a part's lessons; `seconds` of recorded steps by the lesson's name."""
    asked = [question for lesson in lessons for question in lesson.questions]
    measured = [value for lesson in lessons if (value := seconds.get(lesson.name)) is not None]
    return PartWork(
        part,
        len(lessons),
        sum(lesson.thinking for lesson in lessons),
        sum(measured) if measured else None,
        len(asked),
        sum(question.kind == "explain" for question in asked),
        sum(question.kind == "screenshot" for question in asked),
        sum(question.points for question in asked),
        sum(question.points for question in asked if question.by_hand),
        max((lease.node_hours for lease in offered if lease.part == part), default=0.0),
    )


def grading_hours(students: float, explanations: int, minutes: float) -> float:
    """Hours to read every explanation of a class, at so many minutes each."""
    return students * explanations * minutes / 60
