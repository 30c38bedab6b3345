"""The two computations of each answer, held against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grading.checks.evidence import Evidence
from grading.staff.viva.draw import candidates
from tests.grading.staff.viva.again import AGAIN, raw_of


def agrees(evidence: Evidence) -> set[str]:
    """Names of the templates that were asked of a record; fails where the two computations differ."""
    raw, seen = raw_of(evidence.record), set()
    for oral in candidates(evidence):
        if oral.template in AGAIN:
            numbers, names = AGAIN[oral.template](raw, oral.variant.split(" "), oral.steps)
            assert list(oral.numbers) == pytest.approx(numbers, rel=1e-9, abs=1e-9), (oral.template, oral.variant)
            assert list(oral.names) == names, (oral.template, oral.variant)
            assert all(name in oral.answer for name in names) or names == ["never"]
            seen.add(oral.template)
    return seen


@pytest.fixture
def twice() -> Callable[[Any], set[str]]:
    """`agrees`."""
    return agrees
