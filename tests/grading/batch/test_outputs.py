"""`servelab grade` as it is typed: what it reads, what it writes, and the second measurement by staff."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import servelab
from grading.batch.outputs import Asked, OfClass, find_staff_runs, grade_class, read_leases, read_users
from grading.functions import sandbox
from grading.rerun.codes import code_of, make_secret, read_secret
from snippets.errors import RecordError, StorageError, UsageError
from tests.grading.forgeries import BEGAN
from tests.grading.forgeries.challenged import answer_challenge
from tests.grading.rerun.made import tiny_model
from tests.grading.students import change_samples, hand_in, make_run

LEASE = {"id": 7, "name": "serve_edge_ab1"}


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One submission of part edge."""
    base = tmp_path_factory.mktemp("class")
    (base / "class").mkdir()
    hand_in(make_run(base, 1), "ab123", base / "out", pdf=False).zip.rename(base / "class" / "ab123.zip")
    return base / "class"


@pytest.fixture
def typed(tmp_path: Path, class_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Any:
    """Types `servelab grade` of that class with further words; returns exit code, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        arguments = ["grade", str(class_folder), "--out", str(tmp_path / "grades.csv"), "--part", "edge", *words]
        monkeypatch.setattr(sys, "argv", ["servelab", *arguments])
        code = 0
        try:
            servelab.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_without_a_run_of_staff_the_record_is_plausible(typed: Any, tmp_path: Path) -> None:
    code, out, _ = typed()
    assert code == 0 and out.startswith("ab123: ") and "(plausible)" in out
    assert json.loads((tmp_path / "grades.json").read_text())[0]["parts"][0]["trust"] == "plausible"


def test_a_run_of_staff_that_agrees_makes_it_re_run(typed: Any, tmp_path: Path) -> None:
    make_run(tmp_path / "staff", 1)  # runs/edge/mine, as `servelab run edge --runs staff` leaves it
    code, out, _ = typed("--staff-runs", str(tmp_path / "staff"))
    assert code == 0 and "(re-run)" in out
    assert next(csv.DictReader((tmp_path / "grades.csv").open()))["trust"] == "edge:re-run"


def test_a_run_of_staff_that_disagrees_is_a_doubt(typed: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "staff", 1)
    change_samples(run, "edge/fp32-threads-1/latency", lambda samples: samples / 2)
    code, out, _ = typed("--staff-runs", str(tmp_path / "staff"))
    assert code == 0 and "(plausible)" in out
    assert next(csv.DictReader((tmp_path / "grades.csv").open()))["doubts"] == (
        "edge/fp32-threads-1/latency: the medians differ by a factor of 2.00"
    )


def test_a_folder_without_runs_is_told_how_to_measure_there(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = typed("--staff-runs", str(tmp_path / "empty"))
    assert code == UsageError.exit_code and f"servelab run PART --runs {tmp_path / 'empty'}" in err


def test_a_broken_run_of_staff_stops_the_grading_and_is_not_the_students_fault(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "record.json").write_text("{")
    with pytest.raises(RecordError, match="record.json"):
        find_staff_runs(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(class_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="file.* a folder you may write with --out"):
        grade_class([class_folder], tmp_path / "file" / "grades.csv", of_class=OfClass(say=lambda _: None))


@pytest.mark.parametrize(
    "entry",
    [
        {"start_utc": "2026-03-01T12:00:00Z", "end_utc": "2026-03-01T14:00:00Z"},
        {"start_date": "2026-03-01 12:00:00", "end_date": "2026-03-01T14:00:00Z"},
        {"start": "2026-03-01T12:00:00", "end": "2026-03-01T14:00:00Z"},
    ],
)
def test_leases_are_read_with_the_names_of_each_source_and_without_a_zone_are_utc(
    tmp_path: Path, entry: dict[str, str]
) -> None:
    path = tmp_path / "leases.json"
    path.write_text(json.dumps([{**LEASE, **entry}]))
    assert read_leases(path) == {
        "7": {"name": "serve_edge_ab1", "start_utc": "2026-03-01T12:00:00Z", "end_utc": "2026-03-01T14:00:00Z"}
    }


@pytest.mark.parametrize("text", ["", "[1]", '[{"id": 1}]', "{"])
def test_what_is_no_list_of_leases_is_told_how_to_make_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "leases.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="openstack reservation lease list -f json"):
        read_leases(path)


def test_of_a_roster_everybody_has_a_row(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("Name,netid\nAnn,AB123\nBob,cd456\n")
    code, out, _ = typed("--roster", str(tmp_path / "roster.csv"))
    assert code == 0 and "cd456: 0 of 41 points; edge 0/41 (none)" in out
    lines = list(csv.DictReader((tmp_path / "grades.csv").open(encoding="utf-8")))
    assert [(row["netid"], row["problems"]) for row in lines] == [("ab123", ""), ("cd456", "nothing was handed in")]
    assert lines[0]["possible"] == lines[1]["possible"] and lines[1]["edge.soak.change"] == "0"


def test_who_is_not_on_the_roster_is_told(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("netid\ncd456\n")
    typed("--roster", str(tmp_path / "roster.csv"))
    lines = list(csv.DictReader((tmp_path / "grades.csv").open(encoding="utf-8")))
    assert [(row["netid"], row["problems"]) for row in lines] == [
        ("ab123", "is not on the roster"),
        ("cd456", "nothing was handed in"),
    ]


def test_a_roster_that_cannot_be_read_is_an_error_in_words(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("name\nAnn\n")
    code, out, err = typed("--roster", str(tmp_path / "roster.csv"))
    assert code == 17 and "netid" in err and out == ""


def test_for_excel_the_tables_begin_with_a_byte_order_mark(typed: Any, tmp_path: Path) -> None:
    typed()
    assert (tmp_path / "grades.csv").read_bytes()[:3] == b"net"
    typed("--excel")
    for name in ("grades.csv", "grades.similarity.csv"):
        assert (tmp_path / name).read_bytes()[:3] == b"\xef\xbb\xbf"


def test_accounts_tell_whose_a_lease_is_and_the_answer_of_the_api_is_read_too(tmp_path: Path) -> None:
    users, leases = tmp_path / "users.csv", tmp_path / "leases.json"
    users.write_text("netid,user_id\nAB123 ,93d3\n")
    times = {"start_date": "2026-03-01T12:00:00", "end_date": "2026-03-01T14:00:00"}
    leases.write_text(
        json.dumps({"leases": [{**LEASE, **times, "user_id": "93d3"}, {**LEASE, **times, "id": "8", "user_id": "x"}]})
    )
    known = read_leases(leases, read_users(users))
    assert (known["7"]["user_id"], known["7"]["netid"]) == ("93d3", "ab123")
    assert (known["8"]["user_id"], known["8"]["netid"]) == ("x", "")
    assert Asked(leases=leases, users=users).options().leases == known


def test_a_list_of_accounts_needs_its_columns_and_a_list_of_leases(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("netid,account\nab123,1\n")
    with pytest.raises(UsageError, match="columns netid and user_id"):
        read_users(users)
    users.write_text("netid,user_id\nab123,1\n")
    with pytest.raises(UsageError, match="--leases"):
        Asked(users=users).options()


@pytest.fixture
def coded(tmp_path: Path) -> Path:
    """A folder with the class's roster, the course's secret, and staff's model."""
    make_secret(tmp_path / "course")
    (tmp_path / "class.csv").write_text("netid\nab1\ncd2\nef3\n")
    tiny_model(tmp_path / "fp32.onnx")
    return tmp_path


@pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine")
def test_a_class_with_challenge_codes_is_told_whose_code_each_used_and_never_the_secret(
    coded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    secret, model = read_secret(coded / "course"), coded / "fp32.onnx"
    for seed, (netid, used) in enumerate({"ab1": "ab1", "cd2": "ab1"}.items()):
        run = make_run(coded / netid, seed, began=BEGAN)
        answer_challenge(run, code_of(secret, used), model)
        hand_in(run, netid, coded / "out" / netid, pdf=False).zip.rename(coded / f"{netid}.zip")
    words = ["--secret-file", str(coded / "course"), "--roster", str(coded / "class.csv"), "--models", str(coded)]
    zips = [str(coded / "ab1.zip"), str(coded / "cd2.zip")]
    monkeypatch.setattr(sys, "argv", ["servelab", "grade", *zips, *words, "--out", str(coded / "g" / "grades.csv")])
    servelab.main()
    told = {each["netid"]: each["parts"][0] for each in json.loads((coded / "g" / "grades.json").read_text())}
    assert {netid: part["trust"] for netid, part in told.items()} == {
        "ab1": "challenge-met",
        "cd2": "consistent",
        "ef3": "none",
    }
    assert "challenge: its code is that of ab1" in told["cd2"]["doubts"]
    printed = capsys.readouterr()
    assert "(challenge-met)" in printed.out and "edge challenge: its answers are those of staff's model" in printed.out
    written = b"".join(path.read_bytes() for path in (coded / "g").rglob("*") if path.is_file())
    assert secret not in written and secret.decode() not in printed.out + printed.err


def test_a_secret_file_that_is_none_is_a_sentence(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("netid\n")
    code, _, error = typed("--secret-file", str(tmp_path / "x"))
    assert code == 2 and "is no secret of `servelab challenge`" in error and "Traceback" not in error
