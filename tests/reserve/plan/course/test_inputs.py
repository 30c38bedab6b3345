"""Rules, pools and what-if: impossible input is refused and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reserve.hardware import load
from reserve.plan.course.inputs import WHAT_IF, what_if
from reserve.plan.course.pools import read_calendars, save_calendars
from reserve.plan.course.rules import load_rules
from reserve.plan.course.windows import local_moment
from snippets.errors import PlanError
from tests.reserve.plan.small import START, inputs, student

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[parts.a]\nafter = ["b"]\n[parts.b]\nafter = ["a"]\n', "order of parts is impossible: a and b"),
        ('[parts.a]\nafter = ["z"]\n', "comes after 'z'"),
        ("[parts.model]\n[corse]\n", r"unknown setting \[corse\]"),
        ("[parts.model]\n[course]\nwakin = 1\n", r"unknown setting \[course\] wakin"),
        ('[parts.model]\n[course]\nwaking = "24:00-08:00"\n', "waking"),
        ("[parts.model]\n[simulate]\ntaken = 2.0\n", "taken is a number from 0 to 1"),
        ("[parts.model\n", "not valid TOML"),
        ("", "nothing to plan"),
    ],
)
def test_impossible_rules_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(PlanError, match=words):
        load_rules(path)


def test_parts_are_ordered_after_those_they_need(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[parts.system]\nafter = ["edge"]\n[parts.edge]\nafter = ["model"]\n[parts.model]\n')
    assert [part.name for part in load_rules(path).parts] == ["model", "edge", "system"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("students=5", "needs students"),
        ("students=5,weeks=1,moon=3", "'moon' names no single hardware"),
        ("students=5,weeks=1,liqid=0", "compute_liqid has 0 nodes: it is empty"),
        ("students=5,weeks=1e9", "'weeks=1e9' is not NAME=NUMBER"),
        ("students=5,weeks=100", "weeks .up to 26"),
        ("students=5,weeks=inf", "'weeks=inf' is not NAME=NUMBER"),
        ("students=nan,weeks=1", "'students=nan' is not NAME=NUMBER"),
        ("students=9999,weeks=1", "students .1 to 5000"),
        ("students=5,students=6,weeks=1", "'students=6' is not"),
        ("students=4.7,weeks=1", "'students=4.7': students is a whole number"),
        ("Students=4,weeks=1,liqid=1.5", "'liqid=1.5': liqid is a whole number"),
        ("students=many", "'students=many' is not NAME=NUMBER"),
        ("students=5,weeks=1,p100=1,pi5=1", None),
    ],
)
def test_what_if_names_what_is_wrong(text: str, words: str | None) -> None:
    with pytest.raises(PlanError, match=words or "pool of part model is empty"):
        what_if(text, load_rules(), load(), NEW_YORK, START).course()


def test_what_if_builds_the_reference_class() -> None:
    course = what_if(WHAT_IF, load_rules(), load(), NEW_YORK, START).course()
    assert course.total == 191
    assert [len(pool.calendar.nodes) for pool in course.pools] == [4, 2, 6, 7]


def test_others_hold_nodes_of_a_what_if_class_also_in_the_week_after_the_due_date() -> None:
    made = what_if("students=2,weeks=1,liqid=2,p100=2,pi5=2,busy=0.5", load_rules(), load(), NEW_YORK, START)
    after = [
        held
        for calendar in made.calendars.values()
        for busy in calendar.nodes.values()
        for held in busy
        if held.start >= made.due
    ]
    assert after and max(held.end for held in after) > made.due + timedelta(days=4)


def test_a_due_date_in_the_past_and_an_empty_pool_are_refused() -> None:
    with pytest.raises(PlanError, match="not after the start"):
        inputs(2, days=-1).course()
    with pytest.raises(PlanError, match="part system is empty: no reservable node of gpu_p100 .*help desk"):
        inputs(2, nodes={"compute_liqid": 1, "gpu_p100": 0, "raspberrypi5": 1}).course()
    with pytest.raises(PlanError, match="allows 0 leases"):
        inputs(2, limits={"gpu_p100": 0}).course()
    with pytest.raises(PlanError, match="hardware 'gpu_p200'"):
        inputs(2, limits={"gpu_p200": 1}).course()


def test_saved_calendars_come_back_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "calendar.json"
    made = inputs(2).calendars
    save_calendars(path, made.values())
    assert read_calendars(path) == made
    path.write_text('{"weather": "fine"}')
    with pytest.raises(PlanError, match="not a saved calendar"):
        read_calendars(path)


def test_days_are_those_of_the_course_zone_across_summer_time() -> None:
    course = inputs(1, days=8).course()
    assert course.days == 9  # 8 times 24 hours from a Monday midnight end at 01:00 after the clocks went forward
    assert course.at(0) == datetime(2027, 3, 8, 5, tzinfo=UTC)
    assert (course.day_of == 6).sum() == 23


def test_a_day_alone_is_its_first_minute_or_as_the_due_date_its_last() -> None:
    assert local_moment("2027-03-20", NEW_YORK, "--from") == datetime(2027, 3, 20, 4, tzinfo=UTC)
    assert local_moment("2027-03-20", NEW_YORK, "--due", last=True) == datetime(2027, 3, 21, 3, 59, tzinfo=UTC)
    assert local_moment("2027-03-20T12:00Z", NEW_YORK, "--due", last=True) == datetime(2027, 3, 20, 12, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(PlanError, match="--due: '2027-03-14T02:30' does not exist in America/New_York"):
        local_moment("2027-03-14T02:30", NEW_YORK, "--due")
    assert local_moment("2027-11-07T01:30", NEW_YORK, "--due") == datetime(2027, 11, 7, 5, 30, tzinfo=UTC)


def test_two_kinds_of_one_part_with_different_blocks_are_refused() -> None:
    table = load()
    longer = replace(table["compute_gigaio"], block_hours=table["compute_gigaio"].block_hours + 1)
    made = replace(inputs(2), table={**table, "compute_gigaio": longer})
    with pytest.raises(PlanError, match="compute_liqid and compute_gigaio both serve the part model, with block_hours"):
        made.course()


def test_a_block_longer_than_the_calendar_is_named_with_its_student() -> None:
    with pytest.raises(PlanError, match=r"s02's model block of 12 h is longer than the calendar \(10 h\)"):
        inputs([student("s01"), student("s02", extra=4.0)], days=10 / 24).course()
