"""perf_analyzer is found or said to be missing, and its report is read in this kit's units."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import ServerError, ToolMissing
from snippets.load.options import LoadOptions
from snippets.triton import loads, perf_analyzer
from snippets.triton.perf_analyzer import Setting
from snippets.triton.server import TritonServer
from tests.snippets.triton.triton_models import NUMBERS, doubler

REPORT = """Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,\
Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency
4,27.6285,166,6712,102253,163,35696,418,0,142674,186950,199993,218524
"""


def test_a_report_is_read_in_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT)
    read = perf_analyzer.read_report(path)
    assert read["clients"] == 4 and read["samples_per_s"] == 27.6285
    assert read["queue_ms"] == 102.253 and read["compute_infer_ms"] == 35.696
    assert read["p50_ms"] == 142.674 and read["p99_ms"] == pytest.approx(218.524)


def test_an_empty_report_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT.splitlines()[0] + "\n")
    with pytest.raises(ServerError, match="no request succeeded"):
        perf_analyzer.read_report(path)


def test_a_setting_becomes_the_programs_options() -> None:
    words = Setting(8, {"x": (3, 4), "y": (1,)}, batch=2, window_s=0.5).arguments()
    assert words[words.index("--concurrency-range") + 1] == "8:8" and words[words.index("-p") + 1] == "500"
    assert words[words.index("-b") + 1] == "2" and words[-4:] == ["--shape", "x:3,4", "--shape", "y:1"]


def fake(folder: Path, script: str) -> Path:
    binary = folder / "perf_analyzer"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return binary


def test_the_one_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = fake(tmp_path, "echo Perf Analyzer Version 9")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = perf_analyzer.find(tmp_path / "empty")
    assert found.binary == binary and found.version() == "Perf Analyzer Version 9"


def test_missing_names_every_place_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match=r"(?s)not on PATH.*python -m snippets.triton.perf_analyzer"):
        perf_analyzer.find(tmp_path)


def test_one_that_cannot_run_is_missing_in_the_loaders_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "echo 'libb64.so.0d: cannot open shared object file' >&2; exit 127")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ToolMissing, match=r"libb64.so.0d.*apt-get install libb64-0d"):
        perf_analyzer.find(tmp_path / "empty")


def test_a_failing_measurement_tells_the_programs_reason(tmp_path: Path, triton_server: TritonServer) -> None:
    broken = perf_analyzer.PerfAnalyzer(fake(tmp_path, "echo 'error: unknown model' >&2; exit 99"), None)
    with pytest.raises(ServerError, match="exit status 99.*unknown model"):
        perf_analyzer.analyze(broken, triton_server, "nothing", Setting(1, {}), tmp_path / "report.csv")


@pytest.mark.network
def test_the_real_program_agrees_with_our_generator(tmp_path: Path, triton_server: TritonServer) -> None:
    try:
        program = perf_analyzer.install()
    except ToolMissing as error:
        pytest.skip(str(error))
    triton_server.deploy(doubler(tmp_path, parameters={"ms": "20"}))
    theirs = perf_analyzer.analyze(
        program, triton_server, "double", Setting(4, {"x": (4,)}, window_s=1), tmp_path / "report.csv"
    )
    ours = loads.put_under_load(triton_server, "double", NUMBERS, LoadOptions(clients=4, seconds=2))
    assert theirs["clients"] == 4 and theirs["compute_infer_ms"] >= 20
    # They measure one after the other, and a busy machine may be slower for one of them. But an instance that takes
    # 20 ms never does more than 50/s, and (Little's law) rate times time in the server is what is there: four clients.
    server_ms = sum(theirs[f"{stage}_ms"] for stage in ("queue", "compute_input", "compute_infer", "compute_output"))
    for rate, mean_ms in ((theirs["samples_per_s"], server_ms), (ours["samples_per_s"], ours["server_ms"])):
        assert rate <= 55 and rate * mean_ms / 1e3 == pytest.approx(4, rel=0.2)
