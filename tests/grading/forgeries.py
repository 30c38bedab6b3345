"""Ways to forge a run of part edge, each as a student who has the kit would go about it, with the minutes that takes.

A way gets a folder to work in and a friend's run of today, and returns the run that is handed in. The minutes are
estimates: what somebody needs who knows the kit from the course, reads its code where necessary and writes the script.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence
from grading.questions import ask, questions
from grading.staff.judges import JUDGES
from snippets.files import canonical, sha256_text
from snippets.record import load_record
from snippets.record import run as record
from snippets.record.chain import answers_hash, genesis
from snippets.record.values import describe_input, save_array
from tests.grading.recorded import recorded
from tests.grading.students import VARIANTS, Clock, at, make_run, name_hosts, rewrite

BEGAN = datetime(2027, 2, 1, 12, tzinfo=UTC)
"""When the class measured."""
MINE = 9001
"""Seed of the forger's own machine, where there is one."""
Way = Callable[[Path, Path], Path]
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Forgery:
    """One way: what is done, how long it takes, what it starts from, and the function that does it. `lease`: what the
    testbed calls the lease that the run names."""

    told: str
    minutes: int
    way: Way
    source: str
    lease: str = ""


FORGERIES: list[Forgery] = []


def forgery(told: str, minutes: int, source: str = "a friend's run", lease: str = "") -> Callable[[Way], Way]:
    """Enter a way in the list."""

    def enter(way: Way) -> Way:
        FORGERIES.append(Forgery(told, minutes, way, source, lease))
        return way

    return enter


def copy(folder: Path, run: Path) -> Path:
    """A run's folder under `folder`."""
    target = folder / "edge" / "mine"
    shutil.copytree(run, target)
    return target


def change_all(run: Path, change: Change, fields: tuple[str, ...] = ("latency_ms", "batch_ms")) -> Path:
    """Every sample array of these fields changed, with its hash and the chain made to fit."""

    def edit(content: dict[str, Any]) -> None:
        for step in content["steps"]:
            for field in fields:
                told = step["result"].get(field) if isinstance(step["result"], dict) else None
                if isinstance(told, dict) and "$array" in told:
                    step["result"][field] = save_array(run, told["$array"], change(np.load(run / told["$array"])))

    rewrite(run, edit)
    return run


def change_whole(run: Path, change: Callable[[np.ndarray, str], np.ndarray]) -> Path:
    """The samples of all blocks changed, and whatever is put together from them, its inputs and its key with them."""

    def edit(content: dict[str, Any]) -> None:
        blocks: dict[tuple[str, int], np.ndarray] = {}
        for step in content["steps"]:
            result = step["result"]
            if "blocks_ms" in result:
                for name, told in result["blocks_ms"].items():
                    blocks[name, result["round"]] = change(np.load(run / told["$array"]), name)
                    result["blocks_ms"][name] = save_array(run, told["$array"], blocks[name, result["round"]])
            elif step["name"].startswith("edge/") and "rounds" in result:
                name = step["name"].split("/")[1]
                rounds = np.load(run / result["rounds"]["$array"])
                samples = np.concatenate([blocks[name, number] for number in np.unique(rounds)])
                result["latency_ms"] = save_array(run, result["latency_ms"]["$array"], samples)
                step["inputs"]["latency_ms"] = describe_input(samples, "latency_ms")
                step["key"] = sha256_text(canonical([step["name"], step["inputs"]]))

    rewrite(run, edit)
    return run


