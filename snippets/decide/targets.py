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
        missed = []
        for limit, figure, met, text in (
            (self.p50_ms_below, p50_ms, lambda x, y: x < y, "p50 {:.2f} ms, not below {:g}"),
            (self.images_per_s_at_least, images_per_s, lambda x, y: x >= y, "{:.0f} images/s, not {:g}"),
            (self.size_mb_below, size_mb, lambda x, y: x < y, "{:.2f} MB, not below {:g}"),
        ):
            if limit is None:
                continue
            if figure is None:
                return None
            if not met(figure, limit):
                missed.append(text.format(figure, limit))
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
