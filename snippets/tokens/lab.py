"""What `7_tokens` measures of a language model: prompts, tokens, batches, groups, prefixes, and an open loop.

Each method is a step `tokens/<what>` of the run. Prompts are random tokens from seeds: the arithmetic is the same as
for words, and no prompt begins like another. Settings that are compared take turns, round by round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.load.arrivals import poisson_arrivals
from snippets.measure.latency import MEMORY
from snippets.stats import Estimate, between_blocks, show
from snippets.tokens.engine import Answer, Ask, Engine
from snippets.tokens.weights import parameters

if TYPE_CHECKING:
    from snippets.record.run import Run

COMMON = 100, 40_000
"""Tokens that prompts are drawn from: words and pieces of words, without the control tokens at the start."""


@dataclass(frozen=True)
class Sizes:
    """How much a profile measures."""

    rounds: int
    prompts: tuple[int, ...]
    tokens: int
    together: tuple[int, ...]
    requests: int
    prefix: int
    shares: tuple[int, ...]
    seconds: float


SIZES = {
    "quick": Sizes(5, (16, 64, 256), 8, (1, 2, 4, 8), 16, 256, (40, 80), 6.0),
    "full": Sizes(7, (16, 64, 256, 1024), 32, (1, 2, 4, 8, 16), 32, 512, (40, 60, 80, 100), 12.0),
}
FIRST_MS, EACH_MS = 500.0, 100.0
"""The target of a chat: ms to the first token, and for each further one (ten a second, faster than one reads)."""
AT_ONCE = 8
"""Sequences under way at most, where requests of unlike lengths are served in groups or continuously."""
QUESTION = 16
"""Tokens of a prompt's own after the prefix that all of them share."""


def prompt(length: int, seed: int) -> np.ndarray:
    """Random tokens, int64 (length,)."""
    return np.random.default_rng(seed).integers(*COMMON, length).astype(np.int64)


def middle(values: Iterable[float]) -> Estimate:
    """The geometric mean of the rounds' values with its 95 % interval, as of all measurements of the lab."""
    return between_blocks(list(values), memory=MEMORY)


def by(step: Mapping[str, Any], key: str, value: str) -> dict[int, Estimate]:
    """The middle of column `value` at each number in column `key` of a step, from one value a round."""
    keys = np.asarray(step[key])
    return {int(one): middle(np.asarray(step[value])[keys == one]) for one in np.unique(keys)}


