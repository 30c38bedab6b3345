"""The options of a run: what the run's folder is called."""

from reserve.run.options import DEFAULTS, RunOptions


def test_a_run_is_named_as_asked_for_else_after_its_profile() -> None:
    assert DEFAULTS.name == "quick"
    assert RunOptions(profile="full").name == "full" and RunOptions(profile="full", run_id="mine").name == "mine"
