"""The ladder of `make check-gpu`: each rung is recorded, one that cannot be is a line, and the record is shown."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from grading.report.tables import show_run
from snippets.errors import ProviderError
from snippets.gpu import check
from snippets.gpu.check import LADDER, Rung, climb
from snippets.machine import gpu_libraries
from snippets.model.mobilenet import mobilenet_v2
from snippets.record.run import open_run

ON_CPU = (
    Rung("plain", device="cpu"),
    Rung("last", channels_last=True, device="cpu"),
    Rung("graph", graph=True, device="cpu"),
)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return check.settled(mobilenet_v2(3, width=0.35))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here: a CUDA graph can be made")
def test_each_rung_is_recorded_and_one_that_cannot_be_is_a_line(network: torch.nn.Module) -> None:
    run = open_run("model", run_id="gpu")
    plain, last, graph = climb(run, network, time.monotonic(), ON_CPU)
    assert plain.startswith("plain: p50 ") and "images/s, logits within 0.0%" in plain and last.startswith("last: p50 ")
    assert graph.startswith("graph: absent, ")
    record = run.record()
    assert record.result("gpu/last/difference")["relative"] < 1e-3 and record.result("gpu/graph/absent")["reason"]
    shown = show_run(run.folder)
    assert "plain" in shown and "last" in shown


def test_no_rung_begins_after_the_time_is_over(network: torch.nn.Module) -> None:
    lines = climb(open_run("model", run_id="late"), network, time.monotonic() - check.LIMIT_S - 1, ON_CPU)
    assert lines == [f"{rung.name}: left out, 280 s are over" for rung in ON_CPU]


@pytest.mark.skipif(not gpu_libraries.absence("cuda"), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="driver does not compute on a GPU here"):
        check.check(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_it_needs_nothing_but_numpy_and_torch(root: Path) -> None:
    """The GPU machine has what its image brings; the kit's other packages are hidden here."""
    names = ["click", "psutil", "onnx", "onnxruntime", "PIL", "matplotlib", "jsonschema"]
    needed = "snippets.gpu.check, snippets.model.mobilenet, snippets.record.run"
    tried = f"import sys; sys.modules.update(dict.fromkeys({names}))\nimport {needed}"
    done = subprocess.run(
        [sys.executable, "-c", tried],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_ladder_names_are_its_steps() -> None:
    assert len({rung.name for rung in LADDER}) == len(LADDER) and all(rung.device == "cuda" for rung in LADDER)
