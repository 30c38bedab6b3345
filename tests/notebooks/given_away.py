"""Numbers that a notebook asks for and has shown already: printed above the question, with its unit, in all digits.

It works on the text that an executed notebook showed, in its order, and on the record that it made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Number
from grading.questions import Question, questions
from grading.staff.judges import JUDGES

NUMBER = re.compile(r"(?<![\w.,])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
ASKED = "Question `{}`"


def given_away(text: str, evidence: Evidence, part: str) -> list[str]:
    """Each number question of `part` whose right answer is in `text` above it, and the number as it is written."""
    found = []
    for asked in questions(part):
        above, marker, _ = text.partition(ASKED.format(asked.id))
        if asked.kind != "number" or not marker:
            continue
        try:
            right = JUDGES[asked.id](evidence)
        except NotMeasured:
            continue
        assert isinstance(right, Number)
        found += [f"{asked.id}: {written}" for written in _with_unit(above, asked) if _is(written, right)]
    return found


def _is(written: str, right: Number) -> bool:
    """Whether a number as it is written is the right answer, rounded to its digits: two at least, earning all."""
    digits = re.sub(r"e.*|[^\d]", "", written).lstrip("0")
    value = float(written.replace(",", ""))
    allowed = right.tolerance if right.absolute else right.tolerance * abs(right.value)
    decimals = len(written.partition("e")[0].partition(".")[2])
    return (
        len(digits) >= 2
        and abs(value - right.value) <= allowed
        and round(right.value, decimals) == round(value, decimals)
    )


def _with_unit(text: str, asked: Question) -> Iterator[str]:
    """Numbers of a text that stand in the question's unit: before it, or in a table's column that names it."""
    unit = re.escape(asked.unit)
    for match in NUMBER.finditer(text):
        if re.match(rf"\s*{unit}(?![\w/])", text[match.end() :]):
            yield match.group()
    for table in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in table.splitlines()] or [
            []
        ]
        for column, name in enumerate(head):
            if re.search(rf"(?<![\w/]){unit}(?![\w/])", name):
                for row in rows:
                    yield from NUMBER.findall(row[column]) if column < len(row) else ()
