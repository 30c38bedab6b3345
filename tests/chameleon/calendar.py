"""Which host or device a reservation gets: Blazar's matching of constraints and of time intervals."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from .model import Lease, Resource
from .wire import Refusal

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def constraints(text: str) -> list[list[str]]:
    """`["==", "$a", "x"]` or `["and", [...], [...]]`, JSON in a string, as a list of triples; "" is none."""
    try:
        wish = json.loads(text) if text else []
    except ValueError:
        raise Refusal(400, f"Malformed requirements {text}") from None
    if not isinstance(wish, list):
        raise Refusal(400, f"Malformed requirements {text}")
    if not wish:
        return []
    triples = [each for each in wish[1:] if each] if wish[0] == "and" else [wish]
    for triple in triples:
        well = isinstance(triple, list) and len(triple) == 3 and all(isinstance(part, str) for part in triple)
        if not well or triple[0] not in COMPARE or not triple[1].startswith("$"):
            raise Refusal(400, f"Malformed requirements {wish}")
    return triples


def fits(resource: Resource, triples: Iterable[list[str]]) -> bool:
    for symbol, key, wanted in triples:
        held = resource.properties.get(key.removeprefix("$"))
        if held is None:
            return False
        try:
            matches = (
                COMPARE[symbol](type(held)(wanted), held)
                if symbol in ("==", "=", "!=")
                else COMPARE[symbol](float(held), float(wanted))
            )
        except ValueError:
            return False
        if not matches:
            return False
    return True


def taken(leases: Iterable[Lease], start: datetime, end: datetime, but: str = "") -> set[str]:
    """Resources with a lease that overlaps [start, end); one that ends at `start` does not."""
    return {
        resource
        for lease in leases
        if lease.id != but and lease.status not in ("TERMINATED",) and lease.start < end and start < lease.end
        for reservation in lease.reservations
        for resource in reservation.resources
    }


def choose(resources: Iterable[Resource], kind: str, site: str, triples: list[list[str]], busy: set[str]) -> list[str]:
    """Ids of the free resources that fit, in a fixed order."""
    return [
        each.id
        for each in resources
        if each.kind == kind and each.site == site and each.reservable and each.id not in busy and fits(each, triples)
    ]
