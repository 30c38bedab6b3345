"""A record whose relations are known, small models to measure, and findings in place of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.grading.checks.paper import PaperRecord, PaperStep

HOST = {"id": "h", "cpu": {"cores": 2, "flags": ["avx2", "avx512_vnni"]}}
SHA = {name: name[0] * 64 for name in ("fp32", "dynamic", "aggressive")}


def file(name: str) -> dict[str, Any]:
    """A model as a step's inputs hold it."""
    return {"$file": SHA[name], "name": f"{name}.onnx"}


def blocks(rng: np.random.Generator, median: float, noise: float = 0.03) -> dict[str, Any]:
    """Latencies in five blocks that differ by `noise`."""
    rounds = np.repeat(np.arange(1, 6), 20)
    drift = np.repeat(np.exp(rng.normal(0, noise, 5)), 20)
    told = {"batch": 1, "provider": "cpu", "threads": 2, "group": "graph", "slow": []}
    return {**told, "latency_ms": median * drift * np.exp(rng.normal(0, 0.05, 100)), "rounds": rounds}


def record(seed: int = 1, host: dict[str, Any] = HOST, **medians: float) -> PaperRecord:
    """Sizes, outputs and latencies of two levels of the graph and two quantized files."""
    rng = np.random.default_rng(seed)
    times = {"graph/onnx-none": 8.0, "graph/onnx-all": 4.0, "quantize/onnx-all": 4.0, "quantize/dynamic": 12.0}
    times |= {name.replace("__", "/").replace("_", "-"): ms for name, ms in medians.items()}
    steps = [PaperStep(f"{name}/latency", blocks(rng, ms), host="h") for name, ms in times.items()]
    for name, model, size in (("graph/onnx-all", "fp32", 9_152_041), ("quantize/dynamic", "dynamic", 2_353_708)):
        steps.append(PaperStep(f"{name}/size", {"bytes": size}, inputs={"model": file(model)}))
    predictions = {"predictions": np.arange(40) % 11, "labels": np.arange(40) % 11, "indices": np.arange(0, 400, 10)}
    steps.append(PaperStep("graph/onnx-all/accuracy", predictions, inputs={"model": file("fp32"), "data": "kit"}))
    return PaperRecord(tuple(steps), part="model", hosts=(host,))


def tiny_model(path: Path, scale: float = 1.0) -> Path:
    """An ONNX file that takes images to 11 logits: the mean of each channel, spread out and scaled."""
    from onnx import TensorProto, helper, save

    weights = (scale * np.arange(33, dtype=np.float32)).reshape(3, 11)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 11])],
        [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path
