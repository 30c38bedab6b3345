"""The endpoint notebook starts real services, takes real pictures, leaves nothing running, and replays without any."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
from papermill.exceptions import PapermillExecutionError

from grading.checks.evidence import Evidence
from grading.questions import questions
from grading.staff.solutions.write import solutions
from reserve.run.execute import execute as run_notebook
from snippets.errors import ToolMissing
from snippets.load.windows import WINDOW, result_of
from snippets.machine.browser import chromium_path
from snippets.record.run import Record, load_record
from snippets.serve.stages import STAGES
from tests.notebooks.executed import execute, measured, pictures, printed
from tests.notebooks.given_away import given_away
from tests.notebooks.written import with_functions
from tests.snippets.serve.own_services import Model, inference_app, serving


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of the notebook, and a replay of it."""
    folder = tmp_path_factory.mktemp("system")
    parameters = {"runs": str(folder / "runs"), "run_id": "t", "profile": "tiny"}
    execute("system/1_endpoint", folder / "run.ipynb", **parameters)
    execute("system/1_endpoint", folder / "replay.ipynb", mode="replay", **parameters)
    return folder


@pytest.fixture(scope="module")
def record(lab: Path) -> Record:
    return load_record(lab / "runs" / "system" / "t")


def test_no_request_failed_and_the_stages_explain_the_latency(record: Record) -> None:
    for backend in ("pytorch", "onnx"):
        for clients in (1, 16):
            load = result_of(record, f"endpoint/{backend}-{clients}/load")
            assert load["failures"] == 0 and load["ok"].all() and load["clients"] == clients
            stages = sum(load[f"{stage}_ms"].mean() for stage in STAGES)
            assert 0 < stages <= 1.05 * load["latency_ms"].mean()
            # Little's law: what is in the house is rate times time. A client may have begun its first request before
            # the window, by as much as the longest one took.
            longest = load["latency_ms"].max() / 1e3
            in_house = load["requests_per_s"] * load["latency_ms"].mean() / 1e3
            assert in_house <= 1.05 * clients * (1 + longest / load["seconds"])
        one, many = (result_of(record, f"endpoint/{backend}-{clients}/load") for clients in (1, 16))
        assert np.median(many["latency_ms"]) > np.median(one["latency_ms"])
        assert many["queue_ms"].mean() > one["queue_ms"].mean()


@pytest.mark.parametrize(("service", "backend"), [("FastAPI, PyTorch", "pytorch"), ("FastAPI, ONNX", "onnx")])
def test_what_is_said_of_sixteen_clients_is_what_the_samples_give(
    lab: Path, record: Record, service: str, backend: str
) -> None:
    text = printed(nbformat.read(lab / "run.ipynb", as_version=4))
    one, many = (result_of(record, f"endpoint/{backend}-{clients}/load") for clients in (1, 16))
    (ratios,) = set(
        re.findall(
            rf"\*\*{service}, 16 clients\*\* against {service}, 1 client: ([\d.]+)[^,]* times the answers per"
            r" second[^,]*, ([\d.]+)[^,]* times the median latency",
            text,
        )
    )
    rates = [load["ok"].sum() / load["seconds"] for load in (many, one)]
    medians = [np.median(load["latency_ms"][load["ok"]]) for load in (many, one)]
    assert [float(ratio) for ratio in ratios] == pytest.approx(
        [rates[0] / rates[1], medians[0] / medians[1]], abs=0.0051
    )
    (times,) = set(
        re.findall(rf"{service}: inference takes ([\d.]+) ms with one client, ([\d.]+) ms with sixteen", text)
    )
    expected = [np.nanmean(load["inference_ms"]) for load in (one, many)]
    assert [float(time) for time in times] == pytest.approx(expected, abs=0.051)


def test_no_number_that_is_asked_for_stands_above_its_question(lab: Path, record: Record) -> None:
    text = printed(nbformat.read(lab / "run.ipynb", as_version=4))
    assert given_away(text, Evidence(record), "system") == []


def test_both_endpoints_answer_as_the_evaluation_does(record: Record) -> None:
    agreed = result_of(record, "endpoint/all/agreement")
    assert agreed["probabilities"].shape == (3, 11) and agreed["difference"] < 1e-4


def test_bad_requests_got_the_status_that_says_so(record: Record) -> None:
    rows = result_of(record, "endpoint/onnx/faults")["rows"]
    assert len(rows) >= 5 and all(row["status"] == row["expected"] and row["detail"] for row in rows)


def test_questions_are_asked_and_their_steps_recorded(lab: Path, record: Record) -> None:
    text = printed(nbformat.read(lab / "run.ipynb", as_version=4))
    mine = [question for question in questions("system") if question.id.startswith("system.endpoint.")]
    assert len(mine) == 9
    for question in mine:
        assert f"`{question.id}`" in text
        assert set(question.steps) <= set(record.names())


