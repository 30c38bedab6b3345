"""The fault table."""
from __future__ import annotations

from .switch import Fault

_ROWS = tuple(Fault(name, "x", "x", "x") for name in ["lease-pending-forever", "lease-error", "blazar-create-refused", "lease-extension-refused", "lease-delete-refused", "quota-instances", "server-error", "server-build-forever", "server-wrong-state", "server-never-reachable", "server-delete-ignored", "quota-floating-ips", "no-floating-ip", "floating-ip-not-attached", "image-missing"]) + (
    Fault("clock-skew", "x", "x", "x", defaults={"seconds": 3600}),)
TABLE = {row.name: row for row in _ROWS}
