"""Everything that can go wrong at a site, one row each: the message names the remedy, and nothing is leaked.

A row switches one of the emulator's faults on, types a command, and says what must be told (None: the command gets
through all the same). Afterwards the fault is gone, `down` is typed, and the emulated project must be empty.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reserve.calendar import next_hour
from reserve.desk import Desk
from reserve.errors import Faulted, LeaseRefused, Missing, RuleRefused, WaitedTooLong
from reserve.lease.leases import ensure_lease
from reserve.lease.wishes import LeaseWishes
from reserve.site import LeaseSpec
from reserve.verbs.down import down
from reserve.verbs.keep import keep_node
from reserve.verbs.reserve import reserve_block
from reserve.verbs.slots import show_slots
from snippets.errors import CredentialsError
from tests.chameleon import Emulator
from tests.reserve.scenario import booted, contained, next_command, reserved
from tests.reserve.sites.chameleon.fault_rows import Row

BLAZAR = {"service": "blazar", "match": "^GET /v1/leases$"}
ASK_LEASE = {"service": "blazar", "match": "^POST /v1/leases$"}


def looked(desk: Desk) -> None:
    show_slots(desk, "system")


def signed_in(desk: Desk, monkeypatch: pytest.MonkeyPatch, emulator: Emulator, auth: str) -> None:
    """The next command finds this way to sign in."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in emulator.env(auth=auth).items():
        monkeypatch.setenv(name, value)


