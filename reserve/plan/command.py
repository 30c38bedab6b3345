"""The bodies of `servelab plan`: make a plan, apply it, check it, make it again after a change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reserve import hardware
from reserve.calendar import Calendar, from_text, to_text
from reserve.plan.change.apply import Make, apply, due_now, on_testbed
from reserve.plan.change.check import Held, check, summary, without_own
from reserve.plan.change.explain import changes, who_is_left
from reserve.plan.change.replan import moves_text, replan
from reserve.plan.change.simulate import Simulation, simulate
from reserve.plan.course.course import Course
from reserve.plan.course.inputs import Inputs, local_moment, what_if
from reserve.plan.course.pools import read_calendars, save_calendars
from reserve.plan.course.roster import read_roster
from reserve.plan.course.rules import Rules, load_rules
from reserve.plan.course.schedule import Booking, Plan, faults
from reserve.plan.course.windows import zone_named
from reserve.plan.show.ics import write_calendars
from reserve.plan.show.page import gap_text, page, verdict
from reserve.plan.show.table import command, command_lines, read_plan, write_plan
from reserve.plan.solve.baselines import compare
from reserve.plan.solve.solve import make_plan
from snippets.errors import PlanError, StorageError, UsageError

SETTINGS = "plan.json"


@dataclass(frozen=True)
class PlanWishes:
    """What was typed."""

    out: Path
    roster: Path | None = None
    what_if: str = ""
    due: str = ""
    tz: str = ""
    start: str = ""
    calendar: Path | None = None
    rules: Path | None = None
    simulate: int = 0
    seconds: float = 30.0
    missed: tuple[str, ...] = ()


def live_calendars(rules: Rules) -> dict[str, Calendar]:
    """Today's calendars of every kind of hardware of the planned parts, asked of the testbed."""
    from reserve.desk import Desk

    desk = Desk()
    parts = {part.name for part in rules.parts}
    found = {}
    for key, kind in hardware.load().items():
        if kind.part in parts:
            site = desk.site(kind.site)
            site.sign_in()
            found[key] = site.calendar(kind)
    return found


def live_leases(bookings: Sequence[Booking]) -> dict[str, Held]:
    """The course's planned leases that the testbed has."""
    from reserve.desk import Desk

    desk, found = Desk(), {}
    for booking in bookings:
        site = desk.site(booking.site)
        site.sign_in()
        lease = site.find_lease(booking.lease)
        if lease is not None and lease.status not in ("TERMINATED", "DELETED", "ERROR"):
            found[lease.name] = Held(lease.name, lease.start, lease.end)
    return found


def _inputs(wishes: PlanWishes, now: datetime) -> Inputs:
    rules = load_rules(wishes.rules)
    tz = zone_named(wishes.tz or "UTC", "--tz")
    start = local_moment(wishes.start, tz, "--from") if wishes.start else now
    due = local_moment(wishes.due, tz, "--due") if wishes.due else None
    if wishes.what_if:
        if wishes.roster or wishes.calendar:
            raise UsageError("--what-if needs no --roster and no --calendar: leave them out")
        return what_if(wishes.what_if, rules, hardware.load(), tz, start, due)
    if wishes.roster is None or due is None:
        raise UsageError("give --roster FILE and --due TIME (and --tz ZONE), or --what-if, to make a plan")
    students = read_roster(wishes.roster, wishes.tz or "UTC")
    calendars = read_calendars(wishes.calendar) if wishes.calendar else live_calendars(rules)
    return Inputs(tuple(students), rules, hardware.load(), calendars, start, due, tz)


def _base_hours(course: Course) -> dict[str, int]:
    return {pool.key: pool.hardware.block_hours for pool in course.pools}


