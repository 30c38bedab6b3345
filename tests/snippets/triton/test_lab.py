"""The system lab records each measurement once; what would measure is not needed for a replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.data.image import preprocess
from snippets.errors import ModelError, RecordError, ServerError, UsageError
from snippets.load.loadgen import Scenario
from snippets.load.options import LoadOptions
from snippets.model.challenge import drawn
from snippets.record.run import open_run
from snippets.triton import lab as lab_module
from snippets.triton.lab import LONG_ENOUGH_S, OPEN_LONGER, WINDOW_S, WINDOWS, Asked, Crowd, Lab
from snippets.triton.loads import Neighbour
from snippets.triton.stats import Statistics


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What reaches the server's side of the lab, in whose place stands a list; it answers at once."""
    told: list[tuple[Any, ...]] = []

    def put(server: Any, model: str, inputs: Any, options: LoadOptions, *more: Any) -> dict[str, Any]:
        told.append((model, {name: value.shape for name, value in inputs.items()}, options, *more))
        return {"failures": 0, "seconds": 1.0}

    monkeypatch.setattr(lab_module.loads, "put_under_load", put)
    monkeypatch.setattr(lab_module.loads, "beside", put)
    monkeypatch.setattr(Lab, "deploy", lambda self, deployment: 1.5)
    return told


def lab(mode: str = "resume") -> Lab:
    return Lab(open_run("system", run_id="t", profile="quick", mode=mode))


def test_a_window_is_as_long_as_the_profile_says_unless_the_options_do(asked: list) -> None:
    one = lab()
    search = one.service("similar")
    load = one.load("a", search, LoadOptions(clients=2), batch=3)
    number, seconds = WINDOWS["quick"], WINDOW_S["quick"]
    assert (load["ready_s"], load["instances"], load["failures"], load["seconds"]) == (1.5, 1, 0, number)
    one.load("b", search, LoadOptions(clients=2, seconds=0.25))
    one.load("c", search, LoadOptions(offered_rps=2.0))
    expected = [seconds] * number + [0.25] * number + [OPEN_LONGER * seconds] * number
    assert [options.seconds for _, _, options in asked] == expected
    assert asked[0][:2] == ("similar", {"embedding": (3, 1280)})


def test_a_recorded_load_is_replayed_and_another_setting_is_another_load(asked: list) -> None:
    one = lab()
    for clients in (2, 2, 3):
        one.load("a", one.service("similar"), LoadOptions(clients=clients))
    assert len(asked) == 2 * WINDOWS["quick"]
    replay = lab("replay")
    assert replay.load("a", replay.service("similar"), LoadOptions(clients=3))["failures"] == 0
    with pytest.raises(RecordError, match="a/load"):
        replay.load("a", replay.service("similar"), LoadOptions(clients=4))


