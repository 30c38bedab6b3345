"""The `servelab` command: verbs only. Each verb is one call into `reserve`, `grading` or `snippets`.

Heavy modules are imported inside the verbs, so that `servelab --help` answers at once.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from reserve.plan.verb import plan
from reserve.run.arguments import PART, PART_OR_ALL, RUN
from snippets import terminal
from snippets.parts import KIT, PARTS, parts_named

STAFF = KIT / "grading" / "staff"
# What a table says of a target, in the colours of the report; and what went wrong.
COLOURS = {r": met\b": "green", r": missed\b": "red", r"\Aservelab:": "red"}


def _say(text: object, err: bool = False) -> None:
    """Print `text`: as it is to a file or a pipe; at a terminal in lines that fit it, in colour if that is wanted."""
    stream = sys.stderr if err else sys.stdout
    columns = terminal.width(stream)
    if columns is None:
        click.echo(text, err=err)
        return
    told = terminal.fitted(str(text), columns)
    if terminal.in_colour(stream):
        for pattern, colour in COLOURS.items():
            told = re.sub(pattern, click.style(r"\g<0>", fg=colour), told)
    print(told, file=stream, flush=True)  # click would write past a bar at the foot of the terminal


class Verbs(click.Group):
    """The verbs; an output that nobody reads any more is told as everything else is, not passed over by click."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments; `--help` answers here."""
        with _broken_pipe_told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb. Raises StorageError for a broken pipe."""
        with _broken_pipe_told():
            return super().invoke(ctx)


@contextmanager
def _broken_pipe_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        from reserve.run.faults import as_kit_error, silence

        silence(error)
        raise as_kit_error(error) from error


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="servelab")
def cli() -> None:
    """Rehearse the model serving lab on this machine, run it on Chameleon, hand it in, grade it."""


# --- Run and look -----------------------------------------------------------------------------------


def _as_parameter(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """A challenge code as the notebooks' parameter, checked before anything is measured."""
    from snippets.model.challenge import read_code

    return (f"challenge={read_code(value)}",) if value.strip() else ()


_challenge_option = click.option(
    "--challenge",
    metavar="CODE",
    default="",
    envvar="SERVELAB_CHALLENGE",
    callback=_as_parameter,
    help="Your code, if your course gave one: your run then answers images drawn for you. Or $SERVELAB_CHALLENGE.",
)


@cli.command()
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@click.option(
    "--profile",
    type=click.Choice(["quick", "full"]),
    help="quick: seconds per step; full: the real thing. Default: quick here, on a node what hardware.toml sets.",
)
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A notebook parameter; repeat for more. `servelab params PART` lists them.",
)
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of run records. Default: runs/ here.")
@click.option("--run-id", help="Name of the run's folder. Default: the profile's name.")
@click.option(
    "--mode",
    type=click.Choice(["resume", "fresh", "replay"]),
    default="resume",
    show_default=True,
    help="resume: do what is missing; fresh: do all again; replay: only read, fail if a step is missing.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=float,
    default=1800,
    show_default=True,
    help="Longest time one notebook may take, in seconds.",
)
@click.option("--site", default="", help="chameleon: on the node that `servelab up` made. Default: this machine.")
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="NAME=V1,V2",
    help="Run once for each value (each combination, if repeated); one report for all.",
)
@click.option("--scheduler", default="", metavar="tcp://HOST:PORT", help="A Dask scheduler to run the grid on.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Grid points run at once here.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Your predictions, from `servelab questions PART --predictions FILE`; recorded before anything is measured.",
)
@click.option("--order", default="", metavar="1,2,4,5,3", help="The order of the part's notebooks, by their numbers.")
@_challenge_option
def run(
    part: str,
    profile: str | None,
    params: tuple[str, ...],
    runs: Path | None,
    run_id: str | None,
    mode: str,
    timeout_s: float,
    site: str,
    grids: tuple[str, ...],
    scheduler: str,
    workers: int,
    predictions: Path | None,
    order: str,
    challenge: tuple[str, ...],
) -> None:
    """Execute the notebooks of PART (model, edge, system, or all) and record every measurement."""
    from grading.kernels.client import fork_kernels
    from grading.questions.predictions import ask_first, enter
    from grading.report.page import write_report
    from grading.report.tables import show_run
    from reserve.run.grid import Workers
    from reserve.run.options import RunOptions
    from reserve.verbs.run import Place, Reporting, name_at, run_lab

    profile = profile or ("" if site else "quick")
    options = RunOptions(profile, (*params, *challenge), runs, run_id, mode, timeout_s, predictions, order)
    if predictions and (mode == "replay" or grids):
        raise click.UsageError("--predictions goes with one run that measures, not with --grid or --mode replay.")
    if mode != "replay" and not grids:
        made = ask_first(part, options, name_at(options), _say, _confirm_on_a_terminal())
        if not site:
            enter(made, options, _say, name_at(options))
    place = Place(site, grids, Workers(workers, scheduler))
    run_lab(
        part,
        options,
        place,
        Reporting(fork_kernels, partial(show_run, width=terminal.width()), write_report),
        _say,
    )


