"""Our own time for free blocks: 30 days, 100 hosts, 100 reservations each. Two ways, in one run.

The bisecting search of `reserve.calendar` against looking at every reservation for every hour; both must agree.
Target: the former under 1 s, reading Blazar's answer and writing the table included.
"""

import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reserve import hardware  # noqa: E402
from reserve.calendar import CHANGEOVER, free_slots  # noqa: E402
from reserve.lease.slots import options, table  # noqa: E402
from reserve.sites.chameleon.blazar import Leases  # noqa: E402

HOSTS, DAYS, RESERVATIONS = 100, 30, 100
START = datetime(2027, 3, 1, tzinfo=UTC)


class RecordedSite:
    """Answers as Blazar does, from memory."""

    def __init__(self, kind: str) -> None:
        rng = random.Random(1)
        same = {"node_type": kind, "reservable": True}
        self.hosts = [{"id": str(n), "node_name": f"n{n:03}", **same} for n in range(HOSTS)]
        self.allocations = []
        for n in range(HOSTS):
            taken, at = [], START - timedelta(days=1)
            for _ in range(RESERVATIONS):
                at += timedelta(minutes=rng.randrange(0, 600))
                end = at + timedelta(minutes=rng.randrange(60, 300))
                starts, ends = (moment.strftime("%Y-%m-%dT%H:%M:%S.%f") for moment in (at, end))
                taken.append({"id": "r", "lease_id": "l", "start_date": starts, "end_date": ends})
                at = end
            self.allocations.append({"resource_id": str(n), "reservations": taken})

    def call(self, method: str, service: str, path: str, doing: str) -> dict:
        return {"allocations": self.allocations} if path.endswith("allocations") else {"hosts": self.hosts}


def main() -> int:
    kind = hardware.load()["gpu_p100"]
    leases = Leases("CHI@TACC", RecordedSite(kind.node_type), None)  # type: ignore[arg-type]
    until = START + timedelta(days=DAYS)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        calendar = leases.calendar(kind, START)
        table(options([(kind, calendar)], START, until), START, until, UTC, limit=10_000)
        best = min(best, time.perf_counter() - began)
    began = time.perf_counter()
    quick = free_slots(calendar, kind.block, START, until)
    quick_s = time.perf_counter() - began
    began = time.perf_counter()
    slow, at = [], START
    while at + kind.block.duration <= until:
        wanted = kind.block.at(at)
        free = tuple(
            name
            for name, busy in calendar.nodes.items()
            if all(i.end + CHANGEOVER <= wanted.start or i.start >= wanted.end + CHANGEOVER for i in busy)
        )
        if free:
            slow.append((at, free))
        at += timedelta(hours=1)
    slow_s = time.perf_counter() - began
    assert [(slot.start, slot.nodes) for slot in quick] == slow
    print(f"{HOSTS} hosts, {DAYS} days, {HOSTS * RESERVATIONS} reservations, {len(quick)} starts")
    print(f"slots, from Blazar's answer to the printed table: {best:.3f} s (target < 1 s)")
    print(f"search alone: {quick_s:.3f} s; at every reservation: {slow_s:.3f} s ({slow_s / quick_s:.0f} times as long)")
    return 0 if best < 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
