"""MLPerf's LoadGen on a real Triton: its scenarios, its own log, and our count agree."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.errors import ServerError, ToolMissing, UsageError
from snippets.load import loadgen
from snippets.load.loadgen import Scenario
from snippets.load.senders import HttpSender, TritonTarget
from snippets.triton import loads
from snippets.triton.server import TritonServer
from tests.snippets.triton.triton_models import doubler

pytest.importorskip("mlperf_loadgen")
ROWS = {"x": np.arange(32, dtype=np.float32).reshape(8, 4)}


@pytest.fixture
def target(triton_server: TritonServer, tmp_path: Path) -> TritonTarget:
    triton_server.deploy(doubler(tmp_path, parameters={"ms": "5"}))
    return loads.target_of(triton_server, "double", ROWS)


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("SingleStream", {}),
        ("Offline", {"batch": 8, "expected_per_s": 800}),
        ("Server", {"offered_rps": 50, "target_ms": 500, "workers": 4}),
    ],
)
def test_every_sample_that_loadgen_counts_was_answered(
    triton_server: TritonServer, target: TritonTarget, tmp_path: Path, scenario: str, options: dict
) -> None:
    before = triton_server.statistics("double")
    result = loadgen.run(target, Scenario(scenario, 0.5, **options), tmp_path / "log")
    answered = triton_server.statistics("double") - before
    assert result["failures"] == 0 and result["samples"] == answered.inferences == len(result["latency_ms"]) > 8
    assert set(answered.batches) <= {1, 2, 3, 4, 5, 6, 7, 8} and max(answered.batches) == options.get("batch", 1)
    assert (result["latency_ms"] >= 5).all() and result["samples_per_s"] > 0
    # LoadGen's own stopwatch and ours see the same.
    theirs = result["loadgen"]["result_50.00_percentile_latency_ns"] / 1e6
    assert np.median(result["latency_ms"]) == pytest.approx(theirs, rel=0.3)
    assert (tmp_path / "log" / "mlperf_log_detail.txt").is_file()


def test_offline_in_batches_is_faster_than_a_single_stream(target: TritonTarget, tmp_path: Path) -> None:
    stream = loadgen.run(target, Scenario("SingleStream", 0.5), tmp_path / "a")
    offline = loadgen.run(target, Scenario("Offline", 0.5, batch=8, expected_per_s=800), tmp_path / "b")
    assert offline["samples_per_s"] > 3 * stream["samples_per_s"]


def test_a_server_that_refuses_everything_ends_the_test_with_its_reason(target: TritonTarget, tmp_path: Path) -> None:
    nowhere = TritonTarget(target.url, "nothing", ROWS)
    with pytest.raises(ServerError, match=r"(?s)All \d+ LoadGen samples failed.*nothing"):
        loadgen.run(nowhere, Scenario("SingleStream", 0.2), tmp_path)


def test_a_sample_that_failed_is_no_throughput(target: TritonTarget, tmp_path: Path, monkeypatch: Any) -> None:
    asked = itertools.count()

    def every_second(sender: HttpSender, inputs: Any) -> Any:
        if next(asked) % 2:
            raise ConnectionError("gone")
        return ask(sender, inputs)

    ask = HttpSender.ask
    monkeypatch.setattr(HttpSender, "ask", every_second)
    result = loadgen.run(target, Scenario("SingleStream", 0.3), tmp_path)
    assert abs(result["samples"] - result["failures"]) <= 1 and result["samples"] == len(result["latency_ms"]) > 0
    done_per_s = result["loadgen"]["result_qps_with_loadgen_overhead"]
    assert result["samples_per_s"] == pytest.approx(done_per_s / 2, rel=0.1)
    assert not result["valid"] and result["errors"] == {"ConnectionError: gone": result["failures"]}


@pytest.mark.parametrize("scenario", [Scenario("SingleStream", 0.2), Scenario("Offline", 0.2)], ids=lambda s: s.name)
def test_a_client_that_cannot_be_made_is_named_and_nobody_waits_for_it(scenario: Scenario, tmp_path: Path) -> None:
    unknown_type = TritonTarget("127.0.0.1:9", "double", {"x": ROWS["x"].astype(np.uint16)})
    with pytest.raises(ServerError, match="`double` at 127.0.0.1:9.*type uint16"):
        loadgen.run(unknown_type, scenario, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_offline_finds_out_how_large_a_pile_lasts_long_enough(target: TritonTarget, tmp_path: Path) -> None:
    # The model takes 5 ms for 8 rows or for one: at most 1,600 samples a second.
    result = loadgen.run(target, Scenario("Offline", 0.5, batch=8), tmp_path)
    assert result["valid"] and result["loadgen"]["result_min_duration_met"]


@pytest.mark.parametrize(
    ("scenario", "options", "words"),
    [("MultiStream", {}, "no scenario"), ("Server", {}, "offered_rps"), ("SingleStream", {"batch": 2}, "Offline")],
)
def test_a_test_that_makes_no_sense_is_refused(scenario: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Scenario(scenario, **options)


def test_without_the_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlperf_loadgen", None)
    with pytest.raises(ToolMissing, match="pip install mlcommons-loadgen"):
        loadgen.run(TritonTarget("nowhere:1", "m", ROWS), Scenario("Offline"), tmp_path)


def test_a_log_without_a_result_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "mlperf_log_detail.txt"
    log.write_text(':::MLLOG {"key": "effective_scenario", "value": "Offline"}\n')
    with pytest.raises(ServerError, match="no result"):
        loadgen.read_log(log)


def test_a_scenario_is_told_apart_by_its_name_and_what_was_set() -> None:
    assert Scenario("Offline", 2.0, expected_per_s=50).key() == {
        "scenario": "Offline",
        "seconds": 2.0,
        "expected_per_s": 50,
    }
