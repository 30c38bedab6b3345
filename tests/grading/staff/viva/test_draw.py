"""Which questions a student gets: the same ones every time, and not those of anybody else."""

from __future__ import annotations

import pytest

from grading.checks.evidence import Evidence
from grading.questions import question
from grading.staff.viva.draw import COUNT, TEMPLATES, candidates, draw, draw_all
from grading.staff.viva.oral import Oral
from snippets.parts import PARTS
from snippets.record.run import load_record
from tests.grading.staff.viva.made import model_record, system_record
from tests.grading.students import KNOWN, WORKED_OUT, make_run


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A whole run of part edge."""
    return Evidence(load_record(make_run(tmp_path_factory.mktemp("run"), 5)))


def test_there_are_templates_enough_for_each_part() -> None:
    assert all(len(TEMPLATES[part]) > COUNT for part in PARTS)
    assert sum(map(len, TEMPLATES.values())) >= 15


@pytest.mark.parametrize("part", PARTS)
def test_no_two_of_two_hundred_students_with_one_record_are_asked_the_same(part: str, edge: Evidence) -> None:
    """The hardest case: all handed in the very same record."""
    made = {"model": model_record(1).evidence, "edge": edge, "system": system_record(1).evidence}
    orals = candidates(made[part])
    drawn = draw_all([(f"ab{number} same", orals) for number in range(200)])
    assert len({frozenset((oral.template, oral.variant) for oral in picked) for picked in drawn}) == 200
    assert all(len(picked) == COUNT == len({oral.template for oral in picked}) for picked in drawn)


def test_the_same_student_and_record_give_the_same_questions(edge: Evidence) -> None:
    orals = candidates(edge)
    assert draw(orals, "ab1 x") == draw(list(orals), "ab1 x") != draw(orals, "ab2 x")


def test_of_three_parts_each_is_asked_about(edge: Evidence) -> None:
    orals = [*candidates(edge), *candidates(model_record(2).evidence), *candidates(system_record(2).evidence)]
    for number in range(20):
        parts = [oral.template.partition(".")[0] for oral in draw(orals, str(number))]
        assert set(parts) == set(PARTS) and parts == sorted(parts, key=PARTS.index)


def test_who_would_get_the_set_of_another_draws_again() -> None:
    orals = [Oral(word, "", (), template=f"edge.{word}") for word in "abcdef"]
    drawn = draw_all([("same", orals)] * 6)
    assert len({frozenset(oral.text for oral in picked) for picked in drawn}) == 6  # six sets of five of six
    assert [len(picked) for picked in draw_all([("same", orals[:2])] * 2)] == [2, 2]  # there is no other set


def test_own_predictions_and_answers_are_asked_with_what_was_measured(edge: Evidence) -> None:
    """Against the second computation of these tests' students, who use no judge."""
    results = {step.name: step.result for step in edge.record.steps}
    seen = set()
    for oral in candidates(edge):
        if oral.template in ("edge.predicted", "edge.answered"):
            name = oral.variant
            right = (KNOWN if oral.template == "edge.predicted" else WORKED_OUT)[name](results)
            if oral.numbers:
                assert oral.numbers == pytest.approx((right,), rel=1e-6), name
            else:
                assert oral.names == (right if isinstance(right, str) else right[0],), name
            assert f"({name}: " in oral.text and oral.text.startswith("You ")
            assert question(name).kind in ("predict", "number", "choose")
            seen.add(oral.template)
    assert seen == {"edge.predicted", "edge.answered"}
