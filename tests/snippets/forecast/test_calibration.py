import types

import numpy as np
import pytest

from snippets.errors import UsageError
from snippets.forecast import calibration
from snippets.load.options import LoadOptions
from snippets.simulate.server import Batching, Server, Setting
from snippets.triton.config import Deployment, DynamicBatching, InstanceGroup, ModelConfig, Tensor
from snippets.triton.lab import Asked

LAB = types.SimpleNamespace(
    seconds=0.2, run=types.SimpleNamespace(profile="quick"), server=types.SimpleNamespace(pid=None, check=lambda: None)
)


def deployed(instances: int = 1, batching: DynamicBatching | None = None) -> Deployment:
    tensor = Tensor("x", "FP32", (1,))
    groups = (InstanceGroup(instances),)
    return Deployment(ModelConfig("m", "python", (tensor,), (tensor,), 8, groups, batching), {})


def test_the_model_is_set_up_as_the_deployment_is():
    assert calibration.setting_of(deployed(3)) == Setting(3)
    assert calibration.setting_of(deployed(1, DynamicBatching((4,), 5_000))) == Setting(1, Batching(8, (4,), 5.0))


def test_eight_clients_of_a_server_that_takes_4_ms_are_predicted_to_wait_for_eight():
    found = calibration.predict(Server({1: 4.0}), LAB, Asked(deployed(), LoadOptions(clients=8)))
    assert found.values() == pytest.approx((250, 32, 32))


def test_an_open_loop_is_played_with_the_arrivals_that_will_be_sent():
    """Evenly spaced every 10 ms, nobody meets anybody; at 80 % of the capacity and at random, many wait."""
    even = Asked(deployed(), LoadOptions(offered_rps=100, spacing="constant"))
    random = Asked(deployed(), LoadOptions(offered_rps=200))
    assert calibration.predict(Server({1: 4.0}), LAB, even).p95_ms == pytest.approx(4)
    assert calibration.predict(Server({1: 4.0}), LAB, random).p95_ms > 8


def test_each_window_is_played_at_a_moment_of_its_own():
    closed, opened = (Asked(deployed(), LoadOptions(**{name: 4})) for name in ("clients", "offered_rps"))
    windows = calibration.play(Server({1: 4.0}), LAB, opened)
    assert [one.seconds for one in windows] == [0.4] * 5
    medians = [one.percentile(50) for one in calibration.play(Server({1: 4.0}, unsteady=0.1), LAB, closed)]
    assert len(set(medians)) == 5 and sum(medians) / 5 == pytest.approx(16)


def test_what_the_machines_unsteadiness_leaves_open_is_little_in_a_closed_loop_and_much_beside_the_capacity():
    """0.05 in four rounds and five windows: 2 x 0.05 x sqrt(1/4 + 1/5) = 0.067, so 7 % slower or faster. Clients wait
    as much longer; at 90 % of the capacity the queue is another one altogether."""
    server = Server({1: 4.0}, unsteady=0.05)
    closed, opened = (
        calibration.predict(server, LAB, Asked(deployed(), options)).ranges()[1]
        for options in (LoadOptions(clients=8), LoadOptions(offered_rps=225))
    )
    assert closed.high / closed.value == pytest.approx(1.069, abs=0.01)
    assert closed.low / closed.value == pytest.approx(0.935, abs=0.01)
    assert opened.high / opened.value > 1.25


def test_a_steady_machine_leaves_nothing_open():
    found = calibration.predict(Server({1: 4.0}), LAB, Asked(deployed(), LoadOptions(clients=8)))
    assert found.slower is None and not found.ranges()[0].bounded


@pytest.mark.parametrize("more", [{"batch": 4}, {"heavy": deployed()}])
def test_what_the_model_does_not_know_is_refused(more):
    with pytest.raises(UsageError, match="one row"):
        calibration.predict(Server({1: 4.0}), LAB, Asked(deployed(), LoadOptions(clients=1), **more))


def of_others(*shares: float):
    """Windows in which others took these shares of the machine, one after the other."""
    left = iter(shares)

    def window(work: calibration.Work) -> dict:
        work.others = next(left)
        return {"ok": np.ones(4, bool), "failures": 0, "share": work.others}

    return window


def test_a_window_that_others_disturbed_is_measured_again():
    assert calibration.undisturbed(LAB, of_others(0.5, 0.01), again=2)["share"] == 0.01


def test_where_none_is_quiet_the_quietest_is_taken():
    assert calibration.undisturbed(LAB, of_others(0.5, 0.2, 0.4), again=2)["share"] == 0.2
