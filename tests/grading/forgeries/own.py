"""Ways that begin with one's own run, and make it better."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from grading.questions import ask, questions
from snippets.record import load_record
from snippets.record import run as record
from snippets.record.values import save_array
from tests.grading.forgeries.ways import (
    BEGAN,
    MINE,
    answer_right,
    change_whole,
    copy,
    forgery,
    only_absent,
    relinked,
    with_lease,
)
from tests.grading.recorded import recorded
from tests.grading.students import Clock, at, make_run, rewrite


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
    return only_absent(folder, {"soak", "cold", "cloud"}, make_run(folder / "own", MINE, began=BEGAN))


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


@forgery("a stranger's lease named in the record", 5, "one's own run", lease="serve_edge_zz9")
def strangers_lease(folder: Path, friend: Path) -> Path:
    return with_lease(make_run(folder, MINE, began=BEGAN))


@forgery("predictions replaced, every step's hash over the answers reckoned anew", 75, "one's own run")
def predictions_relinked(folder: Path, friend: Path) -> Path:
    return relinked(predictions_replaced(folder, friend))
