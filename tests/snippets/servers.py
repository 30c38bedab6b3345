"""A model that needs neither torch nor onnxruntime, and pictures of every awkward kind, for tests of servers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from snippets.data.food11_classes import CLASSES
from snippets.engine.classifier import Classifier


def toy_classifier(logits=None) -> Classifier:
    """Scores each class by the picture's mean colour: red is class 0, green class 1, blue class 2."""

    def by_colour(batch: np.ndarray) -> np.ndarray:
        scores = np.full((len(batch), len(CLASSES)), -5.0, dtype=np.float32)
        scores[:, :3] = batch.mean(axis=(2, 3))
        return scores

    return Classifier(logits or by_colour, CLASSES, "onnx", "toy", "cpu", 1, 1.0)


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    """The picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour: str = "red", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """A picture of one colour."""
    return Image.new("RGB", size, colour).convert(mode)


def top_red_bottom_blue(size: tuple[int, int] = (300, 300)) -> Image.Image:
    """A picture whose orientation can be seen."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0], size[1] // 2))
    return picture


def animation() -> bytes:
    """A GIF whose first frame is green and the rest red."""
    frames = [plain("lime"), plain("red"), plain("red")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)


def rotated_by_exif(picture: Image.Image, orientation: int) -> bytes:
    """A JPEG that asks to be shown rotated."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture, "JPEG", exif=exif, quality=95)


def save_toy_onnx(path: Path, side: int = 224) -> Path:
    """`toy_classifier` as an ONNX file with the kit's input and output and its labels in the metadata."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    classes = len(CLASSES)
    weights = np.zeros((3, classes), dtype=np.float32)
    weights[:3, :3] = np.eye(3)
    bias = np.where(np.arange(classes) < 3, 0.0, -5.0).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        ],
        "toy",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"labels": json.dumps(list(CLASSES))})
    onnx.save(model, path)
    return path
