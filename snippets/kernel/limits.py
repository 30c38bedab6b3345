"""The limits that this machine sets, measured: how fast it computes and how fast it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snippets.measure import peak


def limits(threads: int) -> dict[str, Any]:
    """A step's result, float64 (n,) each, of passes in order: operations a second (two for each multiplication with
    its addition) `float32_per_s` with all threads, `one_thread_per_s` and `int8_per_s`; bytes read a second by all
    threads, `memory_per_s` and `cache_per_s`; and `threads`."""
    reading = peak.read_bytes(threads)
    return {
        "float32_per_s": 2 * peak.multiply_adds(threads)["per_s"],
        "one_thread_per_s": 2 * peak.multiply_adds(1)["per_s"],
        "int8_per_s": 2 * peak.int8_multiply_adds(threads)["per_s"],
        "memory_per_s": reading["memory_per_s"],
        "cache_per_s": reading["cache_per_s"],
        "threads": threads,
    }


def together(*steps: Mapping[str, Any]) -> dict[str, Any]:
    """Results of `limits` as one, with the passes of all: the machine may have been slow during some."""
    arrays = {name: np.concatenate([step[name] for step in steps]) for name in steps[0] if name.endswith("_per_s")}
    return {**arrays, "threads": steps[0]["threads"]}


def best(step: Mapping[str, Any]) -> dict[str, float]:
    """The best pass of each limit, in billions a second: what was reached is possible, whoever disturbed the others.

    So all threads can do no less than one of them did.
    """
    found = {name: float(np.max(values)) / 1e9 for name, values in step.items() if name.endswith("_per_s")}
    return found | {"float32_per_s": max(found["float32_per_s"], found["one_thread_per_s"])}


def told(step: Mapping[str, Any]) -> str:
    """The limits in words, a line each."""
    found = best(step)
    several = f"{step['threads']} thread{'s' * (step['threads'] > 1)}"
    return (
        f"computing in float32: {found['float32_per_s']:.0f} GFLOP/s with {several}, "
        f"{found['one_thread_per_s']:.0f} GFLOP/s with one\n"
        f"computing in int8: {found['int8_per_s']:.0f} billion operations/s with {several}\n"
        f"reading: {found['memory_per_s']:.1f} GB/s from memory, {found['cache_per_s']:.0f} GB/s from the first caches"
    )