def by_openrc(desk: Desk, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    signed_in(desk, monkeypatch, emulator, "openrc")
    reserved(desk)


def by_openrc_of_no_project(desk: Desk, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    signed_in(desk, monkeypatch, emulator, "openrc")
    monkeypatch.delenv("OS_PROJECT_ID")
    reserved(desk)


def in_the_hub(desk: Desk, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    signed_in(desk, monkeypatch, emulator, "jupyterhub")
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub")
    monkeypatch.setattr("chi.jupyterhub.refresh_access_token", lambda: ("x", 0), raising=False)
    reserved(desk)


def in_the_hub_with_a_choice(desk: Desk, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setenv("SERVELAB_PROJECT", emulator.state.project_name)
    in_the_hub(desk, monkeypatch, emulator)


def kept_longer(desk: Desk) -> None:
    reserved(desk)
    keep_node(desk, "system", "1h")


def kept_too_early(desk: Desk) -> None:
    """A lease that ends in five days cannot be made longer now, whatever is free."""
    wishes = LeaseWishes("ab123", next_hour(desk.clock.now() + timedelta(days=5)))
    reserve_block(desk, "system", wishes)
    keep_node(desk, "system", "1h")


def leased_for_eight_days(desk: Desk) -> None:
    hardware = replace(desk.options("system")[0], max_lease_days=9)
    now = desk.clock.now().replace(second=0, microsecond=0)
    spec = LeaseSpec("serve_system_ab123", hardware, now, now + timedelta(days=8), at_once=True)
    ensure_lease(desk, spec, "ab123")


AGAIN = "[Rr]epeat the command"
NO_ADDRESS = ("reserved-addresses-used-up",)
ROWS = [
    # Signing in
    Row("credentials-rejected", reserved, "Sign in again", CredentialsError),
    Row("keystone-forbidden", reserved, "member of the course's project", CredentialsError),
    Row("keystone-unavailable", reserved, AGAIN),
    Row("keystone-hangs", reserved, "did not answer .* network"),
    Row("project-disabled", reserved, "Project CHI-course is disabled.*Sign in again", CredentialsError),
    Row("keystone-nonsense", reserved, "(no usable answer|not JSON|cannot be reached).*[Rr]epeat"),
    Row("cli-password-wrong", by_openrc, "CLI password.*auth.chameleoncloud.org.*openrc", CredentialsError),
    Row("idp-unavailable", by_openrc, "[Rr]epeat the command"),
    Row("several-projects", by_openrc, None),
    Row(
        "several-projects", by_openrc_of_no_project, "which project pays.*OS_PROJECT_NAME.*CHI-thesis", CredentialsError
    ),
    Row("no-project", by_openrc_of_no_project, "in no project.*Join the course's", CredentialsError),
    Row("several-projects", in_the_hub, "several projects.*which pays.*CHI-thesis.*SERVELAB_PROJECT", CredentialsError),
    Row("several-projects", in_the_hub_with_a_choice, None),
    Row("sites-empty", contained, "(list of Chameleon's sites|python-chi cannot use).*OS_"),
    Row("sites-page-instead", contained, "(list of Chameleon's sites|python-chi cannot use).*OS_"),
    Row("catalog-without-servers", booted, "(catalog|compute|Nova)"),
    Row("catalog-without-networks", booted, "(catalog|network|Neutron)"),
    Row("catalog-without-images", booted, "(catalog|image|Glance)"),
    Row("catalog-without-reservations", reserved, "catalog has no Blazar.*--site"),
    # Any request
    Row("token-expired", reserved, None, times=1, params=BLAZAR),
    Row("http-401", reserved, "Sign in again", CredentialsError, params=BLAZAR),
    Row("http-403", reserved, "OS_PROJECT_NAME", CredentialsError, params=ASK_LEASE),
    Row("http-404", reserved, "servelab status", params=ASK_LEASE),
    Row("http-414", reserved, "takes no address as long.*leases", params=BLAZAR),
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
    Row("budget-project-spent", reserved, "would spend 6.00 SUs, only 3.10 left.*PI", RuleRefused),
    Row("budget-user-spent", reserved, "left in user budget.*instructor to raise", RuleRefused),
    Row("project-expired", reserved, "beyond Chameleon project expiration date.*renew", RuleRefused),
    Row("lease-stacking", reserved, "more than half of the gpu_p100.*servelab down.*help desk", RuleRefused),
    Row("usage-enforcement-down", reserved, "External Service Filter.*few minutes", RuleRefused),
    Row("lease-policy-unknown", reserved, "reserved on Tuesdays.*ask your instructor", RuleRefused),
    Row("extension-too-early", kept_longer, "extended within 172800 seconds.*last 48 hours", RuleRefused),
    Row("extension-budget-spent", kept_longer, "only 0.10 left.*PI", RuleRefused),
    Row("lease-extension-refused", kept_longer, "somebody holds the time", LeaseRefused),
    Row("hosts-set-aside", looked, "set aside for other projects.*instructor"),
    Row("hosts-set-aside", reserved, "taken.*|set aside", LeaseRefused),
    Row("lease-node-missing", booted, "its node is missing.*servelab down", Faulted),
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
    Row("server-no-valid-host", booted, "in ERROR.*No valid host was found.*another node"),
    Row("images-forbidden", booted, "reader", CredentialsError),
    Row("public-network-missing", booted, "no network named 'public'.*help desk", Missing, also=NO_ADDRESS),
    Row("port-missing", booted, "no network port yet.*[Rr]epeat", Missing),
    Row("server-build-forever", booted, "waited .* to boot, in vain.*console", WaitedTooLong),
    Row("server-wrong-state", booted, "state .*servelab down"),
    Row("server-vanishes", booted, "(is gone .*servelab up|does not list it. Repeat)"),
    Row("flavor-missing", booted, "no flavor named baremetal.*hardware.toml", Missing),
    Row("image-missing", booted, "no image named CC-Ubuntu24.04-CUDA.*hardware.toml", Missing),
    Row("network-missing", booted, "no network named sharednet1.*hardware.toml", Missing),
    # Addresses
    Row("quota-floating-ips", booted, "none was taken.*dashboard.*stays up", also=NO_ADDRESS),
    Row("no-floating-ip", booted, "none was taken.*dashboard.*stays up", also=NO_ADDRESS),
    Row("floating-ip-create-lost", booted, None, also=NO_ADDRESS),
    Row("reserved-addresses-used-up", booted, None),
    Row("reserved-address-unsupported", booted, None),
    Row("reserved-address-missing", booted, None),
    Row("floating-ip-not-attached", booted, None),
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
def test_a_fault_is_told_with_its_remedy_and_leaves_nothing_behind(
    row: Row, desk: Desk, chameleon: Emulator, monkeypatch: pytest.MonkeyPatch
):
    for name in row.also:
        chameleon.faults.on(name)
    chameleon.faults.on(row.fault, times=row.times, **row.params)
    more = (monkeypatch, chameleon) if "openrc" in row.doing.__name__ or "hub" in row.doing.__name__ else ()
    row.strike(lambda: row.doing(desk, *more))
    struck = chameleon.faults.hits[row.fault] or row.says or row.fault == "several-projects"
    assert struck, "the fault never struck: this row proves nothing"
    chameleon.faults.off()
    if more:
        monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
        signed_in(desk, monkeypatch, chameleon, "password")
    down(next_command(desk), "edge" if row.doing is contained else "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


@pytest.mark.parametrize(
    ("doing", "says"),
    [(leased_for_eight_days, "maximum lease duration of 604800.*7 days"), (kept_too_early, "172800.*last 48 hours")],
)
def test_the_testbeds_own_rules_are_told_in_words(doing: Any, says: str, desk: Desk, chameleon: Emulator) -> None:
    """Seven days and 48 hours need no fault: the emulated Blazar keeps to them as the real one does."""
    with pytest.raises(RuleRefused) as raised:
        doing(desk)
    assert re.search(says, str(raised.value), re.S) and "Next free" not in str(raised.value)
    down(next_command(desk), "system")
    chameleon.assert_empty()


def test_nodes_that_are_set_aside_for_others_are_not_offered_and_ones_own_are(desk: Desk, chameleon: Emulator) -> None:
    state = chameleon.state
    by_name = {one.properties.get("node_name"): one for one in state.resources.values()}
    by_name["p100-01"].properties["authorized_projects"] = "0" * 32
    by_name["p100-02"].properties["authorized_projects"] = f"{'1' * 32},{state.project_id}"
    hardware = desk.options("system")[0]
    assert list(desk.site("CHI@TACC").calendar(hardware).nodes) == ["p100-02"]
    reserved(desk)
    held = [each for lease in state.leases.values() for each in lease.reservations if each.kind == "physical:host"]
    assert [each.resources for each in held] == [[by_name["p100-02"].id]]
    down(next_command(desk), "system")
