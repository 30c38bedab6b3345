"""Archives, clocks and mischief of real classes: nobody honest loses a point, nobody goes missing, nothing stops."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import servelab
from tests.grading.exports import (
    Files,
    brightspace,
    canvas,
    files_handed_in,
    folder_of,
    gradescope,
    moodle,
    renamed,
    tar_of,
    with_manifest,
    zip_of,
)
from tests.grading.students import FULL, POSSIBLE, make_run

Row = dict[str, str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """The files that two students hand in, by NetID."""
    base, found = tmp_path_factory.mktemp("work"), {}
    for seed, netid in ((501, "ab123"), (502, "cd456")):
        found[netid] = files_handed_in(base, netid, seed)
    return found


@pytest.fixture
def mine(work: dict[str, Files]) -> Files:
    return dict(work["ab123"])


@pytest.fixture
def grade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., list[Row]]:
    """Types `servelab grade PATHS --part edge`, and returns the rows of grades.csv."""

    def run(*paths: Path, options: Iterable[str] = ()) -> list[Row]:
        out = tmp_path / "grades" / "g.csv"
        typed = ["grade", *map(str, paths), "--part", "edge", "--out", str(out), "--workers", "2", *options]
        monkeypatch.setattr(sys, "argv", ["servelab", *typed])
        servelab.main()  # ends the process where anything is wrong
        printed = capsys.readouterr()
        assert all(char.isprintable() or char == "\n" for char in printed.out)
        json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
        return list(csv.DictReader(out.open(encoding="utf-8")))

    return run


def full(row: Row, netid: str = "ab123") -> bool:
    """Whether the row is that student's, with every automatic point and no doubt."""
    assert row["netid"] == netid and row["doubts"] == "" and row["trust"] == "edge:plausible", row
    return float(row["points"]) == FULL and float(row["possible"]) == POSSIBLE


# --- Archives ---

SHAPES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "backslashes": (lambda files: renamed(files, lambda name: name.replace("/", "\\")), ""),
    "a drive letter": (lambda files: renamed(files, lambda name: f"C:/Users/me/{name}"), ""),
    "a drive letter and backslashes": (lambda files: renamed(files, lambda n: f"C:\\me\\{n}".replace("/", "\\")), ""),
    "an absolute path": (lambda files: renamed(files, lambda name: f"/home/me/{name}"), ""),
    "a leading ./": (lambda files: renamed(files, lambda name: f"./{name}"), ""),
    "a folder around it": (lambda files: renamed(files, lambda name: f"submission (1)/{name}"), ""),
    "a colon in a name": (lambda files: {**files, "edge/screens/Bildschirmfoto um 10:12:33.png": b"x"}, ""),
    "a backslash in a name": (lambda files: {**files, "edge/figures/my\\plot.png": b"x"}, ""),
    "a long name": (lambda files: {**files, f"edge/figures/{'n' * 240}.png": b"x"}, ""),
    "a longer name": (lambda files: {**files, f"edge/figures/{'n' * 2000}.png": b"x"}, ""),
    "a white picture": (lambda files: {**files, "edge/screens/page.bmp": b"\xff" * 6_000_000}, ""),
    "many files": (lambda files: {**files, **{f"edge/figures/{n}.txt": b"" for n in range(4200)}}, ""),
    "far too many files": (lambda files: {**{f"junk/{n}": b"" for n in range(10_500)}, **files}, "at most 10000"),
    "a file where a folder is": (lambda files: {"edge": b"x", **files}, "a file and a folder of one name"),
    "a name that leads out": (lambda files: {"../../up": b"x", **files}, "leads out"),
    "an empty PDF": (lambda files: {**files, "submission.pdf": b""}, "submission.pdf is empty"),
    "a byte order mark": (
        lambda files: {n: (b"\xef\xbb\xbf" + d if n.endswith((".json", "l")) else d) for n, d in files.items()},
        "",
    ),
    "Windows' line ends": (
        lambda files: {n: (d.replace(b"\n", b"\r\n") if n.endswith((".json", "l")) else d) for n, d in files.items()},
        "",
    ),
    "no manifest": (lambda files: {n: d for n, d in files.items() if n != "manifest.json"}, "manifest.json is missing"),
    "a NetID in capitals with spaces": (lambda files: with_manifest(files, netid=" AB123 "), ""),
    "an address as NetID": (lambda files: with_manifest(files, netid="ab123@nyu.edu"), ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_zip_of_any_shape_earns_its_points(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]], shape: str
) -> None:
    change, remark = SHAPES[shape]
    (row,) = grade(zip_of(tmp_path / "in" / "ab123.zip", change(mine)))
    assert full(row) and (remark in row["problems"] if remark else row["problems"] == ""), row["problems"]


