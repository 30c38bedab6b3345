"""The nodes that a class may lease: each kind of hardware with what others already hold of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from reserve.calendar import HOUR, Block, Calendar, Interval
from reserve.hardware import Hardware
from reserve.plan.course.rules import Rules
from snippets.errors import PlanError


@dataclass(frozen=True)
class Pool:
    """One kind of hardware: its nodes and their busy times, and how many of them the course may hold."""

    hardware: Hardware
    calendar: Calendar
    limit: int  # leases at one time
    keep: int  # nodes left free during the hours before the due date

    @property
    def key(self) -> str:
        """Its name in hardware.toml."""
        return self.hardware.key


def make_pool(hardware: Hardware, calendar: Calendar, rules: Rules) -> Pool:
    """The pool under the course's limits; it may be empty of nodes. Raises PlanError when the rules allow none."""
    count = len(calendar.nodes)
    share = max(min(count, 1), int(count * rules.node_share + 1e-9))  # of a single node there is no half
    limit = min(share, rules.limits.get(hardware.key, count))
    if count and not limit:
        raise PlanError(f"the pool {hardware.key} is empty: [limits] allows 0 leases of it at one time")
    return Pool(hardware, calendar, limit, min(rules.buffer_nodes, count // 2))


def make_pools(
    table: Mapping[str, Hardware], calendars: Mapping[str, Calendar], rules: Rules, *, empty: bool = False
) -> list[Pool]:
    """One pool for each kind of hardware of the planned parts that has a calendar. A kind may have lost all its nodes
    while another serves the part; with `empty`, also when none does (nobody can then be given that part).

    Raises PlanError for a limit on unknown hardware, and for a part without any node.
    """
    for key in (*rules.limits, *rules.cost):
        if key not in table:
            raise PlanError(f"the rules name the hardware {key!r}; hardware.toml has {', '.join(table)}")
    names = {part.name for part in rules.parts}
    pools = [
        make_pool(hardware, calendars[key], rules)
        for key, hardware in table.items()
        if hardware.part in names and key in calendars
    ]
    for part in rules.parts:
        kinds = [hardware.key for hardware in table.values() if hardware.part == part.name]
        if not kinds:
            raise PlanError(f"no hardware in hardware.toml is for the part {part.name!r} of the rules")
        mine = [pool for pool in pools if pool.hardware.part == part.name]
        if not mine:
            raise PlanError(f"the pool of part {part.name} is empty: no calendar for {' or '.join(kinds)}")
        if not empty and not any(pool.calendar.nodes for pool in mine):
            raise PlanError(
                f"the pool of part {part.name} is empty: no reservable node of {' or '.join(p.key for p in mine)} in "
                "the calendar; fetch the calendar again, ask the help desk, or take the part out of the rules"
            )
    return pools


def read_calendars(path: Path | str) -> dict[str, Calendar]:
    """Saved calendars by hardware: `{"calendars": [...]}`, a list of calendars, or a single one."""
    source = Path(path)
    try:
        data = json.loads(source.read_text(encoding="utf-8"))
        entries = data.get("calendars", [data]) if isinstance(data, dict) else data
        found = [Calendar.from_json(entry) for entry in entries]
    except OSError as error:
        raise PlanError(f"cannot read the calendar {source}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(f"{source} is not a saved calendar ({error}); every plan saves one as calendar.json") from None
    return {calendar.hardware: calendar for calendar in found}


def save_calendars(path: Path | str, calendars: Iterable[Calendar]) -> None:
    """Save calendars for later planning without the testbed."""
    data = {"calendars": [calendar.to_json() for calendar in calendars]}
    Path(path).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one pool whose free blocks are the same, so that only their number matters.

    `valid[part, hours]` says for each hour of the horizon whether such a block may begin on these nodes.
    Within a group the blocks that overlap never exceed `len(nodes)`: then they can be given nodes first come,
    first served (interval graphs are perfect).
    """

    pool: int
    nodes: tuple[str, ...]
    valid: Mapping[tuple[str, int], np.ndarray]


def node_groups(pools: list[Pool], lengths: Mapping[str, set[int]], begin: Interval) -> list[NodeGroup]:
    """Group the nodes by what is free. `begin.start` is hour 0; blocks end by `begin.end`."""
    hours = int((begin.end - begin.start) / HOUR + 0.999)
    starts = [begin.start + timedelta(hours=n) for n in range(hours)]
    groups: list[NodeGroup] = []
    for index, pool in enumerate(pools):
        margin, part = pool.hardware.end_margin_minutes, pool.hardware.part
        alike: dict[bytes, tuple[list[str], dict[tuple[str, int], np.ndarray]]] = {}
        always: dict[tuple[Interval, ...], bytes] = {}
        for node, busy in pool.calendar.nodes.items():
            if busy in always:
                alike[always[busy]][0].append(node)
                continue
            valid = {}
            for length in sorted(lengths[part]):
                block = Block(length, margin)
                valid[part, length] = np.array(
                    [block.at(at).end <= begin.end and pool.calendar.is_free(node, block.at(at)) for at in starts]
                )
            key = b"".join(mask.tobytes() for mask in valid.values())
            always[busy] = key
            alike.setdefault(key, ([], valid))[0].append(node)
        groups += [NodeGroup(index, tuple(nodes), valid) for nodes, valid in alike.values()]
    return groups
