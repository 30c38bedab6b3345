"""On which provider each node of a graph ran, read from ONNX Runtime's profile, and whether that is what was asked for.

ONNX Runtime puts a node that a GPU provider cannot run on the CPU, copies and all, and says nothing. But not every
node on the CPU is a loss: it keeps shape arithmetic (a few whole numbers, such as the batch's size) there on purpose,
because the CPU needs its results. So nodes are judged one by one, by what they return.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NODE_SUFFIX = "_kernel_time"
CPU = "CPUExecutionProvider"
# Shapes are whole numbers, and few: a tensor of eight axes has eight.
WHOLE = frozenset(("int64", "int32", "bool"))
FEW = 64
NUMPY_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True)
class Placement:
    """How many nodes ran on which provider; of those on the CPU, which may (`allowed`) and which may not."""

    nodes: Mapping[str, int] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """The same for a record: `nodes` {provider: count}, `allowed_on_cpu` and `refused_on_cpu` ["Shape (name)"]."""
        return {
            "nodes": dict(self.nodes),
            "allowed_on_cpu": list(self.allowed),
            "refused_on_cpu": list(self.refused),
        }


def judge(events: Sequence[Mapping[str, Any]]) -> Placement:
    """The placement that a profile's events tell of. Each node counts once, however often it ran."""
    seen: dict[str, Mapping[str, Any]] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(NODE_SUFFIX):
            seen.setdefault(name.removesuffix(NODE_SUFFIX), event.get("args", {}))
    counts = Counter(str(args.get("provider", "?")) for args in seen.values())
    allowed: list[str] = []
    refused: list[str] = []
    for name, args in seen.items():
        if args.get("provider") == CPU:
            (allowed if _computes_shapes(args) else refused).append(f"{args.get('op_name', '?')} ({name})")
    return Placement(dict(counts.most_common()), tuple(allowed), tuple(refused))


def _computes_shapes(args: Mapping[str, Any]) -> bool:
    """Whether all that a node returned is a few whole numbers."""
    returned = [(kind, shape) for entry in args.get("output_type_shape", ()) for kind, shape in entry.items()]
    return bool(returned) and all(kind in WHOLE and math.prod(shape) <= FEW for kind, shape in returned)


def events_of(
    path: Path, options: Any, providers: Sequence[Any], batch: np.ndarray | None = None, runs: int = 1
) -> list[dict[str, Any]]:
    """What ONNX Runtime's profiler wrote about `runs` runs of a batch (or of zeros), in a session of its own.

    `options`: its SessionOptions, which are changed; `providers`: as InferenceSession takes them.
    """
    import onnxruntime as ort

    with tempfile.TemporaryDirectory(prefix="profile.") as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "ort")
        loaded = ort.InferenceSession(str(path), options, providers=list(providers))
        feed = {value.name: _zeros(value) if batch is None else batch for value in loaded.get_inputs()}
        for _ in range(runs):
            loaded.run(None, feed)
        return json.loads(Path(loaded.end_profiling()).read_text())


def _zeros(value: Any) -> np.ndarray:
    """Zeros that an input takes: one row of a free batch, 224 of any other free size."""
    shape = [
        size if isinstance(size, int) and size > 0 else 224 if axis else 1 for axis, size in enumerate(value.shape)
    ]
    return np.zeros(shape, dtype=NUMPY_TYPES.get(value.type, np.float32))
