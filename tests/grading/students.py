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
from snippets.files import canonical, sha256_text, write_atomic
from snippets.record import run as record
from snippets.record.chain import genesis, last_hash, linked
from snippets.record.document import read_content, write_whole
from snippets.record.values import save_array
from tests.grading.machines import Machine
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
    """Time that passes when a step says so, and a little whenever somebody looks, as while a file is written."""

    def __init__(self, seed: int, began: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.ns = 0
        self.start = began + timedelta(minutes=7 * seed)
        self._rng = np.random.default_rng([seed, 1])

    def perf_counter_ns(self) -> int:
        self.ns += int(self._rng.integers(1_000, 30_000))
        return self.ns

    def utc_now(self) -> str:
        self.ns += int(50_000 + 400_000 * self._rng.lognormal(0, 0.8))
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


Made = Iterator[tuple[str, dict[str, Any], float]]
"""Name, result and seconds of steps."""


def steps(rng: np.random.Generator, rounds: int = 0) -> Made:
    """Every step of part edge. `rounds`: so many rounds of turns, as kits measure now; 0: each variant for itself."""
    machine, speed = Machine.any(rng), float(rng.uniform(0.9, 1.5))
    times, lasting = machine.times, machine.lasting
    labels = rng.integers(0, 11, 50)
    medians = {
        f"{variant}-threads-{threads}": median * speed / threads ** float(rng.uniform(0.65, 0.75))
        for variant, (median, _) in VARIANTS.items()
        for threads in (1, 2, 4)
    }
    if rounds:
        yield from in_turns(machine, medians, rounds)
    else:
        for name, median in medians.items():
            samples = times(median, 60)
            threads = int(name.rpartition("-")[2])
            result = {"latency_ms": samples, "batch": 1, "threads": threads, "provider": "cpu"}
            yield f"edge/{name}/latency", result, samples.sum() / 1e3 + lasting(1)
    for variant, (_, size) in VARIANTS.items():
        right = rng.random(50) < 0.85
        yield (
            f"edge/{variant}/accuracy",
            {"predictions": np.where(right, labels, (labels + 1) % 11), "labels": labels, "split": "evaluation"},
            lasting(1.0),
        )
        yield f"kit/{variant}/size", {"bytes": size}, lasting(0.1)
        phases = {
            f"{phase}_ms": times(scale * speed, 5)
            for phase, scale in (
                ("process", 40),
                ("libraries", 300),
                ("model", 90),
                ("first_inference", 50),
                ("answered", 500),
            )
        }
        yield (
            f"cold/{variant}/start",
            {**phases, "rss_mb": memory(machine), "steady_ms": times(20, 5), "threads": 1},
            lasting(6.0),
        )
    yield "soak/all/soak", *soak(machine, speed)
    yield "soak/all/power", {"power_w": 8.0, "source": "assumed"}, lasting(0.1)
    edge, server = times(12 * speed, 60), times(3 * speed, 60)
    numbers = np.repeat(np.arange(1, 6), 12)
    carried = {"latency_ms": server, "batch": 1, "source": "Part 1, quantize/aggressive/latency"}
    crossover = {"edge_ms": edge, "server_ms": server, "rtt_ms": [1.0]}
    if rounds:
        carried |= {"group": "choose", "rounds": numbers, "slow": [], "inputs": {"step": "quantize/aggressive/latency"}}
        crossover |= {"edge_rounds": numbers, "server_rounds": numbers, "edge_slow": [], "server_slow": []}
        crossover |= {"rtt_sent_ms": [-47.0], "sending_ms": [48.0]}
    yield "cloud/server/latency", carried, lasting(0.5)
    yield "cloud/all/crossover", crossover, lasting(0.5)
    yield from browser(machine, speed, rounds)


# Medians in ms with four threads, in the page and natively.
IN_PAGE = {"wasm-fp32": 60.0, "wasm-conservative": 90.0, "native-fp32": 16.0, "native-conservative": 6.0}
PAGE_TICK_MS = 0.005


def browser(machine: Machine, speed: float, rounds: int) -> Made:
    """What a browser measured beside the native runtime; its clock tells times some microseconds apart."""
    facts = {"user_agent": "A Browser 1.0", "version": "1.24.3", "cores": 4, "threads": 4, "remote": False}
    yield "browser/facts", {**facts, "resolution_ms": PAGE_TICK_MS, "isolated": True}, machine.lasting(2.0)
    scales = {"fetch": 40, "runtime": 180, "model": 90, "first_inference": 80, "answered": 390}
    phases = {f"{phase}_ms": ticked(machine.times(scale * speed, 5)) for phase, scale in scales.items()}
    yield "browser/wasm-fp32/start", {**phases, "threads": 4}, machine.lasting(4.0)
    medians = {f"{name}-threads-4": median * speed for name, median in IN_PAGE.items()}
    if rounds:
        yield from in_turns(machine, medians, rounds, "browser")
        return
    for name, median in medians.items():
        samples = in_the_page(name, machine.times(median, 60))
        provider = "wasm" if name.startswith("wasm") else "cpu"
        result = {"latency_ms": samples, "batch": 1, "threads": 4, "provider": provider}
        yield f"browser/{name}/latency", result, samples.sum() / 1e3 + machine.lasting(1)


def ticked(times_ms: np.ndarray) -> np.ndarray:
    """Times as a page's clock tells them."""
    return np.round(np.maximum(np.round(times_ms / PAGE_TICK_MS), 1) * PAGE_TICK_MS, 6)


def in_the_page(name: str, times_ms: np.ndarray) -> np.ndarray:
    """Times of an entrant, as the clock that it is timed by tells them."""
    return ticked(times_ms) if name.startswith("wasm") else times_ms


def in_turns(machine: Machine, medians: Mapping[str, float], rounds: int, group: str = "edge") -> Made:
    """The rounds of a comparison, and what is put together from them."""
    rng, best, taken = machine.rng, float("inf"), []
    for number in range(1, rounds + 1):
        blocks = {name: in_the_page(name, machine.times(median, 20)) for name, median in medians.items()}
        canary = machine.times(0.75, len(blocks))
        best = min(best, float(canary.min()))
        taken.append(blocks)
        order = [list(blocks)[i] for i in rng.permutation(len(blocks))]
        result = {
            "round": number,
            "seed": 0,
            "order": order,
            "blocks_ms": blocks,
            "canary_ms": canary,
            "others": np.zeros(len(blocks)),
            "best_canary_ms": best,
            "repeated": dict.fromkeys(blocks, 0),
            "slow": [],
            "group": group,
            "threads": 4,
        }
        busy_s = sum(float(block.sum()) for block in blocks.values()) / 1e3
        yield f"{group}/turns-{number}", result, machine.lasting(0.5) + 1.2 * busy_s
    for name in medians:
        together = {
            "latency_ms": np.concatenate([blocks[name] for blocks in taken]),
            "rounds": np.repeat(np.arange(1, rounds + 1), 20),
            "group": group,
            "repeated": 0,
            "slow": [],
            "batch": 1,
            "provider": "cpu",
            "threads": int(name.rpartition("-")[2]),
        }
        yield f"{group}/{name}/latency", together, machine.lasting(2e-5)


def soak(machine: Machine, speed: float) -> tuple[dict[str, Any], float]:
    """Result and seconds of one call after another on a board that warms up."""
    rng = machine.rng
    samples = machine.times(15 * speed, 400) * np.linspace(1, float(rng.uniform(0.95, 1.3)), 400)
    between_s = rng.lognormal(np.log(8e-6), 0.4, 400)
    started = np.concatenate([[0.0], np.cumsum(samples / 1e3 + between_s)[:-1]]) + between_s
    seconds = float(started[-1] + samples[-1] / 1e3)
    result = {
        "latency_ms": samples,
        "started_s": started,
        "seconds": seconds,
        "absent": {"limits": "x"},
        "board_s": started[::40],
        "temperature_c": 50 + np.round(rng.normal(0, 1, 10), 1),
        "clock_mhz": np.full(10, 2400.0),
        "power_w": np.full(10, np.nan),
        "limits": [],
    }
    return result, seconds + machine.lasting(0.05)


# Points of part edge: all, and those that no person gives. 10 are for measuring.
POSSIBLE = 10.0 + sum(question.points for question in questions("edge"))
FULL = 10.0 + sum(question.points for question in questions("edge") if not question.by_hand)


def memory(machine: Machine) -> np.ndarray:
    """Memory in MB of five starts, in each of four phases."""
    return np.cumsum(machine.times(20, 20).reshape(5, 4), axis=1)


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
    "edge.browser.pays": lambda results: (first_visit(results) - page_ms(results)) / (300 - page_ms(results)),
}


