"""plan.html: the plan in words, tables and charts; one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from reserve.plan.change.explain import Change, Left
from reserve.plan.change.policies import DryRun, difference_text, percent
from reserve.plan.change.simulate import Simulation
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, Plan, Stage
from reserve.plan.show.charts import finish_chart, load_chart, simulation_chart, wait_chart
from reserve.plan.show.cost import cost, per_student
from reserve.plan.solve.baselines import compare
from snippets.pages import environment

PERCENT_FROM = 20  # a share of a smaller bound says less than the difference


def verdict(course: Course, plan: Plan) -> str:
    """`187 of 191 can finish by ...; no plan can do better`."""
    stage = plan.stages[0]
    when = course.due.astimezone(course.tz).strftime("%a %b %d %Y %H:%M %Z")
    if stage.bound is None:
        proof = ""
    elif stage.value >= stage.bound:
        proof = "" if stage.value >= course.total else "; proven: no plan admits more"
    else:
        proof = f"; proven: no plan admits more than {stage.bound:.0f}"
    own = any(student.due for unit in course.units for student in unit.students)
    by = f"{when} or their own due date" if own else when
    return f"{stage.value:.0f} of {course.total} students can finish by {by}{proof}."


def gap_text(stage: Stage) -> str:
    """How far the goal is from what no plan can beat, in words."""
    if stage.gap is None or stage.distance is None or stage.bound is None:
        return "no bound proven in the time given"
    if not stage.distance:
        return "proven best"
    if stage.bound < PERCENT_FROM:
        return f"{stage.distance:.0f} {'below' if stage.maximise else 'above'} the bound"
    return f"within {100 * stage.gap:.1f} % of the bound"


def _cell(value: object) -> str:
    """How a value stands in a table: one decimal for a number that is not whole by kind."""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Findings:
    """What there is to say of a plan besides itself. `moved`: who moves, a line each, where a plan was made again;
    `crowding`: what the testbed's operators would ask about; `scarcest`: what the class lacks, in a sentence."""

    left: Sequence[Left] = ()
    changes: Sequence[Change] = ()
    simulation: Simulation | None = None
    dry_run: DryRun | None = None
    moved: Sequence[str] | None = None
    crowding: Sequence[str] = ()
    scarcest: str = ""


def page(course: Course, plan: Plan, findings: Findings) -> str:
    """The whole page as HTML text: page.html.j2 beside this module, with everything but the charts escaped."""
    template = resources.files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    templates = environment()
    templates.filters["cell"] = _cell
    hours = per_student(plan.bookings)
    result = findings.simulation
    charts = {
        "load": load_chart(course, plan.bookings),
        "finish": finish_chart(course, plan.bookings),
        "wait": wait_chart(course, plan.bookings),
        "simulation": simulation_chart(result) if result else "",
    }
    return templates.from_string(template).render(
        verdict=verdict(course, plan),
        leases=len(plan.bookings),
        start=f"{course.start.astimezone(course.tz):%a %b %d %H:%M %Z}",
        zone=course.tz.key,
        seconds=f"{plan.seconds:.0f}",
        moved=findings.moved,
        crowding=findings.crowding,
        scarcest=findings.scarcest,
        timetable=_timetable(course, plan),
        parts=course.parts,
        left=[[" + ".join(one.netids), ", ".join(one.missing), one.text] for one in findings.left],
        changes=[[c.text, c.complete, c.admits] for c in findings.changes],
        goals=_goals(plan),
        ways=_ways(course, plan),
        costs=_costs(course, plan),
        hours_each=f"{sum(hours.values()) / len(hours) if hours else 0.0:.1f}",
        simulated=_simulated(result) if result else None,
        dry_run=_dry_run(findings.dry_run) if findings.dry_run else None,
        charts=charts,
    )


def _goals(plan: Plan) -> list[list[object]]:
    return [
        [number, stage.text, int(stage.value), "-" if stage.bound is None else int(stage.bound), gap_text(stage)]
        for number, stage in enumerate(plan.stages, 1)
    ]


def _timetable(course: Course, plan: Plan) -> list[list[str]]:
    """A row a student: netid, zone, and for each part the local start and the node, or a dash."""
    mine: dict[tuple[str, str], Booking] = {(netid, b.part): b for b in plan.bookings for netid in b.netids}
    rows = []
    for student in (student for unit in course.units for student in unit.students):
        cells = []
        for part in course.parts:
            booking = mine.get((student.netid, part))
            when = f"{booking.start.astimezone(student.tz):%a %b %d %H:%M}, {booking.node}" if booking else "-"
            cells.append(when)
        rows.append([student.netid, student.tz.key, *cells])
    return sorted(rows)


def _ways(course: Course, plan: Plan) -> list[list[object]]:
    return [
        [o.name, o.complete, o.worst_wait, o.mean_wait, o.mean_finish, o.missed, o.late_hours]
        for o in compare(course, plan.bookings)
    ]


def _costs(course: Course, plan: Plan) -> list[list[object]]:
    return [
        [c.hardware, c.part, c.leases, c.node_hours, c.units, c.idle_hours, c.saved_units]
        for c in cost(course, plan.bookings)
    ]


def _simulated(result: Simulation) -> dict[str, object]:
    rows = [
        [
            day.days,
            f"{100 * day.share:.1f} % ({100 * day.low:.1f} to {100 * day.high:.1f})",
            f"{100 * day.all_share:.0f} % ({100 * day.all_low:.0f} to {100 * day.all_high:.0f})",
        ]
        for day in result.by_day
    ]
    return {"terms": result.terms, "lost": f"{result.lost_blocks:.0f}", "rows": rows}


def _dry_run(found: DryRun) -> dict[str, object]:
    """For each way of booking: a row a policy, and a row for every two of them in each measure."""
    ways = []
    for way in dict.fromkeys(row.way for row in found.rows):
        rows = [
            [row.policy, percent(row.by_date), percent(row.in_time), f"{row.lost:.0f}"]
            for row in found.rows
            if row.way == way
        ]
        pairs = [
            [one.measure, difference_text(one), "differ" if one.differs else "not told apart"]
            for one in found.differences
            if one.way == way
        ]
        ways.append({"name": way, "rows": rows, "pairs": pairs})
    return {"terms": found.terms, "ways": ways}
