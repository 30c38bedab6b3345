"""Challenges of a class: the right code and the right logits raise the trust; everything else is told in a sentence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.checks.trust import LEVELS
from grading.functions import sandbox
from grading.rerun import challenges
from grading.rerun.again import Shelf
from grading.rerun.challenges import MET, Answered, Course, answer_in, code_problem, differ_by, with_challenges
from grading.rerun.codes import code_of
from grading.rerun.confined import Job, Measured
from grading.rerun.relations import Variant
from snippets.model.challenge import IMAGES
from snippets.record import load_record
from tests.grading.forgeries import BEGAN
from tests.grading.forgeries.challenged import SECRET, STEP, answer_challenge
from tests.grading.forging import graded
from tests.grading.rerun.made import tiny_model
from tests.grading.students import make_run, rewrite

pytestmark = pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Staff's model."""
    return tiny_model(tmp_path_factory.mktemp("staff") / "fp32.onnx")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """ab1's run, its challenge answered with ab1's code."""
    run = make_run(tmp_path_factory.mktemp("ab1"), 7, began=BEGAN)
    return answer_challenge(run, code_of(SECRET, "ab1"), model)


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "edge" / "mine"))


@pytest.fixture
def course(model: Path) -> Course:
    """A course that gave codes to ab1, cd2 and ef3."""
    return Course(SECRET, ("ab1", "cd2", "ef3"), Shelf.of([model.parent]))


