"""A target is met by figures on the right side of its limits, and not judged without them."""

from __future__ import annotations

import pytest

from snippets.decide.targets import Target, published, target, targets

BOTH = Target("server", "any", p50_ms_below=3.0, images_per_s_at_least=1000.0)


def test_a_limit_from_above_is_not_met_by_its_own_value_and_one_from_below_is() -> None:
    assert BOTH.misses(p50_ms=2.99, images_per_s=1000.0) == []
    assert BOTH.misses(p50_ms=3.0, images_per_s=999.0) == ["p50 3.00 ms, not below 3", "999 images/s, not 1000"]
    assert Target("phone", "any", size_mb_below=5.0).misses(size_mb=5.0) == ["5.00 MB, not below 5"]


def test_a_figure_that_is_asked_for_and_not_known_leaves_it_open() -> None:
    assert BOTH.misses(p50_ms=99.0) is None
    assert Target("phone", "any", size_mb_below=5.0).misses(p50_ms=1.0) is None


def test_what_is_not_asked_for_is_not_looked_at() -> None:
    assert Target("free", "any").misses(p50_ms=1e9) == []


def test_the_managers_targets_are_found_by_name() -> None:
    assert [one.name for one in targets()] == ["server CPU", "server GPU", "end-user device"]
    assert target("server CPU").p50_ms_below == 3.0
    with pytest.raises(KeyError):
        target("mainframe")


def test_only_parts_with_published_rows_have_some() -> None:
    assert {row["variant"] for row in published("model")} >= {"cuda", "tensorrt"} and published("edge") == ()
