"""Cheap ways to forge a run are seen, and the honest of the class are not suspected. `benchmarks/forgery.py` tries more
of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.checks.part import check_part
from grading.functions import sandbox
from grading.grade import Grade
from grading.rerun.codes import code_of
from snippets.record.run import open_run
from tests.grading.forgeries import BEGAN, FORGERIES
from tests.grading.forgeries.challenged import SECRET, answer_challenge
from tests.grading.forging import HOUR, course_of, forge, graded, suspected, table
from tests.grading.rerun.made import tiny_model
from tests.grading.staff.viva.made import system_record
from tests.grading.students import FULL, make_run

HONEST = 9
# One of each kind: copies, one's own run made better, invented ones.
FAST = (
    "as_it_is",
    "shuffled",
    "dropped",
    "postponed",
    "reassembled",
    "halved_whole",
    "predicted_late_backdated",
    "predictions_replaced",
    "friends_answers",
    "another_host",
    "strangers_lease",
    "absent",
    "sourced",
    "library_jitter",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs of an honest class, their challenges answered."""
    folder = tmp_path_factory.mktemp("honest")
    model = tiny_model(folder / "fp32.onnx")
    made = [make_run(folder / str(seed), seed, began=BEGAN) for seed in range(HONEST)]
    return [answer_challenge(run, code_of(SECRET, f"st{n}"), model) for n, run in enumerate(made)]


@pytest.fixture(scope="module")
def honest(runs: list[Path]) -> list[Grade]:
    """Their submissions."""
    return [graded(run, f"st{number}") for number, run in enumerate(runs)]


def test_nobody_honest_is_suspected_and_all_have_their_points(honest: list[Grade]) -> None:
    assert suspected(honest) == []
    assert [each.points for each in honest] == [FULL] * HONEST
    assert {part.trust for each in honest for part in each.parts} == {"plausible"}


@pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine")
def test_nobody_honest_is_suspected_where_the_course_gave_codes(runs: list[Path], honest: list[Grade]) -> None:
    assert suspected(honest, course_of(runs[0], [each.netid for each in honest])) == []


def test_there_are_thirty_ways_and_more_each_told_once() -> None:
    assert len(FORGERIES) >= 30 and sum(one.minutes < HOUR for one in FORGERIES) >= 25
    assert len({one.way.__name__ for one in FORGERIES}) == len(FORGERIES)


CODED = [one.way.__name__ for one in FORGERIES if one.coded and one.minutes < HOUR]


@pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine")
@pytest.mark.parametrize("name", CODED)
def test_no_cheap_way_gets_around_the_challenge(
    tmp_path: Path, runs: list[Path], honest: list[Grade], name: str
) -> None:
    (one,) = (each for each in FORGERIES if each.way.__name__ == name)
    (outcome,) = forge([one], honest, runs[0], tmp_path)
    assert not outcome.missed and outcome.trust != "challenge-met", outcome


@pytest.mark.parametrize("name", FAST)
def test_a_way_of_less_than_an_hour_is_seen(tmp_path: Path, runs: list[Path], honest: list[Grade], name: str) -> None:
    (one,) = (each for each in FORGERIES if each.way.__name__ == name)
    (outcome,) = forge([one], honest, runs[0], tmp_path)
    assert one.minutes < HOUR and not outcome.missed, outcome


def test_a_patient_forger_is_not_seen_and_the_table_says_so(
    tmp_path: Path, runs: list[Path], honest: list[Grade]
) -> None:
    (one,) = (each for each in FORGERIES if each.way.__name__ == "invented")
    found = forge([one], honest, runs[0], tmp_path)
    assert one.minutes > HOUR and (found[0].trust, found[0].remark) == ("plausible", "")
    line = table(found).splitlines()[1]
    assert line.split()[:4] == [str(one.minutes), f"{FULL}", "plausible", "no"]


def test_a_run_of_part_system_that_was_never_measured_is_not_plausible(tmp_path: Path) -> None:
    # The kit's own library writes it, chain and files in order; only nobody put any server under load.
    run = open_run("system", run_id="quick", runs=tmp_path)
    for step in system_record(3).steps:
        batches = {str(size): count for size, count in step.result.get("batches", {}).items()}
        run.step(step.name, dict, {**step.result, **({"batches": batches} if batches else {})}, inputs=step.inputs)
    grade = check_part(run.folder)
    assert grade.trust == "none" and grade.doubts
