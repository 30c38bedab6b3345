"""Made-up students of part edge: honest, incomplete, broken and cheating. Their clock is made up too, so that a soak
of minutes takes no time; everything else goes through the real run record."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from grading.questions import Question, ask, questions
from grading.submission.collect import Student, Submission, make_submission
from snippets.files import write_atomic
from snippets.record import run as record
from snippets.record.chain import genesis, last_hash, linked
from snippets.record.document import read_content, write_whole
from snippets.record.values import save_array
from tests.grading.pictures import picture

VARIANTS = {
    "fp32": (40.0, 9_000_000),
    "dynamic": (30.0, 2_500_000),
    "aggressive": (12.0, 2_500_000),
    "conservative": (14.0, 6_000_000),
}
EXPLANATION = (
    "On my device number {seed} the dynamic file is smaller yet slower than the static one: its scales "
    "are found anew for every photo, and that work costs time in each of the {seed} layers I looked at."
)


class Clock:
    """Time that passes only when a step says so."""

    def __init__(self, seed: int) -> None:
        self.ns = 0
        self.start = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=7 * seed)

    def perf_counter_ns(self) -> int:
        self.ns += 1_000_000
        return self.ns

    def utc_now(self) -> str:
        moment = self.start + timedelta(microseconds=self.ns / 1000)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


@contextmanager
def at(clock: Clock) -> Iterator[None]:
    """The run record on this clock, without waiting for the disk."""
    with (
        mock.patch.object(record, "time", clock),
        mock.patch.object(record, "utc_now", clock.utc_now),
        mock.patch("os.fsync"),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


def times(rng: np.random.Generator, median: float, count: int) -> np.ndarray:
    """Skewed latencies in ms, as servers have them."""
    return median * np.exp(rng.normal(0, 0.06, count)) + rng.exponential(median * 0.02, count)


def steps(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Name, result and seconds of every step of part edge."""
    speed = float(rng.uniform(0.9, 1.5))
    for variant, (median, size) in VARIANTS.items():
        for threads in (1, 2, 4):
            samples = times(rng, median * speed / threads**0.7, 60)
            yield (
                f"edge/{variant}-threads-{threads}/latency",
                {"latency_ms": samples, "batch": 1, "threads": threads, "provider": "cpu"},
                samples.sum() / 1e3 + 1,
            )
        labels = rng.integers(0, 11, 50)
        right = rng.random(50) < 0.85
        yield (
            f"edge/{variant}/accuracy",
            {"predictions": np.where(right, labels, (labels + 1) % 11), "labels": labels, "split": "evaluation"},
            1.0,
        )
        yield f"kit/{variant}/size", {"bytes": size}, 0.1
        phases = {
            f"{phase}_ms": times(rng, scale * speed, 5)
            for phase, scale in (("process", 40), ("libraries", 300), ("model", 90), ("first_inference", 50))
        }
        yield (
            f"cold/{variant}/start",
            {**phases, "rss_mb": memory(rng), "steady_ms": times(rng, 20, 5), "threads": 1},
            6.0,
        )
    samples = times(rng, 15 * speed, 400) * np.linspace(1, float(rng.uniform(0.95, 1.3)), 400)
    started = np.cumsum(samples) / 1e3
    seconds = float(started[-1])
    yield (
        "soak/all/soak",
        {
            "latency_ms": samples,
            "started_s": started,
            "seconds": seconds,
            "absent": {"limits": "x"},
            "board_s": started[::40],
            "temperature_c": np.full(10, 50.0),
            "limits": [],
        },
        seconds,
    )
    yield "soak/all/power", {"power_w": 8.0, "source": "assumed"}, 0.1
    edge, server = times(rng, 12 * speed, 60), times(rng, 3 * speed, 60)
    yield (
        "cloud/server/latency",
        {"latency_ms": server, "batch": 1, "source": "Part 1, quantize/aggressive/latency"},
        0.5,
    )
    yield "cloud/all/crossover", {"edge_ms": edge, "server_ms": server, "rtt_ms": [1.0]}, 0.5


# Points of part edge: all, and those that no person gives. 10 are for measuring.
POSSIBLE = 10.0 + sum(question.points for question in questions("edge"))
FULL = 10.0 + sum(question.points for question in questions("edge") if not question.by_hand)


def memory(rng: np.random.Generator) -> np.ndarray:
    """Memory in MB of five starts, in each of four phases."""
    return np.cumsum(times(rng, 20, 20).reshape(5, 4), axis=1)


def guess(question: Question, results: Mapping[str, Any]) -> Any:
    """What a student predicts who knows the device: a narrow interval around the value, or a sure and right choice."""
    value = KNOWN[question.id](results)
    if question.choices:
        return [value, 1.0]
    return [value - 0.1, value + 0.1] if question.signed else [value / 1.2, value * 1.2]


def far(question: Question) -> Any:
    """What nobody should be sure of."""
    return [question.choices[-1], 1.0] if question.choices else [1000.0, 2000.0]


def best(results: Mapping[str, Any], name: str) -> float:
    """The lowest median of a variant, in ms."""
    return min(
        float(np.median(results[f"edge/{name}-threads-{threads}/latency"]["latency_ms"])) for threads in (1, 2, 4)
    )


def targets_met(results: Mapping[str, Any]) -> list[str]:
    """The variants with a median below 15 ms at their best number of threads and a file below 5 MB."""
    best_ms = {
        variant: min(
            np.median(results[f"edge/{variant}-threads-{threads}/latency"]["latency_ms"]) for threads in (1, 2, 4)
        )
        for variant in VARIANTS
    }
    return [variant for variant, (_, size) in VARIANTS.items() if best_ms[variant] < 15 and size < 5_000_000]


