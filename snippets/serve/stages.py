"""Load on an endpoint, with the endpoint's own account of where each request's time went."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snippets.load.loops import Window, closed_loop
from snippets.load.senders import Sender, WebTarget

STAGES = ("decode", "preprocess", "queue", "inference", "postprocess")


@dataclass(frozen=True)
class TimedTarget(WebTarget):
    """A WebTarget that keeps the `timing` of every answer with the moment of its arrival."""

    seen: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def sender(self) -> Sender:
        """A new connection that notes each answer's timing; to be used by one thread."""
        return _Timed(super().sender(), self.seen)


class _Timed:
    def __init__(self, inner: Sender, seen: list[tuple[float, dict[str, float]]]) -> None:
        self._inner, self._seen = inner, seen

    def __call__(self) -> Any:
        reply = self._inner()
        self._seen.append((time.perf_counter(), reply.json()["timing"]))
        return reply

    def close(self) -> None:
        self._inner.close()


class _Borders(Window):
    """The moments at which the measured window opened and closed."""

    start = stop = 0.0

    def opened(self) -> None:
        self.start = time.perf_counter()

    def closed(self) -> None:
        self.stop = time.perf_counter()


def load_endpoint(
    url: str,
    photo: bytes,
    clients: int,
    seconds: float,
    *,
    warm_up_s: float = 0.5,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """`closed_loop` on an endpoint's /predict/image with the JPEG file `photo`, and each answer's timing.

    Adds to the load step `decode_ms`, `preprocess_ms`, `queue_ms`, `inference_ms`, `postprocess_ms`: float64 (m,) for
    the answers that arrived within the window, as the endpoint measured them.
    """
    target = TimedTarget(f"{url}/predict/image", content=photo, headers={"content-type": "image/jpeg"})
    borders = _Borders()
    result = closed_loop(target, clients, seconds, warm_up_s=warm_up_s, window=borders, stop=stop)
    inside = [timing for moment, timing in target.seen if borders.start <= moment < borders.stop]
    return {**result, **{f"{stage}_ms": np.array([timing[f"{stage}_ms"] for timing in inside]) for stage in STAGES}}


def account(result: Mapping[str, Any]) -> dict[str, float]:
    """Mean milliseconds of a request by stage; `transport` is what the client waited beyond the endpoint's stages."""
    stages = {stage: float(np.mean(result[f"{stage}_ms"])) for stage in STAGES}
    waited = float(np.mean(np.asarray(result["latency_ms"])[np.asarray(result["ok"], dtype=bool)]))
    return {**stages, "transport": max(0.0, waited - sum(stages.values()))}
