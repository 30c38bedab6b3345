"""A model behind a batcher: requests wait in an asyncio queue, a batcher takes them through the model, batch by batch.

The batcher may be anybody's. It works in a thread and an event loop of its own, so that one that blocks stops no
server. Where it fails, answers twice, or leaves a request waiting, the kit's takes over, with the requests that wait,
and the reason is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snippets.errors import first_line

PATIENCE_S = 2.0
"""How long a request may wait for an answer beyond the delay, before the batcher that has it is given up."""

Answer = Callable[[list[Any]], Awaitable[None]]
Batcher = Callable[[asyncio.Queue, Answer, int, float], Awaitable[None]]


async def batcher(queue: asyncio.Queue, answer: Answer, max_batch: int, max_delay_s: float) -> None:
    """The kit's own: take what waits, and wait for more, up to `max_batch` requests, until `max_delay_s` after the
    first was taken."""
    clock = asyncio.get_running_loop().time
    while True:
        batch = [await queue.get()]
        until = clock() + max_delay_s
        while len(batch) < max_batch:
            try:
                batch.append(queue.get_nowait())
            except asyncio.QueueEmpty:
                try:
                    batch.append(await asyncio.wait_for(queue.get(), until - clock()))
                except TimeoutError:
                    break
        await answer(batch)


@dataclass(eq=False)
class Request:
    """One row that waits for its answer: since when, and whether a batch holds it already."""

    row: np.ndarray
    asked: float
    answer: Future = field(default_factory=Future)
    taken: bool = False


@dataclass
class Counts:
    """What happened since the batcher was set, as Triton's statistics name it; times are sums over requests, ms."""

    queue_ms: float = 0.0
    compute_ms: float = 0.0
    batches: Counter = field(default_factory=Counter)


class Batched:
    """`compute` takes rows (N, ...) and gives N answers; it is called for one batch at a time, in a thread.

    `by`: whose batcher works, "you" or "the kit"; `why`: why it is not the student's that was asked for, or empty.
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self._compute, self._busy, self._lock = compute, threading.Lock(), threading.RLock()
        self._open: dict[Request, None] = {}
        self._max_batch, self._max_delay_s = 1, 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue | None = None
        self.by, self.why, self.counts = "the kit", "", Counts()
        self.use(None, 1, 0.0)

    def use(self, own: Batcher | None, max_batch: int, max_delay_s: float) -> None:
        """From now on this batcher works (None: the kit's), with these settings, and counts begin anew."""
        with self._lock:
            self._max_batch, self._max_delay_s = max_batch, max_delay_s
            self.by, self.why, self.counts = ("you" if own else "the kit"), "", Counts()
            self._begin(own or batcher)

    async def ask(self, row: np.ndarray) -> np.ndarray:
        """The answer to one row. Raises what the model raises."""
        request = Request(row, time.perf_counter())
        with self._lock:
            self._open[request] = None
            self._put(request)
            delay_s = self._max_delay_s
        answer = asyncio.wrap_future(request.answer)
        done, _ = await asyncio.wait({answer}, timeout=PATIENCE_S + delay_s)
        if not done:
            self._give_up(f"it left a request unanswered for {PATIENCE_S + delay_s:g} s")
        return await answer

    def _begin(self, batcher: Batcher) -> None:
        """A new loop in a new thread takes the requests that wait; the one before gets no more."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        loop = asyncio.new_event_loop()
        queue: asyncio.Queue = asyncio.Queue()
        self._loop, self._queue = loop, queue
        settings = (self._max_batch, self._max_delay_s)

        async def answer(batch: list[Any]) -> None:
            await loop.run_in_executor(None, self._answer, batch, queue, settings[0])

        async def work() -> None:
            try:
                await batcher(queue, answer, *settings)
                self._give_up("it came to an end", queue)
            except Exception as error:  # whatever the student's code does
                self._give_up(f"it fails: {type(error).__name__}: {first_line(error)}", queue)

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.create_task(work())
            loop.run_forever()

        for request in self._open:
            request.taken = False
            self._put(request)
        threading.Thread(target=run, daemon=True, name="batcher").start()

    def _put(self, request: Request) -> None:
        assert self._loop is not None and self._queue is not None
        self._loop.call_soon_threadsafe(self._queue.put_nowait, request)

    def _give_up(self, why: str, queue: asyncio.Queue | None = None) -> None:
        """The kit's batcher takes over, unless it works already, or `queue` is that of one that is gone."""
        with self._lock:
            if self.by == "you" and (queue is None or queue is self._queue):
                self.by, self.why = "the kit", why
                self._begin(batcher)

    def _answer(self, batch: list[Any], queue: asyncio.Queue, max_batch: int) -> None:
        """Take a batch through the model, and give each of its requests its answer."""
        with self._lock:
            if queue is not self._queue:
                return  # given up: its requests are another's now
            if not isinstance(batch, list) or not all(isinstance(one, Request) for one in batch) or not batch:
                raise TypeError("answer takes a list of what came from the queue")
            if len(batch) > max_batch:
                raise ValueError(f"a batch of {len(batch)} where {max_batch} is the most")
            if any(one.taken for one in batch) or len(set(batch)) < len(batch):
                raise ValueError("it answers a request twice")
            for one in batch:
                one.taken = True
        with self._busy:
            began = time.perf_counter()
            try:
                answers, error = self._compute(np.stack([one.row for one in batch])), None
            except Exception as failure:  # the model's, told to whoever asked
                answers, error = np.empty(0), failure
            ended = time.perf_counter()
        with self._lock:
            if queue is self._queue:
                self.counts.batches[len(batch)] += 1
                self.counts.queue_ms += sum((began - one.asked) * 1e3 for one in batch)
                self.counts.compute_ms += (ended - began) * 1e3 * len(batch)
            for number, one in enumerate(batch):
                self._open.pop(one, None)
                # Another batcher may have been faster, or nobody waits any more.
                with contextlib.suppress(InvalidStateError):
                    one.answer.set_exception(error) if error else one.answer.set_result(answers[number])
