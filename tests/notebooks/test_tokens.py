"""The optional notebook 7_tokens: without the language model it ends with a sentence, with it, it measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import papermill
import pytest

from grading.checks.evidence import Evidence
from grading.checks.system import JUDGES
from snippets.errors import NothingToDo
from snippets.record.run import load_record
from snippets.tokens import weights
from tests.notebooks.executed import execute, pictures, printed


def absence() -> str:
    """Why the language model cannot be served here; empty if it can."""
    try:
        weights.find()
    except NothingToDo as reason:
        return str(reason)
    return ""


@pytest.mark.skipif(not absence(), reason="the language model is installed here")
def test_without_the_language_model_the_notebook_ends_with_what_brings_it(tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError) as ended:
        execute("system/7_tokens", tmp_path / "out.ipynb", runs=str(tmp_path))
    assert ended.value.ename == "NothingToDo" and ended.value.evalue == absence()
    assert "make tokens" in ended.value.evalue


@pytest.mark.slow
@pytest.mark.skipif(bool(absence()), reason=absence())
def test_the_notebook_measures_draws_and_says_what_its_record_holds(tmp_path: Path) -> None:
    done = execute("system/7_tokens", tmp_path / "out.ipynb", runs=str(tmp_path), limit_s=600)
    record = load_record(tmp_path / "system" / "quick")
    text = printed(done)
    assert pictures(done) == 6 and "times as soon as in groups" in text
    alone = record.result("tokens/alone")
    for length in (16, 64, 256):
        first = np.exp(np.log(alone["first_ms"][alone["prompt"] == length]).mean())
        assert f"prompt of {length:4}: first token {first:.0f} (" in text
    # Reading 256 tokens takes longer than 16, and eight sequences write more a second than one.
    assert JUDGES["system.tokens.prompt"](Evidence(record)).value > 1
    assert JUDGES["system.tokens.company"](Evidence(record)).value > 1
    again = execute("system/7_tokens", tmp_path / "again.ipynb", runs=str(tmp_path), mode="replay")
    assert "tokens a second" in printed(again)
