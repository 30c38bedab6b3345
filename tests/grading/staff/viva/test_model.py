"""Questions about part model: their answers, computed twice, from records of the present form and of the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grading.checks.evidence import Evidence
from grading.staff.viva.model import TEMPLATES
from snippets.record.run import load_record
from tests.grading.staff.viva.made import model_record
from tests.snippets.record.folders import version_1


@pytest.mark.parametrize("seed", range(5))
def test_every_answer_is_what_a_second_computation_finds(seed: int, twice: Callable[[Any], set[str]]) -> None:
    assert twice(model_record(seed).evidence) >= set(TEMPLATES) - {"model.function"}


def test_a_record_of_the_first_form_that_was_really_measured(tmp_path: Path, twice: Callable[[Any], set[str]]) -> None:
    assert len(twice(Evidence(load_record(version_1("model", tmp_path))))) >= 5
