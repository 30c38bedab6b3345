"""The system lab's notebooks run from top to bottom on a real Triton, and replay without one.

Held to counts, and to what each load says about itself. Which setting is faster is no matter of half a second on a
shared machine: tests/snippets/triton/test_loads.py shows it where times are known, benchmarks/batching_gain.py with the
lab's own services.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.system import SHARES
from snippets.errors import KitError, RecordError
from snippets.load import queueing
from snippets.load.options import LoadOptions
from snippets.load.windows import result_of
from snippets.record.read import Record, load_record
from snippets.record.run import open_run
from snippets.stats import good_percentile
from snippets.triton import launch
from snippets.triton.lab import Lab
from tests.notebooks.executed import on_one_core
from tests.notebooks.given_away import given_away
from tests.notebooks.system_notebooks import TRITON_NOTEBOOKS, Executed, execute


def loads(record: Record) -> dict[str, dict[str, Any]]:
    return {name: result_of(record, name) for name in record.names() if name.endswith("/load")}


@pytest.mark.timeout(900)
def test_no_number_that_is_asked_for_stands_above_its_question(executed: Executed, record: Record) -> None:
    for text in executed.shown.values():
        assert given_away(text, Evidence(record), "system") == []


@pytest.mark.timeout(900)
def test_the_record_of_all_notebooks_is_sound(record: Record) -> None:
    assert record.verify() == []
    assert len(record.figures) >= 15


def test_no_request_failed_in_any_load(record: Record) -> None:
    results = loads(record)
    assert len(results) >= 30
    assert {name: r["errors"] for name, r in results.items() if r["failures"] or r.get("neighbour_failures")} == {}


def test_batches_add_up_to_the_inferences_of_every_load(record: Record) -> None:
    for name, result in loads(record).items():
        rows = sum(int(size) * runs for size, runs in result["batches"].items())
        assert rows == result["inferences"] > 0, name
        assert sum(result["batches"].values()) == result["executions"], name


def test_percentiles_are_in_order_and_samples_match_the_rate(record: Record) -> None:
    for name, result in loads(record).items():
        assert good_percentile(result, 50) <= good_percentile(result, 95) <= good_percentile(result, 99), name
        if "clients" in result:
            assert result["requests_per_s"] == pytest.approx(result["ok"].sum() / result["seconds"]), name


def test_with_more_clients_than_instances_the_queue_takes_the_time(record: Record) -> None:
    one, sixteen = (result_of(record, f"triton/pytorch-{n}/load") for n in (1, 16))
    assert sixteen["queue_ms"] > 5 * sixteen["compute_ms"]
    assert one["queue_ms"] < one["compute_ms"]


def test_a_client_batch_reaches_the_model_as_one_execution(record: Record) -> None:
    assert set(result_of(record, "triton/pytorch-batch-16/load")["batches"]) == {"16"}


def test_both_engines_give_the_same_answers_as_the_model_itself(record: Record) -> None:
    import torch

    from snippets.data.datasets import dataset
    from snippets.data.image import preprocess
    from snippets.model.weights_file import load_model

    served = [result_of(record, f"triton/{name}/outputs")["logits"] for name in ("food_pytorch", "food_onnx")]
    model, _ = load_model("rehearsal")
    photos = preprocess(np.asarray(dataset("rehearsal").split("evaluation").images[: len(served[0])]))
    with torch.inference_mode():
        expected = model.eval()(torch.from_numpy(photos)).numpy()
    assert np.ptp(expected) > 1
    for logits in served:
        np.testing.assert_allclose(logits, expected, atol=1e-3)


def test_a_delay_was_waited_for_in_vain_or_not_as_the_notebook_says(record: Record) -> None:
    eight, sixteen = (result_of(record, f"batching/{name}/load") for name in ("on-waits-10-ms-8", "waits-for-16-8"))
    # Sixteen never come together of eight, so every batch waits its ten milliseconds.
    assert max(map(int, sixteen["batches"])) <= 8 and sixteen["queue_ms"] > 5
    assert eight["mean_batch"] > 4


def test_dynamic_batching_finds_batches_under_load_and_none_without(record: Record) -> None:
    off, on = (result_of(record, f"batching/{setting}-32/load") for setting in ("off", "on"))
    assert set(off["batches"]) == {"1"} and on["mean_batch"] > 3


def test_a_lone_client_pays_for_the_queue_delay(record: Record) -> None:
    never, waits = (result_of(record, f"batching/{setting}-1/load") for setting in ("on", "on-waits-10-ms"))
    assert waits["queue_ms"] > 9 > never["queue_ms"]


def test_the_grid_has_every_setting_with_its_instances(record: Record) -> None:
    grid = {(i, t): result_of(record, f"instances/{i}x{t}/load") for i in (1, 2, 4) for t in (1, 2)}
    assert {(i, t): load["instances"] for (i, t), load in grid.items()} == {(i, t): i for i, t in grid}


def test_the_heavy_neighbour_worked_in_every_arrangement_but_alone(record: Record) -> None:
    rates = {
        name: result_of(record, f"neighbour/{name}/load").get("neighbour_rps", 0.0)
        for name in ("alone", "shared", "limited", "own-cores")
    }
    assert rates.pop("alone") == 0 and min(rates.values()) > 0


def test_the_self_test_alone_keeps_wrong_versions_out_and_the_other_team_never_notices(record: Record) -> None:
    found = record.result("platform/gate/loads")
    tested, untested = ([one for one in found["loads"] if one["self_test"] is known] for known in (True, False))
    assert all(one["refused"] and one["answers"] == "right" for one in tested)
    assert [one["answers"] for one in untested] == ["right", "wrong", "wrong"]
    assert found["failures"] == 0 and all(found["neighbour_ready"])


def test_the_forest_that_is_handed_in_is_better_than_chance(record: Record) -> None:
    found = record.result("platform/sorter/handed-in")
    assert len(found["labels"]) == 660 and np.mean(found["predictions"] == found["labels"]) > 2 / 11


def test_three_ways_from_a_file_to_a_class_agree(record: Record) -> None:
    ways = record.result("pipeline/all/outputs")
    for found in ways.values():
        np.testing.assert_allclose(found, ways["one model"], atol=1e-5)


def test_only_who_shares_the_process_is_told_of_a_dead_one(record: Record) -> None:
    for fault in ("crash", "hang", "leak"):
        together, apart = (
            record.result(f"isolation/{layout}-{fault}/outage") for layout in ("one-process", "one-each")
        )
        assert any("not healthy" in said for said in together["errors"]) and together["reload_s"] > 0
        assert not any("not healthy" in said for said in apart["errors"])


def test_offline_requests_have_the_batch_that_was_asked_for(record: Record) -> None:
    for batch in (1, 32):
        offline = result_of(record, f"online/offline-{batch}/loadgen")
        assert offline["failures"] == 0 and offline["statistics"]["inferences"] == offline["samples"]
        assert max(map(int, offline["statistics"]["batches"])) == batch


def test_either_setting_is_offered_the_same_arrivals_at_shares_of_one_capacity(record: Record) -> None:
    capacity = 1000 / result_of(record, "online/alone/load")["server_ms"]
    for share in SHARES:
        off = result_of(record, f"online/off-{share}/load")
        assert off["asked_rps"] == pytest.approx(capacity * share / 100, abs=0.1) and off["seed"] == share
        assert off["offered_rps"] == off["arrivals"] / off["seconds"] == pytest.approx(off["asked_rps"], abs=1.1)
        assert len(off["latency_ms"]) == off["arrivals"]
        if share in (60, 130, 200):
            on = result_of(record, f"online/on-{share}/load")
            assert on["offered_rps"] == off["offered_rps"]
            np.testing.assert_allclose(on["started_s"], off["started_s"])


def test_even_and_random_arrivals_bring_the_same_load_and_only_their_spacing_differs(record: Record) -> None:
    even, *random = (result_of(record, f"online/{name}/load") for name in ("even", "random", "random-batching"))
    gaps = np.concatenate([np.diff(one["started_s"]) for one in even["windows"]])
    assert gaps.std() < 0.2 * gaps.mean()
    for one in random:
        assert one["asked_rps"] == even["asked_rps"] and one["arrivals"] == pytest.approx(even["arrivals"], abs=2)
        gaps = np.concatenate([np.diff(window["started_s"]) for window in one["windows"]])
        assert gaps.std() > 0.4 * gaps.mean()
    np.testing.assert_allclose(random[0]["started_s"], random[1]["started_s"])


def test_littles_law_holds_wherever_the_server_keeps_up(record: Record) -> None:
    stable = {n: r for n, r in loads(record).items() if "offered_rps" in r and queueing.keeps_up(r, None)}
    assert stable
    # Half a second holds few arrivals. Requests that straddle its ends count on one side only: after a stall, many.
    for name, load in stable.items():
        law, under_way = queueing.little(load), load["sampled_in_flight"]
        at_the_ends = (under_way[0] + under_way[-1]) * load["latency_ms"].max() / 1e3 / load["seconds"]
        assert abs(law.seen - law.expected) <= 0.4 * law.expected + at_the_ends, name


def test_a_cold_start_is_dearer_than_a_warm_request(record: Record) -> None:
    for service in ("similar", "food-onnx", "food-pytorch"):
        name = "search" if service == "similar" else service
        cold = result_of(record, f"online/{name}/cold")
        assert np.median(cold["load_ms"] + cold["first_ms"]) > 5 * np.median(cold["warm_ms"]), service


@pytest.mark.parametrize("name", TRITON_NOTEBOOKS)
def test_a_replay_measures_nothing_and_starts_no_server(
    runs: Path, record: Record, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a replay must not start Triton")

    monkeypatch.setattr(launch, "embedded", refuse)
    before = [step.name for step in record.steps]
    with on_one_core():
        execute(name, profile="tiny", runs=str(runs), run_id="test", mode="replay")
    assert [step.name for step in load_record(runs / "system" / "test").steps] == before


def test_a_replay_of_what_was_never_measured_names_the_step(runs: Path, record: Record) -> None:
    run = open_run("system", runs=runs, run_id="test", mode="replay", profile="tiny")
    lab = Lab(run)
    with pytest.raises(RecordError, match="triton/pytorch-99/load"):
        lab.load("triton/pytorch-99", lab.service("food_pytorch"), LoadOptions(clients=99))


def test_a_step_that_fails_is_not_recorded_and_the_next_run_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise KitError("no server today")

    def measure(prepare: Callable[[Lab], None]) -> dict[str, Any]:
        run = open_run("system", runs=tmp_path, run_id="again", profile="tiny")
        with Lab(run) as lab:
            prepare(lab)
            return lab.load("batching/once", lab.service("similar"), LoadOptions(clients=1, seconds=0.2, warm_up_s=0))

    with pytest.raises(KitError, match="no server today"):
        measure(lambda lab: monkeypatch.setattr(lab.server, "deploy", broken))
    assert measure(lambda lab: None)["failures"] == 0


def test_the_bare_calls_were_made_and_answered(record: Record) -> None:
    batched, two = (record.result(f"{name}/bare-call") for name in ("batching/on", "instances/2x1"))
    assert sum(int(size) * count for size, count in batched["batches"].items()) == 8
    assert batched["nearest"].shape == (8, 5) and (batched["nearest"] == batched["nearest"][0]).all()
    assert [group["count"] for group in two["groups"]] == [2] and "food_2x1" in two["loaded"]
    assert two["logits"].shape == (2, 11) and np.allclose(*two["logits"])
    assert record.result("online/similar/bare-loadgen")["result_query_count"] > 0
    again = record.result("online/similar/bare-call")
    assert "similar" in again["refusal"] and (again["nearest"][0] == batched["nearest"][0]).all()
