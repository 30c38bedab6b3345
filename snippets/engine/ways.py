"""The ways to serve on a CPU beyond ONNX Runtime's own: other engines, streams, and fewer bits on either.

ways = every_way(fp32, files, elsewhere)
here, absent = present(bench, ways)
measured = measure(bench, here)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.engine import providers
from snippets.engine.streams import PLAIN, Tuning
from snippets.engine.variants import Bench, Variant
from snippets.machine import gpu_libraries

STREAMS = Tuning(streams=True)
# In whose turns the throughputs of all ways are compared.
GROUP = "providers"


@dataclass(frozen=True)
class Way:
    """One file on one engine (`provider`), tuned one way.

    Its throughput is the step `providers/<name>/throughput`; its accuracy and size are those of `<home>/<name>/...`.
    """

    name: str
    path: Path
    provider: str
    tuning: Tuning = PLAIN
    home: str = GROUP

    @property
    def absence(self) -> str:
        """Why this cannot be measured on this machine; empty where it can."""
        return providers.absence(self.provider) or (providers.bf16_absence() if self.tuning.bf16 else "")

    def variant(self, bench: Bench, step: str) -> Variant:
        """It as a variant that can take turns with others; `step` begins its steps."""
        return bench.file(step, self.path, provider=self.provider, tuning=self.tuning)


def _named(ways: list[Way]) -> dict[str, Way]:
    return {way.name: way for way in ways}


def float32_ways(fp32: Path) -> dict[str, Way]:
    """The float32 file: as streams, and on OpenVINO with either hint, in float32 and in bfloat16."""
    return _named(
        [
            Way("onnx-streams", fp32, "cpu", STREAMS),
            Way("openvino", fp32, "openvino"),
            Way("openvino-streams", fp32, "openvino", STREAMS),
            Way("openvino-bf16", fp32, "openvino", Tuning(bf16=True)),
            Way("openvino-bf16-streams", fp32, "openvino", Tuning(streams=True, bf16=True)),
        ]
    )


def int8_ways(files: Mapping[str, Path]) -> dict[str, Way]:
    """Int8 files by name ("conservative"): as streams, and on OpenVINO with either hint."""
    return _named(
        [
            way
            for name, path in files.items()
            for way in (
                Way(f"{name}-streams", path, "cpu", STREAMS),
                Way(f"openvino-{name}", path, "openvino"),
                Way(f"openvino-{name}-streams", path, "openvino", STREAMS),
            )
        ]
    )


def gpu_ways(fp32: Path) -> dict[str, Way]:
    """The float32 file on an NVIDIA GPU: through CUDA, and through TensorRT in float32 and in float16."""
    return _named(
        [
            Way("cuda", fp32, "cuda"),
            Way("tensorrt", fp32, "tensorrt"),
            Way("tensorrt-fp16", fp32, "tensorrt", Tuning(fp16=True)),
        ]
    )


def every_way(fp32: Path, files: Mapping[str, Path], elsewhere: Mapping[str, Path]) -> dict[str, Way]:
    """All that are compared: the float32 file and the int8 `files` on ONNX Runtime, every other engine and tuning.

    `elsewhere`: those of the int8 files that other engines and streams get, too.
    """
    return {
        "onnx-all": Way("onnx-all", fp32, "cpu", home="graph"),
        **_named([Way(name, path, "cpu", home="quantize") for name, path in files.items()]),
        **float32_ways(fp32),
        **gpu_ways(fp32),
        **_named([Way(name, fp32, name) for name in providers.AMD if gpu_libraries.has_amd_gpu()]),
        **int8_ways(elsewhere),
    }


def present(bench: Bench, ways: Mapping[str, Way]) -> tuple[dict[str, Way], dict[str, str]]:
    """Those that can be measured here, and of the others the recorded reason, by name.

    What a record holds is read from it, also on a machine that could not have measured it.
    """
    here, absent = {}, {}
    for name, way in ways.items():
        if reason := bench.missing(f"{way.home}/{name}", way.absence):
            absent[name] = reason
        else:
            here[name] = way
    return here, absent


def measure(
    bench: Bench, ways: Mapping[str, Way], meanwhile: Callable[[int], object] = lambda number: None
) -> dict[str, dict[str, Any]]:
    """Each way that is here, by name, as Bench.compared measures it: batches in turn, in the group `providers`."""
    variants = {name: way.variant(bench, f"{way.home}/{name}") for name, way in ways.items()}
    return bench.compared(GROUP, variants, meanwhile)
