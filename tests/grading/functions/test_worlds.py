"""Made-up worlds: their clocks jump, what happens in them is what their numbers say, and nothing goes on for ever."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from grading.functions.worlds import Overrun, Server, call

FIVE = {"arrivals_s": [0.0, 0.002, 0.02, 0.021, 0.022], "batch_s": 0.01, "request_s": 0.001}


async def one_by_one(queue: asyncio.Queue, answer: Any, max_batch: int, max_delay_s: float) -> None:
    while True:
        await answer([await queue.get()])


def test_a_servers_answers_take_their_time_over_and_over_and_only_the_clock_moves() -> None:
    server = Server([0.25, 1.5])
    began = server.perf_counter()
    moments = []
    for _ in range(3):
        server.send()
        moments.append(server.monotonic() - began)
    server.sleep(10)
    assert moments == [0.25, 1.75, 2.0] and server.time() - began == 12.0


def test_a_server_does_not_let_anybody_sleep_backwards() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        Server([1.0]).sleep(-0.1)


def test_without_a_world_the_arguments_go_to_the_function() -> None:
    assert call("", max, [3, 5]) == 5


def test_one_by_one_each_request_waits_for_the_one_before() -> None:
    # 11 ms each: the second, which came at 2, begins at 11, and the last three follow each other from 22 on.
    assert call("queue", one_by_one, [FIVE, 8, 0.0]) == [
        [0.0, [0]],
        [0.011, [1]],
        [0.022, [2]],
        [0.033, [3]],
        [0.044, [4]],
    ]


def test_requests_of_one_moment_are_there_together() -> None:
    async def all_that_wait(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
        while True:
            batch = [await queue.get()]
            while not queue.empty():
                batch.append(queue.get_nowait())
            await answer(batch)

    arrivals = {"arrivals_s": [0.5, 0.5, 0.5, 0.504], "batch_s": 0.01, "request_s": 0.0}
    assert call("queue", all_that_wait, [arrivals, 8, 0.0]) == [[0.5, [0, 1, 2]], [0.51, [3]]]


async def spins(*_: Any) -> None:
    while True:
        await asyncio.sleep(0)


async def answers_twice(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    first = await queue.get()
    while True:
        await answer([first])


async def raises(queue: asyncio.Queue, *_: Any) -> None:
    raise LookupError("no batch today")


def closed_for_ever(send: Any, time: Any, seconds: float) -> None:
    while True:
        send()


@pytest.mark.parametrize(
    ("world", "function", "arguments", "error", "told"),
    [
        ("queue", spins, [FIVE, 8, 0.0], Overrun, "goes on and on"),
        ("queue", answers_twice, [FIVE, 8, 0.0], Overrun, "more batches than there are requests"),
        ("queue", raises, [FIVE, 8, 0.0], LookupError, "no batch today"),
        ("queue", lambda *_: None, [FIVE, 8, 0.0], TypeError, "async def"),
        ("server", closed_for_ever, [[1.0], 2.0], Overrun, "goes on and on"),
    ],
)
def test_what_never_ends_or_fails_is_an_error(
    world: str, function: Any, arguments: list[Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        call(world, function, arguments)


def test_a_batcher_that_stops_taking_requests_leaves_the_batches_until_then() -> None:
    async def only_one(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
        await answer([await queue.get()])
        await asyncio.Event().wait()

    assert call("queue", only_one, [FIVE, 8, 0.0]) == [[0.0, [0]]]


def test_a_world_can_be_called_where_a_loop_runs_already_as_in_a_notebook() -> None:
    async def cell() -> tuple[Any, Any]:
        before = asyncio.get_running_loop()
        found = call("queue", one_by_one, [FIVE, 8, 0.0])
        await asyncio.sleep(0)
        return found, before is asyncio.get_running_loop()

    found, same = asyncio.run(cell())
    assert len(found) == 5 and same


def test_a_queues_world_needs_no_thread_and_leaves_none() -> None:
    before = threading.active_count()
    call("queue", one_by_one, [FIVE, 8, 0.0])
    assert threading.active_count() == before
