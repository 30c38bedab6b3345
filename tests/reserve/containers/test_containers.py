"""`python -m reserve.containers`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.containers import check
from reserve.containers.__main__ import main


def test_a_check_that_finds_nothing_says_what_it_did_not_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "all in line; the image itself was not built\n"


def test_a_check_that_finds_something_lists_it_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("ARG TRITON_IMAGE=python:3.12\nFROM ${TRITON_IMAGE}\n")
    monkeypatch.setattr(check, "dockerfiles", lambda: [path])
    assert main(["check"]) == 1
    assert f"{tmp_path.name}/Dockerfile: ARG TRITON_IMAGE is python:3.12, pins.toml says" in capsys.readouterr().out


def test_writing_what_agrees_already_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["write"]) == 0
    assert capsys.readouterr().out == "all in line already\n"
