"""How a service is put under load, in one value that travels from the notebook to the generator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from snippets.errors import UsageError

# A closed loop also waits until its clients have been answered; a queue takes a moment to become as long as usual.
CLOSED_WARM_UP_S, OPEN_WARM_UP_S = 0.1, 0.2


@dataclass(frozen=True)
class LoadOptions:
    """A closed loop of `clients`, or an open loop of `offered_rps` requests a second: one of the two.

    `seconds`: length of the measured window (None: what the caller is used to), after `warm_up_s` (None: that of the
    loop, CLOSED_WARM_UP_S or OPEN_WARM_UP_S); `window` of `windows` of the same load. `max_clients`: connections of an
    open loop, `seed` and `spacing` of its arrivals (arrivals.SPACINGS). `timeout_s`: a request without an answer by
    then failed. Raises UsageError unless exactly one of the two loops is asked for.
    """

    clients: int = 0
    offered_rps: float = 0.0
    seconds: float | None = None
    warm_up_s: float | None = None
    max_clients: int = 64
    seed: int = 0
    protocol: str = "http"
    timeout_s: float = 30.0
    window: int = 0
    windows: int = 1
    spacing: str = "poisson"

    def __post_init__(self) -> None:
        if (self.clients > 0) == (self.offered_rps > 0):
            raise UsageError("A load is a number of clients or of requests offered per second: give one of the two.")

    @property
    def warm_up(self) -> float:
        """Seconds of warm-up before the window."""
        usual = CLOSED_WARM_UP_S if self.clients else OPEN_WARM_UP_S
        return usual if self.warm_up_s is None else self.warm_up_s

    def key(self) -> dict[str, Any]:
        """The settings that differ from the defaults, by name: what a recorded step is told apart by."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}
