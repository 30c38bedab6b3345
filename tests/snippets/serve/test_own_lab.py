"""One's own service beside the kit's: the same loads in turn, recorded once, and replayed without either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from snippets.data.food11_classes import CLASSES
from snippets.draw import endpoint_charts, system_tables
from snippets.errors import ModelError, ServerError
from snippets.load.windows import WINDOW
from snippets.machine import process
from snippets.record.run import open_run
from snippets.serve.lab import EndpointLab
from snippets.serve.own_lab import KIT, OwnLab
from tests.snippets.serve.own_services import BLUE, Model, inference_app, serving
from tests.snippets.servers import save_toy_onnx


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_onnx(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture
def lab(toy: Path) -> Iterator[EndpointLab]:
    with EndpointLab(open_run("system", run_id="t"), {"onnx": toy}, CLASSES, threads=1) as lab:
        yield lab
    assert not process.running()


def again(lab: EndpointLab, mode: str = "resume") -> EndpointLab:
    """Another session on the same run."""
    return EndpointLab(open_run("system", run_id="t", mode=mode), lab.models, CLASSES, threads=1)


def test_both_get_the_same_loads_in_turn_and_a_replay_asks_nobody(lab: EndpointLab) -> None:
    with serving(inference_app({"food": Model(shape=(2, 3, 64, 64))})) as url:
        own = OwnLab(lab, f"{url}/v2/models/food", BLUE)
        facts, agreed, loads = own.facts, own.agreement(), own.loads(0.1, 3)
    lab.close()
    assert facts["named"] == CLASSES[2] and agreed["same"] == 1.0 and len(agreed["kit"]) == 22
    rate = loads[list(loads)[-1]]["asked_rps"]
    services = (KIT, "yours")
    kinds = ("1 client", "8 clients", f"{rate:g} arrive/s")
    assert list(loads) == [f"{service}, {kind}" for kind in kinds for service in services]
    slower = min(loads[f"{service}, 8 clients"]["requests_per_s"] for service in services)
    assert rate == pytest.approx(slower / 2, abs=0.051)
    for name, load in loads.items():
        assert load["failures"] == 0 and load["ok"].all() and len(load["windows"]) == 3, name
        assert load["batch"] == (2 if "yours" in name else 1)
    np.testing.assert_allclose(*(loads[f"{service}, {kinds[2]}"]["started_s"] for service in services), atol=1e-6)

    record = lab.run.record()
    steps = [(step.name, step.inputs[WINDOW]) for step in record.steps if step.name.startswith("own/kit-1/")]
    assert steps == [("own/kit-1/load", 0), ("own/kit-1/load", 1), ("own/kit-1/load", 2)]
    inputs = next(step.inputs for step in record.steps if step.name == "own/yours-8/load")
    assert inputs["yours"]["url"] == facts["url"] and inputs["yours"]["metadata"]["inputs"][0]["datatype"] == "FP32"
    assert record.verify() == []

    replay = OwnLab(again(lab, "replay"), f"{url}/v2/models/food", BLUE)
    assert replay.facts == facts and replay.agreement() == agreed
    for name, load in replay.loads(0.1, 3).items():
        np.testing.assert_array_equal(load["latency_ms"], loads[name]["latency_ms"])
    table = system_tables.endpoints(loads)
    assert f"| yours | {rate:g} arrive/s |" in table and table.count("| yours |") == 3
    (axes,) = endpoint_charts.waiting(loads).axes
    kit, yours = axes.get_lines()[:2]
    assert kit.get_color() != yours.get_color() and kit.get_linestyle() == yours.get_linestyle()
    assert "2 (answers a second count photos)" in system_tables.own_service(facts)


def test_a_run_goes_on_only_with_the_service_that_it_began_with(lab: EndpointLab) -> None:
    model = Model(shape=(-1, 3, 64, 64))
    with serving(inference_app({"food": model})) as url:
        assert OwnLab(lab, f"{url}/v2/models/food", BLUE).facts["batch"] == 1
        model.shape = (2, 3, 64, 64)
        changed = OwnLab(again(lab), f"{url}/v2/models/food", BLUE)
        with pytest.raises(ServerError, match=r"its metadata, batch changed\..*--run-id"):
            changed.loads(0.1, 1)
        model.shape = (-1, 3, 64, 64)
        with again(lab) as same:
            assert OwnLab(same, f"{url}/v2/models/food", BLUE).agreement()["same"] == 1.0


def test_a_service_that_has_gone_is_told_and_the_windows_that_are_there_are_kept(lab: EndpointLab) -> None:
    with serving(inference_app({"food": Model(shape=(-1, 3, 32, 32))})) as url:
        own = OwnLab(lab, f"{url}/v2/models/food", BLUE)
        own.agreement()
    with pytest.raises(ServerError, match=r"All \d+ requests to http.*/v2/models/food/infer failed: ConnectError"):
        own.loads(0.1, 1)
    names = lab.run.record().names()
    assert "own/kit-1/load" in names and "own/yours-1/load" not in names
    with again(lab) as resumed, pytest.raises(ServerError, match="Nobody answers at"):
        OwnLab(resumed, f"{url}/v2/models/food", BLUE).loads(0.1, 1)


def test_classes_that_are_not_the_kits_are_not_compared(lab: EndpointLab) -> None:
    def thousand(values: np.ndarray) -> list[dict[str, object]]:
        scores = np.zeros((1, 1000))
        scores[0, 504] = 1.0
        return [{"name": "y", "datatype": "FP32", "shape": [1, 1000], "data": scores.ravel().tolist()}]

    with serving(inference_app({"food": Model(shape=(-1, 3, 32, 32), answer=thousand)})) as url:
        agreed = OwnLab(lab, f"{url}/v2/models/food", BLUE).agreement()
    assert "same" not in agreed and "other classes than the kit's 11: class 504" in agreed["reason"]


def test_what_cannot_be_measured_leaves_no_step(lab: EndpointLab) -> None:
    with serving(inference_app({"food": Model("INT8")})) as url:
        with pytest.raises(ModelError, match="takes `pixels` INT8"):
            _ = OwnLab(lab, f"{url}/v2/models/food", BLUE).facts
    assert lab.run.record().steps == ()
