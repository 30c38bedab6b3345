"""A float32 ONNX file with its numbers in 16 bits. Any ONNX Runtime runs it: natively, or converting on the way."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from snippets.engine.providers import session
from snippets.files import replacing


def to_float16(source: Path, path: Path) -> Path:
    """Write `source` with weights and arithmetic in float16; input and output stay float32 (N,3,H,W), (N,classes)."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers below float16's smallest are cut off, and said to be
        model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        onnx.save(model, partial)
    return path


def weight_bytes(path: Path, folder: Path) -> dict[str, Any]:
    """Bytes of the weights by type, `file` as they lie there, `loaded` as ONNX Runtime computes with them on this CPU.

    Where it has no kernels for 16 bits, it converts the weights when it loads them. `folder`: where its optimized graph
    may lie for a moment.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        optimized = Path(place) / "optimized.onnx"
        session(path, optimized=optimized)
        return {"file": _by_type(path), "loaded": _by_type(optimized)}


def _by_type(path: Path) -> dict[str, int]:
    import onnx

    found: dict[str, int] = {}
    for tensor in onnx.load(path).graph.initializer:
        name = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        found[name] = found.get(name, 0) + onnx.numpy_helper.to_array(tensor).nbytes
    return found
