"""More of what real classes hand in: odd members that cost nobody the rest, archives by other names, a file for each
part, clocks of boards without a battery."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grading.batch.outputs import OfClass, grade_class
from grading.checks.part import check_part
from grading.grade import Grade, GradeOptions
from tests.grading.exports import (
    Files,
    canvas,
    files_handed_in,
    files_of,
    folder_of,
    gradescope,
    renamed,
    tar_of,
    with_manifest,
    zip_of,
)
from tests.grading.forgeries.ways import BEGAN, relinked
from tests.grading.recorded import recorded
from tests.grading.students import FULL, hand_in, make_run, rewrite


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """The files that two students hand in, by NetID."""
    base = tmp_path_factory.mktemp("work")
    return {netid: files_handed_in(base, netid, seed) for netid, seed in (("ab123", 501), ("cd456", 502))}


@pytest.fixture
def mine(work: dict[str, Files]) -> Files:
    return dict(work["ab123"])


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., dict[str, Grade]]:
    """Grades the class in `in/`; the rows that count, by NetID. Every one of them is in the table."""

    def graded(parts: tuple[str, ...] = ("edge",)) -> dict[str, Grade]:
        out = tmp_path / "g" / "g.csv"
        found = grade_class([tmp_path / "in"], out, GradeOptions(parts=parts), of_class=OfClass(say=lambda _: None))
        counted = {each.netid: each for each in found if each.counts}
        assert [row["netid"] for row in csv.DictReader(out.open(encoding="utf-8"))] == list(counted)
        return counted

    return graded


# --- Archives ---


def zip_as(method: int) -> Callable[[Path, Files], Any]:
    def pack(folder: Path, files: Files) -> None:
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "ab123.zip", "w", method) as archive:
            for name, data in files.items():
                archive.writestr(name, data)

    return pack


def with_method(path: Path, name: bytes, method: int) -> Path:
    """The zip, one member said to be packed by another method."""
    data = bytearray(path.read_bytes())
    for magic, place, length, begin in ((b"PK\x03\x04", 8, 26, 30), (b"PK\x01\x02", 10, 28, 46)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            size = struct.unpack_from("<H", data, at + length)[0]
            if data[at + begin : at + begin + size] == name:
                struct.pack_into("<H", data, at + place, method)
    path.write_bytes(data)
    return path


def streamed(folder: Path, files: Files) -> None:
    """As a program writes a zip that cannot go back: sizes follow the data."""

    class Pipe(io.RawIOBase):
        written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, data in files.items():
            archive.writestr(name, data)
    folder_of(folder, {"ab123.zip": bytes(Pipe.written)})


def behind_a_program(folder: Path, files: Files) -> None:
    path = zip_of(folder / "ab123.zip", files)
    path.write_bytes(b"MZ" + bytes(5000) + path.read_bytes())


def unreadable_modes(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "ab123.zip", "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100000 << 16
            archive.writestr(info, data)


def absolute_tar_with_links(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(folder / "ab123.tgz", "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"/home/me/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"link-{kind.decode()}")
            member.type, member.linkname = kind, "/etc/shadow"
            archive.addfile(member)


def three_deep(folder: Path, files: Files) -> None:
    inner = zip_of(folder.parent / "t" / "1.zip", files).read_bytes()
    middle = zip_of(folder.parent / "t" / "2.zip", {"submission.zip": inner}).read_bytes()
    zip_of(folder / "ab123.zip", {"x/submission (1).zip": middle})


FORMS: dict[str, tuple[Callable[[Path, Files], Any], str]] = {
    "LZMA": (zip_as(zipfile.ZIP_LZMA), ""),
    "bzip2": (zip_as(zipfile.ZIP_BZIP2), ""),
    "not packed": (zip_as(zipfile.ZIP_STORED), ""),
    "written into a pipe": (streamed, ""),
    "behind a program that unpacks itself": (behind_a_program, ""),
    "files that nobody may read": (unreadable_modes, ""),
    "a tar that is called zip": (lambda folder, files: tar_of(folder / "ab123.zip", files), ""),
    "a zip that is called tar": (lambda folder, files: zip_of(folder / "ab123.tar.gz", files), ""),
    "a tar of absolute names and links": (absolute_tar_with_links, "holds a link or a device"),
    "a zip in a zip in a zip": (three_deep, ""),
    "a zip without a suffix in a folder": (lambda folder, files: zip_of(folder / "ab123" / "submission", files), ""),
    "a zip that a browser called txt": (lambda f, files: zip_of(f / "ab123" / "submission.zip.txt", files), ""),
    "two suffixes": (lambda folder, files: zip_of(folder / "ab123.zip.zip", files), ""),
    "a folder name with a space behind": (lambda f, files: zip_of(f / "ab123 " / "submission.zip", files), ""),
    "a member of a method that is not read": (
        lambda f, files: with_method(zip_of(f / "ab123.zip", {**files, "junk": b"x" * 500}), b"junk", 93),
        "packed in a way that is not read here (zip it again); not read: junk",
    ),
    "a damaged member of bzip2": (
        lambda f, files: with_method(zip_of(f / "ab123.zip", {**files, "junk": b"x" * 500}), b"junk", 12),
        "is damaged; not whole in it: junk",
    ),
    "a damaged member of LZMA": (
        lambda f, files: with_method(zip_of(f / "ab123.zip", {**files, "junk": b"x" * 500}), b"junk", 14),
        "is damaged; not whole in it: junk",
    ),
    "a name of emoji": (
        lambda f, files: zip_of(f / "ab123.zip", {**files, f"edge/figures/{chr(0x1F35C) * 80}.png": b"x"}),
        "",
    ),
    "a member in 1,500 folders": (
        lambda f, files: zip_of(f / "ab123.zip", {**files, f"{'a/' * 1500}x": b"x"}),
        "too deep in folders",
    ),
    "a member with a name of 6,000 bytes": (
        lambda f, files: zip_of(f / "ab123.zip", {**files, f"{'abcdefgh/' * 700}x": b"x"}),
        "too deep in folders",
    ),
    "other people's packages beside it": (
        lambda f, files: zip_of(f / "ab123.zip", {**files, ".venv/edge/record.json": b"{}", ".git/config": b"x"}),
        "",
    ),
    "a folder in capitals": (
        lambda f, files: zip_of(f / "ab123.zip", renamed(files, lambda name: name.replace("edge/", "Edge/"))),
        "edge/record.json",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_submission_in_any_form_earns_its_points(
    tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]], form: str
) -> None:
    make, remark = FORMS[form]
    make(tmp_path / "in", mine)
    (row,) = rows().values()
    assert (row.netid, row.points, row.parts[0].trust, row.parts[0].doubts) == ("ab123", FULL, "plausible", ())
    assert remark in "; ".join(row.problems) if remark else row.problems == ()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("ab123.zip", b"<!DOCTYPE html><html>Sign in", "is a web page, such as that of a sign-in"),
        ("ab123.zip", b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        ("ab123.url", b"[InternetShortcut]\nURL=https://drive.example", "is a link to a web page"),
        ("ab123.zip.gz", gzip.compress(b"PK"), "is a gzip file"),
        ("ab123.tar.zst", b"\x28\xb5\x2f\xfd", "is a Zstandard file"),
        ("doejane_1234_text.html", b"<p>my answer</p>", "not a whole zip file"),
        ("doejane_LATE_1234_link.html", b"<a>", "not a whole zip file"),
    ],
)
def test_what_is_no_archive_is_a_row_that_says_what_it_is(
    tmp_path: Path, work: dict[str, Files], rows: Callable[..., dict[str, Grade]], name: str, data: bytes, told: str
) -> None:
    folder_of(tmp_path / "in", {name: data})
    zip_of(tmp_path / "in" / "cd456.zip", work["cd456"])
    found = rows()
    lost = found.pop("doejane" if name.startswith("doe") else "ab123")
    assert list(found) == ["cd456"] and lost.points == 0 and told in lost.problems[0]


def test_a_zip_of_a_method_that_nobody_reads_says_to_zip_it_again(
    tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]]
) -> None:
    path = zip_of(tmp_path / "in" / "ab123.zip", mine)
    for name in mine:
        with_method(path, name.encode(), 9)
    problems = "; ".join(rows()["ab123"].problems)
    assert "nothing in it could be read" in problems and "(zip it again)" in problems


def test_a_bomb_of_bombs_and_one_of_overlapping_members_end_and_cost_nobody_else(
    tmp_path: Path, work: dict[str, Files], rows: Callable[..., dict[str, Grade]]
) -> None:
    data = zip_of(tmp_path / "t" / "0.zip", {"a": b"x"}).read_bytes()
    for level in range(6):
        data = zip_of(tmp_path / "t" / f"q{level}.zip", {f"{n}.zip": data for n in range(12)}).read_bytes()
    folder_of(tmp_path / "in", {"ab123.zip": data})
    path = zip_of(tmp_path / "in" / "ef789.zip", {"big": bytes(30_000_000)})
    whole = path.read_bytes()
    begin, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entries = b"".join(whole[begin:end].replace(b"big", b"b%02d" % n) for n in range(90))
    path.write_bytes(
        whole[:begin] + entries + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 90, 90, len(entries), begin, 0)
    )
    zip_of(tmp_path / "in" / "cd456.zip", work["cd456"])
    found = rows()
    assert found["cd456"].points == FULL and "unpacks to 2700 MB" in found["ef789"].problems[0]
    assert found["ab123"].points == 0


# --- Exports ---


@pytest.mark.parametrize("system", ["canvas", "gradescope", "plain"])
def test_a_whole_export_that_is_still_packed_is_no_students_submission(
    tmp_path: Path, work: dict[str, Files], rows: Callable[..., dict[str, Grade]], system: str
) -> None:
    export = tmp_path / "export"
    export.mkdir()
    zips = [zip_of(tmp_path / "t" / f"{netid}.zip", files) for netid, files in work.items()]
    if system == "gradescope":
        gradescope(export, [(["ab123"], zips[0]), (["cd456"], zips[1])])
    for number, path in enumerate(zips):
        if system == "canvas":
            canvas(export, number, path.stem, path)
        elif system == "plain":
            shutil.copy(path, export)
    packed = {path.relative_to(export).as_posix(): path.read_bytes() for path in export.rglob("*") if path.is_file()}
    zip_of(tmp_path / "in" / "download.zip", packed)
    (row,) = rows().values()
    assert row.netid == "download" and row.points == 0
    assert row.problems[0].endswith("is a whole class's export, not a submission: unpack it, and grade the folder")


def test_what_a_system_leaves_beside_submissions_is_nobody(
    tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]]
) -> None:
    zip_of(tmp_path / "in" / "ab123.zip", mine)
    folder_of(tmp_path / "in", dict.fromkeys(("~$notes.docx", "Icon\r", "desktop.ini", "._ab123.zip"), b"x"))
    assert list(rows()) == ["ab123"]


@pytest.mark.parametrize("nothing", ["~", "null", "''", ""])
def test_gradescope_may_know_no_address_and_no_number(
    tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]], nothing: str
) -> None:
    (tmp_path / "in").mkdir()
    gradescope(tmp_path / "in", [(["ab123"], zip_of(tmp_path / "a.zip", mine))])
    listed = tmp_path / "in" / "submission_metadata.yml"
    text = listed.read_text().replace("ab123@nyu.edu", nothing).replace("N0000001", nothing)
    listed.write_text("\ufeff" + text.replace("\n", "\r\n"))
    (row,) = rows().values()
    assert (row.netid, row.name, row.points, row.problems) == ("ab123", "Jane ab123", FULL, ())


def test_a_list_of_gradescopes_runs_nothing(tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]]) -> None:
    (tmp_path / "in").mkdir()
    gradescope(tmp_path / "in", [(["ab123"], zip_of(tmp_path / "a.zip", mine))])
    with (tmp_path / "in" / "submission_metadata.yml").open("a") as file:
        file.write(f"submission_9: !!python/object/apply:os.system ['touch {tmp_path / 'owned'}']\n")
    assert rows()["ab123"].points == FULL and not (tmp_path / "owned").exists()


# --- A file for each part ---


@pytest.fixture(scope="module")
def other_part(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What ab123 hands in of Part 1 alone."""
    base = tmp_path_factory.mktemp("model")
    return files_of(hand_in(recorded("records_v2/model", base), "ab123", base / "out", pdf=False).zip)


