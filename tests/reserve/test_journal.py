"""The journal: on disk before the request, whole lines only, mended after a crash."""

import json
import multiprocessing

import pytest

from reserve.journal import Journal, state_folder
from snippets.errors import RunLocked, StorageError


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "state")


def test_an_intention_is_on_disk_before_anything_else_happens(journal):
    journal.intend("lease", "serve_model_ab123", "CHI@TACC", "model", netid="ab123")
    again = Journal(journal.folder)
    (entry,) = again.open_entries(part="model")
    assert (entry.kind, entry.id, entry.facts["netid"]) == ("lease", "", "ab123")


def test_in_the_jupyterhub_the_journal_lies_in_the_kit_which_survives(monkeypatch, tmp_path):
    monkeypatch.delenv("SERVELAB_STATE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("reserve.journal.KIT", tmp_path / "kit")
    assert state_folder() == tmp_path / "home" / ".local/state/servelab"
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub")
    assert state_folder() == tmp_path / "kit" / ".servelab"
    assert oct((tmp_path / "kit" / ".servelab").stat().st_mode)[-3:] == "700"


def test_entries_follow_their_events(journal):
    key = journal.intend("lease", "a", "CHI@TACC", "model")
    journal.made(key, "id-1", start="2027-03-04T15:00:00Z")
    assert journal.lease_for_command("model").id == "id-1"
    journal.note(key, end="2027-03-04T17:50:00Z")
    assert journal.entries()[0].facts["end"].startswith("2027")
    journal.gone(key, "deleted")
    assert journal.open_entries() == [] and journal.entries()[0].gone


def test_a_torn_last_line_is_skipped_and_the_next_line_is_whole(journal):
    journal.intend("lease", "a", "CHI@TACC", "model")
    with journal.path.open("a") as handle:
        handle.write('{"event": "intend", "key": "zz", "ki')
    journal.intend("server", "b", "CHI@TACC", "model")
    assert [entry.name for entry in journal.entries()] == ["a", "b"]
    assert sum(1 for line in journal.path.read_text().splitlines() if _whole(line)) == 2


@pytest.mark.parametrize(
    "line", ["7", "null", "[]", "{}", '{"event": "intend", "key": "z"}', '{"at": "2027-03-04T15:00:00Z", "key": "z"}']
)
def test_a_line_that_is_no_event_is_skipped(journal, line):
    journal.intend("lease", "a", "CHI@TACC", "model")
    with journal.path.open("a") as handle:
        handle.write(line + "\n")
    journal.intend("server", "b", "CHI@TACC", "model")
    assert [entry.name for entry in journal.entries()] == ["a", "b"]


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_only_the_user_may_read_it(journal):
    journal.intend("lease", "a", "CHI@TACC", "model")
    assert journal.path.stat().st_mode & 0o077 == 0


def test_no_lease_on_record_is_told_with_the_way_to_one(journal):
    with pytest.raises(Exception, match="servelab slots edge.*servelab reserve edge"):
        journal.lease_for_command("edge")


def test_two_commands_on_one_part_do_not_meet(journal):
    def hold(ready, done):
        with journal.locked("model"):
            ready.set()
            done.wait(10)

    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(ready, done))
    other.start()
    assert ready.wait(10)
    with pytest.raises(RunLocked, match=f"process {other.pid}"), journal.locked("model"):
        pass
    with journal.locked("edge"):
        pass
    done.set()
    other.join()
    with journal.locked("model"):
        pass


def test_a_journal_that_cannot_be_written_stops_the_command(journal, monkeypatch):
    journal.path.mkdir()
    with pytest.raises(StorageError, match="Nothing was asked of the site"):
        journal.intend("lease", "a", "CHI@TACC", "model")


def test_entries_of_an_unknown_kind_are_a_mistake(journal):
    with pytest.raises(ValueError):
        journal.intend("castle", "a", "CHI@TACC", "model")


def test_leases_for_a_class_are_kept_beside_the_journal(tmp_path):
    journal = Journal(tmp_path)
    assert journal.for_class() == frozenset()
    for id in ("l1", "l2"):
        journal.remember_for_class(id)
    assert Journal(tmp_path).for_class() == {"l1", "l2"} and journal.entries() == []
    (tmp_path / "class_leases").unlink()
    (tmp_path / "class_leases").mkdir()
    with pytest.raises(StorageError, match="class_leases"):
        journal.remember_for_class("l3")
