"""Archives and folders become plain files of our own: nothing leaves the folder, and nothing honest is refused."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from grading.errors import UnsafeArchive
from grading.submission import unpack as unpacking
from grading.submission.unpack import copy_folder, stored_name, unpack
from snippets.errors import SubmissionError


def zipped(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("C:/Users/me/edge/record.json", "Users/me/edge/record.json"),
        ("/home/me/edge/record.json", "home/me/edge/record.json"),
        ("./edge/./record.json", "edge/record.json"),
        ("edge//record.json", "edge/record.json"),
        ("screens/10:12:33.png", "screens/10:12:33.png"),
        ("C:", ""),
        ("./", ""),
    ],
)
def test_a_name_is_kept_below_the_folder(name: str, stored: str) -> None:
    assert stored_name(name) == stored


def test_a_name_too_long_for_a_file_system_is_shortened_and_stays_apart_from_others() -> None:
    first, second = (stored_name(f"a/{'x' * 400}{end}.png") for end in "12")
    assert first != second and first.endswith(".png") and max(map(len, first.split("/"))) < 200


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("../up.txt", b"x", 0o644), "leads out"),
        (("a/../../b", b"x", 0o644), "leads out"),
        (("link", b"/etc/passwd", 0o120777), "link or a device"),
        (("pipe", b"", 0o010644), "link or a device"),
        (("device", b"", 0o020644), "link or a device"),
    ],
)
def test_what_is_dangerous_is_left_behind_and_the_rest_is_read(
    tmp_path: Path, entry: tuple[str, bytes, int], message: str
) -> None:
    path = zipped(tmp_path / "bad.zip", entry, ("good.txt", b"fine", 0o644))
    (remark,) = unpack(path, tmp_path / "into" / "deep")
    assert message in remark and files_in(tmp_path / "into") == {"deep/good.txt": b"fine"}
    assert not list(tmp_path.glob("*.txt"))


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"", "is empty"), (b"PK\x03\x04 nothing", "is damaged"), (b"%PDF-1.7", "a PDF"), (b"Rar!..", "a RAR")],
)
def test_a_file_that_is_no_zip_is_refused_in_words(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(SubmissionError, match=f"{what}.*not a whole zip"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


def test_half_a_zip_is_refused_without_a_path_of_ours(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "x.zip", ("a.txt", os.urandom(5000), 0o644)).read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SubmissionError, match="not a whole zip") as refusal:
        unpack(tmp_path / "x.zip", tmp_path / "into")
    assert str(tmp_path) not in str(refusal.value)


def test_an_encrypted_zip_is_refused_with_the_remedy(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "x.zip", ("a.txt", b"x", 0o644)).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    (tmp_path / "x.zip").write_bytes(bytes(data))
    with pytest.raises(UnsafeArchive, match="without a password"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


def test_a_white_picture_and_a_long_output_are_no_bombs(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("page.bmp", b"\xff" * 6_000_000, 0o644), ("nb.ipynb", b"x" * 3_000_000, 0o644))
    assert unpack(path, tmp_path / "into") == []
    assert {name: len(data) for name, data in files_in(tmp_path / "into").items()} == {
        "page.bmp": 6_000_000,
        "nb.ipynb": 3_000_000,
    }


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 2500)
    path = zipped(tmp_path / "full.zip", *((name, bytes(1000), 0o644) for name in "abc"))
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        unpack(path, tmp_path / "into")
    assert files_in(tmp_path / "into") == {}


def test_of_too_many_files_those_of_the_run_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_FILES", 2)
    names = ["a", "b", "edge/record.json", "edge/samples/0.npy", "z"]
    (remark,) = unpack(zipped(tmp_path / "many.zip", *((name, b"x", 0o644) for name in names)), tmp_path / "into")
    assert set(files_in(tmp_path / "into")) == {"edge/record.json", "edge/samples/0.npy"}
    assert "holds 5 files; at most 2 are read" in remark


def test_folders_written_with_backslashes_are_folders(tmp_path: Path) -> None:
    unpack(zipped(tmp_path / "w.zip", ("edge\\record.json", b"{}", 0), ("edge\\", b"", 0)), tmp_path / "into")
    assert files_in(tmp_path / "into") == {"edge/record.json": b"{}"}


def test_a_backslash_in_a_name_beside_real_folders_is_a_backslash(tmp_path: Path) -> None:
    unpack(zipped(tmp_path / "w.zip", ("figures/my\\plot.png", b"p", 0)), tmp_path / "into")
    assert files_in(tmp_path / "into") == {"figures/my\\plot.png": b"p"}


@pytest.mark.parametrize("order", [0, 1])
def test_a_name_that_is_both_file_and_folder_is_the_folder_and_said_so(tmp_path: Path, order: int) -> None:
    entries = [("edge", b"x", 0o644), ("edge/record.json", b"{}", 0o644)]
    (remark,) = unpack(zipped(tmp_path / "x.zip", *(entries if order else entries[::-1])), tmp_path / "into")
    assert files_in(tmp_path / "into") == {"edge/record.json": b"{}"} and "a file and a folder of one name" in remark


def test_a_damaged_member_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("a.txt", b"first file, whole", 0o644), ("b.txt", b"second", 0o644))
    data = bytearray(path.read_bytes())
    data[data.index(b"a.txt") + 7] ^= 0xFF
    path.write_bytes(bytes(data))
    (remark,) = unpack(path, tmp_path / "into")
    assert files_in(tmp_path / "into") == {"b.txt": b"second"} and "damaged" in remark and "a.txt" in remark


def test_what_a_mac_adds_is_no_part_of_it(tmp_path: Path) -> None:
    names = ["__MACOSX/edge/._record.json", "edge/._record.json", ".DS_Store", "edge/record.json"]
    assert unpack(zipped(tmp_path / "x.zip", *((name, b"x", 0o644) for name in names)), tmp_path / "into") == []
    assert set(files_in(tmp_path / "into")) == {"edge/record.json"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_archive_is_read_like_a_zip(tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "s.tar.gz", mode) as target:  # type: ignore[call-overload]
        for name, kind in (("edge/record.json", tarfile.REGTYPE), ("../up", tarfile.REGTYPE), ("l", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, 2 * (kind == tarfile.REGTYPE), "/etc/passwd"
            target.addfile(member, io.BytesIO(b"{}"))
    remarks = unpack(tmp_path / "s.tar.gz", tmp_path / "into")
    assert files_in(tmp_path).keys() >= {"into/edge/record.json"} and len(remarks) == 2
    assert not (tmp_path / "up").exists() and not (tmp_path / "into" / "l").exists()


def test_of_a_folder_only_plain_files_are_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "handed-in"
    (folder / "edge").mkdir(parents=True)
    (folder / "edge" / "record.json").write_text("{}")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "edge" / "pipe")
    (remark,) = copy_folder(folder, tmp_path / "into")
    assert files_in(tmp_path / "into") == {"edge/record.json": b"{}"}
    assert all(name in remark for name in ("link", "elsewhere", "edge/pipe"))


def test_backslashes_that_a_system_left_in_names_are_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "edge\\record.json").write_text("{}")
    assert copy_folder(tmp_path / "in", tmp_path / "into") == []
    assert files_in(tmp_path / "into") == {"edge/record.json": b"{}"}
