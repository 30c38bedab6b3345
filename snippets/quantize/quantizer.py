"""Post-training quantization to 8-bit integers with ONNX Runtime's own quantizer: dynamic and static.

The steps of `onnxruntime.quantization.quantize_static` are taken one by one, so that the ranges of all
activations are calibrated once and then serve every candidate of a search (snippets.quantize.search).
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.data.image import preprocess
from snippets.engine.graph import read_model
from snippets.errors import ModelError, first_line
from snippets.files import replacing
from snippets.quick_import import without_torch

# What quantize_static can do for this family of networks.
OPERATORS = ("Conv", "Gemm", "Add", "Clip", "GlobalAveragePool", "ReduceMean", "MatMul", "Relu", "Concat", "Reshape")
WITH_WEIGHTS = ("Conv", "Gemm", "MatMul")
INTEGER = ("QLinearConv", "ConvInteger")


@dataclass(frozen=True)
class Candidate:
    """One way to quantize statically.

    `operators`: types to quantize; `exclude`: names of nodes to leave in float32; `per_channel`: one scale
    for each output channel of the weights; `reduce_range`: weights in 7 bits, against overflow on x86 CPUs
    without VNNI; `format`: QDQ (float graph with quantize/dequantize pairs) or QOperator (integer operators).
    """

    name: str
    operators: tuple[str, ...] = OPERATORS
    exclude: tuple[str, ...] = ()
    per_channel: bool = True
    reduce_range: bool = False
    format: str = "QDQ"

    @property
    def file_name(self) -> str:
        """A file name made of the candidate's name."""
        return "".join(c if c.isalnum() else "-" for c in self.name.lower()).strip("-") + ".onnx"


def prepare(path: Path, into: Path) -> Path:
    """ONNX Runtime's pre-processing before quantization: constants and batch norms folded, shapes inferred.

    Raises ModelError where the pre-processing cannot digest the file.
    """
    without_torch()
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from snippets.engine.providers import session

    with replacing(into) as partial, _quiet(), tempfile.TemporaryDirectory(prefix="prepare.") as folder:
        folded = Path(folder) / "folded.onnx"
        session(path, level="basic", optimized=folded)
        try:
            quant_pre_process(str(folded), str(partial), skip_optimization=True, skip_symbolic_shape=True)
        except Exception as error:  # it raises whatever its passes raise
            raise ModelError(
                f"{path.name} cannot be prepared for quantization: {first_line(error)}. "
                "Export it again with a recent opset."
            ) from error
    return into


def quantize_dynamically(prepared: Path, into: Path) -> Path:
    """Dynamic quantization: int8 weights in the file, activation ranges found anew for every image.

    Weights are unsigned with one scale a tensor: ONNX Runtime's integer convolution takes no other.
    """
    without_torch()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        try:
            quantize_dynamic(
                str(prepared),
                str(into),
                op_types_to_quantize=["Conv", "MatMul", "Gemm"],
                weight_type=QuantType.QUInt8,
                per_channel=False,
            )
        except Exception as error:  # it raises whatever its passes raise
            raise ModelError(f"{prepared.name} cannot be quantized dynamically: {first_line(error)}.") from error
    return into


def calibrate(prepared: Path, images: np.ndarray, batch: int = 16) -> dict[str, Any]:
    """Range of every activation over calibration images, uint8 (N,224,224,3): the smallest and largest value met.

    Returns `tensors` (names), `low` and `high` (float32, one each), `images` (how many). The images must
    come from the training split: ranges are learned from data like any other parameter.
    """
    without_torch()
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator

    name = read_model(prepared).graph.input[0].name

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.starts = iter(range(0, len(images), batch))

        def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
            """The next input of the calibration by the model's name for it; None once all were given."""
            start = next(self.starts, None)
            return None if start is None else {name: preprocess(images[start : start + batch])}

    with _quiet(), tempfile.TemporaryDirectory(prefix="calibrate.") as folder:
        calibrator = create_calibrator(
            prepared,
            list(OPERATORS),
            str(Path(folder) / "augmented.onnx"),
            CalibrationMethod.MinMax,
            extra_options={"CalibMaxIntermediateOutputs": 1},
        )
        calibrator.collect_data(Reader())
        found = calibrator.compute_data()
    tensors = list(found.keys())
    ends = [found[tensor].range_value for tensor in tensors]
    return {
        "tensors": tensors,
        "low": np.array([np.min(low) for low, _ in ends], dtype=np.float32),
        "high": np.array([np.max(high) for _, high in ends], dtype=np.float32),
        "images": len(images),
    }


