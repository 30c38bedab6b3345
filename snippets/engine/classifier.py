"""One interface to a model, whatever runs it: normalized images in, logits out.

An endpoint serves a `Classifier`; `load_classifier` makes one from PyTorch or from ONNX Runtime.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snippets.data.food11_classes import CLASSES
from snippets.data.image import SIDE
from snippets.errors import ModelError, UsageError
from snippets.machine.host import thread_count

BACKENDS = ("pytorch", "onnx")
REHEARSAL = "rehearsal"


@dataclass(frozen=True)
class Classifier:
    """A loaded model. `logits` takes float32 (N,3,224,224) and returns float32 (N, len(labels)); thread-safe."""

    logits: Callable[[np.ndarray], np.ndarray]
    labels: tuple[str, ...]
    backend: str
    model: str
    provider: str
    threads: int
    load_ms: float


def load_classifier(
    backend: str, model: str = REHEARSAL, *, threads: int = 0, provider: str = "cpu", labels: tuple[str, ...] = ()
) -> Classifier:
    """Load `model` and let it answer one cold request, so that the next one is warm.

    backend: "pytorch" (`model`: "rehearsal" or a weights file) or "onnx" (`model`: an ONNX file). `threads` 0 takes
    one a physical core. `provider`: the execution provider (ONNX) or device ("cpu", "cuda") that must be used.
    `labels`: the classes' names in order; empty: those that the model carries. Raises UsageError for an unknown
    backend, ModelError for a model that cannot be read or whose outputs do not fit the labels, ProviderError for a
    provider that cannot be had.
    """
    if backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} does not exist. Choose one of: {', '.join(BACKENDS)}.")
    threads = thread_count(threads)
    began = time.perf_counter()
    load = _pytorch if backend == "pytorch" else _onnx
    logits, own_labels = load(model, threads, provider)
    outputs = logits(np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)).shape[1]
    labels = labels or own_labels
    if len(labels) != outputs:
        raise ModelError(
            f"{model}: the model has {outputs} outputs, but {len(labels)} classes are named ({', '.join(labels)}). "
            "Give the model that was trained for these classes, or its own class names."
        )
    load_ms = (time.perf_counter() - began) * 1e3
    name = model if model == REHEARSAL else Path(model).name
    return Classifier(logits, labels, backend, name, provider, threads, load_ms)


def _pytorch(model: str, threads: int, device: str) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[str, ...]]:
    import torch

    from snippets.engine.compiling import keep_memory
    from snippets.errors import ProviderError
    from snippets.model.weights_file import load_model

    if device == "cuda" and not torch.cuda.is_available():
        raise ProviderError("PyTorch finds no CUDA GPU. Use device cpu, or run this on a node with a GPU.")
    keep_memory()
    torch.set_num_threads(threads)
    network, labels = load_model(model)
    network = network.eval().to(device)

    def logits(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(batch).to(device)).float().cpu().numpy()

    return logits, tuple(labels)


def _onnx(model: str, threads: int, provider: str) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[str, ...]]:
    if not Path(model).is_file():
        raise ModelError(f"{model}: no such ONNX file. Run Part 1 (it makes fp32.onnx), or give the path of one.")
    from snippets.engine import providers

    run = providers.session(model, provider, threads=threads)
    # OpenVINO's request holds one answer at a time; a session of ONNX Runtime may be used by several threads.
    one_at_a_time = threading.Lock() if provider == "openvino" else contextlib.nullcontext()

    def logits(batch: np.ndarray) -> np.ndarray:
        with one_at_a_time:
            return run(batch)

    return logits, onnx_labels(model)


def onnx_labels(model: str | Path) -> tuple[str, ...]:
    """The class names in an ONNX file's metadata (a JSON list under "labels"), else those of Food-11."""
    import onnx

    text = {entry.key: entry.value for entry in onnx.load(str(model)).metadata_props}.get("labels")
    if text is None:
        return CLASSES
    try:
        return tuple(str(name) for name in json.loads(text))
    except (ValueError, TypeError) as error:
        raise ModelError(f"the model's `labels` metadata is not a JSON list of names ({error}).") from None
