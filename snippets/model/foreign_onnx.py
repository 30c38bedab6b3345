"""Someone's ONNX image classifier in the kit's form: float32 images (N,3,224,224) in, float32 (N,classes) out, N free.

What differs is put before or behind the network as a few nodes: another size is resized, channels last are transposed,
uint8 gets the picture back that the kit has normalized. Half precision becomes float32 (other notebooks make it smaller
again). The weights and what is computed with them stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from snippets.data.image import MEAN, SIDE, STD
from snippets.errors import ModelError, first_line
from snippets.model.file_kind import refuse_accidents

INPUT, OUTPUT = "input", "logits"
THEIR_IMAGES, THEIR_SCORES = "their_images", "their_scores"
# Every runtime of the last years reads these; nothing that a classifier needs came later.
IR_VERSION, OPSET = 10, 21
# Before this one, every weight had to be an input too, and no optimizer may take such a one for a constant.
OLDEST_IR = 8
# From here on Resize is what it is today.
RESIZE_OPSET = 13
INTEGER = frozenset(
    ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QuantizeLinear", "DequantizeLinear", "QGemm")
    + ("QLinearAdd", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QAttention")
)


@dataclass(frozen=True)
class Taken:
    """A model in the kit's form. `batch`: the batch size that its file was fixed to, 0 where it was free."""

    model: Any
    batch: int
    changes: tuple[str, ...]


def is_quantized(model: Any) -> bool:
    """Whether an ONNX model's weights or activations are 8-bit integers already."""
    return any(node.op_type in INTEGER for node in model.graph.node)


def read(source: Path) -> Any:
    """The onnx.ModelProto of a file, its weights with it. Raises ModelError saying what the file is, and what to do."""
    import onnx

    if not source.is_file():
        raise ModelError(f"There is no ONNX file {source}. Check the path.")
    refuse_accidents(source)
    try:
        model = onnx.load(source)
    except FileNotFoundError as error:
        raise _lacks_its_data(source, error) from error
    except Exception as error:  # protobuf and the checker raise their own kinds
        if any(words in str(error) for words in ("external", "doesn't exist", "should be stored in")):
            raise _lacks_its_data(source, error) from error
        raise ModelError(
            f"{source} is not a readable ONNX model ({first_line(error)}). Export or download it again."
        ) from error
    if not model.graph.node:
        raise ModelError(f"{source} is not a readable ONNX model (it has no graph). Export or download it again.")
    return model


def _lacks_its_data(source: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{source} keeps its weights in another file, which is not beside it ({first_line(error)}). Copy that file "
        "into the same folder under the name that it had, or export with external_data=False."
    )


def take(source: Path) -> Taken:
    """Read an image classifier and bring it into the kit's form.

    Raises ModelError for what is no image classifier (several inputs or outputs, no images), with the remedy.
    """
    model = read(source)
    changes = list(_modern(model, source))
    changes += _in_float32(model)
    _one_of_each(source, model.graph.input, model.graph.output)
    image = _image_of(source, model.graph.input[0])
    # Out of the way of the kit's names, whichever of them the file gives to what.
    _rename(model, image.name, THEIR_IMAGES)
    _rename(model, model.graph.output[0].name, THEIR_SCORES)
    image = replace(image, name=THEIR_IMAGES)
    if image.side != (SIDE, SIDE):
        model = _for_resizing(model, source)
    _retype_outputs(model, source)
    changes += _lead_in(model, image)
    _rename(model, model.graph.output[0].name, OUTPUT)
    _set_shape(model.graph.output[0])
    return Taken(model, image.batch, tuple(changes))


@dataclass(frozen=True)
class Image:
    """What a network takes: its input's name, ONNX element type, whether channels come last, (height, width), batch."""

    name: str
    kind: int
    channels_last: bool
    side: tuple[int, int]
    batch: int


def _one_of_each(source: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    if len(inputs) == 1 and len(outputs) == 1:
        return
    names = [", ".join(value.name for value in values) for values in (inputs, outputs)]
    raise ModelError(
        f"{source} has {len(inputs)} inputs ({names[0]}) and {len(outputs)} outputs ({names[1]}); an image classifier "
        "has one of each. Cut it to one: onnx.utils.extract_model(model, smaller, ['the images'], ['the logits'])."
    )


def _image_of(source: Path, value: Any) -> Image:
    from onnx import TensorProto

    kind = value.type.tensor_type.elem_type
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in value.type.tensor_type.shape.dim]
    shown = "x".join(str(size) if size else "?" for size in sizes)
    if len(sizes) != 4:
        raise ModelError(
            f"{source} takes `{value.name}` of {len(sizes)} axes ({shown}); images have four: (N,3,H,W) or (N,H,W,3). "
            "Give an image classifier."
        )
    channels_last = sizes[3] == 3 and sizes[1] != 3
    if not channels_last and sizes[1] not in (0, 3):
        raise ModelError(
            f"{source} takes images of {sizes[1] or sizes[3]} channels ({shown}), the kit's have 3 (red, green, blue). "
            "Put a layer before it that makes its channels of these, and export that."
        )
    if kind not in (TensorProto.FLOAT, TensorProto.UINT8):
        raise ModelError(
            f"{source} takes images as {TensorProto.DataType.Name(kind).lower()}; float32, float16 and uint8 are read. "
            "Export it with one of these."
        )
    height, width = sizes[1:3] if channels_last else sizes[2:4]
    return Image(value.name, kind, channels_last, (height or SIDE, width or SIDE), sizes[0])


