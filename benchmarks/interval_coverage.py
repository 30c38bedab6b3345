"""Whether the kit's 95 % intervals hold the truth in 90 % of all cases: `python benchmarks/interval_coverage.py`.

Simulated, so that the truth is known. Beside each figure of the kit's way stands that of the usual way.
"""

from __future__ import annotations

import sys

import coverage_loads

if __name__ == "__main__":
    sys.exit(not coverage_loads.check())
