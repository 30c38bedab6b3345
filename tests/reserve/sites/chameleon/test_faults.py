"""Everything that can go wrong at a site, one row each: the message names the remedy, and nothing is leaked.

A row switches one of the emulator's faults on, types a command, and says what must be told (None: the command gets
through all the same). Afterwards the fault is gone, `down` is typed, and the emulated project must be empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from reserve.desk import Desk
from reserve.errors import LeaseRefused, Missing, SiteError, WaitedTooLong
from reserve.verbs.down import down
from reserve.verbs.slots import show_slots
from snippets.errors import CredentialsError, KitError
from tests.chameleon import Emulator
from tests.reserve.scenario import booted, contained, next_command, reserved

BLAZAR = {"service": "blazar", "match": "^GET /v1/leases$"}
ASK_LEASE = {"service": "blazar", "match": "^POST /v1/leases$"}


def looked(desk: Desk) -> None:
    show_slots(desk, "system")


@dataclass(frozen=True)
class Row:
    """One fault. `says`: a pattern of the message, None if the command must succeed; `error`: its class."""

    fault: str
    doing: Any
    says: str | None
    error: type[KitError] = SiteError
    times: int | None = None
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        often = "" if self.times is None else f"-{self.times}x"
        at = re.sub(r"\W+", "-", str(self.params.get("match", "")))
        return f"{self.doing.__name__}-{self.fault}{often}{at}"


AGAIN = "[Rr]epeat the command"
ROWS = [
    # Signing in
    Row("credentials-rejected", reserved, "Sign in again", CredentialsError),
    Row("keystone-forbidden", reserved, "member of the course's project", CredentialsError),
    Row("keystone-unavailable", reserved, AGAIN),
    Row("keystone-hangs", reserved, "did not answer .* network"),
    Row("catalog-without-reservations", reserved, "catalog has no Blazar.*--site"),
    # Any request
    Row("token-expired", reserved, None, times=1, params=BLAZAR),
    Row("http-401", reserved, "Sign in again", CredentialsError, params=BLAZAR),
    Row("http-403", reserved, "OS_PROJECT_NAME", CredentialsError, params=ASK_LEASE),
    Row("http-404", reserved, "servelab status", params=ASK_LEASE),
    Row("http-409", reserved, AGAIN, params=ASK_LEASE),
    Row("http-429", reserved, None, times=2, params=ASK_LEASE),
    Row("http-429", reserved, "fewer requests.*Repeat", params=ASK_LEASE),
    Row("http-500", reserved, None, times=2, params=BLAZAR),
    Row("http-500", reserved, "HTTP 500.*" + AGAIN, params=BLAZAR),
    Row("http-502", reserved, "HTTP 502.*" + AGAIN, params=ASK_LEASE),
    Row("http-503", reserved, "HTTP 503.*" + AGAIN, params=ASK_LEASE),
    Row("http-504", reserved, None, times=1, params=BLAZAR),
    Row("http-504", reserved, "HTTP 504.*" + AGAIN, params=ASK_LEASE),
    Row("http-timeout", reserved, None, times=1, params=BLAZAR),
    Row("http-timeout", reserved, "did not answer .*" + AGAIN, params=ASK_LEASE),
    Row("http-half-open", reserved, None, times=1, params=BLAZAR),
    Row("http-half-open", reserved, None, params=ASK_LEASE),
    Row("http-truncated", reserved, None, times=1, params=BLAZAR),
    Row("http-truncated", reserved, "(not JSON|cannot be reached).*[Rr]epeat", params=BLAZAR),
    Row("http-drop", reserved, "cannot be reached.*" + AGAIN, params=BLAZAR),
    Row("http-reset", reserved, None, times=1, params=BLAZAR),
    Row("malformed-json", reserved, None, times=2, params=BLAZAR),
    Row("malformed-json", reserved, "not JSON.*Repeat", params=BLAZAR),
    Row("empty-json", reserved, "no list of leases.*Repeat", params=BLAZAR),
    Row("maintenance-page", reserved, "(not JSON|HTTP).*(Repeat|sign in)", params=BLAZAR),
    # Leases
    Row(
        "blazar-create-refused",
        reserved,
        r"taken.*Next free: \d{4}-.*; \d{4}-.*; \d{4}-.*servelab reserve",
        LeaseRefused,
    ),
    Row("blazar-create-lost", reserved, None),
    Row("blazar-create-silent", reserved, None, times=1),
    Row("lease-answer-unparsable", reserved, None),
    Row("hosts-not-reservable", looked, "no reservable gpu_p100.*maintenance"),
    Row("allocations-forbidden", looked, "does not show its calendar.*dashboard"),
    Row("lease-pending-forever", booted, "waited .* in vain.*servelab down", WaitedTooLong),
    Row("lease-error", booted, "in ERROR.*servelab down"),
    Row("lease-vanishes", booted, "ended or was deleted.*servelab reserve", Missing),
    # Servers
    Row("quota-instances", booted, "quota.*servelab down"),
    Row("keypair-quota", booted, "quota"),
    Row("server-create-lost", booted, None),
    Row("server-error", booted, "in ERROR.*Timeout reached while waiting for callback.*servelab down"),
    Row("server-build-forever", booted, "waited .* to boot, in vain.*console", WaitedTooLong),
    Row("server-wrong-state", booted, "state .*servelab down"),
    Row("server-vanishes", booted, "(is gone .*servelab up|does not list it. Repeat)"),
    Row("flavor-missing", booted, "no flavor named baremetal.*hardware.toml", Missing),
    Row("image-missing", booted, "no image named CC-Ubuntu24.04-CUDA.*hardware.toml", Missing),
    Row("network-missing", booted, "no network named sharednet1.*hardware.toml", Missing),
    # Addresses
    Row("quota-floating-ips", booted, "no free address either.*dashboard"),
    Row("no-floating-ip", booted, "no free address either.*dashboard"),
    Row("floating-ip-create-lost", booted, None),
    # SSH
    Row("server-never-reachable", booted, "nobody answers.*console", WaitedTooLong),
    Row("ssh-refused", booted, None, times=3),
    Row("ssh-no-banner", booted, None, times=1),
    Row("ssh-drop-at-banner", booted, None, times=2),
    Row("ssh-drop-at-auth", booted, None, times=2),
    Row("ssh-drop-before-command", booted, None, times=1),
    Row("keypair-mismatch", booted, "does not accept the key.*--key", CredentialsError),
    Row("clock-skew", reserved, None),
    Row("sites-unavailable", reserved, None),
    # Edge containers
    Row("sites-unavailable", contained, "list of Chameleon's sites cannot be fetched.*OS_AUTH_URL"),
    Row("container-execute-fails", contained, None, times=1),
    Row("container-execute-fails", contained, "let us in, in vain.*Last: "),
    Row("catalog-without-containers", contained, "catalog has no Zun"),
    Row("container-quota", contained, "quota"),
    Row("container-image-missing", contained, "in ERROR"),
    Row("container-error", contained, "in ERROR.*servelab down"),
    Row("container-creating-forever", contained, "in vain", WaitedTooLong),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_is_told_with_its_remedy_and_leaves_nothing_behind(row: Row, desk: Desk, chameleon: Emulator):
    chameleon.faults.on(row.fault, times=row.times, **row.params)
    if row.says is None:
        row.doing(desk)
    else:
        with pytest.raises(row.error) as raised:
            row.doing(desk)
        message = str(raised.value)
        assert re.search(row.says, message, re.S), message
        assert "Traceback" not in message and "0x" not in message
    assert chameleon.faults.hits[row.fault] or row.says, "the fault never struck: this row proves nothing"
    chameleon.faults.off()
    down(next_command(desk), "edge" if row.doing is contained else "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []
