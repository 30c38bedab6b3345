"""The rules of a course as they come out of the file (mistakes in it: see test_inputs)."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.plan.course.rules import Faults, PartRule, load_rules, order_parts
from snippets.errors import PlanError


def test_every_setting_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        '[course]\nwaking = "09:30-22:00"\nmax_simultaneous = 4\npreference_days = 3\n'
        "[buffer]\nhours = 24\nnodes = 2\n[lease]\nahead_days = 3.5\nname_nodes = false\n"
        "[limits]\ngpu_p100 = 3\n[cost]\ngpu_p100 = 1.5\n[simulate]\ntaken = 0.5\nnotice_hours = 6\n"
        '[parts.b]\nafter = ["a"]\ngap_hours = 12\n[parts.a]\n'
    )
    rules = load_rules(path)
    assert rules.parts == (PartRule("a"), PartRule("b", ("a",), 12))
    assert (rules.wake_minute, rules.sleep_minute, rules.max_simultaneous, rules.preference_days) == (570, 1320, 4, 3)
    assert (rules.buffer_hours, rules.buffer_nodes, rules.ahead_days, rules.name_nodes) == (24, 2, 3.5, False)
    assert (dict(rules.limits), dict(rules.cost)) == ({"gpu_p100": 3}, {"gpu_p100": 1.5})
    assert rules.faults == Faults(taken=0.5, notice_hours=6)


def test_what_the_file_leaves_out_has_the_kits_value(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[parts.a]\n")
    rules = load_rules(path)
    assert (rules.wake_minute, rules.sleep_minute, rules.buffer_hours, rules.faults) == (480, 1440, 48, Faults())


def test_a_circle_and_an_unknown_part_are_named() -> None:
    parts = {name: PartRule(name, (before,)) for name, before in (("a", "b"), ("b", "c"), ("c", "a"))}
    with pytest.raises(PlanError, match="rules: the order of parts is impossible: a and b and c"):
        order_parts(parts, "rules")
    with pytest.raises(PlanError, match=r"\[parts.a\] comes after 'z'"):
        order_parts({"a": PartRule("a", ("z",))}, "rules")


def test_the_kits_own_rules_are_in_order() -> None:
    assert [part.name for part in load_rules().parts] == ["model", "edge", "system"]
    with pytest.raises(PlanError, match="cannot read the rules"):
        load_rules("nowhere.toml")


def test_holidays_and_office_hours_are_times_as_in_a_roster(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[course]\nholidays = ["2027-03-17"]\noffice_hours = ["Mon-Fri 10:00-16:00", "Sat"]\n[parts.a]\n')
    rules = load_rules(path)
    assert len(rules.holidays) == 1 and len(rules.office_hours) == 2
    assert load_rules().holidays == load_rules().office_hours == ()
    path.write_text('[course]\nholidays = "2027-03-17"\n[parts.a]\n')
    with pytest.raises(PlanError, match=r"\[course\] holidays is not a list of times"):
        load_rules(path)
    path.write_text('[course]\nholidays = ["Easter"]\n[parts.a]\n')
    with pytest.raises(PlanError, match=r"\[course\] holidays: cannot read the time 'Easter'"):
        load_rules(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[course]\nmax_simultaneous = 2.5\n", r"\[course\]: max_simultaneous is a whole number, not 2.5"),
        ("[course]\nnode_share = 0\n", "node_share is 0: the course may hold no node"),
        ("[course]\nnode_share = 2\n", "node_share is a number from 0 to 1, not 2"),
        ("[course]\nholidays = ['9999-12-31']\n", "is in the year 9999"),
        ("[limits]\ngpu_p100 = 1.5\n", r"\[limits\]: gpu_p100 is a whole number"),
        ("[lease]\nname_nodes = 'no'\n", "name_nodes is true or false, without quotes"),
        ("[simulate]\nboot_fails = 0.9\noverslept = 0.2\n", "probabilities of one block, together at most 1"),
        ("[dry_run]\ngroups = 1\n", r"\[dry_run\] groups is a whole number, at least 2, not 1"),
        ("[dry_run]\nlate_days = 2.5\n", r"\[dry_run\] late_days is a whole number, at least 1, not 2.5"),
        ("[dry_run]\nlate_starters = nan\n", "late_starters is a number from 0 to 1, not nan"),
        ("[parts]\nedge = 3\n", r"\[parts.edge\] has only `after`"),
        ("[parts.edge]\ngap_hours = 1.5\n", "gap_hours is a whole number, not 1.5"),
    ],
)
def test_a_setting_that_would_be_misread_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text if "[parts" in text else text + "[parts.model]\n")
    with pytest.raises(PlanError, match=said):
        load_rules(path)


def test_how_a_class_behaves_in_a_dry_run_is_data(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[dry_run]\ngroups = 4\nrush_days = 1.5\n[course]\nnode_share = 0.5\n[parts.model]\n")
    found = load_rules(path)
    assert (found.habits.groups, found.habits.rush_days, found.habits.grace_days, found.node_share) == (4, 1.5, 3, 0.5)
