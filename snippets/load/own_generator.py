"""A load generator as one writes it by hand: functions that students write, beside the kit's generators.

    mine = OwnGenerator(run, lambda: lab.target("onnx", photo), key, {"closed_loop": ..., "open_loop": ...})
    mine.closed(seconds, rounds)          # steps generator/closed/yours and generator/closed/kit
    mine.open("60", due_s, rounds)        # steps generator/open-60/yours and generator/open-60/kit

One connection sends one request at a time. The functions take `send` and `time` (Python's module) as arguments, so that
they can be tried in a made-up world, too.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from snippets.errors import first_line
from snippets.load import loops
from snippets.load.arrivals import Offered
from snippets.load.windows import WINDOW, take_turns

if TYPE_CHECKING:
    from snippets.record.run import Run

WRITTEN = "generator/written"
WINDOW_S = {"tiny": 0.25, "quick": 0.5, "full": 2.0}
ROUNDS = {"tiny": 1, "quick": 2, "full": 4}
"""Length and number of a load's windows by profile."""
MOST_REQUESTS = 20_000
PATIENCE_S = 10.0
"""What a generator may take beyond its load's own time: a slow server's queue is worked off in that."""
CLOSE_MS = 20.0
"""How far a latency may be from what was seen at the connection: another thread may have had its turn in between."""


class Own(Protocol):
    """A function that a student wrote, and its source."""

    @property
    def function(self) -> Callable[..., Any]:
        """The function."""

    @property
    def source(self) -> str:
        """Its text."""


def closed_loop(send: Callable[[], Any], time: Any, seconds: float) -> list[float]:
    """Latencies (ms) of one client that sends its next request when the last one is answered, for `seconds`."""
    latencies, began = [], time.perf_counter()
    while (sent := time.perf_counter()) - began < seconds:
        send()
        latencies.append((time.perf_counter() - sent) * 1e3)
    return latencies


def open_loop(send: Callable[[], Any], time: Any, due_s: Sequence[float]) -> list[float]:
    """Latencies (ms) of requests that are due at `due_s` (since now), counted from then, over one connection."""
    latencies, began = [], time.perf_counter()
    for due in due_s:
        time.sleep(max(0.0, began + due - time.perf_counter()))
        send()
        latencies.append((time.perf_counter() - began - due) * 1e3)
    return latencies


def poisson_arrivals(rate: float, seconds: float, draws: Sequence[float]) -> list[float]:
    """Moments (s) below `seconds` of arrivals whose gaps are exponential, from numbers drawn evenly in [0, 1)."""
    moment, found = 0.0, []
    for u in draws:
        moment -= math.log1p(-u) / rate
        if moment >= seconds:
            break
        found.append(moment)
    return found


def draws(rate: float, seconds: float, seed: int) -> np.ndarray:
    """As many numbers in [0, 1) as `poisson_arrivals` can need, float64."""
    most = rate * seconds
    return np.random.default_rng(seed).random(int(most + 8 * math.sqrt(most) + 20))


KIT: Mapping[str, Callable[..., list[float]]] = {"closed_loop": closed_loop, "open_loop": open_loop}


@dataclass(frozen=True)
class OwnGenerator:
    """Loads on one endpoint, with a student's generators and the kit's in turn.

    `target` gives whom to ask (its server is started when something is measured). `key`: what a step depends on beside
    the load. `own`: the student's functions by the names of KIT, or None.
    """

    run: Run
    target: Callable[[], loops.Asked]
    key: Mapping[str, Any]
    own: Mapping[str, Own | None]

    @cached_property
    def sources(self) -> dict[str, str]:
        """The text of each function that was written, by name; a replay takes the recorded ones. Step WRITTEN."""
        if self.run.mode == "replay":
            return dict(self.run.record().result(WRITTEN))
        sources = {name: one.source if one else "" for name, one in self.own.items()}
        return self.run.step(WRITTEN, lambda: sources, inputs=sources)

    def arrivals(self, name: str, make: Callable[..., list[float]], rate: float, seconds: float) -> np.ndarray:
        """Moments (s) of random arrivals as `make` gives them (see `poisson_arrivals`): step generator/<name>/due."""

        def drawn() -> dict[str, np.ndarray]:
            found = make(rate, seconds, draws(rate, seconds, seed=1))
            return {"due_s": np.array(found, dtype=np.float64)}

        return self.run.step(f"generator/{name}/due", drawn, inputs={"rate": rate, "seconds": seconds})["due_s"]

    def closed(self, seconds: float, rounds: int) -> dict[str, dict[str, Any]]:
        """One client in a closed loop, by "yours" and "kit"; see `_in_turn` for the fields."""

        def kit() -> dict[str, Any]:
            found = loops.closed_loop(self.target(), 1, seconds)
            return {"from_due_ms": found["latency_ms"][found["ok"]], "seconds": found["seconds"]}

        return self._in_turn("closed", ("closed_loop", seconds), seconds, kit, rounds)

    def open(self, name: str, due_s: np.ndarray, seconds: float, rounds: int) -> dict[str, dict[str, Any]]:
        """Requests that are due at the moments `due_s` of `seconds`, by "yours" and "kit"; see `_in_turn`."""

        def kit() -> dict[str, Any]:
            offered = Offered(max(len(due_s), 1) / seconds, seconds, 0.0, moments_s=tuple(due_s.tolist()))
            found = loops.open_loop(self.target(), offered, max_clients=1)
            return {"from_due_ms": found["latency_ms"][found["ok"]], "seconds": found["seconds"]}

        return self._in_turn(f"open-{name}", ("open_loop", due_s.tolist()), seconds, kit, rounds)

    def whose(self, load: Mapping[str, Mapping[str, Any]]) -> str:
        """In words: whose generator a load's "yours" is, and why not the student's."""
        one = load["yours"]
        if one["by"] == "you":
            return "yours"
        return "the kit's version" + (f" in the place of yours: {one['why']}" if one["why"] else ", as none is written")

    def _in_turn(
        self, load: str, call: tuple[str, Any], seconds: float, kit: Callable[[], dict[str, Any]], rounds: int
    ) -> dict[str, dict[str, Any]]:
        """Steps generator/<load>/yours and /kit, a window each in turn, joined.

        Each has `from_due_ms` [n], counted from when a request was due; "yours" also `from_sending_ms` [n], from when
        it was sent, both seen at the connection; whose function sent (`by`: "you" or "the kit") and `why` not theirs.
        """
        function, argument = call
        source = self.sources.get(function, "")

        def window(who: str, number: int) -> dict[str, Any]:
            inputs = {**self.key, "argument": argument, "seconds": seconds, WINDOW: number}
            if who == "kit":
                return self.run.step(f"generator/{load}/kit", kit, inputs=inputs)
            own = self.own.get(function) if source else None
            return self.run.step(
                f"generator/{load}/yours",
                lambda: measured(self.target(), function, own.function if own else None, argument),
                inputs={**inputs, "source": source},
            )

        return take_turns(("yours", "kit"), rounds, window)


