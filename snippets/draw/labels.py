"""Naming the points of a chart beside them, so that no name covers another name, a point or, if possible, a line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from snippets.draw.style import FAINT, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

LINE = 12
"""Height of a line of text in points: how far apart the places are that are tried."""
SMALLEST_RADIUS = 5.0
# (side, up): right (1) or left (-1) of the point, points above it. The nearest places first.
PLACES = ((1, 0), (1, -LINE), (1, LINE), (-1, 0)) + tuple(
    (side, LINE * rows) for far in range(2, 8) for rows in (-far, far) for side in (1, -1)
)
Place = tuple[int, int]
NEAR = 2 * LINE
"""How far up or down from its point a name may stand that is not one of the important ones."""


def place_labels(
    axes: Axes,
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, float] | None = None,
    important: Collection[str] = (),
) -> list[str]:
    """Name every point beside it where no other name or point is, with a thin line to a name that is farther off or
    lies near another point, too. Where some are `important`, they come first, and of the others only those get a
    name that have a free place close by. Returns the points without a name.

    As few of the chart's own lines as possible are crossed. To be called last, when the limits of the axes stand.
    `areas`: of dots in square points, by name.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    axes.figure.draw_without_rendering()  # type: ignore[union-attr] # one figure, not a part of one
    pixel = axes.figure.dpi / 72
    spots = {name: tuple(axes.transData.transform(point)) for name, point in points.items()}
    radii = {name: max(SMALLEST_RADIUS, (areas or {}).get(name, 0.0) ** 0.5 / 2) for name in points}
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(radii[name] * pixel) for name, (x, y) in spots.items()]
    lines = [line.get_path().transformed(line.get_transform()) for line in axes.get_lines()]
    nameless = []
    for name in sorted(spots, key=lambda each: (each not in important, -spots[each][1], spots[each][0])):
        text = axes.annotate(
            name,
            points[name],
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            fontsize=SMALL,
        )
        beside = radii[name] + 4
        boxes = _boxes(spots[name], text.get_window_extent(), beside, pixel)
        found = _best(boxes, axes.get_window_extent(), taken, lines, pixel)
        if important and name not in important and (found is None or abs(found[1]) > NEAR):
            text.remove()
            nameless.append(name)
            continue
        side, up = place = found or PLACES[0]
        taken.append(boxes[place])
        text.set(position=(side * beside, up), horizontalalignment="left" if side > 0 else "right")
        others = (spot for other, spot in spots.items() if other != name)
        if abs(up) > LINE or (up and any(boxes[place].padded(LINE * pixel).contains(*spot) for spot in others)):
            _lead_line(axes, points[name], (side * (beside - 2), up))
    return nameless


def _boxes(spot: tuple[float, float], extent: Bbox, beside: float, pixel: float) -> dict[Place, Bbox]:
    """Where the text would lie at each of PLACES, in pixels."""
    from matplotlib.transforms import Bbox

    x, y = spot
    return {
        (side, up): Bbox.from_bounds(
            x + side * beside * pixel - (extent.width if side < 0 else 0),
            y + up * pixel - extent.height / 2,
            extent.width,
            extent.height,
        )
        for side, up in PLACES
    }


def _best(
    boxes: Mapping[Place, Bbox], frame: Bbox, taken: list[Bbox], lines: Iterable[Any], pixel: float
) -> Place | None:
    """The free place inside the frame that crosses the fewest lines; of equal ones the first, which is the nearest.
    None if all are taken."""
    inside = (
        place
        for place, box in boxes.items()
        if frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    )
    free = [place for place in inside if not boxes[place].count_overlaps(taken)]

    def crossed(place: Place) -> int:
        return sum(line.intersects_bbox(boxes[place].padded(pixel), filled=False) for line in lines)

    return min(free, key=crossed, default=None)


def _lead_line(axes: Axes, point: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        point,
        xytext=end,
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkB": 4},
    )
