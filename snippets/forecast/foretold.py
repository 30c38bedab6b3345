"""What the model says of loads, kept in the record before they are measured: made afterwards it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snippets.forecast.calibration import predict
from snippets.simulate.calibrated import Figures
from snippets.simulate.server import Server
from snippets.triton.lab import Asked, Lab


def foretell(lab: Lab, topic: str, server: Server, asked: Mapping[str, Asked]) -> dict[str, Figures]:
    """What the model says of each load, by its name; step `forecast/<topic>/figures`: loads (their names) [k],
    requests_per_s [k], p50_ms [k], p95_ms [k].

    Raises UsageError as `calibration.predict`.
    """

    def play() -> dict[str, Any]:
        said = [predict(server, lab, one).values() for one in asked.values()]
        columns = np.array(said, dtype=np.float64).reshape(-1, 3).T
        return {"loads": list(asked), **dict(zip(FIELDS, columns, strict=True))}

    loads = {name: lab.key(one.deployment, one.options.key()) for name, one in asked.items()}
    times = {str(rows): ms for rows, ms in server.execution_ms.items()}
    return read(lab.run.step(f"forecast/{topic}/figures", play, inputs={"execution_ms": times, "loads": loads}))


FIELDS = ("requests_per_s", "p50_ms", "p95_ms")


def read(step: Mapping[str, Any]) -> dict[str, Figures]:
    """The figures of a recorded forecast by the loads' names."""
    columns = [np.asarray(step[field], dtype=np.float64).tolist() for field in FIELDS]
    return {name: Figures(*values) for name, *values in zip(step["loads"], *columns, strict=True)}