def zip_in_zip(folder: Path, files: Files) -> None:
    inner = zip_of(folder.parent / "inner.zip", files).read_bytes()
    zip_of(folder / "ab123.zip", {"submission.zip": inner, "submission.pdf": b"%PDF"})


def two_zips(folder: Path, files: Files) -> None:
    zip_of(folder / "ab123" / "notes.zip", {"notes.txt": b"x"})
    zip_of(folder / "ab123" / "submission.zip", files)


def two_runs(folder: Path, files: Files) -> None:
    """A whole run and, without a manifest, one that was given up; its folder's name comes first."""
    whole = {f"runs/whole/{name}": data for name, data in files.items() if name.startswith("edge/")}
    started = make_run(folder.parent / "given-up", 400, keep_steps=0.2, predict="never", answered=False)
    other = {
        f"runs/a/{path.relative_to(started).as_posix()}": path.read_bytes()
        for path in started.rglob("*")
        if path.is_file()
    }
    zip_of(folder / "ab123.zip", {**other, **whole})


FORMS: dict[str, tuple[Callable[[Path, Files], Any], str]] = {
    "a zip in a zip": (zip_in_zip, ""),
    "a suffix in capitals": (lambda folder, files: zip_of(folder / "AB123.ZIP", files), ""),
    "a tar.gz": (lambda folder, files: tar_of(folder / "ab123.tar.gz", files), ""),
    "two zips in a student's folder": (two_zips, "submission.zip was read, the newest with a record"),
    "two runs": (two_runs, "of 2 runs of part edge, whole/edge was read; beside it lay a"),
    "an unpacked folder": (lambda folder, files: folder_of(folder / "ab123", files), ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_submission_in_any_form_earns_its_points(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]], form: str
) -> None:
    make, remark = FORMS[form]
    make(tmp_path / "in", mine)
    (row,) = grade(tmp_path / "in")
    assert full(row) and remark in row["problems"]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("ab123.pdf", b"%PDF-1.7", "is a PDF"),
        ("ab123.rar", b"Rar!\x1a\x07\x00", "is a RAR archive"),
        ("ab123.7z", b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        ("ab123/.submission.zip.icloud", b"bplist00", "a cloud drive's placeholder"),
        ("ab123.zip.crdownload", b"PK\x03\x04", "a download that did not end"),
        ("ab123/notes.docx", b"PK", "notes.docx"),
        ("ab123.zip", b"", "is empty"),
    ],
)
def test_whoever_handed_in_something_else_is_in_the_table_with_what_it_was(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]], name: str, data: bytes, told: str
) -> None:
    folder_of(tmp_path / "in", {name: data})
    zip_of(tmp_path / "in" / "cd456.zip", work["cd456"])
    lost, other = grade(tmp_path / "in")
    assert full(other, "cd456")
    assert (lost["netid"], float(lost["points"]), float(lost["possible"])) == ("ab123", 0, POSSIBLE)
    assert told in lost["problems"]


# --- Exports ---


def test_two_attempts_in_canvas_are_one_row_without_a_doubt(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]]
) -> None:
    first = zip_of(tmp_path / "submission.zip", mine)
    canvas(tmp_path / "in", 1, "jane", first)
    canvas(tmp_path / "in", 1, "jane", first.rename(tmp_path / "submission-1.zip"))
    (row,) = grade(tmp_path / "in")
    assert full(row) and row["name"] == "doejane" and "handed in 2 times" in row["problems"]


def test_two_attempts_in_brightspace_are_one_row_without_a_doubt(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]]
) -> None:
    for number, student, netid, day in ((1, "Doe", "ab123", 27), (1, "Doe", "ab123", 28), (2, "Roe", "cd456", 27)):
        brightspace(tmp_path / "in", number, student, zip_of(tmp_path / "submission.zip", work[netid]), day)
    jane, bob = grade(tmp_path / "in")
    assert full(jane) and full(bob, "cd456") and "handed in 2 times" in jane["problems"] and bob["problems"] == ""
    assert "28 November" in jane["source"] and jane["name"] == "Jane Doe"


def test_a_text_beside_the_files_in_moodle_is_no_second_student(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]]
) -> None:
    moodle(tmp_path / "in", 1, "Doe", zip_of(tmp_path / "submission.zip", mine))
    folder_of(tmp_path / "in", {"Jane Doe_7001_assignsubmission_onlinetext_/onlinetext.html": b"<p>done</p>"})
    (row,) = grade(tmp_path / "in")
    assert full(row) and "onlinetext" in row["problems"]


