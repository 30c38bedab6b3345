"""The commands that students type (plan.csv: see test_command)."""

from __future__ import annotations

from datetime import timedelta

from reserve.plan.course.schedule import Booking
from reserve.plan.show.table import Lines, command, command_lines
from tests.reserve.plan.small import START


def booking(*netids: str, part: str = "model", hour: int = 8, minutes: int = 170) -> Booking:
    start = START + timedelta(hours=hour)
    return Booking(netids, part, "compute_liqid", "CHI@TACC", "liqid01", start, start + timedelta(minutes=minutes))


def test_the_command_makes_just_this_lease() -> None:
    plain = 'servelab reserve model --start "2027-03-08 13:00" --netid a1 --site CHI@TACC'
    assert command(booking("a1"), 3) == plain + " --node liqid01"
    assert command(booking("a1"), 3, name_node=False) == plain
    assert command(booking("a1", minutes=290), 3, name_node=False) == plain + " && servelab keep model --extend 2h"


def test_everyone_has_their_lines_in_order_of_time_and_partners_the_same() -> None:
    late, early = booking("a1", part="edge", hour=30), booking("b2", "a1", hour=8)
    found = command_lines([late, early], {"compute_liqid": 3}, name_node=False)
    shared, own = command(early, 3, False), command(late, 3, False)
    assert found == [Lines("a1", (shared, own)), Lines("b2", (shared,))]
