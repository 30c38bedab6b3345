"""`servelab slots`: what is free at every site of a part, and what is said when a site does not tell."""

from __future__ import annotations

import pytest

from reserve.errors import SiteError
from reserve.verbs.slots import SlotSearch, show_slots


def test_slots_of_the_emulator_are_those_nobody_holds(desk, chameleon):
    text = show_slots(desk, "model", SlotSearch(tz="America/New_York"))
    assert "compute_liqid at CHI@TACC" in text and "compute_gigaio at CHI@UC" in text
    assert "2 of 2" in text and "1 of 1" in text and "Soonest" in text
    assert "raspberrypi5 at CHI@Edge" in show_slots(desk, "edge")


def test_one_site_is_asked_where_one_is_named(desk, chameleon):
    text = show_slots(desk, "model", SlotSearch(site="CHI@UC"))
    assert "CHI@TACC" not in text and "compute_gigaio at CHI@UC" in text


def test_a_part_whose_every_site_is_silent_is_that_sites_error(desk, chameleon):
    chameleon.faults.on("hosts-not-reservable")
    with pytest.raises(SiteError, match="no reservable gpu_p100"):
        show_slots(desk, "system")
