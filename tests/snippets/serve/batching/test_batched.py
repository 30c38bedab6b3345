"""A batcher of anybody's in front of a model: batches as it makes them, and the kit's goes on where it fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from snippets.serve.batching import batched
from snippets.serve.batching.batched import Batched, batcher


class Double:
    """A model that doubles its rows, and waits for `open` before it answers."""

    def __init__(self) -> None:
        self.open, self.batches = threading.Event(), []
        self.open.set()

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.batches.append(len(rows))
        assert self.open.wait(10)
        return 2 * rows


def asked(service: Batched, count: int, model: Double | None = None) -> list[float]:
    """The answers to `count` requests that are asked together, before the model answers any."""

    async def main() -> list[Any]:
        waiting = [asyncio.ensure_future(service.ask(np.array([float(n)]))) for n in range(count)]
        await asyncio.sleep(0)
        if model is not None:
            model.open.set()
        return await asyncio.gather(*waiting)

    return [float(answer[0]) for answer in asyncio.run(main())]


@pytest.fixture
def model() -> Double:
    return Double()


def test_each_request_gets_its_own_rows_answer_and_batches_are_counted(model: Double) -> None:
    service = Batched(model)
    service.use(batcher, 4, 0.2)
    assert asked(service, 6) == [0, 2, 4, 6, 8, 10]
    assert service.by == "you" and service.why == ""
    counts = service.counts
    assert sum(size * number for size, number in counts.batches.items()) == 6 and max(counts.batches) <= 4
    assert sum(counts.batches.values()) == len(model.batches) and counts.compute_ms > 0 and counts.queue_ms >= 0


def test_the_kits_batcher_is_the_one_that_students_are_asked_for() -> None:
    from grading.functions.worlds import call
    from grading.staff.judges.functions.serving import batcher as expected

    traffic = {"arrivals_s": [0.0, 0.001, 0.002, 0.03, 0.031], "batch_s": 0.01, "request_s": 0.001}
    for most, delay in ((1, 0.0), (2, 0.005), (8, 0.0), (8, 0.05)):
        assert call("queue", batcher, [traffic, most, delay]) == call("queue", expected, [traffic, most, delay])


async def never(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    await asyncio.Event().wait()


async def blocks(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    await queue.get()
    time.sleep(1.5)


async def fails(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    await queue.get()
    raise LookupError("no batch today")


async def ends(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    await queue.get()


async def twice(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    one = await queue.get()
    await answer([one])
    await answer([one])


async def too_many(queue: asyncio.Queue, answer: Any, max_batch: int, _: float) -> None:
    await answer([await queue.get() for _ in range(max_batch + 1)])


async def no_list(queue: asyncio.Queue, answer: Any, *_: Any) -> None:
    await answer(await queue.get())


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (never, "left a request unanswered"),
        (blocks, "left a request unanswered"),
        (fails, "it fails: LookupError: no batch today"),
        (ends, "it came to an end"),
        (twice, "answers a request twice"),
        (too_many, "a batch of 3 where 2 is the most"),
        (no_list, "a list of what came from the queue"),
    ],
)
def test_where_a_batcher_fails_the_kits_answers_what_waits_and_the_reason_is_kept(
    model: Double, monkeypatch: pytest.MonkeyPatch, own: Callable[..., Any], why: str
) -> None:
    monkeypatch.setattr(batched, "PATIENCE_S", 0.3)
    service = Batched(model)
    service.use(own, 2, 0.0)
    assert asked(service, 5) == [0, 2, 4, 6, 8]
    # One that answers twice does so after its last answer: give it the moment.
    until = time.monotonic() + 5
    while service.by == "you" and time.monotonic() < until:
        time.sleep(0.01)
    assert service.by == "the kit" and why in service.why


def test_a_model_that_fails_tells_whoever_asked_and_the_batcher_stays() -> None:
    def broken(rows: np.ndarray) -> np.ndarray:
        raise ArithmeticError("no model")

    service = Batched(broken)
    service.use(batcher, 2, 0.0)
    with pytest.raises(ArithmeticError, match="no model"):
        asked(service, 1)
    assert service.by == "you"


def test_a_new_setting_counts_anew_and_takes_what_waits(model: Double) -> None:
    service = Batched(model)
    service.use(None, 1, 0.0)
    assert asked(service, 3) == [0, 2, 4] and service.counts.batches == {1: 3}
    service.use(None, 8, 0.0)
    assert service.counts.batches == {} and asked(service, 2) == [0, 2]
