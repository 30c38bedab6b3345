"""The bodies of the verbs that a person types: words in, one call, words out."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from reserve.calendar import Calendar
from reserve.clock import duration_text
from reserve.desk import Desk
from reserve.errors import CredentialsError, SiteError, UsageError
from reserve.hardware import Hardware
from reserve.lease.leases import current
from reserve.lease.slots import options as slot_options
from reserve.lease.slots import parse_moment, table, window, zone
from reserve.lease.time_left import WARN_AT_MINUTES, extend, node_hours, parse_length
from reserve.sites.ssh import SshMachine
from reserve.verbs.go import Options, run_on_node
from reserve.verbs.up import up


def options(*, start: str = "", tz: str = "", **rest: Any) -> Options:
    """`Options` from what was typed. Raises UsageError for a time that is none."""
    at_once = start.strip().lower() == "now"
    moment = parse_moment(start, tz) if start and not at_once else None
    if tz and not start:
        zone(tz)
    return Options(start_at=moment, at_once=at_once, **rest)


def show_slots(
    part: str,
    *,
    start: str = "",
    until: str = "",
    site: str = "",
    node: str = "",
    tz: str = "",
    desk: Desk | None = None,
) -> str:
    """The free blocks of every option of a part, compared. A site that fails is named; SiteError if all do."""
    desk = desk or Desk()
    local = zone(tz)
    begin, end = window(start, until, tz, desk.clock.now())
    pairs: list[tuple[Hardware, Calendar | str]] = []
    trouble: list[SiteError | CredentialsError] = []
    for hardware in desk.options(part, site):
        try:
            pairs.append((hardware, desk.site(hardware.site).calendar(hardware)))
        except (SiteError, CredentialsError) as error:
            trouble.append(error)
            pairs.append((hardware, str(error)))
    if len(trouble) == len(pairs):
        raise trouble[0]
    return table(slot_options(pairs, begin, end, node), begin, end, local)


def bring_up(
    part: str,
    *,
    public: bool = False,
    tunnel: bool = False,
    dataset: str = "rehearsal",
    key: str = "",
    desk: Desk | None = None,
    until: threading.Event | None = None,
) -> None:
    """`servelab up`: a ready node and its URL; with `tunnel`, the way to it is kept open until Ctrl-C."""
    desk = desk or Desk(key=key)
    ready = up(desk, part, public=public, dataset=dataset)
    try:
        if tunnel and isinstance(ready.machine, SshMachine) and ready.url and not public:
            port = int(ready.url.split(":")[2].split("/")[0])
            open_tunnel = ready.machine.tunnel(port)
            desk.voice("\n" + ready.url.replace(f":{port}/", f":{open_tunnel.port}/", 1))
            desk.say("the tunnel is open; Ctrl-C closes it (the node stays yours until its lease ends)")
            try:
                (until or threading.Event()).wait()
            finally:
                open_tunnel.close()
            return
        if ready.url:
            desk.voice("\n" + ready.url)  # with its token: said once, kept nowhere here
        if ready.how:
            desk.say(ready.how)
        desk.say(f"Run the notebooks there: servelab run {part} --site {_site_word(ready.site.name)}")
    finally:
        ready.machine.close()


def _site_word(name: str) -> str:
    return name if name == "local" else "chameleon"


def run_at(site: str, part: str, desk: Desk | None = None, **wishes: Any) -> Path:
    """`servelab run PART --site ...`: on the node that is up. Raises Missing if there is none."""
    if site not in ("chameleon", "local") and "@" not in site:
        raise UsageError(f"--site is chameleon, local, or a site's name such as CHI@TACC, not {site!r}")
    desk = desk or Desk()
    entry = desk.journal.lease_for_command(part)
    if site not in ("chameleon", entry.site):
        raise UsageError(f"the lease of {part} is at {entry.site}, not {site}: say --site chameleon")
    return run_on_node(desk, part, Options(**wishes))


def keep(part: str, by: str = "", desk: Desk | None = None) -> None:
    """`servelab keep`: the time left, and with `by` more of it."""
    desk = desk or Desk()
    entry = desk.journal.lease_for_command(part)
    hardware = desk.hardware_of(entry)
    site = desk.site(entry.site)
    site.sign_in()
    lease = current(site, entry, desk.journal)
    if by:
        with desk.journal.locked(part):
            lease = extend(site, lease, parse_length(by), hardware, desk.journal, entry, desk.say)
    left = lease.end - site.now()
    warn = " WARNING: collect now." if left <= timedelta(minutes=WARN_AT_MINUTES[1]) else ""
    desk.say(f"{lease.name}: {duration_text(left.total_seconds())} left (ends {lease.end:%Y-%m-%d %H:%M} UTC).{warn}")
    hours = node_hours(desk.journal.entries(), site.now())
    desk.say("used so far: " + ", ".join(f"{value:.1f} node-hours of {key}" for key, value in hours.items()))
