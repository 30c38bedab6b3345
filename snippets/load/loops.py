"""Load generators that keep every sample: N clients in a closed loop, or Poisson arrivals in an open loop.

Closed loop: each client sends its next request when the last one is answered, so the load falls as the server
slows down. Open loop: requests arrive when they arrive; each latency counts from the *intended* arrival, also
when the request had to wait for a free connection (no "coordinated omission": G. Tene, "How NOT to measure
latency"). Failures are counted as failures, never as fast answers. Warm-up is not in the samples.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from snippets.errors import UsageError
from snippets.load.senders import Sender

# A client that fails this often in a row stops: the server is gone, and asking faster will not bring it back.
GIVE_UP_AFTER = 20
RETRY_S = 0.02
SAMPLE_S = 0.005
AT_LEAST = 3
MAX_CLIENTS = 512


class Asked(Protocol):
    """What the generators need of a target (senders.TritonTarget, senders.WebTarget)."""

    @property
    def batch(self) -> int: ...

    @property
    def protocol(self) -> str: ...

    @property
    def timeout_s(self) -> float: ...

    def sender(self) -> Sender: ...


class Window:
    """Called at the borders of the measured window; subclass it to read counters there."""

    def opened(self) -> None:
        """The warm-up is over; the measured window starts."""

    def closed(self) -> None:
        """The measured window has ended; requests may still be under way."""


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
    where that is not enough for AT_LEAST answers.

    The samples are the requests that ended within the window. Returns latency_ms, started_s (since the window
    opened; negative for those already under way) and ok, each [n]; clients, batch, protocol, seconds, warm_up_s,
    requests_per_s and samples_per_s of successes, failures, errors {text: count}, in_flight_mean.
    `stop` ends the window early. Raises UsageError for fewer than one client or no time.
    """
    _check(clients, seconds)
    window = window or Window()
    log, stop = _Log(), stop or threading.Event()

    def client() -> None:
        send, failed = _open(target), 0
        while not stop.is_set() and failed < GIVE_UP_AFTER:
            started = time.perf_counter()
            error = _attempt(send)
            log.add(started, time.perf_counter(), error)
            if error:
                failed += 1
                stop.wait(RETRY_S)
            else:
                failed = 0
        _close(send)

    with _threads(client, clients, target.timeout_s) as threads:
        _nap(warm_up_s, threads, stop)
        window.opened()
        opened = time.perf_counter()
        _nap(seconds, threads, stop)
        # A slow model may need longer for a few answers than the window lasts.
        _wait_for_answers(log, opened, threads, stop, target.timeout_s)
        closed = time.perf_counter()
        window.closed()
        stop.set()
    rows = [row for row in log.rows if opened <= row[1] < closed]
    return {
        "clients": clients,
        **_summary(rows, log, target, opened, closed - opened, warm_up_s),
        "in_flight_mean": _mean_in_flight(log.rows, opened, closed),
    }


def open_loop(
    target: Asked,
    offered_rps: float,
    seconds: float = 3.0,
    *,
    warm_up_s: float = 0.5,
    max_clients: int = 64,
    seed: int = 0,
    window: Window | None = None,
) -> dict[str, Any]:
    """Poisson arrivals at `offered_rps`, held whatever the server does, over at most `max_clients` connections.

    The samples are the requests whose intended arrival lies in the window; their latency counts from it. After
    the window the generator waits for those still under way (at most the target's timeout; then they are
    failures). Returns the fields of `closed_loop` (requests_per_s: of the samples, whenever they were answered), with
    offered_rps instead of clients, plus arrivals (in the window), completed_rps (answers within the window per
    second), drain_s, and sampled_in_flight [m]: requests arrived and not answered, looked at about every 5 ms, at
    sampled_s [m] since the window opened (in_flight_mean: their average over time, so that a look that came late
    counts for the whole time since the one before).
    Raises UsageError for a rate or time that is not positive.
    """
    _check(max_clients, seconds)
    if offered_rps <= 0:
        raise UsageError(f"The offered load must be positive, not {offered_rps} requests/s.")
    window = window or Window()
    arrivals = poisson_arrivals(offered_rps, warm_up_s + seconds, seed)
    log, stop, turn, connected = _Log(), threading.Event(), threading.Lock(), threading.Barrier(max_clients + 1)
    origin, queue = 0.0, iter(arrivals.tolist())

    answered = log

    def client() -> None:
        send = _open(target)
        connected.wait()
        while True:
            with turn:
                due = next(queue, None)
            if due is None or stop.is_set():
                break
            _sleep_until(origin + due)
            error = _attempt(send)
            answered.add(origin + due, time.perf_counter(), error)
        _close(send)

    samples: list[tuple[float, int]] = []
    with _threads(client, max_clients, target.timeout_s) as threads:
        origin = time.perf_counter() + 0.05
        connected.wait()
        _sleep_until(origin + warm_up_s)
        window.opened()
        opened = origin + warm_up_s
        while (now := time.perf_counter()) < opened + seconds:
            samples.append((now - opened, int(np.searchsorted(arrivals, now - origin)) - len(log.rows)))
            time.sleep(SAMPLE_S)
        window.closed()
        deadline = time.perf_counter() + target.timeout_s
        while any(t.is_alive() for t in threads) and time.perf_counter() < deadline:
            time.sleep(SAMPLE_S)
        drained = time.perf_counter()
        # What is answered later than this counts as never answered.
        log = _Log(list(log.rows))
        stop.set()
    in_window = arrivals[arrivals >= warm_up_s]
    rows = [row for row in log.rows if row[0] >= opened]
    done = sum(1 for _, ended, error in log.rows if not error and opened <= ended < opened + seconds)
    summary = _summary(rows, log, target, opened, seconds, warm_up_s)
    sampled_s, in_flight = np.array(samples, dtype=np.float64).reshape(-1, 2).T
    return {
        "offered_rps": offered_rps,
        **summary,
        "arrivals": len(in_window),
        "failures": summary["failures"] + len(in_window) - len(rows),
        "completed_rps": done / seconds,
        "max_clients": max_clients,
        "drain_s": drained - opened - seconds,
        "sampled_s": sampled_s,
        "sampled_in_flight": in_flight.astype(np.int64),
        "in_flight_mean": time_average(sampled_s, in_flight),
    }


