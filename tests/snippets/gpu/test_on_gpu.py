"""What only a GPU can show: every engine computes on one, and answers as the CPU does. `make test-gpu`."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from snippets.engine import export, providers
from snippets.engine.streams import Tuning
from snippets.gpu import smoke
from snippets.gpu.check import LADDER, OnGpu, Rung, climb
from snippets.machine import gpu_libraries
from snippets.machine.gpus import Gpus
from snippets.model.mobilenet import mobilenet_v2
from snippets.record.run import open_run
from snippets.triton.deployments import ServiceOptions, onnx_classifier
from snippets.triton.server import TritonServer

try:
    NO_DRIVER = "" if gpu_libraries.compute_capability() else "the driver sees no GPU"
except OSError:
    NO_DRIVER = "there is no NVIDIA driver here"
NO_TORCH = NO_DRIVER or ("" if torch.cuda.is_available() else "this PyTorch was built without CUDA")

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER or "-")]
needs_torch = pytest.mark.skipif(bool(NO_TORCH), reason=NO_TORCH or "-")
IMAGES = np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return mobilenet_v2(5, width=0.35).eval()


@pytest.fixture(scope="module")
def fp32(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export_onnx(network, tmp_path_factory.mktemp("onnx") / "fp32.onnx")


def test_the_smoke_test_passes() -> None:
    assert [one for one in smoke.examine() if one.ok is False] == []


@needs_torch
@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_each_rung_answers_as_the_cpu_does(network: torch.nn.Module, rung: Rung) -> None:
    with torch.inference_mode():
        expected = network(torch.from_numpy(IMAGES)).numpy()
    tolerance = 1e-2 if rung.kind == "float32" else 0.2
    assert np.abs(OnGpu(network, rung, IMAGES).logits() - expected).max() < tolerance


@needs_torch
def test_the_ladder_is_climbed_and_recorded(network: torch.nn.Module) -> None:
    run = open_run("model", run_id="gpu")
    climb(run, network, time.monotonic(), LADDER[:1])
    assert run.record().result("gpu/cuda-eager/latency")["provider"] == "cuda"


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_runs_all_of_the_exported_graph(fp32: Path, provider: str) -> None:
    if reason := providers.absence(provider):
        pytest.skip(reason)
    found = providers.session(fp32, provider, threads=1)(IMAGES)
    assert np.allclose(found, providers.session(fp32, threads=1)(IMAGES), atol=2e-2)
    assert providers.placement(fp32, provider)["refused_on_cpu"] == []


def test_tensorrt_computes_in_float16_on_request(fp32: Path) -> None:
    if reason := providers.absence("tensorrt"):
        pytest.skip(reason)
    narrow = providers.session(fp32, "tensorrt", threads=1, tuning=Tuning(fp16=True))
    assert narrow.detail.endswith("float16")
    assert np.allclose(narrow(IMAGES), providers.session(fp32, threads=1)(IMAGES), atol=0.2)


def test_tritons_instances_run_on_the_gpu(fp32: Path, tmp_path: Path) -> None:
    if reason := providers.absence("cuda"):
        pytest.skip(reason)
    with TritonServer("embedded", tmp_path / "triton") as server:
        server.deploy(onnx_classifier(fp32, 5, ServiceOptions(instances=2, gpus=1)))
        assert server.ready("food_onnx")


def test_nvml_tells_of_every_gpu() -> None:
    with Gpus() as gpus:
        readings = gpus.read()
    assert readings and all(one.memory_mb > 0 and one.clock_mhz > 0 for one in readings)
