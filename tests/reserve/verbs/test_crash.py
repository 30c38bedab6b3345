"""`kill -9` of servelab at any point: the next command finds whatever was made, uses it once, or gives it back."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from reserve.desk import Desk
from reserve.verbs.down import down
from reserve.verbs.status import orphans
from tests.chameleon import Emulator
from tests.reserve.scenario import booted, contained, next_command

# (fault, what it does to the request): the site has carried it out, or has not, and the client waits for the answer.
MOMENTS = [("http-half-open", "made"), ("http-timeout", "not made")]
REQUESTS = [
    ("blazar", "^POST /v1/leases$"),
    ("nova", r"^POST /v2\.1/os-keypairs$"),
    ("nova", r"^POST /v2\.1/servers$"),
    ("neutron", r"^POST /v2\.0/floatingips$"),
]


def killed_while(desk: Desk, chameleon: Emulator, fault: str, service: str, match: str, doing) -> None:
    """Type a command in another process, and kill that process once `fault` strikes."""
    desk.site("CHI@TACC").sign_in()  # so that the child need not
    if service == "neutron":  # an address is made only where none was reserved with the lease
        chameleon.faults.on("reserved-addresses-used-up")
    chameleon.faults.on(fault, service=service, match=match)
    child = multiprocessing.get_context("fork").Process(target=_child, args=(doing, desk))
    child.start()
    assert child.pid
    try:
        chameleon.wait_until(lambda: chameleon.faults.hits[fault] > 0 or not child.is_alive(), timeout_s=30)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    assert chameleon.faults.hits[fault] > 0, "the command ended before it could be killed"
    chameleon.faults.off()


def _child(doing, desk: Desk) -> None:
    os.setsid()
    doing(next_command(desk))


@pytest.mark.parametrize(("service", "match"), REQUESTS, ids=lambda value: value.strip("^$").replace("\\", ""))
@pytest.mark.parametrize(("fault", "state"), MOMENTS, ids=lambda value: value.replace(" ", "-"))
def test_down_after_a_kill_leaves_nothing(fault, state, service, match, desk, chameleon):
    killed_while(desk, chameleon, fault, service, match, booted)
    after = next_command(desk)
    down(after, "system")
    chameleon.assert_empty()
    assert after.journal.open_entries() == []


@pytest.mark.parametrize(("service", "match"), REQUESTS, ids=lambda value: value.strip("^$").replace("\\", ""))
def test_the_same_command_after_a_kill_makes_nothing_twice(service, match, desk, chameleon):
    killed_while(desk, chameleon, "http-half-open", service, match, booted)
    after = next_command(desk)
    booted(after)
    held = chameleon.inventory()
    assert {kind: len(names) for kind, names in held.items() if names and kind != "keypairs"} == {
        "leases": 1,
        "servers": 1,
        "floating_ips": 1,
    }
    down(after, "system")
    chameleon.assert_empty()


def test_a_container_that_was_being_made_is_found(desk, chameleon):
    killed_while(desk, chameleon, "http-half-open", "zun", r"^POST /v1/containers$", contained)
    after = next_command(desk)
    down(after, "edge")
    chameleon.assert_empty()


def test_orphans_finds_what_a_lost_journal_does_not_know(desk, chameleon, tmp_path):
    chameleon.faults.on("reserved-addresses-used-up")
    booted(desk)
    desk.journal.path.unlink()
    after = next_command(desk)
    found = orphans(after)
    assert {orphan.thing.kind for orphan in found} == {"lease", "server", "floating_ip"}
    down(after, "system", netid="ab123", site="CHI@TACC")
    assert orphans(next_command(desk)) == []
    chameleon.assert_empty()
