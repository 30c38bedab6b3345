"""Rounds are steps of a run: each once, resumed where one is missing, and put together as each variant's latency."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.engine.turns import Entrant, Turns, best_canary_ms
from snippets.measure.blocks import Pace, Rules
from snippets.record.run import Run, open_run

RULES = Rules(calls=2, calls_min=2, unmeasured=1, repeats=0)


def turns(run: Run, loaded: list[str], *names: str, first: int = 1) -> Turns:
    """Variants that do nothing; `loaded` hears which of them were loaded."""

    def entrant(name: str) -> Entrant:
        def load():
            loaded.append(name)
            return lambda: None

        return Entrant(f"toy/{name}", load, "cpu", 1, {"engine": name})

    return Turns(run, "toy", {name: entrant(name) for name in names}, RULES, first)


def test_every_round_is_a_step_and_each_variant_has_its_latency() -> None:
    run, loaded = open_run("model", run_id="t"), []
    both = turns(run, loaded, "a", "b")
    both.take_all(3)
    found = both.latencies()
    assert run.record().names() == (*(f"toy/turns-{n}" for n in (1, 2, 3)), *(f"toy/{name}/latency" for name in found))
    assert loaded == ["a", "b"] and all(sorted(one.medians) == [1, 2, 3] for one in found.values())
    step = run.record().result("toy/a/latency")
    assert (step["batch"], step["threads"], step["provider"], step["group"]) == (1, 1, "cpu", "toy")
    blocks = run.record().result("toy/turns-2")["blocks_ms"]["a"]
    assert np.array_equal(step["latency_ms"][step["rounds"] == 2], blocks)


def test_batches_that_take_turns_are_each_variants_throughput() -> None:
    run = open_run("model", run_id="t")
    both = Turns(
        run,
        "toy/batches",
        {
            n: Entrant(f"toy/{n}", lambda: lambda: None, "cpu", 1, {}, batch, "throughput")
            for n, batch in (("a", 2), ("b", 4))
        },
        RULES,
    )
    both.take_all(3)
    results = both.results()
    assert run.record().names()[3:] == ("toy/a/throughput", "toy/b/throughput")
    step = run.record().result("toy/b/throughput")
    assert (step["batch"], step["group"], step["slow"]) == (4, "toy/batches", results["b"]["slow"])
    assert np.array_equal(
        step["batch_ms"][step["rounds"] == 2], run.record().result("toy/batches/turns-2")["blocks_ms"]["b"]
    )
    assert np.array_equal(both.latencies()["b"].ms, step["batch_ms"] / 4)


def test_an_interrupted_run_goes_on_with_the_missing_round() -> None:
    turns(open_run("model", run_id="t"), [], "a").take(1)
    run, loaded = open_run("model", run_id="t"), []
    again = turns(run, loaded, "a")
    again.take(1)
    assert loaded == []
    again.take_all(2)
    assert loaded == ["a"] and [step.name for step in run.record().steps] == ["toy/turns-1", "toy/turns-2"]


def test_variants_that_come_later_share_the_group_in_rounds_of_their_own() -> None:
    run = open_run("model", run_id="t")
    early, late = turns(run, [], "a"), turns(run, [], "a", "b", first=3)
    early.take_all(2)
    late.take_all(2)
    found = late.latencies(early)
    assert sorted(found["a"].medians) == [1, 2, 3, 4] and sorted(found["b"].medians) == [3, 4]


def test_the_best_canary_is_that_of_the_run_with_as_many_threads() -> None:
    run = open_run("model", run_id="t")
    assert best_canary_ms(run, 1) == float("inf")
    turns(run, [], "a").take(1)
    assert best_canary_ms(run, 1) == pytest.approx(run.record().result("toy/turns-1")["best_canary_ms"])
    assert best_canary_ms(run, 2) == float("inf")


def test_only_rounds_that_are_measured_wait_for_each_other() -> None:
    class Counted(Pace):
        waits = 0

        def wait(self) -> None:
            self.waits += 1

    loaded: list[str] = []
    first = turns(open_run("model", run_id="t"), loaded, "a")
    first.pace = Counted()
    first.take_all(3)
    again = turns(open_run("model", run_id="t"), loaded, "a")
    again.pace = Counted()
    again.take_all(3)
    assert (first.pace.waits, again.pace.waits) == (3, 0)
