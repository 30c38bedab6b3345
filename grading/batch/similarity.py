"""Who handed in the same: samples, whole records, pictures or explanations shared between submissions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath

from grading.grade import Grade

SHINGLE = 4
MIN_WORDS = 12
ALIKE = 0.75


@dataclass(frozen=True)
class Likeness:
    """Two submissions (their labels, in order) and what they share; `strength` is 0 to 1."""

    first: str
    second: str
    what: str
    strength: float


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    if len(words) < MIN_WORDS:
        return frozenset()
    return frozenset(tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1))


def labels(grades: Sequence[Grade]) -> list[str]:
    """A name for each submission: its NetID, with the file's name where several give the same NetID."""
    counts = Counter(grade.netid for grade in grades)
    found: list[str] = []
    for number, grade in enumerate(grades):
        name = grade.netid if counts[grade.netid] == 1 else f"{grade.netid} ({PurePath(grade.source).stem})"
        found.append(f"{name} #{number}" if name in found and counts[grade.netid] > 1 else name)
    return found


def _owners(grades: Sequence[Grade]) -> dict[str, frozenset[str]]:
    return {name: frozenset(grade.owners) for name, grade in zip(labels(grades), grades, strict=True)}


def _explanations(grade: Grade) -> dict[str, str]:
    return {
        result.id: result.detail
        for part in grade.parts
        for result in part.results
        if result.kind == "by hand" and result.detail
    }


def shared_samples(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs whose timing samples are in part the same (the same order of size: scaling does not hide it)."""
    holders: dict[str, set[str]] = defaultdict(set)
    sizes: dict[str, int] = {}
    for name, grade in zip(labels(grades), grades, strict=True):
        sizes[name] = max(len(grade.prints), 1)
        for mark in grade.prints:
            holders[mark].add(name)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    owners = _owners(grades)
    for names in holders.values():
        if len(names) > 1:
            for first, second in combinations(sorted(names), 2):
                if not owners[first] & owners[second]:  # nobody copies from oneself, or from a partner
                    counts[first, second] += 1
    return [
        Likeness(
            first,
            second,
            f"{count} measurements with the same samples",
            round(count / min(sizes[first], sizes[second]), 3),
        )
        for (first, second), count in sorted(counts.items())
    ]


def shared_words(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs whose explanations of one question share most of their phrases of four words (Jaccard index)."""
    by_question: dict[str, list[tuple[str, frozenset[tuple[str, ...]]]]] = defaultdict(list)
    for name, grade in zip(labels(grades), grades, strict=True):
        for question_id, text in _explanations(grade).items():
            if shingles := _shingles(text):
                by_question[question_id].append((name, shingles))
    found, owners = [], _owners(grades)
    for question_id, texts in sorted(by_question.items()):
        for (first, a), (second, b) in combinations(sorted(texts, key=lambda item: item[0]), 2):
            if first == second or owners[first] & owners[second]:
                continue
            alike = len(a & b) / len(a | b)
            if alike >= ALIKE:
                found.append(Likeness(first, second, f"nearly the same words in {question_id}", round(alike, 3)))
    return found


def likenesses(grades: Sequence[Grade]) -> list[Likeness]:
    """All pairs that share something, the strongest first."""
    return sorted(
        [*shared_samples(grades), *shared_words(grades)],
        key=lambda pair: (-pair.strength, pair.first, pair.second, pair.what),
    )


def doubted(grades: Sequence[Grade]) -> dict[str, str]:
    """Labels of the submissions whose samples another one has too, and the reason, in words."""
    reasons: dict[str, str] = {}
    for pair in sorted(shared_samples(grades), key=lambda pair: -pair.strength):
        for mine, other in ((pair.first, pair.second), (pair.second, pair.first)):
            reasons.setdefault(mine, f"{pair.what} as {other}")
    return reasons
