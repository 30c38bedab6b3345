"""A scheduler of continuous batching as the tests want it: a step takes 10 ms and writes a token for each sequence.

It stands in for OpenVINO GenAI's, which only `make tokens` installs; `test_engine.py` also runs the real one.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

STEP_S = 0.01


class Clock:
    """A clock that moves when a step is taken or somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Pipeline:
    """Writes tokens 1, 2, 3, ... of each sequence. `most`: the most sequences that were ever in a step."""

    clock = Clock()

    def __init__(self, weights: str, scheduler: Any, device: str, properties: dict[str, Any]) -> None:
        self.given = (weights, scheduler, device, properties)
        self.running: list[SimpleNamespace] = []
        self.most = 0

    def add_request(self, number: int, prompt: np.ndarray, wanted: Any) -> Any:
        one = SimpleNamespace(left=wanted.max_new_tokens, next=1, ready=[], prompt=prompt)
        self.running.append(one)

        def read() -> dict[int, Any]:
            token = one.ready.pop(0)
            return {0: SimpleNamespace(generated_ids=[token])}

        return SimpleNamespace(can_read=lambda: bool(one.ready), read=read)

    def step(self) -> None:
        self.clock.now += STEP_S
        self.most = max(self.most, len(self.running))
        for one in self.running:
            one.ready.append(one.next)
            one.next, one.left = one.next + 1, one.left - 1
        self.running = [one for one in self.running if one.left]


def installed(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put the stand-in where the engine imports OpenVINO GenAI; its clock."""
    clock = Clock()
    monkeypatch.setattr(Pipeline, "clock", clock)
    genai = SimpleNamespace(
        SchedulerConfig=SimpleNamespace, GenerationConfig=SimpleNamespace, ContinuousBatchingPipeline=Pipeline
    )
    monkeypatch.setitem(sys.modules, "openvino_genai", genai)
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Tensor=lambda values: values))
    monkeypatch.setattr("snippets.tokens.engine.time", SimpleNamespace(perf_counter=clock, sleep=clock.sleep))
    return clock
