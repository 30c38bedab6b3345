"""The record of an open run as its process holds it: read again when another process wrote, written step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snippets.errors import RecordError
from snippets.record.chain import last_hash, linked
from snippets.record.document import read_content, state, write_head, write_whole
from snippets.record.head import HEAD, SCHEMA_VERSION, START_AGAIN, new_head, part_of
from snippets.record.steps import STEPS, Interrupted, append


class RecordFiles:
    """Head and steps of the run in `folder`. Whoever writes holds the run's lock, and reloads first."""

    def __init__(self, folder: Path, part: str) -> None:
        self.folder, self._part = folder, part
        self.head: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []
        self.interrupted: Interrupted | None = None
        self._known = 0
        self._whole = False  # whether the next write replaces both files
        self._seen: object = None
        self._by_key: dict[str, dict[str, Any]] = {}

    @property
    def last(self) -> str:
        """Hash of the last step."""
        return last_hash(self.head, self.steps)

    @property
    def behind(self) -> bool:
        """Whether the head does not know of all steps yet."""
        return self._known < len(self.steps)

    def begin(self, created_utc: str) -> None:
        """Make the record of a new run. Raises RecordError where steps lie without their head."""
        if (self.folder / STEPS).is_file() and (self.folder / STEPS).stat().st_size:
            raise RecordError(
                f"{self.folder} holds {STEPS}, but its {HEAD} is gone, without which no step can be "
                f"checked. {START_AGAIN}."
            )
        self.head, self._whole = new_head(self._part, self.folder.name, created_utc), True

    def reload(self) -> None:
        """See what other processes wrote. Raises RecordError for a record that is damaged or of another part."""
        now = state(self.folder)
        if now == self._seen:
            return
        if self.head and not (self.folder / HEAD).is_file():
            self._whole = True  # somebody removed it while the run was open: what is known is written anew
            return
        if (part := part_of(self.folder / HEAD)) not in (self._part, None):
            raise RecordError(
                f"{self.folder} holds a run of part {part!r}, not {self._part!r}; give another --runs or --run-id."
            )
        content = read_content(self.folder)
        self.head, self.steps, self._known = content.head, content.steps, content.known
        self.interrupted = content.interrupted
        self._whole = (
            content.version < SCHEMA_VERSION or content.interrupted is not None or not (self.folder / STEPS).is_file()
        )
        self._by_key = {step["key"]: step for step in self.steps}
        self._seen = now

    def latest(self, key: str) -> dict[str, Any] | None:
        """The last step with that key, or None."""
        return self._by_key.get(key)

    def add(self, step: dict[str, Any], durable: bool) -> None:
        """Append a step behind the last one. Raises StorageError where it cannot be written; then it is not added."""
        step = linked(step, self.last)
        self._seen = None  # what could not be written is not part of the run: it is read again
        if self._whole:
            self._replace([*self.steps, step])
        else:
            append(self.folder / STEPS, step, durable)
        self.steps.append(step)
        self._by_key[step["key"]] = step
        self._seen = state(self.folder)

    def save_head(self) -> None:
        """Write the head, with what it now knows of the steps. Raises StorageError; its change is then forgotten."""
        self._seen = None
        if self._whole:
            self._replace(self.steps)
        else:
            write_head(self.folder, self.head, self.steps)
            self._known = len(self.steps)
        self._seen = state(self.folder)

    def _replace(self, steps: list[dict[str, Any]]) -> None:
        write_whole(self.folder, self.head, steps)
        self._whole, self.interrupted, self._known = False, None, len(steps)
