"""Ways to get around the challenge in a course that gives codes: the friend's run has answered its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from grading.rerun.codes import code_of
from snippets.engine.providers import one_by_one
from snippets.files import canonical, sha256_text
from snippets.model import challenge
from snippets.record import load_record
from snippets.record import run as record
from snippets.record.values import save_array
from tests.grading.forgeries.ways import BEGAN, MINE, change_whole, copy, forgery, relinked
from tests.grading.students import Clock, at, make_run, rewrite

SECRET = b"a secret of this year's course"
ME = "me1"
STEP = "challenge/fp32/logits"


def answer_challenge(run: Path, code: str, model: Path) -> Path:
    """The run, its challenge answered by `model` (copied into it as fp32.onnx) two hours after it was begun."""
    own = run / "models" / "fp32.onnx"
    if model != own:
        shutil.copyfile(model, own)
    began = load_record(run).steps[0].started_utc
    with at(Clock(len(began), record.datetime.fromisoformat(began) + timedelta(hours=2))):
        opened = record.open_run("edge", notebook="3_cloud_or_edge", run_id=run.name, runs=run.parent.parent)
        challenge.answer(opened, "fp32", own, one_by_one(own), code)
    return run


def _mine(folder: Path) -> Path:
    return make_run(folder, MINE, began=BEGAN)


def _model(friend: Path) -> Path:
    return friend / "models" / "fp32.onnx"


def _edit(run: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The run with its challenge step changed, and its key and hashes made to fit."""

    def edit(content: dict[str, Any]) -> None:
        for step in content["steps"]:
            if step["name"] == STEP:
                change(step)
                step["key"] = sha256_text(canonical([step["name"], step["inputs"]]))

    rewrite(run, edit)
    return run


def _with_logits(run: Path, logits: np.ndarray) -> Path:
    def change(step: dict[str, Any]) -> None:
        step["result"]["logits"] = save_array(run, step["result"]["logits"]["$array"], logits)

    return _edit(run, change)


def _unanswered(run: Path) -> Path:
    def edit(content: dict[str, Any]) -> None:
        content["steps"] = [step for step in content["steps"] if step["name"] != STEP]

    rewrite(run, edit)
    return run


@forgery("own run, answered with a friend's code", 1, "one's own run", coded=True)
def neighbours_code(folder: Path, friend: Path) -> Path:
    return answer_challenge(_mine(folder), code_of(SECRET, "st0"), _model(friend))


@forgery("own run, answered without the code", 0, "one's own run", coded=True)
def without_code(folder: Path, friend: Path) -> Path:
    return answer_challenge(_mine(folder), "", _model(friend))


@forgery("own run, the challenge not answered", 0, "one's own run", coded=True)
def unanswered(folder: Path, friend: Path) -> Path:
    return _mine(folder)


@forgery("own run, answered with a code of another course", 1, "one's own run", coded=True)
def another_courses_code(folder: Path, friend: Path) -> Path:
    return answer_challenge(_mine(folder), code_of(b"last year's secret", ME), _model(friend))


@forgery("a friend's run, own code written into its challenge", 5, coded=True)
def code_replaced(folder: Path, friend: Path) -> Path:
    return _edit(copy(folder, friend), lambda step: step["inputs"].update(code=code_of(SECRET, ME)))


@forgery("a friend's run, its challenge answered anew with one's own code", 10, coded=True)
def answered_anew(folder: Path, friend: Path) -> Path:
    return answer_challenge(_unanswered(copy(folder, friend)), code_of(SECRET, ME), _model(friend))


@forgery("own run, a friend's logits in the challenge", 5, "one's own run and a friend's", coded=True)
def friends_logits(folder: Path, friend: Path) -> Path:
    run = answer_challenge(_mine(folder), code_of(SECRET, ME), _model(friend))
    return _with_logits(run, load_record(friend).result(STEP)["logits"])


@forgery("own run, made-up logits in the challenge", 5, "one's own run", coded=True)
def made_up_logits(folder: Path, friend: Path) -> Path:
    run = answer_challenge(_mine(folder), code_of(SECRET, ME), _model(friend))
    right = load_record(run).result(STEP)["logits"]
    return _with_logits(run, np.random.default_rng(1).normal(right.mean(), right.std(), right.shape).astype(np.float32))


@forgery("own run, the answer to the first image given for all", 5, "one's own run", coded=True)
def one_for_all(folder: Path, friend: Path) -> Path:
    run = answer_challenge(_mine(folder), code_of(SECRET, ME), _model(friend))
    return _with_logits(run, np.repeat(load_record(run).result(STEP)["logits"][:1], challenge.IMAGES, axis=0))


@forgery("own run, whole numbers in place of logits", 5, "one's own run", coded=True)
def rounded_logits(folder: Path, friend: Path) -> Path:
    run = answer_challenge(_mine(folder), code_of(SECRET, ME), _model(friend))
    return _with_logits(run, np.round(load_record(run).result(STEP)["logits"]).astype(np.int64))


def _halved(block: np.ndarray, name: str) -> np.ndarray:
    return np.round(block * (0.5 if name == "aggressive-threads-4" else 1.0), 6)


@forgery("own run answered, then one variant halved in whole nanoseconds", 55, "one's own run", coded=True)
def edited_afterwards(folder: Path, friend: Path) -> Path:
    return change_whole(answer_challenge(_mine(folder), code_of(SECRET, ME), _model(friend)), _halved)


@forgery("own run answered, then predictions replaced and all reckoned anew", 59, "one's own run", coded=True)
def predictions_afterwards(folder: Path, friend: Path) -> Path:
    run = make_run(folder, MINE, wrong=True, began=BEGAN)
    right = {each["question"]: each["value"] for each in load_record(_mine(folder / "right")).answers}
    run = answer_challenge(run, code_of(SECRET, ME), _model(friend))

    def edit(content: dict[str, Any]) -> None:
        for entry in content["answers"]:
            entry["value"] = right.get(entry["question"], entry["value"])

    rewrite(run, edit)
    return relinked(run)


@forgery("own run, one variant halved in whole nanoseconds, then answered", 75, "one's own run", coded=True)
def edited_before(folder: Path, friend: Path) -> Path:
    return answer_challenge(change_whole(_mine(folder), _halved), code_of(SECRET, ME), _model(friend))
