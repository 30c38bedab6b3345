"""All that makes a run look invented or edited, in one list."""

from __future__ import annotations

from grading.checks.evidence import Evidence
from grading.checks.integrity.answers import changed_answers, unplaced_answers
from grading.checks.integrity.clocks import made_up_times
from grading.checks.integrity.hosts import edited_hosts
from grading.checks.integrity.relations import broken_relations
from grading.checks.integrity.samples import not_counted, page_tick_ms, times_of
from grading.checks.integrity.shapes import is_now, misshapen, since
from snippets.engine.turns import INFIX as TURNS
from snippets.load.windows import WINDOW

MOST = 8
"""So many remarks of one kind are told; more say nothing new."""


def integrity_remarks(evidence: Evidence) -> list[str]:
    """Why a person should look at this run; empty for one that looks measured.

    What a single array looks like, and what hardware can do, is told by `grading.checks.trust`.
    """
    kinds = (
        misshapen(evidence),
        _of_an_old_kit(evidence),
        edited_hosts(evidence.record),
        made_up_times(evidence.record),
        broken_relations(evidence),
        unplaced_answers(evidence.record),
        changed_answers(evidence.record, is_now(evidence.record.created_utc)),
        not_counted(times_of(evidence), page_tick_ms(evidence)),
    )
    return [told for kind in kinds for told in _first(kind)]


def _first(told: list[str]) -> list[str]:
    more = len(told) - MOST
    return [*told[:MOST], f"and {more} more like this"] if more > 0 else told


def _of_an_old_kit(evidence: Evidence) -> list[str]:
    """Kits have long measured in rounds and windows; a new run without either skips what ties its samples together."""
    steps = evidence.record.steps
    if not steps or not is_now(evidence.record.created_utc):
        return []
    if any(TURNS in step.name or WINDOW in step.inputs for step in steps):
        return []
    return [f"the run was begun after {since()[:10]}, but measures neither in rounds nor in windows, as older kits did"]
