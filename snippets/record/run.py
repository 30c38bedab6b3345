"""The run record: a folder in which every measuring step runs once and is never lost.

    run = open_run("model", notebook="2_graph")
    result = run.step("graph/all/latency", measure_latency, model_path, threads=1)

The first call measures and records; the next one, also after a kernel death or on another machine,
replays. `load_record` reads a run for reports and grading; nothing there executes anything. Its files are record.json
(machines, parameters, answers, pictures) and steps.jsonl (a line a step: `tail -f` follows a run).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from snippets.alt_text import alt_text
from snippets.errors import RecordError, UsageError
from snippets.files import canonical, sha256_file, sha256_text, storage_error, write_atomic
from snippets.machine.host import host_facts, kit_commit
from snippets.parts import KIT
from snippets.record import values
from snippets.record.chain import answers_hash
from snippets.record.context import RunContext
from snippets.record.document import has_steps, written_ns
from snippets.record.files import RecordFiles
from snippets.record.head import HEAD, add_unknown, set_entry
from snippets.record.lock import RunLock, alone_on_machine
from snippets.record.read import Record, load_record
from snippets.record.settings import PROFILES, check_name, check_types, measured_with, require_same
from snippets.record.steps import STEPS

__all__ = ["MODES", "Record", "Run", "default_runs", "latest_run", "load_record", "open_run"]

MODES = ("resume", "fresh", "replay")
RUN_FOLDERS = ("samples", "figures", "screens", "models", "notebooks")
SHORT_S = 1.0
_NO_SLUG = re.compile(r"[^A-Za-z0-9]+")


def default_runs() -> Path:
    """Folder of run records: $SERVELAB_RUNS, else `runs/` of the checkout that holds the current folder or the kit."""
    if named := os.environ.get("SERVELAB_RUNS"):
        return Path(named)
    for folder in [*(Path.cwd() / "x").parents, KIT]:
        if (folder / "notebooks").is_dir() and (folder / "environment.yml").is_file():
            return folder / "runs"
    return Path.cwd() / "runs"


def latest_run(part: str, runs: str | Path = "") -> Path | None:
    """Folder of the part's most recently written run, or None if there is none. One that measured nothing (it failed
    at its first cell) counts only where there is no other."""
    records = (Path(runs) if runs else default_runs()).glob(f"{part}/*/{HEAD}")
    return max((path.parent for path in records), key=lambda run: (has_steps(run), written_ns(run)), default=None)


def discard_if_empty(folder: Path) -> None:
    """Remove the record of a run that has neither steps nor answers, and its empty folders; all else stays."""
    with suppress(RecordError, OSError):
        record = load_record(folder)
        if not record.steps and not record.answers:
            for name in (HEAD, STEPS):
                (folder / name).unlink(missing_ok=True)
            for name in RUN_FOLDERS:
                with suppress(OSError):
                    (folder / name).rmdir()


def utc_now() -> str:
    """Current time in UTC, ISO 8601 with microseconds and a Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def open_run(
    part: str,
    *,
    notebook: str = "",
    run_id: str = "mine",
    runs: str | Path = "",
    profile: str = "quick",
    mode: str = "resume",
    parameters: Mapping[str, Any] | None = None,
) -> Run:
    """Open the run folder `runs/<part>/<run_id>`, making it if it is new.

    In mode replay nothing at all is written: the folder may be read-only, and another process may measure in it.

    Raises UsageError for a bad name or mode, and for parameters other than the run was measured with, before anything
    is written; RecordError for a record that is unreadable or of another part,
    RunLocked while another process runs in the folder, StorageError where it cannot be written.
    """
    if mode not in MODES:
        raise UsageError(f"mode is {mode!r}; it is one of {', '.join(MODES)}.")
    for what, name in (("part", part), ("run_id", run_id)):
        check_name(what, name)
    if run_id == profile not in PROFILES:  # a notebook's run is called so by default
        raise UsageError(f"profile is {profile!r}; it is one of {', '.join(PROFILES)}.")
    check_types(parameters or {}, getattr(sys.modules.get("__main__"), "__annotations__", {}))
    folder = (Path(runs).expanduser() if runs else default_runs()) / part / run_id
    return Run(
        folder,
        notebook=notebook,
        profile=profile,
        mode=mode,
        parameters=dict(parameters or {}),
        context=RunContext.from_environment(),
    )


