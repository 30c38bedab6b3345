"""A good model beside one that crashes, hangs or leaks memory: both in one process, or in one each.

Visitors of the good one come evenly, whether or not they are answered; in their midst the other is asked to go wrong.
Triton does not start a process anew that has ended: the first error that says so makes the platform load the model
again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from snippets.errors import ServerError, first_line
from snippets.load import loops
from snippets.load.arrivals import Offered
from snippets.teams.handed_in import PHOTOS
from snippets.teams.lab import TeamsLab
from snippets.teams.models import tenants
from snippets.teams.template import FRAMEWORKS, HERE
from snippets.triton import deployments, loads
from snippets.triton.config import Deployment, DynamicBatching, ModelConfig, Tensor

ONE_PROCESS, ONE_EACH = "one process", "one each"
LAYOUTS = {ONE_PROCESS: ("tenants_both", "tenants_both"), ONE_EACH: ("tenants_network", "tenants_faulty")}
"""Which service holds the network, and which the faulty tenant."""
HOLDS = {"tenants_both": "network,faulty", "tenants_network": "network", "tenants_faulty": "faulty"}
FAULTS = {"crash": tenants.CRASH, "hang": tenants.HANG, "leak": tenants.LEAK}
RPS = 20.0
FAULT_S = 0.5
"""When the faulty tenant is asked, since the window opened."""
WINDOW_S = {
    "tiny": {ONE_PROCESS: 3.0, ONE_EACH: 2.0},
    "quick": {ONE_PROCESS: 3.5, ONE_EACH: 2.2},
    "full": {ONE_PROCESS: 10.0, ONE_EACH: 10.0},
}
"""How long visitors come, by profile: where all wait for a new process, long enough to see them answered again."""
MAX_BATCH = 16
"""Whoever waits is handed over at once. (With batches of one, Triton's batcher hands one over whenever another comes: a
queue that has once become long stays so.)"""
LEAK_MB, ROOM_MB, HANG_LIMIT_S = 50, 300, 0.5
"""What a leaking request keeps, how much more than at first a process may hold, how long an execution may take."""
WAITS_US = 1_000_000
"""A visitor who has waited so long in the queue is refused: there would be no end of them behind a dead process."""
ENDED = "not healthy"
"""What Triton says of a model whose process has ended."""
TIMEOUT_S, BACK_S = 10.0, 20.0
CLIENTS = 32


def service(lab: TeamsLab, name: str, generation: int = 0) -> Deployment:
    """One of the services of LAYOUTS. Another `generation` of it is the same, and has Triton start a new process."""
    team = lab.teams[PHOTOS]
    framework = FRAMEWORKS[team.framework]
    holds = HOLDS[name]
    config = ModelConfig(
        name,
        "python",
        (framework.input, Tensor("who", "INT32", (1,))),
        (Tensor("probabilities", "FP32", (-1,)),),
        max_batch=MAX_BATCH,
        instances=deployments.groups(1, lab.gpus if "network" in holds else 0),
        batching=DynamicBatching(timeout_us=WAITS_US),
        parameters={
            "tenants": holds,
            "file": framework.file,
            "threads": "1",
            "leak_mb": str(LEAK_MB),
            "room_mb": str(ROOM_MB),
            "limit_s": str(HANG_LIMIT_S),
            "generation": str(generation),
        },
    )
    models = HERE / "models"
    files = {"model.py": models / "tenants.py", "guard.py": models / "guard.py"}
    files |= {"engine.py": framework.engine, "batch.py": deployments.MODELS / "batch.py"}
    return Deployment(config, files | ({framework.file: team.model} if "network" in holds else {}))


def measure(lab: TeamsLab, layout: str, fault: str) -> dict[str, Any]:
    """The good model's visitors while the other tenant goes wrong: step `isolation/<layout>-<fault>/outage`.

    latency_ms, started_s, ok [n] since the window opened, arrivals, failures, errors, seconds; `fault_s`, when the
    faulty one was asked; `fault_requests`, how often until it was ended, and `fault_said`, with what words; `reload_s`:
    how long it took to load it again; `back_s`: how long after the window until the network answered rightly again.
    Raises ServerError where it does not come back within BACK_S.
    """
    good, bad = LAYOUTS[layout]

    def watched() -> dict[str, Any]:
        for name in (good, bad):
            _alive(lab, name)
        inputs = _inputs(lab, tenants.NETWORK)
        target = loads.target_of(lab.server, good, inputs, timeout_s=TIMEOUT_S)
        offered = Offered(RPS, WINDOW_S[lab.run.profile][layout], 0.3, spacing="constant")
        poison = _Poison(lab, bad, FAULTS[fault])
        seen = loops.open_loop(target, offered, max_clients=CLIENTS, window=poison)
        poison.done(BACK_S)
        lab.server.check()
        kept = ("latency_ms", "started_s", "ok", "arrivals", "failures", "errors", "seconds", "offered_rps", "batch")
        return {
            **{name: seen[name] for name in kept},
            "fault_s": poison.asked_s,
            "fault_requests": poison.requests,
            "fault_said": poison.said,
            "reload_s": poison.reload_s,
            "back_s": _back(lab, good, inputs),
        }

    key = {
        "server": lab.server.kind,
        "configs": [service(lab, name).config.pbtxt() for name in (good, bad)],
        "model": lab.teams[PHOTOS].model,
        "fault": fault,
        "rps": RPS,
        "seconds": WINDOW_S[lab.run.profile][layout],
    }
    return lab.run.step(f"isolation/{layout.replace(' ', '-')}-{fault}/outage", watched, inputs=key)


def _alive(lab: TeamsLab, name: str) -> None:
    """Have a service loaded whose process lives, also where an earlier fault was left behind."""
    lab.deploy(service(lab, name, lab.generations[name]))
    sender = loads.target_of(lab.server, name, _inputs(lab, tenants.NETWORK), timeout_s=TIMEOUT_S).sender()
    try:
        sender()
    except Exception as error:  # whatever tritonclient raises; of a tenant without the network an error is right
        if ENDED in str(error):
            lab.generations[name] += 1
            lab.deploy(service(lab, name, lab.generations[name]))
    finally:
        sender.close()


def _inputs(lab: TeamsLab, who: int) -> dict[str, np.ndarray]:
    return {**lab.inputs(PHOTOS, 1), "who": np.array([[who]], dtype=np.int32)}


class _Poison(loops.Window):
    """FAULT_S after the window opened, asks the faulty tenant to go wrong until its process has ended; then has the
    model that it is in loaded again."""

    def __init__(self, lab: TeamsLab, name: str, who: int) -> None:
        self.requests, self.said, self.asked_s, self.reload_s = 0, "", 0.0, 0.0
        self._lab, self._name = lab, name
        self._most = 10 + ROOM_MB // LEAK_MB if who == tenants.LEAK else 1
        self._target = loads.target_of(lab.server, name, _inputs(lab, who), timeout_s=TIMEOUT_S)
        self._opened = 0.0
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def opened(self) -> None:
        self._opened = time.perf_counter()
        self._thread.start()

    def done(self, limit_s: float) -> None:
        """Wait until the model is loaded again, `limit_s` seconds at most."""
        self._thread.join(limit_s)

    def _ask(self) -> None:
        sender = self._target.sender()
        time.sleep(FAULT_S)
        self.asked_s = time.perf_counter() - self._opened
        while self.requests < self._most and ENDED not in self.said:
            self.requests += 1
            try:
                sender()
            except Exception as error:  # whatever tritonclient raises
                self.said = first_line(error)
        sender.close()
        if ENDED in self.said:
            self._reload()

    def _reload(self) -> None:
        """A new generation beside the dead process, which Triton takes down when it is done with its queue."""
        began = time.perf_counter()
        self._lab.generations[self._name] += 1
        try:
            self._lab.deploy(service(self._lab, self._name, self._lab.generations[self._name]))
        except ServerError as error:
            self.said = first_line(error)
        self.reload_s = time.perf_counter() - began


def _back(lab: TeamsLab, name: str, inputs: Mapping[str, np.ndarray]) -> float:
    """Seconds until the network answers; asks until it does."""
    began = time.perf_counter()
    with np.load(lab.teams[PHOTOS].example) as example:
        photo, expected = example["photos"][:1], example["expected"][:1]
    said = "no answer"
    while time.perf_counter() - began < BACK_S:
        sender = loads.target_of(lab.server, name, {**inputs, "input": photo}, timeout_s=BACK_S).sender()
        try:
            found = sender().as_numpy("probabilities")
            if np.abs(found - expected).max() < 0.01:
                return time.perf_counter() - began
            said = "a wrong answer"
        except Exception as error:  # whatever tritonclient raises
            said = first_line(error)
        finally:
            sender.close()
        time.sleep(0.05)
    lab.server.check()
    raise ServerError(
        f"`{name}` was still not back {BACK_S:.0f} s after its neighbour's fault ({said}). Run the cell again: the"
        " steps that are done are kept."
    )
