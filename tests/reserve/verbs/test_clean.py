"""`servelab clean`: everything that is kept is named, records stay, and no lease is forgotten."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

import servelab
from reserve.errors import UsageError
from reserve.journal import Journal, state_folder
from reserve.verbs.clean import clean, listed, places, size_of
from snippets.record.run import open_run


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in ("cache", "tmp/servelab-replay-a", "tmp/servelab-replay-b", "tmp/other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(bytes(1_500_000))
    os.utime(tmp_path / "tmp" / "servelab-replay-a", (1, 1))


def test_everything_is_listed_with_its_size_and_nothing_is_removed(tmp_path: Path) -> None:
    said: list[str] = []
    clean((), said.append)
    text = "\n".join(said)
    assert said == listed() and f"cache            1.5 MB  {tmp_path / 'cache'}" in text
    for place in places():
        assert all(str(folder) in text for folder in place.folders) and place.holds in text
    assert str(os.environ["SERVELAB_RUNS"]) in text and "servelab-replay-a" in text and "replay-b" not in text
    assert (tmp_path / "cache" / "file").exists()


def test_what_is_named_is_removed_and_records_never_are(tmp_path: Path) -> None:
    run = open_run("model").folder
    said: list[str] = []
    clean(("cache",), said.append)
    assert said == [f"removed {tmp_path / 'cache'} (1.5 MB)"]
    Journal()
    clean(("all",), said.append)
    left = sorted(path.name for path in (tmp_path / "tmp").iterdir())
    assert left == ["other", "servelab-replay-b"] and (run / "record.json").is_file()


def test_the_journal_stays_while_it_knows_of_a_lease() -> None:
    journal = Journal()
    key = journal.intend("lease", "serve_edge_ab123", "CHI@Edge", "edge")
    with pytest.raises(UsageError, match=r"1 things that are not given back \(edge\).*servelab down all"):
        clean(("state",))
    assert state_folder().is_dir()
    journal.gone(key)
    clean(("state",), str)


def test_a_name_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "argv", ["servelab", "clean", "runs"])
    with pytest.raises(SystemExit) as ended:
        servelab.main()
    assert ended.value.code == 2 and "cache, state, temporary, or all" in capsys.readouterr().err


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "cache" / "link").symlink_to(tmp_path / "tmp")
    assert size_of(tmp_path / "cache") == 1_500_000 and size_of(tmp_path / "none") == 0
