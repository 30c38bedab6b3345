"""A pen for drawing food with polygons, and the dice that vary it: the tools of `dishes`.

Every draw must give the same pixels on every machine, so chance comes from `random.Random.random` (whose
sequence Python guarantees), angles from an integer table, and corners are rounded to whole pixels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
T = TypeVar("T")

# cos and sin of whole degrees, rounded far above the last bit, where C libraries may differ.
COS = [round(math.cos(math.radians(degree)), 6) for degree in range(360)]
SIN = [round(math.sin(math.radians(degree)), 6) for degree in range(360)]


class Dice:
    """Chance from a named seed, the same in every version of Python."""

    def __init__(self, seed: str) -> None:
        self._next = random.Random(seed).random

    def real(self, low: float, high: float) -> float:
        """A number from `low` up to `high`, evenly spread."""
        return low + (high - low) * self._next()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._next() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability (0 to 1)."""
        return self._next() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely as the other."""
        return choices[int(self._next() * len(choices))]


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (factor < 1) or lighter (> 1, towards white)."""
    if factor <= 1:
        return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
    return mix(colour, (255, 255, 255), factor - 1)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    keep = 1 - share
    return (
        int(one[0] * keep + other[0] * share),
        int(one[1] * keep + other[1] * share),
        int(one[2] * keep + other[2] * share),
    )


class Pen:
    """Draws in a dish's own coordinates: the dish fills the unit disc, wherever it lies in the picture."""

    def __init__(self, picture: Image.Image, dice: Dice, x: float, y: float, size: float, turn: int) -> None:
        self.draw = ImageDraw.Draw(picture)
        self.dice, self.x, self.y, self.size = dice, x, y, size
        self.cos, self.sin = COS[turn % 360], SIN[turn % 360]

    def at(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        """Where the dish's points lie in the picture."""
        left, top, size, cos, sin = self.x, self.y, self.size, self.cos, self.sin
        return [(round(left + size * (x * cos - y * sin)), round(top + size * (x * sin + y * cos))) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon with these corners."""
        self.draw.polygon(self.at(points), fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line through the points, `width` in the dish's own units."""
        self.draw.line(self.at(points), fill=colour, width=max(1, round(width * self.size)), joint="curve")

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, turn: int = 0) -> None:
        """A filled ellipse around (x, y) with radii rx and ry, turned by `turn` degrees."""
        self.polygon(oval(x, y, rx, ry, turn), colour)

    def mound(self, at: Point, radii: Point, colour: Colour, turn: int = 0, low: float = 0.62) -> None:
        """A rounded body around `at`: nested ovals from a dark rim (`low` of the colour) to a light top."""
        (x, y), (rx, ry) = at, radii
        for step in range(6):
            share = step / 5
            self.ellipse(
                x - 0.18 * rx * share,
                y - 0.18 * ry * share,
                rx * (1 - 0.78 * share),
                ry * (1 - 0.78 * share),
                shade(colour, low + (1.22 - low) * share),
                turn,
            )

    def blob(self, x: float, y: float, r: float, rough: float, squash: float = 1.0) -> list[Point]:
        """The outline of something irregular, about `r` in radius."""
        corners = 14
        radii = [r * self.dice.real(1 - rough, 1 + rough) for _ in range(corners)]
        points = []
        for corner in range(corners * 3):
            here, share = divmod(corner, 3)
            radius = radii[here] * (1 - share / 3) + radii[(here + 1) % corners] * share / 3
            degree = corner * 360 // (corners * 3)
            points.append((x + radius * COS[degree], y + radius * SIN[degree] * squash))
        return points

    def speckle(self, count: int, reach: float, size: float, colours: Sequence[Colour], squash: float = 1.0) -> None:
        """`count` small dots within `reach` of the middle."""
        for _ in range(count):
            x, y = self.somewhere(reach)
            r = size * self.dice.real(0.5, 1.4)
            self.polygon(
                oval(x, y * squash, r, r * self.dice.real(0.5, 1), self.dice.whole(0, 359), 8),
                self.dice.pick(colours),
            )

    def somewhere(self, reach: float) -> Point:
        """A point of the disc of radius `reach`, evenly spread."""
        degree, radius = self.dice.whole(0, 359), reach * math.sqrt(self.dice.real(0, 1))
        return (radius * COS[degree], radius * SIN[degree])


def oval(x: float, y: float, rx: float, ry: float, turn: int = 0, corners: int = 30) -> list[Point]:
    """The corners of an ellipse turned by `turn` degrees."""
    cos, sin = COS[turn % 360], SIN[turn % 360]
    points = []
    for corner in range(corners):
        degree = corner * 360 // corners
        u, v = rx * COS[degree], ry * SIN[degree]
        points.append((x + u * cos - v * sin, y + u * sin + v * cos))
    return points