def time_average(moments_s: np.ndarray, values: np.ndarray) -> float:
    """Average over time of `values` [m] seen at the ascending `moments_s` [m], whatever the gaps (trapezoids); of a
    single value itself, of none 0."""
    if len(values) < 2:
        return float(values.sum())
    return float(np.trapezoid(values, moments_s) / (moments_s[-1] - moments_s[0]))


def poisson_arrivals(rate: float, seconds: float, seed: int) -> np.ndarray:
    """Arrival times in [0, seconds): exponential gaps with mean 1/rate; float64, ascending."""
    generator = np.random.default_rng(seed)
    times = np.cumsum(generator.exponential(1 / rate, size=int(rate * seconds + 10 * (rate * seconds) ** 0.5 + 20)))
    return times[times < seconds]


def _wait_for_answers(
    log: _Log, opened: float, threads: list[threading.Thread], stop: threading.Event, limit_s: float
) -> None:
    deadline = time.perf_counter() + limit_s
    while sum(1 for _, ended, _ in log.rows if ended >= opened) < AT_LEAST and time.perf_counter() < deadline:
        if not any(t.is_alive() for t in threads) or stop.wait(SAMPLE_S):
            break


class _Log:
    """Rows (started, ended, error) from many threads; `list.append` is atomic in CPython."""

    def __init__(self, rows: list[tuple[float, float, str]] | None = None) -> None:
        self.rows = rows or []

    def add(self, started: float, ended: float, error: str) -> None:
        self.rows.append((started, ended, error))


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


def _attempt(send: Sender | str) -> str:
    """Send once; the error's text, or empty for a success."""
    if isinstance(send, str):
        return send
    try:
        send()
    except Exception as error:  # client libraries raise their own and the socket's exceptions
        return _name(error)
    return ""


def _close(send: Sender | str) -> None:
    if not isinstance(send, str):
        send.close()


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]


def _summary(
    rows: list[tuple[float, float, str]], log: _Log, target: Asked, opened: float, seconds: float, warm_up_s: float
) -> dict[str, Any]:
    rows = sorted(rows)
    ok = np.array([not error for _, _, error in rows], dtype=bool)
    started = np.array([row[0] for row in rows], dtype=np.float64)
    ended = np.array([row[1] for row in rows], dtype=np.float64)
    errors = Counter(error for _, _, error in rows if error)
    return {
        "latency_ms": (ended - started) * 1e3,
        "started_s": started - opened,
        "ok": ok,
        "batch": target.batch,
        "protocol": target.protocol,
        "seconds": seconds,
        "warm_up_s": warm_up_s,
        "requests_per_s": float(ok.sum() / seconds),
        "samples_per_s": float(ok.sum() * target.batch / seconds),
        "failures": int((~ok).sum()),
        "errors": dict(errors.most_common(5)),
    }


def _mean_in_flight(rows: list[tuple[float, float, str]], opened: float, closed: float) -> float:
    return sum(max(0.0, min(e, closed) - max(s, opened)) for s, e, _ in rows) / (closed - opened)


def _check(clients: int, seconds: float) -> None:
    if not 1 <= clients <= MAX_CLIENTS or seconds <= 0:
        raise UsageError(f"A load test needs 1 to {MAX_CLIENTS} clients and some seconds, not {clients} and {seconds}.")


def _sleep_until(moment: float) -> None:
    while (left := moment - time.perf_counter()) > 0:
        time.sleep(left)


def _nap(seconds: float, threads: list[threading.Thread], stop: threading.Event) -> None:
    """Wait, but not longer than there is a client left that has not given up, nor after `stop`."""
    deadline = time.perf_counter() + seconds
    while (left := deadline - time.perf_counter()) > 0 and any(t.is_alive() for t in threads):
        if stop.wait(min(left, 0.05)):
            break
