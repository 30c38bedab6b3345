"""The verb `servelab plan`: its options. The planner itself is imported when it is called."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from snippets.errors import PlanError, UsageError


@click.command()
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV: netid, tz, unavailable, preferred, extra_time, pair (only netid is required).",
)
@click.option(
    "--what-if",
    "what_if",
    default="",
    metavar="TEXT",
    help="Plan without roster or account: students=191,weeks=2,liqid=4,gigaio=2,p100=6,pi5=7[,busy=0.3].",
)
@click.option("--due", default="", metavar="TIME", help="When all must be done, in --tz: 2027-03-20T23:59.")
@click.option("--tz", default="", metavar="ZONE", help="The course's zone, as America/New_York. Default: UTC.")
@click.option("--from", "start", default="", metavar="TIME", help="First hour to plan, in --tz. Default: now.")
@click.option(
    "--calendar",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Saved calendars (each plan saves calendar.json). Default: ask the testbed.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Planning rules. Default: reserve/plan/course/rules.toml.",
)
@click.option("--out", type=click.Path(path_type=Path), default="plan", show_default=True, help="Folder of the plan.")
@click.option(
    "--simulate",
    type=click.IntRange(2, 10000),
    metavar="TERMS",
    help="Play so many terms with failures: who finishes by the due date and by later ones.",
)
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value=30,
    type=click.IntRange(2, 1000),
    metavar="[TERMS]",
    help="Play so many terms (30) under several due-date policies: which differ, with and without a plan.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=30,
    show_default=True,
    help="Time by the clock for the whole plan; Ctrl-C keeps the best so far.",
)
@click.option("--apply", "mode", flag_value="apply", help="Make the leases that are due now; none is made twice.")
@click.option("--hold", "mode", flag_value="hold", help="Hold all times by placeholders; --apply hands them over.")
@click.option("--lines", "mode", flag_value="lines", help="Print the commands that --apply would carry out.")
@click.option("--check", "mode", flag_value="check", help="Compare the plan with the calendar.")
@click.option("--replan", "mode", flag_value="replan", help="After a change, move as few people as possible.")
@click.option("--missed", multiple=True, metavar="NETID:PART", help="With --replan: a block that came to nothing.")
@click.option(
    "--requests",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What students ask for (CSV: netid, part, request, time, with). Nobody else moves.",
)
@click.option("--now", default="", metavar="TIME", help="Pretend that it is this moment (UTC).")
def plan(mode: str | None, now: str, simulate: int | None, dry_run: int | None, **wishes: Any) -> None:
    """Plan a class: fair lease times for everyone before the due date, with proof of how good they are."""
    from reserve.plan import command

    asked = command.PlanWishes(simulate=simulate or 0, dry_run=dry_run or 0, **wishes)
    moment = command.from_saved_time(now) if now else None
    if sys.stderr.isatty():
        asked = replace(asked, say=lambda text: click.echo(text, err=True))
    if asked.requests is not None:
        if mode:
            raise UsageError(f"--requests and --{mode} are two steps: run one after the other")
        done = command.take_requests(asked, moment)
    elif mode == "check":
        done = command.check_plan(asked, moment)
    elif mode == "replan":
        done = command.replan_class(asked, moment)
    elif mode == "hold":
        done = command.hold_plan(asked, moment)
    elif mode in ("apply", "lines"):
        done = command.apply_plan(asked, moment, dry=mode == "lines")
    else:
        done = command.make(asked, moment)
    click.echo(done.text)
    if done.problem:
        raise PlanError(done.problem)
