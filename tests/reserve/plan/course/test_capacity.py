"""How many blocks fit: tiles, free nodes and limits of a course that is small enough to count."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from reserve.calendar import Interval
from reserve.plan.course.capacity import buffer_start, covering, free_nodes, limits, tiles
from tests.reserve.plan.small import START, inputs

NODES = {"compute_liqid": 2, "gpu_p100": 2, "raspberrypi5": 1}


def course(**changes):
    return inputs(2, days=2, nodes=NODES, **changes).course()


def only(hours: list[int], count: int = 48) -> np.ndarray:
    mask = np.zeros(count, bool)
    mask[hours] = True
    return mask


def test_a_tile_is_a_block_on_a_group_where_it_may_begin() -> None:
    held = Interval(START + timedelta(hours=9), START + timedelta(hours=11, minutes=50))
    made = course(busy={"compute_liqid-2": [held]})
    found = tiles(made, [(0, 3, only([8, 12]))])
    where: dict[str, list[int]] = {}
    for group, start in zip(found.group.tolist(), found.start.tolist(), strict=True):
        where.setdefault("+".join(made.groups[group].nodes), []).append(start)
    assert where == {"compute_liqid-1": [8, 12], "compute_liqid-2": [12]}
    assert set(found.hours.tolist()) == {3} and len(found) == 3


def test_no_wanted_block_is_no_tile() -> None:
    assert len(tiles(course(), [])) == 0


def test_a_node_is_free_in_an_hour_that_some_block_could_use() -> None:
    made = course(busy={"raspberrypi5-1": [Interval(START, START + timedelta(hours=40))]})
    edge = next(i for i, group in enumerate(made.groups) if "raspberrypi5-1" in group.nodes)
    assert np.flatnonzero(free_nodes(made, edge)).tolist() == list(range(41, 48)), "a minute after the hour is too late"
    model = next(i for i, group in enumerate(made.groups) if "compute_liqid-1" in group.nodes)
    assert set(free_nodes(made, model).tolist()) == {2}


def test_limits_are_nodes_then_what_the_rules_allow() -> None:
    plain = limits(course())
    assert [set(limit.at_most.tolist()) for limit in plain] == [{2}, {2}, {1}]
    capped = limits(course(limits={"gpu_p100": 1}, max_simultaneous=2))
    assert [limit.at_most.max() for limit in capped] == [2, 2, 1, 1, 2]
    assert capped[-1].groups == (0, 1, 2)


def test_nodes_are_kept_in_the_last_hours_only_and_at_most_half_of_them() -> None:
    made = course(buffer_hours=10, buffer_nodes=1)
    assert buffer_start(made) == 38 and buffer_start(course()) == 48
    kept = limits(made)[3:]
    assert [made.groups[limit.groups[0]].nodes for limit in kept] == [
        ("compute_liqid-1", "compute_liqid-2"),
        ("gpu_p100-1", "gpu_p100-2"),
    ], "half of one node is none"
    assert all(limit.at_most[:38].tolist() == [2] * 38 and limit.at_most[38:].tolist() == [1] * 10 for limit in kept)


def test_a_tile_counts_in_every_hour_it_covers() -> None:
    made = course()
    found = tiles(made, [(0, 3, only([8])), (1, 2, only([46]))])
    hour, tile = covering(made, found, limits(made)[0])
    assert sorted(zip(hour.tolist(), tile.tolist(), strict=True)) == [(8, 0), (9, 0), (10, 0)]