class Run:
    """A run folder opened for measuring. Made by `open_run`, as <part>/<run id>."""

    def __init__(
        self,
        folder: Path,
        *,
        notebook: str,
        profile: str,
        mode: str,
        parameters: dict[str, Any],
        context: RunContext,
    ) -> None:
        self.folder, self.part = folder, folder.parent.name
        self.notebook, self.profile, self.mode = notebook, profile, mode
        self._fresh_since = context.fresh_since or utc_now()
        self._lock = RunLock(folder, notebook, context.owner)
        self._owner = context.owner  # it holds the machine for this process, too
        self._files = RecordFiles(folder, self.part)
        self._followed: IO[bytes] | None = None
        if mode == "replay":
            self._progress_path = context.progress
            if not (folder / HEAD).is_file():
                raise RecordError(f"There is no record to replay in {folder}. Make one: servelab run {self.part}.")
            self._files.reload()
            return
        self._progress_path = context.progress or folder / "progress.jsonl"
        try:
            for name in RUN_FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, folder) from error
        with self._lock:
            self._introduce(parameters, context.lease)

    def _introduce(self, parameters: dict[str, Any], lease: dict[str, Any] | None) -> None:
        """Enter in the head what this process measures on and with."""
        if (self.folder / HEAD).is_file():
            self._reload()
        else:
            self._files.begin(utc_now())
        described = json.loads(canonical(values.describe_input(parameters, "parameters")))
        self._require_same(described)
        facts = host_facts()
        self._host = facts["id"]
        changed = add_unknown(self._files.head, "hosts", facts)
        if described:
            before = self._files.head["parameters"].get(self.notebook, {}) if self._measured_here() else {}
            changed |= set_entry(self._files.head, "parameters", self.notebook, {**before, **described})
        if lease:
            changed |= add_unknown(self._files.head, "leases", lease)
        if changed or self._files.behind:
            self._files.save_head()

    def _measured_here(self) -> bool:
        return any(step["notebook"] == self.notebook for step in self._files.steps)

    def _require_same(self, described: dict[str, Any]) -> None:
        measured = dict.fromkeys(step["notebook"] for step in self._files.steps)
        require_same(self.folder, measured_with(self._files.head["parameters"], measured), described)

    @property
    def models(self) -> Path:
        """Folder for model files of this run."""
        return self.folder / "models"

    def has(self, name: str) -> bool:
        """Whether a step of that name has been recorded (with any inputs)."""
        self._files.reload()
        return self._has(name)

    def _has(self, name: str) -> bool:
        return any(step["name"] == name for step in self._files.steps)

    def record(self) -> Record:
        """The run as it stands, for plots and tables."""
        return load_record(self.folder)

    def step(
        self, name: str, fn: Callable[..., Any], *args: Any, inputs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Result of `fn(*args, **kwargs)`: measured and recorded the first time, replayed ever after.

        The key is `name` and the arguments' content, or `inputs` where given (then the arguments are not looked
        at). The result is made of numbers, text, lists, dicts, numpy arrays, and paths of files that `fn` wrote
        under the run's folder.

        Raises RecordError in mode replay when the step is missing, RunLocked while another process measures here,
        StorageError on a full disk, and whatever `fn` raises (then nothing is recorded).
        """
        described = values.describe_call(fn, args, kwargs, inputs)
        key = sha256_text(canonical([name, described]))
        with self._current():
            known = self._find(key)
            if known is not None:
                self._progress(name, "replayed", known["seconds"])
                return values.decode(known["result"], self.folder, lambda ref: values.load_array(self.folder, ref))
            if self.mode == "replay":
                raise self._not_replayable(name, key)
            with nullcontext() if self._owner else alone_on_machine(f"{self.part}/{self.folder.name}, {self.notebook}"):
                started_utc = self._progress(name, "started")
                started = time.perf_counter_ns()
                try:
                    value = fn(*args, **kwargs)
                except BaseException:
                    self._progress(name, "failed", (time.perf_counter_ns() - started) / 1e9)
                    raise
                seconds = (time.perf_counter_ns() - started) / 1e9
            result = self._append(name, key, described, value, started_utc, seconds)
            self._progress(name, "done", seconds)
            return result

    def answer(self, question: str, value: Any, *, steps: tuple[str, ...] | list[str] = ()) -> dict[str, Any]:
        """Record an answer with its time and whether any of `steps` had been measured by then.

        An answer equal to the question's latest one adds nothing. Returns the entry that stands.
        """
        value = json.loads(canonical(value))
        with self._current():
            latest = next((a for a in reversed(self._files.head["answers"]) if a["question"] == question), None)
            if latest is not None and latest["value"] == value:
                return latest
            if self.mode == "replay":
                raise RecordError(f"The record {self.folder} is only replayed: no answer to {question} is added.")
            entry = {
                "question": question,
                "value": value,
                "answered_utc": utc_now(),
                "notebook": self.notebook,
                "measured": sorted(name for name in steps if self._has(name)),
                "after": self._files.last,
            }
            self._files.head["answers"].append(entry)
            self._files.save_head()
            return entry

    def figure(self, name: str, figure: Any, dpi: int = 150) -> Path:
        """Save a matplotlib figure as figures/<name>.png, with its title and description inside, and list it.

        In a notebook, a figure that pyplot holds is shown as that file, so that it is drawn only once. A replay
        writes nothing: it shows the file that is there, and without one leaves the figure to pyplot.
        """
        path = self.folder / "figures" / f"{name}.png"
        if self.mode != "replay":
            title, description = alt_text(figure)
            words = {"Software": None, "Title": title, "Description": description}
            figure.savefig(path, dpi=dpi, bbox_inches="tight", metadata=words)
            self._list_picture("figures", name, path)
        if path.is_file():
            _show_in_notebook(figure, path)
        return path

    def screenshot(self, name: str, picture: bytes | str | Path) -> Path:
        """Keep a screenshot (PNG bytes or a file) as screens/<name>.png and list it in the record; not in a replay."""
        path = self.folder / "screens" / f"{name}.png"
        if self.mode == "replay":
            return path
        if isinstance(picture, bytes):
            write_atomic(path, picture)
        elif Path(picture).resolve() != path.resolve():
            shutil.copyfile(picture, path)
        self._list_picture("screenshots", name, path)
        return path

    def _list_picture(self, kind: str, name: str, path: Path) -> None:
        with self._current():
            entry = {**values.file_reference(path, self.folder), "notebook": self.notebook}
            if set_entry(self._files.head, kind, name, entry):
                self._files.save_head()

    @contextmanager
    def _current(self) -> Iterator[None]:
        """The record as it stands, locked against other processes; unlocked in a replay, which only reads."""
        with nullcontext() if self.mode == "replay" else self._lock:
            self._reload()
            yield

    def _reload(self) -> None:
        """See what other processes wrote; what one of them was killed over is cut off, and named in the progress."""
        self._files.reload()
        if (cut := self._files.interrupted) and self.mode != "replay":
            self._progress(cut.name or f"step {cut.index}", "interrupted")
            self._files.save_head()

    def _find(self, key: str) -> dict[str, Any] | None:
        step = self._files.latest(key)
        stale = step is not None and self.mode == "fresh" and step["started_utc"] < self._fresh_since
        return None if step is None or stale or self._changed_file(step) else step

    def _changed_file(self, step: dict[str, Any]) -> str:
        """The first of the step's files that is gone or changed; empty if all are as they were recorded."""
        for reference in values.references(step["result"], "$file"):
            path = values.safe_path(self.folder, reference["$file"])
            if not path.is_file() or sha256_file(path) != reference["sha256"]:
                return str(reference["$file"])
        return ""

    def _not_replayable(self, name: str, key: str) -> RecordError:
        known = self._files.latest(key)
        what = f"needs {self._changed_file(known)}, which is gone or changed, in" if known else "is not in"
        return RecordError(
            f"The step {name!r} of notebook {self.notebook or '?'} {what} the record {self.folder}. "
            f"Measure it: servelab run {self.part} --mode resume, with the same parameters.{self._other_kit()}"
        )

    def _other_kit(self) -> str:
        """A sentence where all of the record was made by other commits of the kit than this one; else empty."""
        made_by = {str(host.get("kit", {}).get("commit", "")) for host in self._files.head["hosts"]} - {""}
        ours = kit_commit().get("commit", "")
        if not made_by or not ours or ours in made_by:
            return ""
        return (
            f" The run was made by commit {min(made_by)[:12]} of the kit, and this is {ours[:12]}, which may measure "
            "other steps. servelab show, report and grade read the run as it is; to replay it, check out that commit."
        )

    def _append(self, name: str, key: str, described: Any, value: Any, started_utc: str, seconds: float) -> Any:
        index = len(self._files.steps)
        slug = _NO_SLUG.sub("-", name).strip("-")
        arrays = {}

        def keep(where: str, array: Any) -> dict[str, Any]:
            reference = values.save_array(self.folder, f"samples/{index:04d}-{slug}.{where or 'value'}.npy", array)
            arrays[reference["$array"]] = array
            return reference

        result = values.encode(value, self.folder, keep)
        self._files.add(
            {
                "index": index,
                "name": name,
                "key": key,
                "inputs": described,
                "result": result,
                "notebook": self.notebook,
                "started_utc": started_utc,
                "ended_utc": utc_now(),
                "seconds": seconds,
                "host": self._host,
                "answers": answers_hash(self._files.head["answers"]),
            },
            durable=seconds > SHORT_S,
        )
        if seconds > SHORT_S:
            self._files.save_head()
        return values.decode(result, self.folder, lambda reference: arrays[reference["$array"]])

    def _progress(self, name: str, state: str, seconds: float | None = None) -> str:
        """Append a line for whoever follows the run; a full disk here must not lose a measurement. Returns its time."""
        utc = utc_now()
        line = {"utc": utc, "notebook": self.notebook, "step": name, "state": state, "seconds": seconds}
        with suppress(OSError):
            if self._followed is None and self._progress_path is not None:
                self._followed = self._progress_path.open("ab", buffering=0)
            if self._followed:
                self._followed.write(json.dumps(line).encode() + b"\n")
        return utc


def _show_in_notebook(figure: Any, path: Path) -> None:
    pyplot, ipython = sys.modules.get("matplotlib.pyplot"), sys.modules.get("IPython")
    if pyplot and ipython and ipython.get_ipython() and pyplot.fignum_exists(getattr(figure, "number", -1)):
        from IPython.display import Image, display

        pyplot.close(figure)
        display(Image(path, width=round(figure.get_figwidth() * 90), alt=alt_text(figure)[1]))