def answer_right(run: Path) -> Path:
    """Answers and predictions as the kit's own judges say, entered through the kit, and predictions marked as made in
    time."""
    began = datetime.fromisoformat(load_record(run).created_utc) - timedelta(minutes=7 * MINE)
    with at(Clock(MINE, began + timedelta(hours=2))):
        opened = record.open_run("edge", notebook="1_latency", runs=run.parent.parent)
        for question in questions("edge"):
            if question.id not in JUDGES:
                continue
            try:
                right = JUDGES[question.id](Evidence(load_record(run)))
            except Exception:
                continue  # a run without that measurement: no answer
            value: Any = sorted(getattr(right, "right", ())) or getattr(right, "value", None)
            if question.kind == "predict":
                value = [value[0], 1.0] if isinstance(value, list) else [value - 0.1, value + 0.1]
                value = value if question.signed or question.choices else [value[0] + 0.05, value[1] - 0.05]
            ask(opened, question.id, answer=value)

    def in_time(content: dict[str, Any]) -> None:
        predictions = {question.id for question in questions("edge") if question.kind == "predict"}
        head = {name: value for name, value in content.items() if name != "steps"}
        for answer in content["answers"]:
            if answer["question"] in predictions:
                answer.update(after=genesis(head), measured=[])
        content["answers"].sort(key=lambda answer: answer["question"] not in predictions)

    rewrite(run, in_time)
    return run


# --- A friend's run ---


@forgery("as it is, under another NetID", 1)
def as_it_is(folder: Path, friend: Path) -> Path:
    return copy(folder, friend)


@forgery("all samples times 1.03", 5)
def scaled(folder: Path, friend: Path) -> Path:
    return change_all(copy(folder, friend), lambda samples: samples * 1.03)


