"""`servelab up`: from a lease on record to a ready node and one URL."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace

from reserve.desk import Desk
from reserve.errors import SiteError
from reserve.lease.leases import node_name, wait_active
from reserve.node.attach import OpenNode
from reserve.node.boot import ensure_node, reach
from reserve.node.checkout import pack
from reserve.node.places import STATE
from reserve.node.preparation import look, tasks_for
from reserve.node.provision import provision
from reserve.sites.local import NAME as LOCAL
from reserve.sites.ssh import SshMachine, ssh_port

WAIT_FOR_START_S = 3600.0


@dataclass(frozen=True)
class UpOptions:
    """`public`: JupyterLab answers the internet; `tunnel`: keep the way to it open until Ctrl-C; `dataset`: the data
    set to prepare on the node; `start_limit_s`: how long to wait for the lease to begin, in seconds."""

    public: bool = False
    tunnel: bool = False
    dataset: str = "rehearsal"
    start_limit_s: float = WAIT_FOR_START_S


def up(desk: Desk, part: str, options: UpOptions = UpOptions()) -> OpenNode:
    """Wait for the lease, boot, prove reachability, provision. Idempotent: a second call takes seconds.

    Raises SiteError if there is no lease on record or it begins too late, and what each of the steps raises.
    """
    entry = desk.journal.lease_for_command(part)
    hardware = desk.hardware_of(entry)
    site = desk.site(entry.site)
    with desk.journal.locked(part):
        desk.say(f"{part} at {site.name}: signed in as {site.sign_in()}")
        lease = wait_active(desk, entry, options.start_limit_s)
        name = node_name(part, str(entry.facts["netid"]))
        node = ensure_node(desk, lease, hardware, name, public=options.public)
        machine = reach(desk, node)
        try:
            tree = pack(desk.kit, part if hardware.kind == "device" else "")
            if tree.kept_back:
                desk.say(f"not sent, since they are keys or hold a sign-in: {', '.join(tree.kept_back)}")
            tasks = tasks_for(hardware, tree, desk.kit, dataset=options.dataset, public=options.public)
            tasks.insert(0, look(hardware, desk.clock, desk.say))
            # A container is asked through the site's API, one request after the other.
            another = None if hardware.kind == "device" else lambda: site.open(node)
            done = provision(machine, tasks, desk.clock, desk.say, another)
        except BaseException:
            machine.close()
            raise
        desk.say(f"{name} is ready" + ("" if done else ": nothing was left to do"))
        return with_address(OpenNode(entry, hardware, lease, node, machine), options.public)


def with_address(opened: OpenNode, public: bool) -> OpenNode:
    """The node with the URL of its JupyterLab for a browser, and the words that make it reachable.

    Raises SiteError if JupyterLab left no address.
    """
    if opened.hardware.kind == "device" and not public:
        hint = (
            "An edge container opens no port to the internet. Run the notebooks on it with `servelab run edge --site "
            "chameleon`; `servelab up edge --public` opens JupyterLab to everybody who has its token."
        )
        return replace(opened, hint=hint)
    text = opened.machine.run(f"cat ~/{STATE}/jupyter.json").output
    try:
        facts = json.loads(text)
        port, token = int(facts["port"]), str(facts["token"])
    except (ValueError, KeyError):
        raise SiteError(f"JupyterLab on {opened.node.name} left no address. Run `servelab up` again.") from None
    if public:
        hint = (
            f"PUBLIC: JupyterLab on port {port} answers the whole internet, unencrypted; whoever has the token above "
            "can run anything on the node. Without --public it answers on the node's loopback only."
        )
        return replace(opened, url=f"http://{opened.node.address}:{port}/lab?token={token}", hint=hint)
    return replace(opened, url=f"http://127.0.0.1:{port}/lab?token={token}", hint=_tunnel_hint(opened, port))


def _tunnel_hint(opened: OpenNode, port: int) -> str:
    if opened.node.site == LOCAL:
        return ""
    key = f" -i {opened.machine.key}" if isinstance(opened.machine, SshMachine) else ""
    at = f" -p {ssh_port()}" if ssh_port() != 22 else ""
    command = f"ssh -N{key}{at} -L {port}:127.0.0.1:{port} {opened.node.user}@{opened.node.address}"
    return f"First, in a terminal of its own: {command}\n(or repeat the command with --tunnel, which keeps it open)"


def bring_up(desk: Desk, part: str, options: UpOptions = UpOptions(), until: threading.Event | None = None) -> None:
    """A ready node and its URL, said; with `options.tunnel` the way to it is kept open until Ctrl-C (or `until`)."""
    opened = up(desk, part, options)
    try:
        if options.tunnel and isinstance(opened.machine, SshMachine) and opened.url and not options.public:
            _keep_tunnel(desk, opened.machine, opened.url, until or threading.Event())
            return
        if opened.url:
            desk.voice("\n" + opened.url)  # with its token: said once, kept nowhere here
        if opened.hint:
            desk.say(opened.hint)
        place = LOCAL if opened.node.site == LOCAL else "chameleon"
        desk.say(f"Run the notebooks there: servelab run {part} --site {place}")
    finally:
        opened.machine.close()


def _keep_tunnel(desk: Desk, machine: SshMachine, url: str, until: threading.Event) -> None:
    port = int(url.split(":")[2].split("/")[0])
    tunnel = machine.tunnel(port)
    try:
        desk.voice("\n" + url.replace(f":{port}/", f":{tunnel.port}/", 1))
        desk.say("the tunnel is open; Ctrl-C closes it (the node stays yours until its lease ends)")
        until.wait()
    finally:
        tunnel.close()
