"""The endpoint notebook starts real services, takes real pictures, leaves nothing running, and replays without any."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from grading.checks.evidence import Evidence
from grading.questions import questions
from snippets.errors import ToolMissing
from snippets.load.windows import WINDOW, result_of
from snippets.machine.browser import chromium_path
from snippets.record.run import Record, load_record
from snippets.serve.stages import STAGES
from tests.notebooks.executed import execute, measured, pictures, printed
from tests.notebooks.given_away import given_away


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


def test_no_service_is_left(lab: Path) -> None:
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in commands if "snippets.serve.endpoint" in line and str(lab) in line]
