"""`servelab slots`: the free blocks of every option of a part, compared."""

from __future__ import annotations

from dataclasses import dataclass

from reserve.calendar import Calendar
from reserve.desk import Desk
from reserve.errors import CredentialsError, SiteError
from reserve.hardware import Hardware
from reserve.lease import slots


@dataclass(frozen=True)
class SlotSearch:
    """Where and when to look: times as typed, in UTC or in the zone `tz`; '' for anything leaves it open."""

    start: str = ""
    until: str = ""
    site: str = ""
    node: str = ""
    tz: str = ""


def show_slots(desk: Desk, part: str, search: SlotSearch = SlotSearch()) -> str:
    """The free blocks as text. A site that fails is named; raises its SiteError if all do, UsageError for a time."""
    local = slots.zone(search.tz)
    begin, end = slots.window(search.start, search.until, search.tz, desk.clock.now())
    pairs: list[tuple[Hardware, Calendar | str]] = []
    trouble: list[SiteError | CredentialsError] = []
    for hardware in desk.options(part, search.site):
        try:
            pairs.append((hardware, desk.site(hardware.site).calendar(hardware)))
        except (SiteError, CredentialsError) as error:
            trouble.append(error)
            pairs.append((hardware, str(error)))
    if len(trouble) == len(pairs):
        raise trouble[0]
    return slots.table(slots.options(pairs, begin, end, search.node), begin, end, local)
