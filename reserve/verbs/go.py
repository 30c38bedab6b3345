"""The whole way, unattended: reserve, wait, boot, provision, run, collect, release. Repeat it to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from reserve.calendar import next_hour
from reserve.clock import duration_text
from reserve.desk import Desk, runs_folder
from reserve.errors import LeaseRefused, SiteError, UsageError
from reserve.hardware import Hardware
from reserve.lease.leases import ensure_lease, lease_name, plan, user_name
from reserve.lease.slots import next_free
from reserve.lease.time_left import Watch
from reserve.node.job import Follower, Job, job_for, raise_for, send_earlier, start, verify
from reserve.node.sync import push_run
from reserve.site import Lease, LeaseSpec, Machine
from reserve.sites.local import NAME as LOCAL
from reserve.verbs.down import down
from reserve.verbs.up import Ready, attach, up
from snippets.errors import KernelDied, KitError

PARTS = ("model", "edge", "system")
DEVICE_KIT = "servelab-device-kit"


@dataclass(frozen=True)
class Options:
    """What `run` and `go` may be told. `start_at`: aware UTC; None: now, or the next free block."""

    profile: str = "quick"
    params: tuple[str, ...] = ()
    run_id: str | None = None
    mode: str = "resume"
    timeout_s: float = 1800.0
    runs: Path | None = None
    start_at: datetime | None = None
    netid: str = ""
    site: str = ""
    node: str = ""
    keep: bool = False
    at_once: bool = False


def reserve(desk: Desk, part: str, options: Options) -> Lease:
    """The lease of `part`, made or found. Without a start: the next free block of the preferred hardware."""
    netid = user_name(options.netid)
    with desk.journal.locked(part):
        entry = desk.journal.lease_of(part)
        if entry is not None and options.start_at is None and not options.at_once:
            lease = desk.site(entry.site).get_lease(entry.id) if entry.id else None
            if lease is not None and lease.status not in ("TERMINATED", "ERROR", "DELETED"):
                desk.say(f"going on with the lease {lease.name} at {lease.site} ({lease.status})")
                return lease
        wanted = _wanted(desk, part, options, netid)
        site = desk.site(wanted.hardware.site)
        desk.say(f"{part} at {site.name}: signed in as {site.sign_in()}")
        return ensure_lease(site, wanted, netid, desk.journal, desk.say)


def _wanted(desk: Desk, part: str, options: Options, netid: str) -> LeaseSpec:
    choices = desk.options(part, options.site)
    if choices[0].site == LOCAL or options.at_once:
        hardware = choices[0]
        site = desk.site(hardware.site)
        site.sign_in()
        now = site.now().replace(second=0, microsecond=0)
        hours = timedelta(hours=hardware.block_hours)
        end = (now + hours).replace(minute=0) - timedelta(minutes=hardware.end_margin_minutes)
        return LeaseSpec(lease_name(part, netid), hardware, now, end, options.node, at_once=True)
    if options.start_at is not None:
        hardware = _with_node(desk, choices, options.node) if options.node and len(choices) > 1 else choices[0]
        site = desk.site(hardware.site)
        site.sign_in()
        return plan(hardware, netid, options.start_at, options.node, site.now())
    return _soonest(desk, part, choices, options.node, netid)


def _with_node(desk: Desk, choices: Sequence[Hardware], node: str) -> Hardware:
    for hardware in choices:
        if node in desk.site(hardware.site).calendar(hardware).nodes:
            return hardware
    raise UsageError(f"no site of this part has a node {node}. See their names with `servelab slots`.")


def _soonest(desk: Desk, part: str, choices: Sequence[Hardware], node: str, netid: str) -> LeaseSpec:
    found, trouble = [], []
    for hardware in choices:
        site = desk.site(hardware.site)
        try:
            calendar = site.calendar(hardware)
        except SiteError as error:
            trouble.append(str(error))
            continue
        if node and node not in calendar.nodes:
            continue
        slots = next_free(calendar, hardware, next_hour(site.now()), count=1, node=node)
        if slots:
            found.append((slots[0].start, hardware))
    if not found:
        raise LeaseRefused(
            f"nothing is free for {part} within 30 days. {' '.join(trouble)} "
            "Ask the course's staff, or give another --site or --node."
        )
    start_at, hardware = min(found, key=lambda pair: pair[0])
    desk.say(f"next free: {start_at:%Y-%m-%d %H:%M} UTC, {hardware.key} at {hardware.site}")
    return plan(hardware, netid, start_at, node, desk.site(hardware.site).now())


def run_on_node(desk: Desk, part: str, options: Options, ready: Ready | None = None) -> Path:
    """Run a part's notebooks on its node and bring the run home, step by step; returns the run's folder here."""
    job = job_for(
        part,
        profile=options.profile,
        params=options.params,
        run_id=options.run_id,
        mode=options.mode,
        timeout_s=options.timeout_s,
    )
    home = runs_folder(options.runs) / part / job.run_id
    here = ready or attach(desk, part)
    site, node = here.site, here.node
    follower = None
    try:
        if here.hardware.kind == "device":
            job = _with_device_kit(desk, job, here.machine, runs_folder(options.runs))
        send_earlier(here.machine, job, home, desk.say)
        fresh = start(here.machine, job, here.lease)
        desk.say(f"{part}: {'started' if fresh else 'already running'} on {node.name}; each step is kept in {home}")
        follower = Follower(
            lambda: site.open(node),
            here.machine,
            job,
            home,
            desk.clock,
            desk.say,
            lease_state=lambda: site.get_lease(here.lease.id),
            watch=Watch(here.lease, desk.say),
            now=site.now,
        )
        status = follower.follow(limit_s=max(options.timeout_s * 8, 3600.0))
        raise_for(status, follower.machine, job, home)
        record = verify(home)
        desk.say(f"{part}: {len(record.steps)} steps at home and verified, in {home}")
        return home
    finally:
        (follower.machine if follower else here.machine).close()


def _with_device_kit(desk: Desk, job: Job, machine: Machine, runs: Path) -> Job:
    """Send the models of Part 1 and some photos to a device, which can make neither, and name them to its notebooks."""
    notebooks = (desk.kit / "notebooks" / job.part).glob("*.ipynb")
    if any(word.startswith("kit=") for word in job.words) or not any("kit: str" in p.read_text() for p in notebooks):
        return job
    if machine.run(f"test -s {DEVICE_KIT}/photos.npz", check=False).status != 0:
        from snippets.edge.bundle import write_kit

        with TemporaryDirectory() as scratch:
            folder = Path(scratch) / DEVICE_KIT
            folder.mkdir()
            desk.say("gathering the models of Part 1 and photos for the device")
            write_kit(folder, runs=str(runs))
            push_run(machine, folder, DEVICE_KIT)
    return replace(job, words=(*job.words, "-p", f"kit={machine.home}/{DEVICE_KIT}"))


def go(desk: Desk, part: str, options: Options) -> list[Path]:
    """All of it for one part, or for `all` one after the other; returns the runs' folders.

    Releases on success, failure and Ctrl-C, unless `options.keep`. Repeated after a crash, it finds the lease, the
    node and the run, and goes on.
    """
    parts = PARTS if part == "all" else (part,)
    done, trouble = [], []
    for one in parts:
        try:
            done.append(_go_one(desk, one, options))
        except KitError as error:
            if len(parts) == 1:
                raise
            desk.say(f"{one}: {error}")
            trouble.append((one, error))
    if trouble:
        names = ", ".join(name for name, _ in trouble)
        first = trouble[0][1]
        raise (
            type(first)(*first.args)
            if len(trouble) == 1 and type(first) is SiteError
            else SiteError(
                f"not finished: {names}. First: {first} Repeat the command: finished parts replay in seconds."
            )
        )
    return done


def _go_one(desk: Desk, part: str, options: Options) -> Path:
    try:
        lease = reserve(desk, part, options)
        site = desk.site(lease.site)
        wait = max(0.0, (lease.start - site.now()).total_seconds())
        if wait:
            desk.say(f"{part}: waiting {duration_text(wait)} for the lease to start")
        ready = up(desk, part, start_limit_s=wait + 3600.0)
        try:
            home = run_on_node(desk, part, options, ready)
        except KernelDied as died:
            desk.say(f"{died} Going on once more.")
            home = run_on_node(desk, part, options)
    except BaseException:
        if options.keep:
            desk.say(f"kept as you asked: `servelab down {part}` gives it back")
        elif desk.journal.open_entries(part=part):
            desk.say(f"giving back what {part} holds ...")
            _down_anyway(desk, part)
        raise
    if options.keep:
        desk.say(f"{part} is kept as you asked: `servelab down {part}` gives it back")
    else:
        down(desk, part)
    return home


def _down_anyway(desk: Desk, part: str) -> None:
    """Release after a failure without hiding the failure."""
    try:
        down(desk, part)
    except KitError as error:
        desk.say(f"{error}")
