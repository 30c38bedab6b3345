"""Who handed in the same: samples, whole records, pictures or explanations shared between submissions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath

from grading.batch.copies import alike_by_figures
from grading.grade import Grade

SHARED_DURATIONS = 3
SHARED_PICTURES = 0.6
SHARED_NUMBERS = 0.6
COMMON = 0.1
"""A number that more than this share of a class gives is the same for all, and no sign of a copy."""
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


def _pairs_with_the_same(grades: Sequence[Grade], marks: Sequence[frozenset[str]]) -> dict[tuple[str, str], int]:
    """How many marks the submissions of two different people share, by their labels in order."""
    holders: dict[str, set[str]] = defaultdict(set)
    for name, own in zip(labels(grades), marks, strict=True):
        for mark in own:
            holders[mark].add(name)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    owners = _owners(grades)
    for names in holders.values():
        if len(names) > 1:
            for first, second in combinations(sorted(names), 2):
                if not owners[first] & owners[second]:  # nobody copies from oneself, or from a partner
                    counts[first, second] += 1
    return dict(sorted(counts.items()))


def _of_kind(grade: Grade, kinds: str) -> frozenset[str]:
    """A submission's prints of these kinds: answers, creation, durations, figures; samples (s) have no mark."""
    return frozenset(mark for mark in grade.prints if _kind(mark) in kinds)


def _kind(mark: str) -> str:
    return mark[0] if mark[:2] in ("a:", "c:", "d:", "f:") else "s"


def shared_samples(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs whose timing samples are in part the same: the same order of size, or the same values in another order."""
    marks = [_of_kind(grade, "s") for grade in grades]
    sizes = dict(zip(labels(grades), map(len, marks), strict=True))
    return [
        Likeness(
            first,
            second,
            f"{count} measurements with the same samples",
            round(count / min(sizes[first], sizes[second]), 3),
        )
        for (first, second), count in _pairs_with_the_same(grades, marks).items()
    ]


def shared_times(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs of which runs began in the same microsecond, steps took the same microseconds, or pictures are the same."""
    found = []
    begun = _pairs_with_the_same(grades, [_of_kind(grade, "c") for grade in grades])
    found += [Likeness(*pair, "runs begun in the same microsecond", 1.0) for pair in begun]
    took = [_of_kind(grade, "d") for grade in grades]
    sizes = dict(zip(labels(grades), map(len, took), strict=True))
    for (first, second), count in _pairs_with_the_same(grades, took).items():
        if count >= SHARED_DURATIONS:
            share = round(count / min(sizes[first], sizes[second]), 3)
            found.append(Likeness(first, second, f"{count} steps that took the same microseconds", share))
    drawn = [_of_kind(grade, "f") for grade in grades]
    sizes = dict(zip(labels(grades), map(len, drawn), strict=True))
    for (first, second), count in _pairs_with_the_same(grades, drawn).items():
        share = round(count / min(sizes[first], sizes[second]), 3)
        if count >= 4 and share >= SHARED_PICTURES:
            found.append(Likeness(first, second, f"{count} figures that are the same picture", share))
    return found


def shared_numbers(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs that give the same numbers, as worked out from their own runs, in most of their answers."""
    marks = [_of_kind(grade, "a") for grade in grades]
    holders = Counter(mark for own in marks for mark in own)
    most = max(4, COMMON * len(grades))
    rare = [frozenset(mark for mark in own if holders[mark] <= most) for own in marks]
    sizes = dict(zip(labels(grades), map(len, rare), strict=True))
    found = []
    for (first, second), count in _pairs_with_the_same(grades, rare).items():
        share = round(count / min(sizes[first], sizes[second]), 3)
        if count >= 3 and share >= SHARED_NUMBERS:
            found.append(Likeness(first, second, f"{count} answers with the same numbers", share))
    return found


def shared_figures(grades: Sequence[Grade]) -> list[Likeness]:
    """Pairs whose times rise and fall together, or differ by less than two measurements do: copies with noise on them,
    shuffled, shortened or scaled."""
    names, owners = labels(grades), _owners(grades)
    found = []
    for (i, j), (what, strength) in sorted(alike_by_figures([profiles_of(grade) for grade in grades]).items()):
        first, second = sorted((names[i], names[j]))
        if first != second and not owners[first] & owners[second]:
            found.append(Likeness(first, second, what, round(min(strength, 1.0), 3)))
    return found


def profiles_of(grade: Grade) -> dict[str, list[float]]:
    """A submission's profiles, of all its parts."""
    return {f"{part.part} {name}": values for part in grade.parts for name, values in part.profiles.items()}


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
        [*copied(grades), *shared_words(grades)],
        key=lambda pair: (-pair.strength, pair.first, pair.second, pair.what),
    )


def copied(grades: Sequence[Grade]) -> list[Likeness]:
    """All pairs of which one measured or answered what the other did: by samples, times, figures or numbers."""
    return [*shared_samples(grades), *shared_times(grades), *shared_figures(grades), *shared_numbers(grades)]


def doubted(grades: Sequence[Grade]) -> dict[str, str]:
    """Labels of the submissions that share measurements with another one, and the reason, in words."""
    reasons: dict[str, str] = {}
    for pair in sorted(copied(grades), key=lambda pair: -pair.strength):
        for mine, other in ((pair.first, pair.second), (pair.second, pair.first)):
            reasons.setdefault(mine, f"{pair.what} as {other}")
    return reasons
