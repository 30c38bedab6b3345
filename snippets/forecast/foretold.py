"""What the model says of loads, kept in the record before they are measured: made afterwards it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.simulate.calibrated import Figures

if TYPE_CHECKING:  # who reads a forecast needs no server
    from snippets.simulate.server import Server
    from snippets.triton.lab import Asked, Lab


def foretell(lab: Lab, topic: str, server: Server, asked: Mapping[str, Asked]) -> dict[str, Figures]:
    """What the model says of each load, by its name; step `forecast/<topic>/figures`: loads (their names) [k],
    requests_per_s [k], p50_ms [k], p95_ms [k]; where the machine is unsteady, also slower and faster [k, 3]: the same
    three at other speeds of it.

    Raises UsageError as `calibration.predict`.
    """

    from snippets.forecast.calibration import predict

    def play() -> dict[str, Any]:
        said = [predict(server, lab, one) for one in asked.values()]
        columns = np.array([one.values() for one in said], dtype=np.float64).reshape(-1, len(FIELDS)).T
        found = {"loads": list(asked), **dict(zip(FIELDS, columns, strict=True))}
        for speed in SPEEDS:
            other = [values.values() for one in said if (values := getattr(one, speed)) is not None]
            if other:
                found[speed] = np.array(other, dtype=np.float64)
        return found

    loads = {name: lab.key(one.deployment, one.options.key()) for name, one in asked.items()}
    times = {str(rows): ms for rows, ms in server.execution_ms.items()}
    return read(lab.run.step(f"forecast/{topic}/figures", play, inputs={"execution_ms": times, "loads": loads}))


FIELDS, SPEEDS = ("requests_per_s", "p50_ms", "p95_ms"), ("slower", "faster")


def read(step: Mapping[str, Any]) -> dict[str, Figures]:
    """The figures of a recorded forecast by the loads' names."""
    columns = [np.asarray(step[field], dtype=np.float64).tolist() for field in FIELDS]
    said = {name: Figures(*values) for name, *values in zip(step["loads"], *columns, strict=True)}
    if not all(speed in step for speed in SPEEDS):
        return said
    others = zip(*(np.asarray(step[speed], dtype=np.float64).tolist() for speed in SPEEDS), strict=True)
    return {
        name: replace(one, slower=Figures(*slower), faster=Figures(*faster))
        for (name, one), (slower, faster) in zip(said.items(), others, strict=True)
    }
