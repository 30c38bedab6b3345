"""A student's load generator: what it says is held against the connection, and the kit's goes on where it fails.

The server is a desk with a known service time, as in test_loops.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.load import own_generator
from snippets.load.own_generator import KIT, OwnGenerator, closed_loop, measured, open_loop
from snippets.record.run import open_run
from tests.snippets.load.test_loops import Desk


@dataclass(frozen=True)
class Written:
    function: Callable[..., Any]
    source: str = "def f(): ..."


def late_start(send: Callable[[], Any], time: Any, due_s: list[float]) -> list[float]:
    found = []
    for _ in due_s:
        began = time.perf_counter()
        send()
        found.append((time.perf_counter() - began) * 1e3)
    return found


def from_sending(send: Callable[[], Any], time: Any, due_s: list[float]) -> list[float]:
    began, found = time.perf_counter(), []
    for due in due_s:
        time.sleep(max(0.0, began + due - time.perf_counter()))
        sent = time.perf_counter()
        send()
        found.append((time.perf_counter() - sent) * 1e3)
    return found


def test_a_request_that_had_to_wait_for_the_one_before_counts_its_wait() -> None:
    # Four requests due at once, 20 ms each: from when due 20, 40, 60 and 80 ms, from the sending 20 each.
    found = measured(Desk(0.02), "open_loop", open_loop, [0.0, 0.0, 0.0, 0.0])
    assert found["by"] == "you" and found["why"] == ""
    assert np.all(found["from_due_ms"] >= np.array([20, 40, 60, 80]))
    assert np.all(found["from_sending_ms"] >= 20) and found["from_due_ms"][3] - found["from_sending_ms"][3] >= 60


def test_in_a_closed_loop_both_counts_are_one() -> None:
    found = measured(Desk(0.01), "closed_loop", closed_loop, 0.1)
    assert found["by"] == "you" and len(found["from_due_ms"]) >= 2
    np.testing.assert_array_equal(found["from_due_ms"], found["from_sending_ms"])


DUE = [0.0, 0.02, 0.04, 0.3]


@pytest.mark.parametrize(
    ("name", "own", "argument", "why"),
    [
        ("open_loop", late_start, DUE, "before they are due"),
        ("open_loop", from_sending, [0.0] * 6, "ms were seen at the connection"),
        ("open_loop", lambda send, time, due: [], DUE, "sends 0 requests where 4 are due"),
        ("open_loop", lambda send, time, due: open_loop(send, time, due)[1:], DUE, "3 latencies for 4 requests"),
        ("closed_loop", lambda send, time, seconds: send(), 0.05, "no list of latencies"),
        ("closed_loop", lambda send, time, seconds: 1 / 0, 0.05, "it fails: ZeroDivisionError"),
        ("closed_loop", lambda send, time, seconds: [float("nan")], 0.05, "no list of latencies"),
    ],
)
def test_one_that_does_something_else_than_it_says_is_replaced_and_told_why(
    name: str, own: Callable[..., Any], argument: Any, why: str
) -> None:
    found = measured(Desk(0.03), name, own, argument)
    assert found["by"] == "the kit" and why in found["why"] and len(found["from_due_ms"]) > 0


def test_one_that_sends_on_and_on_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_generator, "MOST_REQUESTS", 5)

    def on_and_on(send: Callable[[], Any], time: Any, seconds: float) -> None:
        while True:
            send()

    desk = Desk(0.001)
    assert "goes on sending" in measured(desk, "closed_loop", on_and_on, 0.003)["why"]
    assert desk.senders == desk.closed


def test_one_that_hangs_is_left_behind_and_sends_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_generator, "PATIENCE_S", 0.1)
    tried: list[str] = []

    def hangs(send: Callable[[], Any], clock: Any, seconds: float) -> list[float]:
        clock.sleep(0.6)
        try:
            send()
        except RuntimeError as error:
            tried.append(str(error))
        return []

    found = measured(Desk(0.001), "closed_loop", hangs, 0.02)
    assert found["by"] == "the kit" and found["why"] == "it does not end"
    until = time.monotonic() + 5
    while not tried and time.monotonic() < until:
        time.sleep(0.01)
    assert tried == ["it goes on sending when the load is over"]


def test_a_load_is_measured_in_turn_with_the_kits_once_and_replays_without_a_function(tmp_path: Path) -> None:
    desk = Desk(0.005)

    def opened(mode: str = "resume") -> Any:
        return open_run("system", notebook="1_endpoint", run_id="t", runs=tmp_path, mode=mode)

    mine = OwnGenerator(
        opened(), lambda: desk, {"model": "a"}, {"closed_loop": Written(closed_loop), "open_loop": None}
    )
    closed = mine.closed(0.05, 2)
    due = mine.arrivals("open-60", own_generator.poisson_arrivals, 60.0, 0.2)
    arriving = mine.open("60", due, 0.2, 2)
    names = [step.name for step in mine.run.record().steps]
    assert names[1:5] == [f"generator/closed/{who}" for who in ("yours", "kit", "kit", "yours")]
    assert mine.whose(closed) == "yours" and mine.whose(arriving) == "the kit's version, as none is written"
    assert len(arriving["yours"]["from_due_ms"]) == len(arriving["kit"]["from_due_ms"]) == 2 * len(due)
    served = desk.served

    again = OwnGenerator(opened("replay"), lambda: desk, {"model": "a"}, {"closed_loop": None, "open_loop": None})
    assert again.whose(again.closed(0.05, 2)) == "yours" and desk.served == served
    np.testing.assert_array_equal(again.arrivals("open-60", own_generator.poisson_arrivals, 60.0, 0.2), due)

    rewritten = {"closed_loop": Written(closed_loop, "def g(): ..."), "open_loop": None}
    OwnGenerator(opened(), lambda: desk, {"model": "a"}, rewritten).closed(0.05, 2)
    assert desk.served > served, "another function is another measurement"


def test_gaps_are_exponential_and_draws_are_enough() -> None:
    rng_free = own_generator.draws(100.0, 3.0, seed=1)
    found = np.array(own_generator.poisson_arrivals(100.0, 3.0, rng_free))
    gaps = np.diff(found)
    assert found.max() < 3.0 and len(found) < len(rng_free)
    # Of an exponential distribution mean and deviation are the same: 10 ms.
    assert gaps.mean() == pytest.approx(0.01, rel=0.25) and gaps.std() == pytest.approx(gaps.mean(), rel=0.25)
    assert own_generator.poisson_arrivals(1.0, 2.0, [0.5, 0.0, 0.5, 0.5]) == pytest.approx(
        [0.693147, 0.693147, 1.386294], abs=1e-6
    )


def test_the_kits_versions_are_those_that_students_are_asked_for() -> None:
    assert set(KIT) == {"closed_loop", "open_loop"}