def _confirm_on_a_terminal() -> Callable[[str], object] | None:
    """What asks before it goes on, and ends the command on a no; None where nobody can answer (a job, a notebook)."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("CI"):
        return None
    return lambda question: click.confirm(question, default=True, abort=True)


@cli.command()
@click.argument("part", metavar="PART", type=PART)
def params(part: str) -> None:
    """List the parameters of PART's notebooks: type, default, meaning."""
    from reserve.run.parameters import describe

    _say(describe(part))


@cli.command()
@click.option(
    "--lan", is_flag=True, help="Open the page to other devices of this network too: a phone. Says what it opens."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page. Default: a free one.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="quick: 22 photos and short blocks; full: 200 photos.",
)
@click.option("--kit", default="", metavar="FOLDER", help="Models and photos. Default: those of Part 1's latest run.")
@click.option(
    "--data", "dataset", default="rehearsal", show_default=True, help="Photos: rehearsal, food11, or a folder."
)
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of run records. Default: runs/ here.")
@click.option("--run-id", default="browser", show_default=True, help="Run of part edge to measure into.")
def browser(lan: bool, port: int, profile: str, kit: str, dataset: str, runs: Path | None, run_id: str) -> None:
    """Measure Part 2's models in your own browser or phone: prints a page's URL, and records what it measures."""
    from snippets.edge.browser.results import summary
    from snippets.edge.browser.verb import ByHandOptions, measure_by_hand
    from snippets.record.run import load_record

    options = ByHandOptions(run_id, str(runs or ""), profile, kit, dataset, lan, port)
    folder = measure_by_hand(options, _say)
    _say(summary(load_record(folder)))
    _say(f"recorded in {folder}")


@cli.command()
@click.argument("run", metavar="RUN|PART", type=RUN)
def show(run: str) -> None:
    """Print what RUN measured: tables, targets, expected v. measured. A PART means its run with your answers."""
    from grading.report.tables import show_run

    _say(show_run(_run_folder(run), terminal.width()))


def _run_folder(run: str) -> Path:
    """The run that a RUN argument means; for a part, says which it is and why."""
    from grading.questions.which_run import run_named

    meant = run_named(run)
    if meant.told:
        _say(meant.told, err=True)
    return meant.folder


@cli.command()
@click.argument("runs", metavar="RUN|PART...", nargs=-1, required=True, type=RUN)
@click.option("--out", type=click.Path(path_type=Path), help="File to write. Default: report.html in the first run.")
def report(runs: tuple[str, ...], out: Path | None) -> None:
    """Write one self-contained HTML page with the tables, figures and host facts of the runs (a PART: its run with
    your answers)."""
    from grading.report.page import write_report

    _say(write_report([_run_folder(run) for run in runs], out))


@cli.command()
@click.argument("runs", metavar="[RUN|PART]...", nargs=-1, type=RUN)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="site",
    show_default=True,
    metavar="DIR",
    help="Folder to write: a new or empty one, or an earlier site, which is replaced.",
)
def site(runs: tuple[str, ...], out: Path) -> None:
    """Write the lab as pages to look at before installing it: every lesson with a recorded run (of none named: the
    latest of each part), and the instructor's guide. At most 10 MB; opens from a file."""
    from grading.site.build import write_site
    from reserve.hardware import load

    for line in write_site([_run_folder(run) for run in runs], out, list(load().values())):
        click.echo(line)


@cli.command()
@click.option("--gpu", is_flag=True, help="Also compute something small with every engine on the GPU; seconds.")
def doctor(gpu: bool) -> None:
    """Say what this machine has and lacks for the lab, and how to get it."""
    from reserve.verbs.doctor import examine_gpu, examine_machine

    text, ok = examine_machine()
    if gpu:
        said, computes = examine_gpu()
        text, ok = f"{text}\n{said}", ok and computes
    _say(text)
    if not ok:
        raise SystemExit(12)


