"""Post-training quantization to 8-bit integers with ONNX Runtime's own quantizer: dynamic and static.

The steps of `onnxruntime.quantization.quantize_static` are taken one by one, so that the ranges of all activations are
calibrated once (snippets.quantize.calibration) and then serve every candidate of a search (snippets.quantize.search).
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
    What is done before quantizing: `typical`: ranges of the average image, not the widest of all (a value beyond is cut
    off); `corrected`: biases make up for the mean error of rounding; `equalized`: channels are of like size.
    """

    name: str
    operators: tuple[str, ...] = OPERATORS
    exclude: tuple[str, ...] = ()
    per_channel: bool = True
    reduce_range: bool = False
    format: str = "QDQ"
    typical: bool = False
    corrected: bool = False
    equalized: bool = False

    @property
    def weight_bits(self) -> int:
        """Bits of a weight."""
        return 7 if self.reduce_range else 8

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


def _tensors_data(ranges: dict[str, Any], typical: bool) -> Any:
    """Calibrated ranges as onnxruntime's quantizers take them."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import TensorsData

    low, high = ("typical_low", "typical_high") if typical else ("low", "high")
    ends = zip(ranges["tensors"], ranges[low], ranges[high], strict=True)
    return TensorsData(
        CalibrationMethod.MinMax, {name: (np.float32(least), np.float32(most)) for name, least, most in ends}
    )


def quantize_statically(prepared: Path, ranges: dict[str, Any], candidate: Candidate, into: Path) -> Path:
    """Write one statically quantized file from the float32 file and its ranges (calibration.calibrate).

    `prepared` is equalized and corrected already where the candidate says so (search.make). Raises ModelError.
    """
    without_torch()
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantizationMode, load_model_with_shape_infer

    model = load_model_with_shape_infer(prepared)
    present = {node.op_type for node in model.graph.node}
    operators = [name for name in candidate.operators if name in present]
    tensors = _tensors_data(ranges, candidate.typical)
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
