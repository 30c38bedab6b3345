"""How much of the machine's memory a process holds. Standard library only: a cold start's child imports this."""

from __future__ import annotations

import sys
from pathlib import Path


def resident_mb(pid: int = 0) -> float:
    """Memory of a process that is in RAM now, in MB (`pid` 0: this one; NaN where the system does not tell).

    Where only the peak of this process is told (macOS), the peak.
    """
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return _peak_mb() if not pid else float("nan")
    import resource

    return pages * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