@cli.command()
@click.argument("names", metavar="[cache|state|temporary|all]...", nargs=-1)
def clean(names: tuple[str, ...]) -> None:
    """List what the kit keeps on this machine, with sizes; remove what you name. Records are never removed."""
    from reserve.verbs.clean import clean as clean_up

    clean_up(names, _say)


# --- On Chameleon -----------------------------------------------------------------------------------


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option("--from", "start", default="", metavar="TIME", help="UTC, or of --tz. Default: the next hour.")
@click.option("--until", default="", metavar="TIME", help="Default: seven days later.")
@click.option("--site", default="", help="CHI@TACC, CHI@UC or CHI@Edge. Default: every site of the part.")
@click.option("--node", default="", help="One node or device by name.")
@click.option("--tz", default="", metavar="ZONE", help="Your time zone, as America/New_York. Default: this machine's.")
def slots(part: str, start: str, until: str, site: str, node: str, tz: str) -> None:
    """Show free blocks for PART, in UTC and in your time."""
    from reserve.desk import Desk
    from reserve.verbs.slots import SlotSearch, show_slots

    _say(show_slots(Desk(), part, SlotSearch(start, until, site, node, tz)))


def _on_chameleon(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every verb that reserves."""
    for option in (
        click.option("--tz", default="", metavar="ZONE", help="Zone of --start. Default: UTC."),
        click.option("--node", default="", help="One node or device by name."),
        click.option("--site", default="", help="CHI@TACC, CHI@UC, CHI@Edge, or local (this machine, no account)."),
        click.option("--netid", default="", help="Your NetID, for the lease's name. Default: $SERVELAB_NETID."),
        click.option("--start", default="", metavar="TIME", help="A whole hour, UTC; or `now`. Default: next free."),
    ):
        command = option(command)
    return command


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@_on_chameleon
def reserve(part: str, start: str, netid: str, site: str, node: str, tz: str) -> None:
    """Reserve a block for PART by the course's rules; a refusal names the next free ones."""
    from reserve.desk import Desk
    from reserve.lease.wishes import wishes_from
    from reserve.verbs.reserve import reserve_block

    reserve_block(Desk(), part, wishes_from(start=start, netid=netid, site=site, node=node, tz=tz))


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option("--public", is_flag=True, help="Open JupyterLab to the internet. Default: an SSH tunnel only.")
@click.option("--tunnel", is_flag=True, help="Keep the SSH tunnel open until Ctrl-C.")
@click.option("--data", "dataset", default="rehearsal", show_default=True, help="Data set to prepare on the node.")
@click.option("--key", default="", help="Private SSH key. Default: the usual ones in ~/.ssh.")
def up(part: str, public: bool, tunnel: bool, dataset: str, key: str) -> None:
    """Wait for the lease, boot and prepare the node, print the one URL. Repeat it freely."""
    from reserve.desk import Desk
    from reserve.verbs.up import UpOptions, bring_up

    bring_up(Desk(key=key), part, UpOptions(public, tunnel, dataset))


@cli.command()
@click.option("--orphans", "lost", is_flag=True, help="Search every site for what a crash left behind.")
def status(lost: bool) -> None:
    """Show leases, nodes, minutes left, and what is running."""
    from reserve.desk import Desk
    from reserve.verbs.status import show_status

    _say(show_status(Desk(), lost))


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option("--extend", default="", metavar="LENGTH", help="For example 1h or 30m, if nobody holds the time after.")
def keep(part: str, extend: str) -> None:
    """Show how long PART's node is yours, or extend its lease."""
    from reserve.desk import Desk
    from reserve.verbs.keep import keep_node

    keep_node(Desk(), part, extend)


@cli.command()
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@click.option("--netid", default="", help="Also look for what another machine made under this NetID ...")
@click.option("--site", default="", help="... at this site.")
def down(part: str, netid: str, site: str) -> None:
    """Give back everything PART holds, and check that it is gone."""
    from reserve.desk import Desk
    from reserve.verbs.down import take_down

    take_down(Desk(), part, netid=netid, site=site)


@cli.command()
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@_on_chameleon
@click.option("--profile", type=click.Choice(["quick", "full"]), help="Default: what hardware.toml sets for the node.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A notebook parameter.")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of run records. Default: runs/ here.")
@click.option("--run-id", help="Name of the run's folder. Default: the profile's name.")
@click.option("--timeout", "timeout_s", type=float, default=1800, show_default=True, help="Seconds for one notebook.")
@click.option("--keep", is_flag=True, help="Do not give the node back at the end.")
@click.option("--key", default="", help="Private SSH key. Default: the usual ones in ~/.ssh.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Your predictions, as for `servelab run`.",
)
@_challenge_option
def go(
    part: str,
    start: str,
    netid: str,
    site: str,
    node: str,
    tz: str,
    profile: str | None,
    params: tuple[str, ...],
    runs: Path | None,
    run_id: str | None,
    timeout_s: float,
    keep: bool,
    key: str,
    predictions: Path | None,
    challenge: tuple[str, ...],
) -> None:
    """Reserve, boot, run, collect and give back, unattended. Repeat it to go on after any failure."""
    from grading.questions.predictions import ask_first
    from reserve.desk import Desk
    from reserve.lease.wishes import wishes_from
    from reserve.run.options import RunOptions
    from reserve.verbs.go import Order, run_unattended
    from reserve.verbs.run import name_at

    lease = wishes_from(start=start, netid=netid, site=site, node=node, tz=tz)
    settings = (*params, *challenge)
    options = RunOptions(profile or "", settings, runs, run_id, timeout_s=timeout_s, predictions=predictions)
    ask_first(part, options, name_at(options), _say, _confirm_on_a_terminal())
    order = Order(lease, options, keep)
    run_unattended(Desk(key=key), part, order)


# --- Hand in and grade ------------------------------------------------------------------------------


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option(
    "--functions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the start of functions.py, the part's coding questions, to FILE.",
)
@click.option("--open", "only_open", is_flag=True, help="Only the predictions that no notebook (nor FILE) holds yet.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Instead, write PART's predictions to FILE, to fill in before you measure; with --open, read them from FILE.",
)
def questions(part: str, functions: Path | None, only_open: bool, predictions: Path | None) -> None:
    """Print PART's questions: read them, and make your predictions, before your lease begins."""
    from grading.functions.tasks import write_skeleton
    from grading.questions.describe import describe
    from grading.questions.predictions import still_open
    from grading.questions.predictions_file import write

    if only_open:
        _say(still_open(part, predictions))
        return
    if predictions:
        _say(write(part, predictions))
        return
    _say(describe(part))
    if functions:
        _say(f"wrote {write_skeleton(part, functions)}; save yours as functions.py in your run's folder")


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option("--run", "run_folder", type=click.Path(path_type=Path), help="Run folder. Default: the one with answers.")
def check(part: str, run_folder: Path | None) -> None:
    """Say what PART's run still lacks: answers, screenshots, measurements."""
    from grading.submission.selfcheck import check_run

    text, complete = check_run(part, run_folder)
    _say(text)
    raise SystemExit(0 if complete else 1)


@cli.command()
@click.argument("runs", metavar="RUN|PART...", nargs=-1, required=True, type=RUN)
@click.option("--netid", required=True, help="Your NetID, such as ab123.")
@click.option("--name", default="", help="Your name, for the PDF's head.")
@click.option(
    "--screens",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of screenshots, each named by its question id; repeat for more.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. Default: runs/submissions/NETID.")
@click.option("--pull", is_flag=True, help="First bring home the runs of the parts named from their nodes.")
def collect(
    runs: tuple[str, ...], netid: str, name: str, screens: tuple[Path, ...], out: Path | None, pull: bool
) -> None:
    """Make submission.zip and submission.pdf of one run per part (a run folder, or a PART: its run with answers)."""
    from grading.submission.collect import Student, make_submission

    if pull:
        from reserve.desk import Desk
        from reserve.verbs.pull import pull_parts

        pull_parts(Desk(), [part for part in runs if part in PARTS])
    folders = [_run_folder(run) for run in runs]
    made = make_submission(folders, Student(netid, name), out=out, screens=screens)
    _say("\n".join(made.lines()))


@cli.command()
@click.argument("submissions", metavar="SUBMISSION...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="grades.csv",
    show_default=True,
    help="CSV to write; JSON, class report (HTML) and similarity list go beside it.",
)
@click.option("--part", "parts", multiple=True, type=PART, metavar="PART", help="A part that must be there; repeat.")
@click.option("--functions", is_flag=True, help="Run the function tests too (student code, confined).")
@click.option(
    "--leases",
    type=click.Path(path_type=Path, exists=True),
    help="The testbed's leases (JSON), to confirm those of the records.",
)
@click.option(
    "--users",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Whose the testbed's accounts are (CSV: netid, user_id): then the account counts, not the lease's name.",
)
@click.option(
    "--staff-runs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Runs of the same parts that staff measured, to hold the records against.",
)
@click.option(
    "--rerun",
    type=click.IntRange(0, 50),
    default=0,
    metavar="N",
    help="Measure N relations of each submission again here, confined, in at most a minute: which variant is faster, "
    "outputs, sizes. What does not hold is a doubt for staff and costs no points.",
)
@click.option(
    "--models",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Models for --rerun where none was handed in. Default: those of the newest runs here.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The secret of `servelab challenge`: each run must have answered the images of its student's code.",
)
@click.option("--only", default="", metavar="NETID", help="Grade this one again, take the others as they are.")
@click.option("--workers", type=click.IntRange(1), help="Processes. Default: one a core.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The class as CSV with a column netid, as for `servelab plan`: who handed in nothing gets a row, too.",
)
@click.option("--excel", is_flag=True, help="Write the CSV files for Excel (UTF-8 with a byte order mark).")
@click.option(
    "--exemplars",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write a page for each explanation: all answers, each beside an exemplar with that student's numbers.",
)
def grade(
    submissions: tuple[Path, ...],
    out: Path,
    parts: tuple[str, ...],
    functions: bool,
    leases: Path | None,
    users: Path | None,
    staff_runs: Path | None,
    rerun: int,
    models: Path | None,
    secret_file: Path | None,
    only: str,
    workers: int | None,
    roster: Path | None,
    excel: bool,
    exemplars: Path | None,
) -> None:
    """Grade zips, submission folders, or a Gradescope, nbgrader or LMS export folder. Resumes where it stopped."""
    _need_staff("servelab grade")
    from grading.batch.outputs import Asked, OfClass, grade_and_tell
    from grading.rerun.codes import read_secret
    from reserve.plan.course.roster import read_roster

    students = tuple(student.netid for student in read_roster(roster, "UTC")) if roster else ()
    secret = read_secret(secret_file) if secret_file else None
    of_class = OfClass(students, rerun, models, excel, partial(_say, err=True), secret)
    submissions = tuple(_submission(path) for path in submissions)
    asked = Asked(parts, functions, leases, staff_runs, only, workers, of_class, users)
    grade_and_tell(submissions, out, asked, say=_say)
    if exemplars:
        from grading.staff.pages import write_exemplars

        _say(write_exemplars(submissions, exemplars))


def _submission(path: Path) -> Path:
    """A submission to be graded; a part's name means its run here with the answers, for a look at one's own."""
    return _run_folder(str(path)) if str(path) in PARTS and not path.exists() else path


@cli.command()
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The course's secret, for staff only. `servelab grade --secret-file` needs it again.",
)
@click.option("--new", is_flag=True, help="Make that file, with a new secret.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The class as CSV with a column netid, as for `servelab plan`.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="codes.csv",
    show_default=True,
    help="CSV to write (netid, code), for a mail merge.",
)
def challenge(secret_file: Path, new: bool, roster: Path, out: Path) -> None:
    """Write each student's challenge code: images drawn from it must be answered in the run, and staff check them."""
    _need_staff("servelab challenge")
    from grading.rerun.codes import make_secret, read_secret, write_codes
    from reserve.plan.course.roster import read_roster

    netids = [student.netid for student in read_roster(roster, "UTC")]
    if new:
        _say(make_secret(secret_file))
    _say(write_codes(read_secret(secret_file), netids, out))


def _need_staff(what: str) -> None:
    """Raises UsageError in a student's copy of the kit, which lacks what only staff may see."""
    if not (STAFF / "pages.py").is_file():
        raise click.UsageError(f"{what} needs {STAFF}, which students' copies of the kit lack: use the course's own.")


@cli.command()
@click.argument("submissions", metavar="SUBMISSION...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="viva.html",
    show_default=True,
    help="Page to write (HTML, a student on each printed page). For staff: the answers are on it.",
)
@click.option("--part", "parts", multiple=True, type=PART, metavar="PART", help="Ask about this part only; repeat.")
def viva(submissions: tuple[Path, ...], out: Path, parts: tuple[str, ...]) -> None:
    """Write five questions for each student about their own numbers, with the answers, to be asked face to face."""
    _need_staff("servelab viva")
    from grading.staff.viva.pages import write_viva

    _say(write_viva(submissions, out, parts))


@cli.group()
def gradescope() -> None:
    """Make what an instructor uploads to Gradescope."""


@gradescope.command("build")
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="autograder.zip", show_default=True)
@click.option("--functions", is_flag=True, help="Also run the function tests (student code, confined).")
def gradescope_build(part: str, out: Path, functions: bool) -> None:
    """Write autograder.zip: it grades PART's records with the standard library and numpy."""
    _need_staff("servelab gradescope build")
    from grading.gradescope.build import build_autograder

    _say(build_autograder(part, out, functions=functions))


