"""Forged runs graded in a class, each as the only one, and what staff is told of them and of the honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from grading.batch.grade_all import with_doubts
from grading.checks.part import check_part
from grading.grade import Grade
from grading.rerun.again import Shelf
from grading.rerun.challenges import Course, with_challenges
from tests.grading.forgeries import BEGAN, Forgery
from tests.grading.forgeries.challenged import ME, SECRET

HOUR = 60
"""Minutes that a way must cost."""


@dataclass(frozen=True)
class Outcome:
    """What became of one way: points, level of trust, and the first remark of staff's list."""

    forgery: Forgery
    points: float
    trust: str
    remark: str

    @property
    def missed(self) -> bool:
        """Whether it is cheap and nobody would look."""
        return self.forgery.minutes < HOUR and self.trust not in ("none", "consistent") and not self.remark


def graded(run: Path, netid: str, lease: str = "") -> Grade:
    """A submission of one run. `lease`: what the testbed calls lease 1; empty: nobody asks it."""
    times = {"start_utc": BEGAN.isoformat(), "end_utc": (BEGAN + timedelta(days=90)).isoformat()}
    part = check_part(run, netid=netid, leases={"1": {"name": lease, **times}} if lease else None)
    return Grade(str(run), part.digest, netid, "", (part,), (), part.prints, owners=(netid,))


def forge(forgeries: Sequence[Forgery], honest: Sequence[Grade], friend: Path, folder: Path) -> list[Outcome]:
    """Each way alone in a class of the honest and the friend, who answered the challenge of their codes."""
    found = []
    for number, one in enumerate(forgeries):
        mine = with_doubts([*honest, graded(one.way(folder / str(number), friend), ME, one.lease)])[-1]
        if one.coded:
            (mine,) = with_challenges([mine], course_of(friend, [each.netid for each in honest]))
        part = mine.parts[0]
        found.append(Outcome(one, part.points, part.trust, part.doubts[0] if part.doubts else ""))
    return found


def course_of(run: Path, roster: Sequence[str]) -> Course:
    """The course whose model that run has."""
    return Course(SECRET, tuple(roster), Shelf.of([run / "models"]))


def suspected(honest: Sequence[Grade], course: Course | None = None) -> list[str]:
    """Remarks on the honest, by NetID; they are all in one class. `course`: it gave them codes."""
    found = with_doubts(honest)
    found = with_challenges(found, course) if course else found
    return [f"{each.netid}: {part.doubts[0]}" for each in found for part in each.parts if part.doubts]


def table(outcomes: Sequence[Outcome]) -> str:
    """The ways as lines, the cheapest first."""
    lines = [f"{'min':>4} {'points':>6}  {'trust':11} flagged  way (from)"]
    for each in sorted(outcomes, key=lambda one: one.forgery.minutes):
        mark = "MISSED" if each.missed else "yes" if each.remark or each.trust in ("none", "consistent") else "no"
        lines.append(
            f"{each.forgery.minutes:4d} {each.points:6.1f}  {each.trust:11} {mark:7}  "
            f"{each.forgery.told} ({each.forgery.source})"
        )
        lines += [f"{'':33}{each.remark[:110]}"] if each.remark else []
    return "\n".join(lines)
