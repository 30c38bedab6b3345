"""class.html: how a class did, on one self-contained page without scripts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from grading.batch.similarity import Likeness
from grading.checks.result import Result
from grading.checks.trust import LEVELS, NOT_PROVEN
from grading.grade import Grade
from snippets.files import write_atomic
from snippets.pages import environment

TEMPLATE = Path(__file__).with_name("class.html.j2")
BINS = 10
MAX_ALIKE = 100


@dataclass(frozen=True)
class QuestionRow:
    """How a class did in one question. Shares are of the question's points; `counts`: answers in each tenth of them."""

    name: str
    mean: float
    full: int
    answered: int
    counts: list[int]


@dataclass(frozen=True)
class NodeRow:
    """How the runs of a part on one type of node did; `median` is a share of the automatic points."""

    part: str
    node_type: str
    runs: int
    median: float
    counts: list[int]


def _share(points: float, possible: float) -> float:
    return points / possible if possible else 0.0


def _tenths(shares: Sequence[float]) -> list[int]:
    """How many lie in each tenth of the points."""
    counts = Counter(min(int(share * BINS), BINS - 1) for share in shares)
    return [counts[tenth] for tenth in range(BINS)]


def _automatic(results: Sequence[Result]) -> tuple[float, float]:
    """Points and possible points of what no person grades."""
    counted = [result for result in results if result.kind != "by hand"]
    return sum(result.points for result in counted), sum(result.possible for result in counted)


def _cards(grades: Sequence[Grade]) -> list[tuple[str, str]]:
    earned = [_automatic([result for part in each.parts for result in part.results]) for each in grades]
    shares = [100 * points / possible for points, possible in earned if possible]
    return [
        ("submissions", str(len(grades))),
        ("median, automatic part", f"{median(shares):.0f} %" if shares else "-"),
        ("mean", f"{mean(shares):.0f} %" if shares else "-"),
        ("with doubts", str(sum(any(part.doubts for part in each.parts) for each in grades))),
        ("not gradable", str(sum(all(part.trust == "none" for part in each.parts) for each in grades))),
    ]


def _questions(grades: Sequence[Grade]) -> tuple[list[QuestionRow], list[QuestionRow]]:
    """Questions graded by the record, hardest first, and those that wait for a person (`full`: answered)."""
    results: dict[str, list[Result]] = defaultdict(list)
    for each in grades:
        for part in each.parts:
            for result in part.results:
                results[result.id].append(result)
    automatic, by_hand = [], []
    for name, found in results.items():
        if found[0].kind == "by hand":
            by_hand.append(QuestionRow(name, 0.0, sum(result.passed for result in found), len(found), []))
            continue
        shares = [_share(result.points, result.possible) for result in found]
        full = sum(share == 1 for share in shares)
        automatic.append(QuestionRow(name, mean(shares), full, len(shares), _tenths(shares)))
    return sorted(automatic, key=lambda row: row.mean), by_hand


def _nodes(grades: Sequence[Grade]) -> list[NodeRow]:
    by_type: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in grades:
        for part in each.parts:
            if part.node_type:
                by_type[part.part, part.node_type].append(_share(*_automatic(part.results)))
    return [
        NodeRow(part, node_type, len(shares), median(shares), _tenths(shares))
        for (part, node_type), shares in sorted(by_type.items())
    ]


def _doubts(grades: Sequence[Grade]) -> list[tuple[str, str, tuple[str, ...]]]:
    """NetID, where, and why, of everything that a person should look at; at most four reasons each."""
    parts = [
        (each.netid, f"{part.part}: {part.trust}", part.doubts[:4])
        for each in grades
        for part in each.parts
        if part.doubts
    ]
    return sorted([*parts, *((each.netid, "submission", each.problems[:4]) for each in grades if each.problems)])


def write_class_report(path: Path, grades: Sequence[Grade], pairs: Sequence[Likeness]) -> None:
    """Write the page. Holds names and grades: for instructors only."""
    automatic, by_hand = _questions(grades)
    trust = Counter(part.trust for each in grades for part in each.parts)
    page = environment().from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = page.render(
        cards=_cards(grades),
        automatic=automatic,
        by_hand=by_hand,
        nodes=_nodes(grades),
        levels=[(level, trust[level], NOT_PROVEN[level]) for level in LEVELS if trust[level]],
        doubts=_doubts(grades),
        alike=pairs[:MAX_ALIKE],
    )
    write_atomic(path, text.encode(), setting="--out")
