"""Which five questions a student gets: by lot, always the same one for the same student and record."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grading.checks.evidence import Evidence
from grading.checks.judging import Choices, Judgement, Met, Number, found
from grading.questions import answer_to, question
from grading.questions.schema import chosen, interval, number, questions, sure_of
from grading.shown import line
from grading.staff.exemplars import digits
from grading.staff.judges import JUDGES
from grading.staff.viva import edge, model, system
from grading.staff.viva.oral import Oral, Template, about
from snippets.parts import PARTS

COUNT = 5


def _asked(part: str, *kinds: str) -> Iterator[tuple[str]]:
    yield from ((asked.id,) for asked in questions(part) if asked.kind in kinds)


def _known(name: str, evidence: Evidence) -> Number | str | None:
    """What is right by the judge: a number, or the one choice that is; None where it is not decided."""
    right = found(JUDGES[name], question(name), evidence)
    if isinstance(right, Choices):
        return next(iter(right.right)) if len(right.right) == 1 and not right.accepted else None
    return None if isinstance(right, Judgement | Met) else right


def _told(right: Number | str, unit: str) -> str:
    return right if isinstance(right, str) else about(right.value, unit).strip()


def _topic(name: str) -> str:
    """How a question is named to the student: by its text, as far as it fits."""
    text = " ".join(question(name).text.replace("*", "").replace("`", "").split())
    return f"{name}: {text if len(text) <= 200 else text[:200].rpartition(' ')[0] + ' ...'}"


def _predicted(evidence: Evidence, name: str) -> Oral | None:
    asked, right = question(name), _known(name, evidence)
    entry = answer_to(asked, evidence.record)
    if right is None or entry is None:
        return None
    if asked.interval:
        low, high = interval(asked, entry["value"])
        said = f"{low:g} to {high:g} {asked.unit}"
    else:
        choice, sure = sure_of(asked, entry["value"])
        said = f"{choice!r}, {100 * sure:.0f} % sure"
    numbers = () if isinstance(right, str) else (right.value,)
    return Oral(
        f"You predicted {said} ({_topic(name)}). What did you measure?",
        f"{_told(right, asked.unit)}.",
        numbers,
        (right,) if isinstance(right, str) else (),
        asked.steps,
        "What did you not know when you predicted that?",
    )


def _answered(evidence: Evidence, name: str) -> Oral | None:
    asked, right = question(name), _known(name, evidence)
    entry = answer_to(asked, evidence.record)
    if right is None or entry is None:
        return None
    said = (
        ", ".join(chosen(asked, entry["value"])) if asked.choices else f"{digits(number(entry['value']))} {asked.unit}"
    )
    numbers = () if isinstance(right, str) else (right.value,)
    return Oral(
        f"You answered {line(said, 120)} ({_topic(name)}). Show where that comes from: which of your numbers, and what "
        "did you do with them?",
        f"By this record {_told(right, asked.unit)}. {'' if isinstance(right, str) else right.how}".strip(),
        numbers,
        (right,) if isinstance(right, str) else (),
        asked.steps,
        "What would the answer be if the machine were twice as fast?",
    )


TEMPLATES: Mapping[str, Mapping[str, Template]] = {
    part: {
        **own,
        f"{part}.predicted": Template(f"{part}.predicted", lambda e: _asked(e.record.part, "predict"), _predicted),
        f"{part}.answered": Template(
            f"{part}.answered", lambda e: _asked(e.record.part, "number", "choose"), _answered
        ),
    }
    for part, own in (("model", model.TEMPLATES), ("edge", edge.TEMPLATES), ("system", system.TEMPLATES))
}
"""All templates by part and name."""


def candidates(evidence: Evidence) -> list[Oral]:
    """Every question that can be asked about a record."""
    return [oral for template in TEMPLATES[evidence.record.part].values() for oral in template.orals(evidence)]


def draw(orals: Iterable[Oral], seed: str, count: int = COUNT) -> list[Oral]:
    """`count` questions (fewer where there are no more), no two of one template, the parts in turn, in their order.

    The same seed and record give the same ones.
    """
    rng = random.Random(f"viva {seed}")
    kinds: dict[str, dict[str, list[Oral]]] = {}
    for oral in orals:
        kinds.setdefault(oral.template.partition(".")[0], {}).setdefault(oral.template, []).append(oral)
    order = {part: rng.sample(sorted(names), len(names)) for part, names in sorted(kinds.items())}
    turns = rng.sample(sorted(order), len(order))
    picked: list[Oral] = []
    while len(picked) < count and any(order.values()):
        for part in turns:
            if order[part] and len(picked) < count:
                picked.append(rng.choice(kinds[part][order[part].pop()]))
    return sorted(picked, key=lambda oral: PARTS.index(oral.template.partition(".")[0]))


def draw_all(students: Sequence[tuple[str, Sequence[Oral]]], count: int = COUNT) -> list[list[Oral]]:
    """`draw` for each (seed, questions); whoever would get the set of one before draws again."""
    taken: set[frozenset[str]] = set()
    drawn = []
    for seed, orals in students:
        for attempt in range(50):
            picked = draw(orals, f"{seed} {attempt}" if attempt else seed, count)
            told = frozenset(f"{oral.template} {oral.variant}" for oral in picked)
            if told not in taken:
                break
        taken.add(told)
        drawn.append(picked)
    return drawn
