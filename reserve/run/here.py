"""Run parts of the lab on this machine: one papermill run a notebook, one line a step."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reserve.run.cells import expected_s
from reserve.run.execute import execute
from reserve.run.naming import named, require_run, require_same_run
from reserve.run.options import DEFAULTS, RunOptions
from reserve.run.parameters import Params, of_parts, resolve
from reserve.run.smoke import smoke_test
from snippets.errors import KitError, UsageError
from snippets.files import storage_error
from snippets.parts import expand
from snippets.record.context import FRESH_VARIABLE, OWNER_VARIABLE, PROGRESS_VARIABLE
from snippets.record.head import HEAD
from snippets.record.lock import acquire, alone_on_machine
from snippets.record.run import default_runs, discard_if_empty
from snippets.terminal import Meter, bar


@dataclass(frozen=True)
class PartRun:
    """A part that ran to its end: its run folder, wall time in seconds, and how many steps were measured."""

    part: str
    folder: Path
    seconds: float
    measured: int
    replayed: int


class Progress:
    """Follows a run's progress.jsonl from another thread and hands each new line to `tell`."""

    def __init__(self, folder: Path, tell: Callable[[dict], None]) -> None:
        self._path, self._tell = folder / "progress.jsonl", tell
        self._offset = self._path.stat().st_size if self._path.exists() else 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.measured = self.replayed = 0
        self.failed_step = ""
        self._trouble: BaseException | None = None
        """The step that failed, if nothing was recorded since."""

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._trouble is not None and error is None:
            raise self._trouble

    def _follow(self) -> None:
        try:
            while not self._stop.wait(0.2):
                self._drain()
            self._drain()
        except (OSError, ValueError) as error:  # nobody reads what is told; that is said where the run is waited for
            self._trouble = error

    def _drain(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                event = json.loads(line)
                self.measured += event["state"] == "done"
                self.replayed += event["state"] == "replayed"
                self.failed_step = event["step"] if event["state"] == "failed" else ""
                self._tell(event)


def run_parts(part: str, options: RunOptions = DEFAULTS, say: Callable[[str], None] = print) -> list[PartRun]:
    """Execute the notebooks of `part` (or of all parts) in order; returns one PartRun a part.

    Raises UsageError before anything runs for an unknown part or parameter, for a run's name that is no folder's,
    and where a run of that name was measured with other parameters; RecordError for one to be replayed that is not
    there; what `smoke_test` raises where they ask for a GPU that does not compute; then what `execute` raises, and
    RunLocked while another run works in the same folder.
    """
    parts = expand(part)
    if options.timeout_s <= 0:
        raise UsageError(f"--timeout is {options.timeout_s:g}; it is a number of seconds above 0.")
    base = (options.runs or default_runs()).resolve()
    by_option = {"profile": options.profile, "runs": str(base), "mode": options.mode}
    known = of_parts(parts)
    every = _in_order(resolve(options.params, by_option, known), options.order, part)
    folders = {name: base / name / named(name, options).name for name in parts}
    by_part = {name: [_into(folders[name], p) for p in every if p.notebook.parent.name == name] for name in parts}
    for name in parts:
        if options.mode == "replay":
            require_run(folders[name])
        else:
            require_same_run(folders[name], by_part[name], known)
    if options.mode != "replay":
        smoke_test(every, say)
    done = []
    with _fresh_since(options.mode):
        for name in parts:
            say(f"{name}: {len(by_part[name])} notebooks, profile {options.profile}, into {folders[name]}")
            done.append(_run_part(folders[name], by_part[name], options, say))
    return done


def _into(folder: Path, params: Params) -> Params:
    """The parameters of a notebook with the name of the run that it goes into."""
    return replace(params, values={**params.values, "run_id": folder.name})


def _in_order(every: Sequence[Params], order: str, part: str) -> Sequence[Params]:
    """The notebooks in the order of these numbers. Raises UsageError for another set of numbers, or several parts."""
    if not order:
        return every
    if len({params.notebook.parent for params in every}) > 1:
        raise UsageError(f"--order is for one part, not for {part}: the notebooks of each have numbers of their own.")
    by_number = {params.notebook.name.split("_")[0]: params for params in every}
    wanted = [number.strip() for number in order.split(",")]
    if sorted(wanted) != sorted(by_number):
        raise UsageError(f"--order {order!r} does not name each notebook of {part} once: {','.join(by_number)}.")
    return [by_number[number] for number in wanted]


def _run_part(folder: Path, every: Sequence[Params], options: RunOptions, say: Callable[[str], None]) -> PartRun:
    """The notebooks of one part into `folder`, whose parent is named like the part. Errors say where they happened."""
    started = datetime.now(UTC)
    measured = replayed = 0
    expected = {params.notebook: expected_s(params.notebook, folder.parent) for params in every}
    total_s = sum(sum(seconds.values()) for seconds in expected.values())
    with _place(folder, options.mode, say) as place, bar(folder.parent.name, total_s) as meter:
        for number, params in enumerate(every, 1):
            notebook = params.notebook
            meter.done(0, notebook.stem)
            say(f"  [{number}/{len(every)}] {notebook.stem}")
            progress = Progress(place, partial(_say_step, say, set()))
            try:
                with progress:
                    executed = execute(
                        notebook,
                        place / "notebooks" / notebook.name,
                        dict(params.values),
                        options.timeout_s,
                        partial(_count, meter, expected[notebook]),
                    )
            except KitError as error:
                error.place = replace(error.place, part=folder.parent.name, step=progress.failed_step)
                raise
            measured, replayed = measured + progress.measured, replayed + progress.replayed
            say(
                f"        done in {executed.seconds:.1f} s: {progress.measured} steps measured, "
                f"{progress.replayed} replayed"
            )
            if executed.ended_early:
                say(f"        {executed.ended_early}")
    seconds = (datetime.now(UTC) - started).total_seconds()
    return PartRun(folder.parent.name, folder, seconds, measured, replayed)


def _count(meter: Meter, seconds: dict[str, float], source: str) -> None:
    """A cell with this source has run."""
    meter.done(seconds.get(source, 0.0))


def _say_step(say: Callable[[str], None], told: set[str], event: dict) -> None:
    """A line for what became of a step; of the windows of one load, which share its name, only for the first."""
    if event["state"] == "done":
        if event["step"] in told:
            return
        told.add(event["step"])
        say(f"        {event['step']:<44} {event['seconds']:7.2f} s")
    elif event["state"] == "failed":
        say(f"        {event['step']:<44} failed after {event['seconds']:.2f} s")
    elif event["state"] == "interrupted":
        say(f"        {event['step']:<44} was interrupted while it was written")


@contextlib.contextmanager
def _place(folder: Path, mode: str, say: Callable[[str], None]) -> Iterator[Path]:
    """Where executed notebooks and progress go: the run's folder, held; for a replay, which only reads, another."""
    if mode != "replay":
        with owned(folder, say):
            yield folder
        return
    place = Path(tempfile.mkdtemp(prefix="servelab-replay-"))
    (place / "notebooks").mkdir()
    say(f"        only read; the executed notebooks go to {place / 'notebooks'}")
    os.environ[PROGRESS_VARIABLE] = str(place / "progress.jsonl")
    try:
        with _stoppable():
            yield place
    finally:
        del os.environ[PROGRESS_VARIABLE]


@contextlib.contextmanager
def owned(folder: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Hold the run folder, and the machine, for this process and the kernels it starts.

    Others get RunLocked in the folder; on the machine, this one waits for another that measures, and says so.

    A run that fails before it measured anything or took an answer leaves no record: nothing is there to be handed in.
    """
    is_new = not (folder / HEAD).is_file()
    try:
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    lock = acquire(folder / ".run.lock", "servelab run")
    before = os.environ.get(OWNER_VARIABLE)
    os.environ[OWNER_VARIABLE] = str(os.getpid())
    try:
        with _stoppable(), alone_on_machine(f"servelab run, {folder.parent.name}/{folder.name}", say):
            yield
    except BaseException:
        if is_new:
            discard_if_empty(folder)
        raise
    finally:
        if before is None:
            del os.environ[OWNER_VARIABLE]
        else:
            os.environ[OWNER_VARIABLE] = before
        lock.close()


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """A request to end (SIGTERM) is treated as Ctrl-C, so that kernels are stopped and finished steps are kept."""
    in_main = threading.current_thread() is threading.main_thread()
    # A job in a shell's background ignores Ctrl-C, and goes on doing so.
    asked = [n for n in (signal.SIGTERM, signal.SIGINT) if in_main and signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: object) -> None:
    # What was asked for is no fault: nobody need read that kernels died over it.
    for name in ("asyncio", "papermill", "traitlets"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _fresh_since(mode: str) -> Iterator[None]:
    """In mode fresh, tell every kernel since when a step counts as fresh, so that none is measured twice."""
    if mode != "fresh":
        yield
        return
    os.environ[FRESH_VARIABLE] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    try:
        yield
    finally:
        del os.environ[FRESH_VARIABLE]
