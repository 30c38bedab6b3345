"""Load generators that keep every sample: N clients in a closed loop, or arrivals in an open loop.

Closed loop: each client sends its next request when the last one is answered, so the load falls as the server
slows down. Open loop: requests arrive when they arrive; each latency counts from the *intended* arrival, also
when the request had to wait for a free connection (no "coordinated omission": G. Tene, "How NOT to measure
latency"). Failures are counted as failures, never as fast answers. Warm-up is not in the samples.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from snippets.errors import UsageError, first_line
from snippets.load.arrivals import Offered, Turns
from snippets.load.log import Log, Request, mean_in_flight, summary, time_average
from snippets.load.senders import Sender

# A client that fails this often in a row stops: the server is gone, and asking faster will not bring it back.
GIVE_UP_AFTER = 20
RETRY_S = 0.02
SAMPLE_S = 0.005
# How often one looks whether the request has ended that opens or closes a window.
LOOK_S = 0.001
# A window goes on until it holds ENOUGH answers, but not beyond STRETCHED times its length; AT_LEAST it must hold.
ENOUGH = 30
STRETCHED = 2.5
AT_LEAST = 3
MAX_CLIENTS = 512
# Between the moment that all clients are connected and the first arrival of an open loop.
LEAD_S = 0.05


class Asked(Protocol):
    """What the generators need of a target (senders.TritonTarget, senders.WebTarget)."""

    @property
    def batch(self) -> int:
        """Rows in one request."""

    @property
    def protocol(self) -> str:
        """How requests are sent, for the record."""

    @property
    def timeout_s(self) -> float:
        """Seconds after which a request without an answer is a failure."""

    def sender(self) -> Sender:
        """A new connection, for one thread. Raises whatever the client library raises when there is nobody."""


class Window:
    """Called at the borders of the measured window, and with every answer of a closed loop; subclass it to read
    counters there, or what an answer tells."""

    def opened(self) -> None:
        """The warm-up is over; the measured window starts."""

    def closed(self) -> None:
        """The measured window has ended; requests may still be under way."""

    def read(self, answer: Any) -> Mapping[str, float]:
        """Numbers of an answer, by name, to be kept beside its latency."""
        return {}


def closed_loop(
    target: Asked,
    clients: int,
    seconds: float = 3.0,
    *,
    warm_up_s: float = 0.5,
    window: Window | None = None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """`clients` connections, each always waiting for one answer, measured for `seconds` after the warm-up, and longer
    where that is not enough for ENOUGH answers (up to STRETCHED times as long, or until there are AT_LEAST).

    The warm-up lasts `warm_up_s`, and until there were as many answers as there are clients: only then do as many
    requests queue as there will always be. The window opens and closes with the end of a request: so whole services lie
    in it, and a few slow answers give the rate at which they are served, whatever was under way at a border. The
    samples are the requests that ended after it opened, the last one being what closes it. Returns latency_ms,
    started_s (since the window opened; negative for those already under way) and ok, each [n]; clients, batch,
    protocol, seconds, warm_up_s, requests_per_s and samples_per_s of successes, failures, errors {text: count},
    in_flight_mean; and, by name, what the window reads in each answer [n] (NaN for a failure). `stop` ends the window
    early.
    Raises UsageError for fewer than one client or no time.
    """
    _check(clients, seconds)
    window = window or Window()
    log, stop = Log(), stop or threading.Event()

    def client() -> None:
        send, failed = _open(target), 0
        while not stop.is_set() and failed < GIVE_UP_AFTER:
            request = _attempt(send, time.perf_counter(), window.read)
            log.add(request)
            if request.error:
                failed += 1
                stop.wait(RETRY_S)
            else:
                failed = 0
        _close(send)

    with _threads(client, clients, target.timeout_s) as threads:
        _nap(warm_up_s, threads, stop)
        _wait_until(lambda: len(log) >= clients, threads, stop, target.timeout_s)
        opened = _next_end(log, time.perf_counter(), threads, target.timeout_s)
        window.opened()
        _nap(opened + seconds - time.perf_counter(), threads, stop)
        # A slow model may need longer for a few answers than the window lasts. (The request that closes the window is
        # one of them; the one that opened it is none.)
        longer = opened + STRETCHED * seconds - time.perf_counter()
        _wait_until(lambda: log.answered_since(opened) >= ENOUGH, threads, stop, longer)
        _wait_until(lambda: log.answered_since(opened) >= AT_LEAST, threads, stop, target.timeout_s)
        closed = _next_end(log, time.perf_counter(), threads, target.timeout_s)
        window.closed()
        stop.set()
    rows = log.rows()
    return {
        "clients": clients,
        "batch": target.batch,
        "protocol": target.protocol,
        "warm_up_s": warm_up_s,
        **summary([row for row in rows if opened < row.ended <= closed], opened, closed - opened, target.batch),
        "in_flight_mean": mean_in_flight(rows, opened, closed),
    }


def open_loop(
    target: Asked, offered: Offered, *, max_clients: int = 64, window: Window | None = None
) -> dict[str, Any]:
    """Arrivals as `offered`, held whatever the server does, over at most `max_clients` connections.

    The samples are the requests whose intended arrival lies in the window; their latency counts from it. After
    the window the generator waits for those still under way (at most the target's timeout; then they are
    failures). Returns the fields of `closed_loop` (requests_per_s: of the samples, whenever they were answered), with
    offered_rps (arrivals in the window per second, as drawn by `seed`) instead of clients, plus asked_rps, seed,
    spacing, arrivals (in the window), completed_rps (answers within the window per second), drain_s, and
    sampled_in_flight [m]: requests arrived and not answered, looked at about every 5 ms, at sampled_s [m] since the
    window opened (in_flight_mean: their average over time, so that a look that came late counts for the whole time
    since the one before). Raises UsageError for fewer than one client.
    """
    _check(max_clients, offered.seconds)
    window = window or Window()
    arrivals = offered.arrivals_s()
    log, stop, turns = Log(), threading.Event(), Turns(arrivals)

    def begin() -> None:
        turns.origin = time.perf_counter() + LEAD_S

    # The last to be connected begins: what connecting takes is no request's wait.
    connected = threading.Barrier(max_clients + 1, action=begin)

    def client() -> None:
        send = _open(target)
        connected.wait()
        for due in turns:
            if stop.is_set():
                break
            _sleep_until(due)
            log.add(_attempt(send, due))
        _close(send)

    with _threads(client, max_clients, target.timeout_s) as threads:
        connected.wait()
        opened = turns.origin + offered.warm_up_s
        _sleep_until(opened)
        window.opened()
        sampled_s, in_flight = watch(log, arrivals + turns.origin, opened, offered.seconds)
        window.closed()
        _drain(threads, target.timeout_s)
        drained = time.perf_counter()
        # What is answered later than this counts as never answered.
        rows = log.rows()
        stop.set()
    closed = opened + offered.seconds
    in_window = [row for row in rows if row.started >= opened]
    found = summary(in_window, opened, offered.seconds, target.batch)
    # By the same sums as the rows': one that is due just when the window opens is rounded into it or out of it.
    expected = int((arrivals + turns.origin >= opened).sum())
    return {
        "offered_rps": expected / offered.seconds,
        "asked_rps": offered.rps,
        "seed": offered.seed,
        "spacing": offered.spacing,
        "batch": target.batch,
        "protocol": target.protocol,
        "warm_up_s": offered.warm_up_s,
        **found,
        "arrivals": expected,
        "failures": found["failures"] + expected - len(in_window),
        "completed_rps": sum(not row.error and opened <= row.ended < closed for row in rows) / offered.seconds,
        "max_clients": max_clients,
        "drain_s": drained - closed,
        "sampled_s": sampled_s,
        "sampled_in_flight": in_flight,
        "in_flight_mean": time_average(sampled_s, in_flight),
    }


class _threads:
    """Start `count` threads of `work`; on leaving wait for each, `join_s` seconds at most."""

    def __init__(self, work: Callable[[], None], count: int, join_s: float) -> None:
        self._threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
        self._join_s = join_s

    def __enter__(self) -> list[threading.Thread]:
        for thread in self._threads:
            thread.start()
        return self._threads

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        # After an interruption nobody waits: the threads are daemons and end with their next answer.
        for thread in self._threads if kind is None else ():
            thread.join(self._join_s)


def _open(target: Asked) -> Sender | str:
    try:
        return target.sender()
    except Exception as error:  # a connection refused is a failed request, whatever the client library raises
        return _name(error)


def _attempt(send: Sender | str, started: float, read: Callable[[Any], Mapping[str, float]] | None = None) -> Request:
    """Send once; the request as it went since `started`, with what `read` finds in its answer."""
    if isinstance(send, str):
        return Request(started, time.perf_counter(), send)
    try:
        answer = send()
        ended = time.perf_counter()
        return Request(started, ended, "", read(answer) if read is not None else None)
    except Exception as error:  # client libraries raise their own and the socket's exceptions
        return Request(started, time.perf_counter(), _name(error))


def _close(send: Sender | str) -> None:
    if not isinstance(send, str):
        send.close()


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error) if str(error) else ''}"[:200]


def _check(clients: int, seconds: float) -> None:
    if not 1 <= clients <= MAX_CLIENTS or seconds <= 0:
        raise UsageError(f"A load test needs 1 to {MAX_CLIENTS} clients and some seconds, not {clients} and {seconds}.")


def watch(log: Log, arrivals: np.ndarray, opened: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Look every SAMPLE_S how many requests have arrived (at `arrivals`, ascending moments of time.perf_counter) and
    are not answered: seconds since `opened` [m] and counts [m].

    The last look is for the end of the window, however late it comes: a machine that stood still until then would
    otherwise show nothing of those that arrived meanwhile.
    """
    looks: list[tuple[float, int]] = []

    def look(now: float) -> None:
        looks.append((now - opened, max(0, int(np.searchsorted(arrivals, now)) - len(log))))

    while (now := time.perf_counter()) < opened + seconds:
        look(now)
        time.sleep(SAMPLE_S)
    look(opened + seconds)
    moments, counts = np.array(looks, dtype=np.float64).reshape(-1, 2).T
    return moments, counts.astype(np.int64)


