"""A target is met by figures on the right side of its limits, and not judged without them."""

from __future__ import annotations

from typing import Any

import pytest

from snippets.decide.targets import Target, published, target, targets
from snippets.stats import Estimate

BOTH = Target("server", "any", p50_ms_below=3.0, images_per_s_at_least=1000.0)
PHONE = Target("phone", "any", size_mb_below=5.0)


def exactly(value: float) -> Estimate:
    """A figure that is known without error."""
    return Estimate(value, value, value)


def said(target: Target, **figures: Any) -> str:
    return str(target.judge(**figures))


def test_a_limit_from_above_is_not_met_by_its_own_value_and_one_from_below_is() -> None:
    assert said(BOTH, p50_ms=exactly(2.99), images_per_s=exactly(1000.0)) == "met"
    missed = "missed: p50 3.00 ms, not below 3; 999 images/s, not 1000"
    assert said(BOTH, p50_ms=exactly(3.0), images_per_s=exactly(999.0)) == missed
    assert said(PHONE, size_mb=5.0) == "missed: 5.00 MB, not below 5"
    assert said(PHONE, size_mb=4.99) == "met"


@pytest.mark.parametrize("p50", [Estimate(2.9, 2.8, 3.0), Estimate(3.1, 2.9, 3.2)])
def test_a_limit_within_the_interval_is_neither_met_nor_missed(p50: Estimate) -> None:
    verdict = BOTH.judge(p50_ms=p50, images_per_s=exactly(2000.0))
    assert verdict is not None and verdict.open and not verdict.met
    assert str(verdict) == f"not decided: p50 {p50.value:.2f} ({p50.low:.2f} to {p50.high:.2f}) ms against 3"
    rate = Estimate(1000.0, 999.0, 1001.0)
    assert said(BOTH, p50_ms=exactly(1.0), images_per_s=rate) == "not decided: 1000 (999 to 1001) images/s against 1000"


def test_what_surely_misses_one_limit_is_missed_whatever_the_other() -> None:
    verdict = BOTH.judge(p50_ms=Estimate(2.9, 2.8, 3.1), images_per_s=exactly(500.0))
    assert verdict is not None and not verdict.open and str(verdict) == "missed: 500 images/s, not 1000"


def test_a_figure_that_is_asked_for_and_not_known_leaves_it_open() -> None:
    assert BOTH.judge(p50_ms=exactly(99.0)) is None
    assert PHONE.judge(p50_ms=exactly(1.0)) is None


def test_what_is_not_asked_for_is_not_looked_at() -> None:
    assert said(Target("free", "any"), p50_ms=exactly(1e9)) == "met"


def test_the_managers_targets_are_found_by_name() -> None:
    assert list(dict.fromkeys(one.name for one in targets())) == ["server CPU", "server GPU", "end-user device"]
    assert target("server CPU").p50_ms_below == 3.0
    with pytest.raises(KeyError):
        target("mainframe")


@pytest.mark.parametrize(
    ("host", "limits"),
    [
        ({"gpus": [{"model": "AMD Instinct MI100"}] * 2}, (1.5, 2500)),
        ({"gpus": [{"model": "NVIDIA A100-PCIE-40GB"}], "cpu": {"model": "AMD EPYC 7763"}}, (1.0, 5000)),
        ({"gpus": [{"model": "Tesla P100-PCIE-16GB"}]}, (1.0, 5000)),
        ({"gpus": [], "cpu": {}}, (1.0, 5000)),
        ({"gpus": None, "cpu": None}, (1.0, 5000)),
        (None, (1.0, 5000)),
    ],
    ids=["MI100", "A100", "another", "none", "older record", "no record"],
)
def test_the_targets_for_a_gpu_are_those_of_the_gpu_that_was_measured(host, limits) -> None:
    found = target("server GPU", host)
    assert (found.p50_ms_below, found.images_per_s_at_least) == limits


def test_only_parts_with_published_rows_have_some() -> None:
    assert {row["variant"] for row in published("model")} >= {"cuda", "tensorrt"} and published("edge") == ()
