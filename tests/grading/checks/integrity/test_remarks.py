"""All remarks on a run together: none on a measured one, and few of a kind on another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grading.checks.evidence import Evidence
from grading.checks.integrity.remarks import MOST, integrity_remarks
from grading.checks.part import check_part
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.recorded import KEPT
from tests.grading.students import make_run


@pytest.mark.parametrize("name", KEPT)
def test_a_measured_run_is_plausible_without_a_doubt(kept: Callable[[str], Path], name: str) -> None:
    run = kept(name)
    graded = check_part(run)
    assert (graded.trust, graded.doubts) == ("plausible", ())
    assert integrity_remarks(Evidence(load_record(run))) == []


def test_a_run_of_today_that_measures_as_kits_did_before_is_told(tmp_path: Path) -> None:
    before = [PaperStep(f"edge/{n}", {}) for n in range(3)]
    assert "neither in rounds nor in windows" in "; ".join(
        integrity_remarks(PaperRecord(tuple(before), created_utc="2026-12-02T00:00:00Z").evidence)
    )
    assert integrity_remarks(PaperRecord(tuple(before)).evidence) == [], "begun in March, with such a kit"
    now = make_run(tmp_path, 3, began=datetime(2027, 2, 1, tzinfo=UTC))
    assert integrity_remarks(Evidence(load_record(now))) == []


def test_no_more_than_eight_remarks_of_a_kind_are_told() -> None:
    steps = tuple(PaperStep(f"kit/{n}/size", {}) for n in range(10))
    told = [one for one in integrity_remarks(PaperRecord(steps).evidence) if "size" in one or "more" in one]
    assert len(told) == MOST + 1 and told[-1] == "and 2 more like this"