@dataclass
class TokenLab:
    """The language model in the file `weights` on so many threads, measured as `run`'s steps."""

    run: Run
    weights: Path
    threads: int
    profile: str
    _engines: dict[bool, Engine] = field(default_factory=dict)

    @property
    def sizes(self) -> Sizes:
        """How much is measured."""
        return SIZES[self.profile]

    def engine(self, *, prefix_caching: bool = False) -> Engine:
        """The model, loaded when something is measured first."""
        if prefix_caching not in self._engines:
            self._engines[prefix_caching] = Engine(self.weights, self.threads, prefix_caching=prefix_caching)
        return self._engines[prefix_caching]

    def close(self) -> None:
        """Give the memory back."""
        self._engines.clear()

    def _step(self, name: str, fn: Any, **inputs: Any) -> dict[str, Any]:
        given = {"weights": self.weights, "threads": self.threads, "sizes": str(self.sizes), **inputs}
        return self.run.step(f"tokens/{name}", fn, inputs=given)

    @property
    def mean_length(self) -> float:
        """Tokens that an answer of `offered` has on average."""
        return float(np.mean(range(self.sizes.tokens, 4 * self.sizes.tokens)))

    def loaded(self) -> dict[str, Any]:
        """Step `tokens/model`: `parameters` of the network, `bytes` of its file, and `seconds` of loading it."""

        def load() -> dict[str, Any]:
            return {
                "parameters": parameters(self.weights),
                "bytes": self.weights.stat().st_size,
                "seconds": self.engine().load_s,
            }

        return self._step("model", load)

    def alone(self) -> dict[str, Any]:
        """Step `tokens/alone`: one request at a time. A row a round and length: `prompt` tokens, `first_ms` to the
        first token, `each_ms` for each further one (of `tokens`)."""
        sizes = self.sizes

        def measure() -> dict[str, Any]:
            rows = []
            for number in range(sizes.rounds):
                for length in _shuffled(sizes.prompts, number):
                    (answer,) = self.engine().play([Ask(prompt(length, 1000 * number + length), sizes.tokens)])
                    rows.append((number, length, answer.first_ms, answer.each_ms))
            return {**_table(rows, "round prompt first_ms each_ms"), "tokens": sizes.tokens}

        return self._step("alone", measure)

    def without_cache(self, length: int) -> dict[str, Any]:
        """Step `tokens/without-cache`: what the next token takes if nothing is kept of those before it. A row a round:
        `position`, tokens that stand already, and `ms`, in which the whole text is read anew for one more token."""
        sizes = self.sizes
        positions = [length + extra for extra in (0, sizes.tokens, 4 * sizes.tokens)]

        def measure() -> dict[str, Any]:
            rows = []
            for number in range(sizes.rounds):
                for position in _shuffled(positions, number):
                    (answer,) = self.engine().play([Ask(prompt(position, 7000 * (number + 1) + position), 1)])
                    rows.append((number, position, answer.first_ms))
            return _table(rows, "round position ms")

        return self._step("without-cache", measure, length=length)

    def together(self) -> dict[str, Any]:
        """Step `tokens/together`: so many sequences at once, all of a length. A row a round and number: `sequences`,
        `each_ms`, the mean time of a token, and `per_s`, tokens a second of all of them once the prompts are read."""
        sizes = self.sizes

        def measure() -> dict[str, Any]:
            rows = []
            for number in range(sizes.rounds):
                for count in _shuffled(sizes.together, number):
                    asks = [Ask(prompt(32, 100_000 * number + 100 * count + i), 2 * sizes.tokens) for i in range(count)]
                    answers = self.engine().play(asks)
                    each_ms = float(np.mean([answer.each_ms for answer in answers]))
                    rows.append((number, count, each_ms, 1e3 * count / each_ms))
            return _table(rows, "round sequences each_ms per_s")

        return self._step("together", measure)

    def mixed(self) -> dict[str, Any]:
        """Step `tokens/mixed`: requests of unlike `lengths`, drawn anew for each run, all there at the start, at most
        AT_ONCE under way.

        "groups": the next ones are taken when all of a group are done; "continuous": as soon as one is. For each,
        float64 (rounds, requests) of `<way>_ms`, until a request was answered whole, and float64 (rounds,) of
        `<way>_per_s`, tokens a second.
        """
        sizes = self.sizes
        ways = {"groups": self._in_groups, "continuous": self._continuously}

        def measure() -> dict[str, Any]:
            lengths = np.random.default_rng().integers(sizes.tokens // 2, 6 * sizes.tokens, sizes.requests)
            whole: dict[str, list[list[float]]] = {way: [] for way in ways}
            for number in range(sizes.rounds):
                asks = [Ask(prompt(32, 10_000 * number + i), int(length)) for i, length in enumerate(lengths)]
                for way in _shuffled(list(ways), number):
                    whole[way].append(ways[way](asks))
            found: dict[str, Any] = {"lengths": lengths.astype(np.int64), "at_once": AT_ONCE}
            for way, rounds in whole.items():
                found[f"{way}_ms"] = np.array(rounds)
                found[f"{way}_per_s"] = 1e3 * lengths.sum() / np.array(rounds).max(axis=1)
            return found

        return self._step("mixed", measure)

    def _in_groups(self, asks: Sequence[Ask]) -> list[float]:
        whole: list[float] = []
        before_ms = 0.0
        for first in range(0, len(asks), AT_ONCE):
            group = [answer.whole_ms for answer in self.engine().play(asks[first : first + AT_ONCE])]
            whole += [before_ms + max(group)] * len(group)  # a group is answered when its longest is
            before_ms += max(group)
        return whole

    def _continuously(self, asks: Sequence[Ask]) -> list[float]:
        return [answer.whole_ms for answer in self.engine().play(asks, AT_ONCE)]

    def prefixes(self) -> dict[str, Any]:
        """Step `tokens/prefixes`: prompts that begin alike and end with QUESTION tokens of their own. A row a round:
        `anew_ms` and `kept_ms`, time to the first token without and with the prefix kept."""
        sizes = self.sizes
        common = prompt(sizes.prefix, 3)

        def measure() -> dict[str, Any]:
            engines = {False: self.engine(), True: self.engine(prefix_caching=True)}
            engines[True].play([Ask(np.concatenate([common, prompt(QUESTION, 9)]), 1)])  # somebody came before
            rows = []
            for number in range(sizes.rounds):
                text = np.concatenate([common, prompt(QUESTION, 50 + number)])
                ms = {kept: engines[kept].play([Ask(text, 1)])[0].first_ms for kept in _shuffled([False, True], number)}
                rows.append((number, ms[False], ms[True]))
            return {**_table(rows, "round anew_ms kept_ms"), "prefix": sizes.prefix}

        return self._step("prefixes", measure)

    def offered(self, share: int, per_s: float) -> dict[str, Any]:
        """Step `tokens/offered-<share>`: an open loop of `per_s` requests a second at random moments, prompts of 64
        tokens, answers of unlike lengths. Float64 (requests,) of `due_s`, `first_ms`, `each_ms` and `whole_ms`."""
        sizes = self.sizes

        def measure() -> dict[str, Any]:
            random = np.random.default_rng(share)
            moments = poisson_arrivals(per_s, sizes.seconds, random)
            lengths = random.integers(sizes.tokens, 4 * sizes.tokens, moments.size)
            asks = [
                Ask(prompt(64, 500_000 + 1000 * share + i), int(length), float(due))
                for i, (due, length) in enumerate(zip(moments, lengths, strict=True))
            ]
            answers = self.engine().play(asks)
            return {
                "per_s": per_s,
                "seconds": sizes.seconds,
                "due_s": moments,
                "lengths": lengths.astype(np.int64),
                **{name: _column(answers, name) for name in ("first_ms", "each_ms", "whole_ms")},
            }

        return self._step(f"offered-{share}", measure, per_s=per_s)


def on_the_roof(model: Mapping[str, Any], tokens: int, ms: Estimate) -> tuple[float, Estimate]:
    """Where a run over `tokens` tokens stands on a roofline: operations for each byte of the file, and billions of
    operations a second. A token takes a multiplication and an addition for each parameter."""
    work = 2 * model["parameters"] * tokens
    rate = Estimate(*(work / time / 1e6 for time in (ms.value, ms.high, ms.low)))
    return work / model["bytes"], rate


def sooner(mixed: Mapping[str, Any]) -> str:
    """What the rounds say of the two ways of `mixed`: by which factor a request is answered sooner, on average."""
    ratio = middle(np.mean(mixed["groups_ms"], axis=1) / np.mean(mixed["continuous_ms"], axis=1))
    decided = "" if ratio.low > 1 or ratio.high < 1 else ": not decided by these rounds"
    return f"continuously a request is answered {show(ratio)} times as soon as in groups{decided}"


def told_of_prefixes(step: Mapping[str, Any]) -> str:
    """What keeping the prefix brings, and what the prompts' lengths alone would say."""
    ratio = middle(np.asarray(step["anew_ms"]) / np.asarray(step["kept_ms"]))
    lengths = (step["prefix"] + QUESTION) / QUESTION
    return f"read anew / kept = {show(ratio, 1)} times; the tokens to be read are {lengths:.0f} times as many"


def goodput(step: Mapping[str, Any], first_ms: float = FIRST_MS, each_ms: float = EACH_MS) -> tuple[float, float]:
    """Of an open loop: the share of requests within both limits, and how many of those were asked a second."""
    good = (np.asarray(step["first_ms"]) <= first_ms) & (np.asarray(step["each_ms"]) <= each_ms)
    if not good.size:
        return 0.0, 0.0
    return float(good.mean()), float(good.sum() / step["seconds"])


def _shuffled(values: Sequence[Any], number: int) -> list[Any]:
    """The values in an order of this round's own."""
    return [values[index] for index in np.random.default_rng(number).permutation(len(values))]


def _table(rows: Sequence[tuple[float, ...]], names: str) -> dict[str, Any]:
    """Rows as columns: those of times are float64, all others int64."""
    columns = zip(*rows, strict=True)
    return {
        name: np.array(column, dtype=np.float64 if name.endswith(("_ms", "ms", "_s")) else np.int64)
        for name, column in zip(names.split(), columns, strict=True)
    }


def _column(answers: Sequence[Answer], name: str) -> np.ndarray:
    return np.array([getattr(answer, name) for answer in answers], dtype=np.float64)
