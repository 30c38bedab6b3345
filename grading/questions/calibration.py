"""Predictions scored by calibration: what an interval, or a choice with its confidence, is worth in the end.

Both rules are proper: nobody gains, on average, by stating more or less certainty than there is.

*Numbers.* The answer is an interval that should hold the measured value in 8 of 10 cases. It is scored by the interval
score of Winkler (1972; Gneiting and Raftery, Strictly Proper Scoring Rules, 2007, section 6.2) on a logarithmic scale,
since what one knows of a latency is a factor: the width, plus 2/(1 - 0.8) = 10 times the distance of a value that
lies outside. A share of the points of 1 is what an interval earns that covers with a factor of 2 between its ends;
0 is what one of a factor of 30 earns, and wider ones, or misses, cost.

*Choices.* The answer is a choice and how sure one is of it, scored by the Brier score (1950) with the rest of the
certainty spread over the other choices, so that the answer "all are equally likely" earns 0 and a sure and right one 1.
A probability for each choice would say more, and ask for four numbers where one is hard enough to think about. As there
are only a few choices, luck counts for more than with an interval: choices carry half of the points.

The shares of a part are added up before anything is cut off at 0: a good prediction pays for a bad one, and whoever
answers at random earns nothing on average.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.8
FULL_FACTOR, NO_FACTOR = 2.0, 30.0
EXPLAINED = (
    "An interval should hold the measured value in 8 of 10 cases: holding it earns, more if the interval is narrow "
    f"(nothing from a factor of {NO_FACTOR:g} between its ends on), and missing it costs, more if it is missed by far."
)
EXPLAINED_CHOICE = (
    "The surer you are, the more a right choice earns and a wrong one costs: say how likely it is, between 0 and 1."
)


@dataclass(frozen=True)
class Outcome:
    """How a prediction fared. `share`: of the question's points, at most above 1, and below 0 where it cost some.

    `held`: whether the interval held the value, or the choice came true; `off`: by what factor (or, of a signed
    quantity, number of units) the nearer end was missed, 1 (or 0) if not; `told`: that in words, without the value.
    """

    share: float
    held: bool
    off: float
    told: str


def _scale(value: float, signed: bool) -> float:
    """The scale on which widths count: logarithmic; of a signed quantity linear around 0 (in its unit)."""
    if signed:
        return math.asinh(value)
    return math.log(value) if value > 0 else -math.inf


def interval_score(low: float, high: float, truth: float, signed: bool = False) -> float:
    """Winkler's score of [low, high] on the logarithmic scale; smaller is better, infinite for a truth beyond it."""
    a, b, x = (_scale(value, signed) for value in (low, high, truth))
    return (b - a) + 2 / (1 - CONFIDENCE) * max(0.0, a - x, x - b)


def interval_outcome(interval: Sequence[float], truth: float, signed: bool = False) -> Outcome:
    """How the prediction of a number fared."""
    low, high = interval
    full, none = math.log(FULL_FACTOR), math.log(NO_FACTOR)
    score = interval_score(low, high, truth, signed)
    share = max(-10.0, (none - score) / (none - full))
    held = low <= truth <= high
    nearer = low if truth < low else high
    width = f"{high - low:.3g} wide" if signed else f"a factor of {high / low:.3g} between its ends"
    if held:
        return Outcome(share, True, 0.0 if signed else 1.0, f"your interval holds the value ({width})")
    if signed:
        off = abs(truth - nearer)
        return Outcome(share, False, off, f"your interval misses the value by {off:.3g} ({width})")
    off = max(truth / nearer, nearer / truth) if truth > 0 else math.inf
    return Outcome(share, False, off, f"your interval misses the value by a factor of {off:.3g} ({width})")


def choice_outcome(choice: str, confidence: float, right: Collection[str], choices: int) -> Outcome:
    """How the prediction of one of so many `choices` fared; `right` holds those that the record cannot tell apart."""
    held = choice in right
    others = (1 - confidence) / (choices - 1)
    if held:
        brier = (1 - confidence) ** 2 + (choices - 1) * others**2
    else:
        brier = confidence**2 + (1 - others) ** 2 + (choices - 2) * others**2
    know_nothing = 1 - 1 / choices
    text = "it came true" if held else "it did not come true"
    return Outcome(1 - brier / know_nothing, held, 1.0, f"{text}, and you were {100 * confidence:.0f} % sure")


def part_share(shares: Sequence[float], points: Sequence[float]) -> float:
    """The share (0 to 1) of their points that a part's predictions earn together: cut off only now."""
    total = sum(points)
    earned = sum(share * worth for share, worth in zip(shares, points, strict=True))
    return min(1.0, max(0.0, earned / total)) if total else 0.0
