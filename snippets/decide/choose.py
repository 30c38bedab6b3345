"""From measurements to a decision: each variant as an option with its figures and its price, judged by a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snippets import stats
from snippets.decide import cost
from snippets.decide.targets import Target

GPU_PROVIDERS = ("cuda", "tensorrt")


@dataclass(frozen=True)
class Option:
    """One way to serve, with what was measured of it. `cost_per_million` is on a server, in the table's currency."""

    name: str
    provider: str
    threads: int
    p50_ms: stats.Estimate
    images_per_s: stats.Estimate
    accuracy: stats.Estimate
    size_bytes: int
    cost_per_million: float

    @property
    def size_mb(self) -> float:
        """Size of the file in MB of 10^6 bytes."""
        return self.size_bytes / 1e6


def option(name: str, measured: Mapping[str, Any], prices: cost.Prices) -> Option:
    """An option from what variants.Bench.onnx returned (latency, throughput, accuracy, size)."""
    latency, batch = measured["latency"], measured["throughput"]
    rate = stats.throughput(batch["batch_ms"], batch["batch"])
    scored = measured["accuracy"]
    on_gpu = latency["provider"] in GPU_PROVIDERS
    price = (
        cost.per_million_gpu(rate.value, 1, prices)
        if on_gpu
        else cost.per_million_cpu(rate.value, latency["threads"], prices)
    )
    return Option(
        name,
        latency["provider"],
        latency["threads"],
        stats.median(latency["latency_ms"]),
        rate,
        stats.accuracy(scored["predictions"], scored["labels"]),
        measured["size"]["bytes"],
        price,
    )


def runs_on(one: Option, case: str) -> bool:
    """Whether an option is a candidate for a case (a target's name): GPU engines for the GPU, all others for a CPU."""
    return (one.provider in GPU_PROVIDERS) == (case == "server GPU")


def misses(one: Option, target: Target) -> list[str]:
    """What keeps the option from meeting a target, in words; empty when it meets all that the target asks for."""
    return target.misses(p50_ms=one.p50_ms.value, images_per_s=one.images_per_s.value, size_mb=one.size_mb) or []


def feasible(options: Mapping[str, Option], target: Target) -> list[str]:
    """Names of the options for this case that meet its target, most accurate first."""
    fitting = [one for one in options.values() if runs_on(one, target.name) and not misses(one, target)]
    return [one.name for one in sorted(fitting, key=lambda one: -one.accuracy.value)]
