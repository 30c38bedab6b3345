"""`servelab go`: the whole way, unattended. Repeat it to go on after any failure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reserve.clock import duration_text
from reserve.desk import Desk
from reserve.errors import SiteError
from reserve.lease.wishes import LeaseWishes
from reserve.run.options import RunOptions
from reserve.verbs.down import down
from reserve.verbs.reserve import reserve_block
from reserve.verbs.run import run_on_node
from reserve.verbs.up import UpOptions, up
from snippets.errors import KernelDied, KitError
from snippets.parts import PARTS


@dataclass(frozen=True)
class Order:
    """What `go` is to do: the lease, the run, and whether the node is kept at the end."""

    lease: LeaseWishes = LeaseWishes()
    run: RunOptions = RunOptions()
    keep: bool = False


def go(desk: Desk, part: str, order: Order = Order()) -> list[Path]:
    """Reserve, boot, run, collect and release one part, or `all` one after the other; the runs' folders.

    Releases on success, failure and Ctrl-C, unless `order.keep`. Repeated after a crash, it finds the lease, the
    node and the run, and goes on. With `all`, a part that fails does not keep the others; raises SiteError at the
    end, naming those that did. For one part its own error is raised.
    """
    if part != "all":
        return [_go_one(desk, part, order)]
    done: list[Path] = []
    trouble: dict[str, KitError] = {}
    for one in PARTS:
        try:
            done.append(_go_one(desk, one, order))
        except KitError as error:
            desk.say(f"{one}: {error}")
            trouble[one] = error
    if trouble:
        first = next(iter(trouble.values()))
        raise SiteError(
            f"not finished: {', '.join(trouble)}. First: {first} Repeat the command: finished parts replay in seconds."
        )
    return done


def run_unattended(desk: Desk, part: str, order: Order) -> None:
    """`go`, and say where each run is; a plain line of its own, for scripts."""
    for folder in go(desk, part, order):
        desk.say(str(folder))


def _go_one(desk: Desk, part: str, order: Order) -> Path:
    try:
        lease = reserve_block(desk, part, order.lease)
        wait_s = max(0.0, (lease.start - desk.site(lease.site).now()).total_seconds())
        if wait_s:
            desk.say(f"{part}: waiting {duration_text(wait_s)} for the lease to start")
        opened = up(desk, part, UpOptions(start_limit_s=wait_s + 3600.0))
        try:
            home = run_on_node(desk, part, order.run, opened)
        except KernelDied as died:
            desk.say(f"{died} Going on once more.")
            home = run_on_node(desk, part, order.run)
    except BaseException:
        if order.keep:
            desk.say(f"kept as you asked: `servelab down {part}` gives it back")
        elif desk.journal.open_entries(part=part):
            desk.say(f"giving back what {part} holds ...")
            _down_anyway(desk, part)
        raise
    if order.keep:
        desk.say(f"{part} is kept as you asked: `servelab down {part}` gives it back")
    else:
        down(desk, part, netid=_whose(desk, part))
    return home


def _whose(desk: Desk, part: str) -> str:
    """The NetID of the lease that was worked with, the newest on record: nobody else's is given back."""
    entry = desk.journal.lease_of(part)
    return str(entry.facts.get("netid", "")) if entry else ""


def _down_anyway(desk: Desk, part: str) -> None:
    """Release after a failure without hiding the failure."""
    try:
        down(desk, part, netid=_whose(desk, part))
    except KitError as error:
        desk.say(f"{error}")
