"""The warm half of the rehearsal set's foods: see `dishes`, which lists them all."""

from __future__ import annotations

from snippets.data.rehearsal.pen import COS, SIN, Pen, mix, oval, shade


def meat(pen: Pen) -> None:
    """A steak, sausages, or slices of ham or roast."""
    dice = pen.dice
    flesh = mix((122, 54, 38), (186, 74, 66), dice.real(0, 1))
    kind = dice.whole(0, 2)
    if kind == 0:  # a steak: rim of fat, marbling, grill marks
        body = pen.blob(0, 0, 0.85, 0.16, dice.real(0.65, 0.85))
        pen.polygon(body, (236, 210, 186))
        pen.polygon([(u * 0.93, v * 0.91) for u, v in body], flesh)
        for _ in range(dice.whole(5, 9)):
            x, y = pen.somewhere(0.5)
            pen.stroke([(x, y), (x + dice.real(-0.2, 0.2), y + 0.1)], 0.025, mix(flesh, (240, 214, 196), 0.7))
        for mark in range(dice.whole(0, 4)):
            x = -0.5 + mark * 0.3
            pen.stroke([(x, -0.35), (x + 0.15, 0.35)], 0.06, shade(flesh, 0.45))
    elif kind == 1:  # sausages
        skin = mix((146, 66, 36), (188, 92, 60), dice.real(0, 1))
        for sausage in range(dice.whole(2, 4)):
            y = -0.5 + sausage * 0.34
            bend = dice.real(0.05, 0.25)
            spine = [(-0.75 + 0.25 * s, y + bend * (s - 3) * (s - 3) / 9) for s in range(7)]
            pen.stroke(spine, 0.27, shade(skin, 0.6))
            pen.stroke([(u, v - 0.02) for u, v in spine], 0.21, skin)
            pen.stroke([(u, v - 0.06) for u, v in spine[1:-1]], 0.04, shade(skin, 1.3))
    else:  # slices of ham or roast
        rose = mix((222, 130, 126), (150, 76, 60), dice.real(0, 1))
        for cut in range(dice.whole(3, 5)):
            x = -0.45 + cut * 0.24
            body = pen.blob(x, 0.03 * cut, 0.52, 0.08, 0.9)
            pen.polygon(body, mix(rose, (250, 232, 220), 0.7))
            pen.polygon([(x + (u - x) * 0.91, v * 0.93) for u, v in body], shade(rose, 0.88 + 0.06 * cut))


def noodles(pen: Pen) -> None:
    """Strands or tubes, often with sauce."""
    dice = pen.dice
    pasta = mix((246, 214, 128), (228, 178, 96), dice.real(0, 1))
    if dice.chance(0.7):  # strands
        pen.ellipse(0, 0, 0.85, 0.8, shade(pasta, 0.6))
        for _ in range(dice.whole(26, 40)):
            x, y = pen.somewhere(0.5)
            degree, r = dice.whole(0, 359), dice.real(0.2, 0.5)
            arc = [(x + r * COS[(degree + 16 * s) % 360], y + r * SIN[(degree + 16 * s) % 360]) for s in range(11)]
            pen.stroke([(u + 0.015, v + 0.02) for u, v in arc], 0.065, shade(pasta, 0.66))
            pen.stroke(arc, 0.05, shade(pasta, dice.real(0.88, 1.18)))
    else:  # tubes
        for _ in range(dice.whole(16, 24)):
            x, y = pen.somewhere(0.65)
            degree = dice.whole(0, 359)
            dx, dy = 0.22 * COS[degree], 0.22 * SIN[degree]
            pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.17, shade(pasta, 0.68))
            pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.13, shade(pasta, dice.real(0.9, 1.15)))
            pen.ellipse(x + dx, y + dy, 0.05, 0.07, shade(pasta, 0.5), degree)
    if dice.chance(0.5):
        sauce = dice.pick([(176, 44, 24), (240, 232, 214), (92, 120, 40)])
        pen.polygon(pen.blob(dice.real(-0.15, 0.15), 0, dice.real(0.25, 0.42), 0.25), sauce)
        pen.speckle(12, 0.35, 0.04, [shade(sauce, 0.7), shade(sauce, 1.2)])


