"""Pools and groups of nodes: those that are free at the same times count together."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from reserve import hardware
from reserve.calendar import Calendar, Interval
from reserve.plan.course.pools import make_pool, make_pools, node_groups
from reserve.plan.course.rules import PartRule, Rules
from snippets.errors import PlanError
from tests.reserve.plan.small import START

TABLE = hardware.load()
P100 = TABLE["gpu_p100"]
RULES = Rules((PartRule("system"),))


def calendar(**busy: tuple[Interval, ...]) -> Calendar:
    return Calendar("gpu_p100", busy)


def test_a_pool_is_limited_by_its_nodes_and_the_rules_and_keeps_at_most_half() -> None:
    four = calendar(a=(), b=(), c=(), d=())
    pool = make_pool(P100, four, Rules((), buffer_nodes=3))
    assert (pool.key, pool.limit, pool.keep) == ("gpu_p100", 4, 2)
    assert make_pool(P100, four, Rules((), limits={"gpu_p100": 3})).limit == 3
    assert make_pool(P100, calendar(a=()), Rules((), limits={"gpu_p100": 9})).limit == 1
    with pytest.raises(PlanError, match="allows 0 leases"):
        make_pool(P100, calendar(a=()), Rules((), limits={"gpu_p100": 0}))


def test_every_planned_part_has_a_pool_or_it_is_told() -> None:
    assert [pool.key for pool in make_pools(TABLE, {"gpu_p100": calendar(a=())}, RULES)] == ["gpu_p100"]
    with pytest.raises(PlanError, match="pool of part system is empty: no calendar for gpu_p100"):
        make_pools(TABLE, {}, RULES)
    with pytest.raises(PlanError, match="pool of part system is empty: no reservable node of gpu_p100"):
        make_pools(TABLE, {"gpu_p100": calendar()}, RULES)
    assert make_pools(TABLE, {"gpu_p100": calendar()}, RULES, empty=True)[0].limit == 0
    with pytest.raises(PlanError, match="no hardware in hardware.toml is for the part 'physics'"):
        make_pools(TABLE, {}, Rules((PartRule("physics"),)))
    with pytest.raises(PlanError, match="the rules name the hardware 'abacus'"):
        make_pools(TABLE, {}, Rules((PartRule("system"),), cost={"abacus": 1}))


def test_nodes_that_are_free_alike_are_one_group() -> None:
    noon = Interval(START + timedelta(hours=5), START + timedelta(hours=6))
    pool = make_pool(P100, calendar(a=(), b=(noon,), c=(), d=(noon,)), RULES)
    horizon = Interval(START, START + timedelta(hours=10))
    groups = node_groups([pool], {"system": {3}}, horizon)
    assert [group.nodes for group in groups] == [("a", "c"), ("b", "d")]
    free = [np.flatnonzero(group.valid["system", 3]).tolist() for group in groups]
    assert free == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 7]], "a 3-hour block ends ten minutes early; one minute between"
