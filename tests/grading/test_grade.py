"""Grading records: honest ones earn their points, incomplete ones part of them, forged ones are found out."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks import part as part_checks
from grading.checks.part import check_part
from grading.grade import Grade, GradeOptions, grade
from grading.questions import questions
from snippets.record.run import load_record
from tests.grading.students import WORKED_OUT, change_samples, hand_in, make_run, name_hosts, rewrite
from tests.snippets.record.folders import version_1

FP32 = "edge/fp32-threads-1/latency"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("honest"), 11)


@pytest.fixture
def run(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "edge" / "mine"))


def results(folder: Path, **options: Any) -> dict[str, Any]:
    return {result.id: result for result in check_part(folder, **options).results}


def worth(folder: Path) -> float:
    """How many predictions the first user's wait is worth, as a student works it out from the record."""
    return WORKED_OUT["edge.cold.worth"]({step.name: step.result for step in load_record(folder).steps})


def test_an_honest_run_earns_all_automatic_points_and_is_plausible(honest: Path) -> None:
    graded = check_part(honest)
    automatic = [result for result in graded.results if result.kind != "by hand"]
    assert [result.id for result in automatic if result.points != result.possible] == []
    assert graded.trust == "plausible" and graded.doubts == ()


def test_explanations_wait_for_a_person(honest: Path) -> None:
    by_hand = [result for result in check_part(honest).results if result.kind == "by hand"]
    assert by_hand and all(result.points == 0 and result.possible > 0 for result in by_hand)


def test_wrong_answers_earn_nothing_and_the_message_does_not_tell_the_right_one(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 12, wrong=True)
    graded = results(folder)
    wait = graded["edge.cold.worth"]
    right = worth(folder)
    assert wait.points == 0 and "too large" in wait.message and "Add the medians" in wait.message
    assert f"{right:.4g}" not in wait.message and f"{right:.4g}" in wait.detail


def test_a_number_that_is_close_earns_half(tmp_path: Path) -> None:
    from grading.questions import ask
    from snippets.record.run import open_run
    from tests.grading.students import Clock, at

    folder = make_run(tmp_path, 13)
    with at(Clock(14)):
        ask(open_run("edge", runs=tmp_path), "edge.cold.worth", answer=worth(folder) * 1.2)
    assert results(folder)["edge.cold.worth"].points == 1.0


def test_predictions_that_are_sure_and_wrong_earn_nothing(tmp_path: Path) -> None:
    graded = results(make_run(tmp_path, 12, wrong=True))
    assert sum(graded[question.id].points for question in questions("edge") if question.kind == "predict") == 0


def test_an_older_record_is_graded_as_it_was_asked(tmp_path: Path) -> None:
    for part in ("model", "edge", "system"):
        folder = version_1(part, tmp_path / part)
        graded, record = results(folder), load_record(folder)
        answered = {answer["question"]: answer for answer in record.answers}
        for question in questions(part):
            if question.kind == "predict" and question.id in answered and not answered[question.id]["measured"]:
                assert graded[question.id].points == question.points, "in time, right or wrong"
        if part == "edge":  # it answers questions that have been replaced since, and was judged by them
            assert {"edge.cold.wait", "edge.memory.resident"} <= graded.keys()
            assert "edge.cold.worth" not in graded and graded["edge.cold.wait"].possible == 2


def test_predictions_after_the_measurement_earn_nothing(tmp_path: Path) -> None:
    graded = results(make_run(tmp_path, 14, predict="after"))
    predictions = [question for question in questions("edge") if question.kind == "predict"]
    assert predictions and all(graded[question.id].points == 0 for question in predictions)
    assert "Predict before you measure" in graded[predictions[0].id].message


def test_a_late_prediction_dressed_as_early_is_found_by_its_place_in_the_chain(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 15, predict="after")
    rewrite(folder, lambda fields: [answer.update(measured=[]) for answer in fields["answers"]])
    assert results(folder)["edge.latency.fastest"].points == 0


