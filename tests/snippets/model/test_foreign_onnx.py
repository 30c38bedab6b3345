"""Any image classifier in ONNX runs in the kit's form and answers as before, or is refused with a remedy that works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from snippets.data.image import MEAN, STD
from snippets.engine import export, providers
from snippets.errors import ModelError
from snippets.model import foreign_onnx
from tests.snippets.model.foreign import CLASSES, Form, build, save

HALF = TensorProto.FLOAT16
FORMS = {
    "free batch": Form(),
    "opset 9, batch of one": Form(batch=1, opset=9, ir=4),
    "opset 11": Form(opset=11, ir=6),
    "opset 13, 160 pixels": Form(opset=13, side=(160, 160)),
    "opset 9, 160 pixels": Form(opset=9, ir=4, side=(160, 160)),
    "fixed batch of eight": Form(batch=8, reshape=(8, 8)),
    "fixed batch of one, the rest open": Form(batch=1, reshape=(1, -1)),
    "channels last": Form(channels_last=True),
    "channels last, larger": Form(channels_last=True, side=(260, 260), opset=18),
    "half precision": Form(kind=HALF, weights=HALF),
    "pixels": Form(kind=TensorProto.UINT8),
    "pixels, channels last, not square": Form(kind=TensorProto.UINT8, channels_last=True, side=(96, 128)),
    "newer format": Form(ir=14),
    "newer operators": Form(opset=27, ir=14),
    "weights among the inputs": Form(opset=9, ir=3, weights_are_inputs=True),
    "four axes at the end": Form(end="four axes"),
    "double at the end": Form(end="double"),
    "the kit's names, the wrong way round": Form(names=("logits", "input"), side=(128, 128)),
    "the kit's names": Form(names=("input", "logits"), channels_last=True),
}


def plain_images() -> np.ndarray:
    """Three images of one colour each, as the kit normalizes them: float32 (3,3,224,224). No resizing changes them."""
    pixels = np.array([[10, 200, 90], [255, 0, 128], [77, 78, 79]], dtype=np.float32)
    normalized = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    return np.broadcast_to(normalized[:, :, None, None], (3, 3, 224, 224)).astype(np.float32)


def expected(form: Form) -> np.ndarray:
    """What the network makes of these images where it came from, computed in numpy."""
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in build(form).graph.initializer}
    colours = plain_images()[:, :, 0, 0].astype(np.float64)
    if form.kind == TensorProto.UINT8:
        colours = np.round(255 * (colours * np.array(STD) + np.array(MEAN))) / 255
    features = np.maximum(colours @ weights["filter"].astype(np.float64).sum(axis=(2, 3)).T, 0)
    return features @ weights["matrix"].astype(np.float64) + weights["bias"].astype(np.float64)


@pytest.mark.parametrize("name", FORMS)
def test_each_form_answers_as_where_it_came_from(name: str, tmp_path: Path) -> None:
    form = FORMS[name]
    ours = export.adopt_onnx(save(form, tmp_path / "theirs.onnx"), tmp_path / "fp32.onnx")
    found = providers.session(ours, threads=1)
    assert np.allclose(found(plain_images()), expected(form), atol=1e-2)
    assert np.allclose(found(plain_images()[:1]), expected(form)[:1], atol=1e-2)
    graph = onnx.load(ours).graph
    assert (graph.input[0].name, graph.output[0].name) == (export.INPUT, export.OUTPUT)
    assert {tensor.data_type for tensor in graph.initializer} <= {TensorProto.FLOAT, TensorProto.INT64}
    assert export.count_classes(ours) == CLASSES


def test_what_a_file_was_fixed_to_by_torchs_exporter_is_freed(tmp_path: Path) -> None:
    """Today's exporter fixes the batch unless it is told not to; a ResNet-like block, no MobileNet."""
    import torch

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(3, 8, 7, stride=4), torch.nn.BatchNorm2d(8)
            self.inner, self.head = torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.Linear(8, 4)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            features = torch.relu(self.norm(self.conv(images)))
            features = torch.relu(features + self.inner(features))
            return self.head(torch.nn.functional.adaptive_avg_pool2d(features, 1).view(features.size(0), -1))

    torch.manual_seed(0)
    module = Block().eval()
    torch.onnx.export(module, (torch.zeros(1, 3, 224, 224),), tmp_path / "theirs.onnx", dynamo=True, verbose=False)
    ours = export.adopt_onnx(tmp_path / "theirs.onnx", tmp_path / "fp32.onnx")
    assert export.largest_difference(module, ours) < 1e-3


