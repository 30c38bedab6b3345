"""Fixtures of the grading tests."""

from tests.grading.fixtures import small_questions  # noqa: F401