def test_loads_take_turns_in_rounds_and_a_run_that_was_cut_off_goes_on(
    asked: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = lab()
    pair = {f"{n}": Asked(one.service("similar"), LoadOptions(clients=n)) for n in (1, 2)}
    put = lab_module.loads.put_under_load

    def cut(*given: Any) -> dict[str, Any]:
        if len(asked) == 5:
            raise KeyboardInterrupt
        return put(*given)

    monkeypatch.setattr(lab_module.loads, "put_under_load", cut)
    with pytest.raises(KeyboardInterrupt):
        one.in_turn(pair)
    monkeypatch.setattr(lab_module.loads, "put_under_load", put)
    one.in_turn(pair)
    assert [options.clients for _, _, options in asked] == [1, 2, 2, 1, 1, 2, 2, 1, 1, 2]
    assert [options.window for _, _, options in asked] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    steps = one.run.record().steps
    assert [step.name for step in steps] == ["1/load", "2/load", "2/load", "1/load"] * 2 + ["1/load", "2/load"]


def test_a_crowd_keeps_the_heavy_service_busy_for_long_enough(asked: list) -> None:
    one = Lab(open_run("system", run_id="t", profile="tiny"))
    light, heavy = one.service("similar"), one.service("similar", lab_module.ServiceOptions("archive"))
    # Only the search's own requests are random embeddings: the archive stands in for a classifier of photos.
    one.__dict__["_photos"] = np.zeros((4, 3, 2, 2), dtype=np.float32)
    one.in_turn({"n": Asked(light, LoadOptions(clients=1), heavy=heavy, crowd=Crowd(clients=4, batch=8))})
    model, _, options, neighbour = asked[0]
    assert model == "similar" and options.seconds == LONG_ENOUGH_S
    assert isinstance(neighbour, Neighbour) and (neighbour.model, neighbour.clients) == ("archive", 4)
    assert neighbour.inputs["input"].shape == (8, 3, 2, 2)


def test_the_challenge_is_answered_by_triton_with_the_onnx_classifier(
    asked: list, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "food.onnx").write_bytes(b"food")
    files = {"onnx": tmp_path / "food.onnx", "weights": tmp_path / "food.onnx", "classes": 2}
    monkeypatch.setattr(Lab, "models", files)
    sent: list[tuple[str, np.ndarray]] = []

    class Answer:
        def as_numpy(self, name: str) -> np.ndarray:
            return {"logits": sent[-1][1].mean(axis=(2, 3))}[name]

    class Target:
        def sender(self) -> Any:
            return type("Sender", (), {"__call__": lambda self: Answer(), "close": lambda self: None})()

    def target_of(server: Any, model: str, inputs: Any) -> Target:
        sent.append((model, inputs["input"]))
        return Target()

    monkeypatch.setattr(lab_module.loads, "target_of", target_of)
    one = lab()
    before = one.run.record().digest
    assert "6 images" in one.answer_challenge()
    images = preprocess(drawn("", "system", before))
    assert sent[0][0] == "food_onnx" and np.array_equal(sent[0][1], images)
    assert np.array_equal(one.run.record().result("challenge/triton/logits")["logits"], images.mean(axis=(2, 3)))
    one.answer_challenge()  # replayed
    assert len(sent) == 1


def test_a_service_and_a_profile_that_do_not_exist_are_named() -> None:
    with pytest.raises(UsageError, match="knows tiny, quick, full"):
        Lab(open_run("system", run_id="t", profile="slow"))
    one = lab()
    one.__dict__["models"] = {}
    with pytest.raises(UsageError, match="no service `drinks`"):
        one.service("drinks")


def test_a_scenario_that_was_recorded_needs_no_server() -> None:
    one = lab()
    recorded = one.run.step(
        "online/offline/loadgen",
        lambda: {"samples": 7},
        inputs={
            "server": "embedded",
            "config": one.service("similar").config.pbtxt(),
            "scenario": "Offline",
            "seconds": OPEN_LONGER * WINDOW_S["quick"] * WINDOWS["quick"],
        },
    )
    assert one.loadgen("online/offline", one.service("similar"), Scenario("Offline")) == recorded


def test_a_scenario_in_which_the_server_ends_is_no_measurement(asked: list, monkeypatch: pytest.MonkeyPatch) -> None:
    one = lab()
    # LoadGen itself comes to an end when a server has gone: the samples after that are failures.
    monkeypatch.setattr(lab_module.loadgen, "run", lambda *given: {"samples": 3, "failures": 97})
    monkeypatch.setattr(lab_module.loadgen, "sized", lambda target, scenario: scenario)
    monkeypatch.setattr(lab_module.loads, "target_of", lambda *given: None)
    monkeypatch.setattr(one.server, "statistics", lambda model: Statistics())
    with pytest.raises(ServerError, match="The Triton server has stopped"):
        one.loadgen("online/offline", one.service("similar"), Scenario("Offline"))
    assert not one.run.has("online/offline/loadgen")


def trial_of(monkeypatch: pytest.MonkeyPatch, one: Lab, *inferences: int) -> dict[str, Any]:
    """What is recorded of a scenario in batches of 2 while Triton's counter of rows reads so, time after time; the
    last reading again and again. A reading takes a second."""
    read = [0]

    def statistics(model: str) -> Statistics:
        read[0] += 1
        return Statistics(inferences=inferences[min(read[0], len(inferences)) - 1])

    monkeypatch.setattr(lab_module.time, "perf_counter", lambda: float(read[0]))
    monkeypatch.setattr(lab_module.loadgen, "run", lambda *given: {"samples": 40})
    monkeypatch.setattr(lab_module.loadgen, "sized", lambda target, scenario: replace(scenario, expected_per_s=9.0))
    monkeypatch.setattr(lab_module.loads, "target_of", lambda *given: None)
    monkeypatch.setattr(one.server, "statistics", statistics)
    monkeypatch.setattr(one.server, "check", lambda: None)
    return one.loadgen("online/offline", one.service("similar"), Scenario("Offline", batch=2))


def test_the_trial_before_a_scenario_is_not_in_its_statistics_however_late_it_is_counted(
    asked: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 100 rows before; eight requests of two rows make 116, the last of which are counted late; then the test's 40.
    assert trial_of(monkeypatch, lab(), 100, 114, 116, 156)["statistics"]["inferences"] == 40


def test_a_trial_that_is_never_counted_ends_with_the_reason(asked: list, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerError, match="counted 7 rows of `similar` where 116"):
        trial_of(monkeypatch, lab(), 100, 7)


def test_another_runs_network_of_other_classes_is_left_and_this_one_is_exported(tmp_path: Path) -> None:
    """A model run beside it had four classes; the rehearsal weights have eleven."""
    import torch

    from snippets.engine.export import count_classes, export_onnx
    from snippets.model.mobilenet import mobilenet_v2

    torch.manual_seed(0)
    beside = open_run("model", run_id="theirs")
    export_onnx(mobilenet_v2(4, width=0.35).eval(), beside.models / "fp32.onnx")
    beside.step("export/fp32/size", lambda: {"bytes": 1}, inputs={})
    models = lab().models
    assert models["source"] == "exported here" and count_classes(models["onnx"]) == models["classes"] == 11


def test_weights_without_a_torch_module_are_told_what_part_3_takes(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"x")
    one = Lab(open_run("system", run_id="t", profile="quick"), weights=str(tmp_path / "own.onnx"))
    with pytest.raises(ModelError, match="Give its torch checkpoint as weights and this file as -p onnx="):
        _ = one.models
