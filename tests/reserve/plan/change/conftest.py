"""A small class with its plan, which the tests of this folder change."""

from __future__ import annotations

import pytest

from reserve.plan.course.schedule import Plan
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.change.made import MADE_FROM


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Six students in a week."""
    return make_plan(MADE_FROM.course(), 5)
