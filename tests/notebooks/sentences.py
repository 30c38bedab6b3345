"""Sentences about an outcome in an executed notebook, read back so that a test can hold them against the samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RANKING = re.compile(
    r"^(?:[\w-]+: )?(?P<a>[\w ,-]+?) / (?P<b>[\w ,-]+?) = (?P<ratio>[\d.]+) \(.*\) times: (?P<verdict>.*)$", re.M
)
GAIN = re.compile(r"^images/s, (?P<a>.+?) -> (?P<b>.+?): (?P<ratio>[\d.]+) times as many(?P<end>, .*)?$", re.M)
# A ratio is printed to a hundredth.
HALF_A_DIGIT = 0.00501


@dataclass(frozen=True)
class Sentence:
    """One outcome: how many times b is as fast as a (or as many), and what is concluded from it."""

    ratio: float
    verdict: str

    def agrees_with(self, ratio: float, a: str, b: str) -> bool:
        """Whether it says this ratio, and calls only that one faster on whose side the ratio lies."""
        side = {f"{b} is faster": ratio > 1.02, f"{a} is faster": ratio < 0.98, "the same": 0.98 < ratio < 1.02}
        return abs(self.ratio - ratio) < HALF_A_DIGIT and side.get(self.verdict, True)


def rankings(text: str) -> dict[tuple[str, str], Sentence]:
    """The sentences "a / b = 2.18 (2.17 to 2.22) times: b is faster" of a text, by a and b; of equals the last."""
    return {
        (found["a"], found["b"]): Sentence(float(found["ratio"]), found["verdict"]) for found in RANKING.finditer(text)
    }


def gains(text: str) -> dict[tuple[str, str], float]:
    """The ratios of the sentences "images/s, a -> b: 1.95 times as many" of a text, by a and b."""
    return {(found["a"], found["b"]): float(found["ratio"]) for found in GAIN.finditer(text)}


def ratio_of_blocks(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    """How many times b is as fast as a, from their `latency` steps (or, an image of a batch, from their `throughput`
    steps): the middle of the rounds' own ratios (of logs).

    Rounds in which the machine was slow for one of them are left out where three others remain.
    """
    common = sorted(set(a["rounds"].tolist()) & set(b["rounds"].tolist()))
    good = [number for number in common if number not in {*a["slow"], *b["slow"]}]
    used = good if len(good) >= 3 else common
    first, second = ([np.median(_times(step)[step["rounds"] == number]) for number in used] for step in (a, b))
    return float(np.exp(np.mean(np.log(np.array(first) / np.array(second)))))


def median_of_blocks(step: Mapping[str, Any]) -> float:
    """The median in ms of a `latency` step, or of an image of a `throughput` step: the middle of its blocks' medians.

    Middle in logarithms.
    """
    rounds = np.unique(step["rounds"])
    good = [number for number in rounds if number not in step["slow"]]
    used = good if len(good) >= 3 else rounds
    return float(np.exp(np.mean([np.log(np.median(_times(step)[step["rounds"] == number])) for number in used])))


def _times(step: Mapping[str, Any]) -> np.ndarray:
    return step["latency_ms"] if "latency_ms" in step else step["batch_ms"] / step["batch"]
