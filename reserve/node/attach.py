"""A node of ours with everything that is known of it, and the way to one that is up already."""

from __future__ import annotations

from dataclasses import dataclass

from reserve.desk import Desk
from reserve.errors import Missing
from reserve.hardware import Hardware
from reserve.journal import Entry
from reserve.lease.leases import current, node_name
from reserve.site import Lease, Machine, Node


@dataclass(frozen=True)
class OpenNode:
    """A node that answers: its lease's entry in the journal, the lease, the node and the open machine on it.

    `url` is the address of its JupyterLab, with the token; `hint` the words that make it reachable. Both are empty
    where they are not known. Whoever opened it closes `machine`.
    """

    entry: Entry
    hardware: Hardware
    lease: Lease
    node: Node
    machine: Machine
    url: str = ""
    hint: str = ""


def attach(desk: Desk, part: str) -> OpenNode:
    """The node of a part that is up already. Raises Missing saying to run `servelab up`."""
    entry = desk.journal.lease_for_command(part)
    hardware = desk.hardware_of(entry)
    site = desk.site(entry.site)
    site.sign_in()
    lease = current(desk, entry)
    node = site.find_node(node_name(part, str(entry.facts["netid"])), hardware)
    if node is None or node.status != "ACTIVE":
        state = f"is {node.status}" if node else "is not made yet"
        raise Missing(f"the node of {part} {state}. Run `servelab up {part}` first.")
    return OpenNode(entry, hardware, lease, node, site.open(node))