def test_weights_in_a_file_beside_it_come_along_and_are_missed_by_name(tmp_path: Path) -> None:
    beside = tmp_path / "theirs"
    beside.mkdir()
    onnx.save(build(Form()), beside / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    ours = export.adopt_onnx(beside / "net.onnx", tmp_path / "fp32.onnx")
    assert np.allclose(providers.session(ours, threads=1)(plain_images()), expected(Form()), atol=1e-2)
    (beside / "net.data").unlink()
    with pytest.raises(ModelError, match=r"keeps its weights in another file.*net\.data.*Copy that file"):
        export.adopt_onnx(beside / "net.onnx", tmp_path / "fp32.onnx")


def refused(tmp_path: Path, model: onnx.ModelProto | Form, words: str) -> None:
    path = tmp_path / "theirs.onnx"
    onnx.save(build(model) if isinstance(model, Form) else model, path)
    with pytest.raises(ModelError, match=words):
        export.adopt_onnx(path, tmp_path / "fp32.onnx")


def test_class_numbers_are_no_scores(tmp_path: Path) -> None:
    refused(tmp_path, Form(end="class number"), "class numbers, not a score for each class.*without its last ArgMax")


def test_two_outputs_are_named_and_the_remedy_works(tmp_path: Path) -> None:
    model = build(Form())
    model.graph.output.append(helper.make_tensor_value_info("relu", TensorProto.FLOAT, ["n", 8, 222, 222]))
    refused(tmp_path, model, r"2 outputs \(scores, relu\).*onnx.utils.extract_model")
    onnx.utils.extract_model(tmp_path / "theirs.onnx", tmp_path / "one.onnx", ["images"], ["scores"])
    export.adopt_onnx(tmp_path / "one.onnx", tmp_path / "fp32.onnx")


def test_what_takes_no_colour_images_is_told_what_it_takes(tmp_path: Path) -> None:
    model = build(Form())
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    refused(tmp_path, model, r"images of 1 channels \(\?x1x224x224\)")
    model = build(Form())
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    refused(tmp_path, model, "takes images as int64; float32, float16 and uint8")
    del model.graph.input[0].type.tensor_type.shape.dim[2:]
    refused(tmp_path, model, r"2 axes \(\?x3\); images have four")


def test_a_batch_that_cannot_be_freed_is_said_with_the_way_to_export_it(tmp_path: Path) -> None:
    model = build(Form(batch=2))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2, 8, 1, 1), np.float32), "two"))
    flat = next(node for node in model.graph.node if node.op_type == "Flatten")
    model.graph.node.insert(list(model.graph.node).index(flat), helper.make_node("Mul", ["mean", "two"], ["twice"]))
    next(node for node in model.graph.node if node.op_type == "Flatten").input[0] = "twice"
    refused(tmp_path, model, r"fixed to batches of 2 .*dynamic_shapes=\(\{0: torch.export.Dim\('batch'\)\},\)")


def test_an_operation_that_the_runtime_lacks_is_named(tmp_path: Path) -> None:
    model = build(Form())
    model.graph.node[0].op_type, model.graph.node[0].domain = "TheirConv", "org.them"
    model.opset_import.append(helper.make_opsetid("org.them", 1))
    refused(tmp_path, model, r"TheirConv")


def test_integers_are_known_by_their_operations() -> None:
    model = build(Form())
    assert not foreign_onnx.is_quantized(model)
    model.graph.node[0].op_type = "QLinearConv"
    assert foreign_onnx.is_quantized(model)
