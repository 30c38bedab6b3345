"""Made-up worlds in which a function is tried that sends requests or waits: their clocks jump instead of running.

So a load of an hour takes a moment, and the same function gives the same numbers on every machine. Standard library
only: this file also lies in the sandbox. A world's first argument, plain numbers, says what happens in it.
"""

import asyncio
import inspect

MOST = 20_000
BEGINS_S = 1000.0


class Overrun(Exception):
    """More happened in a world than any right function needs."""


class Server:
    """A server that answers one request at a time, and a clock that has the names of Python's module `time`.

    `service_s`: seconds that the answers take, one after the other, and from the start again.
    """

    def __init__(self, service_s):
        self._service_s, self._now, self._sent, self._done = service_s, BEGINS_S, 0, 0

    def perf_counter(self):
        """The moment, seconds."""
        self._count()
        return self._now

    time = monotonic = perf_counter

    def sleep(self, seconds):
        """Let so many seconds pass. Raises ValueError for fewer than none, as Python's does."""
        self._count()
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._now += seconds

    def send(self):
        """Send a request, and wait for its answer."""
        self._count()
        self._now += self._service_s[self._sent % len(self._service_s)]
        self._sent += 1

    def _count(self):
        self._done += 1
        if self._done > MOST:
            raise Overrun("the function goes on and on")


class Loop(asyncio.BaseEventLoop):
    """An event loop whose clock jumps to the next thing that is due. It opens no files and no sockets."""

    def __init__(self):
        super().__init__()
        self._now, self._looked, self._selector = BEGINS_S, 0, self

    def time(self):
        """The moment, seconds."""
        return self._now

    def select(self, timeout):
        """Nothing comes from outside: the clock goes on to what is due next."""
        self._looked += 1
        if timeout is None:
            raise Overrun("it waits for something that never comes")
        if self._looked > MOST:
            raise Overrun("the function goes on and on")
        self._now += timeout
        return []

    def rest(self):
        """End what is still under way."""
        self._looked, left = 0, asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left))

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


async def _fed(batcher, traffic, max_batch, max_delay_s):
    """Batches [seconds since the beginning, numbers of the requests] that a batcher makes of the traffic."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue = asyncio.Queue()
    batches, answered, served = [], set(), asyncio.Event()
    moments = traffic["arrivals_s"]

    async def answer(batch):
        batches.append([round(loop.time() - BEGINS_S, 9), list(batch)])
        if len(batches) > 2 * len(moments):
            raise Overrun("it answers more batches than there are requests")
        await asyncio.sleep(traffic["batch_s"] + traffic["request_s"] * len(batch))
        answered.update(batch)
        if len(answered) >= len(moments):
            served.set()

    def arrive(numbers):
        for number in numbers:
            queue.put_nowait(number)

    for moment in sorted(set(moments)):
        loop.call_at(BEGINS_S + moment, arrive, [n for n, other in enumerate(moments) if other == moment])
    working = batcher(queue, answer, max_batch, max_delay_s)
    if not inspect.isawaitable(working):
        raise TypeError("begin it with `async def`")
    task, ended = asyncio.ensure_future(working), asyncio.ensure_future(served.wait())
    # One that has stopped taking requests, but not ended, is found by the hour.
    await asyncio.wait({task, ended}, timeout=3600, return_when=asyncio.FIRST_COMPLETED)
    for each in (task, ended):
        each.cancel()
    found = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(found, BaseException) and not isinstance(found, asyncio.CancelledError):
        raise found
    return batches


def _queue(function, traffic, *more):
    loop, outer = Loop(), asyncio._get_running_loop()
    # A notebook's own loop is at rest meanwhile.
    asyncio._set_running_loop(None)
    try:
        return loop.run_until_complete(_fed(function, traffic, *more))
    finally:
        asyncio._set_running_loop(None)
        loop.rest()
        loop.close()
        asyncio._set_running_loop(outer)


def _server(function, service_s, *more):
    server = Server(service_s)
    return function(server.send, server, *more)


WORLDS = {"": lambda function, *arguments: function(*arguments), "server": _server, "queue": _queue}


def call(world, function, arguments):
    """What `function` gives in a world (WORLDS; "" is none: the arguments go to it as they are). Raises what it
    raises, and Overrun.

    "server": arguments [service_s, ...] become `send`, `time` and the rest (Server). "queue": [traffic, max_batch,
    max_delay_s] become an asyncio.Queue, an async `answer` and the rest; it gives the batches. Traffic is a dict:
    `arrivals_s`, and what a batch and each of its requests take to answer, `batch_s` and `request_s`.
    """
    return WORLDS[world](function, *arguments)