def measured(target: loops.Asked, name: str, own: Callable[..., Any] | None, argument: Any) -> dict[str, Any]:
    """A load by the student's function, or where there is none, or it does not do what it says, by the kit's."""
    why = ""
    if own is not None:
        found = _sent(target, own, argument)
        why = found["why"] or problem(name, found, argument)
        if not why:
            return {**_kept(found, argument), "by": "you", "why": ""}
    return {**_kept(_sent(target, KIT[name], argument), argument), "by": "the kit", "why": why}


class _Connection:
    """One connection that notes when its requests are sent and answered, and refuses what would never end."""

    def __init__(self, target: loops.Asked, until: float) -> None:
        self._sender, self._until, self.over = target.sender(), until, False
        self.sent: list[float] = []
        self.answered: list[float] = []

    def send(self) -> None:
        """Send one request, and wait for its answer. Raises RuntimeError where the load ought to be over."""
        now = time.perf_counter()
        if self.over or now > self._until or len(self.sent) >= MOST_REQUESTS:
            raise RuntimeError("it goes on sending when the load is over")
        self.sent.append(now)
        self._sender()
        self.answered.append(time.perf_counter())

    def close(self) -> None:
        """Send nothing more."""
        self.over = True
        self._sender.close()


def _sent(target: loops.Asked, function: Callable[..., Any], argument: Any) -> dict[str, Any]:
    """What a generator did and returned: began_s, sent_s, answered_s, told; or `why` it came to nothing.

    It works in a thread of its own, which is left behind if it does not end.
    """
    lasts = float(argument if isinstance(argument, int | float) else max(argument, default=0.0))
    found: dict[str, Any] = {"why": "it does not end", "began": 0.0, "told": None}
    connected: dict[str, _Connection] = {}

    def work() -> None:
        # The client library wants its connection made and used in one thread.
        connection = connected["one"] = _Connection(target, time.perf_counter() + lasts + PATIENCE_S)
        try:
            found["began"] = time.perf_counter()
            found["told"] = function(connection.send, time, argument)
            found["why"] = ""
        except BaseException as error:  # whatever the student's code does
            found["why"] = f"it fails: {type(error).__name__}: {first_line(error)}"
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(lasts + 2 * PATIENCE_S)
    connection = connected["one"]
    connection.over = True
    return {**found, "sent": list(connection.sent), "answered": list(connection.answered)}


def problem(name: str, found: Mapping[str, Any], argument: Any) -> str:
    """What a generator did otherwise than asked, in words; empty: nothing that can be seen at the connection."""
    told, sent = found["told"], np.array(found["sent"]) - found["began"]
    seen = _kept(found, argument)["from_due_ms"]
    if not isinstance(told, list) or not all(isinstance(x, int | float) and math.isfinite(x) for x in told):
        return "it returns no list of latencies"
    if len(told) != len(seen):
        return f"it returns {len(told)} latencies for {len(seen)} requests"
    if name == "open_loop" and len(seen) != len(argument):
        return f"it sends {len(seen)} requests where {len(argument)} are due"
    if name == "open_loop" and np.any(sent < np.array(argument) - CLOSE_MS / 1e3):
        return "it sends requests before they are due"
    off = np.abs(np.array(told) - seen)
    if len(off) and float(np.median(off)) > CLOSE_MS:
        worst = int(np.argmax(off))
        return f"it says {told[worst]:.1f} ms where {seen[worst]:.1f} ms were seen at the connection"
    return ""


def _kept(found: Mapping[str, Any], argument: Any) -> dict[str, Any]:
    """Latencies as seen at the connection, of the requests that were answered, and the seconds until the last."""
    count = len(found["answered"])
    sent, answered = np.array(found["sent"][:count]), np.array(found["answered"])
    from_sending = (answered - sent) * 1e3
    due = from_sending
    if not isinstance(argument, int | float) and count == len(argument):
        due = (answered - found["began"] - np.array(argument)) * 1e3
    seconds = float(answered[-1] - found["began"]) if count else 0.0
    return {"from_due_ms": due, "from_sending_ms": from_sending, "seconds": seconds}
