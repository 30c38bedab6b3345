"""The desk: sites by name, hardware by part and by lease, and no secret in what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reserve.desk import runs_folder
from reserve.errors import UsageError
from reserve.redact import remember_secret


def test_a_site_is_made_once_and_a_new_desk_has_none_yet(here) -> None:
    assert here.site("local") is here.site("local")
    assert replace(here).site("local") is not here.site("local")


def test_the_hardware_of_a_part_may_be_narrowed_to_a_site(here) -> None:
    assert [h.key for h in here.options("model")] == ["compute_liqid", "compute_gigaio"]
    assert [h.key for h in here.options("model", "chameleon")] == ["compute_liqid", "compute_gigaio"]
    assert [h.key for h in here.options("model", "chi@uc")] == ["compute_gigaio"]
    (local,) = here.options("model", "local")
    assert (local.key, local.site, local.images) == ("compute_liqid", "local", ())
    with pytest.raises(UsageError, match="no hardware at CHI@Mars; it runs at CHI@TACC, CHI@UC"):
        here.options("model", "CHI@Mars")


def test_a_leases_hardware_is_the_one_on_record(here) -> None:
    here.journal.intend("lease", "a", "CHI@UC", "model", hardware="compute_gigaio", netid="ab123")
    here.journal.intend("lease", "b", "local", "model", hardware="compute_gigaio", netid="cd456")
    here.journal.intend("lease", "c", "CHI@UC", "model", hardware="abacus")
    first, second, third = here.journal.entries()
    assert here.hardware_of(first).site == "CHI@UC" and here.hardware_of(second).site == "local"
    with pytest.raises(UsageError, match="'abacus', which is not in reserve/hardware.toml any more"):
        here.hardware_of(third)
    assert here.netids("model", "CHI@UC") == {"ab123"} and here.netids("model", "local") == {"cd456"}


def test_what_is_said_has_no_secret(here) -> None:
    remember_secret("hunter3-hunter3")
    here.say("password hunter3-hunter3")
    assert here.words == ["password ***"]


def test_runs_are_where_they_are_asked_for_else_where_the_environment_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SERVELAB_RUNS", str(tmp_path))
    assert runs_folder() == tmp_path
    assert runs_folder("~/x") == Path.home() / "x"
