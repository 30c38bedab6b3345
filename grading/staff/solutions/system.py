"""Solutions of Part 3's coding questions."""

import asyncio
import math


def micro_batches(arrivals_ms, max_batch, max_delay_ms):
    """A batch is open until it is full or its first request has waited too long."""
    sizes = []
    opened = None
    for arrival in arrivals_ms:
        if sizes and sizes[-1] < max_batch and arrival <= opened + max_delay_ms:
            sizes[-1] += 1
        else:
            sizes.append(1)
            opened = arrival
    return sizes


def closed_loop(send, time, seconds):
    """As long as there is time, send and note how long it took."""
    began = time.perf_counter()
    latencies = []
    while True:
        sent = time.perf_counter()
        if sent - began >= seconds:
            return latencies
        send()
        latencies.append((time.perf_counter() - sent) * 1000)


def poisson_arrivals(rate, seconds, draws):
    """Add up exponential gaps."""
    arrivals = []
    moment = 0.0
    for u in draws:
        moment += -math.log(1 - u) / rate
        if moment >= seconds:
            break
        arrivals.append(moment)
    return arrivals


def open_loop(send, time, due_s):
    """The clock of a request starts when it is due, whether or not it can be sent then."""
    began = time.perf_counter()
    latencies = []
    for due in due_s:
        early = began + due - time.perf_counter()
        if early > 0:
            time.sleep(early)
        send()
        latencies.append((time.perf_counter() - (began + due)) * 1000)
    return latencies


async def batcher(queue, answer, max_batch, max_delay_s):
    """Take what is there; wait for more until the first one has waited long enough."""
    clock = asyncio.get_running_loop().time
    while True:
        batch = [await queue.get()]
        opened = clock()
        while len(batch) < max_batch:
            if not queue.empty():
                batch.append(queue.get_nowait())
                continue
            left = opened + max_delay_s - clock()
            if left <= 0:
                break
            try:
                batch.append(await asyncio.wait_for(queue.get(), left))
            except TimeoutError:
                break
        await answer(batch)