def rice(pen: Pen) -> None:
    """A mound of grains, often with something on it."""
    dice = pen.dice
    grain = mix((250, 248, 240), (232, 196, 120), dice.real(0, 1) * dice.real(0, 1))
    pen.mound((0, 0), (0.88, dice.real(0.7, 0.86)), shade(grain, 0.8), low=0.8)
    for _ in range(dice.whole(190, 260)):
        x, y = pen.somewhere(0.84)
        degree = dice.whole(0, 359)
        dx, dy = 0.05 * COS[degree], 0.05 * SIN[degree]
        pen.stroke([(x - dx, y - dy + 0.015), (x + dx, y + dy + 0.015)], 0.04, shade(grain, 0.68))
        pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.032, shade(grain, dice.real(0.92, 1.1)))
    if dice.chance(0.45):
        pen.speckle(dice.whole(10, 26), 0.75, 0.05, [(94, 152, 60), (226, 120, 40), (190, 60, 50), (90, 60, 40)])


def seafood(pen: Pen) -> None:
    """Shrimps, a fish, fillets of salmon, or mussels."""
    dice = pen.dice
    kind = dice.whole(0, 3)
    if kind == 0:  # shrimps
        coral = mix((246, 150, 104), (240, 110, 90), dice.real(0, 1))
        for _ in range(dice.whole(3, 5)):
            x, y = pen.somewhere(0.45)
            start = dice.whole(0, 359)
            for s in range(10):
                degree = (start + s * 22) % 360
                r = 0.15 - 0.009 * s
                tint = shade(coral, 1.25) if s % 2 else coral
                pen.ellipse(x + 0.3 * COS[degree], y + 0.3 * SIN[degree], r, r * 0.8, tint, degree)
            pen.ellipse(x + 0.3 * COS[degree], y + 0.3 * SIN[degree], 0.12, 0.05, (200, 60, 40), degree)
    elif kind == 1:  # a whole fish
        scale = mix((140, 160, 176), (196, 150, 110), dice.real(0, 1))
        pen.polygon([(0.6, 0.0), (1.0, -0.34), (0.9, 0.0), (1.0, 0.34)], shade(scale, 0.75))
        pen.mound((-0.1, 0), (0.85, 0.34), scale)
        for s in range(10):
            pen.stroke([(-0.35 + 0.1 * s, -0.2), (-0.3 + 0.1 * s, 0), (-0.35 + 0.1 * s, 0.2)], 0.02, shade(scale, 0.75))
        pen.ellipse(-0.7, -0.06, 0.07, 0.07, (246, 244, 236))
        pen.ellipse(-0.7, -0.06, 0.035, 0.035, (20, 20, 20))
    elif kind == 2:  # fillets of salmon
        orange = mix((250, 140, 96), (236, 110, 70), dice.real(0, 1))
        for cut in range(dice.whole(1, 3)):
            y = -0.35 + 0.4 * cut
            pen.polygon([(-0.85, y - 0.17), (0.75, y - 0.24), (0.92, y + 0.1), (-0.75, y + 0.2)], orange)
            for s in range(7):
                x = -0.65 + s * 0.22
                pen.stroke([(x, y - 0.18), (x + 0.09, y), (x, y + 0.16)], 0.03, mix(orange, (255, 240, 226), 0.75))
    else:  # mussels
        for _ in range(dice.whole(4, 7)):
            x, y = pen.somewhere(0.6)
            degree = dice.whole(0, 359)
            pen.ellipse(x, y, 0.36, 0.2, (34, 36, 52), degree)
            pen.ellipse(x, y, 0.3, 0.15, (126, 132, 156), degree)
            pen.ellipse(x, y, 0.2, 0.1, mix((236, 150, 70), (244, 190, 120), dice.real(0, 1)), degree)


