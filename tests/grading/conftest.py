"""Fixtures of the grading tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.grading.fixtures import small_questions  # noqa: F401
from tests.grading.recorded import recorded


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run that was measured for real, by its name in `recorded`; unpacked once, not to be changed."""
    return cache(lambda name: recorded(name, tmp_path_factory.mktemp("kept")))