@pytest.mark.parametrize("how", ["in a folder", "two files of one attempt in Canvas", "a zip of zips"])
def test_a_zip_for_each_part_counts_for_all_parts(
    tmp_path: Path, mine: Files, other_part: Files, rows: Callable[..., dict[str, Grade]], how: str
) -> None:
    zips = {name: zip_of(tmp_path / "t" / f"{name}.zip", files) for name, files in (("e", mine), ("m", other_part))}
    if how == "in a folder":
        folder_of(tmp_path / "in", {f"ab123/{path.name}": path.read_bytes() for path in zips.values()})
    elif how == "a zip of zips":
        zip_of(tmp_path / "in" / "ab123.zip", {path.name: path.read_bytes() for path in zips.values()})
    else:
        for number, path in enumerate(zips.values()):
            folder_of(tmp_path / "in", {f"doejane_1234_{567 + number}_{path.name}": path.read_bytes()})
    (row,) = rows(("model", "edge")).values()
    assert [part.part for part in row.parts] == ["model", "edge"] and all(part.digest for part in row.parts)
    assert row.parts[1].points == FULL and row.parts[0].points > 0
    assert "part " in "; ".join(row.problems)


def test_a_part_in_the_newest_attempt_is_not_replaced_by_an_older_one(
    tmp_path: Path, mine: Files, rows: Callable[..., dict[str, Grade]]
) -> None:
    half = files_handed_in(tmp_path / "half", "ab123", 503)
    for number, files in enumerate((mine, with_manifest(half, netid="ab123"))):
        folder_of(tmp_path / "in", {f"doejane_1234_{567 + number}_s.zip": zip_of(tmp_path / "s", files).read_bytes()})
    (row,) = rows().values()
    run = json.loads(half["manifest.json"])["runs"][0]["digest"]
    assert row.parts[0].digest == run and not any("was taken from" in problem for problem in row.problems)


