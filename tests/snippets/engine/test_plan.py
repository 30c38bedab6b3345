"""A profile says how much is measured, and threads and images may be set apart from it."""

from __future__ import annotations

import pytest

from snippets.engine.plan import plan_of
from snippets.errors import UsageError
from snippets.machine.host import cores
from snippets.measure.blocks import Rules
from snippets.measure.calls import effort


def test_a_profile_with_nothing_set_pins_a_thread_to_each_core() -> None:
    plan = plan_of("quick")
    assert (plan.threads, plan.evaluation, plan.batch) == (cores(), 66, 8)
    assert plan.batches == effort("quick", batches=True)
    assert plan.rounds == 5 and plan.turns == Rules()
    # A batch is at least as long as eight images: fewer calls, so that a comparison takes no longer for it.
    assert plan.batch_turns.calls < plan.turns.calls and plan.batch_turns.block_ms < plan.turns.block_ms


def test_left_to_the_machine_threads_are_those_of_the_runs_machine() -> None:
    assert plan_of("quick", cores=64).threads == 64 and plan_of("quick", threads=2, cores=64).threads == 2


def test_threads_and_images_may_be_set() -> None:
    plan = plan_of("full", threads=3, images=50)
    assert (plan.threads, plan.evaluation, plan.validation) == (3, 50, 0)
    assert plan.rounds == 10 and plan.turns.patience_s > Rules().patience_s


@pytest.mark.parametrize(("given", "says"), [(("slow",), "one of quick, full"), (("quick", -1), "threads is -1")])
def test_a_plan_that_does_not_exist_is_refused(given: tuple, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan_of(*given)
