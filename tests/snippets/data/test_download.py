"""A file arrives whole and checked over a bad connection, or there is one clear error."""

from __future__ import annotations

import socket

import pytest

from snippets.data import download as download_module
from snippets.data.download import download
from snippets.errors import DataError, StorageError
from tests.snippets.data.mirror import CHECKSUM, CONTENT


def get(mirror, tmp_path, sha256=CHECKSUM):
    return download(mirror.url, tmp_path / "file.zip", sha256, pause_s=0)


def test_a_file_is_downloaded_and_checked(mirror, tmp_path):
    assert get(mirror, tmp_path).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file.zip"]


def test_a_file_that_is_there_is_not_fetched_again(mirror, tmp_path):
    get(mirror, tmp_path)
    get(mirror, tmp_path)
    assert mirror.asked == [None]


def test_a_cut_connection_is_continued_from_the_byte_where_it_broke(mirror, tmp_path):
    mirror.cut_after = [300_001, 100_000, 1]
    assert get(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [None, "bytes=300001-", "bytes=400001-", "bytes=400002-"]


def test_a_new_run_continues_what_an_earlier_one_left(mirror, tmp_path):
    mirror.cut_after = [250_000] + [0] * download_module.FRUITLESS_ATTEMPTS
    with pytest.raises(DataError, match=r"cut, 4 times in a row.*250,000 bytes that came are kept"):
        get(mirror, tmp_path)
    mirror.asked.clear()
    assert get(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == ["bytes=250000-"]


def test_a_server_without_ranges_is_asked_for_all_of_it_again(mirror, tmp_path):
    mirror.ranges, mirror.cut_after = False, [300_000]
    assert get(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [None, "bytes=300000-"]


def test_a_file_that_changed_between_attempts_is_begun_anew(mirror, tmp_path):
    mirror.cut_after = [300_000] + [0] * 4
    with pytest.raises(DataError):
        get(mirror, tmp_path)
    mirror.tag, mirror.content = '"two"', CONTENT[::-1]
    assert get(mirror, tmp_path, "").read_bytes() == CONTENT[::-1]


def test_a_file_that_shrank_is_begun_anew(mirror, tmp_path):
    mirror.cut_after = [300_000] + [0] * 4
    with pytest.raises(DataError):
        get(mirror, tmp_path)
    mirror.content = CONTENT[:1000]
    assert get(mirror, tmp_path, "").read_bytes() == CONTENT[:1000]


def test_a_partial_file_of_unknown_origin_is_not_trusted(mirror, tmp_path):
    (tmp_path / "file.zip.part").write_bytes(b"from elsewhere")
    assert get(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [None]


def test_a_server_that_does_not_state_the_length_is_checked_by_the_sum(mirror, tmp_path):
    mirror.length = False
    assert get(mirror, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_removes_the_file_and_says_so(mirror, tmp_path):
    with pytest.raises(DataError, match="checksum .* instead of 0000"):
        get(mirror, tmp_path, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_passing_server_error_is_waited_out(mirror, tmp_path):
    mirror.statuses = [503, 429]
    assert get(mirror, tmp_path).read_bytes() == CONTENT


def test_a_missing_file_is_an_error_at_once(mirror, tmp_path):
    mirror.statuses = [404]
    with pytest.raises(DataError, match="answered 404"):
        get(mirror, tmp_path)
    assert len(mirror.asked) == 1


def test_no_server_at_all_is_an_error_after_a_few_attempts(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        with pytest.raises(DataError, match="refused, 4 times in a row"):
            download(f"http://127.0.0.1:{closed.getsockname()[1]}/x.zip", tmp_path / "x.zip", pause_s=0)


def test_a_full_disk_is_a_storage_error(mirror, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download_module, "write_facts", full)
    with pytest.raises(StorageError, match="disk is full"):
        get(mirror, tmp_path)
