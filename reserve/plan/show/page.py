"""plan.html: the plan in words, tables and charts; one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reserve.plan.change.explain import Change, Left
from reserve.plan.change.simulate import Simulation
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Plan, Stage
from reserve.plan.show.charts import finish_chart, load_chart, simulation_chart, wait_chart
from reserve.plan.show.cost import cost, per_student
from reserve.plan.solve.baselines import compare

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .9rem .25rem 0;
border-bottom:1px solid #d8dde3}td.n,th.n{text-align:right}svg{max-width:100%;height:auto}h1{font-size:1.6rem}
h2{font-size:1.2rem;margin-top:2rem}.say{font-size:1.1rem}"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Numbers to the right, text to the left."""

    def cell(value: object, tag: str, number: bool) -> str:
        text = f"{value:.1f}" if isinstance(value, float) else str(value)
        return f"<{tag}{' class=n' if number else ''}>{escape(text)}</{tag}>"

    numeric = [bool(rows) and isinstance(rows[0][i], int | float) for i in range(len(head))]
    body = "".join("<tr>" + "".join(cell(v, "td", numeric[i]) for i, v in enumerate(row)) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(cell(h, "th", numeric[i]) for i, h in enumerate(head)) + f"</tr>{body}</table>"


def verdict(course: Course, plan: Plan) -> str:
    """`187 of 191 can finish by ...; no plan can do better`."""
    stage = plan.stages[0]
    when = course.due.astimezone(course.tz).strftime("%a %b %d %Y %H:%M %Z")
    if stage.bound is not None and stage.value >= stage.bound:
        proof = "" if stage.value >= course.total else "; proven: no plan admits more"
    else:
        bound = "unknown" if stage.bound is None else f"{stage.bound:.0f}"
        proof = f"; proven: no plan admits more than {bound}"
    return f"{stage.value:.0f} of {course.total} students can finish by {when}{proof}."


def gap_text(stage: Stage) -> str:
    """How far the goal is from what no plan can beat, in words."""
    if stage.gap is None:
        return "no bound proven in the time given"
    return "proven best" if stage.gap == 0 else f"within {100 * stage.gap:.1f} % of the bound"


def page(course: Course, plan: Plan, left: Sequence[Left], changes: Sequence[Change], result: Simulation | None) -> str:
    """The whole page as HTML text."""
    goals = [
        [n + 1, s.text, int(s.value), "-" if s.bound is None else int(s.bound), gap_text(s)]
        for n, s in enumerate(plan.stages)
    ]
    ways = [
        [o.name, o.complete, o.worst_wait, o.mean_wait, o.mean_finish, o.missed, o.late_hours]
        for o in compare(course, plan.bookings)
    ]
    costs = [
        [c.hardware, c.part, c.leases, c.node_hours, c.units, c.idle_hours, c.saved_units]
        for c in cost(course, plan.bookings)
    ]
    hours = per_student(plan.bookings)
    mean = sum(hours.values()) / len(hours) if hours else 0.0
    out = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Plan of the class</title><style>{STYLE}</style>",
        f"<h1>Plan of the class</h1><p class=say>{escape(verdict(course, plan))}</p>",
        f"<p>{len(plan.bookings)} leases, from {course.start.astimezone(course.tz):%a %b %d %H:%M %Z}. "
        f"Times on this page: {escape(course.tz.key)}. Made in {plan.seconds:.0f} s.</p>",
    ]
    if left:
        rows = [[" + ".join(one.netids), ", ".join(one.missing), one.text] for one in left]
        out += ["<h2>Who cannot finish, and why</h2>", table(["student", "missing", "why"], rows)]
        if changes:
            found = [[c.text, c.complete, c.admits] for c in changes]
            out += [
                "<p>Changes that would admit more, each verified by planning again:</p>",
                table(["change", "students who finish", "more than now"], found),
            ]
    out += [
        "<h2>Goals, most important first</h2>",
        "<p>Each goal is pursued without giving up those before it. The bound is what no plan can beat, given "
        "what was reached on the goals before.</p>",
        table(["", "goal", "reached", "bound", ""], goals),
        "<h2>Load</h2>",
        load_chart(course, plan.bookings),
        "<h2>When students finish</h2>",
        finish_chart(course, plan.bookings),
        "<h2>Waiting</h2>",
        wait_chart(course, plan.bookings),
        "<h2>Against no plan, on the same input</h2>",
        table(
            [
                "",
                "finish",
                "worst wait, days",
                "mean wait, days",
                "mean finish day",
                "blocks not as preferred",
                "node-hours in the last hours",
            ],
            ways,
        ),
        "<h2>Cost</h2>",
        f"<p>{mean:.1f} node-hours a student. Idle: what would be paid for and not used if as many nodes as are ever "
        "needed at once were held from the first block to the last.</p>",
        table(["hardware", "part", "leases", "node-hours", "units", "idle node-hours avoided", "units saved"], costs),
    ]
    if result is not None:
        ends = [
            [
                d.days,
                f"{100 * d.share:.1f} % ({100 * d.low:.1f} to {100 * d.high:.1f})",
                f"{100 * d.all_share:.0f} % ({100 * d.all_low:.0f} to {100 * d.all_high:.0f})",
            ]
            for d in result.by_day
        ]
        out += [
            "<h2>With failures</h2>",
            f"<p>{result.terms} simulated terms, {result.lost_blocks:.0f} lost blocks in each on average; "
            "95 % confidence intervals in brackets.</p>",
            simulation_chart(result),
            table(["days after the due date", "students finished", "everyone finished"], ends),
        ]
    return "\n".join(out) + "\n</html>\n"
