"""Fixtures of the tests of checks."""

from __future__ import annotations

import pytest

from grading.staff.judges import edge, model
from snippets.decide import cost
from tests.grading.checks.paper import PRICES, TARGETS


@pytest.fixture
def paper_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The targets and prices of the papers, in place of those that a course may edit."""
    monkeypatch.setattr(model, "target", lambda name, host=None: TARGETS[name])
    monkeypatch.setattr(edge, "target", lambda name, host=None: TARGETS[name])
    monkeypatch.setattr(cost, "load_prices", lambda: PRICES)
