"""How much of the network is trained for int8: a lesson for each profile and number of bits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """`images` of the training split, `epochs` over them; `rate` of weights, as shares of the largest of a channel."""

    images: int
    epochs: int
    rate: float


# 8 bits lose little and have fine steps: few and small changes. 4 bits need more of both.
LESSONS = {
    "quick": {8: Lesson(22, 1, 3e-4), 4: Lesson(132, 1, 1e-3)},
    "full": {8: Lesson(110, 1, 3e-4), 4: Lesson(880, 1, 1e-3)},
}
