"""The charts of a plan: load on each kind of hardware, waiting, and when students finish."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np

from reserve.plan.change.simulate import Simulation
from reserve.plan.course.capacity import buffer_start, free_nodes
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, by_unit, finish_day, is_complete
from reserve.plan.solve.baselines import at_the_deadline, first_come_first_served

BLUE, GREY, RED, GREEN = "#1f5fa8", "#c9ced6", "#b8322a", "#2e7d4f"
INK = "#010203"  # stands for the page's own text colour
WAYS = {"plan": BLUE, "first come, first served": GREEN, "everyone at the deadline": RED}
# So that the page's style, light or dark, decides.
STYLED = {INK: "currentColor", BLUE: "var(--blue)", GREY: "var(--grey)", RED: "var(--red)", GREEN: "var(--green)"}
MOST_LABELS = 8


def _svg(figure: Any, name: str, title: str) -> str:
    """The figure as an SVG element for a page: named `title` for screen readers, its ids beginning with `name`."""
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None}, transparent=True)
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, styled in STYLED.items():
        text = text.replace(colour, styled)
    text = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{name}-", text)
    head, _, body = text.partition(">")
    return f'{head} role="img" aria-labelledby="{name}-title">\n<title id="{name}-title">{title}</title>{body}'


def _figure(rows: int = 1, height: float = 3.0, sharex: bool = False) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcdefaults()  # whatever else drew in this process
    plt.rcParams.update(
        {
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "servelab",
            "font.family": "DejaVu Sans",
            "svg.fonttype": "path",
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    return plt.subplots(rows, 1, figsize=(9.5, height), sharex=sharex, squeeze=False, layout="constrained")


def _day_axis(axis: Any, course: Course) -> None:
    """A label at local midnight every so many days, so few that none touches the next."""
    step = max(1, math.ceil(course.days / MOST_LABELS))
    first = course.start.astimezone(course.tz).date()
    days = [first + timedelta(days=day) for day in range(0, course.days + 1, step)]
    axis.set_xticks(
        [datetime.combine(day, time(), course.tz).astimezone(UTC) for day in days], [f"{day:%a %b %d}" for day in days]
    )
    axis.set_xlim(course.start, max(course.due, course.at(course.hours)))


def load_chart(course: Course, bookings: Sequence[Booking]) -> str:
    """Per kind of hardware, hour by hour: nodes planned (blue), held by others (grey), in all (line)."""
    figure, axes = _figure(len(course.pools), 1.75 * len(course.pools) + 0.5, sharex=True)
    times = [course.at(hour).astimezone(course.tz) for hour in range(course.hours + 1)]
    for number, pool in enumerate(course.pools):
        axis = axes[number][0]
        nodes = len(pool.calendar.nodes)
        mine = [free_nodes(course, i) for i, group in enumerate(course.groups) if group.pool == number]
        free = np.sum([np.zeros(course.hours), *mine], axis=0)
        used = np.zeros(course.hours)
        for booking in bookings:
            if booking.hardware == pool.key:
                first = course.hour_of(booking.start)
                used[first : first + booking.hours] += 1
        # The last hours before the due date are too short for a block: nobody holds them.
        tail = min(unit.hours[course.parts.index(pool.hardware.part)] for unit in course.units)
        others = np.append((nodes - free)[:-tail], [0] * min(tail, course.hours))[: course.hours]
        axis.stairs(used + others, times, fill=True, color=GREY, label="held by others")
        axis.stairs(used, times, fill=True, color=BLUE, label="planned")
        axis.axhline(nodes, color=INK, lw=1, label="nodes")
        kept = f", {pool.keep} kept for retries at the end" if pool.keep else ""
        if kept:
            axis.axvspan(times[buffer_start(course)], times[-1], color=GREEN, alpha=0.15, lw=0)
        axis.set_ylim(0, max(1, nodes) * 1.15)
        axis.yaxis.get_major_locator().set_params(integer=True)
        axis.set_ylabel("nodes")
        axis.set_title(f"{pool.key} ({pool.hardware.part}){kept}", loc="left", fontsize=10)
        if not number:
            axis.legend(ncol=3, loc="lower right", bbox_to_anchor=(1, 1.0), frameon=False, fontsize=9)
        _day_axis(axis, course)
    return _svg(figure, "load", "Load on each kind of hardware, hour by hour")


def _days(course: Course, bookings: Sequence[Booking]) -> tuple[list[int], list[int]]:
    """Per complete student: finish day, and days later than alone."""
    finish, wait = [], []
    mine = by_unit(course, bookings)
    for unit in course.units:
        if is_complete(course, mine[unit.netid]):
            day = finish_day(course, mine[unit.netid])
            finish += [day] * unit.weight
            wait += [day - unit.alone_day] * unit.weight
    return finish, wait


def _ways(course: Course, bookings: Sequence[Booking]) -> list[Sequence[Booking]]:
    return [bookings, first_come_first_served(course), at_the_deadline(course)]


def finish_chart(course: Course, bookings: Sequence[Booking]) -> str:
    """How many students have finished by each day, with the plan and both naive ways."""
    figure, axes = _figure(height=3.2)
    axis = axes[0][0]
    first = course.start.astimezone(course.tz).replace(hour=0)
    days = [first + timedelta(days=day) for day in range(course.days + 1)]
    for (name, colour), way in zip(WAYS.items(), _ways(course, bookings), strict=True):
        finish, _ = _days(course, way)
        counts = np.cumsum(np.bincount(finish, minlength=course.days)) if finish else np.zeros(course.days)
        axis.stairs(counts, days, color=colour, lw=2, label=f"{name}: {len(finish)} of {course.total}", baseline=None)
    axis.axhline(course.total, color=INK, lw=1)
    axis.axvline(course.due.astimezone(course.tz), color=INK, lw=1, ls="--")
    axis.set_ylabel("students finished")
    axis.set_ylim(0, course.total * 1.08)
    _day_axis(axis, course)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=3, frameon=False)
    return _svg(figure, "finish", "Students who have finished by each day, with the plan and without")


def wait_chart(course: Course, bookings: Sequence[Booking]) -> str:
    """Days that students finish later than they could alone."""
    figure, axes = _figure(height=3.0)
    axis = axes[0][0]
    waits = [_days(course, way)[1] for way in _ways(course, bookings)]
    top = max((max(wait) for wait in waits if wait), default=0)
    for number, ((name, colour), wait) in enumerate(zip(WAYS.items(), waits, strict=True)):
        counts = np.bincount(wait, minlength=top + 1) if wait else np.zeros(top + 1)
        axis.bar(np.arange(top + 1) + (number - 1) * 0.28, counts, 0.27, color=colour, label=name)
    axis.set_xticks(range(top + 1))
    axis.set_xlabel("days later than with the nodes to oneself")
    axis.set_ylabel("students")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=3, frameon=False)
    return _svg(figure, "wait", "Students by days that they finish later than they could alone")


def simulation_chart(result: Simulation) -> str:
    """Share of students finished, and of terms in which everyone did, by days after the due date."""
    figure, axes = _figure(height=3.0)
    axis = axes[0][0]
    days = [one.days for one in result.by_day]
    for label, colour, values, lows, highs in (
        (
            "students finished (mean)",
            BLUE,
            [d.share for d in result.by_day],
            [d.low for d in result.by_day],
            [d.high for d in result.by_day],
        ),
        (
            "terms in which everyone finished",
            GREEN,
            [d.all_share for d in result.by_day],
            [d.all_low for d in result.by_day],
            [d.all_high for d in result.by_day],
        ),
    ):
        error = [np.subtract(values, lows).clip(0), np.subtract(highs, values).clip(0)]
        axis.errorbar(days, values, yerr=error, color=colour, marker="o", capsize=3, label=label)
    axis.set_xlabel("days after the due date")
    axis.set_ylabel("share")
    axis.set_ylim(0, 1.05)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=2, frameon=False)
    return _svg(
        figure, "simulation", "Share of students finished, and of terms in which all did, by days after the due date"
    )
