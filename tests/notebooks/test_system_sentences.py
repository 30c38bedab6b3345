"""Each number that a Triton notebook says in words is what the samples of its run give."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from grading.checks.system import SHARES
from snippets.load import queueing, windows
from snippets.record.read import Record
from tests.notebooks.system_notebooks import Executed

# What the notebooks' sentences call a load -> the load's step.
CLIENTS = {1: "1 client", 8: "8 clients", 16: "16 clients", 32: "32 clients"}
SLUGS = {"off": "off", "on": "on", "on, waits 10 ms": "on-waits-10-ms"}
CALLED = {
    "2_triton": {
        **{CLIENTS[n]: f"triton/pytorch-{n}" for n in (1, 8, 16)},
        "16 clients, 1 photo each": "triton/pytorch-16",
        "1 client, 16 photos": "triton/pytorch-batch-16",
        "PyTorch": "triton/pytorch-8-again",
        "ONNX Runtime": "triton/onnx-8",
        "PyTorch, 1 client": "triton/pytorch-1-again",
        "ONNX Runtime, 1 client": "triton/onnx-1",
        "ONNX, Triton's own backend": "triton/native-8",
    },
    "3_batching": {
        **{f"{name}, {CLIENTS[n]}": f"batching/{slug}-{n}" for name, slug in SLUGS.items() for n in (1, 8, 32)},
        "never": "batching/on-8",
        "for eight": "batching/on-waits-10-ms-8",
        "for sixteen": "batching/waits-for-16-8",
        "one by one": "batcher/off-8",
        "no delay": "batcher/delay-0-8",
        "5 ms": "batcher/delay-5-8",
        "20 ms": "batcher/delay-20-8",
        **{f"one by one, {n}": f"config/plain-{n}" for n in (1, 32)},
        **{f"described, {n}": f"config/mine-{n}" for n in (1, 32)},
        "off": "batching/food-off",
        "on": "batching/food-on",
    },
    "4_instances": {
        **{f"{n} instance{'s' * (n > 1)}": f"instances/{n}x1" for n in (1, 2, 4)},
        "alone": "neighbour/alone",
        "shared": "neighbour/shared",
        "rate limit": "neighbour/limited",
        "own cores": "neighbour/own-cores",
    },
    "6_platform": {
        **{f"{team}, {which}": f"cards/{team}-{which}" for team in ("photos", "sorter") for which in ("plain", "own")},
        **{way.replace("-", " "): f"pipeline/{way}" for way in ("ensemble", "scripted", "one-model")},
    },
}
ON = (60, 130, 200)  # the loads that were offered with dynamic batching
TIMES = r"([\d.]+)(?: \(([\d.]+) to ([\d.]+)\))? times the"
SENTENCE = re.compile(
    rf"- \*\*(.+)\*\* against (.+): {TIMES} answers per second( \(not decided\))?,"
    rf" {TIMES} median latency( \(not decided\))?;"
    r" queue ([\d.]+) -> ([\d.]+) ms, computing ([\d.]+) -> ([\d.]+) ms"
)
T_OF_TWO = 4.3027  # Student's t for three windows, 95 %


@pytest.mark.parametrize(
    ("name", "number"), [("2_triton", 5), ("3_batching", 14), ("4_instances", 5), ("6_platform", 4)]
)
def test_every_comparison_in_words_is_what_the_samples_give(
    executed: Executed, record: Record, name: str, number: int
) -> None:
    sentences = SENTENCE.findall(executed.shown[name])
    assert (
        len(sentences)
        >= number
        == executed.shown[name].count(" times the answers per second") - (len(sentences) - number)
    )
    for label, base, *numbers in sentences:
        many, few = (windows_of(record, CALLED[name][each]) for each in (label, base))
        said, parts = [numbers[:4], numbers[4:8]], numbers[8:]
        for of, (value, low, high, doubt) in zip((rate, median_ms), said, strict=True):
            ratio = of(many) / of(few)
            each = [of([one]) / of([other]) for one, other in zip(many, few, strict=True)]
            half = T_OF_TWO * np.sqrt((np.log(np.array(each) / ratio) ** 2).sum() / 2 / 3)
            ends = [ratio * np.exp(-half), ratio * np.exp(half)]
            assert float(value) == pytest.approx(ratio, rel=1e-3, abs=0.0051), f"{label} against {base}"
            assert [float(low), float(high)] == pytest.approx(ends, rel=1e-2, abs=0.0051), f"{label} against {base}"
            assert bool(doubt) is bool(ends[0] <= 1 <= ends[1])
        means = [mean(load, field) for field in ("queue_ms", "compute_ms") for load in (few, many)]
        assert [float(one) for one in parts] == pytest.approx(means, abs=0.051), f"{label} against {base}"


Windows = list[dict[str, Any]]


def windows_of(record: Record, name: str) -> Windows:
    """The windows of a load as they were recorded one by one."""
    return [step.result for step in record.steps if step.name == f"{name}/load"]


def rate(windows: Windows) -> float:
    """Rows answered per second in these windows together."""
    answered = sum(int(one["ok"].sum()) * one["batch"] for one in windows)
    return answered / sum(one["seconds"] for one in windows)


def median_ms(windows: Windows) -> float:
    """Median latency of the answers in these windows together."""
    return float(np.median(np.concatenate([one["latency_ms"][one["ok"]] for one in windows])))


def mean(windows: Windows, field: str) -> float:
    """A mean of the server's statistics over the requests of these windows."""
    return float(np.average([one[field] for one in windows], weights=[one["server_requests"] for one in windows]))