def write_all(wishes: PlanWishes, inputs: Inputs, course: Course, plan: Plan, html: str, now: datetime) -> None:
    """plan.csv, plan.html, commands.txt, calendar.json, *.ics and plan.json under the output folder."""
    out = wishes.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        lines = command_lines(plan.bookings, _base_hours(course), inputs.rules.name_nodes)
        base = _base_hours(course)
        by_lease = {b.lease: command(b, base[b.hardware], inputs.rules.name_nodes) for b in plan.bookings}
        text = "".join(f"# {one.netid}\n" + "".join(f"{line}\n" for line in one.commands) for one in lines)
        (out / "commands.txt").write_text(text, encoding="utf-8")
        if html:
            (out / "plan.html").write_text(html, encoding="utf-8")
        save_calendars(out / "calendar.json", inputs.calendars.values())
        zones = {student.netid: student.tz for student in inputs.students}
        write_calendars(out, plan.bookings, zones, inputs.tz, now, by_lease)
        settings = {
            "start": to_text(inputs.start),
            "due": to_text(inputs.due),
            "tz": inputs.tz.key,
            "roster": str(wishes.roster.resolve()) if wishes.roster else "",
            "what_if": wishes.what_if,
            "rules": str(wishes.rules.resolve()) if wishes.rules else "",
        }
        (out / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        write_plan(out / "plan.csv", plan.bookings)
    except OSError as error:
        raise StorageError(f"cannot write the plan to {out}: {error.strerror or error}; name another --out") from None


def _goals(plan: Plan) -> list[str]:
    return [
        f"  {s.text}: {s.value:.0f} (bound {'-' if s.bound is None else format(s.bound, '.0f')}; {gap_text(s)})"
        for s in plan.stages
    ]


def make(wishes: PlanWishes, now: datetime | None = None) -> str:
    """Make a plan, write it, and say how good it is."""
    now = now or datetime.now(UTC)
    inputs = _inputs(wishes, now)
    course = inputs.course()
    inputs = replace(inputs, start=course.start)
    plan = make_plan(course, wishes.seconds)
    broken = faults(course, plan.bookings)
    if broken:
        raise PlanError(f"the plan breaks a rule, which is an error of the kit; please report it: {broken[0]}")
    left = who_is_left(course, plan)
    tried = changes(inputs, course, plan, max(4.0, wishes.seconds / 4)) if left else []
    result: Simulation | None = None
    if wishes.simulate:
        result = simulate(inputs, plan.bookings, wishes.simulate)
    write_all(wishes, inputs, course, plan, page(course, plan, left, tried, result), now)
    say = [verdict(course, plan), *_goals(plan)]
    say += [f"cannot finish: {' + '.join(one.netids)} lacks {', '.join(one.missing)}: {one.text}" for one in left[:20]]
    if len(left) > 20:
        say.append(f"... and {len(left) - 20} more: see plan.html")
    if tried:
        say.append("changes that would admit more (each planned again to make sure):")
        say += [f"  {one.text}: {one.complete} finish, {one.admits} more" for one in tried]
    for one in compare(course, plan.bookings):
        say.append(
            f"{one.name}: {one.complete} finish, {one.mean_wait:.1f} days later than alone on average, "
            f"{one.worst_wait} at worst"
        )
    if result is not None:
        for day in result.by_day[::2]:
            say.append(
                f"with failures, {day.days} days after the due date: {100 * day.share:.1f} % of students finished "
                f"({100 * day.low:.1f} to {100 * day.high:.1f}), everyone in {100 * day.all_share:.0f} % of terms "
                f"({100 * day.all_low:.0f} to {100 * day.all_high:.0f})"
            )
    say.append(f"written to {wishes.out}: plan.html, plan.csv, commands.txt, course.ics, students/*.ics")
    return "\n".join(say)


def _saved(wishes: PlanWishes) -> tuple[PlanWishes, tuple[Booking, ...]]:
    """The plan under --out and the wishes it was made from, with those typed now on top."""
    bookings = read_plan(wishes.out / "plan.csv")
    try:
        settings = json.loads((wishes.out / SETTINGS).read_text(encoding="utf-8"))
        start, due, tz = settings["start"], settings["due"], settings["tz"]
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanError(f"{wishes.out / SETTINGS} is missing or damaged; make the plan again") from None
    roster = wishes.roster or (Path(settings["roster"]) if settings.get("roster") else None)
    rules = wishes.rules or (Path(settings["rules"]) if settings.get("rules") else None)
    tz = wishes.tz or tz
    return replace(
        wishes,
        roster=roster,
        what_if=wishes.what_if or settings.get("what_if", ""),
        start=start,
        tz=tz,
        due=wishes.due or due,
        rules=rules,
    ), bookings


def check_plan(wishes: PlanWishes, now: datetime | None = None) -> str:
    """Compare the plan with the calendar (`--calendar`, else the testbed's)."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    if wishes.calendar:
        return summary(check(bookings, read_calendars(wishes.calendar), now, rules.ahead_days))
    return summary(check(bookings, live_calendars(rules), now, rules.ahead_days, live_leases(bookings)))


def apply_plan(
    wishes: PlanWishes, now: datetime | None = None, dry: bool = False, make_lease: Make | None = None
) -> str:
    """Make the leases that are due (`dry`: print the lines that would)."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    if dry:
        base = {key: kind.block_hours for key, kind in hardware.load().items()}
        lines = [command(b, base[b.hardware], rules.name_nodes) for b in due_now(bookings, now, rules.ahead_days)]
        return "\n".join(lines) or "no lease is due yet"
    done = apply(bookings, now, rules.ahead_days, make_lease or on_testbed())
    refused = [one for one in done if one.state == "refused"]
    counts = {state: sum(one.state == state for one in done) for state in ("made", "refused", "later")}
    text = f"{counts['made']} leases there, {counts['refused']} refused, {counts['later']} not due yet"
    if refused:
        raise PlanError(
            text
            + "\n"
            + "\n".join(f"  {one.booking.lease}: {one.text}" for one in refused)
            + "\n  `servelab plan --replan` finds other times"
        )
    return text


def replan_class(wishes: PlanWishes, now: datetime | None = None) -> str:
    """New times after a change of roster, calendar, rules or due date; rewrites the plan and says who moves."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    calendar = wishes.calendar
    if wishes.what_if:
        inputs = _inputs(replace(wishes, calendar=None), now)
        calendars = read_calendars(calendar or wishes.out / "calendar.json")
        held = None
    else:
        inputs = _inputs(wishes, now)
        calendars, held = dict(inputs.calendars), None if calendar else live_leases(bookings)
    clean = {key: without_own(one, bookings, held) for key, one in calendars.items()}
    inputs = replace(inputs, calendars=clean)
    missed = []
    for item in wishes.missed:
        netid, colon, part = item.partition(":")
        if not colon or part not in {rule.name for rule in inputs.rules.parts}:
            raise UsageError(f"--missed {item!r} is not NETID:PART, for example ab123:model")
        missed.append((netid.lower(), part))
    course = inputs.course()
    result = replan(course, bookings, now, missed, wishes.seconds)
    plan = Plan(result.bookings)
    write_all(wishes, inputs, course, plan, "", now)
    return moves_text(result) + f"\nwritten to {wishes.out}"


def from_saved_time(text: str) -> datetime:
    """`--now`, for rehearsing what a later day would bring; UTC unless it says otherwise."""
    try:
        return from_text(text)
    except ValueError:
        raise UsageError(f"--now: {text!r} is not a time such as 2027-03-10T08:00Z") from None
