"""Whether each engine computes on the GPU; where there is none, the checks are stood in for."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from snippets.gpu import smoke
from snippets.machine import gpu_libraries


@pytest.mark.skipif(not gpu_libraries.absence("cuda"), reason="there is a GPU here")
def test_without_a_gpu_the_driver_is_the_one_finding_and_names_the_fix() -> None:
    (found,) = smoke.examine()
    assert found.name == "driver" and found.ok is False and "nvidia-smi" in str(found)


def ends(monkeypatch: pytest.MonkeyPatch, status: int, words: str = "") -> None:
    done = SimpleNamespace(returncode=status, stdout=words, stderr="")
    monkeypatch.setattr(smoke.subprocess, "run", lambda *_, **__: done)


def test_an_engine_that_crashes_is_a_line_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, -11)
    (found,) = smoke.examine(["cuda"])
    assert found.detail == "crashed (signal 11)" and "onnxruntime-gpu==1.22.1" in str(found)


def test_what_does_not_apply_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, smoke.SKIPPED, "TensorRT 10 has no code for this GPU\n")
    (found,) = smoke.examine(["tensorrt"])
    assert found.ok is None and str(found).startswith("left out tensorrt") and "->" not in str(found)


def test_a_check_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, smoke.LIMIT_S)

    monkeypatch.setattr(smoke.subprocess, "run", never)
    (found,) = smoke.examine(["torch"])
    assert found.ok is False and "did not end within 120 s" in found.detail


def test_a_torch_without_code_for_the_gpu_says_what_it_has(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    cuda = SimpleNamespace(
        is_available=lambda: True, get_device_capability=lambda _: (6, 0), get_arch_list=lambda: ["sm_75", "sm_80"]
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, __version__="2.13.0"))
    assert smoke.main(["torch"]) == 1
    assert "PyTorch 2.13.0 has code for sm_75, sm_80, this GPU is sm_60" in capsys.readouterr().out


def test_an_onnxruntime_without_code_for_the_gpu_says_what_it_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(gpu_libraries, "compute_capability", lambda: (5, 2))  # older than all that it was built for
    assert smoke.main(["cuda"]) == 1
    said = capsys.readouterr().out
    assert "libonnxruntime_providers_cuda.so has code for sm_60" in said and "this GPU is sm_52" in said


def test_the_network_that_is_tried_runs_here(tmp_path) -> None:
    import numpy as np

    from snippets.engine.providers import session

    path = smoke.small_network(tmp_path / "smoke.onnx")
    assert session(path, threads=1)(np.zeros((2, 3, smoke.SIDE, smoke.SIDE), np.float32)).shape == (2, 8)
