"""Streams: several images side by side, each on a thread of its own, instead of one image on all threads.

What splits one image over threads has to wait for the slowest of them after every layer. Streams share nothing and wait
for nobody, so a busy CPU answers more images a second; a single image, however, has one thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

Run = Callable[[np.ndarray], np.ndarray]
LINE = 32
"""Images that stand in line when the throughput of streams is timed: the last ones find a stream idle, so there are
many for each stream."""


@dataclass(frozen=True)
class Tuning:
    """What an engine shall be good at.

    `streams`: images side by side, each on one thread (throughput), else one at a time on all threads (latency);
    `bf16`: float32 graphs are computed in bfloat16, which has float32's range and 8 bits of precision (OpenVINO);
    `fp16`: in float16, with 11 bits of precision and a smaller range, where TensorRT finds that faster.
    """

    streams: bool = False
    bf16: bool = False
    fp16: bool = False


PLAIN = Tuning()


def side_by_side(calls: Sequence[Run]) -> Run:
    """One model made of several of the same, each single-threaded: they take the images of a batch one by one.

    float32 (N,3,H,W) -> (N,classes), in order. A batch of one runs in the caller's own thread.
    """
    pool = ThreadPoolExecutor(len(calls), thread_name_prefix="stream")

    def run(batch: np.ndarray) -> np.ndarray:
        if len(batch) == 1:
            return calls[0](batch)
        answers: list[Any] = [None] * len(batch)
        line = iter(range(len(batch)))

        def work(call: Run) -> None:
            for place in line:
                answers[place] = call(batch[place : place + 1])

        for working in [pool.submit(work, call) for call in calls]:
            working.result()
        return np.concatenate(answers)

    return run


def in_a_queue(compiled: Any) -> Run:
    """An OpenVINO model compiled with the throughput hint: as many requests at once as it has streams.

    float32 (N,3,H,W) -> (N,classes), in order. For one caller at a time.
    """
    import openvino as ov

    queue = ov.AsyncInferQueue(compiled)
    answers: dict[int, np.ndarray] = {}

    def keep(request: Any, place: int) -> None:
        answers[place] = request.get_output_tensor(0).data.copy()

    queue.set_callback(keep)

    def run(batch: np.ndarray) -> np.ndarray:
        answers.clear()
        # Inputs are shared, not copied, so the batch must outlive the requests: it does until the wait is over.
        for place in range(len(batch)):
            queue.start_async({0: batch[place : place + 1]}, place, share_inputs=True)
        queue.wait_all()
        return np.concatenate([answers[place] for place in range(len(batch))])

    return run
