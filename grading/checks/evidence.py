"""What a run measured, recomputed from its samples: the only source that checks and judges read."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from snippets import stats
from snippets.errors import RecordError
from snippets.load import windows
from snippets.measure.latency import Latency
from snippets.record.read import Step
from snippets.record.run import Record


class NotMeasured(Exception):
    """A step, or a field of its result, that a judgement needs is not in the record."""

    def __init__(self, step: str, field: str = "") -> None:
        self.step, self.field = step, field
        super().__init__(f"{step}{' has no usable ' + field if field else ''}")


class Evidence:
    """Reads a record's latest steps; every statistic is computed here, never taken from the record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._results: dict[str, Any] = {}
        self._unreadable: dict[str, str] = {}
        self._measured: dict[str, list[tuple[Step, Any]]] = {}

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Latest step of each name."""
        return {step.name: step for step in self.record.steps}

    def loaded(self, name: str) -> Any:
        """Whatever a step returned, the windows of a load joined, read from disk once; None if it cannot be read (see
        `unreadable`)."""
        if name not in self._results:
            try:
                self._results[name] = windows.result_of(self.record, name)
            except (RecordError, ValueError) as error:
                self._results[name], self._unreadable[name] = None, str(error)
        return self._results[name]

    def parts(self, name: str) -> list[Step]:
        """The steps that make up the newest result of that name: the windows of a load, or one step."""
        return windows.steps_of(self.record, name)

    def measured(self, name: str) -> list[tuple[Step, Any]]:
        """The `parts` of that name, each with its result, read from disk once; none if they cannot be read."""
        if name not in self._measured:
            self._measured[name] = []
            if not self.unreadable(name):
                self._measured[name] = [(part, part.result) for part in self.parts(name)]
        return self._measured[name]

    def unreadable(self, name: str) -> str:
        """Why a step's samples cannot be read; empty if they can."""
        self.loaded(name)
        return self._unreadable.get(name, "")

    def result(self, name: str) -> dict[str, Any]:
        """Result of a step. Raises NotMeasured; RecordError if its samples cannot be read."""
        result = self.loaded(name) if name in self.steps else None
        if name in self._unreadable:
            raise RecordError(self._unreadable[name])
        if not isinstance(result, dict):
            raise NotMeasured(name)
        return result

    def field(self, name: str, field: str) -> Any:
        """One field of a step's result. Raises NotMeasured."""
        result = self.result(name)
        if field not in result:
            raise NotMeasured(name, field)
        return result[field]

    def samples(self, name: str, field: str = "latency_ms") -> np.ndarray:
        """A sample array as flat float64, finite and not empty. Raises NotMeasured."""
        values = self.field(name, field)
        array = np.asarray(values, dtype=np.float64).ravel() if isinstance(values, np.ndarray | list) else None
        if array is None or not array.size or not np.isfinite(array).all():
            raise NotMeasured(name, field)
        return array

    def number(self, name: str, field: str) -> float:
        """A finite number of a step's result. Raises NotMeasured."""
        value = self.field(name, field)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise NotMeasured(name, field)
        return float(value)

    def p(self, name: str, percent: float, field: str = "latency_ms") -> float:
        """A percentile of a step's samples, in their unit."""
        return stats.percentile(self.samples(name, field), percent)

    def latency(self, name: str) -> Latency:
        """Latencies of a step, by blocks where they were taken in blocks. Raises NotMeasured."""
        return self._times(name, "latency_ms")

    def batches(self, name: str) -> Latency:
        """Times of whole batches, over their images, by blocks where they were taken in blocks. Raises NotMeasured."""
        if self.number(name, "batch") < 1:
            raise NotMeasured(name, "batch")
        return self._times(name, "batch_ms")

    def _times(self, name: str, field: str) -> Latency:
        samples = self.samples(name, field)
        told = {key: value for key, value in self.result(name).items() if key not in ("latency_ms", "batch_ms")}
        try:
            found = Latency.of({**told, field: samples})
        except (ValueError, TypeError, OverflowError):
            raise NotMeasured(name, "rounds") from None
        if (samples <= 0).any():
            raise NotMeasured(name, field)
        return found

    def p50(self, name: str) -> float:
        """Median latency, ms: of the blocks' medians, where there are blocks."""
        return self.latency(name).p50().value

    def images_per_s(self, name: str) -> float:
        """Throughput from batch times: batch x 1000 / median, of the blocks' medians where there are blocks."""
        return self.batches(name).images_per_s().value

    def accuracy(self, name: str) -> float:
        """Share of predictions equal to their label, recomputed."""
        predictions, labels = self.field(name, "predictions"), self.field(name, "labels")
        if np.shape(predictions) != np.shape(labels) or not np.size(labels):
            raise NotMeasured(name, "predictions")
        return float(np.mean(np.asarray(predictions) == np.asarray(labels)))

    def has(self, name: str) -> bool:
        """Whether a step of that name was measured."""
        return name in self.steps

    def named(self, prefix: str, suffix: str = "") -> list[str]:
        """Names of the steps that begin and end so, in the order measured."""
        return [name for name in self.steps if name.startswith(prefix) and name.endswith(suffix)]
