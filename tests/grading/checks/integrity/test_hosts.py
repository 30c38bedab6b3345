"""Facts of machines, as they were found and as somebody would like them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from grading.checks.integrity.hosts import edited_hosts
from snippets.files import canonical, sha256_text
from snippets.machine.host import host_facts
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord
from tests.grading.recorded import KEPT

PI: dict[str, Any] = {
    "cpu": {"machine": "aarch64", "model": "Cortex-A76", "flags": ["asimd"]},
    "clock_source": "arch_sys_counter",
    "kit": {},
}


def told(facts: dict[str, Any], name: str = "") -> list[str]:
    """What is told of a host with these facts, named for them or otherwise."""
    host = {"id": name or sha256_text(canonical(facts))[:16], **facts}
    return edited_hosts(cast(Any, PaperRecord(hosts=(host,))))


@pytest.mark.parametrize("name", KEPT)
def test_hosts_of_measured_runs_are_as_they_were_found(kept: Callable[[str], Path], name: str) -> None:
    assert edited_hosts(load_record(kept(name))) == []


def test_so_is_this_machine_and_a_raspberry_pi() -> None:
    assert edited_hosts(cast(Any, PaperRecord(hosts=(host_facts(),)))) == [] and told(PI) == []


def test_a_host_with_other_facts_than_it_was_named_for_is_told() -> None:
    assert told(PI, name="0123456789abcdef") == [
        "the facts of host 0123456789abcdef are not those that it was named for"
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"clock_source": "tsc"},
        {"cpu": {**PI["cpu"], "flags": ["avx2"]}},
        {"cpu": {**PI["cpu"], "machine": "x86_64"}},
    ],
)
def test_facts_of_two_kinds_of_processor_do_not_fit(changed: dict[str, Any]) -> None:
    (found,) = told({**PI, **changed})
    assert found.endswith("are those of an ARM and of an x86 processor")


def test_a_host_with_hardly_any_facts_is_not_the_kits() -> None:
    assert edited_hosts(cast(Any, PaperRecord())) == []
