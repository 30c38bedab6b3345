"""record.json: the head of a run record. It is small, always JSON, and replaced as a whole.

It also says how many steps steps.jsonl held when it was written, and the hash of the last of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snippets.errors import RecordError
from snippets.files import canonical, plain_text, sha256_text, storage_error
from snippets.record.chain import last_hash
from snippets.record.schema import head_problem

HEAD = "record.json"
SCHEMA = "servelab-record"
SCHEMA_VERSION = 2
START_AGAIN = "Restore it from a copy, or move the folder away and run again"

_DECODER = json.JSONDecoder()
_DIGEST_MARK = ',\n"digest": "'


def new_head(part: str, run_id: str, created_utc: str) -> dict[str, Any]:
    """The head of a run that has nothing yet."""
    return {
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


def add_unknown(head: dict[str, Any], group: str, facts: dict[str, Any]) -> bool:
    """Add facts to the list `group` unless they are there; returns whether anything changed."""
    if facts in head[group]:
        return False
    head[group].append(facts)
    return True


def set_entry(head: dict[str, Any], group: str, name: str, entry: dict[str, Any]) -> bool:
    """Set `name` in the object `group`; returns whether anything changed."""
    if head[group].get(name) == entry:
        return False
    head[group][name] = entry
    return True


def render(head: dict[str, Any], steps: list[dict[str, Any]]) -> bytes:
    """The file: a line a field and a line an entry, then what it knows of the steps, and a digest of all that."""
    fields = {**head, "steps": {"count": len(steps), "last": last_hash(head, steps)}}
    body = "{\n" + ",\n".join(f'"{name}": {_field(value)}' for name, value in fields.items())
    return f'{body}{_DIGEST_MARK}{sha256_text(body)}"\n}}\n'.encode()


def _field(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n " + ",\n ".join(canonical(item) for item in value) + "\n]"
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        return "{\n " + ",\n ".join(f"{canonical(name)}: {canonical(item)}" for name, item in value.items()) + "\n}"
    return canonical(value)


def part_of(path: Path) -> str | None:
    """The part that a record.json of any version names, unchecked; None where that cannot be told."""
    try:
        part = _DECODER.raw_decode(path.read_text(encoding="utf-8-sig"))[0]["part"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return part if isinstance(part, str) else None


def read_head(path: Path) -> tuple[dict[str, Any], str]:
    """The fields of record.json, checked, without its digest; and the text behind its object (in version 1 only).

    Raises RecordError for a file that is missing, cut off, changed, invalid or of a newer version.
    """
    text = _read_text(path)
    try:
        fields, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        if "<<<<<<< " in text:
            raise RecordError(f"The record {path} holds git's marks of a conflict. {START_AGAIN}.") from None
        cut = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated string")
        what = "it ends too early" if cut else f"line {error.lineno} is not JSON"
        raise RecordError(f"The record {path} is damaged: {what}. {START_AGAIN}.") from None
    except ValueError as error:  # a number of thousands of digits
        raise RecordError(f"The record {path} is damaged: {error}. {START_AGAIN}.") from None
    except RecursionError:
        raise RecordError(f"The record {path} is damaged: it is nested without end. {START_AGAIN}.") from None
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
        raise RecordError(f"{path} is not a run record of this kit. Name a folder that `servelab run` made.")
    version = fields.get("schema_version")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise RecordError(
            f"The record {path} has schema version {version}; this kit reads 1 to {SCHEMA_VERSION}. "
            "Update the kit: git pull, then make lab."
        )
    body, mark, rest = text[:end].rpartition(_DIGEST_MARK)
    if not mark or rest != f'{sha256_text(body)}"\n}}' or text[end : end + 1] != "\n":
        raise RecordError(
            f"The record {path} was changed after it was written: its digest does not fit. {START_AGAIN}."
        )
    behind = text[end + 1 :]
    problem = head_problem(fields) or (_steps_problem(fields, behind) if version > 1 else None)
    if problem:
        raise RecordError(f"The record {path} is not valid: {problem}. {START_AGAIN}.")
    fields.pop("digest")
    return fields, behind


def _steps_problem(fields: dict[str, Any], behind: str) -> str | None:
    steps = fields.get("steps")
    if not isinstance(steps, dict) or not isinstance(steps.get("count"), int) or not isinstance(steps.get("last"), str):
        return "its field 'steps' is missing or of the wrong type"
    return "there is more behind its object" if behind else None


def _read_text(path: Path) -> str:
    try:
        data = plain_text(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"There is no run record at {path}. `servelab run PART` makes one.") from None
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # the last character was cut off, and perhaps more
            return data[: error.start].decode()
        raise RecordError(f"The record {path} is damaged: byte {error.start} is not UTF-8. {START_AGAIN}.") from None
