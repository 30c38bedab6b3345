"""The browser is the one on PATH or the one that was named, and without one the remedy is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import ToolMissing
from snippets.machine.browser import CHROMIUM_NAMES, chromium_path, with_page


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SERVELAB_CHROMIUM", raising=False)


def test_the_first_of_the_known_names_on_path_is_taken(tmp_path: Path) -> None:
    program(tmp_path, CHROMIUM_NAMES[-1])
    first = program(tmp_path, CHROMIUM_NAMES[0])
    assert chromium_path() == str(first)


def test_the_one_that_was_named_comes_before_those_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, CHROMIUM_NAMES[0])
    (tmp_path / "own").mkdir()
    own = program(tmp_path / "own", "my-chrome")
    monkeypatch.setenv("SERVELAB_CHROMIUM", str(own))
    assert chromium_path() == str(own)


def test_the_one_that_playwright_installed_is_found_without_a_path(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "ms-playwright" / "chromium-1194" / "chrome-linux"
    folder.mkdir(parents=True)
    own = program(folder, "chrome")
    assert chromium_path() == str(own)
    assert str(program(tmp_path, CHROMIUM_NAMES[0])) == chromium_path(), "one on PATH comes first"


def test_without_a_browser_no_page_is_opened_and_the_remedy_is_told() -> None:
    with pytest.raises(ToolMissing, match="apt-get install chromium"):
        with_page(lambda page: page)


def test_a_named_browser_that_is_not_there_is_an_error_even_if_another_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, CHROMIUM_NAMES[0])
    monkeypatch.setenv("SERVELAB_CHROMIUM", "/nowhere/chrome")
    with pytest.raises(ToolMissing, match="at /nowhere/chrome"):
        chromium_path()