def test_gradescopes_list_names_partners_and_who_sent_something_broken(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]]
) -> None:
    good, other = (zip_of(tmp_path / f"{netid}.zip", files) for netid, files in work.items())
    broken = tmp_path / "submission.zip"
    broken.write_bytes(b"PK")
    gradescope(
        tmp_path / "in" / "assignment_9_export", [(["ab123", "zz9"], good), (["ev1"], broken), (["cd456"], other)]
    )
    rows = {row["netid"]: row for row in grade(tmp_path / "in")}
    assert list(rows) == ["ab123", "cd456", "ev1", "zz9"]
    assert full(rows["ab123"]) and full(rows["zz9"], "zz9") and full(rows["cd456"], "cd456")
    assert float(rows["ev1"]["possible"]) == POSSIBLE and "whole zip" in rows["ev1"]["problems"]


def test_whose_a_submission_is_says_the_export_and_not_the_manifest(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]]
) -> None:
    good, other = (zip_of(tmp_path / f"{netid}.zip", files) for netid, files in work.items())
    gradescope(tmp_path / "in", [(["ab123"], good), (["ma1"], other)])
    first, mallory = grade(tmp_path / "in")
    assert full(first) and mallory["netid"] == "ma1" and "its manifest says NetID cd456" in mallory["problems"]


def test_two_ways_to_write_a_netid_are_one_student_and_a_remark(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]]
) -> None:
    zip_of(tmp_path / "in" / "1.zip", mine)
    zip_of(tmp_path / "in" / "2.zip", with_manifest(mine, netid="AB123 "))
    (row,) = grade(tmp_path / "in")
    assert full(row) and "handed in 2 times" in row["problems"]


