"""The eleven foods of the rehearsal set: procedural shapes and textures, each with two to four variants.

Every function draws one dish into the unit disc of its pen. They share colours on purpose (bread, fried
food and meat are brown; dairy, egg and rice are white): colour alone must not tell the classes apart.
"""

from __future__ import annotations

from collections.abc import Callable

from snippets.data.food11_classes import CLASSES
from snippets.data.rehearsal.main_dishes import meat, noodles, rice, seafood, soup, vegetable
from snippets.data.rehearsal.pen import COS, SIN, Pen, mix, oval, shade


def bread(pen: Pen) -> None:
    """A loaf, slices or buns."""
    dice = pen.dice
    crust = mix((176, 112, 50), (214, 160, 92), dice.real(0, 1))
    kind = dice.whole(0, 2)
    if kind == 0:  # a loaf with slashes
        height = dice.real(0.38, 0.55)
        pen.mound((0, 0), (0.98, height), crust)
        for cut in range(dice.whole(3, 5)):
            x = -0.6 + cut * 0.32
            pen.stroke([(x, -height * 0.55), (x + 0.16, height * 0.4)], 0.07, mix(crust, (244, 222, 176), 0.75))
    elif kind == 1:  # slices of crumb
        for slice_at in range(dice.whole(1, 3)):
            x = -0.4 + slice_at * 0.4
            body = pen.blob(x, 0, 0.62, 0.07, 0.95)
            pen.polygon(body, shade(crust, 0.85))
            crumb = mix((240, 222, 184), crust, dice.real(0, 0.35))
            pen.polygon([(x + (u - x) * 0.86, v * 0.86) for u, v in body], crumb)
            for _ in range(26):
                u, v = pen.somewhere(0.45)
                pen.ellipse(x + u, v, dice.real(0.015, 0.045), 0.02, shade(crumb, 0.86))
    else:  # buns
        for bun in range(dice.whole(2, 4)):
            degree = bun * 360 // 4 + dice.whole(-20, 20)
            x, y = 0.45 * COS[degree % 360], 0.45 * SIN[degree % 360]
            pen.mound((x, y), (0.46, 0.42), crust)
            for _ in range(10):
                u, v = pen.somewhere(0.28)
                pen.ellipse(x + u, y + v, 0.03, 0.016, (246, 232, 196), dice.whole(0, 179))


def dairy(pen: Pen) -> None:
    """A wedge of cheese, a bowl of yoghurt, a glass of milk, or slices."""
    dice = pen.dice
    yellow = mix((250, 206, 84), (252, 236, 178), dice.real(0, 1))
    kind = dice.whole(0, 3)
    if kind == 0:  # a wedge of cheese
        pen.polygon([(-0.95, 0.25), (0.9, -0.5), (0.95, 0.25)], yellow)
        pen.polygon([(-0.95, 0.25), (0.95, 0.25), (0.95, 0.72), (-0.95, 0.72)], shade(yellow, 0.84))
        for _ in range(dice.whole(4, 8)):
            x, y = dice.real(-0.7, 0.85), dice.real(0.3, 0.64)
            pen.ellipse(x, y, dice.real(0.05, 0.12), dice.real(0.05, 0.09), shade(yellow, 0.66))
    elif kind == 1:  # yoghurt or cream with a swirl
        cream = mix((250, 248, 242), (248, 226, 226), dice.real(0, 1))
        pen.mound((0, 0), (0.95, 0.9), cream, low=0.8)
        turns = [(0.78 * s / 60 * COS[s * 14 % 360], 0.74 * s / 60 * SIN[s * 14 % 360]) for s in range(4, 60)]
        pen.stroke(turns, 0.05, shade(cream, 0.86))
    elif kind == 2:  # a glass of milk
        glass = (206, 216, 222)
        pen.polygon([(-0.5, -0.9), (0.5, -0.9), (0.4, 0.9), (-0.4, 0.9)], glass)
        pen.polygon([(-0.44, -0.55), (0.44, -0.55), (0.36, 0.84), (-0.36, 0.84)], (250, 249, 244))
        pen.ellipse(0, -0.55, 0.44, 0.11, (236, 234, 226))
        pen.stroke([(0.28, -0.4), (0.23, 0.7)], 0.05, (226, 230, 232))
    else:  # slices or cubes
        for _ in range(dice.whole(4, 7)):
            x, y = pen.somewhere(0.62)
            r = dice.real(0.2, 0.3)
            pen.polygon([(x - r, y), (x, y - r * 0.6), (x + r, y), (x, y + r * 0.6)], shade(yellow, 1.15))
            pen.polygon([(x - r, y), (x, y + r * 0.6), (x, y + r * 1.3), (x - r, y + r * 0.7)], shade(yellow, 0.85))
            pen.polygon([(x + r, y), (x, y + r * 0.6), (x, y + r * 1.3), (x + r, y + r * 0.7)], shade(yellow, 0.72))


