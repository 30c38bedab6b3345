"""How often "95 %" intervals hold what they promise: `python benchmarks/interval_coverage.py`.

Two halves: latencies of variants (Parts 1 and 2), and loads on a server (Part 3). Each prints its own table, the kit's
way beside a usual one, and says whether it reached its goal. The exit code is 1 where one did not.
"""

from __future__ import annotations

from collections.abc import Callable

from intervals import latencies, loads

# A half is a function that prints its table and returns whether its goal was reached.
HALVES: tuple[Callable[[], bool], ...] = (
    latencies.show,
    loads.show,
)


def main() -> int:
    """Run every half; 0 if all reached their goals."""
    reached = [half() for half in HALVES]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
