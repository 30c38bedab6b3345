"""What a way to forge a run is, the list of all, and what they are made with: each goes about it as a student who has
the kit would.

A way gets a folder to work in and a friend's run of today, and returns the run that is handed in. The minutes are
estimates: what somebody needs who knows the kit from the course, reads its code where necessary and writes the script.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
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
from tests.grading.students import Clock, at, name_hosts, rewrite

BEGAN = datetime(2027, 2, 1, 12, tzinfo=UTC)
"""When the class measured."""
MINE = 9001
"""Seed of the forger's own machine, where there is one."""
Way = Callable[[Path, Path], Path]
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Forgery:
    """One way: what is done, how long it takes, what it starts from, and the function that does it. `lease`: what the
    testbed calls the lease that the run names. `coded`: the course gives each student a challenge code.
    """

    told: str
    minutes: int
    way: Way
    source: str
    lease: str = ""
    coded: bool = False


FORGERIES: list[Forgery] = []


def forgery(
    told: str, minutes: int, source: str = "a friend's run", lease: str = "", coded: bool = False
) -> Callable[[Way], Way]:
    """Enter a way in the list."""

    def enter(way: Way) -> Way:
        FORGERIES.append(Forgery(told, minutes, way, source, lease, coded))
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


def steps_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "steps.jsonl").read_text(encoding="utf-8").splitlines()]


def only_absent(folder: Path, prefixes: set[str], run: Path) -> Path:
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


def with_lease(run: Path) -> Path:
    def edit(content: dict[str, Any]) -> None:
        content["leases"] = [{"id": "1", "name": "serve_edge_me1", "node_type": "raspberrypi5", "site": "edge"}]
        for host in content["hosts"]:
            host["cpu"].update(model="Cortex-A76", machine="aarch64", cores=4, flags=["asimd", "fphp"])
            host.update(clock_source="arch_sys_counter")
        name_hosts(content)

    rewrite(run, edit)
    return run


def relinked(run: Path) -> Path:
    """Every step's hash over the answers reckoned anew."""

    def edit(content: dict[str, Any]) -> None:
        start = genesis({name: value for name, value in content.items() if name != "steps"})
        made = [answer for answer in content["answers"] if answer["after"] == start]
        for step in content["steps"]:
            step["answers"] = answers_hash(made)

    rewrite(run, edit)
    return run