@forgery("2 % of noise on every sample", 5)
def noisy(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(1)
    return change_all(copy(folder, friend), lambda samples: samples * (1 + rng.uniform(-0.02, 0.02, samples.shape)))


@forgery("samples shuffled", 5)
def shuffled(folder: Path, friend: Path) -> Path:
    return change_all(copy(folder, friend), np.random.default_rng(1).permutation)


@forgery("first sample of each array dropped", 5)
def dropped(folder: Path, friend: Path) -> Path:
    run = change_all(copy(folder, friend), lambda samples: samples[1:])
    return change_all(run, lambda samples: samples[1:], ("rounds", "started_s", "edge_ms", "server_ms"))


@forgery("samples cast to whole milliseconds", 2)
def cast(folder: Path, friend: Path) -> Path:
    return change_all(copy(folder, friend), lambda samples: np.maximum(samples, 1).astype(np.int64))


@forgery("all dates three days later", 10)
def postponed(folder: Path, friend: Path) -> Path:
    run = copy(folder, friend)

    def later(text: str) -> str:
        moment = datetime.fromisoformat(text) + timedelta(days=3, seconds=77.7)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def edit(content: dict[str, Any]) -> None:
        content["created_utc"] = later(content["created_utc"])
        for step in content["steps"]:
            step.update(started_utc=later(step["started_utc"]), ended_utc=later(step["ended_utc"]))
        for answer in content["answers"]:
            answer["answered_utc"] = later(answer["answered_utc"])

    rewrite(run, edit)
    return run


def _stretched(run: Path, factor: Callable[[], float]) -> Path:
    """All times of steps drawn out by a factor."""

    def edit(content: dict[str, Any]) -> None:
        moment = datetime.fromisoformat(content["created_utc"]) + timedelta(hours=30)
        content["created_utc"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        before = None
        for step in content["steps"]:
            began, ended = (datetime.fromisoformat(step[name]) for name in ("started_utc", "ended_utc"))
            beside = (ended - began).total_seconds() - step["seconds"]
            moment += (began - before) if before else timedelta(seconds=1)
            before = ended
            step["seconds"] *= factor()
            step["started_utc"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
            moment += timedelta(seconds=step["seconds"] + beside)
            step["ended_utc"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        for answer in content["answers"]:
            answer["answered_utc"] = content["created_utc"] if answer["measured"] == [] else step["ended_utc"]

    rewrite(run, edit)
    return run


@forgery("durations of all steps, and dates, times 1.05", 20)
def stretched(folder: Path, friend: Path) -> Path:
    return _stretched(copy(folder, friend), lambda: 1.05)


@forgery("noise, shuffle, other dates and durations", 40)
def disguised(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(1)
    run = _stretched(copy(folder, friend), lambda: float(rng.uniform(1.1, 1.2)))
    return change_all(run, lambda samples: rng.permutation(samples * (1 + rng.uniform(-0.02, 0.02, samples.shape))))


@forgery("noise on all blocks, put together again with inputs and keys, other durations", 55)
def reassembled(folder: Path, friend: Path) -> Path:
    rng = np.random.default_rng(1)
    run = _stretched(copy(folder, friend), lambda: float(rng.uniform(1.1, 1.2)))
    return change_whole(run, lambda block, _: np.round(block * (1 + rng.uniform(-0.01, 0.01, block.size)), 6))


@forgery("half of the steps a friend's, half one's own", 30, "one's own run and a friend's")
def spliced(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, began=BEGAN)
    theirs = {step["name"]: step for step in _steps(friend)}

    def edit(content: dict[str, Any]) -> None:
        for number, step in enumerate(content["steps"]):
            if number >= len(content["steps"]) // 2:
                step["result"] = theirs[step["name"]]["result"]
        for source in (friend / "samples").iterdir():
            shutil.copy(source, run / "samples" / source.name)

    rewrite(run, edit)
    return run


def _steps(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "steps.jsonl").read_text(encoding="utf-8").splitlines()]


# --- One's own run, made better ---


@forgery("fast variant's samples times 0.5 in its latency step", 5, "one's own run")
def halved(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, began=BEGAN)

    def edit(content: dict[str, Any]) -> None:
        for step in content["steps"]:
            if step["name"] == "edge/aggressive-threads-4/latency":
                told = step["result"]["latency_ms"]
                step["result"]["latency_ms"] = save_array(run, told["$array"], np.load(run / told["$array"]) * 0.5)

    rewrite(run, edit)
    return run


@forgery("the same with blocks, inputs and key", 50, "one's own run")
def halved_whole(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, began=BEGAN)
    return change_whole(run, lambda block, name: block * (0.5 if name == "aggressive-threads-4" else 1.0))


@forgery("the same in whole nanoseconds", 65, "one's own run")
def halved_ns(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, began=BEGAN)
    return change_whole(run, lambda block, name: np.round(block * (0.5 if name == "aggressive-threads-4" else 1.0), 6))


@forgery("predictions made after measuring, their place in the chain set to its beginning", 2, "one's own run")
def predicted_late(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, predict="never", began=BEGAN)
    return answer_right(run)


@forgery("the same with their times set before the first step", 5, "one's own run")
def predicted_late_backdated(folder: Path, friend: Path) -> Path:
    run = predicted_late(folder, friend)

    def edit(content: dict[str, Any]) -> None:
        for answer in content["answers"]:
            if not answer["measured"] and answer["question"] in {
                q.id for q in questions("edge") if q.kind == "predict"
            }:
                answer["answered_utc"] = content["created_utc"]

    rewrite(run, edit)
    return run


@forgery("wrong predictions replaced by right ones after measuring", 5, "one's own run")
def predictions_replaced(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, wrong=True, began=BEGAN)
    right = {entry["question"]: entry for entry in load_record(answer_right(copy(folder / "right", run))).answers}

    def edit(content: dict[str, Any]) -> None:
        for answer in content["answers"]:
            answer["value"] = right[answer["question"]]["value"] if answer["question"] in right else answer["value"]

    rewrite(run, edit)
    return run


@forgery("the steps of a slow part left out, said to be absent", 10, "one's own run")
def left_out(folder: Path, friend: Path) -> Path:
    return _only_absent(folder, {"soak", "cold", "cloud"}, make_run(folder / "own", MINE, began=BEGAN))


@forgery("a friend's answers word for word", 1, "one's own run")
def friends_answers(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, predict="never", answered=False, began=BEGAN)
    theirs = load_record(friend).answers
    with at(Clock(MINE, BEGAN + timedelta(hours=2))):
        opened = record.open_run("edge", notebook="1_latency", runs=run.parent.parent)
        for answer in theirs:
            ask(opened, answer["question"], answer=answer["value"])
    return run


@forgery("measured on a laptop, host facts those of a Raspberry Pi", 5, "a run of a laptop, for real")
def another_host(folder: Path, friend: Path) -> Path:
    run = recorded("records_v2/edge", folder / "kept")

    def edit(content: dict[str, Any]) -> None:
        for host in content["hosts"]:
            host["cpu"].update(model="Cortex-A76", machine="aarch64", cores=4, flags=["asimd", "fphp"])
        content["leases"] = [{"id": "1", "name": "serve_edge_me1", "node_type": "raspberrypi5", "site": "edge"}]

    rewrite(run, edit)
    return run


# --- From nothing ---


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


def _only_absent(folder: Path, prefixes: set[str], run: Path) -> Path:
    target = folder / "edge" / "mine"
    shutil.move(run, target)

    def edit(content: dict[str, Any]) -> None:
        kept = []
        for step in content["steps"]:
            if step["name"].split("/")[0] in prefixes:
                name = f"{step['name'].rpartition('/')[0]}/absent"
                step = {**step, "name": name, "inputs": {"reason": "x"}, "result": {"reason": "x"}}
                step["key"] = sha256_text(canonical([name, step["inputs"]]))
            kept.append({**step, "index": len(kept)})
        content["steps"] = kept

    rewrite(target, edit)
    return target


@forgery("every step said to be absent", 10, "nothing")
def absent(folder: Path, friend: Path) -> Path:
    run = make_run(folder / "own", MINE, answered=False, began=BEGAN)
    return _only_absent(folder, {"edge", "kit", "soak", "cold", "cloud"}, run)


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
    told = next(step for step in _steps(friend) if step["name"] == "edge/fp32-threads-1/latency")["result"]
    base = np.load(friend / told["latency_ms"]["$array"])
    base = base / np.median(base)
    return _with_the_library(folder, lambda median, n: median * np.resize(base, n), Clock(MINE, BEGAN))


@forgery("every step of a program of one's own: rounds, drift, stalls, clock, whole nanoseconds", 180, "nothing")
def invented(folder: Path, friend: Path) -> Path:
    return make_run(folder, MINE, began=BEGAN)


def _with_lease(run: Path) -> Path:
    def edit(content: dict[str, Any]) -> None:
        content["leases"] = [{"id": "1", "name": "serve_edge_me1", "node_type": "raspberrypi5", "site": "edge"}]
        for host in content["hosts"]:
            host["cpu"].update(model="Cortex-A76", machine="aarch64", cores=4, flags=["asimd", "fphp"])
            host.update(clock_source="arch_sys_counter")
        name_hosts(content)

    rewrite(run, edit)
    return run


@forgery("the same and a lease of one's own that stood idle", 240, "nothing", lease="serve_edge_me1")
def invented_lease(folder: Path, friend: Path) -> Path:
    return _with_lease(make_run(folder, MINE, began=BEGAN))


@forgery("a stranger's lease named in the record", 5, "one's own run", lease="serve_edge_zz9")
def strangers_lease(folder: Path, friend: Path) -> Path:
    return _with_lease(make_run(folder, MINE, began=BEGAN))


def _relinked(run: Path) -> Path:
    """Every step's hash over the answers reckoned anew."""

    def edit(content: dict[str, Any]) -> None:
        start = genesis({name: value for name, value in content.items() if name != "steps"})
        made = [answer for answer in content["answers"] if answer["after"] == start]
        for step in content["steps"]:
            step["answers"] = answers_hash(made)

    rewrite(run, edit)
    return run


@forgery("predictions replaced, every step's hash over the answers reckoned anew", 75, "one's own run")
def predictions_relinked(folder: Path, friend: Path) -> Path:
    return _relinked(predictions_replaced(folder, friend))


@forgery("noise on all blocks, put together again, other durations, answers reckoned anew", 75)
def reassembled_relinked(folder: Path, friend: Path) -> Path:
    return _relinked(reassembled(folder, friend))