def said(executed: Executed, name: str, pattern: str) -> list[float]:
    """The numbers of the one sentence of a notebook that is of this form."""
    found = re.findall(pattern, executed.shown[name])
    assert len(found) == 1, pattern
    return [float(number) for number in (found[0] if isinstance(found[0], tuple) else found)]


def test_the_classifiers_batch_is_said_to_take_as_long_as_it_did(executed: Executed, record: Record) -> None:
    off, on = (windows_of(record, f"batching/food-{setting}") for setting in ("off", "on"))
    # A photo for each one that was answered: the size of the batch in which it was.
    sizes = [int(size) for one in on for size, count in one["batches"].items() for _ in range(int(size) * int(count))]
    rows = sum(sizes) / len(sizes)
    numbers = said(executed, "3_batching", r"was in a batch of ([\d.]+) photos, which took ([\d.]+) times")
    assert numbers == pytest.approx([rows, mean(on, "compute_ms") / mean(off, "compute_ms")], abs=0.051)


def test_a_lone_request_is_said_to_keep_the_instance_busy_as_long_as_it_did(executed: Executed, record: Record) -> None:
    busy_ms = mean(windows_of(record, "online/alone"), "server_ms")
    pattern = r"busy for ([\d.]+) ms: as if it could do ([\d.]+)/s"
    service_ms, per_s = said(executed, "5_online_and_batch", pattern)
    assert service_ms == pytest.approx(busy_ms, abs=0.051) and per_s == pytest.approx(1000 / busy_ms, abs=0.51)


def test_littles_law_is_printed_for_the_loads_that_hold_as_their_requests_were_counted(
    executed: Executed, record: Record
) -> None:
    rows = re.findall(
        r"^(no batching|dynamic batching), (\d+)/s +counted +([\d.]+) +computed +([\d.]+) +off by ([\d.]+)%$",
        executed.shown["5_online_and_batch"],
        re.M,
    )
    assert rows
    loads = {"no batching": [f"online/off-{n}" for n in SHARES], "dynamic batching": [f"online/on-{n}" for n in ON]}
    for name, offered, counted, computed, off in rows:
        arrived = {step: rate_offered(windows_of(record, step)) for step in loads[name]}
        step = min(arrived, key=lambda step: abs(arrived[step] - float(offered)))
        ones = windows_of(record, step)
        seconds = np.array([one["seconds"] for one in ones])
        seen = float(np.average([one["in_flight_mean"] for one in ones], weights=seconds))
        expected = arrived[step] * np.concatenate([one["latency_ms"] for one in ones]).mean() / 1000
        assert [float(counted), float(computed)] == pytest.approx([seen, expected], abs=0.0051)
        assert float(off) == pytest.approx(100 * abs(seen - expected) / expected, abs=0.051)


