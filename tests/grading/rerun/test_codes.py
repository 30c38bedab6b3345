"""Codes: one a student, from a secret that is made once, recognised, and shown to nobody."""

from __future__ import annotations

import base64
import csv
import hmac
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

import servelab
from grading.rerun.codes import MARK, code_of, make_secret, read_secret, write_codes
from snippets.errors import StorageError, UsageError
from snippets.model.challenge import read_code

SECRET = b"0123456789abcdef"


def test_a_code_is_the_netids_however_it_is_written() -> None:
    signs = base64.b32encode(hmac.digest(SECRET, b"servelab challenge 1\0ab123", "sha256")[:10]).decode()
    assert code_of(SECRET, "ab123").replace("-", "")[:16] == signs
    assert code_of(SECRET, "ab123") == code_of(SECRET, " AB123 ") == code_of(SECRET, "ab123@nyu.edu")
    assert len({code_of(SECRET, "ab123"), code_of(SECRET, "ab124"), code_of(SECRET + b"x", "ab123")}) == 3
    assert read_code(code_of(SECRET, "ab123")) == code_of(SECRET, "ab123")


def test_a_new_secret_is_its_owners_only_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "course"
    assert "give it to nobody" in make_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = read_secret(path)
    assert len(first) == 64 and path.read_bytes() == MARK + first + b"\n"
    with pytest.raises(UsageError, match="is there already"):
        make_secret(path)
    assert read_secret(path) == first
    with pytest.raises(StorageError):
        make_secret(tmp_path / "nowhere" / "course")


def test_an_editor_may_have_been_at_it(tmp_path: Path) -> None:
    path = tmp_path / "course"
    path.write_bytes(b"\xef\xbb\xbf" + MARK + SECRET + b"\r\n\r\n")
    assert read_secret(path) == SECRET


@pytest.mark.parametrize("content", [b"", b"netid\nab1\n", MARK, MARK + b"short\n", b"0123456789abcdef" * 4])
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "course"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no secret of `servelab challenge`"):
        read_secret(path)


def test_a_secret_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Make a secret: servelab challenge --new"):
        read_secret(tmp_path / "course")


def test_the_table_is_for_a_mail_merge(tmp_path: Path) -> None:
    told = write_codes(SECRET, ["AB1", "=cmd"], tmp_path / "codes.csv")
    assert "2 codes" in told
    rows = list(csv.reader((tmp_path / "codes.csv").open()))
    assert rows == [["netid", "code"], ["ab1", code_of(SECRET, "ab1")], ["'=cmd", code_of(SECRET, "=cmd")]]


def test_the_command_makes_secret_and_codes_and_says_nothing_of_the_secret(tmp_path: Path) -> None:
    roster = tmp_path / "class.csv"
    roster.write_text("netid\nab1\ncd2\n")
    words = [
        "challenge",
        "--secret-file",
        str(tmp_path / "s"),
        "--roster",
        str(roster),
        "--out",
        str(tmp_path / "c.csv"),
    ]
    first = CliRunner().invoke(servelab.cli, [*words, "--new"])
    assert first.exit_code == 0, first.output
    secret = read_secret(tmp_path / "s")
    assert secret.decode() not in first.output and "2 codes" in first.output
    before = (tmp_path / "c.csv").read_text()
    again = CliRunner().invoke(servelab.cli, words)  # a student more, or a lost file: the same codes
    assert again.exit_code == 0 and (tmp_path / "c.csv").read_text() == before
    refused = CliRunner().invoke(servelab.cli, [*words, "--new"])
    assert isinstance(refused.exception, UsageError)