def test_only_takes_a_netid_whatever_the_file_is_called(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]], capsys: pytest.CaptureFixture
) -> None:
    for number, files in enumerate(work.values()):
        zip_of(tmp_path / "in" / f"{number}.zip", files)
    before = grade(tmp_path / "in")
    assert grade(tmp_path / "in", options=["--only", "AB123"]) == before
    out = tmp_path / "grades" / "g.cache"
    newest = max(out.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert json.loads(newest.read_text())["netid"] == "ab123"


def test_grading_in_the_exports_own_folder_twice_finds_no_student_in_its_own_results(
    tmp_path: Path, mine: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grading.batch.outputs import OfClass, grade_class

    zip_of(tmp_path / "in" / "ab123.zip", mine)
    monkeypatch.chdir(tmp_path / "in")
    for _ in range(2):
        assert [
            row.netid for row in grade_class([Path()], Path("grades.csv"), of_class=OfClass(say=lambda _: None))
        ] == ["ab123"]


# --- Mischief ---


def deep(files: Files) -> Files:
    return {**files, "edge/record.json": b"[" * 200_000}


def replaced(name: str, data: bytes) -> Callable[[Files], Files]:
    """The file whose name ends so, with other content and a manifest that fits."""
    return lambda files: {key: data if key.endswith(name) else old for key, old in files.items()}


def header(shape: str, descr: str = "<f8") -> bytes:
    """A .npy that says it holds that shape."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (64 - (10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


MISCHIEF: dict[str, Callable[[Files], Files]] = {
    "half a character as name": lambda files: with_manifest(files, name="\ud800"),
    "a number where a list is": lambda files: with_manifest(files, left_out=5, files=3),
    "60,000 names": lambda files: with_manifest(
        files, files={f"nothing/{n:06d}": {"sha256": "0"} for n in range(60_000)}
    ),
    "a formula as NetID": lambda files: with_manifest(files, netid='=HYPERLINK("http://evil.example","x")'),
    "escapes as NetID": lambda files: with_manifest(files, netid="\x1b[2J\x1b]0;owned\x07", name="\u202eeoD\n\r"),
    "files of the grader": lambda files: with_manifest(
        files, files={name: {"sha256": "0"} for name in ("/etc/shadow", "/dev/zero", "/proc/kmsg", "/dev/stdin")}
    ),
    "a record of brackets": deep,
    "a manifest of brackets": lambda files: {**files, "manifest.json": b"{" * 200_000},
    "a list as NetID": lambda files: with_manifest(files, netid=["ab123"] * 9, name={"a": 1}),
    "samples of 8 TB": replaced("crossover.edge_ms.npy", header("(1000000000000,)")),
    "samples of nothing": replaced("crossover.edge_ms.npy", header("(3,)", "|V0")),
    "samples of objects": replaced("crossover.edge_ms.npy", header("(3,)", "|O")),
    "a number of 9,000 digits": lambda files: {
        **files,
        "edge/record.json": files["edge/record.json"].replace(b'"leases": []', b'"leases": [' + b"9" * 9000 + b"]"),
    },
}


@pytest.mark.parametrize("what", MISCHIEF)
def test_mischief_costs_nobody_else_and_ends_nothing(
    tmp_path: Path, work: dict[str, Files], grade: Callable[..., list[Row]], what: str
) -> None:
    zip_of(tmp_path / "in" / "zz9.zip", MISCHIEF[what](work["ab123"]))
    zip_of(tmp_path / "in" / "cd456.zip", work["cd456"])
    rows = grade(tmp_path / "in")
    assert len(rows) == 2 and full(next(row for row in rows if row["netid"] == "cd456"), "cd456")
    other = next(row for row in rows if row["netid"] != "cd456")
    assert float(other["possible"]) == POSSIBLE and not other["netid"].startswith("=")
    assert all(value.isprintable() and len(value) < 10_000 for value in other.values())
    assert "shadow is missing" not in other["problems"] or "was changed" not in other["problems"]


def test_a_formula_reaches_no_table_when_it_copies(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]]
) -> None:
    zip_of(tmp_path / "in" / "1.zip", with_manifest(mine, netid="=1+1"))
    zip_of(tmp_path / "in" / "ab123.zip", mine)
    grade(tmp_path / "in")
    text = (tmp_path / "grades" / "g.similarity.csv").read_text()
    assert "same samples" in text and not any(line.lstrip('"').startswith("=") for line in text.splitlines())


def test_an_old_table_stays_whole_when_the_new_one_cannot_be_written(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from grading.batch import tables

    zip_of(tmp_path / "in" / "ab123.zip", mine)
    grade(tmp_path / "in")
    before = (tmp_path / "grades" / "g.csv").read_bytes()

    def broken(*_: Any) -> Any:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(tables, "cell", broken)
    with pytest.raises(RuntimeError):
        tables.write_csv(tmp_path / "grades" / "g.csv", [])
    assert (tmp_path / "grades" / "g.csv").read_bytes() == before


def test_links_and_pipes_in_a_folder_are_not_opened(
    tmp_path: Path, mine: Files, grade: Callable[..., list[Row]]
) -> None:
    folder = folder_of(tmp_path / "in" / "ab123", mine)
    os.mkfifo(folder / "edge" / "figures.png")
    (folder / "edge" / "screens").mkdir()
    (folder / "edge" / "screens" / "x.png").symlink_to("/etc/shadow")
    (row,) = grade(tmp_path / "in")
    assert full(row) and "a link or a device" in row["problems"]


def test_samples_that_lead_out_of_the_run_are_not_opened(tmp_path: Path) -> None:
    from grading.checks.part import check_part
    from snippets.errors import RecordError
    from tests.grading.students import change_samples

    run = make_run(tmp_path, 503)
    target = tmp_path / "secret.npy"
    np.save(target, np.arange(60.0))
    name = "edge/fp32-threads-1/latency"
    change_samples(run, name, lambda _: np.arange(60.0))
    path = next((run / "samples").glob("*fp32-threads-1-latency*"))
    path.unlink()
    path.symlink_to(target)
    try:
        doubts = check_part(run).doubts
    except RecordError as error:
        doubts = (str(error),)
    assert any("outside its folder" in doubt for doubt in doubts)


def test_forty_thousand_answers_to_ten_thousand_steps_are_judged_at_once(tmp_path: Path) -> None:
    """By its number of looks at a step, not by a clock."""
    from grading.checks.evidence import Evidence
    from grading.checks.judging import judge_answers
    from tests.grading.checks.paper import PaperRecord, PaperStep

    looks = 0

    class Counted(PaperStep):
        @property
        def name(self) -> str:  # type: ignore[override]
            nonlocal looks
            looks += 1
            return "x"

    steps = tuple(Counted.__new__(Counted) for _ in range(300))
    answers = tuple(
        {"question": "edge.latency.fastest", "value": "fp32", "after": "l250", "measured": [], "answered_utc": ""}
        for _ in range(500)
    )

    class Linked(PaperRecord):
        links = tuple(f"l{number}" for number in range(301))

    record: Any = Linked(steps, answers=answers)
    judge_answers(Evidence(record), {}, frozenset())
    assert looks < 20 * len(steps)