def _tensors_data(ranges: dict[str, Any]) -> Any:
    """Calibrated ranges as onnxruntime's quantizers take them."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import TensorsData

    ends = zip(ranges["tensors"], ranges["low"], ranges["high"], strict=True)
    return TensorsData(
        CalibrationMethod.MinMax, {name: (np.float32(low), np.float32(high)) for name, low, high in ends}
    )


def quantize_statically(prepared: Path, ranges: dict[str, Any], candidate: Candidate, into: Path) -> Path:
    """Write one statically quantized file from the prepared float32 file and calibrated ranges."""
    without_torch()
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantizationMode, load_model_with_shape_infer

    model = load_model_with_shape_infer(prepared)
    present = {node.op_type for node in model.graph.node}
    operators = [name for name in candidate.operators if name in present]
    tensors = _tensors_data(ranges)
    common: Any = ([], list(candidate.exclude), operators, {"ActivationSymmetric": False, "WeightSymmetric": True})
    with _quiet():
        try:
            if candidate.format == "QOperator":
                quantizer: Any = ONNXQuantizer(
                    model,
                    candidate.per_channel,
                    candidate.reduce_range,
                    QuantizationMode.QLinearOps,
                    True,
                    QuantType.QInt8,
                    QuantType.QUInt8,
                    tensors,
                    *common,
                )
            else:
                quantizer = QDQQuantizer(
                    model,
                    candidate.per_channel,
                    candidate.reduce_range,
                    QuantType.QInt8,
                    QuantType.QUInt8,
                    tensors,
                    *common,
                )
            quantizer.quantize_model()
            quantizer.model.save_model_to_file(str(into), False)
        except Exception as error:  # it raises whatever its passes raise
            reason = first_line(error)
            raise ModelError(f"{prepared.name} cannot be quantized as {candidate.name!r}: {reason}.") from error
    return into


def coverage(prepared: Path, quantized: Path) -> dict[str, dict[str, int]]:
    """For each operation type of the float32 file: how many there are, and how many are still float32 after.

    A convolution counts as quantized when it became an integer operator or takes a dequantized weight.
    """
    before, after = read_model(prepared).graph, read_model(quantized).graph
    total: dict[str, int] = {}
    for node in before.node:
        total[node.op_type] = total.get(node.op_type, 0) + 1
    dequantized = {name for node in after.node if node.op_type == "DequantizeLinear" for name in node.output}
    left: dict[str, int] = {}
    for node in after.node:
        # A float32 layer behind a quantized one takes a dequantized image too: its weights are what tells.
        telling = node.input[1:2] if node.op_type in WITH_WEIGHTS else node.input[:1]
        if node.op_type not in INTEGER and not dequantized.intersection(telling):
            left[node.op_type] = left.get(node.op_type, 0) + 1
    return {name: {"total": count, "float32": min(count, left.get(name, 0))} for name, count in total.items()}


def convolutions(prepared: Path) -> list[tuple[str, int, int]]:
    """Each convolution in order: name of the node, number of weights, groups (above 1: depthwise)."""
    graph = read_model(prepared).graph
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            found.append((node.name, sizes.get(node.input[1], 0), int(groups)))
    return found


def calibration_images(images: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """`count` images of the training split, every class in its share."""
    from snippets.model.evaluate import subset

    return np.asarray(images[subset(labels, count)])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantizer's remarks out of the notebook; its errors are raised."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