def soak_change(results: Mapping[str, Any]) -> float:
    """Per cent by which the median of the last fifth of the soak differs from that of the first."""
    soak = results["soak/all/soak"]
    share = soak["started_s"] / soak["seconds"]
    first, last = (np.median(soak["latency_ms"][fifth]) for fifth in (share < 0.2, share >= 0.8))
    return float(100 * (last - first) / first)


# What a student with a pocket calculator makes of the own samples: worked out without any of the kit's judges.
WORKED_OUT: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "edge.latency.targets": targets_met,
    "edge.cold.worth": lambda results: (
        sum(
            float(np.median(results["cold/fp32/start"][f"{phase}_ms"]))
            for phase in ("process", "libraries", "model", "first_inference")
        )
        / float(np.median(results["cold/fp32/start"]["steady_ms"]))
    ),
    "edge.memory.growth": lambda results: (
        float(np.subtract(*np.median(results["cold/fp32/start"]["rss_mb"], axis=0)[[3, 1]])) / 9.0
    ),
    "edge.soak.change": soak_change,
    "edge.energy.cost": lambda results: 8.0 * float(np.median(results["soak/all/soak"]["latency_ms"])) / 3600,
    "edge.crossover.value": lambda results: float(
        np.median(results["cloud/all/crossover"]["edge_ms"]) - np.median(results["cloud/all/crossover"]["server_ms"])
    ),
}


KNOWN: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "edge.latency.fastest": lambda results: min(VARIANTS, key=lambda name: best(results, name)),
    "edge.threads.gain": lambda results: float(
        np.median(results["edge/fp32-threads-1/latency"]["latency_ms"])
        / np.median(results["edge/fp32-threads-4/latency"]["latency_ms"])
    ),
    "edge.cold.phase": lambda results: "libraries",
    "edge.soak.trend": lambda results: (
        "slower" if soak_change(results) > 5 else "faster" if soak_change(results) < -5 else "steady"
    ),
    "edge.crossover.guess": WORKED_OUT["edge.crossover.value"],
}


def make_run(
    runs: Path,
    seed: int,
    *,
    predict: str = "before",
    answered: bool = True,
    wrong: bool = False,
    keep_steps: float = 1.0,
) -> Path:
    """A run of part edge. `predict`: before, after or never; `keep_steps`: share of the steps that were measured.

    `wrong`: number, choice and prediction are all wrong.
    """
    wise = not wrong
    clock, rng = Clock(seed), np.random.default_rng(seed)
    with at(clock):
        run = record.open_run("edge", notebook="1_latency", runs=runs)
        asked = questions("edge")

        all_steps = list(steps(rng))
        all_results = {name: result for name, result, _ in all_steps}

        def predict_now() -> None:
            for question in asked:
                if question.kind == "predict":
                    ask(run, question.id, answer=guess(question, all_results) if wise else far(question))

        if predict == "before":
            predict_now()
        kept = all_steps[: round(len(all_steps) * keep_steps)]
        for name, result, seconds in kept:

            def measure(result: dict[str, Any] = result, seconds: float = seconds) -> dict[str, Any]:
                clock.ns += int(seconds * 1e9)
                return result

            run.step(name, measure, inputs={"seed": seed})
        if predict == "after":
            predict_now()
        results = {name: result for name, result, _ in kept}
        for question in asked if answered else ():
            try:
                if question.kind in ("number", "choose"):
                    value = WORKED_OUT[question.id](results)
                    if wrong:
                        value = 1e6 if question.kind == "number" else [question.choices[0]]
                    ask(run, question.id, answer=value)
                elif question.kind == "explain":
                    ask(run, question.id, answer=EXPLANATION.format(seed=seed * 37 + len(question.id)))
            except KeyError as lacking:  # not measured: left out
                assert lacking.args[0] not in WORKED_OUT
        for question in asked:
            if question.kind == "screenshot":
                write_atomic(run.folder / "screens" / f"{question.id}.png", picture(seed))
    return run.folder


def hand_in(run: Path, netid: str, out: Path, pdf: bool = True) -> Submission:
    """The submission of a run; `pdf=False` puts an empty file in the PDF's place, which saves most of the time."""
    with contextlib.ExitStack() as stack:
        if not pdf:
            stack.enter_context(mock.patch("grading.submission.collect.render", lambda *_: (b"%PDF", ())))
        return make_submission([run], Student(netid), out=out, notebooks=out / "none")


def rewrite(run: Path, change: Any) -> None:
    """A forger: edits the record (head and `steps`) and makes every hash of it fit again."""
    content = read_content(run)
    before = [genesis(content.head), *(step["hash"] for step in content.steps)]
    fields = {**content.head, "steps": content.steps}
    change(fields)
    head = {name: value for name, value in fields.items() if name != "steps"}
    steps: list[dict[str, Any]] = []
    for step in fields["steps"]:
        steps.append(linked(step, last_hash(head, steps)))
    fitting = dict(zip(before, [genesis(head), *(step["hash"] for step in steps)], strict=False))
    for answer in (entry for entry in head["answers"] if isinstance(entry, dict) and "after" in entry):
        answer["after"] = fitting.get(answer["after"], last_hash(head, steps))
    write_whole(run, head, steps)


def change_samples(
    run: Path, step_name: str, change: Callable[[np.ndarray], np.ndarray], field: str = "latency_ms"
) -> None:
    """A forger: replaces the samples of a step, and makes the hashes of file and record fit."""

    def edit(fields: dict[str, Any]) -> None:
        for step in fields["steps"]:
            if step["name"] == step_name:
                old = np.load(run / step["result"][field]["$array"])
                step["result"][field] = save_array(run, step["result"][field]["$array"], change(old))

    rewrite(run, edit)
