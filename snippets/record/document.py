"""record.json: the document behind a run record, its hash chain, and reading it with named errors.

The file is one JSON object, replaced as a whole. A short step is only appended behind it, a JSON line a step, because
replacing a file would take as long as a hundredth of the step; the next replacement takes those lines in.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snippets.errors import RecordError
from snippets.record.values import canonical, sha256_text, storage_error, write_atomic

SCHEMA = "servelab-record"
SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("record.schema.json")

_DECODER = json.JSONDecoder()
_DIGEST_MARK = ',\n"digest": "'
_START_AGAIN = "Restore it from a copy, or move the folder away and run again"


@dataclass(frozen=True)
class Stamp:
    """Which version of a file was read: tells whether another process has replaced it since."""

    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass
class Document:
    """The parsed record. Step texts are kept, so that adding a step does not serialise the others again.

    `replace_next`: whether the file is to be replaced when the next step is added, as it has lines behind its object,
    the last of them perhaps cut off by a kill, or is gone.
    """

    head_fields: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    replace_next: bool = False
    _texts: list[bytes] = field(default_factory=list)
    _body: _Body | None = None
    _by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    _indexed: int = 0

    @classmethod
    def new(cls, part: str, run_id: str, created_utc: str) -> Document:
        return cls(
            {
                "schema": SCHEMA,
                "schema_version": SCHEMA_VERSION,
                "part": part,
                "run_id": run_id,
                "created_utc": created_utc,
                "parameters": {},
                "hosts": [],
                "leases": [],
                "figures": {},
                "screenshots": {},
                "answers": [],
            }
        )

    @property
    def genesis(self) -> str:
        """What the first step follows: the hash of the run's own identity."""
        fields = self.head_fields
        return sha256_text(canonical([fields["schema"], fields["part"], fields["run_id"], fields["created_utc"]]))

    @property
    def head(self) -> str:
        """Hash of the last step."""
        return self.steps[-1]["hash"] if self.steps else self.genesis

    @property
    def answers(self) -> list[dict[str, Any]]:
        return self.head_fields["answers"]

    def add_step(self, step: dict[str, Any]) -> None:
        """Append a step behind the last one; sets its `previous` and `hash`."""
        step["previous"] = self.head
        step["hash"] = step_hash(step)
        self.steps.append(step)
        self._texts.append(canonical(step).encode())

    def latest(self, key: str) -> dict[str, Any] | None:
        """The last step with that key, or None."""
        for step in self.steps[self._indexed :]:
            self._by_key[step["key"]] = step
        self._indexed = len(self.steps)
        return self._by_key.get(key)

    def last_line(self) -> bytes:
        """The last step as it is appended to the file."""
        return self._texts[-1] + b"\n"

    def add_answer(self, entry: dict[str, Any]) -> None:
        self.answers.append(entry)
        self._body = None

    def add_host(self, facts: dict[str, Any]) -> bool:
        """Add host facts unless they are known; returns whether anything changed."""
        return self._add_unknown("hosts", facts)

    def add_lease(self, facts: dict[str, Any]) -> bool:
        return self._add_unknown("leases", facts)

    def _add_unknown(self, name: str, facts: dict[str, Any]) -> bool:
        if facts in self.head_fields[name]:
            return False
        self.head_fields[name].append(facts)
        self._body = None
        return True

    def set_parameters(self, notebook: str, parameters: dict[str, Any]) -> bool:
        return self._set("parameters", notebook, parameters)

    def set_picture(self, kind: str, name: str, entry: dict[str, Any]) -> bool:
        return self._set(kind, name, entry)

    def _set(self, group: str, name: str, value: dict[str, Any]) -> bool:
        if self.head_fields[group].get(name) == value:
            return False
        self.head_fields[group][name] = value
        self._body = None
        return True

    def content(self) -> list[bytes]:
        """The file in pieces: a line a field, a line a step, and a digest of all that."""
        if self._body is None:
            head = ",\n".join(f'"{k}": {canonical(v)}' for k, v in self.head_fields.items())
            self._body = _Body("{\n" + head + ',\n"steps": [\n')
        return self._body.extended(self._texts)


class _Body:
    """The file up to its digest, which is carried on as steps are added: writing one step hashes that step only."""

    def __init__(self, head: str) -> None:
        self._pieces = [head.encode()]
        self._hash = hashlib.sha256(self._pieces[0])
        self._steps = 0

    def extended(self, steps: list[bytes]) -> list[bytes]:
        for text in steps[self._steps :]:
            piece = b",\n" + text if self._steps else text
            self._pieces.append(piece)
            self._hash.update(piece)
            self._steps += 1
        whole = self._hash.copy()
        whole.update(b"\n]")
        return [*self._pieces, b"\n]", f'{_DIGEST_MARK}{whole.hexdigest()}"\n}}\n'.encode()]


