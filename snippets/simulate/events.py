"""The event loop: requests that wait, are computed together with others, and share the machine meanwhile.

Written out rather than taken from a library: an execution here becomes slower or faster whenever another one begins or
ends. The usual simulators (SimPy, Ciw) let something take a time that is known when it begins, so each change would
have to interrupt and restart all others; as a loop over "what ends next" that is one division.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snippets.errors import UsageError
from snippets.simulate.server import Seen, Server, Setting

REQUESTS = 2000
# Executions for which there is no core take turns with the others, so long at a time (as Linux schedules).
SLICE_MS = 3.0
# Requests for each client that pass before anything is kept: by then the queue is as long as it will always be.
WARM_UP = 5


def closed_loop(server: Server, setting: Setting, clients: int, *, requests: int = REQUESTS, seed: int = 0) -> Seen:
    """`clients` who each send the next request when the last one is answered; the first `requests` after a warm-up.

    The same numbers and `seed` give the same result. Raises UsageError for fewer than one client or request.
    """
    if clients < 1 or requests < 1:
        raise UsageError(f"A closed loop needs a client and a request, not {clients} and {requests}.")
    loop = _Loop(server, setting, seed)
    for _ in range(clients):
        loop.send(0.0)
    warm = WARM_UP * clients
    while len(loop.answered) < warm + requests:
        before = len(loop.answered)
        loop.step()
        for one in loop.answered[before:]:
            loop.send(one.ended)
    kept = loop.answered[warm - 1 : warm + requests]
    return _seen(loop, kept[1:], kept[0].ended, kept[-1].ended)


def open_loop(
    server: Server,
    setting: Setting,
    arrivals_s: Sequence[float] | np.ndarray,
    warm_up_s: float = 0.0,
    seconds: float = 0.0,
    seed: int = 0,
) -> Seen:
    """Requests that arrive at these moments [m] (ascending seconds), whatever the server does; those after the warm-up
    are kept, each of them until it is answered.

    `seconds`: length of the window after the warm-up, in which answers are counted as the load generator counts them,
    those to requests of the warm-up included; 0: until the last answer, and
    UsageError if there is none. (A window in which nobody comes is one of several.)
    """
    loop = _Loop(server, setting, seed)
    for moment in arrivals_s:
        loop.send(1e3 * float(moment))
    while loop.busy:
        loop.step()
    kept = [one for one in loop.answered if one.sent >= 1e3 * warm_up_s]
    if not kept and not seconds:
        raise UsageError("No request arrives after the warm-up: offer more, or for longer.")
    opened = 1e3 * warm_up_s
    last = max([opened, *(1e3 * moment for moment in arrivals_s[-1:]), *(one.ended for one in loop.answered[-1:])])
    if not seconds:
        return _seen(loop, kept, opened, last)
    closed = opened + 1e3 * seconds
    seen = _seen(loop, kept, opened, closed)
    within = sum(opened <= one.ended < closed for one in loop.answered)
    return replace(seen, answered=within, drain_s=max(last - closed, 0.0) / 1e3)


def joined(windows: Sequence[Seen]) -> Seen:
    """Several windows of one load as one."""
    batches: Counter[int] = Counter()
    for one in windows:
        batches.update(one.batches)
    latencies = np.concatenate([one.latency_ms for one in windows])
    seconds, answered = (sum(getattr(one, name) for one in windows) for name in ("seconds", "within"))
    return Seen(latencies, seconds, dict(sorted(batches.items())), answered, sum(one.drain_s for one in windows))


def _seen(loop: _Loop, kept: Sequence[_Request], opened_ms: float, closed_ms: float) -> Seen:
    latencies = np.array([one.ended - one.sent for one in kept])
    batches = Counter(rows for moment, rows in loop.executions if moment >= opened_ms)
    return Seen(latencies, max(closed_ms - opened_ms, 1e-9) / 1e3, dict(sorted(batches.items())))


@dataclass
class _Request:
    """Moments in milliseconds: sent, in the server's queue, answered."""

    sent: float
    queued: float = 0.0
    ended: float = 0.0


@dataclass(eq=False)
class _Execution:
    """A batch on its way: how much work is left, in milliseconds of an instance that is alone."""

    left: float
    requests: list[_Request]


