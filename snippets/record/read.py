"""Reading a run record: for reports, checks and later parts of the lab. Nothing here writes or measures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from snippets.errors import RecordError
from snippets.files import sha256_file
from snippets.record import values
from snippets.record.chain import genesis
from snippets.record.document import read_content
from snippets.record.head import HEAD, render
from snippets.record.schema import schema_problems
from snippets.record.steps import STEPS, Interrupted


@dataclass(frozen=True)
class Step:
    """One measured step. `result` loads its sample arrays when it is read. `answers`: the hash over the answers that
    had been given by then; empty in older records.
    """

    index: int
    name: str
    key: str
    inputs: dict[str, Any]
    notebook: str
    started_utc: str
    ended_utc: str
    seconds: float
    host: str
    folder: Path
    encoded: Any
    answers: str = ""

    @property
    def result(self) -> Any:
        """What the step returned, arrays and paths included. Raises RecordError for changed or missing samples."""
        return values.decode(self.encoded, self.folder, lambda reference: values.load_array(self.folder, reference))

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """File name and content of each of the step's sample arrays."""
        for reference in values.references(self.encoded, "$array"):
            yield reference["$array"], values.load_array(self.folder, reference)


@dataclass(frozen=True)
class Record:
    """A run as its record tells it. Made by `load_record`.

    `links`: the chain, which is the run's own hash and then each step's. `interrupted`: the step whose line a kill cut
    off, which does not count.
    """

    folder: Path
    part: str
    run_id: str
    created_utc: str
    parameters: dict[str, dict[str, Any]]
    hosts: tuple[dict[str, Any], ...]
    leases: tuple[dict[str, Any], ...]
    figures: dict[str, dict[str, Any]]
    screenshots: dict[str, dict[str, Any]]
    answers: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    links: tuple[str, ...]
    interrupted: Interrupted | None

    @property
    def digest(self) -> str:
        """Hash of the last step; of the run itself while it has none."""
        return self.links[-1]

    @property
    def host(self) -> dict[str, Any]:
        """Facts of the machine that ran the latest step (of the one that opened the run, if it has no steps)."""
        wanted = self.steps[-1].host if self.steps else None
        known = [h for h in self.hosts if wanted is None or h.get("id") == wanted]
        return known[-1] if known else {}

    @property
    def machine(self) -> dict[str, Any]:
        """Facts of the machine that measured the first step (of the one that opened the run, if it has no steps).

        What is left to a machine (a number of threads) it decides for the whole run: the run stays the same elsewhere.
        """
        first = self.steps[0].host if self.steps else None
        return next((h for h in self.hosts if h.get("id") == first), self.host)

    def cores(self, physical: bool = False) -> int:
        """Cores that the run's machine offered: logical, or physical where its facts know them."""
        cpu = self.machine.get("cpu", {})
        return int((cpu.get("physical_cores") if physical else 0) or cpu.get("cores") or 1)

    @property
    def lease(self) -> dict[str, Any] | None:
        """Facts of the latest lease, or None for a run on a machine of one's own."""
        return self.leases[-1] if self.leases else None

    def names(self) -> tuple[str, ...]:
        """Names of the steps, in the order in which each was first measured."""
        return tuple(dict.fromkeys(step.name for step in self.steps))

    def latest(self, name: str) -> Step | None:
        """The newest step of that name, or None."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def result(self, name: str) -> Any:
        """Result of the newest step of that name. Raises RecordError, naming the run, if there is none."""
        step = self.latest(name)
        if step is None:
            raise RecordError(f"The run {self.folder} has no step {name!r}. Measure it: servelab run {self.part}.")
        return step.result

    def verify(self, schema: bool = True) -> list[str]:
        """Problems of the run, in words: samples, artifacts and pictures against their hashes, times in order.

        Form, schema version, digest, chain and number of steps were checked on loading. An empty list means
        `consistent`.
        `schema=False` leaves the published JSON Schema out, whose library takes a while to import.
        """
        problems = [*(self._schema_problems() if schema else ()), *self._file_problems(), *self._time_problems()]
        return problems + list(self.clock_doubts().values())

    def clock_doubts(self) -> dict[str, str]:
        """By step, where the machine's clock of date and time does not fit the one that measured.

        That clock is set by the network, and goes on while a laptop sleeps; what was measured does not rest on it.
        """
        found = {}
        for step in self.steps:
            with suppress(ValueError, TypeError):
                started, ended = (datetime.fromisoformat(t) for t in (step.started_utc, step.ended_utc))
                wall_s = (ended - started).total_seconds()
                if wall_s < 0:
                    found[step.name] = f"step {step.name!r} ends before it starts: the clock was set back"
                elif abs(wall_s - step.seconds) > 2 + 0.1 * step.seconds:
                    found[step.name] = (
                        f"step {step.name!r} lasted {step.seconds:.1f} s by its own clock, but {wall_s:.1f} s by its "
                        "times: the machine slept, or its clock was set"
                    )
        return found

    def _schema_problems(self) -> list[str]:
        content = read_content(self.folder)
        return schema_problems(json.loads(render(content.head, content.steps)), content.steps)

    def _file_problems(self) -> list[str]:
        problems = []
        newest_writer: dict[str, dict[str, Any]] = {}
        for step in self.steps:
            for reference in values.references(step.encoded, "$array"):
                try:
                    values.load_array(self.folder, reference)
                except RecordError as error:
                    problems.append(f"step {step.name!r}: {error}")
            for reference in values.references(step.encoded, "$file"):
                newest_writer[reference["$file"]] = reference
        for entry in [*newest_writer.values(), *self.figures.values(), *self.screenshots.values()]:
            path = values.safe_path(self.folder, entry["$file"])
            if not path.is_file():
                problems.append(f"the file {entry['$file']} is missing")
            elif sha256_file(path) != entry["sha256"]:
                problems.append(f"the file {entry['$file']} was changed after it was recorded")
        return problems

    def _time_problems(self) -> list[str]:
        problems = []
        for step in self.steps:
            try:
                for text in (step.started_utc, step.ended_utc):
                    datetime.fromisoformat(text)
            except ValueError:
                problems.append(f"step {step.name!r} has a time that is no ISO 8601 time")
        return problems


def load_record(folder: str | Path) -> Record:
    """Read the run in `folder` (or the path of its record.json or steps.jsonl), also while it goes on.

    Raises RecordError for a record that is missing, truncated, changed, invalid or of a newer schema.
    """
    folder = Path(folder)
    if folder.name in (HEAD, STEPS):
        folder = folder.parent
    if folder.is_file():
        raise RecordError(f"{folder} is a file, and no run's folder. Name the folder, such as runs/model/quick.")
    content = read_content(folder)
    head = content.head
    plain = ("index", "name", "key", "inputs", "notebook", "started_utc", "ended_utc", "seconds", "host")
    steps = tuple(
        Step(
            folder=folder,
            encoded=s["result"],
            answers=str(s.get("answers", "")),
            **{name: s[name] for name in plain},
        )
        for s in content.steps
    )
    return Record(
        folder,
        head["part"],
        head["run_id"],
        head["created_utc"],
        head["parameters"],
        tuple(head["hosts"]),
        tuple(head["leases"]),
        head["figures"],
        head["screenshots"],
        tuple(head["answers"]),
        steps,
        (genesis(head), *(step["hash"] for step in content.steps)),
        content.interrupted,
    )