def soup(pen: Pen) -> None:
    """A bowl of soup with what swims in it."""
    dice = pen.dice
    broth = dice.pick([(206, 110, 30), (180, 50, 28), (226, 186, 96), (122, 146, 56), (236, 220, 190), (150, 96, 44)])
    ware = dice.pick([(244, 242, 238), (60, 80, 120), (210, 200, 180), (130, 60, 40), (40, 40, 44)])
    pen.ellipse(0.03, 0.05, 1.0, 0.97, shade(ware, 0.55))
    pen.ellipse(0, 0, 1.0, 0.97, ware)
    pen.ellipse(0, 0, 0.88, 0.85, shade(ware, 0.7))
    pen.ellipse(0, 0.02, 0.83, 0.8, shade(broth, 0.85))
    pen.ellipse(-0.04, -0.02, 0.72, 0.69, broth)
    bits = [(70, 130, 50), shade(broth, 0.6), shade(broth, 1.4), (236, 130, 50), (244, 236, 214)]
    pen.speckle(dice.whole(6, 34), 0.66, dice.real(0.025, 0.08), bits)
    for _ in range(dice.whole(2, 9)):
        x, y = pen.somewhere(0.6)
        ring = oval(x, y, 0.06, 0.055)
        pen.stroke([*ring, ring[0]], 0.015, shade(broth, 1.4))
    pen.stroke([(0.55 * COS[d], 0.53 * SIN[d]) for d in range(200, 250, 6)], 0.06, shade(broth, 1.45))


def vegetable(pen: Pen) -> None:
    """Round fruit, slices, leaves, or roots with their green."""
    dice = pen.dice
    kind = dice.whole(0, 3)
    if kind == 0:  # round fruit
        for fruit in range(dice.whole(2, 5)):
            skin = dice.pick([(200, 34, 36), (236, 130, 26), (110, 168, 50), (150, 40, 90), (240, 204, 60)])
            degree = (fruit * 75 + dice.whole(-15, 15)) % 360
            x, y = 0.5 * COS[degree], 0.5 * SIN[degree]
            pen.mound((x, y), (0.4, 0.39), skin, low=0.55)
            pen.stroke([(x, y - 0.2), (x + 0.04, y - 0.36)], 0.04, (84, 70, 30))
    elif kind == 1:  # slices of citrus, cucumber or tomato
        for _ in range(dice.whole(3, 6)):
            x, y = pen.somewhere(0.55)
            rind = dice.pick([(240, 140, 30), (244, 214, 60), (90, 150, 60), (206, 50, 40)])
            pen.ellipse(x, y, 0.38, 0.37, rind)
            pen.ellipse(x, y, 0.33, 0.32, (250, 240, 206))
            for wedge in range(8):
                near, far = wedge * 45 + 5, wedge * 45 + 40
                tips = [(x + 0.3 * COS[d % 360], y + 0.29 * SIN[d % 360]) for d in (near, (near + far) // 2, far)]
                pen.polygon([(x, y), *tips], mix(rind, (255, 236, 180), 0.3))
    elif kind == 2:  # leaves
        for _ in range(dice.whole(7, 12)):
            x, y = pen.somewhere(0.55)
            green = mix((52, 110, 36), (150, 196, 84), dice.real(0, 1))
            degree = dice.whole(0, 359)
            pen.ellipse(x + 0.02, y + 0.03, 0.44, 0.22, shade(green, 0.6), degree)
            pen.ellipse(x, y, 0.42, 0.2, green, degree)
            dx, dy = 0.38 * COS[degree], 0.38 * SIN[degree]
            pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.025, shade(green, 1.35))
    else:  # roots with their green
        for _ in range(dice.whole(2, 4)):
            root = dice.pick([(236, 122, 30), (240, 140, 50), (226, 220, 200), (170, 50, 80)])
            y = dice.real(-0.5, 0.5)
            pen.polygon([(-0.75, y + 0.02), (0.5, y - 0.16), (0.56, y), (0.5, y + 0.16)], root)
            for s in range(5):
                pen.stroke([(-0.3 + 0.17 * s, y - 0.07), (-0.27 + 0.17 * s, y + 0.02)], 0.02, shade(root, 0.75))
            for tip in (-0.2, 0.0, 0.2):
                pen.stroke([(0.52, y), (0.95, y + tip)], 0.06, (74, 140, 50))
