"""Fixtures of the staff's tests: those of the checks."""

from tests.grading.checks.conftest import paper_limits  # noqa: F401