def test_screenshots_are_pictures_named_after_their_questions(record: Record) -> None:
    try:
        chromium_path()
    except ToolMissing as error:
        pytest.skip(str(error))
    assert {"system.endpoint.swagger", "system.endpoint.page"} <= set(record.screenshots)
    for path in (record.folder / "screens").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000


def test_a_replay_shows_the_same_and_starts_nothing(lab: Path, record: Record) -> None:
    first, again = (nbformat.read(lab / name, as_version=4) for name in ("run.ipynb", "replay.ipynb"))
    assert measured(again) == measured(first) and pictures(again) == pictures(first) >= 2
    assert len({(step.name, step.inputs.get(WINDOW)) for step in record.steps}) == len(record.steps)
    logs = sorted(path.name for path in (record.folder / "logs").iterdir())
    assert logs == ["onnx.log", "page.log", "pytorch.log"]


def test_without_a_service_of_ones_own_nothing_of_it_is_recorded(record: Record) -> None:
    assert not [name for name in record.names() if name.startswith("own/")]
    assert "endpoint" not in record.parameters["1_endpoint"] and "endpoint-yours" not in record.figures


def test_a_service_of_ones_own_is_measured_beside_the_kits_and_replays_without_it(lab: Path, tmp_path: Path) -> None:
    shutil.copytree(lab / "runs", tmp_path / "runs")
    parameters = {"runs": str(tmp_path / "runs"), "run_id": "t", "profile": "tiny"}
    with serving(inference_app({"food": Model(shape=(-1, 64, 64, 3), channels=3)})) as url:
        parameters["endpoint"] = f"{url}/v2/models/food"
        first = execute("system/1_endpoint", tmp_path / "run.ipynb", **parameters)
    again = execute("system/1_endpoint", tmp_path / "replay.ipynb", mode="replay", **parameters)
    record = load_record(tmp_path / "runs" / "system" / "t")
    assert record.verify() == [] and record.parameters["1_endpoint"]["endpoint"] == parameters["endpoint"]
    for load in ("1", "8", "open"):
        for who in ("kit", "yours"):
            assert result_of(record, f"own/{who}-{load}/load")["failures"] == 0
    assert "endpoint-yours" in record.figures and pictures(first) == pictures(again)
    text = printed(first)
    assert re.search(r"the same class as the kit's for \d+% of 22 photos", text)
    assert text.count("| yours | ") == 3 and text.count("**yours, ") == 3
    assert given_away(text, Evidence(record), "system") == []
    assert measured(again) == measured(first)


def test_a_wrong_address_ends_the_notebook_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="names no model. Write it as http://127.0.0.1:9/v2/models/NAME"):
        execute("system/1_endpoint", tmp_path / "run.ipynb", runs=str(tmp_path), endpoint="http://127.0.0.1:9/v2")
    record = load_record(tmp_path / "system" / "quick")
    assert [name for name in record.names() if not name.startswith("models/")] == []


RIGHT = solutions("system")


def test_an_untouched_notebook_measures_with_the_kits_generators_and_says_so(lab: Path, record: Record) -> None:
    text = printed(nbformat.read(lab / "run.ipynb", as_version=4))
    assert text.count(": the kit's version, as none is written\n") == 3 and "arrivals: the kit's version" in text
    assert not (record.folder / "functions.py").exists()
    for load in ("closed", "open-60", "open-150"):
        assert result_of(record, f"generator/{load}/yours")["by"] == "the kit"
    due, sending = (result_of(record, "generator/open-150/yours")[f"from_{when}_ms"] for when in ("due", "sending"))
    assert len(due) == len(sending) and np.all(due > sending - 1e-6)


def test_generators_of_ones_own_load_the_endpoint_and_a_wrong_one_is_replaced(lab: Path, tmp_path: Path) -> None:
    shutil.copytree(lab / "runs", tmp_path / "runs")
    written = {
        **RIGHT,
        "open_loop": RIGHT["open_loop"].replace("        if early > 0:\n            time.sleep(early)\n", ""),
    }
    mine = with_functions("system/1_endpoint", written, tmp_path / "mine.ipynb")
    run_notebook(mine, tmp_path / "run.ipynb", {"runs": str(tmp_path / "runs"), "run_id": "t", "profile": "tiny"}, 240)
    text = printed(nbformat.read(tmp_path / "run.ipynb", as_version=4))
    assert "closed loop: yours" in text and "arrivals: yours" in text
    assert "On the example your function gives" in text
    record = load_record(tmp_path / "runs" / "system" / "t")
    assert result_of(record, "generator/closed/yours")["by"] == "you"
    assert "async def batcher" in (record.folder / "functions.py").read_text()
    assert record.verify() == []


def test_no_service_is_left(lab: Path) -> None:
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in commands if "snippets.serve.endpoint" in line and str(lab) in line]
