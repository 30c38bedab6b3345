"""What a server knows of a submission: when it came, and what an earlier one of the same run held. Each finding is a
doubt that a person looks at; it takes no points."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from grading.checks.part import PartGrade

SLACK = timedelta(minutes=10)
"""How far a student's clock may be ahead of the server's."""
Chain = tuple[str, ...]


def moment(text: Any) -> datetime | None:
    """A server's time, with or without a zone (UTC then), to the second; None if it is none."""
    try:
        found = datetime.fromisoformat(
            re.sub(r"\.\d+", "", str(text)).strip().replace(" Z", "Z").replace("Z", "+00:00")
        )
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def held_against(
    parts: Sequence[PartGrade], created: datetime | None = None, earlier: Mapping[str, Chain] | None = None
) -> tuple[PartGrade, ...]:
    """The parts of a submission, with a doubt on each that was measured after it was `created` on the server, and on
    each whose run is one that was handed in `earlier` (chains by part) but does not go on from there.
    """
    return tuple(_part(part, created, (earlier or {}).get(part.part)) for part in parts)


def _part(part: PartGrade, created: datetime | None, earlier: Chain | None) -> PartGrade:
    found = []
    measured = moment(part.measured_utc)
    if created and measured and measured > created + SLACK:
        found.append(
            f"by its times it was measured until {part.measured_utc[:16]}, after it was handed in "
            f"({created.astimezone(UTC).isoformat()[:16]} by the server's clock)"
        )
    if earlier and part.chain and earlier[0] == part.chain[0] and earlier[-1] not in part.chain:
        found.append("the run was handed in before with other steps than it has now")
    return replace(part, doubts=(*part.doubts, *found)) if found else part


def chains(parts: Sequence[PartGrade]) -> dict[str, Chain]:
    """The chains of a submission's runs, by part."""
    return {part.part: part.chain for part in parts if part.chain}


def chains_told(metadata: Any) -> dict[str, Chain]:
    """By part, where the run of the newest earlier submission stood: from Gradescope's submission_metadata.json, which
    gives back what the autograder said of `previous_submissions`."""
    found: dict[str, Chain] = {}
    previous = metadata.get("previous_submissions") if isinstance(metadata, dict) else None
    for each in previous if isinstance(previous, list) else ():
        results = each.get("results") if isinstance(each, dict) else None
        extra = results.get("extra_data") if isinstance(results, dict) else None
        told = extra.get("chains") if isinstance(extra, dict) else None
        for part, chain in told.items() if isinstance(told, dict) else ():
            if isinstance(chain, list) and chain and all(isinstance(link, str) for link in chain):
                found[str(part)] = tuple(chain)
    return found
