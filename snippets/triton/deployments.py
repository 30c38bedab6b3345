"""The three services of the system lab, ready to deploy on Triton.

- `pytorch_classifier`: the food classifier, eager PyTorch in Triton's Python backend;
- `onnx_classifier`: the same network as an ONNX graph, in the Python backend or in Triton's own one;
- `similar_photos`: a search for the stored photos nearest to a new one. Its one large matrix is read from memory
  for each execution, however many queries it answers: the case in which batching pays even on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snippets.files import replacing
from snippets.parts import KIT
from snippets.triton.config import Deployment, InstanceGroup, ModelConfig, Tensor

MODELS = Path(__file__).parent / "models"
IMAGE_TENSOR = Tensor("input", "FP32", (3, 224, 224))
EMBEDDING = 1280
CATALOGUE_PHOTOS = 16384
NEAREST = 5


Instances = int | tuple[InstanceGroup, ...]


def groups(instances: Instances, gpus: int = 0, **options: Any) -> tuple[InstanceGroup, ...]:
    """One instance group: `instances` copies on the CPU, or on each of the first `gpus` GPUs; groups as they are."""
    if not isinstance(instances, int):
        return instances
    if gpus:
        return (InstanceGroup(instances, "gpu", tuple(range(gpus)), **options),)
    return (InstanceGroup(instances, **options),)


def pytorch_classifier(
    weights: Path,
    classes: int,
    *,
    name: str = "food_pytorch",
    width: float = 1.0,
    instances: Instances = 1,
    gpus: int = 0,
    threads: int = 1,
    parameters: Mapping[str, str] | None = None,
    **config: Any,
) -> Deployment:
    """The classifier from a torch state dict (as `save_weights` writes it). `config`: fields of ModelConfig."""
    given = {"classes": str(classes), "width": str(width), "threads": str(threads), **(parameters or {})}
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
    return Deployment(
        ModelConfig(
            name,
            "python",
            (IMAGE_TENSOR,),
            (Tensor("logits", "FP32", (classes,)),),
            parameters=given,
            instances=groups(instances, gpus),
            **config,
        ),
        files,
    )


def onnx_classifier(path: Path, classes: int, *, name: str = "food_onnx", **options: Any) -> Deployment:
    """The classifier from an ONNX file with input `input` and output `logits`; options as for `onnx_graph`."""
    return onnx_graph(path, IMAGE_TENSOR, Tensor("logits", "FP32", (classes,)), name=name, **options)


def similar_photos(path: Path, *, name: str = "similar", **options: Any) -> Deployment:
    """The search for similar photos from the file that `write_similar_photos` made; options as for `onnx_graph`."""
    options.setdefault("max_batch", 32)
    query = Tensor("embedding", "FP32", (EMBEDDING,))
    return onnx_graph(path, query, Tensor("nearest", "INT64", (NEAREST,)), name=name, **options)


def onnx_graph(
    path: Path,
    input_: Tensor,
    output: Tensor,
    *,
    name: str,
    native: bool = False,
    instances: Instances = 1,
    gpus: int = 0,
    threads: int = 1,
    parameters: Mapping[str, str] | None = None,
    **config: Any,
) -> Deployment:
    """An ONNX graph in the Python backend, or (`native`) in Triton's onnxruntime backend where the server has it.

    `threads`: what one instance may use for one execution.
    """
    given = {"threads": str(threads), **(parameters or {})}
    if native:
        given = {"intra_op_thread_count": str(threads), **(parameters or {})}
        files = {"model.onnx": Path(path)}
    else:
        files = {"model.py": MODELS / "onnx_graph.py", "batch.py": MODELS / "batch.py", "model.onnx": Path(path)}
    backend = "onnxruntime" if native else "python"
    config["instances"] = groups(instances, gpus)
    return Deployment(ModelConfig(name, backend, (input_,), (output,), parameters=given, **config), files)


def save_state_dict(model: Any, path: Path) -> Path:
    """Write a torch module's state dict where a deployment can take it from; atomic."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        torch.save(model.state_dict(), partial)
    return path


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
