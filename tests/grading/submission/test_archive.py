"""submission.zip is packed within its cap and unpacked without trusting it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from grading.errors import UnsafeArchive
from grading.submission import archive
from grading.submission.archive import Member, pack
from snippets.errors import SubmissionError
from snippets.record.run import Run
from tests.grading.submission.handed_in import collected


def test_a_changed_or_missing_file_shows_against_the_manifest(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    samples = next((made.folder / "model/samples").iterdir())
    samples.write_bytes(b"else")
    (made.folder / "submission.pdf").unlink()
    problems = archive.manifest_problems(made.folder)
    assert len(problems) == 2 and any("changed" in p for p in problems) and any("missing" in p for p in problems)


def zipped(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return path


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("../up.txt", b"x", 0o644), "leads out"),
        (("/etc/passwd", b"x", 0o644), "leads out"),
        (("a/../../b", b"x", 0o644), "leads out"),
        (("C:\\x", b"x", 0o644), "leads out"),
        (("link", b"/etc/passwd", 0o120777), "link or a device"),
        (("pipe", b"", 0o010644), "link or a device"),
        (("bomb", bytes(50_000_000), 0o644), "unpacks to 50 MB"),
    ],
)
def test_a_dangerous_archive_is_refused(tmp_path: Path, entry: tuple[str, bytes, int], message: str) -> None:
    path = zipped(tmp_path / "bad.zip", entry)
    with pytest.raises(UnsafeArchive, match=message):
        archive.unpack(path, tmp_path / "into" / "deep")
    assert not list(tmp_path.glob("*.txt"))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"%PDF-1.7"])
def test_a_file_that_is_no_zip_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(SubmissionError, match="not a whole zip"):
        archive.unpack(tmp_path / "x.zip", tmp_path / "into")


def members(folder: Path, **sizes: int) -> list[Member]:
    """Files that no compression makes smaller, of these sizes and, in this order, of rank 0, 1 and so on."""
    folder.mkdir()
    for name, size in sizes.items():
        (folder / name).write_bytes(np.random.default_rng(size).bytes(size))
    return [Member(f"model/{name}", folder / name, rank) for rank, name in enumerate(sizes)]


def test_what_does_not_fit_is_left_out_by_rank_and_what_comes_later_may_still_fit(tmp_path: Path) -> None:
    files = members(tmp_path / "from", record=10_000, big=90_000, small=10_000)
    manifest, left = pack(tmp_path / "s.zip", tmp_path / "s", files, {"netid": "ab123"}, cap_bytes=250_000)
    assert list(manifest["files"]) == ["model/record", "model/small"] and manifest["netid"] == "ab123"
    assert [(item.name, item.bytes) for item in left] == [("model/big", 90_000)]
    assert manifest["left_out"][0]["reason"] == left[0].reason == "more than fits into 0 MB"


def test_of_two_files_that_do_not_fit_together_the_one_of_lower_rank_is_taken(tmp_path: Path) -> None:
    files = members(tmp_path / "from", record=10_000, samples=30_000, figure=29_000)
    manifest, left = pack(tmp_path / "s.zip", tmp_path / "s", files, {}, cap_bytes=250_000)
    assert list(manifest["files"]) == ["model/record", "model/samples"]
    assert [item.name for item in left] == ["model/figure"]


def test_a_record_that_alone_is_too_large_is_refused_with_what_to_do(tmp_path: Path) -> None:
    files = members(tmp_path / "from", record=90_000)
    with pytest.raises(SubmissionError, match="model/record alone.*Run the lab again"):
        pack(tmp_path / "s.zip", tmp_path / "s", files, {}, cap_bytes=250_000)


def test_what_is_packed_comes_out_again_and_agrees_with_its_manifest(tmp_path: Path) -> None:
    files = members(tmp_path / "from", record=1000, samples=2000)
    pack(tmp_path / "s.zip", tmp_path / "s", files, {})
    archive.unpack(tmp_path / "s.zip", tmp_path / "read")
    for member in files:
        assert (tmp_path / "read" / member.name).read_bytes() == member.path.read_bytes()
        assert (tmp_path / "s" / member.name).read_bytes() == member.path.read_bytes()
    assert archive.manifest_problems(tmp_path / "read") == []


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    path = zipped(tmp_path / "many.zip", *((name, b"x", 0o644) for name in "abc"))
    with pytest.raises(UnsafeArchive, match="holds 3 files; at most 2"):
        archive.unpack(path, tmp_path / "into")


def test_many_small_files_may_not_fill_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 2500)
    path = zipped(tmp_path / "full.zip", *((name, bytes(1000), 0o644) for name in "abc"))
    with pytest.raises(UnsafeArchive, match="unpacks to more than"):
        archive.unpack(path, tmp_path / "into")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "manifest.json is missing"),
        ("{", "manifest.json cannot be read"),
        ("[]", "manifest.json cannot be read"),
        ('{"files": {"a": 3}}', "manifest.json cannot be read"),
        ('{"files": {"../secret": {"sha256": "0"}}}', "../secret is missing"),
        ('{"files": {}}', None),
    ],
)
def test_a_manifest_of_no_form_is_a_problem_and_no_crash(tmp_path: Path, text: str | None, problem: str | None) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    if text is not None:
        (folder / "manifest.json").write_text(text)
    assert archive.manifest_problems(folder) == ([] if problem is None else [problem])