def _modern(model: Any, source: Path) -> Iterator[str]:
    """Bring the file format and the operator set to what runtimes read; yields what was lowered, in words."""
    import onnx

    if model.ir_version > IR_VERSION:
        yield f"IR version {model.ir_version} -> {IR_VERSION}"
        model.ir_version = IR_VERSION
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name in weights]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, OLDEST_IR)
    opset = next((one for one in model.opset_import if one.domain in ("", "ai.onnx")), None)
    if opset is None or opset.version <= OPSET:
        return
    newest = onnx.defs.onnx_opset_version()
    for node in model.graph.node:
        if node.domain in ("", "ai.onnx") and not _meant_the_same(node.op_type, opset.version, newest):
            raise ModelError(
                f"{source} uses opset {opset.version}, where {node.op_type} is another than in opset {OPSET}. Export "
                "it again with opset_version=18."
            )
    yield f"opset {opset.version} -> {OPSET}"
    opset.version = OPSET


def _meant_the_same(operation: str, version: int, newest: int) -> bool:
    """Whether an operation of a newer opset takes and does what it did in OPSET.

    Later versions of most only take more types. An operation that this package does not know in either is no match.
    """
    import onnx

    try:
        then = onnx.defs.get_schema(operation, OPSET)
        now = onnx.defs.get_schema(operation, min(version, newest))
    except onnx.defs.SchemaError:
        return False
    return (
        [one.name for one in then.inputs] == [one.name for one in now.inputs]
        and len(then.outputs) == len(now.outputs)
        and set(now.attributes) == set(then.attributes)
    )


def _in_float32(model: Any) -> Iterator[str]:
    """Make half precision (float16, bfloat16) of weights, constants, casts, inputs and outputs float32."""
    from onnx import TensorProto

    half = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    found = False
    for graph in _graphs(model.graph):
        for tensor in graph.initializer:
            found |= _widen(tensor)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    found |= _widen(attribute.t)
                if attribute.name in ("to", "dtype") and attribute.i in half:
                    attribute.i, found = TensorProto.FLOAT, True
        del graph.value_info[:]
        for value in (*graph.input, *graph.output):
            if value.type.tensor_type.elem_type in half:
                value.type.tensor_type.elem_type, found = TensorProto.FLOAT, True
    if found:
        yield "half precision -> float32"


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those inside its nodes (the branches of an If, the body of a Loop)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _widen(tensor: Any) -> bool:
    from onnx import TensorProto, numpy_helper

    if tensor.data_type not in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
        return False
    values = np.asarray(numpy_helper.to_array(tensor)).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return True


def _for_resizing(model: Any, source: Path) -> Any:
    """The model in an opset that has today's Resize."""
    import onnx.version_converter

    opset = next(one for one in model.opset_import if one.domain in ("", "ai.onnx"))
    if opset.version >= RESIZE_OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, RESIZE_OPSET)
    except Exception as error:  # the converter raises its own kinds
        raise ModelError(
            f"{source} takes another size than {SIDE} x {SIDE} and is in opset {opset.version}, which has no Resize to "
            f"bring images to it ({first_line(error)}). Export it again with opset_version=18."
        ) from error


def _retype_outputs(model: Any, source: Path) -> None:
    """A float64 output becomes float32; class numbers instead of scores are refused."""
    from onnx import TensorProto, helper

    value = model.graph.output[0]
    kind = value.type.tensor_type.elem_type
    if kind == TensorProto.FLOAT:
        return
    if kind != TensorProto.DOUBLE:
        raise ModelError(
            f"{source} returns {TensorProto.DataType.Name(kind).lower()} (`{value.name}`): class numbers, not a score "
            "for each class. Export it without its last ArgMax."
        )
    model.graph.node.append(helper.make_node("Cast", [value.name], [OUTPUT + "_float32"], to=TensorProto.FLOAT))
    value.name = OUTPUT + "_float32"
    value.type.tensor_type.elem_type = TensorProto.FLOAT


