"""Files appear whole or not at all, an error of the disk names its remedy, and equal content has one hash."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from snippets import files
from snippets.errors import StorageError


def test_equal_values_have_one_canonical_text() -> None:
    assert files.canonical({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.canonical(float("nan"))


def test_bytes_text_and_file_of_one_content_have_one_hash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("soup")
    expected = hashlib.sha256(b"soup").hexdigest()
    assert files.sha256_bytes(b"soup") == files.sha256_text("soup") == files.sha256_file(tmp_path / "file") == expected


def test_a_file_is_replaced_when_its_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with files.replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path) as partial:
        partial.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full: .*model.onnx.* choose another disk with SERVELAB_CACHE"),
        (errno.EDQUOT, "The disk is full: .*model.onnx"),
        (errno.EFBIG, "The disk is full: .*model.onnx"),
        (errno.EACCES, "model.onnx cannot be written"),
        (errno.EROFS, "model.onnx cannot be written .* a folder you may write with SERVELAB_CACHE"),
    ],
)
def test_a_disk_that_takes_nothing_more_is_an_error_with_a_remedy(tmp_path: Path, number: int, says: str) -> None:
    with pytest.raises(StorageError, match=says), files.replacing(tmp_path / "model.onnx", "SERVELAB_CACHE"):
        raise OSError(number, "no")


def test_a_file_that_cannot_even_be_begun_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=f"The disk is full: {tmp_path}/a could not be written"):
        files.write_atomic(tmp_path / "a", b"text")


def test_another_error_of_the_system_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "model.onnx"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_waiting_for_the_disk_is_asked_for_and_its_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "head", []
    monkeypatch.setattr(os, "fsync", synced.append)
    files.write_atomic(path, b"one")
    assert path.read_bytes() == b"one" and synced == []
    files.write_atomic(path, b"two", durable=True)
    assert path.read_bytes() == b"two" and len(synced) == 1

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="The disk is full.* choose another disk with --runs"):
        files.write_atomic(path, b"three", durable=True)
    assert path.read_bytes() == b"two" and list(tmp_path.iterdir()) == [path]


def test_the_remedy_names_the_setting_that_chooses_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "choose another disk with --runs, and run again" in str(files.storage_error(full, tmp_path))

    def refuse(*_: object) -> None:
        raise full

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="choose another disk with --out, and run again"):
        files.write_atomic(tmp_path / "a", b"text", durable=True, setting="--out")


def test_pieces_are_written_one_behind_the_other(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "text", [b"soup", b" and ", b"bread"], durable=True)
    files.write_atomic(tmp_path / "other", b"rice")
    assert (tmp_path / "text").read_bytes() == b"soup and bread" and (tmp_path / "other").read_bytes() == b"rice"


def test_the_cache_is_the_folder_given_else_the_variables_else_the_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_CACHE", "/of/the/variable")
    assert files.cache_folder("/given") == Path("/given")
    assert files.cache_folder() == Path("/of/the/variable")
    monkeypatch.delenv("SERVELAB_CACHE")
    assert files.cache_folder() == Path.home() / ".cache" / "servelab"


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    for _ in range(2):
        with files.building(tmp_path / "made") as partial:
            if partial is not None:
                (partial / "once").write_text("x")
            else:
                assert (tmp_path / "made" / "once").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_a_killed_process_left_of_a_folder_is_cleared_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".made.999999999.partial").mkdir()
    with files.building(tmp_path / "made") as partial:
        assert partial is not None
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def packed(*members: tarfile.TarInfo) -> tarfile.TarFile:
    """An archive of empty members, open for reading."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member in members:
            archive.addfile(member)
    content.seek(0)
    return tarfile.open(fileobj=content)


@pytest.fixture(params=["this Python's filter", "a Python without filters"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "a Python without filters":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


@pytest.mark.usefixtures("filters")
def test_an_archive_is_unpacked_whole_or_by_members(tmp_path: Path) -> None:
    with packed(tarfile.TarInfo("a/b"), tarfile.TarInfo("c")) as archive:
        files.unpack_tar(archive, tmp_path / "all")
        files.unpack_tar(archive, tmp_path / "one", [archive.getmember("c")])
    assert (tmp_path / "all/a/b").is_file() and (tmp_path / "all/c").is_file()
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["c"]


@pytest.mark.usefixtures("filters")
@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "link"])
def test_nothing_in_an_archive_leaves_its_folder(tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with packed(member) as archive, pytest.raises(tarfile.TarError):
        files.unpack_tar(archive, tmp_path / "folder")
    assert not (tmp_path / "outside").exists() and not (tmp_path / "folder/link").exists()


def test_the_folder_that_a_living_process_fills_is_left_to_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / f".made.{other.pid}.partial").mkdir()
        with files.building(tmp_path / "made"):
            pass
        assert other.poll() is None, "asking whether it lives does not end it"
        assert sorted(path.name for path in tmp_path.iterdir()) == [f".made.{other.pid}.partial", "made"]
        other.communicate(b"\n")
    assert other.returncode == 0
