"""A service is deployed with its own settings unless the options say otherwise, and with the files it needs."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import psutil
import pytest

from snippets.data.image import preprocess
from snippets.engine.export import from_pixels
from snippets.engine.providers import session
from snippets.triton import deployments, loads
from snippets.triton.config import DynamicBatching, InstanceGroup, Resource
from snippets.triton.deployments import ServiceOptions
from snippets.triton.server import TritonServer
from tests.snippets.servers import save_toy_onnx


def test_options_left_alone_are_the_services_own(tmp_path: Path) -> None:
    config = deployments.similar_photos(tmp_path / "similar.onnx").config
    assert (config.name, config.backend, config.max_batch) == ("similar", "python", 32)
    assert config.instances == (InstanceGroup(1),) and config.batching is None
    assert config.parameters == {"threads": "1"}


def test_options_reach_the_configuration(tmp_path: Path) -> None:
    batching = DynamicBatching((4,), 500)
    options = ServiceOptions("mine", 2, threads=3, max_batch=4, batching=batching, parameters={"cores": "0,1"})
    config = deployments.onnx_classifier(tmp_path / "fp32.onnx", 11, options).config
    assert (config.name, config.max_batch, config.batching) == ("mine", 4, batching)
    assert config.instance_count == 2 and config.parameters == {"threads": "3", "cores": "0,1"}


def test_tritons_own_backend_names_its_threads_in_its_own_way(tmp_path: Path) -> None:
    deployment = deployments.onnx_classifier(tmp_path / "fp32.onnx", 11, ServiceOptions(threads=2, native=True))
    assert deployment.config.backend == "onnxruntime" and set(deployment.files) == {"model.onnx"}
    assert deployment.config.parameters == {"intra_op_thread_count": "2"}


def test_copies_on_gpus_are_counted_on_each_and_tokens_are_theirs() -> None:
    assert deployments.groups(2, gpus=2)[0] == InstanceGroup(2, "gpu", (0, 1))
    token = deployments.groups(3, resources=(Resource("work"),), priority=7)
    assert token == (InstanceGroup(3, "cpu", (), (Resource("work"),), 7),)
    assert ServiceOptions(instances=token).groups() == token


def test_the_network_travels_with_its_weights(tmp_path: Path) -> None:
    deployment = deployments.pytorch_classifier(tmp_path / "weights.pt", 5, width=0.5)
    assert {"model.py", "batch.py", "weights.pt", "snippets/model/mobilenet.py"} <= set(deployment.files)
    assert all(path.is_file() for name, path in deployment.files.items() if name != "weights.pt")
    assert deployment.config.parameters == {"classes": "5", "width": "0.5", "threads": "1"}


def test_the_search_finds_the_nearest_photos_and_is_written_once(tmp_path: Path) -> None:
    path = deployments.write_similar_photos(tmp_path / "cache" / "similar.onnx", photos=50)
    query = np.random.default_rng(1).random((2, deployments.EMBEDDING), dtype=np.float32)
    nearest = session(path, threads=1)(query)
    assert nearest.shape == (2, deployments.NEAREST) and len(set(nearest[0].tolist())) == deployments.NEAREST
    before = path.stat().st_mtime_ns
    assert deployments.write_similar_photos(path, photos=50) == path and path.stat().st_mtime_ns == before


def test_weights_are_written_whole(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(2, 1)
    path = deployments.save_state_dict(layer, tmp_path / "new" / "weights.pt")
    assert torch.equal(torch.load(path, weights_only=True)["weight"], layer.weight)
    assert [each.name for each in path.parent.iterdir()] == ["weights.pt"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_pytorch_keeps_its_memory_from_one_batch_to_the_next(triton_server: TritonServer, tmp_path: Path) -> None:
    from snippets.model.mobilenet import mobilenet_v2

    weights = deployments.save_state_dict(mobilenet_v2(11), tmp_path / "weights.pt")
    triton_server.deploy(deployments.pytorch_classifier(weights, 11, ServiceOptions(name="keeping")))
    photos = np.zeros((16, 3, 224, 224), dtype=np.float32)
    sender = loads.target_of(triton_server, "keeping", {"input": photos}).sender()
    try:
        for _ in range(6):
            sender()
        before = page_faults(triton_server)
        for _ in range(4):
            sender()
        # The activations of 16 photos are 157,000 pages; the photos themselves 2,352.
        assert (page_faults(triton_server) - before) / 4 < 2000
    finally:
        sender.close()
        triton_server.unload("keeping")


def test_a_classifier_of_pixels_answers_as_the_one_of_tensors(triton_server: TritonServer, tmp_path: Path) -> None:
    toy = save_toy_onnx(tmp_path / "toy.onnx")
    triton_server.deploy(
        deployments.pixel_classifier(from_pixels(toy, tmp_path / "pixels.onnx"), 11, ServiceOptions("pixels"))
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    sender = loads.target_of(triton_server, "pixels", {"input": pixels}).sender()
    try:
        found = sender().as_numpy("logits")
    finally:
        sender.close()
        triton_server.unload("pixels")
    np.testing.assert_allclose(found, session(toy, threads=1)(preprocess(pixels)), atol=1e-5)


def page_faults(server: TritonServer) -> int:
    """Pages that the system has given to the processes of all Python models until now."""
    assert server.pid is not None
    stubs = [each for each in psutil.Process(server.pid).children(recursive=True) if "stub" in each.name()]
    return sum(int(Path(f"/proc/{each.pid}/stat").read_text().rpartition(")")[2].split()[7]) for each in stubs)
