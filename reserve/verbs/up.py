"""From a lease on record to a ready node and one URL; and the machine of a node that is up."""

from __future__ import annotations

import json
from dataclasses import dataclass

from reserve.desk import Desk
from reserve.errors import Missing, SiteError
from reserve.hardware import Hardware
from reserve.journal import Entry
from reserve.lease.leases import current, node_name, wait_active
from reserve.node.boot import ensure_node, reach
from reserve.node.checkout import pack
from reserve.node.preparation import STATE, steps_for
from reserve.node.provision import examine, provision
from reserve.site import Lease, Machine, Node, Site
from reserve.sites.local import NAME as LOCAL
from reserve.sites.ssh import SshMachine, ssh_port

WAIT_FOR_START_S = 3600.0


@dataclass
class Ready:
    """A node that is ready: its lease, its open machine, and the address of its JupyterLab (with its token)."""

    entry: Entry
    hardware: Hardware
    site: Site
    lease: Lease
    node: Node
    machine: Machine
    url: str = ""
    how: str = ""


def up(
    desk: Desk,
    part: str,
    *,
    public: bool = False,
    dataset: str = "rehearsal",
    start_limit_s: float = WAIT_FOR_START_S,
) -> Ready:
    """Wait for the lease, boot, prove reachability, provision. Idempotent: a second call takes seconds."""
    entry = desk.journal.lease_for_command(part)
    hardware = desk.hardware_of(entry)
    site = desk.site(entry.site)
    with desk.journal.locked(part):
        desk.say(f"{part} at {site.name}: signed in as {site.sign_in()}")
        lease = wait_active(site, entry, desk.journal, desk.clock, desk.say, start_limit_s)
        name = node_name(part, str(entry.facts["netid"]))
        node = ensure_node(site, lease, hardware, name, desk.journal, desk.clock, desk.say, public=public)
        machine = reach(site, node, desk.clock, desk.say)
        try:
            examine(machine, hardware, desk.clock, desk.say)
            steps = steps_for(hardware, pack(desk.kit), desk.kit, dataset=dataset, public=public)
            done = provision(machine, steps, desk.clock, desk.say)
        except BaseException:
            machine.close()
            raise
        desk.say(f"{name} is ready" + ("" if done else ": nothing was left to do"))
        ready = Ready(entry, hardware, site, lease, node, machine)
        ready.url, ready.how = _address(ready, public)
        return ready


def attach(desk: Desk, part: str) -> Ready:
    """The node of a part that is up already. Raises Missing saying to run `servelab up`."""
    entry = desk.journal.lease_for_command(part)
    hardware = desk.hardware_of(entry)
    site = desk.site(entry.site)
    site.sign_in()
    lease = current(site, entry, desk.journal)
    node = site.find_node(node_name(part, str(entry.facts["netid"])), hardware)
    if node is None or node.status != "ACTIVE":
        state = f"is {node.status}" if node else "is not made yet"
        raise Missing(f"the node of {part} {state}. Run `servelab up {part}` first.")
    return Ready(entry, hardware, site, lease, node, site.open(node))


def _address(ready: Ready, public: bool) -> tuple[str, str]:
    """The URL for a browser, and the words that make it reachable."""
    if ready.hardware.kind == "device" and not public:
        return "", (
            "An edge container opens no port to the internet. Run the notebooks on it with `servelab run edge --site "
            "chameleon`; `servelab up edge --public` opens JupyterLab to everybody who has its token."
        )
    text = ready.machine.run(f"cat ~/{STATE}/jupyter.json").output
    try:
        facts = json.loads(text)
        port, token = int(facts["port"]), str(facts["token"])
    except (ValueError, KeyError):
        raise SiteError(f"JupyterLab on {ready.node.name} left no address. Run `servelab up` again.") from None
    if public:
        return f"http://{ready.node.address}:{port}/lab?token={token}", (
            f"PUBLIC: JupyterLab on port {port} answers the whole internet, unencrypted; whoever has the token above "
            "can run anything on the node. Without --public it answers on the node's loopback only."
        )
    url = f"http://127.0.0.1:{port}/lab?token={token}"
    if ready.site.name == LOCAL:
        return url, ""
    key = f" -i {ready.machine.key}" if isinstance(ready.machine, SshMachine) else ""
    at = f" -p {ssh_port()}" if ssh_port() != 22 else ""
    tunnel = f"ssh -N{key}{at} -L {port}:127.0.0.1:{port} {ready.node.user}@{ready.node.address}"
    return (
        url,
        f"First, in a terminal of its own: {tunnel}\n(or repeat the command with --tunnel, which keeps it open)",
    )
