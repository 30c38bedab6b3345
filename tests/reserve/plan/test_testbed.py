"""From plan to leases on the emulated testbed: calendar in, plan out, leases made, checked, made only once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from reserve.journal import Journal
from reserve.plan.show.table import read_plan
from servelab import cli
from tests.chameleon.emulator import Emulator
from tests.chameleon.fixtures import *  # noqa: F403
from tests.reserve.sites.chameleon.test_virtual import PCI, SITE, offered


def servelab(*words: str) -> str:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False, standalone_mode=False)
    return result.output


def _leases(emulator: Emulator) -> list[str]:
    return sorted(lease.name for lease in emulator.state.leases.values())


def test_a_class_is_planned_from_the_live_calendar_and_its_leases_are_made_once(
    chameleon: Emulator, tmp_path: Path
) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("netid,extra_time\nab1,\ncd2,50%\n")
    rules = tmp_path / "rules.toml"
    text = (Path(__file__).parents[3] / "reserve" / "plan" / "course" / "rules.toml").read_text()
    rules.write_text(
        text.replace('waking = "08:00-24:00"', 'waking = "00:00-24:00"').replace("ahead_days = 7", "ahead_days = 30")
    )
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    out = str(tmp_path / "plan")
    said = servelab(
        "plan",
        "--roster",
        str(roster),
        "--rules",
        str(rules),
        "--tz",
        "UTC",
        "--due",
        f"{now + timedelta(days=6):%Y-%m-%dT%H:%M}",
        "--from",
        f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}",
        "--seconds",
        "4",
        "--out",
        out,
    )
    assert said.startswith("2 of 2 students can finish")
    bookings = read_plan(Path(out) / "plan.csv")
    assert "6 late" in servelab("plan", "--check", "--out", out)
    assert servelab("plan", "--hold", "--out", out).startswith("6 times held, 0 refused")
    assert servelab("plan", "--hold", "--out", out).startswith("6 times held, 0 refused")
    assert len(_leases(chameleon)) == 6 and all(name.startswith("placeholder_") for name in _leases(chameleon))
    kinds = {one.kind for lease in chameleon.state.leases.values() for one in lease.reservations}
    assert "virtual:floatingip" not in kinds, "whoever only holds a time needs no address"
    assert "6 held" in servelab("plan", "--check", "--out", out)
    assert servelab("plan", "--apply", "--out", out).startswith("6 leases there, 0 refused")
    assert len(Journal().for_class()) == 12
    names = _leases(chameleon)
    assert names == sorted(booking.lease for booking in bookings)
    assert servelab("plan", "--apply", "--out", out).startswith("6 leases there, 0 refused")
    assert _leases(chameleon) == names
    assert "6 made" in servelab("plan", "--check", "--out", out)
    assert servelab("plan", "--replan", "--out", out).startswith("0 students or pairs move")
    assert read_plan(Path(out) / "plan.csv") == bookings


def test_times_on_virtual_machines_are_held_and_handed_over_too(
    chameleon: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three students on two H100s at KVM@TACC; a stranger has one of these for an afternoon."""
    for name, value in chameleon.env(SITE).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("reserve.hardware.TABLE", offered(tmp_path, "kvm_h100"))
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = now.replace(tzinfo=None) + timedelta(hours=2)
    chameleon.state.book_flavor(PCI, start, start + timedelta(hours=5))
    (tmp_path / "roster.csv").write_text("netid\nab1\ncd2\nef3\n")
    text = (Path(__file__).parents[3] / "reserve" / "plan" / "course" / "rules.toml").read_text()
    text = text.replace('waking = "08:00-24:00"', 'waking = "00:00-24:00"').replace("ahead_days = 7", "ahead_days = 30")
    before, _, rest = text.partition("[parts.edge]")
    (tmp_path / "rules.toml").write_text(before + rest[rest.index("[limits]") :])
    out = str(tmp_path / "plan")

    def plan(*words: str) -> str:
        return servelab("plan", *words, "--out", out)

    due = ("--due", f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}", "--from", f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    files = ("--roster", str(tmp_path / "roster.csv"), "--rules", str(tmp_path / "rules.toml"))
    assert plan(*files, *due, "--tz", "UTC", "--seconds", "3").startswith("3 of 3 students can finish")
    bookings = read_plan(Path(out) / "plan.csv")
    assert {booking.hardware for booking in bookings} == {"kvm_h100"}
    assert plan("--hold").startswith("3 times held, 0 refused")
    assert plan("--hold").startswith("3 times held, 0 refused")
    ours = [lease for lease in chameleon.state.leases.values() if lease.name.startswith("placeholder_")]
    assert len(ours) == 3 and {one.kind for lease in ours for one in lease.reservations} == {"flavor:instance"}
    assert "3 held" in plan("--check")
    assert plan("--replan").startswith("0 students or pairs move")
    assert plan("--apply").startswith("3 leases there, 0 refused")
    assert "3 made" in plan("--check")
    names = [name for name in _leases(chameleon) if name.startswith("serve_")]
    assert names == sorted(booking.lease for booking in bookings)
    assert not [name for name in _leases(chameleon) if name.startswith("placeholder")]
    assert plan("--replan").startswith("0 students or pairs move")
    assert read_plan(Path(out) / "plan.csv") == bookings
