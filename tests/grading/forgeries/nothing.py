"""Ways that begin with nothing: what is handed in was never measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from snippets.record import run as record
from snippets.record.values import save_array
from tests.grading.forgeries.ways import (
    BEGAN,
    MINE,
    answer_right,
    forgery,
    only_absent,
    steps_of,
    with_lease,
)
from tests.grading.students import VARIANTS, Clock, at, make_run, rewrite


def _invent(folder: Path, result_of: Callable[[str, dict[str, Any]], dict[str, Any]], clock: Any = None) -> Path:
    """A whole run with the kit's library and a made-up clock, as `make_run`, its results changed by `result_of`."""
    run = make_run(folder, MINE, answered=False, predict="never", began=BEGAN)

    def edit(content: dict[str, Any]) -> None:
        for step in content["steps"]:
            loaded = {
                name: np.load(run / told["$array"]) if isinstance(told, dict) and "$array" in told else told
                for name, told in step["result"].items()
            }
            made = result_of(step["name"], loaded)
            step["result"] = {
                name: save_array(run, f"samples/{step['index']:04d}-x.{name}.npy", value)
                if isinstance(value, np.ndarray)
                else value
                for name, value in made.items()
            }

    rewrite(run, edit)
    return answer_right(run)


def _of_latencies(made: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Latency steps as `made` says, the others as they are."""

    def result_of(name: str, result: dict[str, Any]) -> dict[str, Any]:
        return made(result) if name.startswith("edge/") and name.endswith("/latency") else result

    return result_of


@forgery("one made-up number a step, as a list", 60, "nothing")
def lists(folder: Path, friend: Path) -> Path:
    return _invent(folder, _of_latencies(lambda result: {"latency_ms": [12.3], "batch": 1, "provider": "cpu"}))


@forgery("every step said to be absent", 10, "nothing")
def absent(folder: Path, friend: Path) -> Path:
    run = make_run(folder / "own", MINE, answered=False, began=BEGAN)
    return only_absent(folder, {"edge", "kit", "soak", "cold", "cloud"}, run)


@forgery("`source` in each result: constant times of 0.001 ms", 2, "nothing")
def sourced(folder: Path, friend: Path) -> Path:
    made = {"latency_ms": np.full(100, 0.001), "batch": 1, "provider": "cpu", "threads": 1, "source": "x"}
    return _invent(folder, _of_latencies(lambda result: dict(made)))


@forgery("`provider` left out: medians of 0.001 ms", 1, "nothing")
def unprovided(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(1)
    return _invent(
        folder, _of_latencies(lambda result: {"latency_ms": np.abs(rng.normal(0.001, 1e-4, 100)), "batch": 1})
    )


@forgery("19 equal samples in each array", 1, "nothing")
def equal(folder: Path, friend: Path) -> Path:
    made = {"latency_ms": np.full(19, 12.345678), "batch": 1, "provider": "cpu", "threads": 1}
    return _invent(folder, _of_latencies(lambda result: dict(made)))


@forgery("`group` and `rounds` of a comparison that was never made", 5, "nothing")
def unmade_rounds(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(1)

    def made(result: dict[str, Any]) -> dict[str, Any]:
        return {**result, "group": "fast", "latency_ms": np.round(rng.gamma(9, 1, 100), 6)}

    return _invent(folder, _of_latencies(made))


def _with_the_library(
    folder: Path, samples: Callable[[float, int], np.ndarray], clock: Any, rounds: bool = False
) -> Path:
    """A run through the kit's own library, with invented samples and that clock, as tests make students."""
    rng, labels = np.random.default_rng(2), np.random.default_rng(2).integers(0, 11, 50)
    with at(clock):
        run = record.open_run("edge", notebook="1_latency", runs=folder)

        def step(name: str, result: Mapping[str, Any], seconds: float) -> None:
            def measure() -> dict[str, Any]:
                clock.ns += int(seconds * 1e9)
                return dict(result)

            run.step(name, measure, inputs={"seed": 1})

        for variant, (median, size) in VARIANTS.items():
            for threads in (1, 2, 4):
                made = samples(median / threads**0.7, 60)
                told = {"latency_ms": made, "batch": 1, "threads": threads, "provider": "cpu"}
                step(f"edge/{variant}-threads-{threads}/latency", told, made.sum() / 1e3 + 1)
            right = np.where(rng.random(50) < 0.85, labels, (labels + 1) % 11)
            step(f"edge/{variant}/accuracy", {"predictions": right, "labels": labels, "split": "evaluation"}, 1.0)
            step(f"kit/{variant}/size", {"bytes": size}, 0.1)
            phases = {f"{name}_ms": samples(90, 5) for name in ("process", "libraries", "model", "first_inference")}
            memory = np.cumsum(samples(20, 20).reshape(5, 4), axis=1)
            step(f"cold/{variant}/start", {**phases, "rss_mb": memory, "steady_ms": samples(20, 5), "threads": 1}, 6.0)
        made = samples(15, 400)
        started = np.cumsum(made) / 1e3
        told = {"latency_ms": made, "started_s": started, "seconds": float(started[-1]), "limits": []}
        step("soak/all/soak", {**told, "absent": {}, "board_s": started[::40]}, float(started[-1]))
        step("soak/all/power", {"power_w": 8.0, "source": "assumed"}, 0.1)
        step("cloud/server/latency", {"latency_ms": samples(3, 60), "batch": 1, "source": "Part 1"}, 0.5)
        step(
            "cloud/all/crossover",
            {"edge_ms": samples(12, 60), "server_ms": samples(3, 60), "rtt_ms": [1.0]},
            0.5,
        )
    return answer_right(run.folder)


class EvenClock(Clock):
    """A clock that gains a millisecond at every look, as the kit's tests once had one."""

    def perf_counter_ns(self) -> int:
        self.ns += 1_000_000
        return self.ns

    def utc_now(self) -> str:
        moment = self.start + timedelta(microseconds=self.ns / 1000)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _log_normal(median: float, count: int) -> np.ndarray:
    rng = np.random.default_rng(count + int(median * 100))
    return median * np.exp(rng.normal(0, 0.06, count)) + rng.exponential(median * 0.02, count)


@forgery("the kit's library with a made-up clock, skewed random times", 1, "nothing")
def library(folder: Path, friend: Path) -> Path:
    return _with_the_library(folder, _log_normal, EvenClock(MINE, BEGAN))


@forgery("the same, a clock with jitter", 20, "nothing")
def library_jitter(folder: Path, friend: Path) -> Path:
    return _with_the_library(folder, _log_normal, Clock(MINE, BEGAN))


@forgery("the same, dated to before the kit measured in rounds", 25, "nothing")
def library_backdated(folder: Path, friend: Path) -> Path:
    return _with_the_library(
        folder, lambda m, n: np.round(_log_normal(m, n), 6), Clock(MINE, datetime(2026, 3, 1, tzinfo=UTC))
    )


@forgery("the same, normal times", 20, "nothing")
def library_normal(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(3)
    return _with_the_library(folder, lambda median, n: rng.normal(median, median / 20, n), Clock(MINE, BEGAN))


@forgery("the same, a smooth curve", 20, "nothing")
def library_smooth(folder: Path, friend: Path) -> Path:
    def smooth(median: float, count: int) -> np.ndarray:
        return median * (1 + 0.1 * np.sin(np.arange(count) / 20 + median))

    return _with_the_library(folder, smooth, Clock(MINE, BEGAN))


@forgery("the same, times rounded to microseconds", 20, "nothing")
def library_rounded(folder: Path, friend: Path) -> Path:
    return _with_the_library(folder, lambda median, n: np.round(_log_normal(median, n), 3), Clock(MINE, BEGAN))


@forgery("one array of a real run, scaled for every step", 30, "an array of a friend's")
def one_array(folder: Path, friend: Path) -> Path:
    told = next(step for step in steps_of(friend) if step["name"] == "edge/fp32-threads-1/latency")["result"]
    base = np.load(friend / told["latency_ms"]["$array"])
    base = base / np.median(base)
    return _with_the_library(folder, lambda median, n: median * np.resize(base, n), Clock(MINE, BEGAN))


@forgery("every step of a program of one's own: rounds, drift, stalls, clock, whole nanoseconds", 180, "nothing")
def invented(folder: Path, friend: Path) -> Path:
    return make_run(folder, MINE, began=BEGAN)


@forgery("the same and a lease of one's own that stood idle", 240, "nothing", lease="serve_edge_me1")
def invented_lease(folder: Path, friend: Path) -> Path:
    return with_lease(make_run(folder, MINE, began=BEGAN))
