"""Small records as the present kit writes them: latencies in blocks, some of them slow, and loads in windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.grading.checks.paper import PaperRecord, PaperStep

STAGES = ("decode", "preprocess", "queue", "inference", "postprocess")


def blocks(rng: np.random.Generator, median: float, slow: int = 0, **more: Any) -> dict[str, Any]:
    """Five blocks of eight samples; block `slow` took three times as long and is told to have."""
    rounds = np.repeat(np.arange(1, 6), 8)
    samples = median * np.exp(rng.normal(0, 0.03, 40)) * np.where(rounds == slow, 3.0, 1.0)
    name = "batch_ms" if "batch_ms" in more else "latency_ms"
    told = {"batch": 1, "provider": "cpu", "threads": 2, "group": "turns"}
    return {**told, **more, name: samples, "rounds": rounds, "slow": [slow] if slow else []}


def model_record(seed: int) -> PaperRecord:
    """Part model: batches, compiling, levels, a profile, training for 4 bits, a pruned file, and engines in turn."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {
        f"baseline/eager/throughput{'' if size == 8 else f'-{size}'}": {
            "batch": size,
            "batch_ms": size * 5 * np.exp(rng.normal(0, 0.05, 6)),
            "provider": "torch",
            "threads": 2,
        }
        for size in (1, 2, 4, 8)
    }
    found["baseline/eager/latency"] = blocks(rng, 8, 2)
    found["baseline/compiled/latency"] = blocks(rng, float(rng.choice([5.0, 9.0])))
    found["baseline/compiled/compile"] = {"seconds": float(rng.uniform(5, 20))}
    for rung, ms in (("naive", 90), ("order", 20), ("tiles", 21), ("registers", 9), ("library", 4)):
        found[f"kernel/{rung}/latency"] = blocks(rng, ms)
    for kind, ms in (("float32", 12), ("int8", 3)):
        found[f"search/{kind}-1/latency"] = blocks(rng, ms)
    labels = rng.integers(0, 3, 40)
    found["smaller/resnet/export"] = {"bytes": int(rng.integers(1e6, 9e6)), "parameters": 9, "multiply_adds": 9}
    found["smaller/resnet/accuracy"] = {"predictions": np.where(rng.random(40) < 0.8, labels, 3), "labels": labels}
    for level, ms in zip(("none", "basic", "extended", "all"), (7, 5, 4.5, 3), strict=True):
        found[f"graph/onnx-{level}/latency"] = blocks(rng, ms)
    for step in ("float32", "dynamic"):
        found[f"quantize/profile-{step}"] = {"milliseconds": {"Conv": float(rng.uniform(3, 9)), "Add": 1.0}}
    for name, useful in (("onnx-all", 300), ("zeros-50", int(rng.integers(150, 250)))):
        found[f"prune/{name}/export"] = {"bytes": 9_000_000, "zip_bytes": useful * 20_000, "multiply_adds": 300}
        found[f"prune/{name}/export"]["useful"] = useful
    for name, most in (("static", 5), ("qat", 9)):
        guesses = rng.integers(0, 10, 60) < most
        found[f"int8/{name}-4bit/accuracy"] = {"predictions": guesses.astype(int), "labels": np.ones(60, dtype=int)}
    for name, ms in (("onnx-all", 3.0), ("openvino", 2.0), ("dynamic", 9.0)):
        found[f"choose/{name}/latency"] = blocks(rng, ms, 4)
        found[f"providers/{name}/throughput"] = blocks(rng, 8 * ms, batch=8, batch_ms=0)
    for source, share in (("labels", 0.4), ("teacher", 0.5)):
        for number in (1, 2, 3):
            labels = np.arange(200) % 11
            right = rng.random(200) < share
            found[f"distill/{source}-{number}/accuracy"] = {
                "predictions": np.where(right, labels, (labels + 1) % 11),
                "labels": labels,
            }
    return PaperRecord(tuple(PaperStep(*item) for item in found.items()), part="model")


def load(rng: np.random.Generator, clients: int, **more: Any) -> dict[str, Any]:
    """One window of a load, with a failure or two among its requests."""
    count = int(rng.integers(20, 60))
    ok = np.ones(count, dtype=bool)
    ok[: int(rng.integers(0, 3))] = False
    stages = {f"{stage}_ms": rng.exponential(place + 1, count) for place, stage in enumerate(STAGES)}
    return {
        **(stages if "engine" in more else {"queue_ms": float(rng.uniform(1, 9)), "compute_ms": 5.0}),
        "latency_ms": 3 * clients * np.exp(rng.normal(0, 0.2, count)),
        "ok": ok,
        "batch": 1,
        "seconds": float(rng.uniform(0.5, 2)),
        "batches": {1: int(rng.integers(3, 9)), 4: int(rng.integers(3, 9))},
        "server_requests": count,
        **more,
    }


def outage(rng: np.random.Generator) -> dict[str, Any]:
    """Visitors every 25 ms for 2 s; those of some 300 ms after the fault get errors, and some after these are late."""
    came = np.arange(80) / 40
    ok = ~((came >= 0.5) & (came < 0.5 + rng.uniform(0.2, 0.4)))
    waited = rng.uniform(3, 5, 80) + np.where((came > 1) & (came < 1.1), 400.0, 0.0)
    return {
        "latency_ms": waited,
        "started_s": came,
        "ok": ok,
        "seconds": 2.0,
        "fault_s": 0.5,
        "failures": int((~ok).sum()),
    }


def system_record(seed: int) -> PaperRecord:
    """Part system: every load in two windows, as the notebooks measure them."""
    rng = np.random.default_rng(seed)
    steps = []
    loads = {f"endpoint/{engine}-{n}": n for engine in ("onnx", "pytorch") for n in (1, 16)}
    loads |= {f"{where}-{n}": n for where in ("triton/pytorch", "batching/on") for n in (1, 8)}
    loads |= {"batcher/delay-5-8": 8}
    loads |= {"batching/on-waits-10-ms-1": 2, "online/alone": 1, "online/off-60": 3, "online/off-130": 20}
    loads |= {f"instances/{n}x{t}": n * t for n in (1, 2, 4) for t in (1, 2)}
    loads |= {"pipeline/one-model": 1, "pipeline/ensemble": 2, "pipeline/scripted": 3}
    loads |= {"neighbour/alone": 1, "neighbour/shared": 4}
    loads |= {f"cards/{team}-{card}": n for team, n in (("photos", 2), ("sorter", 5)) for card in ("plain", "own")}
    for window in (0, 1):
        for name, clients in loads.items():
            more = {"engine": "x"} if name.startswith("endpoint") else {}
            steps.append(PaperStep(f"{name}/load", load(rng, clients, **more), inputs={"window": window}))
        due = {f"from_{since}_ms": rng.exponential(30, 25) for since in ("due", "sending")}
        steps.append(PaperStep("generator/open-150/yours", {**due, "seconds": 0.5}, inputs={"window": window}))
    cold = {name: rng.uniform(100, 900, 3) for name in ("load_ms", "first_ms")} | {"warm_ms": rng.uniform(3, 5, 20)}
    steps.append(PaperStep("online/food-onnx/cold", cold))
    said = {"loads": ["batching/on-1", "batching/on-8", "batching/on-32"]}
    said |= {name: rng.uniform(3, 30, 3) for name in ("requests_per_s", "p50_ms", "p95_ms")}
    steps.append(PaperStep("forecast/batching/figures", said))
    for name in ("one-process-crash", "one-each-hang"):
        steps.append(PaperStep(f"isolation/{name}/outage", outage(rng)))
    return PaperRecord(tuple(steps), part="system")
