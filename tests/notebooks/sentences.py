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
    return float(np.exp(np.mean(np.log(_ratios(a, b)))))


def median_of_blocks(step: Mapping[str, Any]) -> float:
    """The median in ms of a `latency` step, or of an image of a `throughput` step: the middle of its blocks' medians.

    Middle in logarithms.
    """
    return float(np.exp(np.mean(np.log(_medians(step, _counted(step))))))


# Student's t by degrees of freedom, at 95 and 99 % (any table of it).
T = {
    0.95: {2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622},
    0.99: {2: 9.9248, 3: 5.8409, 4: 4.6041, 5: 4.0321, 6: 3.7074, 7: 3.4995, 8: 3.3554, 9: 3.2498},
}


# How much wider for values that drift with a Hurst exponent of 0.8, by their number n: sqrt((n - 1) / (n^0.4 - 1)).
DRIFT = {3: 1.9037, 4: 2.0120, 5: 2.1039, 6: 2.1846, 7: 2.2569, 8: 2.3228, 9: 2.3835, 10: 2.4398}


def _ends(values: list[float], confidence: float, wider: float = 1.0) -> tuple[float, float]:
    logs = np.log(values)
    half = wider * T[confidence][len(values) - 1] * logs.std(ddof=1) / np.sqrt(len(values))
    return float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half))


def interval_of_blocks(step: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of the 95 % interval that belongs to `median_of_blocks`."""
    rounds = _counted(step)
    return _ends(_medians(step, rounds), 0.95, DRIFT[len(rounds)])


def interval_of_ratio(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of the 99 % interval that belongs to `ratio_of_blocks`."""
    return _ends(_ratios(a, b), 0.99)


def _counted(*steps: Mapping[str, Any]) -> list[int]:
    """Rounds in which all took part, without the slow ones where three others remain."""
    common = sorted(set.intersection(*(set(step["rounds"].tolist()) for step in steps)))
    good = [number for number in common if not any(number in step["slow"] for step in steps)]
    return good if len(good) >= 3 else common


def _medians(step: Mapping[str, Any], rounds: list[int]) -> list[float]:
    return [float(np.median(_times(step)[step["rounds"] == number])) for number in rounds]


def _ratios(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[float]:
    first, second = (np.array(_medians(step, _counted(a, b))) for step in (a, b))
    return list(first / second)


def _times(step: Mapping[str, Any]) -> np.ndarray:
    return step["latency_ms"] if "latency_ms" in step else step["batch_ms"] / step["batch"]
