"""The plan against first come first served and everyone at the deadline: varied students, three parts, three weeks.

With times, memory, and each goal's distance to what no plan can beat: python -m benchmarks.plan_vs_naive [STUDENTS ...]
`1000x10` is 1,000 students in ten courses that share the nodes, each with its own first day and due date.
"""

from __future__ import annotations

import random
import resource
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

from reserve.hardware import load
from reserve.plan.course.inputs import Inputs, what_if
from reserve.plan.course.roster import Student
from reserve.plan.course.rules import load_rules
from reserve.plan.course.schedule import faults
from reserve.plan.course.windows import parse_windows
from reserve.plan.show.page import gap_text
from reserve.plan.solve.baselines import compare
from reserve.plan.solve.solve import make_plan

LECTURES = ("09:00-12:00", "10:00-11:30", "13:00-16:00", "14:00-18:00")
PREFERRED = ("Sat+Sun", "Mon-Fri 17:00-24:00", "daily 09:00-14:00", "Tue+Thu")
ZONES = ("America/New_York", "America/Los_Angeles", "Asia/Kolkata")


def varied_class(count: int, seed: int = 1) -> Inputs:
    """Lectures, journeys, preferences, three time zones, some with extra time; others hold 30 % of the nodes."""
    rng = random.Random(seed)
    start = datetime(2027, 2, 28, 5, tzinfo=UTC)
    made = what_if(
        f"students={count},weeks=3,liqid=4,gigaio=2,p100=6,pi5=7,busy=0.3",
        load_rules(),
        load(),
        ZoneInfo(ZONES[0]),
        start,
    )
    students = []
    for number in range(count):
        days = rng.sample(("Mon", "Tue", "Wed", "Thu", "Fri"), 3)
        away = [f"{day} {rng.choice(LECTURES)}" for day in days]
        if rng.random() < 0.2:
            away.append(f"2027-03-{rng.choice((1, 5, 8)):02d}/2027-03-{rng.choice((9, 10, 11)):02d}")
        like = rng.choice(PREFERRED) if rng.random() < 0.5 else ""
        tz = ZoneInfo(rng.choices(ZONES, (0.8, 0.1, 0.1))[0])
        extra = 1.5 if rng.random() < 0.05 else 1.0
        students.append(
            Student(
                f"s{number:03d}",
                tz,
                parse_windows(";".join(away), "bench"),
                parse_windows(like, "bench"),
                extra,
                row=number + 2,
            )
        )
    return replace(made, students=tuple(students))


CLASSES = {"191": 30.0, "300": 30.0, "1000": 150.0, "1000x10": 150.0}  # students: seconds by the clock
DAYS_APART = 0.75  # between the first days, and the due dates, of two courses


def in_courses(made: Inputs, count: int) -> Inputs:
    """The same students in so many courses, one after the other: each begins and is due a little later than the one
    before, and all end with the whole."""
    step = timedelta(days=DAYS_APART)
    students = []
    for number, one in enumerate(made.students):
        course = number % count
        due = made.due - step * (count - 1 - course)
        students.append(replace(one, begin=made.start + step * course, due=due))
    return replace(made, students=tuple(students))


def show(name: str, seconds: float) -> None:
    """Plan one class and print its time, memory, gaps, and the naive ways beside it."""
    count, _, courses = name.partition("x")
    made = varied_class(int(count))
    course = (in_courses(made, int(courses)) if courses else made).course()
    begun, used = perf_counter(), process_time()
    plan = make_plan(course, seconds)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name} students in {seconds:.0f} s: took {perf_counter() - begun:.1f} s, {process_time() - used:.1f} s of "
        f"processor time; at most {memory_mb} MB"
    )
    print(f"rules broken: {len(faults(course, plan.bookings))}")
    for stage in plan.stages:
        bound = "-" if stage.bound is None else f"{stage.bound:.0f}"
        print(f"  {stage.text}: {stage.value:.0f}, bound {bound}, {gap_text(stage)}")
    for way in compare(course, plan.bookings):
        print(
            f"{way.name:28} finish {way.complete:3d}   wait mean {way.mean_wait:5.2f} worst {way.worst_wait:2d} days   "
            f"not as preferred {way.missed:3d}   late node-hours {way.late_hours}"
        )


def main() -> None:
    for name in sys.argv[1:] or list(CLASSES):
        show(name, CLASSES.get(name, 30.0))


if __name__ == "__main__":
    main()
