"""The run record: a folder in which every measuring step runs once and is never lost.

    run = open_run("model", notebook="2_graph")
    result = run.step("graph/all/latency", measure_latency, model_path, threads=1)

The first call measures and records; the next one, also after a kernel death or on another machine,
replays. `load_record` reads a run for reports and grading; nothing there executes anything.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from snippets.errors import RecordError, StorageError, UsageError
from snippets.machine.host import host_facts
from snippets.parts import KIT
from snippets.record import values as store
from snippets.record.document import Document, Stamp, append_step, read_document, write_document
from snippets.record.lock import RunLock
from snippets.record.read import Record, load_record

__all__ = ["MODES", "Record", "Run", "default_runs", "latest_run", "load_record", "open_run"]

MODES = ("resume", "fresh", "replay")
SHORT_S = 1.0
_NO_SLUG = re.compile(r"[^A-Za-z0-9]+")
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")


def default_runs() -> Path:
    """Folder of run records: $SERVELAB_RUNS, else `runs/` of the checkout that holds the current folder or the kit."""
    if named := os.environ.get("SERVELAB_RUNS"):
        return Path(named)
    for folder in [*(Path.cwd() / "x").parents, KIT]:
        if (folder / "notebooks").is_dir() and (folder / "environment.yml").is_file():
            return folder / "runs"
    return Path.cwd() / "runs"


def latest_run(part: str, runs: str | Path = "") -> Path | None:
    """Folder of the part's most recently written run, or None if there is none."""
    records = (Path(runs) if runs else default_runs()).glob(f"{part}/*/record.json")
    return max((r.parent for r in records), key=lambda folder: (folder / "record.json").stat().st_mtime, default=None)


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
    """Open the run folder `runs/<part>/<run_id>`, making it if it is new (not in mode replay).

    Raises UsageError for a bad name or mode, RecordError for a record that is unreadable or of another part,
    RunLocked while another process runs in the folder, StorageError where it cannot be written.
    """
    if mode not in MODES:
        raise UsageError(f"mode is {mode!r}; it is one of {', '.join(MODES)}.")
    for what, name in (("part", part), ("run_id", run_id)):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{what} is {name!r}; use letters, digits, '.', '_' and '-'.")
    folder = (Path(runs).expanduser() if runs else default_runs()) / part / run_id
    return Run(folder, part=part, notebook=notebook, profile=profile, mode=mode, parameters=dict(parameters or {}))


