"""Faults on a real Triton: who shares the process falls with it, who has one of its own does not; both come back."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.errors import ServerError
from snippets.teams import isolation
from snippets.teams.isolation import FAULTS, ONE_EACH, ONE_PROCESS
from snippets.teams.lab import TeamsLab
from snippets.teams.visitors import hurt


@pytest.mark.parametrize("fault", FAULTS)
def test_who_shares_the_process_falls_with_it_and_is_started_anew(lab: TeamsLab, fault: str) -> None:
    seen = isolation.measure(lab, ONE_PROCESS, fault)
    found = hurt(seen)
    assert found.visitors == seen["arrivals"] == len(seen["ok"])
    assert found.failed > 0 and any(isolation.ENDED in said for said in seen["errors"])
    assert seen["reload_s"] > 0
    assert seen["fault_requests"] >= (2 if fault == "leak" else 1)
    assert seen["back_s"] < isolation.BACK_S


@pytest.mark.parametrize("fault", FAULTS)
def test_who_has_a_process_of_its_own_never_meets_a_dead_one(lab: TeamsLab, fault: str) -> None:
    seen = isolation.measure(lab, ONE_EACH, fault)
    assert isolation.ENDED in seen["fault_said"]
    assert not any(isolation.ENDED in said for said in seen["errors"])
    assert np.count_nonzero(seen["ok"]) > 0.5 * seen["arrivals"]


def test_a_network_that_does_not_come_back_is_an_error_within_the_limit(
    lab: TeamsLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "BACK_S", 0.2)
    monkeypatch.setattr(isolation, "LAYOUTS", {ONE_PROCESS: ("tenants_faulty", "tenants_faulty")})
    with pytest.raises(ServerError, match="`tenants_faulty` was still not back 0 s after its neighbour's fault"):
        isolation.measure(lab, ONE_PROCESS, "crash")
