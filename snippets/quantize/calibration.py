"""What calibration images teach about the activations of a float32 network: their ranges, and their mean values.

Everything is reduced inside the graph, so that a pass over the images brings out a few numbers for each activation and
image, not the activations. The images must come from the training split: ranges are learned from data like any other
parameter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snippets.data.image import preprocess
from snippets.engine.graph import read_model
from snippets.engine.providers import ERRORS_ONLY


def calibrate(prepared: Path, images: np.ndarray, batch: int = 16) -> dict[str, Any]:
    """Ranges of every float32 activation over calibration images, uint8 (N,224,224,3), and means by channel.

    Returns `tensors` (names); `low` and `high`, the smallest and largest value met (float32, one each); `typical_low`
    and `typical_high`, the mean over the images of each image's smallest and largest value; `means`, for each tensor
    that a convolution reads its mean by channel (float32 (C,)); and `images`, how many.
    """
    import onnxruntime as ort

    model, tensors, read = _with_reductions(prepared)
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    wanted = [f"{kind}:{tensor}" for kind in ("low", "high") for tensor in tensors] + [f"mean:{t}" for t in read]
    collected: list[list[np.ndarray]] = [[] for _ in wanted]
    for start in range(0, len(images), batch):
        for column, values in zip(
            collected, session.run(wanted, {name: preprocess(images[start : start + batch])}), strict=True
        ):
            column.append(np.asarray(values))
    by_image = [np.concatenate(column) for column in collected]
    lows, highs = np.stack(by_image[: len(tensors)]), np.stack(by_image[len(tensors) : 2 * len(tensors)])
    return {
        "tensors": tensors,
        "low": lows.min(axis=1),
        "high": highs.max(axis=1),
        "typical_low": lows.mean(axis=1),
        "typical_high": highs.mean(axis=1),
        "means": {
            tensor: values.mean(axis=0) for tensor, values in zip(read, by_image[2 * len(tensors) :], strict=True)
        },
        "images": len(images),
    }


def _with_reductions(prepared: Path) -> tuple[Any, list[str], list[str]]:
    """The network with outputs `low:T`, `high:T` (N,) and `mean:T` (N,C), its activations, and those Conv reads."""
    from onnx import TensorProto, helper, numpy_helper, shape_inference

    model = shape_inference.infer_shapes(read_model(prepared))
    graph = model.graph
    known = {value.name: value.type.tensor_type for value in [*graph.input, *graph.value_info, *graph.output]}
    made = [graph.input[0].name, *(name for node in graph.node for name in node.output)]
    tensors = [
        name
        for name in made
        if name in known and known[name].elem_type == TensorProto.FLOAT and len(known[name].shape.dim) >= 2
    ]
    read = [name for name in dict.fromkeys(n.input[0] for n in graph.node if n.op_type == "Conv") if name in tensors]

    def reduce(kind: str, tensor: str, axes: list[int], axes_input: bool) -> Any:
        output = f"{kind}:{tensor}"
        graph.output.append(helper.make_empty_tensor_value_info(output))
        operation = {"low": "ReduceMin", "high": "ReduceMax", "mean": "ReduceMean"}[kind]
        if not axes_input:
            return helper.make_node(operation, [tensor], [output], axes=axes, keepdims=0)
        key = "axes:" + ",".join(map(str, axes))
        if all(one.name != key for one in graph.initializer):
            graph.initializer.append(numpy_helper.from_array(np.array(axes, dtype=np.int64), key))
        return helper.make_node(operation, [tensor, key], [output], keepdims=0)

    # Axes became an input of the Reduce operators in opset 18.
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    for tensor in tensors:
        axes = list(range(1, len(known[tensor].shape.dim)))
        graph.node.extend(reduce(kind, tensor, axes, opset >= 18) for kind in ("low", "high"))
    graph.node.extend(reduce("mean", tensor, [2, 3], opset >= 18) for tensor in read)
    return model, tensors, read
