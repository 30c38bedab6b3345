"""What comes after a plan, on the emulated testbed, with an account for each: the instructor's and the students'."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from reserve.plan.course.schedule import Booking
from reserve.plan.show.table import read_plan
from servelab import cli
from snippets.errors import PlanError, UsageError
from tests.chameleon.emulator import Emulator
from tests.chameleon.fixtures import *  # noqa: F403
from tests.chameleon.student import Student

RULES = Path(__file__).parents[3] / "reserve" / "plan" / "course" / "rules.toml"


def servelab(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False, standalone_mode=False)
    return result.output


@dataclass
class Class:
    """A planned class of three on the emulator, and whose account the next command runs in."""

    emulator: Emulator
    folder: Path
    log_in: Callable[[str], None]

    @property
    def out(self) -> str:
        return str(self.folder / "plan")

    def plan(self, *words: str) -> str:
        return servelab("plan", *words, "--out", self.out)

    def bookings(self, part: str = "") -> list[Booking]:
        return [b for b in read_plan(self.folder / "plan" / "plan.csv") if part in ("", b.part)]

    def booking(self, netid: str, part: str) -> Booking:
        return next(b for b in self.bookings(part) if netid in b.netids)

    def lines_of(self, netid: str) -> list[list[str]]:
        """The student's own lines, each as words after `servelab`."""
        text = (self.folder / "plan" / "commands.txt").read_text()
        mine = text.split(f"# {netid}\n")[1].split("#")[0].splitlines()
        return [shlex.split(piece)[1:] for line in mine for piece in line.split(" && ")]

    def leases(self) -> set[str]:
        return {lease.name for lease in self.emulator.state.leases.values()}

    def makers(self) -> set[str]:
        names = {number: name for name, number in self.emulator.state.users.items()}
        return {names.get(lease.user, "a stranger") for lease in self.emulator.state.leases.values()}

    def rewrite(self, *rows: str) -> None:
        (self.folder / "roster.csv").write_text("netid,unavailable\n" + "".join(f"{row}\n" for row in rows))


