"""The three services of the system lab, ready to deploy on Triton.

- `pytorch_classifier`: the food classifier, eager PyTorch in Triton's Python backend;
- `onnx_classifier`: the same network as an ONNX graph, in the Python backend or in Triton's own one;
- `similar_photos`: a search for the stored photos nearest to a new one. Its one large matrix is read from memory
  for each execution, however many queries it answers: the case in which batching pays even on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snippets.files import cache_folder, replacing
from snippets.parts import KIT
from snippets.triton.config import Deployment, DynamicBatching, InstanceGroup, ModelConfig, Resource, Tensor

MODELS = Path(__file__).parent / "models"
IMAGE_TENSOR = Tensor("input", "FP32", (3, 224, 224))
PIXELS = Tensor("input", "UINT8", (224, 224, 3))
EMBEDDING = 1280
CATALOGUE_PHOTOS = 16384
NEAREST = 5


@dataclass(frozen=True)
class ServiceOptions:
    """How a service is deployed. Empty `name` and None stand for the service's own.

    `instances` copies on the CPU, or on each of the first `gpus` GPUs, or groups as they are; `threads`: what one
    instance may use for one execution; `native`: in Triton's own onnxruntime backend where the server has it (ONNX
    services only); `parameters` reach a Python model as text.
    """

    name: str = ""
    instances: int | tuple[InstanceGroup, ...] = 1
    gpus: int | None = None
    threads: int = 1
    max_batch: int | None = None
    batching: DynamicBatching | None = None
    native: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> tuple[InstanceGroup, ...]:
        """The instance groups of the configuration."""
        return self.instances if isinstance(self.instances, tuple) else groups(self.instances, self.gpus or 0)


DEFAULT_SERVICE = ServiceOptions()


def groups(
    instances: int, gpus: int = 0, resources: tuple[Resource, ...] = (), priority: int = 0
) -> tuple[InstanceGroup, ...]:
    """One instance group: `instances` copies on the CPU, or on each of the first `gpus` GPUs."""
    kind, numbers = ("gpu", tuple(range(gpus))) if gpus else ("cpu", ())
    return (InstanceGroup(instances, kind, numbers, resources, priority),)


def pytorch_classifier(
    weights: Path, classes: int, options: ServiceOptions = DEFAULT_SERVICE, width: float = 1.0
) -> Deployment:
    """The classifier from a torch state dict (as `save_state_dict` writes it), eager in Triton's Python backend."""
    own = {"classes": str(classes), "width": str(width)}
    files = {
        "model.py": MODELS / "pytorch_classifier.py",
        "batch.py": MODELS / "batch.py",
        "weights.pt": Path(weights),
        # The network's definition travels along, so that the server needs PyTorch but not the kit.
        "snippets/__init__.py": MODELS / "__init__.py",
        "snippets/model/__init__.py": MODELS / "__init__.py",
        "snippets/model/mobilenet.py": KIT / "snippets" / "model" / "mobilenet.py",
        "snippets/errors.py": KIT / "snippets" / "errors.py",
    }
    graph = Graph("food_pytorch", IMAGE_TENSOR, Tensor("logits", "FP32", (classes,)))
    return Deployment(_config(graph, options, "python", own), files)


def onnx_classifier(path: Path, classes: int, options: ServiceOptions = DEFAULT_SERVICE) -> Deployment:
    """The classifier from an ONNX file with input `input` and output `logits`."""
    return onnx_graph(path, Graph("food_onnx", IMAGE_TENSOR, Tensor("logits", "FP32", (classes,))), options)


def pixel_classifier(path: Path, classes: int, options: ServiceOptions = DEFAULT_SERVICE) -> Deployment:
    """The classifier from an ONNX file that takes pixels, uint8 (224,224,3): see `export.from_pixels`."""
    return onnx_graph(path, Graph("food_pixels", PIXELS, Tensor("logits", "FP32", (classes,))), options)


def similar_photos(path: Path, options: ServiceOptions = DEFAULT_SERVICE) -> Deployment:
    """The search for similar photos from the file that `write_similar_photos` made."""
    query, answer = Tensor("embedding", "FP32", (EMBEDDING,)), Tensor("nearest", "INT64", (NEAREST,))
    return onnx_graph(path, Graph("similar", query, answer, max_batch=32), options)


@dataclass(frozen=True)
class Graph:
    """What a service takes and returns, and what it is called and batched to unless told otherwise."""

    name: str
    input: Tensor
    output: Tensor
    max_batch: int = 16


def onnx_graph(path: Path, graph: Graph, options: ServiceOptions = DEFAULT_SERVICE) -> Deployment:
    """An ONNX graph in the Python backend, or (`native`) in Triton's onnxruntime backend where the server has it."""
    if options.native:
        own = {"intra_op_thread_count": str(options.threads)}
        config = _config(graph, options, "onnxruntime", own)
        return Deployment(config, {"model.onnx": Path(path)})
    files = {"model.py": MODELS / "onnx_graph.py", "batch.py": MODELS / "batch.py", "model.onnx": Path(path)}
    return Deployment(_config(graph, options, "python", {}), files)


def _config(graph: Graph, options: ServiceOptions, backend: str, own: Mapping[str, str]) -> ModelConfig:
    """The service's configuration; its `own` parameters give way to those of the options."""
    threads = {} if backend == "onnxruntime" else {"threads": str(options.threads)}
    return ModelConfig(
        options.name or graph.name,
        backend,
        (graph.input,),
        (graph.output,),
        max_batch=graph.max_batch if options.max_batch is None else options.max_batch,
        instances=options.groups(),
        batching=options.batching,
        parameters={**threads, **own, **options.parameters},
    )


def save_state_dict(model: Any, path: Path) -> Path:
    """Write a torch module's state dict where a deployment can take it from; atomic."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        torch.save(model.state_dict(), partial)
    return path


def stored_photos() -> Path:
    """The file of the search for similar photos, in the cache, being large and the same for everyone; made where it is
    not there yet."""
    return write_similar_photos(similar_photos_file())


def similar_photos_file() -> Path:
    """Where that file is, or will be."""
    return cache_folder() / f"similar-{CATALOGUE_PHOTOS}.onnx"


def write_similar_photos(path: Path, photos: int = CATALOGUE_PHOTOS, seed: int = 0) -> Path:
    """Write the graph scores = embedding x catalogue, nearest = top 5, unless the file is there already.

    The catalogue is random: what the lab studies is its size (photos x 1280 float32: 84 MB), not its contents.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    if path.exists():
        return path
    catalogue = np.random.default_rng(seed).random((EMBEDDING, photos), dtype=np.float32) - np.float32(0.5)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["embedding", "catalogue"], ["scores"]),
            helper.make_node("TopK", ["scores", "k"], ["score", "nearest"]),
        ],
        "similar_photos",
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING])],
        [helper.make_tensor_value_info("nearest", TensorProto.INT64, ["n", NEAREST])],
        [numpy_helper.from_array(catalogue, "catalogue"), numpy_helper.from_array(np.array([NEAREST]), "k")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "SERVELAB_CACHE") as partial:
        onnx.save(model, partial)
    return path
