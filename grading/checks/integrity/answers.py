"""Whether answers were given when they say: each names the step after which it came, and has a time of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from snippets.record.chain import answers_hash, hash_with
from snippets.record.run import Record

SLACK = timedelta(seconds=5)


def _time(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _places(record: Record) -> dict[str, int]:
    return {link: number for number, link in enumerate(record.links)}


def unplaced_answers(record: Record) -> list[str]:
    """Answers whose place in the chain is none, or not that of what they name as measured by then."""
    places = _places(record)
    first: dict[str, int] = {}
    for number, step in enumerate(record.steps):
        first.setdefault(step.name, number)
    found, last = [], 0
    for entry in record.answers:
        name, place = str(entry.get("question")), places.get(str(entry.get("after")))
        if place is None:
            found.append(f"the answer to {name!r} names no step of this run after which it was given")
            continue
        measured = entry.get("measured")
        known = [each for each in measured if isinstance(each, str)] if isinstance(measured, list) else []
        if any(first.get(each, place) >= place for each in known):
            found.append(f"the answer to {name!r} names steps as measured that came after it")
        elif place < last:
            found.append(f"the answer to {name!r} stands behind answers that were given after it")
        last = max(last, place)
    return found


def changed_answers(record: Record, now: bool) -> list[str]:
    """The first step that followed other answers than the record now holds; empty if there is none.

    `now`: the run was begun with a kit whose every step names the answers that it followed.
    """
    places = _places(record)
    hashes = list(accumulate(record.answers, hash_with, initial=answers_hash(())))
    given, count = [places.get(str(entry.get("after")), len(record.steps)) for entry in record.answers], 0
    for number, step in enumerate(record.steps):
        while count < len(given) and given[count] <= number:
            count += 1
        told = getattr(step, "answers", "")
        if told and told != hashes[count]:
            return [f"answers that were given before step {step.name!r} were changed after it"]
        if now and not told:
            return [f"step {step.name!r} does not name the answers that were given before it"]
    return []


def misplaced_answers(record: Record) -> list[str]:
    """Where an answer's time contradicts its place in the chain: made after the steps that it says it preceded.

    A clock that was set just then does so too; the level of trust does not rest on it.
    """
    places = _places(record)
    return [
        told
        for entry in record.answers
        if (place := places.get(str(entry.get("after")))) is not None and (when := _time(entry.get("answered_utc")))
        for told in _contradiction(record, str(entry.get("question")), place, when)
    ]


def _contradiction(record: Record, name: str, place: int, when: datetime) -> Iterator[str]:
    before = _time(record.steps[place - 1].ended_utc) if place else None
    behind = _time(record.steps[place].started_utc) if place < len(record.steps) else None
    if behind and when > behind + SLACK:
        told = record.steps[place].name
        yield f"the answer to {name!r} says that it came before step {told!r}, but has a later time"
    elif before and when < before - SLACK:
        told = record.steps[place - 1].name
        yield f"the answer to {name!r} says that it came after step {told!r}, but has an earlier time"
