"""A request's time is accounted for by stage, and the rest is the way there and back."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.serve.stages import STAGES, account


def result(latency_ms: list[float], ok: list[bool]) -> dict:
    """A load whose answers took 1, 2, 3, 4 and 5 ms in the five stages."""
    stages = {f"{stage}_ms": np.full(3, float(place)) for place, stage in enumerate(STAGES, 1)}
    return {"latency_ms": np.array(latency_ms), "ok": np.array(ok), **stages}


def test_transport_is_what_the_stages_do_not_explain() -> None:
    spent = account(result([18.0, 22.0], [True, True]))
    assert [spent[stage] for stage in STAGES] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert spent["transport"] == pytest.approx(20.0 - 15.0)


def test_failures_are_no_part_of_what_a_request_takes() -> None:
    assert account(result([18.0, 500.0], [True, False]))["transport"] == pytest.approx(3.0)


def test_a_rest_that_would_be_negative_is_nothing() -> None:
    assert account(result([14.0], [True]))["transport"] == 0.0
