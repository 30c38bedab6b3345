"""The manager's targets and the figures that the reference labs published, read from TOML beside this file; a course's
own targets come from `own/targets.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from snippets.course import own_name, own_table
from snippets.errors import UsageError
from snippets.stats import Estimate, show

OWN_TABLE = "targets.toml"
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
    """The manager's targets: the course's own, then those of the kit that none of these replaces (one of the same name
    and hardware). Raises UsageError naming what is wrong in the course's."""
    kit = tuple(Target(**entry) for entry in _read("targets.toml")["target"])
    names = tuple(dict.fromkeys(one.name for one in kit))
    table = own_table(OWN_TABLE)
    if set(table) - {"target"} or not isinstance(table.get("target", []), list):
        raise UsageError(f"{own_name(OWN_TABLE)} holds [[target]] tables and nothing else; see the kit's targets.toml.")
    own = tuple(_own(number, entry, names) for number, entry in enumerate(table.get("target", []), start=1))
    replaced = {(one.name, one.hardware) for one in own}
    return (*own, *(one for one in kit if (one.name, one.hardware) not in replaced))


def _own(number: int, entry: Mapping[str, Any], names: tuple[str, ...]) -> Target:
    """A target of the course's own table, the `number`th there."""
    where = f"{own_name(OWN_TABLE)}: [[target]] number {number}"
    known = [each.name for each in fields(Target)]
    if unknown := sorted(set(entry) - set(known)):
        raise UsageError(f"{where} has no setting {unknown[0]!r}; they are {', '.join(known)}.")
    if entry.get("name") not in names:
        raise UsageError(f"{where}: name is one of {', '.join(names)}, not {entry.get('name')!r}.")
    if not isinstance(entry.get("hardware"), str) or not entry["hardware"].strip():
        raise UsageError(f"{where}: hardware is a word of the processor's name, such as A100.")
    limits = {name: entry[name] for name in known[2:] if name in entry}
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise UsageError(f"{where}: {name} is a number above 0, not {value!r}.")
    if not limits:
        raise UsageError(f"{where} asks for nothing; give one of {', '.join(known[2:])}.")
    return Target(entry["name"], entry["hardware"].strip(), **{name: float(value) for name, value in limits.items()})


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
