"""From graded entries to students: which attempt counts, who shares one, and whose NetID is said twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from grading.batch.exports import Entry
from grading.checks.part import unreadable
from grading.grade import MAX_NAME, MAX_NETID, Grade
from grading.shown import line, some
from grading.submission.handed_in import chains, held_against
from grading.submission.people import plain_netid, student_of
from snippets.parts import PARTS


def settle(entries: Sequence[Entry], grades: Sequence[Grade]) -> list[Grade]:
    """The students' rows: one that counts for each student, and the attempts that do not.

    Partners get a row each. A person is known by the export; without one, by the NetID that the submission gives,
    unless another submission bears that NetID in its own name. Order as given.
    """
    rows = _filled([row for entry, each in zip(entries, grades, strict=True) for row in _people(entry, each)])
    orders = {str(entry.path): entry.order for entry in entries}
    rows = _renamed(rows)
    return _doubled(_counted(rows, orders))


def _people(entry: Entry, each: Grade) -> list[Grade]:
    """A row for each who handed it in."""
    if len(entry.people) < 2:
        owner = entry.owner or ""
        return [replace(each, owners=(owner,) if owner else ())]
    names = [person.called for person in entry.people]
    return [
        replace(
            each,
            netid=line(plain_netid(person.netid) or student_of(entry.path), MAX_NETID),
            name=line(person.name, MAX_NAME),
            problems=(*each.problems, f"handed in together with {some([name for name in names if name != own])}"),
            owners=(entry.owner, *(f"with {name}" for name in names)),
        )
        for person, own in zip(entry.people, names, strict=True)
    ]


def _filled(rows: Sequence[Grade]) -> list[Grade]:
    """No row without parts: who handed in nothing readable is graded 0 of what the class was asked for."""
    asked = {part.part for each in rows for part in each.parts}
    parts = [part for part in PARTS if part in asked]
    return [
        each
        if each.parts or not parts
        else replace(each, parts=tuple(unreadable(part, each.problems[0]) for part in parts))
        for each in rows
    ]


def _renamed(rows: Sequence[Grade]) -> list[Grade]:
    """Where nothing but their own words says whose several submissions are: the one that bears the NetID is theirs."""
    by_claim: dict[str, list[Grade]] = defaultdict(list)
    for each in rows:
        if not each.owners:
            by_claim[plain_netid(each.netid)].append(each)
    real = {
        netid: next((each for each in group if _by_name(each) == netid), None)
        for netid, group in by_claim.items()
        if len(group) > 1
    }
    found = []
    for each in rows:
        owner = None if each.owners else real.get(plain_netid(each.netid))
        own = _by_name(each)
        if owner is not None and own != plain_netid(each.netid):
            told = f"its manifest says NetID {each.netid}, as does {_file(owner)}, which bears that name"
            each = replace(each, netid=own, problems=(told, *each.problems), owners=(f"netid {own}",))
        elif not each.owners:
            each = replace(each, owners=(f"netid {plain_netid(each.netid)}",))
        found.append(each)
    return found


def _by_name(each: Grade) -> str:
    """The NetID that the submission's own name bears."""
    return plain_netid(student_of(Path(each.source)))


def _counted(rows: Sequence[Grade], orders: Mapping[str, tuple[float, ...]]) -> list[Grade]:
    """Of a person's attempts the newest with a record counts; the others are kept, and named in its row. A part that it
    lacks is taken from the newest attempt that has it: some hand in a file for each part."""
    attempts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, each in enumerate(rows):
        person = plain_netid(each.netid) if len(each.owners) > 1 else ""
        attempts[each.owners[0], person].append(index)
    settled = list(rows)
    for indices in attempts.values():
        if len(indices) < 2:
            continue
        best = max(indices, key=lambda i: (rows[i].measured, orders.get(rows[i].source, ()), rows[i].measured_utc, i))
        others = [index for index in indices if index != best]
        with_runs = [rows[index] for index in others if rows[index].measured]
        told = []
        if with_runs:
            listed = [f"{_file(each)} ({each.points:g} of {each.possible:g})" for each in with_runs]
            told.append(f"handed in {len(with_runs) + 1} times; the newest counts, not {some(listed)}")
        if without := [_file(rows[index]) for index in others if not rows[index].measured]:
            told.append(f"handed in beside it, without a record: {some(without)}")
        counted = rows[best]
        for index in others:
            if orders.get(rows[index].source, ()) < orders.get(rows[best].source, ()):
                parts = held_against(counted.parts, earlier=chains(rows[index].parts))
                counted = replace(counted, parts=parts)
        newest_first = sorted(
            others, key=lambda i: (orders.get(rows[i].source, ()), rows[i].measured_utc), reverse=True
        )
        counted, added = _with_other_parts(counted, [rows[index] for index in newest_first])
        settled[best] = replace(counted, problems=(*counted.problems, *told, *added))
        for index in others:
            settled[index] = replace(rows[index], counts=False)
    return settled


def _with_other_parts(counted: Grade, others: Sequence[Grade]) -> tuple[Grade, list[str]]:
    """The grade, with each part that was not handed in with it taken from the first of `others` that has it; and from
    which, in words."""
    parts = {part.part: part for part in counted.parts}
    told = []
    for other in others:
        for part in other.parts:
            if part.digest and not (part.part in parts and parts[part.part].digest):
                parts[part.part] = part
                told.append(f"part {part.part} was taken from {_file(other)}")
    prints = {mark for part in parts.values() for mark in part.prints} if told else set(counted.prints)
    ordered = tuple(parts[name] for name in PARTS if name in parts)
    return replace(counted, parts=ordered, prints=tuple(sorted(prints))), told


def _doubled(rows: Sequence[Grade]) -> list[Grade]:
    """A remark where different people's submissions give the same NetID."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, each in enumerate(rows):
        if each.counts:
            holders[plain_netid(each.netid)].append(index)
    settled = list(rows)
    for netid, indices in holders.items():
        for index in indices if len(indices) > 1 else ():
            others = [_file(rows[other]) for other in indices if other != index]
            told = f"NetID {line(netid, MAX_NETID)} is also that of {some(others)}: look at who handed them in"
            settled[index] = replace(rows[index], problems=(told, *rows[index].problems))
    return settled


def who_counts(rows: Iterable[Grade]) -> list[Grade]:
    """The rows that count: one for each student."""
    return [each for each in rows if each.counts]


def with_missing(rows: Sequence[Grade], roster: Sequence[str], parts: Sequence[str] = ()) -> list[Grade]:
    """The rows, and one for each NetID of the roster that none of them has: nothing was handed in.

    Who is in a row and not on the roster is told there. `parts`: what was expected, where nobody handed in anything.
    """
    listed = {plain_netid(netid) for netid in roster}
    there = {plain_netid(each.netid) for each in rows}
    asked = [part for part in PARTS if part in {*parts, *(part.part for each in rows for part in each.parts)}]
    why = "nothing was handed in"
    told = [
        replace(each, problems=(*each.problems, "is not on the roster"))
        if each.counts and plain_netid(each.netid) not in listed
        else each
        for each in rows
    ]
    absent = [netid for netid in dict.fromkeys(map(plain_netid, roster)) if netid not in there]
    return told + [
        Grade("", "", line(netid, MAX_NETID), "", tuple(unreadable(part, why) for part in asked), (why,))
        for netid in absent
    ]


def _file(each: Grade) -> str:
    path = Path(each.source)
    return path.name if path.name not in ("submission.zip", "submission") else f"{path.parent.name}/{path.name}"
