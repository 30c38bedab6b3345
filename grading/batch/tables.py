"""The tables of a class: grades.csv, a row a student, and who is like whom; a spreadsheet may open both."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from grading.batch.attempts import who_counts
from grading.batch.similarity import Likeness
from grading.grade import Grade
from grading.shown import cell
from snippets.files import replacing

COLUMNS = (
    "netid",
    "name",
    "points",
    "possible",
    "by_hand",
    "trust",
    "node_type",
    "doubts",
    "problems",
    "source",
)


def _write(path: Path, rows: Iterable[Sequence[Any]], excel: bool) -> None:
    encoding = "utf-8-sig" if excel else "utf-8"
    with replacing(path, "--out") as partial, partial.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([cell(value) for value in row] for row in rows)


def write_csv(path: Path, grades: Sequence[Grade], excel: bool = False) -> None:
    """One row a student: totals, trust, remarks, then the points of every question. Attempts that do not count are
    named in the row of the one that does. `excel`: begin with a byte order mark.
    """
    counted = who_counts(grades)
    ids = list(dict.fromkeys(result.id for each in counted for part in each.parts for result in part.results))
    rows = [_row(each, ids) for each in sorted(counted, key=lambda item: (item.netid, item.source))]
    _write(path, [[*COLUMNS, *ids], *rows], excel)


def _row(each: Grade, ids: Sequence[str]) -> list[Any]:
    results = {result.id: result for part in each.parts for result in part.results}
    return [
        each.netid,
        each.name,
        each.points,
        each.possible,
        sum(result.possible for result in results.values() if result.kind == "by hand"),
        " ".join(f"{part.part}:{part.trust}" for part in each.parts),
        " ".join(f"{part.part}:{part.node_type}" for part in each.parts if part.node_type),
        "; ".join(doubt for part in each.parts for doubt in part.doubts),
        "; ".join(each.problems),
        each.source,
        *(results[name].points if name in results else "" for name in ids),
    ]


def write_pairs(path: Path, pairs: Iterable[Likeness], excel: bool = False) -> None:
    """One row for each two submissions that share something."""
    _write(path, [["first", "second", "what", "strength"], *map(astuple, pairs)], excel)
