"""One run, one value of each parameter: what a run was measured with stands, and another value is another run."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.record.run import latest_run, load_record, open_run
from snippets.record.settings import LONGEST_NAME, check_name, check_types, measured_with, name_of, require_same
from tests.snippets.record.folders import listing


def opened(runs: Path, notebook: str = "1_baseline", run_id: str = "quick", **parameters: object):
    return open_run("model", notebook=notebook, run_id=run_id, runs=runs, parameters=parameters)


@pytest.mark.parametrize("name", ["../x", "..", ".", "a/b", "/tmp/x", "", "a b", "-x", ".hidden", "a\\b", "x\n"])
def test_a_runs_name_is_one_folder_under_its_part(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="^run_id is .*use letters, digits"):
        check_name("run_id", name)
    with pytest.raises(UsageError):
        open_run("model", runs=tmp_path / "runs", run_id=name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_holds_the_profile_and_what_was_set() -> None:
    assert name_of("quick", []) == "quick"
    assert name_of("quick", ["threads=2", "images=64"]) == "quick-threads-2-images-64"
    assert name_of("full", ["data=~/my photos/"]) == "full-data-my-photos"
    long = [name_of("quick", [f"weights=/home/{'x' * 200}{end}"]) for end in "ab"]
    assert long[0] != long[1] and all(len(name) <= LONGEST_NAME for name in long)
    check_name("run_id", long[0])


def test_a_challenge_code_belongs_to_no_run_of_its_own() -> None:
    assert name_of("quick", ["challenge=AB-CD", "threads=1"]) == "quick-threads-1"
    require_same(Path("quick"), {"challenge": "", "threads": 0}, {"challenge": "AB-CD", "threads": 0})


def test_only_notebooks_that_measured_hold_a_run_to_their_parameters() -> None:
    parameters = {"1": {"threads": 0}, "2": {"threads": 8, "require": "cuda"}}
    assert measured_with(parameters, ["1"]) == {"threads": 0}
    assert measured_with(parameters, []) == {} == measured_with({}, ["1"])
    require_same(Path("quick"), {"threads": 0}, {"threads": 0, "images": 5})
    require_same(Path("quick"), {"threads": 0, "images": 5}, {"data": "x"})


def test_the_refusal_names_both_values_and_both_ways_out() -> None:
    said = (
        "The run runs/model/quick was measured with threads=0, weights='rehearsal', not threads=1, weights='/nope'.*"
        'set run_id = "quick-threads-1-weights-nope" .*--run-id quick-threads-1-weights-nope.*leave threads=0'
    )
    with pytest.raises(UsageError, match=said):
        require_same(
            Path("runs/model/quick"),
            {"profile": "quick", "threads": 0, "weights": "rehearsal"},
            {"profile": "quick", "threads": 1, "weights": "/nope"},
        )
    with pytest.raises(UsageError, match="measured with profile='full', not profile='quick'.*run_id = \"quick\""):
        require_same(Path("mine"), {"profile": "full"}, {"profile": "quick"})
    with pytest.raises(UsageError, match='run_id = "quick-threads-1-2"'):
        require_same(Path("quick-threads-1"), {"threads": 0, "profile": "quick"}, {"threads": 1})


def test_another_parameter_leaves_a_measured_run_as_it_was(tmp_path: Path) -> None:
    opened(tmp_path, threads=0, weights="rehearsal").step("a/x/latency", lambda: 1, inputs={})
    before = {name: held for name, held in listing(tmp_path).items() if not name.endswith(".lock")}
    for notebook in ("1_baseline", "2_graph"):
        with pytest.raises(UsageError, match="measured with threads=0, not threads=1"):
            opened(tmp_path, notebook, threads=1, weights="rehearsal")
    assert {name: held for name, held in listing(tmp_path).items() if not name.endswith(".lock")} == before
    run = opened(tmp_path, "2_graph", threads=0, weights="rehearsal", require="")
    assert run.record().parameters["2_graph"] == {"threads": 0, "weights": "rehearsal", "require": ""}


def test_until_something_is_measured_a_parameter_can_be_corrected(tmp_path: Path) -> None:
    opened(tmp_path, weights="/nope").answer("model.baseline.eager", [5, 20])
    run = opened(tmp_path, weights="rehearsal")
    assert run.record().parameters == {"1_baseline": {"weights": "rehearsal"}}
    run.step("a/x/latency", lambda: 1, inputs={})
    opened(tmp_path, "4_providers", weights="rehearsal", require="cuda")  # fails there, before it measures
    opened(tmp_path, "4_providers", weights="rehearsal", require="")
    assert load_record(run.folder).parameters["4_providers"]["require"] == ""


def test_what_is_added_once_stays_said(tmp_path: Path) -> None:
    opened(tmp_path, device="cpu", endpoint="http://x").step("own/x/latency", lambda: 1, inputs={})
    run = opened(tmp_path, device="cpu")
    assert run.record().parameters["1_baseline"] == {"device": "cpu", "endpoint": "http://x"}


def test_a_run_that_measured_nothing_is_not_the_latest(tmp_path: Path) -> None:
    empty = opened(tmp_path, run_id="first").folder
    assert latest_run("model", tmp_path) == empty
    measured = opened(tmp_path, run_id="second")
    measured.step("a/x/latency", lambda: 1, inputs={})
    opened(tmp_path, run_id="third")
    assert latest_run("model", tmp_path) == measured.folder


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (int, "two", "takes a whole number"),
        (int, 2.5, "takes a whole number"),
        (int, True, "takes a whole number"),
        (float, "10", "takes a number"),
        (str, 5, "takes text"),
        (bool, 1, "takes True or False"),
    ],
)
def test_a_parameter_of_the_wrong_type_is_told(kind: type, value: object, said: str) -> None:
    with pytest.raises(UsageError, match=f"^The parameter threads is {value!r}, and {said}.*first code cell"):
        check_types({"threads": value}, {"threads": kind})
    check_types({"threads": 2, "rate": 2, "data": "x", "own": object()}, {"threads": int, "rate": float, "data": str})


def test_a_profile_that_is_none_is_told_before_a_run_is_made_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="profile is 'quik'; it is one of quick, full"):
        open_run("model", runs=tmp_path, run_id="quik", profile="quik")
    assert list(tmp_path.iterdir()) == []
