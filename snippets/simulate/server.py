"""What the model knows of a server and of how it is set up: a handful of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np

from snippets.errors import UsageError

# After this time without work, caches and cores have gone to sleep or to others.
RESTED_MS = 10.0


@dataclass(frozen=True)
class Server:
    """A service on a machine, in numbers.

    `execution_ms`: batch size in rows -> S(b), milliseconds for which one instance is busy with it while the others are
    idle; between and beyond the sizes given a straight line. `overhead_ms`: what a request takes outside of the server,
    of which `client_ms` are work of the load generator, which does one thing at a time. `request_ms`: what each further
    request in a batch takes beyond its row. `rested_ms`: how much longer the first execution takes after the server had
    nothing to do for RESTED_MS or more (of a shorter rest, its share). `cores`: how many executions can run side by
    side. `together`: how many times as long one takes while two do (1: they do not feel each other). `spread`: factors
    by which single executions differ, in the order in which they followed each other: a slow one is often followed by
    another. `unsteady`: by how much the machine's speed differs from one moment to another that lies apart (standard
    deviation of its logarithm).
    Raises UsageError for numbers that no server can have.
    """

    execution_ms: Mapping[int, float]
    overhead_ms: float = 0.0
    client_ms: float = 0.0
    request_ms: float = 0.0
    rested_ms: float = 0.0
    cores: int = 1024
    together: float = 1.0
    spread: tuple[float, ...] = (1.0,)
    unsteady: float = 0.0

    def __post_init__(self) -> None:
        sizes = self.execution_ms
        if not sizes or min(sizes) < 1 or min(sizes.values()) <= 0:
            raise UsageError("A server needs the time of at least one batch size: {rows: ms}, both positive.")
        if not 0 <= self.client_ms <= self.overhead_ms:
            raise UsageError(
                f"The client's work ({self.client_ms} ms) is a part of what a request takes outside of the server "
                f"({self.overhead_ms} ms); neither can be negative."
            )
        if min(self.request_ms, self.rested_ms, self.unsteady, *self.spread) < 0 or not sum(self.spread):
            raise UsageError("Times, factors and deviations are not negative, and one of the factors is above 0.")
        if self.cores < 1 or self.together < 1:
            raise UsageError(f"A server needs a core and `together` of 1 or more: {self.cores}, {self.together}.")

    def of_rows(self, rows: int) -> float:
        """S(b) in milliseconds, one instance at work."""
        sizes = sorted(self.execution_ms)
        times = [self.execution_ms[size] for size in sizes]
        if rows <= sizes[-1] or len(sizes) == 1:
            # Below the smallest and with one size only: in proportion would be a guess, too; take what is known.
            return float(np.interp(rows, sizes, times)) if len(sizes) > 1 else times[0] * rows / sizes[0]
        slope = (times[-1] - times[-2]) / (sizes[-1] - sizes[-2])
        return times[-1] + slope * (rows - sizes[-1])

    def of_requests(self, count: int) -> float:
        """The time of a batch that is put together from so many requests of one row, one instance at work."""
        return self.of_rows(count) + self.request_ms * (count - 1)

    def slower(self, times: float) -> Server:
        """The same service at a moment when all executions take so many times as long."""
        return replace(self, execution_ms={rows: times * ms for rows, ms in self.execution_ms.items()})

    def moments(self, count: int, seed: int = 0) -> list[Server]:
        """So many moments that lie apart, each a server of its own: quantiles of a normal distribution for the
        logarithm of the speed, shuffled by `seed`; on average as slow as this one."""
        if not self.unsteady:
            return [self] * count
        middles = ((number + 0.5) / count for number in range(count))
        times = np.exp([self.unsteady * NormalDist().inv_cdf(share) for share in middles])
        return [self.slower(one) for one in np.random.default_rng(seed).permutation(times / times.mean())]

    def slowdown(self, at_work: int) -> float:
        """How many times as long an execution takes while so many run side by side: each one more slows them down by as
        much as the second did."""
        return 1 + (self.together - 1) * (at_work - 1) if at_work else 1.0

    def rest(self, idle_ms: float) -> float:
        """What the first execution takes longer after so long a rest."""
        return self.rested_ms * min(1.0, idle_ms / RESTED_MS)


@dataclass(frozen=True)
class Batching:
    """Dynamic batching as Triton does it: a free instance takes what waits, at most `max_batch` rows.

    With `delay_ms` it waits until a `preferred` number has come (none: `max_batch`), or the oldest request has waited
    so long.
    """

    max_batch: int
    preferred: tuple[int, ...] = ()
    delay_ms: float = 0.0

    def rows(self, waiting: int, oldest_ms: float, was_busy: bool) -> int:
        """How many of those waiting a free instance takes now; 0: it waits for more.

        `was_busy`: the instance ends an execution at this moment. Then Triton has already closed a batch of the
        preferred size for it, and lets one more in before it looks at that size.
        """
        if not self.delay_ms:
            return min(waiting, self.max_batch)
        most = max(self.preferred, default=self.max_batch)
        if waiting > most and was_busy and self.preferred:
            return min(most + 1, self.max_batch)
        if waiting >= most:
            return most
        return min(waiting, self.max_batch) if oldest_ms >= self.delay_ms - 1e-9 else 0


@dataclass(frozen=True)
class Setting:
    """How the service is deployed: `instances`, and their `batching` (None: a request at a time)."""

    instances: int = 1
    batching: Batching | None = None

    def __post_init__(self) -> None:
        if self.instances < 1:
            raise UsageError(f"A service has one instance or more, not {self.instances}.")


@dataclass(frozen=True)
class Seen:
    """What the model's load generator saw: `latency_ms` [n] of the requests that count, a window of `seconds`, and how
    many executions there were of each size.

    `answered`: how many answers came within the window, of whichever requests (None: all that count). `drain_s`: for
    how long the last of them were waited for after it.
    """

    latency_ms: np.ndarray
    seconds: float
    batches: Mapping[int, int] = field(default_factory=dict)
    answered: int | None = None
    drain_s: float = 0.0

    @property
    def within(self) -> int:
        """Answers within the window."""
        return len(self.latency_ms) if self.answered is None else self.answered

    @property
    def requests_per_s(self) -> float:
        """Requests answered per second."""
        return self.within / self.seconds

    def percentile(self, percent: float) -> float:
        """A percentile of the latency, ms; nan without a request."""
        if not len(self.latency_ms):
            return math.nan
        return float(np.percentile(self.latency_ms, percent))

    @property
    def mean_batch(self) -> float:
        """Rows of the mean execution."""
        executions = sum(self.batches.values())
        return sum(size * count for size, count in self.batches.items()) / executions if executions else 0.0
