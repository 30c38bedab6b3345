"""What only a GPU can show: every engine computes on one, and answers as the CPU does. `make test-gpu`."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from snippets.engine import export, providers
from snippets.engine.streams import Tuning
from snippets.gpu import check, smoke
from snippets.gpu.check import LADDER, OnGpu, Rung, climb
from snippets.kernel import gpu_ladder
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
    return check.settled(mobilenet_v2(5, width=0.35))


@pytest.fixture(scope="module")
def fp32(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export_onnx(network, tmp_path_factory.mktemp("onnx") / "fp32.onnx")


def test_the_smoke_test_passes() -> None:
    found = smoke.examine()
    assert [str(one) for one in found if one.ok is False] == []


@needs_torch
@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_each_rung_answers_as_the_cpu_does(network: torch.nn.Module, rung: Rung) -> None:
    with torch.inference_mode():
        expected = network(torch.from_numpy(IMAGES)).numpy()
    # The random network's logits are small differences of large numbers; convolutions in float32 are TF32 by default.
    allowed = {"float32": 2e-2, "float16": 5e-2, "bfloat16": 2e-1}[rung.kind]
    assert np.abs(expected).max() > 0.1
    assert check.relative_difference(OnGpu(network, rung, IMAGES).logits(), expected) < allowed


@needs_torch
def test_the_ladder_is_climbed_and_recorded(network: torch.nn.Module) -> None:
    run = open_run("model", run_id="gpu")
    climb(run, network, time.monotonic(), LADDER[:1])
    assert run.record().result("gpu/cuda-eager/latency")["provider"] == "cuda"


@needs_torch
@pytest.mark.parametrize("rung", gpu_ladder.RUNGS)
def test_each_product_of_matrices_is_right(rung: str) -> None:
    assert gpu_ladder.relative_error(rung, 256) <= gpu_ladder.RUNGS[rung][2]


@needs_torch
def test_the_products_are_measured_below_the_limits(tmp_path: Path) -> None:
    run = open_run("model", run_id="products", runs=str(tmp_path))
    steps = gpu_ladder.GpuLadder(run)
    steps.turns.take_all(2)
    rates, limits = steps.rates(), steps.limits()
    assert rates["naive"].value < rates["coalesced"].value < rates["library"].value
    assert rates["library"].value < 1.2 * limits["float32"]


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_runs_all_of_the_exported_graph(fp32: Path, provider: str) -> None:
    if reason := providers.absence(provider):
        pytest.skip(reason)
    found = providers.session(fp32, provider, threads=1)(IMAGES)
    assert check.relative_difference(found, providers.session(fp32, threads=1)(IMAGES)) < 2e-2
    assert providers.placement(fp32, provider)["refused_on_cpu"] == []


def test_tensorrt_computes_in_float16_on_request(fp32: Path) -> None:
    if reason := providers.absence("tensorrt"):
        pytest.skip(reason)
    narrow = providers.session(fp32, "tensorrt", threads=1, tuning=Tuning(fp16=True))
    assert narrow.detail.endswith("float16")
    assert check.relative_difference(narrow(IMAGES), providers.session(fp32, threads=1)(IMAGES)) < 5e-2


def test_tritons_instances_run_on_the_gpu(fp32: Path, tmp_path: Path) -> None:
    if reason := providers.absence("cuda"):
        pytest.skip(reason)
    with TritonServer("embedded", tmp_path / "triton") as server:
        server.deploy(onnx_classifier(fp32, 5, ServiceOptions(instances=2, gpus=1)))
        assert server.ready("food_onnx")
        found = ask_by_json(f"http://{server.url}/v2/models/food_onnx", IMAGES[:1])
    assert check.relative_difference(found, providers.session(fp32, threads=1)(IMAGES[:1])) < 2e-2


def ask_by_json(model: str, images: np.ndarray) -> np.ndarray:
    """What the server's model answers to float32 (N,3,224,224): logits (N,C), by the protocol's plainest form."""
    with urllib.request.urlopen(model, timeout=30) as answer:
        (tensor,) = json.load(answer)["inputs"]
    given = {"name": tensor["name"], "datatype": "FP32", "shape": images.shape, "data": images.ravel().tolist()}
    with urllib.request.urlopen(f"{model}/infer", json.dumps({"inputs": [given]}).encode(), timeout=60) as answer:
        (logits,) = json.load(answer)["outputs"]
    return np.array(logits["data"], np.float32).reshape(logits["shape"])


def test_nvml_tells_of_every_gpu() -> None:
    with Gpus() as gpus:
        readings = gpus.read()
    assert readings and all(one.memory_mb > 0 and one.clock_mhz > 0 for one in readings)