class _Loop:
    """The state of the server at `now` (ms), and the steps from event to event."""

    def __init__(self, server: Server, setting: Setting, seed: int) -> None:
        self.server, self.setting = server, setting
        self.now = 0.0
        self.answered: list[_Request] = []
        self.executions: list[tuple[float, int]] = []
        self._queue: deque[_Request] = deque()
        self._running: list[_Execution] = []
        self._timers: list[tuple[float, int, str, _Request | None]] = []
        self._numbers = 0
        self._client_free = self._idle_since = 0.0
        self._chosen: list[_Execution] = []
        self._slice_ends = np.inf
        self._random = np.random.default_rng(seed)
        spread = np.array(server.spread)
        self._spread = spread / spread.mean()
        self._drawn = int(self._random.integers(len(spread)))
        self._work = {rows: server.of_requests(rows) for rows in range(1, 1 + self._most())}

    def _most(self) -> int:
        return self.setting.batching.max_batch if self.setting.batching else 1

    @property
    def busy(self) -> bool:
        """Whether anything is still to happen."""
        return bool(self._timers or self._running or self._queue)

    def send(self, moment: float) -> None:
        """A client sends a request at that moment; what it takes on its way comes before the queue."""
        way = self.server.overhead_ms - self.server.client_ms
        self._at(moment + way, "queued", _Request(moment))

    def step(self) -> None:
        """Go on to the next event."""
        slowdown = self.server.slowdown(len(self._chosen))
        ends = self.now + slowdown * min((one.left for one in self._chosen), default=np.inf)
        due = min(self._timers[0][0] if self._timers else np.inf, self._slice_ends)
        passed = (min(ends, due) - self.now) / slowdown
        for one in self._chosen:
            one.left -= passed
        self.now = min(ends, due)
        if ends <= due:
            done = min(self._chosen, key=lambda one: one.left)
            self._running.remove(done)
            self._idle_since = self.now
            for answered in done.requests:
                self._answer(answered)
            self._dispatch(was_busy=True)
            self._choose()
            return
        if due == self._slice_ends:
            self._choose()
            return
        _, _, what, request = heapq.heappop(self._timers)
        if what == "queued" and request is not None:
            request.queued = self.now
            self._queue.append(request)
        elif what == "answered" and request is not None:
            request.ended = self.now
            self.answered.append(request)
        self._dispatch(was_busy=False)

    def _answer(self, request: _Request) -> None:
        """The client takes the answers one after the other."""
        self._client_free = max(self._client_free, self.now) + self.server.client_ms
        self._at(self._client_free, "answered", request)

    def _dispatch(self, was_busy: bool) -> None:
        """Let free instances take what waits, as the setting says."""
        batching = self.setting.batching
        while self._queue and len(self._running) < self.setting.instances:
            oldest = self._queue[0].queued
            rows = batching.rows(len(self._queue), self.now - oldest, was_busy) if batching else 1
            if not rows:
                # One moment for each request at the head of the queue: looked at again when it has waited enough.
                self._look_again(oldest + batching.delay_ms if batching else self.now)
                return
            taken = [self._queue.popleft() for _ in range(rows)]
            rest = 0.0 if self._running else self.server.rest(self.now - self._idle_since)
            self._running.append(_Execution(self._work[rows] * self._factor() + rest, taken))
            self.executions.append((self.now, rows))
            self._choose()

    def _choose(self) -> None:
        """Who has a core until the next change: all, or as many as there are cores, drawn anew for each slice."""
        cores = self.server.cores
        if len(self._running) <= cores:
            self._chosen, self._slice_ends = list(self._running), np.inf
            return
        drawn = self._random.permutation(len(self._running))[:cores]
        self._chosen = [self._running[number] for number in drawn]
        self._slice_ends = self.now + SLICE_MS

    def _look_again(self, moment: float) -> None:
        if not any(what == "look" and when == moment for when, _, what, _ in self._timers):
            self._at(moment, "look", None)

    def _factor(self) -> float:
        """The next factor of the spread, in its order, over and over."""
        self._drawn = (self._drawn + 1) % len(self._spread)
        return float(self._spread[self._drawn])

    def _at(self, moment: float, what: str, request: _Request | None) -> None:
        self._numbers += 1
        heapq.heappush(self._timers, (moment, self._numbers, what, request))