def _drain(threads: list[threading.Thread], limit_s: float) -> None:
    """Wait until every client has ended, `limit_s` seconds at most."""
    deadline = time.perf_counter() + limit_s
    while any(thread.is_alive() for thread in threads) and time.perf_counter() < deadline:
        time.sleep(SAMPLE_S)


def _wait_until(
    done: Callable[[], bool], threads: list[threading.Thread], stop: threading.Event, limit_s: float
) -> None:
    """Wait for `done`, `limit_s` seconds at most, while there is a client left, and not after `stop`."""
    deadline = time.perf_counter() + limit_s
    while not done() and time.perf_counter() < deadline:
        if not any(thread.is_alive() for thread in threads) or stop.wait(SAMPLE_S):
            break


def _next_end(log: Log, since: float, threads: list[threading.Thread], limit_s: float) -> float:
    """When the first request ended after `since`; where none will in time, the moment at which that was clear.

    Clients that are told to stop still finish what they have sent.
    """
    while (now := time.perf_counter()) < since + limit_s:
        waiting = any(thread.is_alive() for thread in threads)
        if (ended := log.first_end_since(since)) is not None:
            return ended
        if not waiting:
            break
        time.sleep(LOOK_S)
    return now


def _sleep_until(moment: float) -> None:
    while (left := moment - time.perf_counter()) > 0:
        time.sleep(left)


def _nap(seconds: float, threads: list[threading.Thread], stop: threading.Event) -> None:
    """Wait, but not longer than there is a client left that has not given up, nor after `stop`."""
    deadline = time.perf_counter() + seconds
    while (left := deadline - time.perf_counter()) > 0 and any(thread.is_alive() for thread in threads):
        if stop.wait(min(left, 0.05)):
            break
