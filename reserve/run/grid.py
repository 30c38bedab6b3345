"""`servelab run --grid`: a part's notebooks over a grid of parameters, each combination a run of its own.

Local processes by default, one at a time, since measurements that share a machine disturb each other; `workers` runs
several at once where that does not matter. With a Dask scheduler each worker takes one combination at a time: give
every worker one slot (`dask worker --nthreads 1`) and a `--runs` folder that all of them share.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from snippets.errors import CellError, ToolMissing, UsageError

MAX_POINTS = 500


@dataclass(frozen=True)
class Point:
    """One combination: `grid` holds NAME=VALUE texts, `runs` the folder of run records."""

    part: str
    profile: str
    params: tuple[str, ...]
    grid: tuple[str, ...]
    runs: str
    mode: str
    timeout_s: float

    @property
    def run_id(self) -> str:
        """Name of the run's folder: the profile and the values, such as `quick-batch-8-threads-2`."""
        return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join([self.profile, *self.grid])).strip("-")[:120]


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


def run_point(point: Point, run_parts: Callable[..., Sequence[Any]]) -> list[str]:
    """Run one combination in this process (which may be a Dask worker's); returns its run folders."""
    done = run_parts(
        point.part,
        profile=point.profile,
        params=(*point.params, *point.grid),
        runs=Path(point.runs),
        run_id=point.run_id,
        mode=point.mode,
        timeout_s=point.timeout_s,
        say=lambda _: None,
    )
    return [str(finished.folder) for finished in done]


def _locally(
    points: Sequence[Point], run_parts: Callable[..., Any], workers: int
) -> Iterator[tuple[Point, list[str] | BaseException]]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting: dict[Future[list[str]], Point] = {pool.submit(run_point, point, run_parts): point for point in points}
        for done in as_completed(waiting):
            error = done.exception()
            yield waiting[done], error if error is not None else done.result()


def _on_dask(
    points: Sequence[Point], run_parts: Callable[..., Any], scheduler: str
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
    run_parts: Callable[..., Sequence[Any]],
    *,
    scheduler: str = "",
    workers: int = 1,
    say: Callable[[str], None] = print,
) -> str:
    """Run every combination and write one report; returns its path. What is finished replays from its record.

    A combination that fails does not stop the others. Raises CellError at the end, naming those that failed, after
    the report of the rest is written.
    """
    started = time.monotonic()
    done: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    results = _on_dask(points, run_parts, scheduler) if scheduler else _locally(points, run_parts, workers)
    for number, (point, outcome) in enumerate(results, start=1):
        if isinstance(outcome, BaseException):
            failed[point.run_id] = str(outcome).strip().splitlines()[0] if str(outcome) else type(outcome).__name__
        else:
            done[point.run_id] = outcome
        left = (time.monotonic() - started) / number * (len(points) - number)
        state = f"failed: {failed[point.run_id]}" if point.run_id in failed else "done"
        say(f"[{number}/{len(points)}] {', '.join(point.grid)}: {state}, about {left:.0f} s left")
    out = Path(points[0].runs) / "grid"
    out.mkdir(parents=True, exist_ok=True)
    summary: Mapping[str, Any] = {"runs": done, "failed": failed}
    (out / "grid.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    report = ""
    if done:
        from grading.report.page import write_report

        folders = tuple(Path(folder) for point in points for folder in done.get(point.run_id, ()))
        report = str(write_report(folders, out / "report.html"))
    if failed:
        raise CellError(
            f"{len(failed)} of {len(points)} combinations failed: "
            + "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:5])
            + (f". The others are in {report}." if report else ".")
        )
    return report