def page_ms(results: Mapping[str, Any], name: str = "wasm-fp32") -> float:
    """Median of the blocks' medians of what took turns in the page, or beside it."""
    step = results[f"browser/{name}-threads-4/latency"]
    if "rounds" not in step:
        return float(np.median(step["latency_ms"]))
    rounds = [step["latency_ms"][step["rounds"] == number] for number in np.unique(step["rounds"])]
    return float(np.exp(np.mean(np.log([np.median(block) for block in rounds]))))


def first_visit(results: Mapping[str, Any]) -> float:
    """The medians of a first visit's phases together, in ms."""
    start = results["browser/wasm-fp32/start"]
    return sum(float(np.median(start[f"{phase}_ms"])) for phase in ("fetch", "runtime", "model", "first_inference"))


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
    "edge.browser.slower": lambda results: page_ms(results) / page_ms(results, "native-fp32"),
    "edge.browser.int8": lambda results: "slower",
}


def make_run(
    runs: Path,
    seed: int,
    *,
    predict: str = "before",
    answered: bool = True,
    wrong: bool = False,
    keep_steps: float = 1.0,
    began: datetime | None = None,
) -> Path:
    """A run of part edge. `predict`: before, after or never; `keep_steps`: share of the steps that were measured.

    `wrong`: number, choice and prediction are all wrong. `began`: measured then, in rounds, as kits do now.
    """
    wise = not wrong
    clock = Clock(seed, began) if began else Clock(seed)
    rng = np.random.default_rng(seed)
    with at(clock):
        run = record.open_run("edge", notebook="1_latency", runs=runs)
        asked = questions("edge")

        all_steps = list(steps(rng, rounds=5 if began else 0))
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

            run.step(name, measure, inputs=result if "group" in result and "order" not in result else {"seed": seed})
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


def name_hosts(fields: dict[str, Any]) -> None:
    """Name each machine of a record for its facts, as the kit does, in the steps too."""
    names = {}
    for host in fields["hosts"]:
        before = host.pop("id")
        names[before] = host["id"] = sha256_text(canonical(host))[:16]
    for step in fields["steps"]:
        step["host"] = names[step["host"]]
