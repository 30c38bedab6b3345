"""The fault table."""
from __future__ import annotations

from .switch import Fault

_M = {"match": "", "seconds": 0.2}
_ROWS = tuple(Fault(name, "x", "x", "x") for name in (
    "lease-pending-forever lease-error blazar-create-refused lease-extension-refused lease-delete-refused "
    "quota-instances "
    "server-error server-build-forever server-wrong-state server-never-reachable server-delete-ignored "
    "quota-floating-ips no-floating-ip floating-ip-not-attached image-missing ssh-refused ssh-no-banner "
    "ssh-drop-at-banner ssh-drop-at-auth keypair-mismatch tunnel-refused ssh-drop-in-upload ssh-drop-in-download "
    "ssh-host-key-changed kernel-dies-on-node sudo-asks-password apt-locked apt-no-network docker-install-fails "
    "docker-daemon-down docker-pull-fails docker-build-fails service-fails gpu-driver-missing gpu-fewer "
    "node-disk-full node-no-internet node-clock-skew").split()) + (
    Fault("clock-skew", "x", "x", "x", defaults={"seconds": 3600}),
    Fault("node-command-fails", "x", "x", "x", defaults={"match": "", "code": 1, "text": "failed"}),
    *(Fault(n, "x", "x", "x", defaults=_M) for n in ("ssh-drop-before-command", "ssh-session-hangs",
      "ssh-drop-mid-command", "lease-ended-mid-run", "node-reboots", "ssh-drop-after-command")))
TABLE = {row.name: row for row in _ROWS}
