"""What the starting process tells a run comes through four environment variables, and is read in one place."""

from __future__ import annotations

import inspect
import re
import tempfile
from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.record import chain, document, files, head, lock, read, schema, settings, steps, values
from snippets.record.context import RunContext, machine_lock


def test_each_variable_has_its_field() -> None:
    context = RunContext.from_environment(
        {
            "SERVELAB_FRESH_SINCE": "2026-01-01T00:00:00.000000Z",
            "SERVELAB_RUN_OWNER": "12",
            "SERVELAB_LEASE": '{"id": "a"}',
            "SERVELAB_PROGRESS": "/x/progress.jsonl",
        }
    )
    assert context == RunContext("2026-01-01T00:00:00.000000Z", "12", {"id": "a"}, Path("/x/progress.jsonl"))


def test_unset_and_empty_variables_mean_nothing() -> None:
    names = ("SERVELAB_FRESH_SINCE", "SERVELAB_RUN_OWNER", "SERVELAB_LEASE", "SERVELAB_PROGRESS")
    assert RunContext.from_environment({}) == RunContext.from_environment(dict.fromkeys(names, ""))
    assert RunContext.from_environment({}) == RunContext("", "", None, None)


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_RUN_OWNER", "77")
    assert RunContext.from_environment().owner == "77"


@pytest.mark.parametrize("text", ["{", "[1]", "a1b2"])
def test_a_lease_that_is_no_object_is_refused(text: str) -> None:
    told = re.escape(f"$SERVELAB_LEASE is {text!r}; ") + ".*Unset it to measure without a lease"
    with pytest.raises(UsageError, match=told):
        RunContext.from_environment({"SERVELAB_LEASE": text})


def test_of_a_long_lease_that_is_no_object_the_beginning_is_told() -> None:
    with pytest.raises(UsageError, match=f"is '{'x' * 80}'; "):
        RunContext.from_environment({"SERVELAB_LEASE": "x" * 500})


def test_no_other_module_of_the_record_reads_the_environment() -> None:
    for module in (chain, document, files, head, lock, read, schema, settings, steps, values):
        assert "environ" not in inspect.getsource(module), module.__name__


def test_all_users_of_a_machine_share_a_lock_unless_another_is_named(tmp_path: Path) -> None:
    assert machine_lock({}) == Path(tempfile.gettempdir()) / "servelab-measuring.lock"
    assert machine_lock({"SERVELAB_LOCK": str(tmp_path / "l")}) == tmp_path / "l"
    assert machine_lock({"SERVELAB_LOCK": "off"}) is None