class Run:
    """A run folder opened for measuring. Made by `open_run`."""

    def __init__(
        self, folder: Path, *, part: str, notebook: str, profile: str, mode: str, parameters: dict[str, Any]
    ) -> None:
        self.folder, self.part, self.notebook, self.profile, self.mode = folder, part, notebook, profile, mode
        self._fresh_since = os.environ.get("SERVELAB_FRESH_SINCE") or utc_now()
        if mode == "replay" and not (folder / "record.json").is_file():
            raise RecordError(f"There is no record to replay in {folder}. Make one: servelab run {part}.")
        try:
            for name in ("samples", "figures", "screens", "models", "notebooks"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store.storage_error(error, folder) from error
        self._path = folder / "record.json"
        self._lock = RunLock(folder, notebook)
        self._stamp: Stamp | None = None
        self._followed: IO[bytes] | None = None
        self._document = Document.new(part, folder.name, utc_now())
        with self._lock:
            self._reload()
            facts = host_facts()
            self._host = facts["id"]
            changed = self._document.add_host(facts)
            if parameters:
                described = json.loads(store.canonical(store.describe_input(parameters, "parameters")))
                changed |= self._document.set_parameters(notebook, described)
            if lease := os.environ.get("SERVELAB_LEASE"):
                changed |= self._document.add_lease(json.loads(lease))
            if changed or self._stamp is None or self._document.replace_next:
                self._write()

    @property
    def models(self) -> Path:
        """Folder for model files of this run."""
        return self.folder / "models"

    def has(self, name: str) -> bool:
        """Whether a step of that name has been recorded (with any inputs)."""
        self._refresh()
        return any(step["name"] == name for step in self._document.steps)

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
        described = self._describe(fn, args, kwargs, inputs)
        key = store.sha256_text(store.canonical([name, described]))
        with self._lock:
            self._reload()
            known = self._find(key)
            if known is not None:
                self._progress(name, "replayed", known["seconds"])
                return store.decode(known["result"], self.folder, lambda ref: store.load_array(self.folder, ref))
            if self.mode == "replay":
                raise RecordError(
                    f"The step {name!r} of notebook {self.notebook or '?'} is not in the record {self.folder}. "
                    f"Measure it: servelab run {self.part} --mode resume, with the same parameters."
                )
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
        value = json.loads(store.canonical(value))
        with self._lock:
            self._reload()
            latest = next((a for a in reversed(self._document.answers) if a["question"] == question), None)
            if latest is not None and latest["value"] == value:
                return latest
            if self.mode == "replay":
                raise RecordError(f"The record {self.folder} is only replayed: no answer to {question} is added.")
            measured = sorted(s for s in steps if any(step["name"] == s for step in self._document.steps))
            entry = {
                "question": question,
                "value": value,
                "answered_utc": utc_now(),
                "notebook": self.notebook,
                "measured": measured,
                "after": self._document.head,
            }
            self._document.add_answer(entry)
            self._write(durable=True)
            return entry

    def figure(self, name: str, figure: Any, dpi: int = 150) -> Path:
        """Save a matplotlib figure as figures/<name>.png and list it in the record.

        In a notebook, a figure that pyplot holds is shown as that file, so that it is drawn only once; a replay
        keeps the file that is there.
        """
        path = self.folder / "figures" / f"{name}.png"
        if not (self.mode == "replay" and path.is_file()):
            figure.savefig(path, dpi=dpi, bbox_inches="tight", metadata={"Software": None})
            self._list_picture("figures", name, path)
        _show_in_notebook(figure, path)
        return path

    def screenshot(self, name: str, picture: bytes | str | Path) -> Path:
        """Keep a screenshot (PNG bytes or a file) as screens/<name>.png and list it in the record."""
        path = self.folder / "screens" / f"{name}.png"
        if isinstance(picture, bytes):
            store.write_atomic(path, picture)
        elif Path(picture).resolve() != path.resolve():
            shutil.copyfile(picture, path)
        return self._list_picture("screenshots", name, path)

    def _list_picture(self, kind: str, name: str, path: Path) -> Path:
        with self._lock:
            self._reload()
            entry = {**store.file_reference(path, self.folder), "notebook": self.notebook}
            if self._document.set_picture(kind, name, entry):
                self._write()
        return path

    def _describe(self, fn: Callable[..., Any], args: tuple, kwargs: dict, inputs: Mapping[str, Any] | None) -> Any:
        if inputs is not None:
            return {k: store.describe_input(v, k) for k, v in inputs.items()}
        try:
            bound: Mapping[str, Any] = inspect.signature(fn).bind(*args, **kwargs).arguments
        except ValueError:  # some builtins have no signature
            bound = {**{f"arg{i}": a for i, a in enumerate(args)}, **kwargs}
        return {k: store.describe_input(v, k) for k, v in bound.items()}

    def _find(self, key: str) -> dict[str, Any] | None:
        step = self._document.latest(key)
        stale = step is not None and self.mode == "fresh" and step["started_utc"] < self._fresh_since
        return None if step is None or stale or not self._files_whole(step) else step

    def _files_whole(self, step: dict[str, Any]) -> bool:
        for reference in store.references(step["result"], "$file"):
            path = store.safe_path(self.folder, reference["$file"])
            if not path.is_file() or store.sha256_file(path) != reference["sha256"]:
                return False
        return True

    def _append(self, name: str, key: str, described: Any, value: Any, started_utc: str, seconds: float) -> Any:
        index = len(self._document.steps)
        slug = _NO_SLUG.sub("-", name).strip("-")
        arrays = {}

        def keep(where: str, array: Any) -> dict[str, Any]:
            reference = store.save_array(self.folder, f"samples/{index:04d}-{slug}.{where or 'value'}.npy", array)
            arrays[reference["$array"]] = array
            return reference

        result = store.encode(value, self.folder, keep)
        self._document.add_step(
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
            }
        )
        self._write_step(seconds)
        return store.decode(result, self.folder, lambda reference: arrays[reference["$array"]])

    def _progress(self, name: str, state: str, seconds: float | None = None) -> str:
        """Append a line for whoever follows the run; a full disk here must not lose a measurement. Returns its time."""
        utc = utc_now()
        line = {"utc": utc, "notebook": self.notebook, "step": name, "state": state, "seconds": seconds}
        with suppress(OSError):
            if self._followed is None:
                self._followed = (self.folder / "progress.jsonl").open("ab", buffering=0)
            self._followed.write(json.dumps(line).encode() + b"\n")
        return utc

    def _refresh(self) -> None:
        with self._lock:
            self._reload()

    def _reload(self) -> None:
        path = self._path
        try:
            stamp = Stamp.of(path.stat())
        except OSError:
            self._document.replace_next = True
            return
        if self._stamp != stamp:
            self._document = read_document(path)
            if self._document.head_fields["part"] != self.part:
                raise RecordError(
                    f"{self.folder} holds a run of part {self._document.head_fields['part']!r}, not "
                    f"{self.part!r}; give another --runs or --run-id."
                )
            self._stamp = stamp

    def _write_step(self, seconds: float) -> None:
        """Write the last step: appended if it was short."""
        try:
            if seconds > SHORT_S or self._document.replace_next:
                self._write(durable=seconds > SHORT_S)
            else:
                self._stamp = append_step(self._path, self._document)
        except StorageError:
            self._stamp = None  # what could not be written is not part of the run
            raise

    def _write(self, durable: bool = False) -> None:
        write_document(self._path, self._document, durable)
        self._stamp = Stamp.of(self._path.stat())


def _show_in_notebook(figure: Any, path: Path) -> None:
    pyplot, ipython = sys.modules.get("matplotlib.pyplot"), sys.modules.get("IPython")
    if pyplot and ipython and ipython.get_ipython() and pyplot.fignum_exists(getattr(figure, "number", -1)):
        from IPython.display import Image, display

        pyplot.close(figure)
        display(Image(path, width=round(figure.get_figwidth() * 90)))
