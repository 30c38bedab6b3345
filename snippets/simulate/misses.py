"""Where what a model said of loads and what was measured lie apart, and what the model cannot have known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snippets import stats
from snippets.load import estimates
from snippets.simulate.calibrated import Figures
from snippets.stats import Estimate

OFF_BY = 0.25
"""How far a prediction may lie from what was measured, as a share of it, before one asks what the model did not
know."""
NAMES = ("answers per second", "p50", "p95")
UNITS = ("/s", " ms", " ms")
TOLD = 3
"""So many misses, the furthest, are told in words."""
CANDIDATES = {
    "slower": (
        "others that wanted the cores: the load generator and the server's front end, beside more instances or clients "
        "than there were in the calibration, or other programs",
        "a service that had become slower since (close to its capacity, a few per cent of S double the queue)",
        "slow moments that last for many requests, where the model draws the time of each by itself",
    ),
    "faster": (
        "a calibration that met a slow moment (close to the capacity, a few per cent of S double the queue)",
        "caches that are warmer than they were in the calibration",
        "batches that formed otherwise than Triton is said to form them",
    ),
}
"""What the model is never told, by what the measurement was compared with the prediction."""


@dataclass(frozen=True)
class Miss:
    """One figure of a load: its name among NAMES, what was predicted, what was measured with its interval.

    `low` to `high`: what the prediction would be if the machine were slower or faster, as far as that is known.
    """

    load: str
    figure: str
    predicted: float
    measured: Estimate
    low: float = math.nan
    high: float = math.nan

    @property
    def error(self) -> float:
        """How far the prediction lies from what was measured, as a share of it (0.1: a tenth too much)."""
        return self.predicted / self.measured.value - 1

    @property
    def beyond(self) -> float:
        """The same from the nearest end of the measured interval: 0 within it; where there is none, `error`."""
        if not self.measured.bounded:
            return self.error
        nearest = min(max(self.predicted, self.measured.low), self.measured.high)
        return self.predicted / nearest - 1

    @property
    def open(self) -> bool:
        """Whether the machine's unsteadiness and the measurement's own interval leave it open that both are right."""
        low, high = (self.low, self.high) if self.low <= self.high else (self.predicted, self.predicted)
        least, most = self.measured.low, self.measured.high
        if not self.measured.bounded:
            least = most = self.measured.value
        return low <= most and least <= high

    @property
    def direction(self) -> str:
        """Whether the service was measured "slower" or "faster" than predicted."""
        return "slower" if (self.error > 0) == (self.figure == NAMES[0]) else "faster"


def figures(load: Mapping[str, Any]) -> tuple[Estimate, Estimate, Estimate]:
    """The figures of a measured load, in the order of NAMES, each with its interval where the windows give one."""
    rate = estimates.rate(load)
    p50, p95 = (
        estimates.latency(load, percent) or Estimate(stats.good_percentile(load, percent), -math.inf, math.inf)
        for percent in (50, 95)
    )
    return rate, p50, p95


def misses(said: Mapping[str, Figures], loads: Mapping[str, Mapping[str, Any]]) -> list[Miss]:
    """Every figure that was predicted and measured, the furthest first (by factor, so that half and twice are alike).

    A load without an answer has no figures.
    """
    found = [
        Miss(name, figure, ours.value, theirs, *((ours.low, ours.high) if ours.bounded else ()))
        for name, one in said.items()
        for figure, ours, theirs in zip(NAMES, one.ranges(), figures(loads[name]), strict=True)
        if theirs.value > 0 and ours.value > 0
    ]
    return sorted(found, key=lambda miss: -abs(math.log(miss.predicted / miss.measured.value)))


def shown(miss: Miss) -> str:
    """A miss in words, such as "p95 of on, 8 clients: predicted 12 ms, measured 20 ms (18 to 23), 40 % too low"."""
    unit = UNITS[NAMES.index(miss.figure)]
    ends = f" ({_short(miss.measured.low)} to {_short(miss.measured.high)})" if miss.measured.bounded else ""
    off = f"{abs(100 * miss.error):.0f} % too {'high' if miss.error > 0 else 'low'}"
    return (
        f"{miss.figure} of {miss.load}: predicted {_short(miss.predicted)}{unit}, measured "
        f"{_short(miss.measured.value)}{unit}{ends}, {off}"
    )


def told(found: list[Miss]) -> str:
    """What became of a forecast, as Markdown: how far it was off, its misses of more than OFF_BY, and for each
    direction in which it missed what the model was never told. Empty without a figure."""
    if not found:
        return ""
    errors = sorted(abs(miss.error) for miss in found)
    middle = (errors[(len(errors) - 1) // 2] + errors[len(errors) // 2]) / 2
    far = [miss for miss in found if abs(miss.error) > OFF_BY]
    head = f"Of {len(found)} figures, half were off by {100 * middle:.0f} % or less; "
    if not far:
        return f"{head}none by more than {100 * OFF_BY:.0f} %. The furthest: {shown(found[0])}."
    excused = sum(miss.open for miss in far)
    lines = [f"{head}{len(far)} by more than {100 * OFF_BY:.0f} %{_excused(excused, len(far))}:", ""]
    lines += [f"- {shown(miss)}" for miss in far[:TOLD]]
    lines += [f"- and {len(far) - TOLD} more"] if len(far) > TOLD else []
    for direction in dict.fromkeys(miss.direction for miss in far):
        lines += ["", f"What makes a service {direction} than predicted, of which the model was not told: "]
        lines[-1] += "; ".join(CANDIDATES[direction]) + "."
    return "\n".join(lines)


def _excused(count: int, far: int) -> str:
    if not count:
        return ""
    which = "all" if count == far else f"{count} of them"
    return f" ({which} within what the unsteadiness of this machine and the few windows leave open)"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
