"""What a Triton server counts of each model, and the difference between two readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMES = ("queue", "compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True)
class Statistics:
    """Counters of one model since it was loaded, or the difference of two readings.

    `requests`, `failures`: answered and refused requests; `inferences`: rows answered; `executions`: runs of the
    model. `total_ns`: time of each part summed over requests, by name in TIMES. `batches`: batch size in rows ->
    executions of that size. (Triton's statistics extension of the KServe protocol.)
    """

    requests: int = 0
    failures: int = 0
    inferences: int = 0
    executions: int = 0
    total_ns: Mapping[str, int] = field(default_factory=dict)
    batches: Mapping[int, int] = field(default_factory=dict)

    def __sub__(self, earlier: Statistics) -> Statistics:
        """What happened between `earlier` and this reading of the same loaded model."""
        batches = {size: n - earlier.batches.get(size, 0) for size, n in self.batches.items()}
        return Statistics(
            self.requests - earlier.requests,
            self.failures - earlier.failures,
            self.inferences - earlier.inferences,
            self.executions - earlier.executions,
            {part: ns - earlier.total_ns.get(part, 0) for part, ns in self.total_ns.items()},
            {size: n for size, n in sorted(batches.items()) if n},
        )

    def mean_ms(self, part: str) -> float:
        """Mean time of a request in one of TIMES, in milliseconds; 0 without requests."""
        return self.total_ns.get(part, 0) / self.requests / 1e6 if self.requests else 0.0

    @property
    def settled(self) -> bool:
        """Whether rows, executions and batch sizes add up."""
        rows = sum(size * n for size, n in self.batches.items())
        return rows == self.inferences and sum(self.batches.values()) == self.executions

    @property
    def mean_batch(self) -> float:
        """Rows of the mean execution; 0 without executions."""
        return self.inferences / self.executions if self.executions else 0.0

    def facts(self) -> dict[str, Any]:
        """The reading as JSON values, the form in which steps record it."""
        parts = {f"{part}_ms": self.mean_ms(part) for part in TIMES}
        compute = sum(parts[f"{part}_ms"] for part in TIMES[1:])
        return {
            "server_requests": self.requests,
            "server_failures": self.failures,
            "inferences": self.inferences,
            "executions": self.executions,
            "mean_batch": self.mean_batch,
            **parts,
            "compute_ms": compute,
            "server_ms": parts["queue_ms"] + compute,
            "batches": {str(size): n for size, n in self.batches.items()},
        }


def from_json(entry: Mapping[str, Any]) -> Statistics:
    """One entry of the `model_stats` list that the HTTP statistics endpoint returns."""
    inference = entry.get("inference_stats", {})

    def count(name: str) -> int:
        return int(inference.get(name, {}).get("count", 0))

    return Statistics(
        requests=count("success"),
        failures=count("fail"),
        inferences=int(entry.get("inference_count", 0)),
        executions=int(entry.get("execution_count", 0)),
        total_ns={part: int(inference.get(part, {}).get("ns", 0)) for part in TIMES},
        batches={
            int(row["batch_size"]): int(row.get("compute_infer", {}).get("count", 0))
            for row in entry.get("batch_stats", [])
        },
    )
