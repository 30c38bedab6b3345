"""Draw who imports whom: `python -m images.architecture` writes architecture.svg (`make pictures` runs it).

Read from the sources, floor by floor as tests/rooms.py lists them. An arrow goes from a room to one that it imports;
where there is a way round through a third room, the arrow is left out. Darker ground joins rooms of one floor; the
ground floor has no arrows, since everything above may use it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests import rooms

PICTURE = Path(__file__).with_name("architecture.svg")
COLUMN, BOX, STEP, HEAD = 330, 124, 41, 104
# What a room stands on is told above its boxes, in some lines; snippets stands on nothing.
TOLD = 66
INK, SOFT, LINE, FILL, BAND, SHARED = "#1d2733", "#5b6b7c", "#0b6e99", "#eef4f7", "#f6f7f8", "#e3e8ec"
ARROW = '<path d="M{} {}C{} {} {} {} {} {}" fill="none" stroke="{}" stroke-width="1.4" marker-end="url(#tip)"/>'
# From left to right, so that who uses `snippets` stands beside it.
ORDER = ("reserve", "snippets", "grading")

Graph = dict[str, dict[str, list[str]]]


def graph() -> Graph:
    """Room -> place in it -> the places of the same room that it imports; "outside" -> room -> places of snippets."""
    found: Graph = {}
    for room in ORDER:
        used: dict[str, list[str]] = {name: [] for names in rooms.FLOORS[room] for name in names}
        for user, other in sorted(rooms.arrows(room)):
            used[user].append(other)
        found[room] = used
    found["outside"] = {room: _of_snippets(room) for room in ORDER if room != "snippets"}
    return found


def _of_snippets(room: str) -> list[str]:
    used = {
        rooms.place(other, "snippets")
        for name, others in rooms.graph().items()
        if name.startswith(f"{room}.")
        for other in others
    }
    return sorted(used - {""})


def needed(used: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The arrows that no way round through other rooms stands for (the transitive reduction)."""

    def reached(name: str, seen: set[str]) -> set[str]:
        for other in used[name]:
            if other not in seen:
                seen.add(other)
                reached(other, seen)
        return seen

    return [
        (user, other)
        for user, others in used.items()
        for other in others
        if not any(other in reached(third, set()) for third in others if third != other)
    ]


def draw(found: Graph) -> str:
    """The picture as SVG text; the same graph gives the same bytes. The graph itself lies in its <metadata>."""
    height = HEAD + max(STEP * len(_rows(room)) + TOLD * (room != "snippets") for room in ORDER) + 74
    width = COLUMN * len(ORDER) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The rooms of ServeLab, floor above floor, and who imports whom" '
        'font-family="system-ui, Noto Sans, sans-serif">',
        f"<metadata>{json.dumps(found, sort_keys=True)}</metadata>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{SOFT}"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _box(10, 12, width - 20, "servelab.py", "the command: one call into reserve or grading a verb", LINE),
    ]
    for number, room in enumerate(ORDER):
        parts += _column(10 + number * COLUMN, height, room, found)
    return "\n".join([*parts, "</svg>", ""])


def _rows(room: str) -> list[tuple[int, str]]:
    """(floor, name) from the top down, without the ground floor."""
    floors = list(enumerate(rooms.FLOORS[room]))[:0:-1]
    return [(height, name) for height, names in floors for name in names]


def _column(left: int, height: int, room: str, found: Graph) -> list[str]:
    rows, used = _rows(room), found[room]
    ground = height - 66
    top = {name: ground - 14 - STEP * (len(rows) - place) for place, (_, name) in enumerate(rows)}
    parts = [
        f'<rect x="{left}" y="{HEAD - 36}" width="{COLUMN - 10}" height="{height - HEAD + 26}" rx="10" fill="{BAND}"/>',
        f'<text x="{left + 12}" y="{HEAD - 14}" font-size="17" font-weight="700" fill="{INK}">{room}/</text>',
    ]
    if room != "snippets":
        parts += _caption(left + 12, found["outside"][room])
    for names in rooms.FLOORS[room][1:]:
        if len(names) > 1:
            y, tall = min(top[name] for name in names) - 4, STEP * len(names) - 3
            parts.append(f'<rect x="{left + 7}" y="{y}" width="{BOX + 10}" height="{tall}" rx="8" fill="{SHARED}"/>')
    for user, other in needed({name: [other for other in used[name] if other in top] for name in top}):
        steps = (top[other] - top[user]) // STEP
        x, start, end = left + 12 + BOX, top[user] + 18, top[other] + 12
        reach = x + 14 + 22 * min(steps, 7)
        parts.append(ARROW.format(x, start, reach, start, reach, end, x + 2, end, SOFT))
    parts += [_box(left + 12, top[name], BOX, name, "", FILL) for name in top]
    lines = _wrap(" ".join(rooms.FLOORS[room][0]), 44)
    parts.append(f'<rect x="{left + 8}" y="{ground - 6}" width="{COLUMN - 26}" height="54" rx="8" fill="{SHARED}"/>')
    parts += [
        f'<text x="{left + 18}" y="{ground + 16 + 19 * place}" font-size="13" fill="{INK}">{line}</text>'
        for place, line in enumerate(lines)
    ]
    return parts


def _caption(x: int, used: list[str]) -> list[str]:
    ground = rooms.FLOORS["snippets"][0]
    names = ", ".join(name for name in used if name not in ground)
    return [
        f'<text x="{x}" y="{HEAD + 10 + 17 * place}" font-size="13" fill="{SOFT}">{line}</text>'
        for place, line in enumerate(["stands on snippets: its ground floor,", *_wrap(names, 40)])
    ]


def _box(x: float, y: float, width: float, name: str, note: str, fill: str) -> str:
    ink, soft = ("#ffffff", "#d6ebf4") if fill == LINE else (INK, SOFT)
    middle = x + width / 2
    label = f'<text x="{middle:g}" y="{y + 20:g}" text-anchor="middle" font-size="14" font-weight="600" fill="{ink}">'
    size = f'width="{width:g}" height="{44 if note else 30}"'
    lines = [f'<rect x="{x:g}" y="{y:g}" {size} rx="7" fill="{fill}" stroke="{LINE}"/>', f"{label}{name}</text>"]
    if note:
        lines.append(
            f'<text x="{middle:g}" y="{y + 37:g}" text-anchor="middle" font-size="12" fill="{soft}">{note}</text>'
        )
    return "\n".join(lines)


def _wrap(text: str, most: int) -> list[str]:
    lines = [""]
    for word in text.split():
        lines = [*lines, word] if len(lines[-1]) + len(word) > most else [*lines[:-1], f"{lines[-1]} {word}".strip()]
    return lines


def drawn_graph(svg: str) -> Graph:
    """The graph that a picture was drawn from."""
    found = re.search(r"<metadata>(.*?)</metadata>", svg)
    return json.loads(found.group(1)) if found else {}


if __name__ == "__main__":
    PICTURE.write_text(draw(graph()), encoding="utf-8")
    print(f"wrote {PICTURE}")