def test_an_incomplete_run_earns_part_and_is_told_what_to_measure(tmp_path: Path) -> None:
    graded = results(make_run(tmp_path, 16, keep_steps=0.6))
    measured = graded["edge.measured"]
    assert 0 < measured.points < measured.possible
    assert "Measure " in measured.message and "servelab run edge" in measured.message


def test_no_answers_earn_the_measurements_only(tmp_path: Path) -> None:
    graded = check_part(make_run(tmp_path, 17, predict="never", answered=False))
    assert graded.points == part_checks.MEASUREMENT_POINTS
    assert all("nothing was recorded" in result.message for result in graded.results if result.kind == "answer")


def test_changed_samples_make_the_record_inconsistent_and_withhold_points(run: Path) -> None:
    samples = next((run / "samples").glob("*fp32-threads-1-latency*"))
    np.save(samples, np.load(samples) / 2)
    graded = check_part(run)
    assert graded.trust == "none" and "changed" in graded.doubts[0] and graded.points == 0


def test_a_deleted_figure_is_only_a_remark(run: Path) -> None:
    (run / "figures/a.png").write_bytes(b"x")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

    def add(fields: dict[str, Any]) -> None:
        fields["figures"]["a"] = {"$file": "figures/a.png", "bytes": 1, "sha256": digest}

    rewrite(run, add)
    assert check_part(run).remarks == ()
    (run / "figures/a.png").unlink()
    graded = check_part(run)
    assert graded.trust == "plausible" and graded.remarks == ("the file figures/a.png is missing",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: np.full_like(s, 12.5), "only 1 different values"),
        (lambda s: np.sort(s), "in order of size"),
        (lambda s: np.round(s, 1), "rounded|different values"),
        (lambda s: np.random.default_rng(1).permutation(np.linspace(10, 20, s.size)), "evenly spaced"),
        (lambda s: s / 1e4, "below the .* that the arithmetic needs"),
    ],
)
def test_samples_that_look_made_up_are_not_plausible(run: Path, change: Any, reason: str) -> None:
    change_samples(run, FP32, change)
    graded = check_part(run)
    assert graded.trust == "consistent"
    import re

    assert any(re.search(reason, doubt) for doubt in graded.doubts), graded.doubts


def test_samples_repeated_within_a_run_are_not_plausible(run: Path) -> None:
    other = np.load(next((run / "samples").glob("*dynamic-threads-1-latency*")))
    change_samples(run, FP32, lambda _: other * 1.7)
    graded = check_part(run)
    assert graded.trust == "consistent" and any("repeats the samples" in doubt for doubt in graded.doubts)


def test_samples_that_take_longer_than_their_step_do_not_fit_together(run: Path) -> None:
    change_samples(run, FP32, lambda s: s * 50)
    graded = check_part(run)
    assert graded.trust == "none" and any("its samples alone take" in doubt for doubt in graded.doubts)


def reverse_steps(fields: dict[str, Any]) -> None:
    fields["steps"].reverse()
    for index, step in enumerate(fields["steps"]):
        step["index"] = index


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields["steps"][3].update(started_utc="2020-01-01T00:00:00Z"),
        lambda fields: reverse_steps(fields),
        lambda fields: fields["answers"][0].update(answered_utc="2020-01-01T00:00:00Z"),
        lambda fields: fields.update(created_utc="2027-01-01T00:00:00Z"),
    ],
)
def test_times_that_no_clock_shows_by_accident_are_found_though_all_hashes_fit(run: Path, change: Any) -> None:
    rewrite(run, change)
    graded = check_part(run)
    assert graded.trust == "consistent" and graded.doubts


def test_a_summary_that_is_not_its_samples_is_found_though_all_hashes_fit(run: Path) -> None:
    rewrite(run, lambda fields: fields["steps"][0]["result"].update(p50_ms=1.0))
    assert check_part(run).trust == "none"


