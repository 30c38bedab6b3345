"""The `servelab` command: verbs only. Each verb is one call into `reserve`, `grading` or `snippets`.

Heavy modules are imported inside the verbs, so that `servelab --help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

PARTS = ("model", "edge", "system")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="servelab")
def cli() -> None:
    """Rehearse the model serving lab on this machine, run it on Chameleon, hand it in, grade it."""


# --- Run and look -----------------------------------------------------------------------------------


@cli.command()
@click.argument("part", metavar="PART|all")
@click.option("--profile", type=click.Choice(["quick", "full"]), default="quick", show_default=True,
              help="quick: seconds per step; full: the real thing.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE",
              help="A notebook parameter; repeat for more. `servelab params PART` lists them.")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of run records. Default: runs/ here.")
@click.option("--run-id", help="Name of the run's folder. Default: the profile's name.")
@click.option("--mode", type=click.Choice(["resume", "fresh", "replay"]), default="resume", show_default=True,
              help="resume: do what is missing; fresh: do all again; replay: only read, fail if a step is missing.")
@click.option("--timeout", "timeout_s", type=float, default=1800, show_default=True,
              help="Longest time one notebook may take, in seconds.")
def run(part: str, profile: str, params: tuple[str, ...], runs: Path | None, run_id: str | None, mode: str,
        timeout_s: float) -> None:
    """Execute the notebooks of PART (model, edge, system, or all) and record every measurement."""
    from grading.report import write_report
    from grading.tables import show_run
    from reserve.local_run import run_parts

    done = run_parts(part, profile=profile, params=params, runs=runs, run_id=run_id, mode=mode, timeout_s=timeout_s,
                     say=click.echo)
    for finished in done:
        click.echo("\n" + show_run(finished.folder))
    click.echo()
    for finished in done:
        click.echo(f"Run folder: {finished.folder} ({finished.seconds:.0f} s, {finished.measured} steps measured, "
                   f"{finished.replayed} replayed)")
    folders = [finished.folder for finished in done]
    out = None if len(folders) == 1 else folders[0].parent.parent / "report.html"
    click.echo(f"Report:     {write_report(folders, out)}")


@cli.command()
@click.argument("part", metavar="PART")
def params(part: str) -> None:
    """List the parameters of PART's notebooks: type, default, meaning."""
    from reserve.parameters import describe

    click.echo(describe(part))


@cli.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
def show(folder: Path) -> None:
    """Print what RUN measured: tables, targets, expected v. measured."""
    from grading.tables import show_run

    click.echo(show_run(folder))


@cli.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write. Default: RUN/report.html.")
def report(folders: tuple[Path, ...], out: Path | None) -> None:
    """Write one self-contained HTML page with the tables, figures and host facts of the runs."""
    from grading.report import write_report

    click.echo(write_report(folders, out))


@cli.command()
def doctor() -> None:
    """Say what this machine has and lacks for the lab, and how to get it."""
    from reserve.doctor import examine

    text, ok = examine()
    click.echo(text)
    if not ok:
        raise SystemExit(12)


# --- On Chameleon -----------------------------------------------------------------------------------


# --- Hand in and grade ------------------------------------------------------------------------------


@cli.command()
@click.argument("part", type=click.Choice(PARTS))
@click.option("--functions", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Also write the start of functions.py, the part's coding questions, to FILE.")
def questions(part: str, functions: Path | None) -> None:
    """Print PART's questions: read them before your lease begins."""
    from grading.selfcheck import describe, start_functions

    click.echo(describe(part))
    if functions:
        click.echo(f"wrote {start_functions(part, functions)}; save yours as functions.py in your run's folder")


@cli.command()
@click.argument("part", type=click.Choice(PARTS))
@click.option("--run", "run_folder", type=click.Path(path_type=Path), help="Run folder. Default: the part's newest.")
def check(part: str, run_folder: Path | None) -> None:
    """Say what PART's run still lacks: answers, screenshots, measurements."""
    from grading.selfcheck import check as examine

    text, complete = examine(part, run_folder)
    click.echo(text)
    raise SystemExit(0 if complete else 1)


@cli.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--netid", required=True, help="Your NetID, such as ab123.")
@click.option("--name", default="", help="Your name, for the PDF's head.")
@click.option("--screens", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="A folder of screenshots, each named by its question id; repeat for more.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. Default: runs/submissions/NETID.")
def collect(runs: tuple[str, ...], netid: str, name: str, screens: tuple[Path, ...], out: Path | None) -> None:
    """Make submission.zip and submission.pdf of one run per part (a run folder, or a part: its newest run)."""
    from grading.selfcheck import run_folder
    from grading.submission.collect import collect as make

    folders = [run_folder(run, None) if run in PARTS else Path(run) for run in runs]
    made = make(folders, netid=netid, name=name, out=out, screens=screens)
    click.echo("\n".join(made.lines()))


@cli.command()
@click.argument("submissions", metavar="SUBMISSION...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="grades.csv", show_default=True,
              help="CSV to write; JSON, class report (HTML) and similarity list go beside it.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="A part that must be there; repeat.")
@click.option("--functions", is_flag=True, help="Run the function tests too (student code, confined).")
@click.option("--leases", type=click.Path(path_type=Path, exists=True),
              help="The testbed's leases (JSON), to confirm those of the records.")
@click.option("--only", default="", metavar="NETID", help="Grade this one again, take the others as they are.")
@click.option("--workers", type=click.IntRange(1), help="Processes. Default: one a core.")
def grade(submissions: tuple[Path, ...], out: Path, parts: tuple[str, ...], functions: bool, leases: Path | None,
          only: str, workers: int | None) -> None:
    """Grade zips, submission folders, or a Gradescope, nbgrader or LMS export folder. Resumes where it stopped."""
    from grading.grade_class import grade_class, read_leases

    grades = grade_class(submissions, out, leases=read_leases(leases) if leases else None, functions=functions,
                         parts=parts, only=only, workers=workers, say=lambda line: click.echo(line, err=True))
    for graded in grades:
        trust = ", ".join(f"{part.part} {part.points:g}/{part.possible:g} ({part.trust})" for part in graded.parts)
        click.echo(f"{graded.netid}: {graded.points:g} of {graded.possible:g} points; {trust or graded.problems[0]}")
    click.echo(f"wrote {out}, {out.with_suffix('.json').name}, {out.with_suffix('.html').name} and "
               f"{out.with_suffix('.similarity.csv').name}")


# --- Plan a class -----------------------------------------------------------------------------------


def main() -> None:
    """Entry point: errors of the kit become one line and their exit code, never a traceback."""
    from snippets.errors import INTERRUPTED_EXIT_CODE, KitError

    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("servelab: stopped by Ctrl-C; what was finished is kept.", err=True)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except KeyboardInterrupt:
        click.echo("servelab: stopped by Ctrl-C; what was finished is kept.", err=True)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except KitError as error:
        click.echo(f"servelab: {error}", err=True)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    sys.exit(main())
