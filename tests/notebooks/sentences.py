"""Sentences about an outcome in an executed notebook, read back so that a test can hold them against the samples."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

RANKING = re.compile(
    r"^(?:[\w-]+: )?(?P<a>[\w ,-]+?) / (?P<b>[\w ,-]+?) = (?P<ratio>[\d.]+) \(.*\) times: (?P<verdict>.*)$", re.M
)
GAIN = re.compile(
    r"^images/s, (?P<a>.+?) -> (?P<b>.+?): (?P<ratio>[\d.]+) times as many(?P<undecided>, but not.*)?$", re.M
)
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


def ratio_in_turn(a_ms: ArrayLike, b_ms: ArrayLike) -> float:
    """How many times b is as fast as a: the middle of the rounds' own ratios (on a logarithmic scale)."""
    return float(np.exp(np.median(np.log(np.asarray(a_ms) / np.asarray(b_ms)))))


def ratio_one_by_one(a_ms: ArrayLike, b_ms: ArrayLike) -> float:
    """How many times b is as fast as a: the ratio of the two medians."""
    return float(np.median(a_ms) / np.median(b_ms))
