"""One short measurement from which `simulate` predicts what a service does in other settings, as a recorded step."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from snippets import stats
from snippets.errors import UsageError
from snippets.load import loops
from snippets.load.arrivals import Offered
from snippets.load.log import require_answers
from snippets.load.windows import in_turn
from snippets.simulate import events
from snippets.simulate.calibrated import Figures, predicted, server_of
from snippets.simulate.server import Batching, Seen, Server, Setting
from snippets.triton import loads
from snippets.triton.config import Deployment
from snippets.triton.lab import OPEN_LONGER, WINDOWS, Asked, Lab
from snippets.triton.stats import Statistics

SIZES = (1, 4, 16)
# Length of one window by profile. Each load has several, there and back, so that a drift of the machine meets all alike
# and shows in their differences.
WINDOW_S = {"tiny": 0.05, "quick": 0.1, "full": 0.4}
ROUNDS = 4
WARM_UP_S = 0.03
# A window in which other programs took more than this share of the cores is measured again, so many times.
QUIET = 0.08
AGAIN = 1
# As many standard deviations as hold 95 % of what may be.
SURE = 2.0
# With so many clients an instance always finds another request waiting.
CLIENTS_AN_INSTANCE = 2
# A crowd that makes batches of half its size.
CROWD = 16
# Requests that come far apart: at this share of what a lone client gets, in windows so many times as long.
RESTED_SHARE, RESTED_LONGER = 0.15, 2


def calibrated(lab: Lab, single: Deployment, pair: Deployment | None = None, sizes: Sequence[int] = SIZES) -> Server:
    """The model of a service: step `calibrate/<its name>/served`, replayed where it is there already.

    `single`: one instance of it, best with dynamic batching; `pair`: two, if they are to be predicted as well.
    """
    more = {"rows_sent": list(sizes), "window_s": WINDOW_S[lab.run.profile], "pair": pair and pair.config.pbtxt()}
    found = lab.run.step(
        f"calibrate/{single.config.name}/served",
        lambda: measure(lab, single, pair, sizes),
        inputs=lab.key(single, more),
    )
    return server_of(found, lab.run.record().cores())


def setting_of(deployment: Deployment) -> Setting:
    """What the model needs of a deployment: its instances, and how it batches."""
    config = deployment.config
    if (how := config.batching) is None:
        return Setting(config.instance_count)
    return Setting(config.instance_count, Batching(config.max_batch, how.preferred, how.max_delay_us / 1e3))


def play(server: Server, lab: Lab, asked: Asked) -> list[Seen]:
    """What the model sees of a load before it is measured, a window at a time, each at another moment of the machine;
    an open loop with the very arrivals that the load generator will send.

    Raises UsageError for what the model does not know: several rows in a request, and a heavy neighbour.
    """
    if asked.batch != 1 or asked.heavy is not None:
        raise UsageError("The model knows requests of one row, on a machine that nobody else uses.")
    setting, options = setting_of(asked.deployment), asked.options
    count = WINDOWS[lab.run.profile]
    moments = enumerate(server.moments(count, options.seed))
    if options.clients:
        few = events.REQUESTS // count
        return [events.closed_loop(at, setting, options.clients, requests=few, seed=number) for number, at in moments]
    seconds = options.seconds or OPEN_LONGER * lab.seconds
    seen = []
    for number, at in moments:
        offered = Offered(options.offered_rps, seconds, options.warm_up, options.seed, number, count, options.spacing)
        seen.append(events.open_loop(at, setting, offered.arrivals_s(), options.warm_up, seconds, seed=number))
    return seen


def predict(server: Server, lab: Lab, asked: Asked) -> Figures:
    """What the model says of a load: answers per second, median and p95; and what they would be if the machine were
    slower or faster than in the calibration, by as much as the rounds of the one and the windows of the other are
    unsteady (SURE deviations of their means' difference). Raises UsageError as `play`."""

    def at(times: float) -> Figures:
        return predicted(events.joined(play(server.slower(times), lab, asked)))

    if not server.unsteady:
        return at(1.0)
    times = math.exp(SURE * server.unsteady * math.sqrt(1 / ROUNDS + 1 / WINDOWS[lab.run.profile]))
    return replace(at(1.0), slower=at(times), faster=at(1 / times))


def measure(
    lab: Lab, single: Deployment, pair: Deployment | None = None, sizes: Sequence[int] = SIZES, again: int = AGAIN
) -> dict[str, Any]:
    """Ask one instance, and then two of them.

    Returns lone_ms [n], latencies of one client by itself, in lone_round [n], and outside_ms, what of them was spent
    outside of the server, on average; rested_ms [m], of requests that come far apart; rows_sent [k] and period_ms [k],
    the time from answer to answer where two clients send so many rows in a request; if the instance batches,
    crowd_period_ms, from answer to answer for a `crowd` of clients; each_ms [kinds, rounds], from answer to answer in
    each window of all these; client_ms, the load generator's own processor time for a request, there or of two clients;
    with a `pair`, pair_period_ms, from answer to answer where two instances have four clients; took_s. Each load has
    ROUNDS windows, there and back; one in which other programs disturb it is measured up to `again` times more.
    """
    began = time.perf_counter()
    lab.deploy(single)
    two = CLIENTS_AN_INSTANCE
    asked = {"lone": (1, 1), **{f"rows-{rows}": (two, rows) for rows in sizes}}
    if single.config.batching is not None:
        asked["crowd"] = (CROWD, 1)
    windows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (*asked, "pair", "rested")}
    for _, name in in_turn(tuple(asked), ROUNDS):
        windows[name].append(_window(lab, single, asked[name], again))
    apart_rps = RESTED_SHARE * 1e3 / float(np.mean(stats.good_ms(windows["lone"][0])))
    for number in range(ROUNDS):
        offered = Offered(apart_rps, RESTED_LONGER * WINDOW_S[lab.run.profile], 0.0, number, spacing="constant")
        windows["rested"].append(_rested(lab, single, offered, again))
    if pair is not None:
        lab.deploy(pair)
        windows["pair"] = [_window(lab, pair, (2 * two, 1), again) for _ in range(ROUNDS)]
    each = {name: [stats.good_ms(one) for one in windows[name]] for name in ("lone", "rested")}
    found = {
        **{f"{name}_ms": np.concatenate(ones) for name, ones in each.items()},
        "lone_round": np.repeat(np.arange(ROUNDS), [len(one) for one in each["lone"]]),
        "outside_ms": float(np.mean([one["outside_ms"] for one in windows["lone"]])),
        "rows_sent": np.array(sizes),
        "period_ms": np.array([_period_ms(windows[f"rows-{rows}"]) for rows in sizes]),
        "each_ms": np.array([[_period_ms([one]) for one in windows[name]] for name in asked]),
        "client_ms": min(one["client_cpu_ms"] for one in windows.get("crowd", windows["rows-1"])),
        "crowd": CROWD,
    }
    for name in ("crowd", "pair"):
        if windows.get(name):
            found[f"{name}_period_ms"] = _period_ms(windows[name])
    return found | {"took_s": time.perf_counter() - began}


