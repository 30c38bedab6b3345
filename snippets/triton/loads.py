"""Load one or more models of a Triton server and keep what both sides saw: client samples, server statistics,
and how busy the machine was meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets import stats
from snippets.errors import ServerError
from snippets.load import loops
from snippets.load.arrivals import Offered
from snippets.load.log import require_answers
from snippets.load.options import LoadOptions
from snippets.load.senders import TritonTarget
from snippets.machine.utilization import Utilization
from snippets.triton.server import TritonServer
from snippets.triton.stats import Statistics

# Length of a load window in seconds where nobody says otherwise.
SECONDS = 3.0


def target_of(
    server: TritonServer, model: str, inputs: Mapping[str, np.ndarray], protocol: str = "http", timeout_s: float = 30.0
) -> TritonTarget:
    """The model on this server as a target for the load generators."""
    url = server.grpc_url if protocol.startswith("grpc") else server.url
    return TritonTarget(url, model, inputs, protocol, timeout_s)


@dataclass(frozen=True)
class Neighbour:
    """Another model that is kept busy meanwhile: `clients` in a closed loop send `inputs` to it."""

    model: str
    inputs: Mapping[str, np.ndarray]
    clients: int


def put_under_load(
    server: TritonServer, model: str, inputs: Mapping[str, np.ndarray], options: LoadOptions
) -> dict[str, Any]:
    """A closed or an open loop on one model (see `load.loops`), and what the server saw of it.

    Returns the generator's fields, those of Statistics.facts() (means per request over the window: queue_ms,
    compute_ms, batches ...), client_ms (mean latency less the server's share: network and client), and
    utilization over time (Utilization.samples(), util_s since the window opened).
    Raises ServerError, with the number of failed requests, if the server does not live to the end or every request
    failed.
    """
    asked = target_of(server, model, inputs, options.protocol, options.timeout_s)
    seconds = options.seconds or SECONDS
    counters = _Counters(server, model)
    try:
        with Utilization(server.pid) as seen:
            counters.seen = seen
            if options.clients:
                result = loops.closed_loop(asked, options.clients, seconds, warm_up_s=options.warm_up, window=counters)
            else:
                offered = Offered(
                    options.offered_rps,
                    seconds,
                    options.warm_up,
                    options.seed,
                    options.window,
                    options.windows,
                    options.spacing,
                )
                result = loops.open_loop(asked, offered, max_clients=options.max_clients, window=counters)
    except OSError as error:
        # The statistics could not be read: the server went away at a border of the window.
        server.check()
        raise ServerError(f"Triton's statistics for `{model}` could not be read: {error}.") from error
    try:
        server.check()
    except ServerError as error:
        sent = len(result["ok"])
        raise ServerError(f"{result['failures']} of {sent} requests to `{model}` failed: {error}") from error
    require_answers(result, f"`{model}`")
    facts = counters.difference.facts()
    good = stats.good_ms(result)
    result["client_ms"] = float(good.mean() - facts["server_ms"]) if good.size else 0.0
    samples = seen.samples()
    samples["util_s"] = samples["util_s"] - counters.opened_s
    return {"model": model, **result, **facts, **samples}


def beside(
    server: TritonServer, model: str, inputs: Mapping[str, np.ndarray], options: LoadOptions, neighbour: Neighbour
) -> dict[str, Any]:
    """`put_under_load` of one model while the neighbour is kept busy; adds neighbour_rps, neighbour_failures and
    neighbour_latency_ms.

    The neighbour is under load before the window opens and until after it closes.
    """
    stop = threading.Event()
    other = target_of(server, neighbour.model, neighbour.inputs)
    with ThreadPoolExecutor(1) as pool:
        # Ended by the event, long before its own limit.
        running = pool.submit(loops.closed_loop, other, neighbour.clients, 3600, warm_up_s=0.2, stop=stop)
        try:
            result = put_under_load(server, model, inputs, options)
        finally:
            stop.set()
        heavy = running.result()
    require_answers(heavy, f"the neighbour `{neighbour.model}`")
    return {
        **result,
        "neighbour": neighbour.model,
        "neighbour_clients": neighbour.clients,
        "neighbour_rps": heavy["requests_per_s"],
        "neighbour_failures": heavy["failures"],
        "neighbour_latency_ms": stats.good_ms(heavy),
    }


class _Counters(loops.Window):
    """The model's statistics at both borders of the window."""

    def __init__(self, server: TritonServer, model: str) -> None:
        self._server, self._model = server, model
        self._before = Statistics()
        self.difference = Statistics()
        self.seen: Utilization | None = None
        self.opened_s = 0.0

    def opened(self) -> None:
        self._before = self._server.statistics(self._model)
        if self.seen is not None:
            self.opened_s = time.perf_counter() - self.seen.origin

    def closed(self) -> None:
        self.difference = self._server.statistics(self._model) - self._before
