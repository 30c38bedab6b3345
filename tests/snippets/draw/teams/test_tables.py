"""What the tables of teams say."""

from __future__ import annotations

from snippets.draw.teams import tables
from tests.snippets.draw.teams.test_charts import FOUND


def test_the_table_counts_what_each_fault_did() -> None:
    lines = tables.outages(FOUND).splitlines()
    # Good answers end at 0.41 and, two visitors later, at 0.71 s.
    assert lines[2] == "| crash, one process | 10 | 2 | 0 | 300 |"
    assert lines[3] == "| crash, one each | 10 | 0 | 0 | 100 |"


def test_the_table_of_loads_says_what_the_service_answers_afterwards() -> None:
    loads = [
        {
            "kind": "one class too few",
            "self_test": tested,
            "refused": tested,
            "reason": "x" * tested,
            "answers": answers,
        }
        for tested, answers in ((True, "right"), (False, "wrong"))
    ]
    assert tables.gate({"loads": loads}).splitlines()[2:] == [
        "| one class too few | with | refused | right | x |",
        "| one class too few | without | loaded | wrong | - |",
    ]
