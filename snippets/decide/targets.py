"""The manager's targets and the figures that the reference labs published, read from TOML beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from snippets.stats import Estimate, show

_HERE = Path(__file__).parent
DEVICE = "end-user device"
"""The name of the target for the user's own phone."""


@dataclass(frozen=True)
class Target:
    """What one way to serve must reach. A limit that is None is not asked for. Sizes in MB of 10^6 bytes."""

    name: str
    hardware: str
    p50_ms_below: float | None = None
    images_per_s_at_least: float | None = None
    size_mb_below: float | None = None

    def judge(
        self, *, p50_ms: Estimate | None = None, images_per_s: Estimate | None = None, size_mb: float | None = None
    ) -> Verdict | None:
        """Whether the figures meet the limits, beyond their intervals. None if one that is asked for is not known."""
        exact_mb = None if size_mb is None else Estimate(size_mb, size_mb, size_mb)
        held = (
            (self.p50_ms_below, p50_ms, "p50 {:.2f} ms, not below {:g}", ("p50 ", 2, " ms")),
            (self.images_per_s_at_least, images_per_s, "{:.0f} images/s, not {:g}", ("", 0, " images/s")),
            (self.size_mb_below, exact_mb, "{:.2f} MB, not below {:g}", ("", 2, " MB")),
        )
        missed, undecided = [], []
        for limit, figure, text, (name, digits, unit) in held:
            if limit is None:
                continue
            if figure is None:
                return None
            sure, possible = (
                (figure.low >= limit, figure.high >= limit)
                if figure is images_per_s
                else (figure.high < limit, figure.low < limit)
            )
            if not possible:
                missed.append(text.format(figure.value, limit))
            elif not sure:
                undecided.append(f"{name}{show(figure, digits)}{unit} against {limit:g}")
        return Verdict(tuple(missed), tuple(undecided))


@dataclass(frozen=True)
class Verdict:
    """Limits that are `missed`, and those that the samples do not decide (`undecided`), in words."""

    missed: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether all limits are met, and surely so."""
        return not self.missed and not self.undecided

    @property
    def open(self) -> bool:
        """Whether the samples allow both: none is missed, and one is not decided."""
        return not self.missed and bool(self.undecided)

    def __str__(self) -> str:
        if self.missed:
            return "missed: " + "; ".join(self.missed)
        return "not decided: " + "; ".join(self.undecided) if self.undecided else "met"


@cache
def targets() -> tuple[Target, ...]:
    """The manager's targets, in the order of targets.toml."""
    return tuple(Target(**entry) for entry in _read("targets.toml")["target"])


def target(name: str, host: Mapping[str, Any] | None = None) -> Target:
    """The target of that name: of several the one for a processor of `host` (`Record.machine`), else the first.

    Raises KeyError if targets.toml has none.
    """
    named = [one for one in targets() if one.name == name]
    if not named:
        raise KeyError(name)
    host = host or {}
    models = [str(one.get("model", "")) for one in (host.get("cpu") or {}, *(host.get("gpus") or ()))]
    return next((one for one in named if any(one.hardware in model for model in models)), named[0])


@cache
def published(part: str) -> tuple[dict[str, Any], ...]:
    """Rows that the reference labs published for a part (`model` or `system`); empty for a part without any."""
    return tuple(_read("published.toml").get(part, ()))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text())