@pytest.fixture
def course(chameleon: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    def log_in(user: str) -> None:
        chameleon.add_user(user)
        monkeypatch.setenv("OS_USERNAME", user)
        monkeypatch.setenv("SERVELAB_STATE", str(tmp_path / "home of" / user))

    log_in("teacher")
    found = Class(chameleon, tmp_path, log_in)
    found.rewrite("ab1,", "cd2,", "ef3,")
    text = RULES.read_text().replace('waking = "08:00-24:00"', 'waking = "00:00-24:00"')
    (tmp_path / "rules.toml").write_text(text.replace("ahead_days = 7", "ahead_days = 30"))
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    said = found.plan(
        *("--roster", str(tmp_path / "roster.csv"), "--rules", str(tmp_path / "rules.toml"), "--tz", "UTC"),
        *("--due", f"{now + timedelta(days=6):%Y-%m-%dT%H:%M}", "--from", f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}"),
        *("--seconds", "4"),
    )
    assert said.startswith("3 of 3 students can finish")
    return found


def test_leases_that_students_make_with_their_own_lines_are_the_plans(course: Class) -> None:
    for netid in ("ab1", "cd2", "ef3"):
        course.log_in(netid)
        for words in course.lines_of(netid):
            servelab(*words)
    course.log_in("teacher")
    assert course.makers() == {"ab1", "cd2", "ef3"} and len(course.leases()) == 9
    assert course.plan("--check").startswith("9 made\n")
    assert course.plan("--apply").startswith("9 leases there, 0 refused")
    before = course.bookings()
    assert course.plan("--replan").startswith("0 students or pairs move")
    assert course.bookings() == before and len(course.leases()) == 9


def test_a_student_uses_the_lease_that_the_instructor_made(course: Class) -> None:
    assert course.plan("--apply").startswith("9 leases there, 0 refused")
    assert course.makers() == {"teacher"}
    course.log_in("cd2")
    for words in course.lines_of("cd2"):
        assert "found the lease" in servelab(*words)
    assert "serve_system_cd2" in servelab("status")
    assert len(course.leases()) == 9, "nothing is made twice"
    servelab("down", "system")
    assert "serve_system_cd2" not in course.leases() and len(course.leases()) == 8


def test_down_in_the_instructors_account_takes_nothing_of_the_class(course: Class) -> None:
    course.plan("--apply")
    servelab("down", "system")  # what was made for the class is not its maker's to give back
    assert len(course.leases()) == 9
    # Also after the instructor made some by hand with the students' lines.
    for netid in ("ab1", "cd2"):
        for words in course.lines_of(netid):
            servelab(*words)
    with pytest.raises(UsageError, match="leases of 2 people for system.*--netid NETID"):
        servelab("down", "system")
    assert len(course.leases()) == 9
    servelab("down", "system", "--netid", "cd2")
    assert {"serve_system_ab1", "serve_system_ef3"} <= course.leases() and len(course.leases()) == 8


def test_what_moves_after_a_replan_is_given_back_and_made_again_and_nobody_elses_lease_goes(course: Class) -> None:
    course.plan("--apply")
    hit = course.booking("ab1", "system")
    course.rewrite(f"ab1,{hit.start:%Y-%m-%dT%H:%M}/{hit.end:%Y-%m-%dT%H:%M}", "cd2,", "ef3,")
    said = course.plan("--replan")
    assert said.startswith("1 students or pairs move; at least 1 had to")
    moved = course.booking("ab1", "system")
    assert moved.start != hit.start
    assert "1 leases are left from an earlier plan" in course.plan("--check")
    assert "1 of an earlier plan given back" in course.plan("--apply")
    assert course.plan("--check").startswith("9 made") and len(course.leases()) == 9
    times = {lease.start.replace(tzinfo=UTC) for lease in course.emulator.state.leases.values()}
    assert moved.start in times
    page = (course.folder / "plan" / "plan.html").read_text()
    assert "What changed" in page and "ab1 system" in page
    assert len(list((course.folder / "plan" / "earlier").glob("*.csv"))) == 1


def test_check_and_apply_agree_on_a_lease_an_hour_off(course: Class) -> None:
    one = course.booking("ef3", "model")
    course.log_in("ef3")
    later = f"{one.start + timedelta(hours=1):%Y-%m-%d %H:%M}"
    servelab("reserve", "model", "--start", later, "--netid", "ef3", "--site", one.site, "--node", one.node)
    course.log_in("teacher")
    assert "1 differs" in course.plan("--check") and "which no plan had" in course.plan("--check")
    with pytest.raises(PlanError, match="8 leases there, 1 refused.*\\n.*serve_model_ef3: .*which no plan had"):
        course.plan("--apply")
    assert len(course.leases()) == 9


def test_each_site_is_asked_for_its_leases_once(course: Class) -> None:
    asked = course.emulator.state.requests
    asked.clear()
    course.plan("--check")
    listings = [line for line in asked if "GET" in line and any(str(word).endswith("/v1/leases") for word in line)]
    assert len(listings) == 3, "CHI@TACC, CHI@UC and CHI@Edge, whatever the number of bookings"


def test_the_courses_placeholders_are_free_to_plan_and_told_when_their_time_has_come(course: Class) -> None:
    now = datetime.now(UTC)
    Student(course.emulator, "CHI@Edge").ask(
        "POST",
        "reservation",
        "/leases",
        {
            "name": "placeholder week 3",
            "start_date": f"{now + timedelta(hours=1):%Y-%m-%d %H:%M}",
            "end_date": f"{now + timedelta(days=6):%Y-%m-%d %H:%M}",
            "before_end_date": None,
            "events": [],
            "reservations": [{"resource_type": "device", "min": 2, "max": 2, "resource_properties": ""}],
        },
    ).raise_for_status()
    assert "3 held" in course.plan("--check")
    assert course.plan("--replan").startswith("0 students or pairs move")
    with pytest.raises(PlanError, match="6 leases there, 3 refused.*\\n.*placeholder of the course"):
        course.plan("--apply")


def test_a_time_that_another_project_took_moves_its_student_alone(course: Class) -> None:
    one = course.booking("cd2", "system")
    naive = one.start.replace(tzinfo=None), one.end.replace(tzinfo=None)
    course.emulator.state.book(one.node, *naive)
    assert "1 taken" in course.plan("--check")
    with pytest.raises(PlanError, match="8 leases there, 1 refused"):
        course.plan("--apply")
    said = course.plan("--replan")
    assert said.startswith("1 students or pairs move; at least 1 had to") and "cd2 system:" in said
    assert course.plan("--apply").startswith("9 leases there, 0 refused")


def test_when_every_pi_dies_those_without_one_are_told_and_the_status_says_so(course: Class) -> None:
    for resource in course.emulator.state.resources.values():
        if resource.kind == "device":
            resource.reservable = False
    assert "3 gone" in course.plan("--check")
    with pytest.raises(PlanError, match="3 of 3 students cannot finish: ab1, cd2, ef3"):
        course.plan("--replan")
    assert {b.part for b in course.bookings()} == {"model", "system"}, "the plan is written all the same"


def test_missed_names_somebody_in_the_plan_whichever_partner(course: Class) -> None:
    for wrong, told in (("zz9:model", "nobody in the plan has the netid 'zz9'"), ("ab1:physics", "not NETID:PART")):
        with pytest.raises(UsageError, match=told):
            course.plan("--replan", "--missed", wrong)
    (course.folder / "roster.csv").write_text("netid,pair\nab1,cd2\ncd2,\nef3,\n")
    course.plan("--replan")
    shared = course.booking("cd2", "model")
    assert shared.netids == ("ab1", "cd2")
    said = course.plan("--replan", "--now", f"{shared.end:%Y-%m-%dT%H:%M}", "--missed", "cd2:model")
    assert "ab1+cd2 model:" in said and course.booking("cd2", "model").start >= shared.end


def test_somebody_who_dropped_is_told_as_such(course: Class) -> None:
    course.plan("--apply")
    course.rewrite("ab1,", "cd2,")
    said = course.plan("--replan")
    assert said.count("-> not in the roster any more") == 3 and said.startswith("0 students or pairs move")
    assert "3 of an earlier plan given back" in course.plan("--apply")
    assert course.leases() == {f"serve_{part}_{who}" for part in ("model", "edge", "system") for who in ("ab1", "cd2")}
