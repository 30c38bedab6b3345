"""Which run is meant: points are lost where the newest is taken, and the answers are in another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grading.questions.which_run import choose_run, counts_of, run_named, runs_of
from snippets.errors import UsageError
from snippets.record.run import Run, open_run

PREDICTION, NUMBER = "model.baseline.eager", "model.baseline.break_even"


def made(run_id: str, *, age: int, measured: bool = True, **answers: object) -> Run:
    """A run whose files are `age` seconds old; answers by question, given before anything was measured."""
    run = open_run("model", run_id=run_id)
    for name, value in answers.items():
        run.answer({"prediction": PREDICTION, "number": NUMBER}[name], value)
    if measured:
        run.step("baseline/eager/latency", lambda: 1, inputs={})
    aged(run, age)
    return run


def aged(run: Run, age: int) -> None:
    for path in (run.folder / "record.json", run.folder / "steps.jsonl"):
        os.utime(path, (1e9 - age, 1e9 - age))


def test_the_run_with_the_answers_is_taken_and_the_newer_one_is_offered() -> None:
    mine = made("mine", age=60, prediction=[5, 20], number=700)
    made("quick", age=5)
    chosen = choose_run("model")
    assert chosen.folder == mine.folder
    assert chosen.told == (
        f"model: {mine.folder} of 2 runs (2 answers, with 1 in time). Beside it: quick (no answers, the newest); "
        "name a run's folder to take that one."
    )


def test_predictions_in_time_count_and_late_ones_do_not() -> None:
    mine = made("mine", age=60, prediction=[5, 20])
    late = made("quick", age=5)
    late.answer(PREDICTION, [5, 20], steps=("baseline/eager/latency",))
    assert (counts_of(mine.folder).answers, counts_of(late.folder).answers) == (1, 0)
    assert choose_run("model").folder == mine.folder
    late.answer(NUMBER, 700)
    assert choose_run("model").folder == mine.folder, "as many answers, and its prediction was in time"
    mine.answer(NUMBER, 700)
    assert counts_of(mine.folder).answers == 2


def test_an_empty_run_a_grids_point_and_a_blank_answer_are_no_rivals() -> None:
    plain = made("quick", age=60)
    made("quick-threads-2-images-16", age=5)
    made("typo", age=1, measured=False)
    blank = made("other", age=90)
    blank.answer(NUMBER, "")
    aged(blank, 90)
    assert choose_run("model").folder == plain.folder
    assert [run.name for run in runs_of("model")] == ["quick", "other", "quick-threads-2-images-16", "typo"]


def test_answers_without_a_measurement_do_not_beat_one_that_measured() -> None:
    measured = made("quick", age=60)
    only_predicted = made("mine", age=5, measured=False, prediction=[5, 20])
    assert choose_run("model").folder == measured.folder
    assert "mine (1 answer, with 1 in time, not measured, the newest)" in choose_run("model").told
    only_predicted.step("baseline/eager/latency", lambda: 1, inputs={})
    assert choose_run("model").folder == only_predicted.folder


def test_of_equal_runs_the_newest_is_meant() -> None:
    made("quick", age=60, number=1)
    newer = made("full", age=5, number=1)
    assert choose_run("model").folder == newer.folder and "(1 answer, the newest)" in choose_run("model").told


def test_a_record_that_cannot_be_read_is_taken_only_where_there_is_no_other() -> None:
    broken = made("quick", age=5)
    (broken.folder / "record.json").write_text("{")
    assert choose_run("model").told == f"model: {broken.folder}, its only run"
    good = made("other", age=60)
    assert choose_run("model").folder == good.folder or counts_of(broken.folder).answers == 0


def test_a_command_takes_a_part_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run of part model yet"):
        run_named("model")
    run = made("quick", age=5)
    assert run_named("model").folder == run.folder
    assert run_named(str(run.folder)).folder == run.folder and run_named(str(run.folder)).told == ""
    for typo, meant in (("modle", "model"), ("Edge", "edge"), ("sytem", "system")):
        with pytest.raises(UsageError, match=f"no run '{typo}' and no part .*mean {meant}.*runs/{meant}/quick"):
            run_named(typo)
    assert run_named("nowhere").folder == Path("nowhere"), "which says itself that there is no record"
