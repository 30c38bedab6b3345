"""The system lab's tables say what a load's samples say."""

from __future__ import annotations

from typing import Any

from snippets.draw import system_tables


def cells(table: str, row: int = 0) -> list[str]:
    """The cells of a row below the head."""
    return [cell.strip() for cell in table.splitlines()[2 + row].strip("| ").split(" | ")]


def test_a_load_is_one_row_of_its_answers(load: dict[str, Any]) -> None:
    # p50 of 10, 20, 30, 40 ms is 25; p95 lies 0.85 of the way from 30 to 40.
    assert cells(system_tables.loads({"one": load})) == ["one", "2.0", "25.0", "38.5", "6.0", "15.0", "1.5", "1"]


def test_an_endpoint_is_told_by_service_and_clients(load: dict[str, Any]) -> None:
    service, clients, rate, failures, median, p95 = cells(
        system_tables.endpoints({"FastAPI, ONNX, 2 clients": {**load, "latency_ms": [7.0] * 9, "ok": [True] * 9}})
    )
    assert (service, clients, rate, failures, p95) == ("FastAPI, ONNX", "2", "2.0", "1", "7.0")
    assert median == "7.0 (7.0 to 7.0)"


def test_a_neighbour_that_was_not_there_has_no_rate(load: dict[str, Any]) -> None:
    with_one = {**load, "neighbour_rps": 12.34, "neighbour_failures": 2}
    table = system_tables.neighbours({"alone": load, "shared": with_one})
    assert cells(table)[4:] == ["-", "1"] and cells(table, 1)[4:] == ["12.3", "3"]


def test_it_is_said_by_how_many_the_requests_in_the_system_grew(open_load: dict[str, Any]) -> None:
    behind = {**open_load, "offered_rps": 20.0, "arrivals": 40, "sampled_in_flight": [1, 33]}
    table = system_tables.offered({"off": [open_load, behind]})
    assert [cells(table, row)[-2:] for row in range(2)] == [["5", "+0"], ["40", "+32"]]
    # Offered, answered, and the mean of 10, 20, 30 and 40 ms.
    assert cells(table)[1:4] == ["2", "2", "25.0"]


def test_loads_are_compared_with_the_first_in_words(load: dict[str, Any]) -> None:
    other = {**load, "samples_per_s": 5.0, "latency_ms": load["latency_ms"] * 3, "queue_ms": 1.0}
    assert system_tables.compared({"off": load, "on,\nwaits": other}) == (
        "- **on, waits** against off: 2.50 times the answers per second, 3.00 times the median latency;"
        " queue 6.0 -> 1.0 ms, computing 15.0 -> 15.0 ms"
    )
    del other["compute_ms"]
    assert system_tables.compared({"one": load, "two": other}).endswith("3.00 times the median latency")
    assert system_tables.compared({"one": load}) == ""


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
