"""Small models for a real Triton: what they take and return is known, and how long they take is a parameter."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from snippets.triton.config import Deployment, ModelConfig, Tensor
from snippets.triton.deployments import IMAGE_TENSOR, MODELS

NUMBERS = {"x": np.arange(4, dtype=np.float32).reshape(1, 4)}

# Each execution takes `ms`, however many rows it has: the ideal case for batching, and independent of the machine.
DOUBLE = """
import sys, time
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from batch import answer, parameters

class TritonPythonModel:
    def initialize(self, args):
        self.given = parameters(args)
        if self.given.get("fail"):
            raise RuntimeError("the weights are for another network")

    def execute(self, requests):
        time.sleep(float(self.given.get("ms", "0")) / 1e3)
        return answer(requests, "x", "y", lambda rows: rows * float(self.given.get("factor", "2")))
"""

COLOURS = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from batch import answer

def scores(batch):
    found = np.full((len(batch), 11), -5.0, dtype=np.float32)
    found[:, :3] = batch.mean(axis=(2, 3))
    return found

class TritonPythonModel:
    def execute(self, requests):
        return answer(requests, "input", "logits", scores)
"""


def colour_classifier(folder: Path, name: str = "food") -> Deployment:
    """The toy classifier (tests/snippets/servers.py) on Triton: scores each class by the picture's mean colour."""
    model = folder / "colours.py"
    model.write_text(COLOURS)
    return Deployment(
        ModelConfig(name, "python", (IMAGE_TENSOR,), (Tensor("logits", "FP32", (11,)),)),
        {"model.py": model, "batch.py": MODELS / "batch.py"},
    )


def doubler(
    folder: Path, name: str = "double", *, parameters: dict[str, str] | None = None, **config: Any
) -> Deployment:
    """y = factor * x (N,4), taking `ms` for each execution; parameters: ms, factor, fail."""
    model = folder / "double.py"
    if not model.exists():
        model.write_text(DOUBLE)
    tensors = (Tensor("x", "FP32", (4,)),), (Tensor("y", "FP32", (4,)),)
    return Deployment(
        ModelConfig(name, "python", *tensors, parameters=parameters or {}, **config),
        {"model.py": model, "batch.py": MODELS / "batch.py"},
    )


def alive(process: psutil.Process) -> bool:
    """Whether the process still runs; one that only waits for its parent to notice its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> bool:
    """Whether the condition comes true within the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
