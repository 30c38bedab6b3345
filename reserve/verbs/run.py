"""`servelab run`: a part's notebooks here, over a grid of parameters, or on the part's node."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from reserve.clock import Say, duration_text
from reserve.desk import Desk, runs_folder
from reserve.errors import UsageError
from reserve.hardware import Hardware, for_part
from reserve.node.attach import OpenNode, attach
from reserve.node.job import Follower, Job, raise_for, send_earlier, start, verify
from reserve.node.preparation import TRITON, job_environment
from reserve.node.sync import push_run
from reserve.run.estimate import left_s
from reserve.run.grid import Point, Workers, WriteReport, points_of, run_grid
from reserve.run.here import run_parts
from reserve.run.naming import named
from reserve.run.options import DEFAULTS, RunOptions
from reserve.run.parameters import of_parts, resolve
from reserve.site import Machine
from reserve.sites.local import NAME as LOCAL
from snippets.parts import OWN, PARTS, expand

DEVICE_KIT = "servelab-device-kit"
PREDICTIONS = "servelab-predictions"


@dataclass(frozen=True)
class Place:
    """Where to run: at `site` ('' = here), and here perhaps over a grid (`NAME=V1,V2` texts) with its workers."""

    site: str = ""
    grids: tuple[str, ...] = ()
    workers: Workers = Workers()


@dataclass(frozen=True)
class Reporting:
    """What becomes of finished runs; handed in, since this package knows nothing of grading.

    `fork_kernels` makes kernels start fast in this process, `show_run` gives a run's tables as text, `write_report`
    writes one page about several runs (to the path that is given, or beside the only one).
    """

    fork_kernels: Callable[[], object]
    show_run: Callable[[Path], str]
    write_report: Callable[[Sequence[Path], Path | None], Path]


def run_lab(part: str, options: RunOptions, place: Place, reporting: Reporting, say: Say = print) -> None:
    """Run `part` (or `all`) where it is asked for, and say what came of it. Raises what the run raises."""
    if place.grids:
        _run_grid(part, options, place, reporting.write_report, say)
    elif place.site:
        desk = Desk()
        for each in PARTS if part == "all" else (part,):
            say(str(run_at(desk, place.site, each, options)))
    else:
        _run_here(part, options, reporting, say)


def _run_grid(part: str, options: RunOptions, place: Place, write_report: WriteReport, say: Say) -> None:
    shared = replace(options, runs=runs_folder(options.runs).resolve())
    points = [Point(part, shared, each) for each in points_of(place.grids)]
    known = of_parts(expand(part))
    for point in points:
        resolve(point.own_options.params, {}, known)
    if not place.workers.scheduler:
        _say_how_long(part, points, place.workers.count, say)
    say(run_grid(points, run_parts, write_report, place.workers, say))


def _say_how_long(part: str, points: Sequence[Point], workers: int, say: Say) -> None:
    """How long the grid will take: whether that fits into a lease is to be known before it begins."""
    each = [point.own_options for point in points]
    seconds = left_s(part, each, Path(each[0].runs or runs_folder(None)))
    if seconds is not None:
        at_once = f", {workers} at once" if workers > 1 else ""
        say(f"{len(points)} combinations{at_once}: about {duration_text(seconds / workers)}, by earlier runs here")


def _run_here(part: str, options: RunOptions, reporting: Reporting, say: Say) -> None:
    reporting.fork_kernels()
    done = run_parts(part, options, say)
    for finished in done:
        say("\n" + reporting.show_run(finished.folder))
    say("")
    for finished in done:
        say(
            f"Run folder: {finished.folder} ({finished.seconds:.0f} s, {finished.measured} steps measured, "
            f"{finished.replayed} replayed)"
        )
    if options.mode == "replay":  # it only reads
        return
    folders = [finished.folder for finished in done]
    out = None if len(folders) == 1 else folders[0].parent.parent / "report.html"
    say(f"Report:     {reporting.write_report(folders, out)}")


def run_at(desk: Desk, site: str, part: str, options: RunOptions) -> Path:
    """Run on the node that is up at `site` (`chameleon`: wherever it is); the run's folder here.

    Raises UsageError for another site than the lease's, Missing if no node is up.
    """
    if site not in ("chameleon", "local") and "@" not in site:
        raise UsageError(f"--site is chameleon, local, or a site's name such as CHI@TACC, not {site!r}")
    entry = desk.journal.lease_for_command(part)
    if site not in ("chameleon", entry.site):
        raise UsageError(f"the lease of {part} is at {entry.site}, not {site}: say --site chameleon")
    return run_on_node(desk, part, options)


def job_for(part: str, options: RunOptions) -> Job:
    """The job that `servelab run PART` with these options is. Raises UsageError for a name that is no folder's."""
    options = named(part, options)
    words = ["run", part, "--profile", options.profile, "--run-id", options.name, "--mode", options.mode]
    words += ["--timeout", f"{options.timeout_s:g}"]
    if options.order:
        words += ["--order", options.order]
    for param in options.params:
        words += ["-p", param]
    return Job(part, options.name, tuple(words))


