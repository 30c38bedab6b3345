"""`servelab plan` from the shell, its files, and the way from plan to leases on an emulated testbed."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from reserve.plan import command as command_module
from reserve.plan.change.explain import Left
from reserve.plan.course.pools import save_calendars
from reserve.plan.course.schedule import Booking
from reserve.plan.show.table import command, read_plan, write_plan
from servelab import cli
from snippets.errors import PlanError, UsageError
from tests.reserve.plan.small import inputs

SMALL = [
    "plan",
    "--what-if",
    "students=6,weeks=1,liqid=1,p100=1,pi5=1",
    "--tz",
    "America/New_York",
    "--from",
    "2027-03-08T00:00",
    "--seconds",
    "4",
]


def servelab(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False, standalone_mode=False)
    return result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("plan")
    return out, servelab(*SMALL, "--out", str(out), "--simulate", "3", "--dry-run", "3")


def test_a_plan_without_roster_or_account_is_made_and_written(made: tuple[Path, str]) -> None:
    out, text = made
    assert text.startswith("6 of 6 students can finish by Mon Mar 15 2027")
    assert len(read_plan(out / "plan.csv")) == 18
    page = (out / "plan.html").read_text()
    assert page.count("<svg") == 4 and page.count("Which policies differ") == 2
    assert "dry run of 3 terms" in text and "not told apart by these terms: " in text
    assert "http-equiv" not in page and "<script" not in page
    lines = (out / "commands.txt").read_text().splitlines()
    assert len([line for line in lines if line.startswith("servelab reserve")]) == 18
    assert re.match(
        r'servelab reserve model --start "2027-03-0[89] \d\d:00" --netid student\d{3} --site CHI@TACC '
        r"--node compute_liqid-01$",
        lines[1],
    )


def test_calendars_are_in_local_time_with_their_zones_and_right_across_summer_time(made: tuple[Path, str]) -> None:
    from icalendar import Calendar

    out, _ = made
    course = Calendar.from_ical((out / "course.ics").read_bytes())
    events = course.walk("VEVENT")
    bookings = {f"{b.lease}-20270308@servelab": b for b in read_plan(out / "plan.csv")}
    assert len(events) == 18
    assert [str(zone["TZID"]) for zone in course.walk("VTIMEZONE")] == ["America/New_York"]
    for event in events:
        booking = bookings[str(event["UID"])]
        assert event["DTSTART"].params["TZID"] == "America/New_York"
        assert event["DTSTART"].dt.astimezone(UTC) == booking.start
        assert event["DTEND"].dt.astimezone(UTC) == booking.end
    own = Calendar.from_ical((out / "students" / "student001.ics").read_bytes())
    assert len(own.walk("VEVENT")) == 3


def test_lines_check_and_replan_work_on_the_written_plan(made: tuple[Path, str], tmp_path: Path) -> None:
    out, _ = made
    calendar = str(out / "calendar.json")
    early = servelab("plan", "--lines", "--out", str(out), "--now", "2027-03-02T12:00")
    assert "servelab reserve" in early and early.count("\n") < 18
    long_before = ("--calendar", calendar, "--now", "2027-02-01T00:00")
    assert "18 free" in servelab("plan", "--check", "--out", str(out), *long_before)
    before = read_plan(out / "plan.csv")
    text = servelab("plan", "--replan", "--out", str(out), "--calendar", calendar, "--now", "2027-03-01T00:00")
    assert text.startswith("0 students or pairs move")
    assert read_plan(out / "plan.csv") == before
    model = next(b for b in before if b.part == "model")
    text = servelab(
        "plan",
        "--replan",
        "--out",
        str(out),
        "--calendar",
        calendar,
        "--now",
        f"{model.end:%Y-%m-%dT%H:%M}",
        "--missed",
        f"{model.netids[0]}:model",
    )
    assert f"{model.netids[0]} model:" in text


def test_requests_change_the_written_plan_and_say_what_became_of_each(made: tuple[Path, str], tmp_path: Path) -> None:
    first, _ = made
    out = tmp_path / "plan"
    shutil.copytree(first, out)
    before = read_plan(out / "plan.csv")
    last = max((b for b in before if b.part == "system"), key=lambda b: b.start)
    (tmp_path / "form.csv").write_text(
        f"netid,part,request,time,with\n{last.netids[0]},system,slot,2027-03-14T10:00,\n{last.netids[0]},model,wait,,\n"
    )
    words = ("plan", "--requests", str(tmp_path / "form.csv"), "--out", str(out), "--now", "2027-03-01T00:00")
    text = servelab(*words)
    assert text.startswith("1 of 2 requests done, nobody else moved")
    assert f"{last.netids[0]} system slot: Sun Mar 14 10:00 EDT on " in text and "refused: they have a time" in text
    after = read_plan(out / "plan.csv")
    assert [b for b in after if b not in before] == [b for b in after if b.netids == last.netids and b.part == "system"]
    assert len(after) == 18 and len(list((out / "earlier").glob("*.csv"))) >= 1
    assert "system slot: Sun Mar 14" in (out / "plan.html").read_text()
    assert "Sun Mar 14 2027 10:00" in (out / "messages" / f"{last.netids[0]}.txt").read_text()


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give --roster FILE and --due"):
        servelab("plan", "--out", str(tmp_path))
    with pytest.raises(PlanError, match="make a plan first"):
        servelab("plan", "--check", "--out", str(tmp_path))
    with pytest.raises(PlanError, match="--due: 'soon'"):
        servelab(*SMALL, "--due", "soon", "--out", str(tmp_path))
    with pytest.raises(PlanError, match="--tz: unknown time zone"):
        servelab("plan", "--what-if", "students=1,weeks=1", "--tz", "Moon")


def test_a_start_that_has_passed_and_a_due_date_by_nobodys_clock_are_refused(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("netid\na1\n")
    words = (
        "plan",
        "--roster",
        str(tmp_path / "roster.csv"),
        "--out",
        str(tmp_path / "plan"),
        "--calendar",
        "none.json",
    )
    with pytest.raises(UsageError, match="--due 2027-03-20 is by whose clock"):
        servelab(*words, "--due", "2027-03-20")
    calendar = tmp_path / "calendar.json"
    save_calendars(calendar, inputs(1).calendars.values())
    words = (*words[:-1], str(calendar), "--due", "2027-03-20", "--tz", "America/New_York")
    with pytest.raises(UsageError, match="--from 2027-03-01 has passed"):
        servelab(*words, "--from", "2027-03-01", "--now", "2027-03-05T12:00")
    assert servelab(*words, "--from", "2027-03-08", "--now", "2027-03-05T12:00", "--seconds", "3").startswith(
        "1 of 1 students can finish by Sat Mar 20 2027 23:59 EDT"
    )


@pytest.mark.parametrize("step", ["changes", "simulate", "dry_run"])
def test_ctrl_c_after_the_search_still_writes_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_module, step, interrupted)
    monkeypatch.setattr(command_module, "who_is_left", lambda course, plan: [Left(("a1",), ("edge",), "no time")])
    asked = command_module.PlanWishes(
        tmp_path,
        what_if="students=2,weeks=1,liqid=1,p100=1,pi5=1",
        start="2027-03-08",
        seconds=3,
        simulate=2,
        dry_run=2,
    )
    done = command_module.make(asked, datetime(2027, 3, 1, tzinfo=UTC))
    assert "stopped with Ctrl-C" in done.text and "2 students cannot finish: a1" in done.problem.replace("1 of ", "")
    assert len(read_plan(tmp_path / "plan.csv")) == 6


def test_a_plan_file_comes_back_as_it_was_and_a_damaged_row_is_named(tmp_path: Path) -> None:
    start = datetime(2027, 3, 9, 13, tzinfo=UTC)
    booking = Booking(("a1", "b2"), "edge", "raspberrypi5", "CHI@Edge", "rpi5-1", start, start + timedelta(minutes=175))
    path = tmp_path / "plan.csv"
    write_plan(path, [booking])
    assert read_plan(path) == (booking,)
    assert command(booking, 2).endswith("--node rpi5-1 && servelab keep edge --extend 1h")
    path.write_text(path.read_text() + "x,edge,raspberrypi5,CHI@Edge,rpi5-1,yesterday,today\n")
    with pytest.raises(PlanError, match="row 3"):
        read_plan(path)
