"""The node flows against real Keystone, Nova, Neutron, Glance and Blazar: whatever the OS_* variables point to.

    eval "$(cloud env)"; pytest -m openstack

Needs a site with `gpu_p100` and `compute_gigaio` hosts; makes leases and servers and gives all of them back.
"""

import os

import pytest

from reserve.clock import Clock
from reserve.desk import Desk
from reserve.journal import Journal
from tests.reserve import scenario

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.timeout(900),
    pytest.mark.skipif("OS_AUTH_URL" not in os.environ, reason="no OS_* variables: source an openrc first"),
]


class ShortWaits(Clock):
    """The real clock; polls every second, because a fake hypervisor boots in seconds."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 1.0))


@pytest.fixture
def real(tmp_path, short_timeouts, monkeypatch):
    monkeypatch.setattr("reserve.sites.chameleon.rest.TIMEOUT_S", 60.0)
    monkeypatch.setattr("reserve.sites.chameleon.chi.TIMEOUT_S", 60.0)

    clock = ShortWaits()
    return Desk(journal=Journal(tmp_path / "state", clock), clock=clock, voice=lambda text: None)


def test_a_lease_becomes_a_node_and_everything_is_given_back(real):
    scenario.from_lease_to_release(real)


def test_a_refused_lease_is_explained(real):
    scenario.conflict(real)
