"""The ways to serve on a CPU beyond ONNX Runtime's own: other engines, streams, and fewer bits on either.

for name, way in {**float32_ways(fp32), **int8_ways(files)}.items(): ...
measured, absent = measure(bench, ways)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snippets.engine import providers
from snippets.engine.streams import PLAIN, Tuning
from snippets.engine.variants import Bench, Variant

STREAMS = Tuning(streams=True)


@dataclass(frozen=True)
class Way:
    """One file on one engine (`provider`), tuned one way. Its steps are `providers/<name>/...`."""

    name: str
    path: Path
    provider: str
    tuning: Tuning = PLAIN

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


def measure(bench: Bench, ways: Mapping[str, Way]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Each way as Bench.onnx measures it, by name; and those that are absent here, with the recorded reason.

    Of batches only the size at which variants are compared is timed.
    """
    measured, absent = {}, {}
    bench = replace(bench, plan=replace(bench.plan, batch_sizes=(bench.plan.batch,)))
    for name, way in ways.items():
        # What a record holds is read from it, also on a machine that could not have measured it.
        reason = "" if bench.run.has(f"providers/{name}/accuracy") else way.absence
        if reason:
            absent[name] = bench.absent(f"providers/{name}", reason)
        else:
            measured[name] = bench.onnx(f"providers/{name}", way.path, provider=way.provider, tuning=way.tuning)
    return measured, absent
