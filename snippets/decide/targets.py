"""The manager's targets and the figures that the reference labs published, read from TOML beside this file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """What one way to serve must reach. A limit that is None is not asked for. Sizes in MB of 10^6 bytes."""

    name: str
    hardware: str
    p50_ms_below: float | None = None
    images_per_s_at_least: float | None = None
    size_mb_below: float | None = None

    def misses(
        self, *, p50_ms: float | None = None, images_per_s: float | None = None, size_mb: float | None = None
    ) -> list[str] | None:
        """Which limits the figures miss, in words; empty: all met. None if a figure that is asked for is not known."""
        figures = (p50_ms, images_per_s, size_mb)
        limits = (self.p50_ms_below, self.images_per_s_at_least, self.size_mb_below)
        if any(limit is not None and figure is None for limit, figure in zip(limits, figures, strict=True)):
            return None
        missed = []
        if self.p50_ms_below is not None and p50_ms is not None and p50_ms >= self.p50_ms_below:
            missed.append(f"p50 {p50_ms:.2f} ms, not below {self.p50_ms_below:g}")
        at_least = self.images_per_s_at_least
        if at_least is not None and images_per_s is not None and images_per_s < at_least:
            missed.append(f"{images_per_s:.0f} images/s, not {at_least:g}")
        if self.size_mb_below is not None and size_mb is not None and size_mb >= self.size_mb_below:
            missed.append(f"{size_mb:.2f} MB, not below {self.size_mb_below:g}")
        return missed


@cache
def targets() -> tuple[Target, ...]:
    """The manager's targets, in the order of targets.toml."""
    return tuple(Target(**entry) for entry in _read("targets.toml")["target"])


def target(name: str) -> Target:
    """The target of that name; KeyError if targets.toml has none."""
    found = {t.name: t for t in targets()}
    return found[name]


@cache
def published(part: str) -> tuple[dict[str, Any], ...]:
    """Rows that the reference labs published for a part (`model` or `system`); empty for a part without any."""
    return tuple(_read("published.toml").get(part, ()))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text())
