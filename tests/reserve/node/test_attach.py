"""The node of a part that is up already, and what is said when it is not."""

from __future__ import annotations

import pytest

from reserve.errors import Missing, SiteError
from reserve.lease.wishes import LeaseWishes
from reserve.node.attach import attach
from reserve.node.boot import ensure_node
from reserve.verbs.reserve import reserve_block


def test_without_a_lease_or_a_node_the_next_command_is_named(here) -> None:
    with pytest.raises(SiteError, match="no lease for model on record.*servelab slots model"):
        attach(here, "model")
    reserve_block(here, "model", LeaseWishes("ab123", site="local"))
    with pytest.raises(Missing, match="the node of model is not made yet. Run `servelab up model` first"):
        attach(here, "model")


def test_a_node_that_is_up_is_opened_with_all_that_is_known_of_it(here) -> None:
    lease = reserve_block(here, "model", LeaseWishes("ab123", site="local"))
    entry = here.journal.lease_for_command("model")
    ensure_node(here, lease, here.hardware_of(entry), "node-serve-model-ab123")
    opened = attach(here, "model")
    assert (opened.lease.id, opened.node.name, opened.url) == (lease.id, "node-serve-model-ab123", "")
    assert opened.hardware.part == "model" and opened.machine.run("echo yes").output == "yes\n"
