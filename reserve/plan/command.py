"""The bodies of `servelab plan`: make a plan, apply it, check it, make it again after a change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reserve import hardware
from reserve.calendar import Calendar, from_text, to_text
from reserve.hardware import Hardware
from reserve.plan.change.apply import Makes, apply, due_now, hold
from reserve.plan.change.check import check, crowding, summary
from reserve.plan.change.explain import PRICED_S, Change, Left, changes, scarcest_text, who_is_left
from reserve.plan.change.policies import DryRun, dry_run, dry_run_text
from reserve.plan.change.replan import moves_text, replan
from reserve.plan.change.requests import answers_text, read_requests, take
from reserve.plan.change.simulate import Simulation, simulate
from reserve.plan.change.testbed import Hands, View, look
from reserve.plan.course.course import Course
from reserve.plan.course.inputs import Inputs, what_if
from reserve.plan.course.pools import read_calendars, save_calendars
from reserve.plan.course.roster import check_dates, read_roster
from reserve.plan.course.rules import Rules, load_rules
from reserve.plan.course.schedule import Booking, Plan, completed, faults
from reserve.plan.course.windows import local_moment, zone_named
from reserve.plan.show.ics import Edition, write_calendars
from reserve.plan.show.mail import write_events, write_messages
from reserve.plan.show.page import Findings, gap_text, page, verdict
from reserve.plan.show.table import EARLIER, command, command_lines, keep_earlier, read_earlier, read_plan, write_plan
from reserve.plan.solve.baselines import compare
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.solve import make_plan
from snippets.course import course
from snippets.errors import PlanError, StorageError, UsageError
from snippets.parts import KIT

SETTINGS = "plan.json"
CHANGES_SHARE = 0.4  # of the time, for changes that would admit those who are left


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
    dry_run: int = 0
    seconds: float = 30.0
    missed: tuple[str, ...] = ()
    requests: Path | None = None
    say: Callable[[str], None] | None = None  # told how far it is


def for_course(wishes: PlanWishes, now: datetime) -> PlanWishes:
    """The wishes, with the dates, zone and roster of the course's own settings for what nobody typed.

    A what-if with so many weeks keeps these, and none has a roster; a start that has passed is now. Raises UsageError
    for settings that cannot be read.
    """
    found = course()
    if "weeks" in wishes.what_if:
        return replace(wishes, tz=wishes.tz or found.tz)
    tz = wishes.tz or found.tz
    begins = local_moment(found.start, zone_named(tz or "UTC", "--tz"), "--from") if found.start else now
    roster = wishes.roster or (KIT / found.roster if found.roster and not wishes.what_if else None)
    return replace(
        wishes,
        tz=tz,
        start=wishes.start or (found.start if begins > now else ""),
        due=wishes.due or found.due,
        roster=roster,
    )


@dataclass(frozen=True)
class Outcome:
    """What is to be said, and what keeps the command from ending well ('' : nothing does)."""

    text: str
    problem: str = ""


def live_view(rules: Rules, earlier: Sequence[Booking] = ()) -> View:
    """The testbed as it is now: calendars of the planned parts' hardware, and the project's leases."""
    from reserve.desk import Desk

    return look(Desk(), rules, earlier)


def _inputs(wishes: PlanWishes, now: datetime, view: View | None = None) -> Inputs:
    rules = load_rules(wishes.rules)
    tz = zone_named(wishes.tz or "UTC", "--tz")
    start = local_moment(wishes.start, tz, "--from") if wishes.start else now
    due = local_moment(wishes.due, tz, "--due", last=True) if wishes.due else None
    if wishes.what_if:
        if wishes.roster or wishes.calendar:
            raise UsageError("--what-if needs no --roster and no --calendar: leave them out")
        return what_if(wishes.what_if, rules, hardware.offered(), tz, start, due)
    if wishes.roster is None or due is None:
        raise UsageError("give --roster FILE and --due TIME (and --tz ZONE), or --what-if, to make a plan")
    if not wishes.tz and datetime.fromisoformat(wishes.due.strip()).tzinfo is None:
        raise UsageError(f"--due {wishes.due} is by whose clock? Give the course's zone, --tz America/New_York")
    students = read_roster(wishes.roster, wishes.tz)
    check_dates(students, start, due, wishes.roster.name)
    if view is None:
        # Leases of the plan that this one replaces are the course's own.
        view = _view(wishes, rules, read_plan(wishes.out / "plan.csv") if (wishes.out / "plan.csv").exists() else ())
    return Inputs(tuple(students), rules, hardware.offered(), view.free_of_own(()), start, due, tz)


def _base_hours(table: Mapping[str, Hardware]) -> dict[str, int]:
    return {key: kind.block_hours for key, kind in table.items()}


def write_all(wishes: PlanWishes, inputs: Inputs, plan: Plan, html: str, now: datetime) -> None:
    """plan.csv, plan.html, commands.txt, messages, calendar.json, calendars and plan.json under the output folder. A
    plan that was there is kept under earlier/."""
    out = wishes.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        keep_earlier(out, now)
        base = _base_hours(inputs.table)
        lines = command_lines(plan.bookings, base, inputs.rules.name_nodes)
        by_lease = {b.lease: command(b, base[b.hardware], inputs.rules.name_nodes) for b in plan.bookings}
        text = "".join(f"# {one.netid}\n" + "".join(f"{line}\n" for line in one.commands) for one in lines)
        (out / "commands.txt").write_text(text, encoding="utf-8")
        (out / "plan.html").write_text(html, encoding="utf-8")
        save_calendars(out / "calendar.json", inputs.calendars.values())
        zones = {student.netid: student.tz for student in inputs.students}
        number = len(list((out / EARLIER).glob("*.csv")))
        edition = Edition(f"{inputs.start:%Y%m%d}", number, now, by_lease)
        write_calendars(out, plan.bookings, zones, inputs.tz, edition, read_earlier(out))
        write_events(out / "course.csv", plan.bookings, inputs.tz, by_lease)
        write_messages(out, plan.bookings, zones, by_lease, [part.name for part in inputs.rules.parts])
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


def _without_time(left: Sequence[Left], total: int) -> str:
    """The sentence with which a command ends that leaves students without a time."""
    if not left:
        return ""
    count = sum(len(one.netids) for one in left)
    names = ", ".join(" + ".join(one.netids) for one in left[:5]) + (", ..." if left[5:] else "")
    return (
        f"{count} of {total} students cannot finish: {names}. The reasons are above; the plan is written all the same. "
        "Change the due date, the rules or their times, and plan again."
    )


def _reasons(left: Sequence[Left]) -> list[str]:
    say = [f"cannot finish: {' + '.join(one.netids)} lacks {', '.join(one.missing)}: {one.text}" for one in left[:20]]
    return [*say, f"... and {len(left) - 20} more: see plan.html"] if left[20:] else say


def make(wishes: PlanWishes, now: datetime | None = None) -> Outcome:
    """Make a plan, write it, and say how good it is."""
    now = now or datetime.now(UTC)
    budget = Effort(wishes.seconds)
    wishes = for_course(wishes, now)
    inputs = _inputs(wishes, now)
    if not wishes.what_if and inputs.start < now - timedelta(hours=1):
        raise UsageError(f"--from {wishes.start} has passed: nobody can be given a block then. Leave --from out")
    course = inputs.course()
    inputs = replace(inputs, start=course.start)
    # Of the time, some is kept for drawing, and some for trying changes where somebody may be left.
    drawing_s = min(3.0, wishes.seconds / 5)
    plan = make_plan(course, max(1.0, budget.left() - drawing_s), wishes.say, CHANGES_SHARE)
    broken = faults(course, plan.bookings)
    if broken:
        raise PlanError(f"the plan breaks a rule, which is an error of the kit; please report it: {broken[0]}")
    left = who_is_left(course, plan)
    lacks = scarcest_text(course, min(PRICED_S, wishes.seconds / 10)) if left else ""
    tried: list[Change] = []
    result: Simulation | None = None
    compared: DryRun | None = None
    stopped = plan.stopped
    if not stopped:
        try:
            if left:
                tried = changes(inputs, course, plan, budget.left() - drawing_s)
            if wishes.simulate:
                result = simulate(inputs, plan.bookings, wishes.simulate)
            if wishes.dry_run:
                compared = dry_run(inputs, wishes.dry_run, wishes.say)
        except KeyboardInterrupt:  # the plan is there: it is written, without what was not finished
            stopped = True
    asked = crowding(plan.bookings, inputs.calendars, inputs.start)
    findings = Findings(left, tried, result, compared, crowding=asked, scarcest=lacks)
    write_all(wishes, inputs, plan, page(course, plan, findings), now)
    say = [verdict(course, plan), *_goals(plan)]
    if stopped:
        say.append("stopped with Ctrl-C: this is the best plan so far; changes and failures were not tried to the end")
    say += [*_reasons(left), *([f"over the whole class, {lacks}"] if lacks else [])]
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
    say += asked
    if compared is not None:
        say += dry_run_text(compared)
    say.append(
        f"written to {wishes.out}: plan.html, plan.csv, commands.txt, messages/, course.ics, course.csv, students/*.ics"
    )
    return Outcome("\n".join(say), _without_time(left, course.total))


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


def _view(wishes: PlanWishes, rules: Rules, replaced: Sequence[Booking] = ()) -> View:
    if wishes.calendar:
        return View(read_calendars(wishes.calendar), known=False)
    return live_view(rules, (*read_earlier(wishes.out), *replaced))


def check_plan(wishes: PlanWishes, now: datetime | None = None) -> Outcome:
    """Compare the plan with the calendar (`--calendar`, else the testbed's)."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    view = _view(wishes, rules)
    text = summary(check(bookings, view, now, rules.ahead_days))
    text += "".join(f"\n{line}" for line in crowding(bookings, view.calendars, now))
    old = view.left_over(bookings)
    if old:
        text += f"\n{len(old)} leases are left from an earlier plan: `servelab plan --apply` gives them back"
    return Outcome(text)


def apply_plan(
    wishes: PlanWishes, now: datetime | None = None, dry: bool = False, hands: Makes | None = None
) -> Outcome:
    """Make the leases that are due (`dry`: print the lines that would)."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    if dry:
        base = _base_hours(hardware.load())
        lines = [command(b, base[b.hardware], rules.name_nodes) for b in due_now(bookings, now, rules.ahead_days)]
        return Outcome("\n".join(lines) or "no lease is due yet")
    from reserve.desk import Desk

    desk = Desk(voice=lambda text: None)
    view = look(desk, rules, read_earlier(wishes.out))
    done = apply(bookings, view, now, rules.ahead_days, hands or Hands(desk))
    refused = [one for one in done if one.state == "refused"]
    counts = {state: sum(one.state == state for one in done) for state in ("made", "refused", "later", "given back")}
    text = f"{counts['made']} leases there, {counts['refused']} refused, {counts['later']} not due yet"
    if counts["given back"]:
        text += f", {counts['given back']} of an earlier plan given back"
    if refused:
        raise PlanError(
            text
            + "\n"
            + "\n".join(f"  {one.name}: {one.text}" for one in refused)
            + "\n  `servelab plan --replan` finds other times"
        )
    return Outcome(text)


def hold_plan(wishes: PlanWishes, now: datetime | None = None, hands: Makes | None = None) -> Outcome:
    """Make a placeholder for each planned time, in the instructor's name; `apply_plan` hands them over one by one."""
    now = now or datetime.now(UTC)
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    if not rules.placeholders:
        raise PlanError("[lease] placeholders of the rules names none: give it a name such as 'placeholder*'")
    from reserve.desk import Desk

    desk = Desk(voice=lambda text: None)
    view = look(desk, rules, read_earlier(wishes.out))
    done = hold(bookings, view, now, rules.placeholders[0], hands or Hands(desk))
    refused = [one for one in done if one.state == "refused"]
    text = f"{len(done) - len(refused)} times held, {len(refused)} refused"
    text += "".join(f"\n{line}" for line in crowding(bookings, view.calendars, now))
    if refused:
        raise PlanError(text + "".join(f"\n  {one.name}: {one.text}" for one in refused))
    return Outcome(text)


def _missed(wishes: PlanWishes, course: Course, bookings: Sequence[Booking]) -> list[tuple[str, str]]:
    """(netid that the lease carries, part) of each --missed. Raises UsageError for one that is not in the plan."""
    found = []
    for item in wishes.missed:
        netid, colon, part = item.strip().lower().partition(":")
        if not colon or part not in course.parts:
            raise UsageError(f"--missed {item!r} is not NETID:PART, for example ab123:model")
        mine = [b for b in bookings if netid in b.netids]
        if not mine:
            raise UsageError(
                f"--missed {item!r}: nobody in the plan has the netid {netid!r}; see {wishes.out}/plan.csv"
            )
        if not any(b.part == part for b in mine):
            raise UsageError(f"--missed {item!r}: {netid} has no {part} in the plan")
        found += [(b.netids[0], part) for b in mine if b.part == part]
    return found


@dataclass(frozen=True)
class _Today:
    """A saved plan in today's course: its bookings as they are made, and which of them have a lease. `inputs` with
    calendars that do not count the course's own leases."""

    wishes: PlanWishes
    inputs: Inputs
    bookings: tuple[Booking, ...]
    made: list[Booking]


def _today(wishes: PlanWishes, now: datetime) -> _Today:
    wishes, bookings = _saved(wishes)
    rules = load_rules(wishes.rules)
    if wishes.what_if:
        view = View(read_calendars(wishes.calendar or wishes.out / "calendar.json"), known=False)
        inputs = _inputs(replace(wishes, calendar=None), now)
    else:
        view = _view(wishes, rules)
        inputs = _inputs(wishes, now, view)
    made = [b for b in view.as_made(bookings) if view.lease_of(b)]
    bookings = tuple(view.as_made(bookings))
    calendars = {b.hardware: Calendar(b.hardware, {}) for b in bookings} | view.free_of_own(bookings)
    return _Today(wishes, replace(inputs, calendars=calendars), bookings, made)


def _rewritten(today: _Today, course: Course, bookings: Sequence[Booking], text: str, now: datetime) -> Outcome:
    """Write the changed plan. `text`: a headline, then a line for each change."""
    wishes, plan = today.wishes, Plan(tuple(bookings), (completed(course, bookings),))
    left = who_is_left(course, plan)
    moved = [line.strip() for line in text.splitlines()[1:]]
    write_all(wishes, today.inputs, plan, page(course, plan, Findings(left, moved=moved)), now)
    say = [text, *_reasons(left), f"written to {wishes.out}; the plan before is under {wishes.out / EARLIER}"]
    return Outcome("\n".join(say), _without_time(left, course.total))


def replan_class(wishes: PlanWishes, now: datetime | None = None) -> Outcome:
    """New times after a change of roster, calendar, rules or due date; rewrites the plan and says who moves."""
    now = now or datetime.now(UTC)
    today = _today(wishes, now)
    # The nodes kept for retries are there for just this.
    inputs = replace(today.inputs, rules=replace(today.inputs.rules, buffer_nodes=0))
    course = inputs.course(empty=True)
    missed = _missed(today.wishes, course, today.bookings)
    result = replan(course, today.bookings, now, missed, wishes.seconds, today.made)
    text = moves_text(result, [student.netid for student in inputs.students])
    return _rewritten(replace(today, inputs=inputs), course, result.bookings, text, now)


def take_requests(wishes: PlanWishes, now: datetime | None = None) -> Outcome:
    """Do what students ask for in a file, as far as it fits beside everybody else; rewrites the plan."""
    now = now or datetime.now(UTC)
    today = _today(wishes, now)
    course = today.inputs.course(empty=True)
    assert wishes.requests is not None, "the verb asks for nothing else"
    bookings, answers = take(course, today.bookings, read_requests(wishes.requests, course), now)
    return _rewritten(today, course, bookings, answers_text(answers), now)


def from_saved_time(text: str) -> datetime:
    """`--now`, for rehearsing what a later day would bring; UTC unless it says otherwise."""
    try:
        return from_text(text)
    except ValueError:
        raise UsageError(f"--now: {text!r} is not a time such as 2027-03-10T08:00Z") from None