def later(text: str, seconds: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def shift(fields: dict[str, Any], first: int, seconds: float) -> None:
    """The clock is set while step `first` runs: its end and all that follows are told by the new time."""
    for answer in fields["answers"]:
        if answer["answered_utc"] > fields["steps"][first]["started_utc"]:
            answer["answered_utc"] = later(answer["answered_utc"], seconds)
    for index, step in enumerate(fields["steps"][first:]):
        names = ("ended_utc",) if index == 0 else ("started_utc", "ended_utc")
        step.update({name: later(step[name], seconds) for name in names})


@pytest.mark.parametrize("seconds", [3600, 3 * 86400, 3, -8, -3600])
@pytest.mark.parametrize("first", [1, 5])
def test_a_lid_closed_or_a_clock_set_costs_a_doubt_and_no_point(run: Path, first: int, seconds: float) -> None:
    whole = check_part(run).points
    rewrite(run, lambda fields: shift(fields, first, seconds))
    graded = check_part(run)
    assert (graded.points, graded.trust) == (whole, "plausible")
    assert len(graded.doubts) in (1, 2) and load_record(run).steps[first].name in graded.doubts[0]


def test_a_clock_set_back_between_two_steps_costs_a_doubt_and_no_point(run: Path) -> None:
    whole = check_part(run).points

    def edit(fields: dict[str, Any]) -> None:
        shift(fields, 4, -60)
        fields["steps"][4].update(ended_utc=later(fields["steps"][4]["ended_utc"], 60))

    rewrite(run, edit)
    graded = check_part(run)
    assert (graded.points, graded.trust) == (whole, "plausible") and "precedes it" in graded.doubts[0]


def test_a_run_over_two_leases_is_confirmed_by_both_and_only_by_both(run: Path) -> None:
    middle = load_record(run).steps[9].started_utc
    halves = ({**TIMES, "end_utc": middle}, {**TIMES, "start_utc": middle})
    with_lease(run)
    rewrite(run, lambda fields: fields["leases"].append({**LEASE, "id": "lease-2"}))
    both = dict(zip(("lease-1", "lease-2"), halves, strict=True))
    assert check_part(run, netid="AB123", leases=both).trust == "lease-confirmed"
    only_one = check_part(run, netid="ab123", leases={"lease-1": halves[0]})
    assert only_one.trust == "plausible" and "knows no lease lease-2" in only_one.doubts[0]


@pytest.mark.parametrize("netid", ["edge", "serve", "123", "b123", ""])
def test_a_part_of_a_leases_name_is_not_the_student(run: Path, netid: str) -> None:
    with_lease(run)
    assert check_part(run, netid=netid, leases={"lease-1": TIMES}).trust == "plausible"


LEASE = {"id": "lease-1", "name": "serve_edge_ab123", "node_type": "raspberrypi5"}
TIMES = {"name": "serve_edge_ab123", "start_utc": "2026-03-01T12:00:00Z", "end_utc": "2026-03-02T12:00:00Z"}


def with_lease(run: Path, cpu: str = "Cortex-A76") -> None:
    def edit(fields: dict[str, Any]) -> None:
        fields["leases"] = [LEASE]
        fields["hosts"][0]["cpu"] = {"model": cpu, "machine": "aarch64", "cores": 4, "flags": ["asimd"]}
        fields["hosts"][0]["clock_source"] = "arch_sys_counter"
        name_hosts(fields)

    rewrite(run, edit)


def test_a_lease_that_the_testbed_knows_confirms_the_run(run: Path) -> None:
    with_lease(run)
    assert check_part(run, netid="ab123", leases={"lease-1": TIMES}).trust == "lease-confirmed"


@pytest.mark.parametrize(
    ("netid", "leases", "reason"),
    [
        ("ab123", {}, "knows no lease"),
        ("zz999", {"lease-1": TIMES}, "not for zz999"),
        ("ab123", {"lease-1": {**TIMES, "end_utc": "2026-03-01T12:01:00Z"}}, "outside the lease's time"),
    ],
)
def test_a_lease_that_does_not_fit_is_doubted(run: Path, netid: str, leases: dict, reason: str) -> None:
    with_lease(run)
    graded = check_part(run, netid=netid, leases=leases)
    assert graded.trust == "plausible" and any(reason in doubt for doubt in graded.doubts)


def test_a_lease_on_other_hardware_than_the_hosts_is_not_plausible(run: Path) -> None:
    with_lease(run, cpu="AMD EPYC 7763")
    assert "no host of the run has Cortex-A76" in check_part(run).doubts[0]


def test_a_second_measurement_confirms_or_contradicts(run: Path, honest: Path) -> None:
    assert check_part(run, staff_run=load_record(honest)).trust == "re-run"
    change_samples(run, FP32, lambda s: np.round(s * 0.4 + np.random.default_rng(3).random(s.size), 6))
    graded = check_part(run, staff_run=load_record(honest))
    assert graded.trust == "plausible" and "medians differ by a factor" in graded.doubts[0]


def test_a_zip_is_graded_like_its_folder(run: Path, tmp_path: Path) -> None:
    made = hand_in(run, "ab123", tmp_path / "out", pdf=False)
    first, second = grade(made.zip), grade(made.folder)
    assert (first.points, first.netid, first.problems) == (second.points, "ab123", ())


def test_a_model_left_out_for_size_costs_nothing(honest: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(honest, tmp_path / "edge" / "mine"))
    (run / "models/fp32.onnx").write_bytes(np.random.default_rng(0).bytes(700_000))
    import hashlib

    reference = {
        "$file": "models/fp32.onnx",
        "bytes": 700_000,
        "sha256": hashlib.sha256((run / "models/fp32.onnx").read_bytes()).hexdigest(),
    }
    rewrite(run, lambda fields: fields["steps"][0]["result"].update(file=reference))
    from grading.submission.collect import Student, make_submission

    made = make_submission([run], Student("ab1"), out=tmp_path / "out", notebooks=tmp_path / "none", cap_bytes=700_000)
    graded = grade(made.zip)
    assert "models/fp32.onnx" in made.remarks[0] and graded.parts[0].trust == "plausible"


def broken(tmp_path: Path, how: str, made: Path) -> Path:
    path = tmp_path / "bd1.zip"
    data = made.read_bytes()
    if how == "empty file":
        path.write_bytes(b"")
    elif how == "half a zip":
        path.write_bytes(data[: len(data) // 2])
    elif how == "a PDF":
        path.write_bytes(b"%PDF-1.7\n" + data[:100])
    return path


@pytest.mark.parametrize("how", ["empty file", "half a zip", "a PDF"])
def test_a_broken_zip_gets_a_grade_that_says_so(run: Path, tmp_path: Path, how: str) -> None:
    made = hand_in(run, "bd1", tmp_path / "out", pdf=False)
    graded = grade(broken(tmp_path, how, made.zip), GradeOptions(parts=("edge",)))
    assert graded.points == 0 and graded.netid == "bd1" and "not a whole zip" in graded.problems[0]
    assert len(graded.parts[0].results) == len(questions("edge")) + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"schema": "servelab-record", "schema_version": 99}',
        "{" * 2000,
        json.dumps({"schema": "servelab-record", "schema_version": 1, "part": "edge", "steps": [1, 2]}),
    ],
)
def test_a_malformed_record_gets_a_grade_that_says_so(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "submission" / "edge"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(text)
    graded = grade(tmp_path / "submission", GradeOptions(parts=("edge",)))
    assert isinstance(graded, Grade) and graded.points == 0
    assert graded.parts[0].trust == "none"


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields["answers"].append(7),
        lambda fields: fields["answers"].append({"question": ["x"], "value": {}}),
        lambda fields: fields["hosts"].append("x"),
        lambda fields: fields["leases"].append("x"),
        lambda fields: fields["steps"][0].update(result={"latency_ms": "fast", "ok": 3, "batches": {"a": "b"}}),
        lambda fields: fields["steps"][0].update(
            result={"latency_ms": {"$array": "../../../etc/passwd", "sha256": ""}}
        ),
        lambda fields: fields["steps"][0].update(result={"latency_ms": {"$array": 3}}),
        lambda fields: fields["steps"][0].update(result=None, started_utc="yesterday"),
    ],
)
def test_a_record_of_odd_values_never_stops_the_grading(run: Path, tmp_path: Path, change: Any) -> None:
    rewrite(run, change)
    graded = grade(run.parent.parent, GradeOptions(parts=("edge",)))
    assert graded.parts[0].part == "edge" and 0 <= graded.points <= graded.possible
