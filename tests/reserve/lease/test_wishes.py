"""From wishes to a lease to ask for: now, at a time, or as soon as anything is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.calendar import Calendar, Interval
from reserve.clock import Clock
from reserve.desk import Desk
from reserve.errors import LeaseRefused, SiteError, UsageError
from reserve.journal import Journal
from reserve.lease.wishes import LeaseWishes, spec_of, wishes_from

NOW = datetime(2027, 3, 4, 12, 20, 30, tzinfo=UTC)
TYPED = {"netid": "ab123", "site": "", "node": "", "tz": ""}


class FakeSite:
    """A site with a calendar; None: it does not tell."""

    def __init__(self, name: str, calendar: Calendar | None) -> None:
        self.name, self._calendar = name, calendar

    def sign_in(self) -> str:
        return "me"

    def now(self) -> datetime:
        return NOW

    def calendar(self, hardware: hardware.Hardware) -> Calendar:
        if self._calendar is None:
            raise SiteError(f"{self.name} is silent.")
        return self._calendar


def held(hours: float) -> tuple[Interval, ...]:
    return (Interval(NOW - timedelta(hours=1), NOW + timedelta(hours=hours)),)


def desk(tmp_path, monkeypatch, tacc: Calendar | None, uc: Calendar | None) -> Desk:
    made = Desk(journal=Journal(tmp_path), clock=Clock(), voice=lambda text: None)
    sites = {"CHI@TACC": FakeSite("CHI@TACC", tacc), "CHI@UC": FakeSite("CHI@UC", uc)}
    monkeypatch.setattr(made, "site", lambda name: sites[name])
    return made


LIQID = Calendar("compute_liqid", {"liqid01": held(6.5)})
GIGAIO = Calendar("compute_gigaio", {"gigaio01": held(2.5)})


def test_what_is_typed_is_now_a_time_or_nothing() -> None:
    assert wishes_from(start=" Now", **TYPED) == LeaseWishes("ab123", at_once=True)
    assert wishes_from(start="", **TYPED) == LeaseWishes("ab123")
    in_new_york = wishes_from(start="2027-03-04 15:00", **{**TYPED, "tz": "America/New_York"})
    assert in_new_york.start == datetime(2027, 3, 4, 20, tzinfo=UTC)
    with pytest.raises(UsageError, match="unknown time zone"):
        wishes_from(start="", **{**TYPED, "tz": "Mars"})


def test_at_once_is_from_this_minute_to_the_margin_before_an_hour(tmp_path, monkeypatch) -> None:
    spec = spec_of(desk(tmp_path, monkeypatch, LIQID, GIGAIO), "model", LeaseWishes("ab123", at_once=True))
    assert spec.at_once and spec.hardware.key == "compute_liqid"
    assert (spec.start, spec.end) == (NOW.replace(second=0), datetime(2027, 3, 4, 14, 50, tzinfo=UTC))


def test_without_a_start_the_soonest_site_wins(tmp_path, monkeypatch) -> None:
    spec = spec_of(desk(tmp_path, monkeypatch, LIQID, GIGAIO), "model", LeaseWishes("ab123"))
    assert (spec.hardware.key, spec.start) == ("compute_gigaio", datetime(2027, 3, 4, 15, tzinfo=UTC))


def test_of_two_that_are_free_at_once_the_preferred_one_wins(tmp_path, monkeypatch) -> None:
    free = Calendar("compute_gigaio", {"gigaio01": held(6.5)})
    spec = spec_of(desk(tmp_path, monkeypatch, LIQID, free), "model", LeaseWishes("ab123"))
    assert (spec.hardware.key, spec.start) == ("compute_liqid", datetime(2027, 3, 4, 19, tzinfo=UTC))


def test_a_silent_site_does_not_hide_the_other(tmp_path, monkeypatch) -> None:
    spec = spec_of(desk(tmp_path, monkeypatch, None, GIGAIO), "model", LeaseWishes("ab123"))
    assert spec.hardware.key == "compute_gigaio"
    with pytest.raises(SiteError, match="CHI@TACC is silent."):
        spec_of(desk(tmp_path, monkeypatch, None, None), "model", LeaseWishes("ab123"))
    with pytest.raises(LeaseRefused, match="nothing is free for model.*CHI@TACC is silent."):
        full = Calendar("compute_gigaio", {"gigaio01": held(24 * 40)})
        spec_of(desk(tmp_path, monkeypatch, None, full), "model", LeaseWishes("ab123"))


def test_a_named_node_decides_the_site(tmp_path, monkeypatch) -> None:
    here = desk(tmp_path, monkeypatch, LIQID, GIGAIO)
    start = datetime(2027, 3, 5, 15, tzinfo=UTC)
    spec = spec_of(here, "model", LeaseWishes("ab123", start, node="gigaio01"))
    assert (spec.hardware.key, spec.node, spec.start) == ("compute_gigaio", "gigaio01", start)
    with pytest.raises(UsageError, match="no site of this part has a node moon"):
        spec_of(here, "model", LeaseWishes("ab123", start, node="moon"))
    assert spec_of(here, "model", LeaseWishes("ab123", node="liqid01")).hardware.key == "compute_liqid"