def node_settings(hardware: Hardware, kit: Path) -> dict[str, str]:
    """What hardware.toml sets for a run on this hardware (`[KEY.run]`), as far as the part's notebooks take it.

    Parameters of the notebooks by name, and `profile`. Empty on this machine, which is no such hardware.
    """
    if hardware.site == LOCAL:
        return {}
    declared = "\n".join(map(_parameters_cell, _notebooks(kit, hardware.part)))
    return {
        name: str(value)
        for name, value in hardware.run.items()
        if name == "profile" or re.search(rf"^{name}: ", declared, re.M)
    }


def _notebooks(kit: Path, part: str) -> list[Path]:
    """Notebooks of a part in the checkout `kit`, the course's own among them."""
    return [path for top in (kit, kit / OWN) for path in (top / "notebooks" / part).glob("*.ipynb")]


def _parameters_cell(notebook: Path) -> str:
    """The source of a notebook's cell tagged `parameters`."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", ()))


def as_set(options: RunOptions, settings: Mapping[str, str], part: str = "") -> RunOptions:
    """The options, with the settings of the hardware for what nobody has asked for.

    With `part`, its run is named first: by what was asked for, not by what the hardware sets.
    """
    asked = {text.partition("=")[0].strip() for text in options.params}
    more = [f"{name}={value}" for name, value in settings.items() if name != "profile" and name not in asked]
    profile = options.profile or settings.get("profile", DEFAULTS.profile)
    options = replace(options, profile=profile)
    return replace(named(part, options) if part else options, params=(*options.params, *more))


def require_image(hardware: Hardware, options: RunOptions) -> None:
    """Raise UsageError where Triton is to run in a container whose image is not built on this hardware's nodes: the
    plain image has neither PyTorch nor ONNX Runtime in its Python."""
    wanted = dict(text.partition("=")[::2] for text in options.params).get("triton")
    if wanted == "container" and TRITON not in hardware.images and hardware.site != LOCAL:
        raise UsageError(
            f'triton=container needs the image that `servelab up` builds: write images = ["{TRITON}"] in '
            f"[{hardware.key}] of reserve/hardware.toml and repeat `servelab up {hardware.part}`, or leave it out."
        )


def name_at(options: RunOptions) -> Callable[[str], str]:
    """The name of a part's run with these options: where no profile is asked for, its hardware's profile counts."""

    def name(part: str) -> str:
        profile = options.profile or str(for_part(part)[0].run.get("profile", DEFAULTS.profile))
        return named(part, replace(options, profile=profile)).name

    return name


def run_on_node(desk: Desk, part: str, options: RunOptions, opened: OpenNode | None = None) -> Path:
    """Run a part's notebooks on its node and bring the run home, step by step; returns the run's folder here.

    `opened`: the node where it is open already; it is closed at the end. Raises what the run on the node raised,
    SiteError when the lease ends meanwhile.
    """
    opened = opened or attach(desk, part)
    machine = opened.machine
    try:
        settings = node_settings(opened.hardware, desk.kit)
        options = as_set(options, settings, part)
        require_image(opened.hardware, options)
        job = replace(job_for(part, options), environment=job_environment(opened.hardware, desk.kit))
        home = runs_folder(options.runs) / part / job.run_id
        if settings:
            chosen = " ".join([f"profile={options.profile}", *options.params])
            desk.say(f"{part} on {opened.hardware.key}: {chosen} (-p NAME=VALUE changes one)")
        if opened.hardware.kind == "device":
            job = _with_device_kit(desk, job, machine, runs_folder(options.runs))
        if options.predictions:
            job = with_predictions(job, machine, options.predictions)
        send_earlier(machine, job, home, desk.say)
        fresh = start(machine, job, opened.lease, opened.hardware.type_name)
        state = "started" if fresh else "already running"
        desk.say(f"{part}: {state} on {opened.node.name}; each step is kept in {home}")
        follower = Follower(desk, opened, job, home)
        try:
            status = follower.follow(limit_s=max(options.timeout_s * 8, 3600.0))
        finally:
            machine = follower.machine
        raise_for(status, machine, job, home)
        record = verify(home)
        desk.say(f"{part}: {len(record.steps)} steps at home and verified, in {home}")
        return home
    finally:
        machine.close()


def with_predictions(job: Job, machine: Machine, file: Path) -> Job:
    """Send the file of predictions, which the run there enters in its record before it measures."""
    with TemporaryDirectory() as scratch:
        copyfile(file, Path(scratch) / f"{job.part}.toml")
        push_run(machine, Path(scratch), PREDICTIONS)
    return replace(job, words=(*job.words, "--predictions", f"{machine.home}/{PREDICTIONS}/{job.part}.toml"))


def _with_device_kit(desk: Desk, job: Job, machine: Machine, runs: Path) -> Job:
    """Send the models of Part 1 and some photos to a device, which can make neither, and name them to its notebooks."""
    notebooks = _notebooks(desk.kit, job.part)
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
