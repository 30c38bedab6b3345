"""Relations within and between steps, on numbers small enough to count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.integrity.relations import broken_relations
from snippets.files import canonical, sha256_text
from snippets.record import load_record
from snippets.record.values import describe_input
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.recorded import SMALL


def told(*steps: PaperStep) -> list[str]:
    return broken_relations(PaperRecord(steps).evidence)


@pytest.mark.parametrize("name", SMALL)
def test_measured_runs_keep_all_of_them(kept: Callable[[str], Path], name: str) -> None:
    assert broken_relations(Evidence(load_record(kept(name)))) == []


# Two clients, three requests of 10 ms: at 0, at 1 ms, and when the first has ended.
LOAD: dict[str, Any] = {
    "clients": 2,
    "started_s": np.array([0.0, 0.001, 0.0101]),
    "latency_ms": np.array([10.0, 10.0, 10.0]),
    "ok": np.ones(3, dtype=bool),
}


def load(**changed: Any) -> list[str]:
    return told(PaperStep("endpoint/onnx-2/load", {**LOAD, **changed}))


def test_no_more_requests_are_under_way_than_there_are_clients() -> None:
    assert load() == []
    # The first lasts 0.2 ms longer: it and the second are under way when the third is sent.
    assert load(latency_ms=np.array([10.2, 10.0, 10.0])) == [
        "step 'endpoint/onnx-2/load': 1 requests were sent while 2 others, as many as there are clients, were under way"
    ]
    assert load(clients=3, latency_ms=np.array([10.2, 10.0, 10.0])) == []
    assert load(latency_ms=np.array([10.11, 10.0, 10.0])) == [], "by 10 us: two threads read the clock in turn"


def test_the_server_takes_no_longer_than_the_client_waits() -> None:
    assert load(decode_ms=np.full(3, 4.0), inference_ms=np.full(3, 5.9)) == []
    over = {"decode_ms": np.array([4.0, 4.5, 4.5]), "inference_ms": np.full(3, 5.9)}
    assert "for 2 requests the server took longer" in load(**over)[0]
    assert load(**{**over, "decode_ms": np.array([4.0, 4.0, 4.5])}) == [], "one of three may have waited for its turn"
    assert load(server_ms=12.4) == [] and "the server took 12.6 ms for a request" in load(server_ms=12.6)[0]


def test_the_server_counts_what_the_clients_sent() -> None:
    # At the ends of a window 0.2 x 3 + 2 x 2 = 4.6 may be missing or too many.
    assert load(server_requests=7) == [] and load(server_requests=0) == []
    assert load(server_requests=8) == [
        "step 'endpoint/onnx-2/load': the server counted 8 requests, the clients 3 answers"
    ]
    assert load(server_requests=8, neighbour="archive") == [], "it counts the neighbour's too"


def test_a_soak_makes_one_call_after_another() -> None:
    soak = {"latency_ms": np.array([10.0, 20.0, 10.0]), "started_s": np.array([0.0, 0.010005, 0.030011])}
    assert told(PaperStep("soak/all/soak", soak)) == []
    early = {**soak, "started_s": np.array([0.0, 0.0099, 0.030011])}
    assert told(PaperStep("soak/all/soak", early)) == [
        "step 'soak/all/soak': 1 calls begin before the call before them has ended"
    ]
    at_once = {**soak, "started_s": np.array([0.0, 0.010, 0.030])}
    assert "without any time between" in told(PaperStep("soak/all/soak", at_once))[0]


def test_the_best_canary_is_the_least() -> None:
    taken = {"canary_ms": np.array([0.8, 0.7]), "best_canary_ms": 0.7}
    assert told(PaperStep("edge/turns-1", taken)) == []
    assert "slower than one of the round" in told(PaperStep("edge/turns-1", {**taken, "best_canary_ms": 0.75}))[0]


def test_all_variants_are_asked_for_the_same_images() -> None:
    first = PaperStep("edge/a/accuracy", {"labels": np.array([1, 2]), "split": "evaluation"})
    assert told(first, PaperStep("edge/b/accuracy", dict(first.result))) == []
    other = PaperStep("edge/b/accuracy", {**first.result, "labels": np.array([2, 1])})
    assert told(first, other) == ["step 'edge/b/accuracy': its images are not those of edge/a/accuracy"]
    assert told(first, PaperStep("edge/b/accuracy", {"labels": np.array([2, 1]), "split": "validation"})) == []
    assert told(first, PaperStep("edge/b/accuracy", {"labels": np.array([2]), "split": "evaluation"})) == []


def test_an_image_in_a_batch_takes_between_a_250th_and_a_hundred_times_what_it_takes_alone() -> None:
    alone = PaperStep("graph/a/latency", {"latency_ms": np.array([10.0]), "threads": 2})

    def batch(time_ms: float, threads: int = 2) -> list[str]:
        result = {"batch_ms": np.array([time_ms]), "batch": 8, "threads": threads}
        return told(alone, PaperStep("graph/a/throughput", result))

    # Eight images in 80 ms take as long as alone; in 0.32 ms a 250th.
    assert batch(80.0) == [] and batch(0.33) == [] and batch(7900.0) == []
    assert batch(0.312) == [
        "step 'graph/a/throughput': an image in its batches takes 0.0039 times as long as one alone"
    ]
    assert len(batch(8100.0)) == 1 and batch(0.31, threads=1) == []


@dataclass(frozen=True)
class Keyed(PaperStep):
    """A step with the key that the kit gives it."""

    key: str = field(default="")


def keyed(samples: np.ndarray, told_as: np.ndarray, key: str = "") -> Keyed:
    """An assembled step with these samples, whose inputs name others."""
    name, inputs = "edge/a/latency", {"latency_ms": describe_input(told_as, "latency_ms")}
    return Keyed(name, {"latency_ms": samples}, inputs=inputs, key=key or sha256_text(canonical([name, inputs])))


def test_a_step_is_named_for_its_inputs_and_they_for_its_samples() -> None:
    samples = np.array([1.5, 2.5])
    assert told(keyed(samples, samples)) == []
    assert told(keyed(samples + 0.1, samples)) == [
        "step 'edge/a/latency': its latency_ms are not the samples that it was put together from"
    ]
    assert told(keyed(samples, samples, key="0")) == [
        "step 'edge/a/latency': its inputs are not those that it was measured with"
    ]
