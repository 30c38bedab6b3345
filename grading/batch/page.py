"""class.html: how a class did, on one self-contained page without scripts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import mean, median

from grading.batch.similarity import Likeness
from grading.checks.result import Result
from grading.checks.trust import LEVELS, NOT_PROVEN
from grading.grade import Grade

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #d5dae1}
table{border-collapse:collapse;width:100%;font-size:.9rem}th{text-align:left;color:#5b6470;font-weight:600}
td,th{padding:.28rem .6rem .28rem 0;border-bottom:1px solid #eceff3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.72rem;background:#3572b0;border-radius:2px;vertical-align:middle}
.spread{display:flex;align-items:flex-end;gap:2px;height:2.2rem}.spread i{flex:1;background:#9dbfe0;min-height:1px}
.cards{display:flex;gap:1rem;flex-wrap:wrap}.card{border:1px solid #d5dae1;border-radius:6px;padding:.6rem 1rem}
.card b{display:block;font-size:1.4rem}.muted{color:#5b6470}.bad{color:#a61c00}code{font-size:.88em}
"""
BINS = 10


def _share(result: Result) -> float:
    return result.points / result.possible if result.possible else 0.0


def _spread(shares: Sequence[float]) -> str:
    """Ten columns: how many lie in each tenth of the points."""
    counts = Counter(min(int(share * BINS), BINS - 1) for share in shares)
    highest = max(counts.values(), default=1)
    columns = "".join(
        f'<i style="height:{100 * counts.get(k, 0) / highest:.0f}%" title="{k * 10}-{k * 10 + 10} %: '
        f'{counts.get(k, 0)}"></i>'
        for k in range(BINS)
    )
    return f'<div class="spread">{columns}</div>'


def _table(head: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    """`head`: (title, is a number). Cells are HTML."""
    tops = "".join(f"<th{' class=n' if number else ''}>{title}</th>" for title, number in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=n' if number else ''}>{cell}</td>" for cell, (_, number) in zip(row, head, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{tops}</tr></thead><tbody>{body}</tbody></table>"


def _automatic(grade: Grade) -> tuple[float, float]:
    results = [result for part in grade.parts for result in part.results if result.kind != "by hand"]
    return sum(result.points for result in results), sum(result.possible for result in results)


def _cards(grades: Sequence[Grade]) -> str:
    totals = [100 * points / possible for points, possible in map(_automatic, grades) if possible]
    facts = [
        ("submissions", str(len(grades))),
        ("median, automatic part", f"{median(totals):.0f} %" if totals else "-"),
        ("mean", f"{mean(totals):.0f} %" if totals else "-"),
        ("with doubts", str(sum(any(part.doubts for part in each.parts) for each in grades))),
        (
            "not gradable",
            str(sum(not each.parts or all(part.trust == "none" for part in each.parts) for each in grades)),
        ),
    ]
    return (
        '<div class="cards">'
        + "".join(f'<div class="card"><b>{value}</b><span class="muted">{name}</span></div>' for name, value in facts)
        + "</div>"
    )


def _questions(grades: Sequence[Grade]) -> str:
    results: dict[str, list[Result]] = defaultdict(list)
    for each in grades:
        for part in each.parts:
            for result in part.results:
                results[result.id].append(result)
    automatic = {name: found for name, found in results.items() if found[0].kind != "by hand"}
    rows = []
    for name, found in sorted(automatic.items(), key=lambda item: mean(map(_share, item[1]))):
        shares = [_share(result) for result in found]
        bar = f'<span class="bar" style="width:{6 * mean(shares):.2f}rem"></span>'
        rows.append(
            [
                f"<code>{escape(name)}</code>",
                bar,
                f"{100 * mean(shares):.0f} %",
                f"{sum(share == 1 for share in shares)} of {len(shares)}",
                _spread(shares),
            ]
        )
    by_hand = [
        [f"<code>{escape(name)}</code>", f"{sum(result.passed for result in found)} of {len(found)}"]
        for name, found in results.items()
        if found[0].kind == "by hand"
    ]
    head = [("hardest first", False), ("", False), ("mean", True), ("full points", True), ("0 to 100 %", False)]
    return _table(head, rows) + "<h2>Graded by hand</h2>" + _table([("question", False), ("answered", True)], by_hand)


def _nodes(grades: Sequence[Grade]) -> str:
    by_type: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in grades:
        for part in each.parts:
            if part.node_type:
                results = [result for result in part.results if result.kind != "by hand"]
                possible = sum(result.possible for result in results)
                by_type[part.part, part.node_type].append(sum(r.points for r in results) / possible if possible else 0)
    rows = [
        [escape(part), escape(node), str(len(shares)), f"{100 * median(shares):.0f} %", _spread(shares)]
        for (part, node), shares in sorted(by_type.items())
    ]
    head = [("part", False), ("node type", False), ("runs", True), ("median", True), ("0 to 100 %", False)]
    return _table(head, rows)


def _trust(grades: Sequence[Grade]) -> str:
    counts = Counter(part.trust for each in grades for part in each.parts)
    rows = [[level, str(counts[level]), escape(NOT_PROVEN[level])] for level in LEVELS if counts[level]]
    doubts = [
        [escape(each.netid), f"{part.part}: {part.trust}", "<br>".join(map(escape, part.doubts[:4]))]
        for each in grades
        for part in each.parts
        if part.doubts
    ]
    doubts += [
        [escape(each.netid), "submission", "<br>".join(map(escape, each.problems[:4]))]
        for each in grades
        if each.problems
    ]
    return (
        _table([("level", False), ("runs", True), ("what it does not prove", False)], rows)
        + "<h2>To look at</h2>"
        + _table([("NetID", False), ("", False), ("why", False)], sorted(doubts))
    )


def _alike(pairs: Sequence[Likeness]) -> str:
    if not pairs:
        return '<p class="muted">No two submissions share samples, or most of an explanation.</p>'
    return _table(
        [("students", False), ("what", False), ("share", True)],
        [
            [f"{escape(pair.first)}, {escape(pair.second)}", escape(pair.what), f"{100 * pair.strength:.0f} %"]
            for pair in pairs[:100]
        ],
    )


def write_class_report(path: Path, grades: Sequence[Grade], pairs: Sequence[Likeness]) -> None:
    """Write the page. Holds names and grades: for instructors only."""
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Class report</title><style>{STYLE}</style><h1>Class report</h1>"
        f"<p class=muted>Automatic points only; explanations and screenshots wait for a person.</p>"
        f"{_cards(grades)}<h2>Questions</h2>{_questions(grades)}<h2>Node types</h2>{_nodes(grades)}"
        f"<h2>Trust</h2>{_trust(grades)}<h2>Similar submissions</h2>{_alike(pairs)}</html>"
    )
    path.write_text(page, encoding="utf-8")
