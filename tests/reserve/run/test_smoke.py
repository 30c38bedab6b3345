"""A run that asks for a GPU is stopped in seconds, with the fix, where an engine does not compute on it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reserve.run import smoke as module
from reserve.run.here import run_parts
from reserve.run.options import RunOptions
from reserve.run.parameters import Params
from reserve.run.smoke import asks_for_gpu, smoke_test
from snippets.errors import ProviderError, ToolMissing
from snippets.gpu import smoke
from snippets.gpu.smoke import Finding

OK = [Finding("driver", True, "two P100", 0.1), Finding("torch", True, "sm_60", 2.0), Finding("cuda", True, "", 1.0)]
NO_TENSORRT = Finding("tensorrt", None, "no code for this GPU", 0.2)


def asked(**values: Any) -> list[Params]:
    return [Params(Path("1_x.ipynb"), values)]


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the engines answer; filled by the test."""
    found: list[Finding] = []
    monkeypatch.setattr(smoke, "examine", lambda: found)
    return found


def test_only_a_run_that_asks_for_a_gpu_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in ({"gpus": 2}, {"device": "cuda"}, {"require": "cuda"}):
        assert asks_for_gpu(asked(**values))
    assert not asks_for_gpu(asked(gpus=0, device="cpu", require="", triton="container"))
    monkeypatch.setattr(smoke, "examine", lambda: pytest.fail("nobody asked"))
    smoke_test(asked(gpus=0), print)


def test_a_failure_names_the_fix_and_nothing_is_measured(examined: list[Finding]) -> None:
    examined[:] = [*OK[:1], Finding("torch", False, "has code for sm_75", 2.0, "Install torch==2.7.1")]
    said: list[str] = []
    with pytest.raises(ProviderError, match=r"torch does not compute on it: has code for sm_75. Install torch==2.7.1"):
        smoke_test(asked(gpus=1), said.append)
    assert any("FAILED" in line for line in said)


def test_what_is_left_out_fails_only_where_it_is_required(examined: list[Finding]) -> None:
    examined[:] = [*OK, NO_TENSORRT]
    smoke_test(asked(require="cuda"), lambda text: None)
    with pytest.raises(ProviderError, match="tensorrt does not compute on it: no code for this GPU"):
        smoke_test(asked(require="cuda tensorrt"), lambda text: None)


def test_a_container_is_asked_from_inside(examined: list[Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    examined[:] = OK
    monkeypatch.setattr(module.shutil, "which", lambda name: "/usr/bin/docker")
    monkeypatch.setenv("SERVELAB_TRITON_IMAGE", "servelab/triton:0123")
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command)
        return SimpleNamespace(returncode=len(commands) - 1, stderr="ModuleNotFoundError: No module named 'torch'")

    monkeypatch.setattr(module.subprocess, "run", run)
    smoke_test(asked(gpus=2, triton="container"), lambda text: None)
    assert "servelab/triton:0123" in commands[0] and "--gpus=all" in commands[0]
    with pytest.raises(
        ToolMissing, match="servelab/triton:0123 does not compute on the GPU: .*No module named 'torch'"
    ):
        smoke_test(asked(gpus=2, triton="container"), lambda text: None)


def test_it_runs_before_the_first_notebook(examined: list[Finding], monkeypatch, tmp_path: Path) -> None:
    examined[:] = [Finding("driver", False, "no NVIDIA driver", 0.1, "take another node")]
    monkeypatch.setattr("reserve.run.here.execute", lambda *_: pytest.fail("a notebook ran"))
    with pytest.raises(ProviderError, match="driver does not compute on it: no NVIDIA driver. take another node"):
        run_parts("system", RunOptions(params=("gpus=2",), runs=tmp_path), lambda text: None)