@gradescope.command("template")
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="template.pdf", show_default=True)
def gradescope_template(part: str, out: Path) -> None:
    """Write template.pdf: question N on page N, for a fixed-template assignment."""
    from grading.submission.collect import write_template

    _say(write_template(parts_named(part), out))


@cli.command()
@click.argument("part", metavar="PART|all", type=PART_OR_ALL)
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default="course",
    show_default=True,
    help="nbgrader's course folder.",
)
@click.option("--repair", is_flag=True, help="Mend what is in submitted/ instead, before `nbgrader autograde`.")
def release(part: str, course: Path, repair: bool) -> None:
    """Write PART as an nbgrader assignment; then nbgrader's own commands take over."""
    _need_staff("servelab release")
    from grading.nbgrader.release import release_or_repair

    for line in release_or_repair(part, course, repair):
        _say(line)


@cli.command()
@click.argument("part", metavar="PART", type=PART)
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default="course",
    show_default=True,
    help="nbgrader's course folder.",
)
@click.option("--force", is_flag=True, help="Also grade again who was graded.")
@click.option("--workers", type=click.IntRange(1), help="Processes. Default: two a core.")
def autograde(part: str, course: Path, force: bool, workers: int | None) -> None:
    """Run `nbgrader autograde PART`, several students at a time."""
    _need_staff("servelab autograde")
    from grading.nbgrader.autograde import autograde_class

    autograde_class(part, course, force=force, workers=workers, say=_say)