def told(run: Path, course: Course, netid: str = "ab1") -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Trust, doubts and remarks of a student who hands in that run."""
    (found,) = with_challenges([graded(run, netid)], course)
    return found.parts[0].trust, found.parts[0].doubts, found.parts[0].remarks


def test_the_right_code_and_the_right_logits_raise_the_trust_and_no_points(run: Path, course: Course) -> None:
    before = graded(run, "ab1")
    (after,) = with_challenges([before], course)
    assert (before.parts[0].trust, after.parts[0].trust) == ("plausible", MET)
    assert LEVELS.index("plausible") < LEVELS.index(MET) < LEVELS.index("lease-confirmed")
    assert after.points == before.points and after.parts[0].doubts == ()
    assert after.parts[0].remarks == ("challenge: its answers are those of staff's model",)


def test_a_higher_trust_stays(run: Path, course: Course) -> None:
    before = graded(run, "ab1", lease="serve_edge_ab1")
    higher = replace(before, parts=(replace(before.parts[0], trust="lease-confirmed", doubts=()),))
    assert with_challenges([higher], course)[0].parts[0].trust == "lease-confirmed"
    lower = replace(before, parts=(replace(before.parts[0], trust="none"),))
    assert with_challenges([lower], course)[0].parts[0].trust == "none"


def test_a_neighbours_code_is_told_with_the_neighbour(run: Path, course: Course) -> None:
    assert told(run, course, "cd2") == ("consistent", ("challenge: its code is that of ab1",), ())


def test_a_neighbour_who_is_on_no_roster_but_handed_in_is_found(run: Path, course: Course) -> None:
    pair = [graded(run, "cd2"), replace(graded(run, "ab1"), source="elsewhere")]
    assert with_challenges(pair, replace(course, roster=()))[0].parts[0].doubts == (
        "challenge: its code is that of ab1",
    )


def test_partners_may_use_the_code_of_either(run: Path, course: Course) -> None:
    both = with_challenges([graded(run, "cd2"), graded(run, "ab1")], course)  # one submission, two rows
    assert [each.parts[0].trust for each in both] == [MET, MET]


def test_a_code_of_nobody_is_told(run: Path, course: Course) -> None:
    assert told(run, replace(course, secret=b"this year's secret"))[:2] == (
        "consistent",
        ("challenge: its code is nobody's of this class",),
    )


def test_a_run_without_a_code_is_a_doubt_where_there_are_codes_only(
    tmp_path: Path, model: Path, course: Course
) -> None:
    run = answer_challenge(make_run(tmp_path, 8, began=BEGAN), "", model)
    assert told(run, course) == ("plausible", ("challenge: no code was given to the run, and ab1 has one",), ())
    without = ("plausible", (), ("challenge: its answers are those of staff's model, drawn without a code",))
    assert told(run, replace(course, secret=None)) == without


def test_without_a_secret_a_right_answer_is_a_remark_and_a_wrong_one_a_doubt(run: Path, course: Course) -> None:
    open_course = replace(course, secret=None)
    assert told(run, open_course)[:2] == ("plausible", ())
    rewrite(run, lambda content: content.update(created_utc=content["created_utc"].replace("Z", "0Z")))  # another chain
    trust, doubts, _ = told(run, open_course)
    assert trust == "consistent" and "are not those of staff's model to the images of its code and chain" in doubts[-1]


def test_a_run_that_has_not_answered_is_a_doubt_where_there_are_codes_only(tmp_path: Path, course: Course) -> None:
    run = make_run(tmp_path, 9, began=BEGAN)
    assert told(run, course) == ("plausible", ("challenge: the run has not answered it",), ())
    assert told(run, replace(course, secret=None)) == ("plausible", (), ())


def test_an_edited_measurement_leaves_other_images_to_be_answered(run: Path, course: Course) -> None:
    def edit(content: dict) -> None:
        content["steps"][0]["seconds"] += 1e-6

    rewrite(run, edit)
    trust, doubts, _ = told(run, course)
    assert trust == "consistent" and "are not those of staff's model" in doubts[-1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda step: step["result"].pop("logits"), "is not as the kit records it"),
        (lambda step: step.update(result=5), "is not as the kit records it"),
        (lambda step: step["result"].update(logits=[[1.0] * 11] * IMAGES), f"holds no logits of {IMAGES} images"),
        (lambda step: step["inputs"].update(code=7), "is not as the kit records it"),
        (lambda step: step["inputs"].update(model="fp32.onnx"), "is not as the kit records it"),
        (lambda step: step["inputs"].pop("code"), "is not as the kit records it"),
    ],
)
def test_a_step_of_another_form_is_told_and_ends_nothing(run: Path, course: Course, change, why: str) -> None:
    rewrite(run, lambda content: change(next(step for step in content["steps"] if step["name"] == STEP)))
    doubts = told(run, course)[1]
    assert doubts[-1].startswith("challenge: ") and why in doubts[-1]


def test_a_model_that_nobody_has_is_a_doubt_and_one_that_was_handed_in_is_asked(run: Path, course: Course) -> None:
    nothing = replace(course, shelf=Shelf())
    trust, doubts, remarks = told(run, nothing)
    assert (trust, doubts) == ("plausible", ()) and "the model that was handed in, not staff's" in remarks[-1]
    (run / "models" / "fp32.onnx").unlink()
    trust, doubts, _ = told(run, nothing)
    assert trust == "plausible" and "fp32.onnx was not handed in, and staff have no such file" in doubts[-1]


def test_staffs_model_of_the_name_confirms_another_export_and_refutes_nothing(
    run: Path, course: Course, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    alike = Shelf({}, {"fp32": course.shelf.by_name["fp32"]})  # staff's export is another file with the same weights
    assert told(run, replace(course, shelf=alike))[0] == MET
    other = Shelf({}, {"fp32": tiny_model(tmp_path / "a" / "fp32.onnx", 2.0)})  # the student's weights are their own
    trust, doubts, remarks = told(run, replace(course, shelf=other))
    assert (trust, doubts) == ("plausible", ()) and "the model that was handed in, not staff's" in remarks[-1]


def test_a_machine_that_cannot_compute_says_so(run: Path, course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenges, "measure", lambda job, limit_s: Measured({}, [], "it was ended after 60 s"))
    (run / "models" / "fp32.onnx").unlink()
    trust, doubts, _ = told(run, course)
    assert trust == "plausible" and "could not be computed again: it was ended after 60 s" in doubts[-1]


def test_a_class_is_computed_in_few_processes_and_one_run_once(
    run: Path, made: Path, model: Path, course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[int] = []
    real = challenges.measure

    def counted(job: Job, limit_s: float) -> Measured:
        jobs.append(len(job.outputs[0].images))
        return real(job, limit_s)

    monkeypatch.setattr(challenges, "measure", counted)
    other = answer_challenge(make_run(tmp_path / "other", 11, began=BEGAN), code_of(SECRET, "cd2"), model)
    grades = [graded(made, "ab1"), graded(other, "cd2"), graded(run, "ab1")]
    found = with_challenges([*grades, replace(grades[0], counts=False)], course)
    assert [each.parts[0].trust for each in found] == [MET, MET, MET, "plausible"] and jobs == [2 * IMAGES]
    jobs.clear()
    monkeypatch.setattr(challenges, "TOGETHER", 1)
    with_challenges(grades, course)
    assert jobs == [IMAGES, IMAGES]


def test_a_part_that_an_earlier_attempt_gave_is_looked_for_there(made: Path, course: Course, tmp_path: Path) -> None:
    whole = graded(made, "ab1")
    newest = replace(whole, source=str(tmp_path))  # which holds no run: the part was taken from `made`
    found = with_challenges([newest, replace(whole, counts=False)], course)
    assert found[0].parts[0].trust == MET


def test_logits_may_differ_by_what_engines_do_and_no_more() -> None:
    right = np.array([[1.0, -3.0], [0.0, 8.0]])
    assert differ_by(right + 0.04, right) < 1 < differ_by(right + 0.3, right)
    assert differ_by(right[:1], right) == differ_by(right[:, :1], right) == float("inf")


def test_the_newest_answer_counts_and_names_its_place_in_the_chain(made: Path, model: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made, tmp_path / "edge" / "mine"))
    answer_challenge(run, code_of(SECRET, "cd2"), model)
    record = load_record(run)
    found = answer_in(record)
    assert isinstance(found, Answered) and found.code == code_of(SECRET, "cd2")
    assert found.link == record.links[-2] and found.model == Variant("fp32", found.model.sha256, "all", 1)


def test_codes_are_looked_at_only_where_there_is_a_secret() -> None:
    assert code_problem("", ["ab1"], Course(), []) == ""
    assert code_problem(code_of(SECRET, "ab1"), ["cd2", "AB1 "], Course(SECRET), []) == ""


def test_a_courses_secret_is_in_no_text_of_it() -> None:
    assert SECRET.decode() not in repr(Course(SECRET))
