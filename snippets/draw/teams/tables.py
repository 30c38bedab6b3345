"""Tables of several teams on one platform, as Markdown, from step results alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snippets.draw.tables import markdown_table
from snippets.teams.visitors import hurt

Seen = Mapping[str, Any]


def gate(found: Seen) -> str:
    """What became of each spoiled file: loaded or refused, with and without the self-test, and what the service answers
    afterwards."""
    head = ("the new version's file", "self-test", "loaded?", "the service then answers", "reason given")
    rows = [
        (
            one["kind"],
            "with" if one["self_test"] else "without",
            "refused" if one["refused"] else "loaded",
            one["answers"],
            one["reason"] or "-",
        )
        for one in found["loads"]
    ]
    return markdown_table(head, rows, texts=range(5))


def outages(seen: Mapping[str, Mapping[str, Seen]]) -> str:
    """What each fault did to the good model's visitors, by fault and layout (`isolation.measure`)."""
    head = ("", "visitors", "errors", "late", "nobody was answered in time for (ms)")
    rows = []
    for fault, each in seen.items():
        for layout, one in each.items():
            found = hurt(one)
            cells = (found.visitors, found.failed, found.late, f"{found.outage_ms:.0f}")
            rows.append((f"{fault}, {layout}", *map(str, cells)))
    return markdown_table(head, rows)
