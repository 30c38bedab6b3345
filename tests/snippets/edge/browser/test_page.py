"""What a page sends is looked at: what no clock and no model can have given is refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.edge.browser.page import InPage, Page, read_facts
from snippets.edge.browser.server import PageRefused
from snippets.measure.blocks import Rules, take_block
from tests.snippets.edge.browser.tabs import FACTS


class Answers:
    """A server whose page gives these answers, and what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def ask(self, command: dict[str, Any], limit_s: float) -> Any:
        self.asked.append(command)
        return self.answers.pop(0)


def page(*answers: Any) -> Page:
    return Page(Answers(*answers), read_facts(FACTS, 4))  # type: ignore[arg-type]


def test_threads_are_those_of_an_isolated_page_and_no_more_than_cores_or_the_lab_allows() -> None:
    assert read_facts(FACTS, 4).threads == 4
    assert read_facts({**FACTS, "cores": 2}, 4).threads == 2
    assert read_facts({**FACTS, "cores": 64}, 4).threads == 4
    assert read_facts({**FACTS, "isolated": False}, 4).threads == 1
    assert read_facts({**FACTS, "cores": "many"}, 4).threads == 1


def test_a_browser_without_simd_is_refused_with_those_that_have_it() -> None:
    with pytest.raises(PageRefused, match="no WebAssembly SIMD.*Chrome or Edge 91, Firefox 89, Safari 16.4"):
        read_facts({**FACTS, "simd": False}, 4)


@pytest.mark.parametrize("tick", [0, -1, 100.0, None, "fine", True, float("nan")])
def test_a_clock_that_cannot_time_a_model_is_refused(tick: Any) -> None:
    with pytest.raises(PageRefused, match="This browser's clock is too coarse"):
        read_facts({**FACTS, "resolution_ms": tick}, 4)


def test_a_start_has_all_its_phases() -> None:
    phases = {"fetch_ms": 1.5, "runtime_ms": 2.0, "model_ms": 3.25, "first_inference_ms": 0.25, "answered_ms": 7.0}
    assert page(phases).start("fp32", 2) == phases
    with pytest.raises(PageRefused, match="sent None as model ms"):
        page({**phases, "model_ms": None}).start("fp32", 2)


def test_a_block_is_asked_for_by_the_rules_and_the_page_s_own_clock() -> None:
    asked = page({"times_ms": [1.0, 2.0, 3.0]})
    assert asked.block("fp32", 2, Rules(calls=3)).tolist() == [1.0, 2.0, 3.0]
    (command,) = asked.server.asked  # type: ignore[attr-defined]
    assert command["rules"]["tick_ms"] == 0.005 and command["rules"]["ticks"] == 100 and command["rules"]["calls"] == 3


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"times_ms": "fast"},
        {"times_ms": []},
        {"times_ms": [1.0] * 21},
        {"times_ms": [1.0, 2.0, -3.0]},
        {"times_ms": [1.0, 2.0, float("nan")]},
        {"times_ms": [1.0, 2.0, True]},
        {"times_ms": [1.0, 2.0, 7e5]},
    ],
)
def test_times_that_no_clock_shows_are_no_block(answer: Any) -> None:
    with pytest.raises(PageRefused):
        page(answer).block("fp32", 1, Rules())


def test_classes_are_one_of_the_model_s_for_each_photo() -> None:
    assert page({"predictions": [0, 10, 3]}).classify("fp32", 1, 3, 11).tolist() == [0, 10, 3]
    for wrong in ([0, 1], [0, 1, 11], [0, 1, -1], [0, 1, 2.0], [0, 1, True], "012"):
        with pytest.raises(PageRefused, match="no class for each of 3 photos"):
            page({"predictions": wrong}).classify("fp32", 1, 3, 11)


def test_a_block_of_a_page_takes_part_in_a_round_by_its_own_times() -> None:
    """The way to the page and back is not timed: the block is as the page measured it."""
    tab = page({"times_ms": [4.0, 4.5, 5.0]})
    rules = Rules(calls=3)

    class Quiet:
        canary = staticmethod(lambda: 1.0)
        others = staticmethod(lambda: float("nan"))
        clock = staticmethod(lambda: 0)

    block = take_block(InPage(lambda: tab, "fp32", 2), rules, Quiet, float("inf"))  # type: ignore[arg-type]
    assert np.array_equal(block.times_ms, [4.0, 4.5, 5.0]) and not block.slow
