"""The endpoint lab as recorded steps: measured once with real services, replayed without any."""

from __future__ import annotations

import os
import platform
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from snippets.data.food11_classes import CLASSES
from snippets.draw import endpoint_charts, system_tables
from snippets.engine.classifier import load_classifier
from snippets.errors import ModelError, RecordError, ServerError, ToolMissing, UsageError
from snippets.machine import process
from snippets.record.run import open_run
from snippets.serve.lab import COFFEE, EndpointLab, by_hand, faults
from snippets.serve.stages import STAGES, account, load_endpoint
from tests.snippets.servers import save_toy_onnx

PHOTO = COFFEE.read_bytes()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_onnx(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture
def lab(toy: Path) -> Iterator[EndpointLab]:
    with EndpointLab(open_run("system", run_id="t"), {"onnx": toy}, CLASSES, threads=1) as lab:
        yield lab
    assert not process.running()


def test_everything_is_measured_once_and_replayed_without_a_service(lab: EndpointLab, toy: Path) -> None:
    started = lab.start("onnx")
    assert started["ready_s"] > 0 and started["load_ms"] > 0 and started["rss_mb"] > 10
    answer = lab.answer("onnx", PHOTO)
    ours = by_hand(load_classifier("onnx", str(toy), threads=1).logits, PHOTO)
    np.testing.assert_allclose(list(answer["probabilities"].values()), ours, atol=1e-6)
    rows = lab.refusals(PHOTO)
    assert [row["status"] for row in rows] == [row["expected"] for row in rows] == [f.status for f in faults(PHOTO)]
    assert all(row["detail"] for row in rows)
    load = lab.loads(PHOTO, (2,), 0.2, 2)["onnx", 2]
    assert len(load["windows"]) == 2
    assert load["failures"] == 0 and load["ok"].all() and len(load["latency_ms"]) > 0
    assert np.median(load["latency_ms"]) >= np.median(load["inference_ms"]) > 0
    assert sum(account(load).values()) == pytest.approx(load["latency_ms"].mean(), rel=0.2)
    lab.close()

    replay = EndpointLab(open_run("system", run_id="t", mode="replay"), lab.models, CLASSES, threads=1)
    assert replay.start("onnx") == started
    assert replay.answer("onnx", PHOTO) == answer
    assert replay.refusals(PHOTO) == rows
    again = replay.loads(PHOTO, (2,), 0.2, 2)["onnx", 2]
    np.testing.assert_array_equal(again["latency_ms"], load["latency_ms"])
    assert not process.running()
    with pytest.raises(RecordError):
        replay.loads(PHOTO, (3,), 0.2, 2)
    for figure in (endpoint_charts.waiting({"a": load}), endpoint_charts.where_time_goes({"a": load, "b": again})):
        assert figure.axes
    assert "| 2 |" in system_tables.endpoints({"FastAPI, ONNX, 2 clients": load})


def test_a_service_killed_under_load_fails_the_step_and_the_next_run_measures(lab: EndpointLab) -> None:
    server = lab.endpoint("onnx")
    killer = threading.Timer(0.8, lambda: os.kill(server.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(ServerError, match="SIGKILL"):
        lab.loads(PHOTO, (2,), 1.2, 1)
    killer.join()
    assert not lab.run.has("endpoint/onnx-2/load")
    lab.close()
    assert lab.loads(PHOTO, (2,), 0.2, 1)["onnx", 2]["failures"] == 0


def test_failures_are_counted_when_a_service_dies_under_load(lab: EndpointLab) -> None:
    server = lab.endpoint("onnx")
    killer = threading.Timer(0.8, lambda: os.kill(server.pid, signal.SIGKILL))
    killer.start()
    result = load_endpoint(server.url, PHOTO, clients=2, seconds=1.6, warm_up_s=0.0)
    killer.join()
    assert result["failures"] > 0 and not result["ok"].all()
    # Failures have no stages: only answers do.
    assert all(np.array_equal(np.isfinite(result[f"{stage}_ms"]), result["ok"]) for stage in STAGES)


def test_a_load_of_failures_only_is_no_measurement(toy: Path) -> None:
    """The photo is half of one: the endpoint refuses it each time."""
    with EndpointLab(open_run("system", run_id="t"), {"onnx": toy}, CLASSES, threads=1) as lab:
        with pytest.raises(ServerError, match=r"All \d+ requests to http.*422"):
            lab.loads(PHOTO[:500], (1,), 0.2, 1)
        assert not lab.run.has("endpoint/onnx-1/load")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_pytorch_keeps_its_memory_from_one_request_to_the_next() -> None:
    with EndpointLab(open_run("system", run_id="t"), {"pytorch": "rehearsal"}, CLASSES, threads=1) as lab:
        url, pid = lab.endpoint("pytorch").url, lab.endpoint("pytorch").pid
        load_endpoint(url, PHOTO, clients=1, seconds=1.0, warm_up_s=0.0)
        before = page_faults(pid)
        load = load_endpoint(url, PHOTO, clients=1, seconds=0.3, warm_up_s=0.0)
        # One photo's activations are over 2,400 pages.
        assert (page_faults(pid) - before) / (len(load["ok"]) + 1) < 1000


def page_faults(pid: int) -> int:
    """Pages that the system has given to a process until now."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def test_a_screenshot_that_cannot_be_taken_says_why_and_the_lab_goes_on(lab: EndpointLab) -> None:
    def missing() -> bytes:
        raise ToolMissing("No Chromium on PATH. Install it.")

    assert lab.picture("page", missing) == "No Chromium on PATH. Install it."
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    kept = lab.picture("page", lambda: png)
    assert isinstance(kept, Path) and kept.read_bytes() == png
    assert lab.picture("page", missing) == kept, "a picture that the run has is not taken again"


def test_a_service_that_cannot_start_says_why(toy: Path) -> None:
    run = open_run("system", run_id="t")
    with EndpointLab(run, {"onnx": toy.with_name("gone.onnx")}, CLASSES) as lab:
        with pytest.raises(ServerError, match="gone.onnx"):
            lab.endpoint("onnx")
    assert not process.running()


def test_classifiers_refuse_what_does_not_fit(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="backend 'caffe'"):
        load_classifier("caffe", str(toy))
    with pytest.raises(ModelError, match="11 outputs, but 2 classes"):
        load_classifier("onnx", str(toy), labels=("Bread", "Soup"))
    with pytest.raises(ModelError, match="no such ONNX file"):
        load_classifier("onnx", str(tmp_path / "gone.onnx"))


@pytest.mark.parametrize("backend", ["pytorch"])
def test_the_shipped_weights_are_served_with_their_labels(backend: str) -> None:
    classifier = load_classifier(backend, threads=1)
    assert classifier.labels == CLASSES
    assert classifier.logits(np.zeros((2, 3, 224, 224), dtype=np.float32)).shape == (2, len(CLASSES))
