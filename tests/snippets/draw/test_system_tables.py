"""The system lab's tables say what a load's samples say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.draw import system_tables
from snippets.simulate.calibrated import Figures


def cells(table: str, row: int = 0) -> list[str]:
    """The cells of a row below the head."""
    return [cell.strip() for cell in table.splitlines()[2 + row].strip("| ").split(" | ")]


def test_a_load_is_one_row_of_its_answers(load: dict[str, Any]) -> None:
    # p50 of 10, 20, 30, 40 ms is 25; four are too few for a p95, and one window has no interval.
    assert cells(system_tables.loads({"one": load})) == ["one", "2.0", "25.0", "-", "6.0", "15.0", "1.5", "1"]


def test_a_load_in_windows_has_intervals(repeated: dict[str, Any]) -> None:
    _, rate, median, tail, *_ = cells(system_tables.loads({"one": repeated}))
    assert rate.startswith("1.7 (") and median.startswith("20.0 (") and tail == "-"


def test_an_endpoint_is_told_by_service_and_clients(load: dict[str, Any]) -> None:
    some = {**load, "latency_ms": [7.0] * 130, "ok": [True] * 130}
    assert cells(system_tables.endpoints({"FastAPI, ONNX, 2 clients": some})) == [
        *("FastAPI, ONNX", "2", "65.0", "7.0", "7.0", "1")
    ]


def test_an_open_loop_on_an_endpoint_is_told_by_its_arrivals(open_load: dict[str, Any]) -> None:
    own = {name: value for name, value in open_load.items() if name != "clients"} | {"asked_rps": 2.5}
    assert cells(system_tables.endpoints({"yours, 2.5 arrive/s": own}))[:2] == ["yours", "2.5 arrive/s"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("binary", "as bytes"),
        ("JSON", "numbers in JSON"),
        ("form:file", "field `file`"),
        ("json:image", "under `image`"),
    ]
    + [("file", "the photo's file as it is, 12 kB")],
)
def test_what_a_service_of_ones_own_is_sent_is_told(sent: str, told: str) -> None:
    facts = {
        "url": "http://h/p",
        "protocol": "upload",
        "sent": sent,
        "request_bytes": 12_345,
        "batch": 1,
        "named": "Egg",
    }
    listed = system_tables.own_service(facts)
    assert told in listed and "- its answer to your photo: Egg" in listed and "in a request" not in listed
    assert "photos in a request: 4" in system_tables.own_service({**facts, "batch": 4})


def test_a_neighbour_that_was_not_there_has_no_rate(load: dict[str, Any]) -> None:
    with_one = {**load, "neighbour_rps": 12.34, "neighbour_failures": 2}
    table = system_tables.neighbours({"alone": load, "shared": with_one})
    assert cells(table)[4:] == ["-", "1"] and cells(table, 1)[4:] == ["12.3", "3"]


def test_it_is_said_by_how_many_the_requests_in_the_system_grew(open_load: dict[str, Any]) -> None:
    behind = {**open_load, "offered_rps": 20.0, "arrivals": 40, "sampled_in_flight": [1, 33]}
    table = system_tables.offered({"off": [open_load, behind]})
    assert [cells(table, row)[-2:] for row in range(2)] == [["5", "+0.0"], ["40", "+32.0"]]
    # Offered, answered, and the mean of 10, 20, 30 and 40 ms.
    assert cells(table)[1:4] == ["2", "2", "25.0"]


def test_loads_are_compared_with_the_first_in_words(load: dict[str, Any]) -> None:
    other = {**load, "seconds": 0.8, "latency_ms": load["latency_ms"] * 3, "queue_ms": 1.0}
    assert system_tables.compared({"off": load, "on,\nwaits": other}) == (
        "- **on, waits** against off: 2.50 times the answers per second (not decided),"
        " 3.00 times the median latency (not decided); queue 6.0 -> 1.0 ms, computing 15.0 -> 15.0 ms"
    )
    del other["compute_ms"]
    assert system_tables.compared({"one": load, "two": other}).endswith("3.00 times the median latency (not decided)")
    assert system_tables.compared({"one": load}) == ""


def test_what_took_turns_is_decided_though_both_were_slow_at_times(repeated: dict[str, Any]) -> None:
    twice = {**repeated, "windows": [{**w, "latency_ms": w["latency_ms"] * 2} for w in repeated["windows"]]}
    twice["latency_ms"] = repeated["latency_ms"] * 2
    assert "2.00 (2.00 to 2.00) times the median latency;" in system_tables.compared({"one": repeated, "two": twice})


def verdict(**said: Any) -> str:
    """LoadGen's verdict in the table on a test that is not valid."""
    theirs = {"result_50.00_percentile_latency_ns": 2_500_000, "result_99.00_percentile_latency_ns": 9_000_000}
    failures = said.pop("failures", 0)
    result = {"samples": 40, "samples_per_s": 20.0, "failures": failures, "valid": False, "loadgen": {**theirs, **said}}
    row = cells(system_tables.scenarios({"Offline,\nby 32": result}))
    assert row[:5] == ["Offline, by 32", "40", "20.0", "2.5", "9.0"]
    return row[5]


def test_loadgens_verdict_comes_with_its_true_reason() -> None:
    assert verdict(result_invalid_reason=" too short ") == "no: too short"
    early = " * Run unsuccessful.\n * Would need to run at least 192 more queries,\n with the run being successful"
    assert (
        verdict(result_invalid_reason="", early_stopping_result=early)
        == "no: it wants 192 samples more before it believes a p99"
    )
    assert verdict(failures=3) == "no: 3 samples failed" and verdict() == "no: see its log"


def test_a_refusal_keeps_its_status_and_reason() -> None:
    table = system_tables.refusals([{"name": "nothing", "status": 422, "detail": "not a readable picture"}])
    assert cells(table) == ["nothing", "422", "not a readable picture"]


def test_a_generator_is_one_row_of_means_by_where_they_count_from() -> None:
    yours = {"from_due_ms": np.array([10.0, 50.0]), "from_sending_ms": np.array([10.0, 20.0])}
    table = system_tables.generators({"open loop": {"yours": yours, "kit": {"from_due_ms": np.array([12.0, 54.0])}}})
    assert cells(table) == ["open loop", "2", "15.0", "30.0", "33.0"]


def test_a_prediction_stands_beside_what_was_measured_and_its_error() -> None:
    said = {"on": Figures(110, 12.0, 30.0)}
    load = {"latency_ms": np.full(3, 20.0), "ok": np.ones(3, bool), "requests_per_s": 100.0}
    assert cells(system_tables.forecast(said)) == ["on", "110", "12", "30"]
    ranged = {"on": Figures(110, 12.0, 30.0, slower=Figures(90, 14, 50), faster=Figures(120, 9.5, 20))}
    assert cells(system_tables.forecast(ranged)) == ["on", "110 (90 to 120)", "12 (9.5 to 14)", "30 (20 to 50)"]
    assert cells(system_tables.forecast(said, {"on": load}))[1:] == [
        "110 / 100 (+10 %)",
        "12 / 20 (-40 %)",
        "30 / 20 (+50 %)",
    ]
