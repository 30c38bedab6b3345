"""submission.zip is packed within what grading reads, and its manifest is held against its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grading.submission import archive
from grading.submission.archive import Member, pack
from grading.submission.unpack import unpack
from snippets.errors import SubmissionError
from snippets.files import sha256_bytes
from snippets.record.run import Run
from tests.grading.submission.handed_in import collected


def test_a_changed_or_missing_file_shows_against_the_manifest(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    samples = next((made.folder / "model/samples").iterdir())
    samples.write_bytes(b"else")
    (made.folder / "submission.pdf").unlink()
    problems = archive.manifest_problems(made.folder)
    assert len(problems) == 2 and any("changed" in p for p in problems) and any("missing" in p for p in problems)


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
    unpack(tmp_path / "s.zip", tmp_path / "read")
    for member in files:
        assert (tmp_path / "read" / member.name).read_bytes() == member.path.read_bytes()
        assert (tmp_path / "s" / member.name).read_bytes() == member.path.read_bytes()
    assert archive.manifest_problems(tmp_path / "read") == []


def test_no_more_files_are_packed_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    files = members(tmp_path / "from", record=10, samples=20, figure=30)
    manifest, left = pack(tmp_path / "s.zip", tmp_path / "s", files, {})
    assert list(manifest["files"]) == ["model/record", "model/samples"]  # and the manifest itself
    assert [(item.name, item.reason) for item in left] == [("model/figure", "more than 3 files")]


def test_no_more_is_packed_than_may_come_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 4_000_000 + 5000)
    (tmp_path / "from").mkdir()
    for name, size in (("record", 10), ("log", 100_000)):
        (tmp_path / "from" / name).write_bytes(bytes(size))
    files = [Member(name, tmp_path / "from" / name, rank) for rank, name in enumerate(("record", "log"))]
    assert [item.name for item in pack(tmp_path / "s.zip", tmp_path / "s", files, {})[1]] == ["log"]


def test_a_name_that_is_no_utf_8_is_left_out_with_the_remedy(tmp_path: Path) -> None:
    files = members(tmp_path / "from", record=10)
    odd = Member("model/figures/\udcff.png", files[0].path, 4)
    _, left = pack(tmp_path / "s.zip", tmp_path / "s", [*files, odd], {})
    assert [(item.name, item.reason) for item in left] == [
        ("model/figures/\\udcff.png", "its name is no UTF-8; rename it")
    ]


@pytest.mark.parametrize(
    "name",
    ["screens/Bildschirmfoto um 10:12:33.png", "figures/my\\plot.png", "figures/" + "n" * 230 + ".png", "a/b:c/d.txt"],
)
def test_any_name_that_is_packed_is_read_again(tmp_path: Path, name: str) -> None:
    files = [*members(tmp_path / "from", record=10)]
    pack(tmp_path / "s.zip", tmp_path / "s", [*files, Member(name, files[0].path, 4)], {})
    assert unpack(tmp_path / "s.zip", tmp_path / "read") == []
    assert archive.manifest_problems(tmp_path / "read") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "manifest.json is missing"),
        ("{", "manifest.json cannot be read"),
        ("[]", "manifest.json cannot be read"),
        ('{"files": {"a": 3}}', "manifest.json cannot be read"),
        ('{"files": {"../secret": {"sha256": "0"}}}', "../secret is missing"),
        ('{"files": {"/etc/hostname": {"sha256": "0"}}}', "/etc/hostname is missing"),
        ('{"files": {"/dev/zero": {"sha256": "0"}}}', "/dev/zero is missing"),
        ('{"files": {"": {"sha256": "0"}}}', " is missing"),
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


def test_a_link_in_the_folder_is_never_followed_for_the_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    digest = archive.sha256_file(tmp_path / "secret")
    (folder / "manifest.json").write_text(json.dumps({"files": {"link": {"sha256": digest}}}))
    assert archive.manifest_problems(folder) == ["link is missing"]


def test_other_line_ends_and_a_byte_order_mark_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf{\r\n}\r\n")
    (tmp_path / "b.npy").write_bytes(b"")
    files = {"a.json": {"sha256": sha256_bytes(b"{\n}\n")}, "b.npy": {"sha256": "0"}}
    (tmp_path / "manifest.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"files": files}).encode())
    assert archive.manifest_problems(tmp_path) == ["b.npy is empty"]


@pytest.mark.parametrize(
    ("manifest", "names"), [({"left_out": 5}, []), ({"left_out": [3, {"name": "a"}]}, ["a"]), ({}, [])]
)
def test_what_was_left_out_is_whatever_of_it_can_be_read(manifest: dict, names: list[str]) -> None:
    assert archive.left_out(manifest) == names