def dessert(pen: Pen) -> None:
    """A slice of cake, a ring with icing, or scoops of ice."""
    dice = pen.dice
    icing = dice.pick([(244, 160, 186), (92, 54, 36), (250, 236, 224), (196, 150, 220), (150, 208, 190)])
    sponge = dice.pick([(232, 192, 124), (122, 76, 46), (240, 214, 160)])
    kind = dice.whole(0, 2)
    if kind == 0:  # a slice of layer cake
        for layer in range(6):
            y = -0.3 + layer * 0.19
            colour = icing if layer % 2 == 0 else sponge
            pen.polygon([(-0.85, y), (0.85, y), (0.85, y + 0.2), (-0.85, y + 0.2)], colour)
        pen.polygon([(-0.85, -0.3), (-0.25, -0.75), (0.95, -0.62), (0.85, -0.3)], shade(icing, 1.15))
        pen.mound((0.1, -0.6), (0.16, 0.16), (196, 24, 44))
    elif kind == 1:  # a ring with icing and sprinkles
        hole = dice.pick([(238, 236, 230), (190, 160, 120)])
        pen.mound((0, 0), (0.92, 0.88), shade(sponge, 0.9))
        pen.polygon(pen.blob(0, 0, 0.8, 0.06), icing)
        for _ in range(40):
            x, y = pen.somewhere(0.74)
            tint = dice.pick([(250, 220, 60), (80, 170, 230), (240, 80, 90), (250, 250, 250)])
            pen.stroke([(x, y), (x + dice.real(-0.07, 0.07), y + dice.real(-0.07, 0.07))], 0.035, tint)
        pen.ellipse(0, 0, 0.27, 0.26, shade(sponge, 0.7))
        pen.ellipse(0.01, 0.02, 0.22, 0.21, hole)
    else:  # scoops
        for scoop in range(dice.whole(2, 3)):
            flavour = dice.pick([(248, 226, 196), (240, 150, 170), (110, 68, 48), (168, 212, 160), icing])
            x, y = (-0.42, 0.42, 0.0)[scoop], (0.2, 0.2, -0.42)[scoop]
            pen.mound((x, y), (0.48, 0.46), flavour, low=0.72)
        pen.polygon([(0.1, -0.5), (0.35, -1.0), (0.5, -0.92), (0.3, -0.45)], (206, 156, 92))
        pen.speckle(10, 0.5, 0.03, [shade(icing, 0.6), (90, 50, 30)])


def egg(pen: Pen) -> None:
    """Eggs: fried, boiled in halves, or whole."""
    dice = pen.dice
    yolk = mix((250, 190, 40), (240, 130, 20), dice.real(0, 1))
    white = mix((252, 250, 246), (240, 230, 206), dice.real(0, 1))
    kind = dice.whole(0, 2)
    if kind == 0:  # fried
        for at in ([(0.0, 0.0)], [(-0.4, 0.1), (0.42, -0.1)])[dice.whole(0, 1)]:
            body = pen.blob(at[0], at[1], 0.62 if at[0] else 0.85, 0.2)
            pen.polygon(body, mix(white, (196, 140, 70), dice.real(0.1, 0.5)))
            pen.polygon([(at[0] + (u - at[0]) * 0.93, at[1] + (v - at[1]) * 0.93) for u, v in body], white)
            pen.mound((at[0] + 0.05, at[1]), (0.27, 0.26), yolk, low=0.8)
    elif kind == 1:  # halves of boiled eggs
        for half in range(dice.whole(2, 4)):
            degree = (half * 90 + dice.whole(-15, 15)) % 360
            x, y = 0.48 * COS[degree], 0.48 * SIN[degree]
            pen.ellipse(x, y, 0.43, 0.34, shade(white, 0.86), degree)
            pen.ellipse(x, y, 0.39, 0.31, white, degree)
            pen.ellipse(x + 0.04, y, 0.2, 0.19, yolk, degree)
    else:  # whole, in their shells
        shell = mix((246, 238, 226), (206, 150, 104), dice.real(0, 1))
        for whole_egg in range(dice.whole(2, 4)):
            degree = (whole_egg * 100 + dice.whole(-15, 15)) % 360
            pen.mound((0.46 * COS[degree], 0.46 * SIN[degree]), (0.46, 0.36), shell, degree, low=0.7)


def fried(pen: Pen) -> None:
    """Sticks, crusted pieces or rings."""
    dice = pen.dice
    gold = mix((232, 180, 70), (190, 118, 38), dice.real(0, 1))
    kind = dice.whole(0, 2)
    if kind == 0:  # sticks
        for _ in range(dice.whole(14, 24)):
            x, y = pen.somewhere(0.55)
            degree = dice.whole(0, 359)
            dx, dy = 0.45 * COS[degree], 0.45 * SIN[degree]
            colour = shade(gold, dice.real(0.85, 1.2))
            pen.stroke([(x - dx + 0.03, y - dy + 0.03), (x + dx + 0.03, y + dy + 0.03)], 0.14, shade(gold, 0.6))
            pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.12, colour)
    elif kind == 1:  # crusted pieces
        for _ in range(dice.whole(4, 7)):
            x, y = pen.somewhere(0.58)
            body = pen.blob(x, y, dice.real(0.26, 0.38), 0.2, 0.8)
            pen.polygon([(u + 0.03, v + 0.04) for u, v in body], shade(gold, 0.55))
            pen.polygon(body, shade(gold, dice.real(0.85, 1.05)))
            for _ in range(16):
                u, v = pen.somewhere(0.24)
                pen.ellipse(x + u, y + v * 0.8, 0.03, 0.022, shade(gold, dice.pick([0.7, 1.25, 1.35])))
    else:  # rings
        for _ in range(dice.whole(4, 6)):
            x, y = pen.somewhere(0.55)
            ring = oval(x, y, 0.3, 0.26, dice.whole(0, 179))
            pen.stroke([*[(u + 0.03, v + 0.03) for u, v in ring], ring[0]], 0.15, shade(gold, 0.6))
            pen.stroke([*ring, ring[0]], 0.13, shade(gold, dice.real(0.9, 1.15)))


DISHES: dict[str, Callable[[Pen], None]] = dict(
    zip(
        CLASSES,
        (bread, dairy, dessert, egg, fried, meat, noodles, rice, seafood, soup, vegetable),
        strict=True,
    )
)