def _rested(lab: Lab, deployment: Deployment, offered: Offered, again: int) -> Mapping[str, Any]:
    service = deployment.config.name
    target = loads.target_of(lab.server, service, lab.inputs(service, 1))
    return undisturbed(lab, lambda own: loops.open_loop(target, offered, max_clients=4, window=own), again)


def _window(lab: Lab, deployment: Deployment, asked: tuple[int, int], again: int) -> Mapping[str, Any]:
    """`asked`: clients, and the rows in each of their requests."""
    clients, rows = asked
    service = deployment.config.name
    target = loads.target_of(lab.server, service, lab.inputs(service, rows))
    return undisturbed(
        lab,
        lambda own: loops.closed_loop(target, clients, WINDOW_S[lab.run.profile], warm_up_s=WARM_UP_S, window=own),
        again,
        service,
    )


def undisturbed(
    lab: Lab, window: Callable[[Work], Mapping[str, Any]], again: int = AGAIN, service: str = ""
) -> Mapping[str, Any]:
    """A window of load, measured up to `again` times more while others take much of the machine: the first that is
    quiet, or else the quietest. Adds client_cpu_ms, the load generator's processor time for a request, and `others`,
    the share of the cores that other programs took; with a `service` outside_ms, what its requests took beyond their
    time in the server, on average. Raises ServerError if every request failed."""
    found: list[Mapping[str, Any]] = []
    for _ in range(1 + again):
        work = Work(lab.server.pid, partial(lab.server.statistics, service) if service else Statistics)
        result = window(work)
        lab.server.check()
        require_answers(result, "the service that is calibrated")
        told = {"client_cpu_ms": work.own_s * 1e3 / len(result["ok"]), "others": work.others}
        if service:
            told["outside_ms"] = max(float(np.mean(stats.good_ms(result))) - work.server_ms, 0.0)
        found.append({**result, **told})
        if work.others <= QUIET:
            break
    return min(found, key=lambda one: one["others"])


def _period_ms(windows: Sequence[Mapping[str, Any]]) -> float:
    """From answer to answer, on average over all windows."""
    return 1e3 * sum(one["seconds"] for one in windows) / sum(int(np.sum(one["ok"])) for one in windows)


class Work(loops.Window):
    """Processor time between the borders of a window: this process's, `own_s`, and the share of all cores that neither
    it nor the server took, `others` (0 for a server whose processes are not ours to see). `server_ms`: what a request
    took in the server meanwhile, on average, as its `statistics` have it."""

    def __init__(self, server_pid: int | None, statistics: Callable[[], Statistics] = Statistics) -> None:
        self._pid, self._statistics = server_pid, statistics
        self._before, self._counted = self._read(), statistics()
        self.own_s = self.others = self.server_ms = 0.0

    def _read(self) -> tuple[float, float, float, float]:
        import psutil

        machine = psutil.cpu_times()
        busy_s = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
        return time.perf_counter(), time.process_time(), self._server_s(psutil), busy_s

    def _server_s(self, psutil: Any) -> float:
        seconds = 0.0
        if self._pid is not None:
            root = psutil.Process(self._pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    seconds += times.user + times.system
        return seconds

    def opened(self) -> None:
        """Read the processors' times and the server's counters where the window begins."""
        self._counted = self._statistics()
        self._before = self._read()

    def closed(self) -> None:
        """Read them again where it ends, and keep the differences."""
        import psutil

        passed_s, self.own_s, server_s, busy_s = (
            after - before for after, before in zip(self._read(), self._before, strict=True)
        )
        self.server_ms = (self._statistics() - self._counted).facts()["server_ms"]
        if self._pid is not None:
            self.others = max(0.0, busy_s - self.own_s - server_s) / passed_s / (psutil.cpu_count() or 1)