def rate_offered(ones: list[dict[str, Any]]) -> float:
    """Arrivals per second of a load's windows together."""
    return sum(int(one["arrivals"]) for one in ones) / sum(one["seconds"] for one in ones)


def test_a_lone_requests_time_is_divided_as_it_was_measured(executed: Executed, record: Record) -> None:
    lone = windows_of(record, "triton/onnx-1")
    seen = np.concatenate([one["latency_ms"] for one in lone]).mean()
    numbers = said(executed, "2_triton", r"Runtime: ([\d.]+) ms on average, of which ([\d.]+) ms in the server")
    assert numbers == pytest.approx([seen, mean(lone, "server_ms")], abs=0.0051)
    parts = said(
        executed,
        "2_triton",
        r"queue ([\d.]+) ms, compute_input ([\d.]+) ms, compute_infer ([\d.]+) ms, compute_output ([\d.]+) ms",
    )
    assert sum(parts) == pytest.approx(mean(lone, "server_ms"), abs=0.021)


@pytest.mark.parametrize(("name", "slug", "shares"), [("no batching", "off", SHARES), ("dynamic batching", "on", ON)])
def test_a_server_is_said_to_answer_what_it_did_while_it_fell_behind_or_to_have_no_knee(
    executed: Executed, record: Record, name: str, slug: str, shares: tuple[int, ...]
) -> None:
    loads = [windows.result_of(record, f"online/{slug}-{share}/load") for share in shares]
    behind = [load["completed_rps"] for load in loads if queueing.falls_behind(load)]
    pattern = rf"{name}: answers at most (\d+)/s" if behind else rf"{name}: no load was too much; .* up to (\d+)/s"
    expected = max(behind) if behind else max(load["arrivals"] / load["seconds"] for load in loads)
    assert said(executed, "5_online_and_batch", pattern) == pytest.approx([expected], abs=0.51)


def test_what_a_cold_start_costs_is_said_as_it_was_measured(executed: Executed, record: Record) -> None:
    name, wait_price = "5_online_and_batch", 10
    torch_s, onnx_s = (
        float(np.median(cold["load_ms"] + cold["first_ms"])) / 1e3
        for cold in (record.result(f"online/food-{engine}/cold") for engine in ("pytorch", "onnx"))
    )
    numbers = said(executed, name, r"takes ([\d.]+) s with PyTorch and ([\d.]+) s with ONNX Runtime, ([\d.]+) times")
    assert numbers == pytest.approx([torch_s, onnx_s, torch_s / onnx_s], abs=0.051)
    numbers = said(executed, name, r"costs ([\d.]+) s of the server, and a wait worth ([\d.]+) s")
    assert numbers == pytest.approx([torch_s, wait_price * torch_s], abs=0.051)
    # Unloaded at once, k requests an hour cost k cold starts of 3600 s.
    numbers = said(executed, name, r"after +0 s without a request: 1/h: (\d+) %, 10/h: (\d+) %, 100/h: (\d+) %")
    assert numbers == pytest.approx([k * torch_s * (1 + wait_price) / 36 for k in (1, 10, 100)], abs=0.51)
    # Held for 20 s after each: a gap is longer with probability exp(-20 k / 3600).
    numbers = said(executed, name, r"after +20 s without a request: 1/h: (\d+) %, 10/h: (\d+) %, 100/h: (\d+) %")
    missed = {k: math.exp(-20 * k / 3600) for k in (1, 10, 100)}
    expected = [100 * (1 - p) + p * k * torch_s * (1 + wait_price) / 36 for k, p in missed.items()]
    assert numbers == pytest.approx(expected, abs=0.51)
