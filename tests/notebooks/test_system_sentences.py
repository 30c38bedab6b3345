"""Each number that a Triton notebook says in words is what the samples of its run give."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from grading.checks.system import SHARES
from snippets.load import queueing
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
        "PyTorch": "triton/pytorch-8",
        "ONNX Runtime": "triton/onnx-8",
        "ONNX, Triton's own backend": "triton/native-8",
    },
    "3_batching": {
        **{f"{name}, {CLIENTS[n]}": f"batching/{slug}-{n}" for name, slug in SLUGS.items() for n in (1, 8, 32)},
        "never": "batching/on-8",
        "for eight": "batching/on-waits-10-ms-8",
        "for sixteen": "batching/waits-for-16-8",
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
}
ON = (60, 130, 200)  # the loads that were offered with dynamic batching
SENTENCE = re.compile(
    r"- \*\*(.+)\*\* against (.+): ([\d.]+) times the answers per second, ([\d.]+) times the median latency;"
    r" queue ([\d.]+) -> ([\d.]+) ms, computing ([\d.]+) -> ([\d.]+) ms"
)


@pytest.mark.parametrize(("name", "number"), [("2_triton", 4), ("3_batching", 9), ("4_instances", 5)])
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
        many, few = (record.result(f"{CALLED[name][each]}/load") for each in (label, base))
        rates = [load["ok"].sum() * load["batch"] / load["seconds"] for load in (many, few)]
        medians = [np.median(load["latency_ms"][load["ok"]]) for load in (many, few)]
        parts = [load[field] for field in ("queue_ms", "compute_ms") for load in (few, many)]
        expected = [rates[0] / rates[1], medians[0] / medians[1], *parts]
        assert [float(one) for one in numbers] == pytest.approx(expected, abs=0.051), f"{label} against {base}"


def said(executed: Executed, name: str, pattern: str) -> list[float]:
    """The numbers of the one sentence of a notebook that is of this form."""
    found = re.findall(pattern, executed.shown[name])
    assert len(found) == 1, pattern
    return [float(number) for number in (found[0] if isinstance(found[0], tuple) else found)]


def test_the_classifiers_batch_is_said_to_take_as_long_as_it_did(executed: Executed, record: Record) -> None:
    off, on = (record.result(f"batching/food-{setting}/load") for setting in ("off", "on"))
    rows = sum(int(size) * count for size, count in on["batches"].items()) / sum(on["batches"].values())
    numbers = said(executed, "3_batching", r"a batch of ([\d.]+) photos takes ([\d.]+) times")
    assert numbers == pytest.approx([rows, on["compute_ms"] / off["compute_ms"]], abs=0.051)


def test_a_lone_requests_time_is_divided_as_it_was_measured(executed: Executed, record: Record) -> None:
    lone = record.result("triton/onnx-1/load")
    numbers = said(executed, "2_triton", r"Runtime: ([\d.]+) ms on average, of which ([\d.]+) ms in the server")
    assert numbers == pytest.approx([lone["latency_ms"].mean(), lone["server_ms"]], abs=0.0051)
    parts = said(
        executed,
        "2_triton",
        r"queue ([\d.]+) ms, compute_input ([\d.]+) ms, compute_infer ([\d.]+) ms, compute_output ([\d.]+) ms",
    )
    assert sum(parts) == pytest.approx(lone["server_ms"], abs=0.021)


@pytest.mark.parametrize(("name", "slug", "shares"), [("no batching", "off", SHARES), ("dynamic batching", "on", ON)])
def test_a_server_is_said_to_answer_what_it_did_while_it_fell_behind_or_to_have_no_knee(
    executed: Executed, record: Record, name: str, slug: str, shares: tuple[int, ...]
) -> None:
    loads = [record.result(f"online/{slug}-{share}/load") for share in shares]
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