def step_hash(step: dict[str, Any]) -> str:
    """SHA-256 over everything that the step holds but its own hash; `previous` links it to the step before."""
    return sha256_text(canonical({k: v for k, v in step.items() if k != "hash"}))


def write_document(path: Path, document: Document, durable: bool = False) -> None:
    """Replace the record file atomically. Raises StorageError where that fails; the old file then stands."""
    write_atomic(path, document.content(), durable)
    document.replace_next = False


def append_step(path: Path, document: Document) -> Stamp:
    """Append the document's last step to the record file; returns the file's new stamp.

    A kill leaves the line whole, or cut off, which reading tells. Raises StorageError where it cannot be written;
    the file is then as it was.
    """
    line = document.last_line()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return Stamp.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(error, path) from error


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RecordError(f"There is no run record at {path}. `servelab run PART` makes one.") from None
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # the last character was cut off, and perhaps more
            return data[: error.start].decode()
        raise RecordError(f"The record {path} is damaged: byte {error.start} is not UTF-8. {_START_AGAIN}.") from None


def read_document(path: Path) -> Document:
    """Read and check record.json: its form, schema version, digest and hash chain.

    Raises RecordError, which says what is wrong and what to do.
    """
    text = _read_text(path)
    try:
        fields, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        what = "it ends too early" if error.pos >= len(text.rstrip()) - 1 else f"line {error.lineno} is not JSON"
        raise RecordError(f"The record {path} is damaged: {what}. {_START_AGAIN}.") from None
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
        raise RecordError(f"{path} is not a run record of this kit. Name a folder that `servelab run` made.")
    version = fields.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordError(
            f"The record {path} has schema version {version}; this kit reads up to {SCHEMA_VERSION}. "
            "Update the kit: git pull, then make lab."
        )
    body, mark, rest = text[:end].rpartition(_DIGEST_MARK)
    if not mark or rest[:64] != sha256_text(body) or text[end : end + 1] != "\n":
        raise RecordError(
            f"The record {path} was changed after it was written: its digest does not fit. {_START_AGAIN}."
        )
    appended = text[end + 1 :]
    problem = structure_problem(fields) or _take_in(appended, fields["steps"]) or structure_problem(fields)
    if problem:
        raise RecordError(f"The record {path} is not valid: {problem}. {_START_AGAIN}.")
    fields.pop("digest")
    steps = fields.pop("steps")
    document = Document(fields, steps, bool(appended), [canonical(step).encode() for step in steps])
    broken = broken_link(document)
    if broken is not None:
        raise RecordError(
            f"The record {path} was changed: step {broken} ({steps[broken]['name']!r}) does not follow "
            f"the one before it. {_START_AGAIN}."
        )
    return document


def _take_in(appended: str, steps: list[Any]) -> str | None:
    """Add the steps of the lines behind the object. Returns the problem, if any.

    A last line without its end is what a kill left of a step that nobody was told of; it does not count.
    """
    *whole, rest = appended.split("\n")
    for number, line in enumerate(whole, 1):
        try:
            step = json.loads(line)
            unchanged = canonical(step) == line
        except ValueError:
            unchanged = False
        if not unchanged:
            return f"line {number} behind its end is no step"
        steps.append(step)
    with suppress(json.JSONDecodeError):
        if _DECODER.raw_decode(rest)[1] < len(rest):
            return "its last line goes on behind its step"
    return None


def broken_link(document: Document) -> int | None:
    """Index of the first step whose hash or link does not fit, or None."""
    previous = document.genesis
    for index, step in enumerate(document.steps):
        if step["previous"] != previous or step["hash"] != step_hash(step) or step["index"] != index:
            return index
        previous = step["hash"]
    return None


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "part": str,
    "run_id": str,
    "created_utc": str,
    "parameters": dict,
    "hosts": list,
    "leases": list,
    "figures": dict,
    "screenshots": dict,
    "answers": list,
    "steps": list,
}
_STEP_FIELDS: dict[str, type | tuple[type, ...]] = {
    "index": int,
    "name": str,
    "key": str,
    "inputs": dict,
    "notebook": str,
    "started_utc": str,
    "ended_utc": str,
    "seconds": (int, float),
    "host": str,
    "previous": str,
    "hash": str,
}


def structure_problem(fields: dict[str, Any]) -> str | None:
    """First way in which a parsed record misses the published schema's required fields and types, or None.

    It needs no library, for machines that have none; `record.schema.json` says the same and more.
    """
    for name, kind in _FIELDS.items():
        if not isinstance(fields.get(name), kind):
            return f"its field {name!r} is missing or of the wrong type"
    for index, step in enumerate(fields["steps"]):
        if not isinstance(step, dict):
            return f"step {index} is no object"
        for name, kind in _STEP_FIELDS.items():
            if not isinstance(step.get(name), kind):
                return f"step {index}: the field {name!r} is missing or of the wrong type"
        if "result" not in step:
            return f"step {index}: the field 'result' is missing"
    return None
