"""Ways that begin with a friend's run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.grading.forgeries.ways import (
    BEGAN,
    MINE,
    change_all,
    change_whole,
    copy,
    forgery,
    relinked,
    steps_of,
)
from tests.grading.students import make_run, rewrite


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
    theirs = {step["name"]: step for step in steps_of(friend)}

    def edit(content: dict[str, Any]) -> None:
        for number, step in enumerate(content["steps"]):
            if number >= len(content["steps"]) // 2:
                step["result"] = theirs[step["name"]]["result"]
        for source in (friend / "samples").iterdir():
            shutil.copy(source, run / "samples" / source.name)

    rewrite(run, edit)
    return run


@forgery("noise on all blocks, put together again, other durations, answers reckoned anew", 75)
def reassembled_relinked(folder: Path, friend: Path) -> Path:
    return relinked(reassembled(folder, friend))