# --- Clocks ---

YEARS = -56 * 365.25 * 86400


def moved(text: str, seconds: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def set_at(step: int, inside: bool) -> Callable[[dict[str, Any]], None]:
    """A board without a clock's battery begins in 1970; the network sets its clock at that step."""

    def edit(content: dict[str, Any]) -> None:
        content["created_utc"] = moved(content["created_utc"], YEARS)
        for each in content["steps"]:
            if each["index"] < step + inside:
                each["started_utc"] = moved(each["started_utc"], YEARS)
            if each["index"] < step:
                each["ended_utc"] = moved(each["ended_utc"], YEARS)
        for answer in content["answers"]:
            if not answer["measured"]:
                answer["answered_utc"] = moved(answer["answered_utc"], YEARS)

    return edit


@pytest.mark.parametrize(("step", "inside"), [(5, True), (5, False), (10_000, False)])
def test_a_board_whose_clock_begins_in_1970_loses_no_point_and_stays_plausible(
    tmp_path: Path, step: int, inside: bool
) -> None:
    run = make_run(tmp_path, 33, began=BEGAN)
    rewrite(run, set_at(step, inside))
    relinked(run)
    found = check_part(run, netid="ab123")
    assert (found.points, found.trust) == (FULL, "plausible"), found.doubts
