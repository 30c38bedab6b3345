"""The fault table: every fault of the emulated Chameleon that can be switched on by name.

`emulator.faults.on(NAME, times=1, after=0, **parameters)`: strike once, at the first occasion. `match` (a regular
expression) chooses the request ("POST /v1/leases") or the command on the node, `service` the service, where a row
has them in `defaults`. `remedy` says what the message to the student must make clear.
"""

from __future__ import annotations

from ..switch import Fault
from .containers import CONTAINER
from .leases import LEASE
from .node import NODE
from .requests import HTTP
from .servers import SERVER
from .virtual import VIRTUAL

TABLE: dict[str, Fault] = {fault.name: fault for fault in (*HTTP, *LEASE, *SERVER, *VIRTUAL, *CONTAINER, *NODE)}