def _lead_in(model: Any, image: Image) -> Iterator[str]:
    """Put what an image needs before the network; yields what was put there, in words."""
    from onnx import TensorProto, helper

    graph, lead = model.graph, _Lead()
    if image.side != (SIDE, SIDE):
        lead.resize(image.side)
        yield f"images resized to {image.side[0]} x {image.side[1]}"
    if image.kind == TensorProto.UINT8:
        lead.pixels()
        yield "normalized images back to pixels (uint8)"
    if image.channels_last:
        lead.add("Transpose", perm=[0, 2, 3, 1])
        yield "channels last"
    own = next(value for value in graph.input if value.name == image.name)
    if not lead.nodes:
        _rename(model, image.name, INPUT)
        _set_shape(own)
        return
    for name in (INPUT, *(node.output[0] for node in lead.nodes)):
        _rename(model, name, f"{name}_inner")
    last = lead.nodes[-1]
    last.output[0] = image.name
    graph.input.remove(own)
    graph.input.insert(0, helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", 3, SIDE, SIDE]))
    graph.initializer.extend(lead.constants)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*lead.nodes, *rest])


class _Lead:
    """Nodes in a row, the first of which takes the kit's input."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operation: str, *constants: np.ndarray | None, **attributes: Any) -> None:
        """One node more, with constants as its further inputs (None: an optional one that is left out)."""
        from onnx import helper, numpy_helper

        number = len(self.nodes)
        before = self.nodes[-1].output[0] if self.nodes else INPUT
        names = ["" if one is None else f"lead_{number}_{i}" for i, one in enumerate(constants)]
        for name, one in zip(names, constants, strict=True):
            if one is not None:
                self.constants.append(numpy_helper.from_array(one, name))
        node = helper.make_node(operation, [before, *names], [f"lead_{number}"], name=f"lead_{number}", **attributes)
        self.nodes.append(node)

    def resize(self, side: tuple[int, int]) -> None:
        """Bilinear, to (height, width)."""
        # A little more than the quotient: the size is rounded down.
        scales = np.array([1, 1, *((size + 0.01) / SIDE for size in side)], dtype=np.float32)
        self.add("Resize", None, scales, mode="linear", coordinate_transformation_mode="half_pixel")

    def pixels(self) -> None:
        """From what the kit normalized back to 0..255, in uint8."""
        from onnx import TensorProto

        spread, middle = (255 * np.array(values, dtype=np.float32).reshape(1, 3, 1, 1) for values in (STD, MEAN))
        self.add("Mul", spread)
        self.add("Add", middle + np.float32(0.5))  # and Floor rounds
        self.add("Floor")
        self.add("Max", np.array(0, dtype=np.float32))
        self.add("Min", np.array(255, dtype=np.float32))
        self.add("Cast", to=TensorProto.UINT8)


def free_batch(model: Any, batch: int) -> int:
    """Let every Reshape that has the batch size `batch` written into it take any; returns how many there were."""
    from onnx import numpy_helper

    graph = model.graph
    fixed = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            fixed[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    changed = 0
    for node in graph.node:
        shape = fixed.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) > 1 else None
        if shape is None or not shape.size or int(shape[0]) != batch:
            continue
        # -1 is "what is left"; where another axis is that, 0 is "as the input's".
        free = np.array(shape, dtype=np.int64)
        free[0] = 0 if -1 in free[1:] else -1
        name = f"free_batch_{changed}"
        graph.initializer.append(numpy_helper.from_array(free, name))
        node.input[1] = name
        for attribute in [attribute for attribute in node.attribute if attribute.name == "allowzero"]:
            node.attribute.remove(attribute)  # with it, 0 would be a size
        changed += 1
    return changed


def flatten_output(model: Any) -> None:
    """Append a Flatten: a classifier that ends in (N,classes,1,1) or (N,1,1,classes)."""
    from onnx import helper

    graph = model.graph
    inner = OUTPUT + "_unflattened"
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == OUTPUT:
                    names[index] = inner
    graph.node.append(helper.make_node("Flatten", [inner], [OUTPUT], axis=1))
    del graph.output[0].type.tensor_type.shape.dim[:]
    _set_shape(graph.output[0])


def _set_shape(value: Any) -> None:
    """Leave the first axis free; the others are as they are."""
    dimensions = value.type.tensor_type.shape.dim
    if not len(dimensions):
        value.type.tensor_type.ClearField("shape")
        return
    dimensions[0].Clear()
    dimensions[0].dim_param = "batch"


def _rename(model: Any, old: str, new: str) -> None:
    """Give a tensor another name; one that has that name already gives way."""
    if old == new:
        return
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == new:
                    names[index] = f"{new}_inner"
                elif name == old:
                    names[index] = new
    for tensor in model.graph.initializer:
        if tensor.name == new:
            tensor.name = f"{new}_inner"
        elif tensor.name == old:
            tensor.name = new
    for value in (*model.graph.input, *model.graph.output):
        if value.name == old:
            value.name = new