@cli.command()
def course() -> None:
    """Say what your course's folder own/ changes of the kit, and check all of it. Nothing is written."""
    _need_staff("servelab course")
    from grading.course import changes
    from reserve.hardware import TABLE as HARDWARE
    from reserve.hardware import load
    from reserve.plan.course.rules import TABLE as RULES
    from reserve.plan.course.rules import load_rules
    from reserve.run.parameters import of_parts

    load(), load_rules(), of_parts(PARTS)
    for line in changes({HARDWARE.name: HARDWARE, RULES.name: RULES}):
        _say(line)


@cli.command()
@click.argument("out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def edition(out: Path) -> None:
    """Write the kit as students get it into the new folder DIR: without rubrics, right answers and solutions."""
    _need_staff("servelab edition")
    from grading.notebooks import convert
    from reserve.verbs.edition import write_edition

    _say(write_edition(out, built=convert))


@cli.command()
@click.argument("out", metavar="FILE.tar.gz", type=click.Path(path_type=Path, dir_okay=False))
def trovi(out: Path) -> None:
    """Write the student edition as an artifact for Trovi, and beside it the texts that Trovi's form asks for."""
    _need_staff("servelab trovi")
    from grading.notebooks import convert
    from reserve.verbs.edition import write_artifact

    for line in write_artifact(out, built=convert):
        _say(line)


cli.add_command(plan)


def main() -> None:
    """Entry point: whatever goes wrong becomes one line and its documented exit code, never a traceback."""
    from reserve.run.faults import as_kit_error, silence
    from snippets.errors import INTERRUPTED_EXIT_CODE, KitError

    try:
        code = cli.main(prog_name="servelab", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()  # what cannot be written is told below, not by Python as it ends
        if isinstance(code, int) and code:
            raise SystemExit(code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("servelab: stopped by Ctrl-C; what was finished is kept.", err=True)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        told = error if isinstance(error, KitError) else as_kit_error(error)
        silence(error)
        _say(f"servelab: {told}", err=True)
        raise SystemExit(told.exit_code) from None


if __name__ == "__main__":
    main()
