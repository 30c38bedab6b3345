"""`servelab keep`: the time left on a part's lease, and more of it."""

from __future__ import annotations

from datetime import timedelta

from reserve.clock import duration_text
from reserve.desk import Desk
from reserve.lease.leases import current
from reserve.lease.time_left import WARN_AT_MINUTES, extend, node_hours, parse_length


def keep_node(desk: Desk, part: str, by: str = "") -> None:
    """Say how long the part's node is still yours; with `by` (`1h`, `30m`), extend its lease first.

    Raises SiteError if there is no lease, LeaseRefused if somebody holds the time after, UsageError for a wrong `by`.
    """
    entry = desk.journal.lease_for_command(part)
    site = desk.site(entry.site)
    site.sign_in()
    lease = current(desk, entry)
    if by:
        with desk.journal.locked(part):
            lease = extend(desk, entry, lease, parse_length(by))
    left = lease.end - site.now()
    warn = " WARNING: collect now." if left <= timedelta(minutes=WARN_AT_MINUTES[1]) else ""
    desk.say(f"{lease.name}: {duration_text(left.total_seconds())} left (ends {lease.end:%Y-%m-%d %H:%M} UTC).{warn}")
    hours = node_hours(desk.journal.entries(), site.now())
    desk.say("used so far: " + ", ".join(f"{value:.1f} node-hours of {key}" for key, value in hours.items()))
