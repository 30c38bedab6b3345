"""The manager's targets in running text: `{{ device.p50_ms_below }}` in a question or a lesson becomes the figure.

The braces are MyST's own for substitutions. So a course that changes a target changes every sentence that names it.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from snippets.decide.targets import Target, target, targets
from snippets.errors import UsageError

QUOTED = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
PLACES = {"server_cpu": "server CPU", "server_gpu": "server GPU", "device": "end-user device"}
"""How texts call the targets; of several of one name, the first."""
TABLE = "targets"
LIMITS = tuple(each.name for each in fields(Target) if each.name not in ("name", "hardware"))
OPTIONS = {"server CPU": "a server's CPU", "server GPU": "a server's GPU", "end-user device": "the user's own phone"}


def filled(text: str) -> str:
    """`text` with each `{{ ... }}` replaced by its figure, or by the table of all targets (`{{ targets }}`).

    Raises UsageError for a name that there is not, listing those that there are.
    """
    return QUOTED.sub(lambda match: _figure(match[1]), text)


def _figure(name: str) -> str:
    if name == TABLE:
        return table()
    place, _, limit = name.partition(".")
    value = getattr(target(PLACES[place]), limit) if place in PLACES and limit in LIMITS else None
    if value is None:
        known = [f"{each}.{one}" for each, full in PLACES.items() for one in LIMITS if getattr(target(full), one)]
        raise UsageError(f"{{{{ {name} }}}} is no figure of targets.toml; there are {TABLE}, {', '.join(known)}.")
    return f"{value:,g}"


def table() -> str:
    """The targets as a Markdown table, a row each; the hardware is named where several are of one kind."""
    names = [one.name for one in targets()]
    rows = [
        "| option | one prediction (median) | throughput | size of the model |",
        "|---|---|---|---|",
    ]
    for one in targets():
        of = f" ({one.hardware})" if names.count(one.name) > 1 else ""
        cells: tuple[Any, ...] = (
            OPTIONS[one.name] + of,
            f"under {one.p50_ms_below:,g} ms" if one.p50_ms_below is not None else "",
            f"at least {one.images_per_s_at_least:,g} images/s" if one.images_per_s_at_least is not None else "",
            f"under {one.size_mb_below:,g} MB" if one.size_mb_below is not None else "",
        )
        rows.append(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(rows)
