"""New versions of a team's model, spoiled on their way, with and without the platform's self-test, beside a neighbour
that is asked all the while."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from snippets.errors import ServerError, first_line
from snippets.load import loops
from snippets.load.senders import HttpSender
from snippets.teams import spoiled
from snippets.teams.card import Card
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.lab import TeamsLab
from snippets.teams.template import TOLERANCE
from snippets.triton import loads

STEP = "platform/gate/loads"
RIGHT, WRONG, NONE = "right", "wrong", "no answer"
ANSWER_S = 10.0


def measure(lab: TeamsLab) -> dict[str, Any]:
    """Load every spoiled file over the team's good one: first with the self-test, then without. Step STEP.

    `loads`: a dict each, with `kind` (spoiled.KINDS), `self_test`, `refused`, Triton's `reason`, and what the team's
    service `answers` to its example afterwards (RIGHT, WRONG, NONE). The neighbour's requests all the while:
    latency_ms, started_s, ok [n], failures, seconds; `neighbour_ready` after each load.
    """

    def tried() -> dict[str, Any]:
        neighbour, good = lab.team(Card(SORTER)), lab.team(Card(PHOTOS))
        files = {kind: lab.run.models / f"{kind.replace(' ', '_')}.onnx" for kind in spoiled.KINDS}
        for kind, path in files.items():
            spoiled.spoil(kind, lab.teams[PHOTOS].model, path)
        lab.deploy(neighbour)
        lab.deploy(good)
        rows, ready = [], []
        with _asked(lab, SORTER) as asked:
            for tolerance in (TOLERANCE, None):
                for kind, path in files.items():
                    reason = ""
                    try:
                        lab.deploy(lab.team(Card(PHOTOS), path, tolerance))
                    except ServerError as error:
                        lab.server.check()
                        reason = _reason(error)
                    ready.append(lab.server.ready(SORTER))
                    rows.append(
                        {
                            "kind": kind,
                            "self_test": tolerance is not None,
                            "refused": bool(reason),
                            "reason": reason,
                            "answers": _answers(lab),
                        }
                    )
        lab.deploy(good)
        kept = ("latency_ms", "started_s", "ok", "failures", "errors", "seconds", "batch", "clients")
        return {"loads": rows, "neighbour_ready": ready, **{name: asked[name] for name in kept}}

    return lab.run.step(STEP, tried, inputs=lab.key(lab.team(Card(PHOTOS)), {"kinds": list(spoiled.KINDS)}))


@contextmanager
def _asked(lab: TeamsLab, service: str) -> Iterator[dict[str, Any]]:
    """A client asks a service all the while; afterwards the dict holds what `closed_loop` returns."""
    stop = threading.Event()
    seen: dict[str, Any] = {}
    target = loads.target_of(lab.server, service, lab.inputs(service, 1))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loops.closed_loop, target, 1, 3600, warm_up_s=0.2, stop=stop)
        try:
            yield seen
        finally:
            stop.set()
        seen |= running.result()


def _answers(lab: TeamsLab) -> str:
    """What the photos team's service makes of its own example."""
    with np.load(lab.teams[PHOTOS].example) as example:
        photos, expected = example["photos"], example["expected"]
    sender = HttpSender(loads.target_of(lab.server, PHOTOS, {"input": photos[:1]}, timeout_s=ANSWER_S))
    try:
        found = np.concatenate([sender.ask({"input": photo[None]}).as_numpy("probabilities") for photo in photos])
    except Exception:  # whatever tritonclient raises
        return NONE
    finally:
        sender.close()
    return RIGHT if found.shape == expected.shape and np.abs(found - expected).max() <= TOLERANCE else WRONG


def _reason(error: ServerError) -> str:
    """What the model itself said, without Triton's words before it and the folders of files."""
    _, _, said = " ".join(str(error).split()).partition("Internal: ")
    said = re.sub(r" At: .*", "", re.sub(r"\S*/(?=\S)", "", said or first_line(error)))
    return said.removeprefix("RuntimeError: ")[:160]
