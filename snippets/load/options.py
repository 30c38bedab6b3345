"""How a service is put under load, in one value that travels from the notebook to the generator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from snippets.errors import UsageError


@dataclass(frozen=True)
class LoadOptions:
    """A closed loop of `clients`, or an open loop of `offered_rps` requests a second: one of the two.

    `seconds`: length of the measured window (None: what the caller is used to), after `warm_up_s`. `max_clients`:
    connections of an open loop, and `seed` of its arrivals. `timeout_s`: a request without an answer by then failed.
    Raises UsageError unless exactly one of the two loops is asked for.
    """

    clients: int = 0
    offered_rps: float = 0.0
    seconds: float | None = None
    warm_up_s: float = 0.5
    max_clients: int = 64
    seed: int = 0
    protocol: str = "http"
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if (self.clients > 0) == (self.offered_rps > 0):
            raise UsageError("A load is a number of clients or of requests offered per second: give one of the two.")

    def key(self) -> dict[str, Any]:
        """The settings that differ from the defaults, by name: what a recorded step is told apart by."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}
