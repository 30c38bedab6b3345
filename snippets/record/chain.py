"""The chain of a run's steps: each step names the hash of the one before it, the first one that of the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from snippets.files import canonical, sha256_text


def genesis(head: dict[str, Any]) -> str:
    """What the first step follows: the hash of the run's own identity."""
    return sha256_text(canonical([head["schema"], head["part"], head["run_id"], head["created_utc"]]))


def step_hash(step: dict[str, Any]) -> str:
    """SHA-256 over everything that the step holds but its own hash; `previous` links it to the step before."""
    return sha256_text(canonical({k: v for k, v in step.items() if k != "hash"}))


def linked(step: dict[str, Any], previous: str) -> dict[str, Any]:
    """The step as it follows the step (or the run) whose hash is `previous`."""
    step = {**step, "previous": previous}
    return {**step, "hash": step_hash(step)}


def answers_hash(answers: Sequence[Any]) -> str:
    """Hash over answers in their order: each step holds that of the answers given before it."""
    return reduce(hash_with, answers, sha256_text("answers"))


def hash_with(before: str, answer: Any) -> str:
    """The hash over some answers and one more, from that over these answers."""
    return sha256_text(f"{before} {canonical(answer)}")


def last_hash(head: dict[str, Any], steps: Sequence[dict[str, Any]]) -> str:
    """Hash of the last step; of the run itself while it has none."""
    return steps[-1]["hash"] if steps else genesis(head)


def broken_link(head: dict[str, Any], steps: Sequence[dict[str, Any]]) -> int | None:
    """Index of the first step whose hash, link or index does not fit, or None."""
    previous = genesis(head)
    for index, step in enumerate(steps):
        if step["previous"] != previous or step["hash"] != step_hash(step) or step["index"] != index:
            return index
        previous = step["hash"]
    return None
