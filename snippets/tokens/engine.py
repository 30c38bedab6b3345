"""Requests to a language model, played through OpenVINO GenAI's scheduler one step after the other, each token timed.

A step is one run of the network over all sequences that are under way: over the whole prompt of those that have just
come, and over one token of each of the others. After each step the clock says when the new tokens were there. (The
scheduler is that of continuous batching: Yu et al., "Orca", OSDI 2022; Kwon et al., "PagedAttention", SOSP 2023.)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snippets.errors import ServerError

LIMIT_S = 120.0
"""Longest that one play may take."""
AT_MOST = 16
"""Sequences in one step, at most."""
CACHE_GB = 1


@dataclass(frozen=True)
class Ask:
    """A request: `prompt` int64 (n,), so many `tokens` to be written, and when it is due, in s from the start."""

    prompt: np.ndarray
    tokens: int
    due_s: float = 0.0


@dataclass
class Answer:
    """When what became of a request, in s from the start of the play: due, handed over, and each token written."""

    due_s: float
    sent_s: float
    tokens_s: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    @property
    def first_ms(self) -> float:
        """Time to the first token (TTFT) in ms, from when the request was due."""
        return 1e3 * (self.tokens_s[0] - self.due_s)

    @property
    def each_ms(self) -> float:
        """Time per output token (TPOT) in ms, after the first; of a single token 0."""
        return 1e3 * (self.tokens_s[-1] - self.tokens_s[0]) / max(1, len(self.tokens_s) - 1)

    @property
    def whole_ms(self) -> float:
        """From when the request was due to its last token, in ms."""
        return 1e3 * (self.tokens_s[-1] - self.due_s)


class Engine:
    """The model in memory. `prefix_caching`: keys and values of a prompt that begins like an earlier one are kept."""

    def __init__(self, weights: Path, threads: int, *, prefix_caching: bool = False) -> None:
        import openvino_genai

        self._api = openvino_genai
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GB
        scheduler.enable_prefix_caching = prefix_caching
        scheduler.max_num_seqs = AT_MOST
        began = time.perf_counter()
        self._pipeline: Any = openvino_genai.ContinuousBatchingPipeline(
            str(weights), scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads}
        )
        self.load_s = time.perf_counter() - began
        self._number = 0
        self.play([Ask(np.arange(100, 108), 4)])  # the first run reserves memory

    def play(self, asks: Sequence[Ask], at_most: int = AT_MOST) -> list[Answer]:
        """Send each request when it is due and fewer than `at_most` are under way; all answers, in the order of `asks`.

        ServerError if they take longer than LIMIT_S.
        """
        began = time.perf_counter()
        waiting = sorted(range(len(asks)), key=lambda index: asks[index].due_s)
        under_way: dict[int, Any] = {}
        answers = [Answer(ask.due_s, ask.due_s) for ask in asks]
        while waiting or under_way:
            now = time.perf_counter() - began
            if now > LIMIT_S:
                raise ServerError(
                    f"The language model wrote too slowly: {len(waiting) + len(under_way)} of {len(asks)} requests "
                    f"were not answered within {LIMIT_S:g} s. Close what else works on this machine, then run again."
                )
            while waiting and asks[waiting[0]].due_s <= now and len(under_way) < at_most:
                index = waiting.pop(0)
                under_way[index] = self._add(asks[index])
                answers[index].sent_s = now
            if not under_way:
                time.sleep(max(0.0, min(0.01, asks[waiting[0]].due_s - now)))
                continue
            self._pipeline.step()
            now = time.perf_counter() - began
            for index, handle in list(under_way.items()):
                while handle.can_read():
                    for piece in handle.read().values():
                        answers[index].written += list(piece.generated_ids)
                        answers[index].tokens_s += [now] * len(piece.generated_ids)
                if len(answers[index].tokens_s) >= asks[index].tokens:
                    del under_way[index]
        return answers

    def _add(self, ask: Ask) -> Any:
        import openvino

        wanted = self._api.GenerationConfig()
        wanted.max_new_tokens = ask.tokens
        wanted.do_sample, wanted.ignore_eos = False, True
        self._number += 1
        prompt = openvino.Tensor(np.asarray(ask.prompt, dtype=np.int64)[None])
        return self._pipeline.add_request(self._number, prompt, wanted)
