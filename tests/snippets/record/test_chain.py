"""The chain: hashes that anybody can compute again, and every break in it found at its place."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from snippets.record.chain import broken_link, genesis, last_hash, linked, step_hash

HEAD = {"schema": "servelab-record", "part": "model", "run_id": "mine", "created_utc": "2026-01-01T00:00:00.000000Z"}


def sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain(count: int = 3) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for index in range(count):
        steps.append(linked({"index": index, "name": f"s/{index}", "text": "ü"}, last_hash(HEAD, steps)))
    return steps


def test_the_first_step_follows_the_identity_of_the_run() -> None:
    assert genesis({**HEAD, "hosts": [1]}) == sha256(["servelab-record", "model", "mine", HEAD["created_utc"]])
    assert chain()[0]["previous"] == genesis(HEAD) == last_hash(HEAD, [])
    assert all(genesis({**HEAD, name: "x"}) != genesis(HEAD) for name in HEAD)


def test_a_hash_covers_all_of_a_step_but_itself() -> None:
    step = chain()[1]
    plain = {name: value for name, value in step.items() if name != "hash"}
    assert step["hash"] == step_hash(plain) == step_hash({**plain, "hash": "other"}) == sha256(plain)


def test_each_step_names_the_one_before() -> None:
    steps = chain()
    assert [step["previous"] for step in steps] == [genesis(HEAD), steps[0]["hash"], steps[1]["hash"]]
    assert last_hash(HEAD, steps) == steps[2]["hash"] and broken_link(HEAD, steps) is None
    assert broken_link(HEAD, []) is None


@pytest.mark.parametrize("field", ["index", "name", "previous", "hash"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_any_change_is_found_at_its_step(index: int, field: str) -> None:
    steps = chain()
    steps[index][field] = 7 if field == "index" else "other"
    assert broken_link(HEAD, steps) == index


def test_a_wrong_index_or_link_is_found_though_its_hash_fits() -> None:
    first, second, _ = chain()
    assert broken_link(HEAD, [first, linked({**second, "index": 2}, first["hash"])]) == 1
    assert broken_link(HEAD, [first, linked(second, genesis(HEAD))]) == 1
    assert broken_link(HEAD, [linked({**first, "index": 1}, genesis(HEAD))]) == 0


def test_a_step_out_of_its_place_is_found() -> None:
    steps = chain()
    assert broken_link(HEAD, [steps[0], steps[2], steps[1]]) == 1
    assert broken_link(HEAD, steps[1:]) == 0
    assert broken_link({**HEAD, "part": "edge"}, steps) == 0
