"""`servelab run --grid`: a part's notebooks over a grid of parameters, each combination a run of its own.

Local processes by default, one at a time, since measurements that share a machine disturb each other; `workers` runs
several at once where that does not matter. With a Dask scheduler each worker takes one combination at a time: give
every worker one slot (`dask worker --nthreads 1`) and a `--runs` folder that all of them share.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from reserve.desk import runs_folder
from reserve.run.here import PartRun
from reserve.run.options import RunOptions
from snippets.errors import CellError, KitError, Place, ToolMissing, UsageError, first_line
from snippets.record.context import LOCK_VARIABLE, UNLOCKED
from snippets.record.lock import alone_on_machine
from snippets.record.settings import name_of
from snippets.terminal import bar, no_bars

MAX_POINTS = 500


RunParts = Callable[[str, RunOptions, Callable[[str], None]], Sequence[PartRun]]
"""Runs the notebooks of a part, as `reserve.run.here.run_parts` does."""
WriteReport = Callable[[Sequence[Path], Path], Path]
"""Writes one page about these run folders and returns its path."""


@dataclass(frozen=True)
class Point:
    """One combination: a part, the options that all combinations share, and NAME=VALUE texts of its own."""

    part: str
    options: RunOptions
    grid: tuple[str, ...]

    @property
    def run_id(self) -> str:
        """Name of the run's folder: the profile (or `--run-id`) and all values, such as `quick-batch-8-threads-2`."""
        return name_of(self.options.name, (*self.options.params, *self.grid))

    @property
    def own_options(self) -> RunOptions:
        """The options with this combination's parameters and folder."""
        return replace(self.options, params=(*self.options.params, *self.grid), run_id=self.run_id)


@dataclass(frozen=True)
class Workers:
    """Where a grid runs: so many processes here at once, or the Dask workers of `scheduler` (tcp://HOST:PORT)."""

    count: int = 1
    scheduler: str = ""


def points_of(grids: Iterable[str]) -> list[tuple[str, ...]]:
    """All combinations of `NAME=V1,V2` texts, in order. Raises UsageError for another form, or more than 500."""
    axes: list[list[str]] = []
    names: list[str] = []
    for text in grids:
        name, equals, values = text.partition("=")
        found = list(dict.fromkeys(value.strip() for value in values.split(",") if value.strip()))
        if not equals or not name.isidentifier() or not found:
            raise UsageError(f"--grid {text!r}: write NAME=VALUE1,VALUE2, such as --grid threads=1,2.")
        if name in names:
            raise UsageError(f"--grid names {name} twice; list all of its values in one.")
        names.append(name)
        axes.append([f"{name}={value}" for value in found])
    points = list(itertools.product(*axes))
    if len(points) > MAX_POINTS:
        raise UsageError(f"The grid has {len(points)} combinations; at most {MAX_POINTS} are run at once.")
    return points


def run_point(point: Point, run_parts: RunParts) -> list[str]:
    """Run one combination in this process (which may be a Dask worker's); returns its run folders."""
    with no_bars():
        done = run_parts(point.part, point.own_options, lambda _: None)
    return [str(finished.folder) for finished in done]


def _locally(
    points: Sequence[Point], run_parts: RunParts, workers: int
) -> Iterator[tuple[Point, list[str] | BaseException]]:
    # Several at once are asked for: they hold the machine together.
    with (
        _together(workers),
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        waiting: dict[Future[list[str]], Point] = {pool.submit(run_point, point, run_parts): point for point in points}
        for done in as_completed(waiting):
            error = done.exception()
            yield waiting[done], error if error is not None else done.result()


@contextmanager
def _together(workers: int) -> Iterator[None]:
    """With several workers, hold the machine for all of them: they inherit that none waits for another."""
    if workers == 1:
        yield
        return
    with alone_on_machine("servelab run --grid"):
        before = os.environ.get(LOCK_VARIABLE)
        os.environ[LOCK_VARIABLE] = UNLOCKED
        try:
            yield
        finally:
            del os.environ[LOCK_VARIABLE]
            if before is not None:
                os.environ[LOCK_VARIABLE] = before


def _on_dask(
    points: Sequence[Point], run_parts: RunParts, scheduler: str
) -> Iterator[tuple[Point, list[str] | BaseException]]:
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError:
        raise ToolMissing("--scheduler needs Dask: pip install 'servelab[dask]' here and on every worker.") from None
    try:
        client = Client(scheduler, timeout="20s")
    except OSError as refused:
        raise UsageError(f"No Dask scheduler answers at {scheduler} ({refused}). Start one: dask scheduler.") from None
    with client:
        waiting = {client.submit(run_point, point, run_parts, pure=False, retries=0): point for point in points}
        for done in completed(list(waiting)):
            error = done.exception()
            yield waiting[done], error if error is not None else done.result()


def run_grid(
    points: Sequence[Point],
    run_parts: RunParts,
    write_report: WriteReport,
    workers: Workers = Workers(),
    say: Callable[[str], None] = print,
) -> str:
    """Run every combination and write one report; returns its path. What is finished replays from its record.

    A combination that fails does not stop the others. Raises CellError at the end, naming those that failed, after
    the report of the rest is written.
    """
    started = time.monotonic()
    done: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    places: dict[str, Place] = {}
    if workers.scheduler:
        results = _on_dask(points, run_parts, workers.scheduler)
    else:
        results = _locally(points, run_parts, workers.count)
    with bar("grid", len(points)) as meter:
        for number, (point, found) in enumerate(results, start=1):
            if isinstance(found, BaseException):
                place = found.place if isinstance(found, KitError) else Place()
                failed[point.run_id] = first_line(found) + (f" ({place})" if str(place) else "")
                places[point.run_id] = place
            else:
                done[point.run_id] = found
            left = (time.monotonic() - started) / number * (len(points) - number)
            state = f"failed: {failed[point.run_id]}" if point.run_id in failed else "done"
            meter.done(1, f"{number} of {len(points)}")
            say(f"[{number}/{len(points)}] {', '.join(point.grid)}: {state}, about {left:.0f} s left")
    out = runs_folder(points[0].options.runs) / "grid"
    out.mkdir(parents=True, exist_ok=True)
    where = {name: asdict(place) for name, place in places.items()}
    summary: Mapping[str, Any] = {"runs": done, "failed": failed, "failed_at": where}
    (out / "grid.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    report = ""
    if done:
        folders = tuple(Path(folder) for point in points for folder in done.get(point.run_id, ()))
        report = str(write_report(folders, out / "report.html"))
    if failed:
        raise CellError(
            f"{len(failed)} of {len(points)} combinations failed: "
            + "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:5])
            + (f". The others are in {report}." if report else ".")
        )
    return report
