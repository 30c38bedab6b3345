"""A student's session through unmodified python-chi: `python -m tests.chameleon.scenario`, OS_* in the environment.

The same code runs against the emulator and against a real OpenStack. Prints one JSON object: what it saw.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

NODE_TYPE, IMAGE, NAME = "gpu_p100", "CC-Ubuntu24.04-CUDA", "scenario"


def until(condition: Callable[[], Any], what: str, timeout_s: float = 90) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {timeout_s} s")
        time.sleep(0.1)
    return found


def new_lease(name: str, amount: int) -> Any:
    from chi import lease

    wanted = lease.Lease(name, duration=timedelta(hours=3))
    wanted.add_node_reservation(amount=amount, node_type=NODE_TYPE)
    return wanted


def key_pair(folder: Path) -> None:
    import chi
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    (folder / "id.pub").write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(*form))
    chi.set("keypair_name", NAME)
    chi.set("keypair_public_key", str(folder / "id.pub"))


def refused(amount: int) -> dict[str, Any]:
    """Blazar's own words, which python-chi would replace by `Unable to make lease`."""
    import chi
    from blazarclient.exception import BlazarClientException

    wanted = new_lease(NAME + "-second", amount)
    try:
        chi.blazar().lease.create(
            name=wanted.name, start="now", end=wanted.end_date, reservations=wanted.node_reservations, events=[]
        )
    except BlazarClientException as error:
        return {"status": error.kwargs["code"], "message": str(error)}
    raise AssertionError("a lease on nodes that are taken was granted")


def run() -> dict[str, Any]:
    import chi
    from chi import hardware, lease, network, server

    seen: dict[str, Any] = {}
    chi.use_site(os.environ["OS_REGION_NAME"])
    nodes = hardware.get_nodes(node_type=NODE_TYPE)
    seen["nodes"] = [[node.name, node.reservable] for node in nodes]
    first = new_lease(NAME, 1)
    try:
        first.submit(wait_for_active=False)
        seen["lease"] = until(lambda: first.status == "ACTIVE" and first.status, "lease ACTIVE")
        with tempfile.TemporaryDirectory() as folder:
            key_pair(Path(folder))
            node = server.Server(NAME, reservation_id=first.node_reservations[0]["id"], image_name=IMAGE)
            node.submit(wait_for_active=False, show=None)
        node.refresh()
        seen["server"] = until(lambda: node.status in ("ACTIVE", "ERROR") and node.status, "server ACTIVE")
        seen["fixed"] = [each["addr"] for each in node.addresses["sharednet1"]]
        address = node.associate_floating_ip()
        until(lambda: node.get_floating_ip() == address, "floating IP shown")
        seen["floating"] = address
        seen["refused"] = refused(2)
        seen["leases"] = [entry.name for entry in lease.list_leases()]
        seen["by-name"] = lease.get_lease(NAME).id == first.id
        node.delete(delete_ips=False)
        chi.neutron().delete_floatingip(network.get_floating_ip(address)["id"])
        chi.nova().keypairs.delete(NAME)
    finally:
        if first.id:
            first.delete()
    both = new_lease(NAME + "-both", 2)
    both.submit(wait_for_active=False)
    seen["both"] = until(lambda: both.status == "ACTIVE" and both.status, "second lease ACTIVE")
    both.delete()
    until(lambda: not chi.nova().servers.list(), "servers gone")
    seen["left"] = len(lease.list_leases()) + len(chi.neutron().list_floatingips()["floatingips"])
    return seen


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(run()), file=out)
