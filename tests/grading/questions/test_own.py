"""A course's own questions and judges: laid over the kit's, and named where they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.errors import QuestionError
from grading.questions import own as own_module
from grading.questions import schema

NEW = '[[question]]\nid = "edge.own.one"\nkind = "number"\ntext = "How many?"\npoints = 1\n'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A course's own folder; what was read before it is forgotten, and what is read from it afterwards."""
    (tmp_path / "own" / "questions").mkdir(parents=True)
    (tmp_path / "own" / "staff" / "judges").mkdir(parents=True)
    monkeypatch.setenv("SERVELAB_OWN", str(tmp_path / "own"))
    caches = (own_module.own_questions, schema.questions, schema.left_out)
    for cached in caches:
        cached.cache_clear()
    yield tmp_path / "own"
    for cached in caches:
        cached.cache_clear()


def write(own: Path, text: str) -> None:
    (own / "questions" / "edge.toml").write_text(text)


def test_a_new_question_comes_last_a_changed_one_stays_and_one_left_out_is_not_asked(own: Path) -> None:
    before = [one.id for one in schema.questions("system")]
    write(own, 'left_out = ["edge.threads.gain"]\n[[question]]\nid = "edge.cold.worth"\npoints = 7\n' + NEW)
    asked = {one.id: one for one in schema.questions("edge")}
    assert list(asked)[-1] == "edge.own.one" and asked["edge.cold.worth"].points == 7
    assert asked["edge.cold.worth"].kind == "number" and "edge.threads.gain" not in asked
    assert schema.question("edge.threads.gain").kind == "predict"  # older records answer it
    assert [one.id for one in schema.questions("system")] == before


def test_only_staff_see_the_rubric_of_an_explanation(own: Path) -> None:
    write(own, NEW.replace("number", "explain"))
    with pytest.raises(QuestionError, match=r"own/questions/edge.toml: .*needs a rubric.*own/staff/rubrics/edge.toml"):
        schema.questions("edge")
    (own / "staff" / "rubrics").mkdir()
    (own / "staff" / "rubrics" / "edge.toml").write_text('["edge.own.one"]\nrubric = "One point."\n')
    own_module.own_questions.cache_clear()
    assert schema.questions("edge")[-1].rubric == "One point."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NEW + NEW, "own/questions/edge.toml gives edge.own.one more than once"),
        (NEW.replace("edge.own", "model.own"), "own/questions/edge.toml: .*needs an id of the form edge"),
        ("questions = 3", "own/questions/edge.toml holds .*not 'questions'"),
        ('[[question]]\nkind = "number"\n', "each .*has an id, such as edge.own.first"),
        ('left_out = ["edge.no.such"]', "left_out names 'edge.no.such', which the kit does not ask"),
        ("left_out = 'edge.cold.worth'", "left_out is a list of ids"),
        ("[[question]\n", "own/questions/edge.toml is not valid TOML: .*line 1"),
        (NEW.replace("How many?", "{{ device.p99 }}"), "own/questions/edge.toml: question 'edge.own.one': .*no figure"),
    ],
)
def test_a_wrong_question_is_named_with_its_file(own: Path, text: str, told: str) -> None:
    write(own, text)
    with pytest.raises(QuestionError, match=told):
        schema.questions("edge")


def test_judges_are_read_by_part(own: Path) -> None:
    (own / "staff" / "judges" / "edge.py").write_text('JUDGES = {"edge.own.one": len}\n')
    assert own_module.own_judges("staff/judges") == {"edge.own.one": len} and own_module.own_judges("judges") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import numpy\n\nx = nothing\n", "own/staff/judges/edge.py, line 3: NameError: name 'nothing'"),
        ("def f(:\n", "own/staff/judges/edge.py, line 1: SyntaxError"),
        ("JUDGE = {}\n", "own/staff/judges/edge.py needs a table JUDGES"),
        ('JUDGES = {"edge.a.b": 3}\n', "own/staff/judges/edge.py needs a table JUDGES"),
        ('JUDGES = {"model.a.b": len}\n', "JUDGES names 'model.a.b', which is no question of edge"),
    ],
)
def test_a_wrong_judge_is_named_with_file_and_line(own: Path, text: str, told: str) -> None:
    (own / "staff" / "judges" / "edge.py").write_text(text)
    with pytest.raises(QuestionError, match=told):
        own_module.own_judges("staff/judges")
