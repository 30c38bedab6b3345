"""From a PyTorch module, or someone's ONNX file, to the one file that everything else serves: fp32.onnx.

The file keeps what the exporter wrote (constants still to be computed, batch normalization not folded), so
that a student can watch ONNX Runtime optimize it: input "input" float32 (N,3,224,224), output "logits"
float32 (N,classes), N free.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.course import located
from snippets.data.image import MEAN, SIDE, STD
from snippets.engine.compiling import no_collection
from snippets.errors import ModelError, first_line, reason_of
from snippets.files import replacing
from snippets.model.foreign_onnx import INPUT, OUTPUT

if TYPE_CHECKING:
    from snippets.record.run import Run

OPSET = 18
TRIED = 3
"""Images that a file of somebody else is tried with."""


def ensure_fp32(run: Run, weights: str = "rehearsal", classes: Sequence[str] | None = None) -> Path:
    """models/fp32.onnx of the run, exported (or taken over) once as the step `export/fp32/size`.

    `classes` are the data's class names in label order: weights for others raise ModelError.
    """
    return ensure_export(run, weights, classes)["file"]


def ensure_export(
    run: Run, weights: str = "rehearsal", classes: Sequence[str] | None = None, module: Any = None
) -> dict[str, Any]:
    """The recorded export: `file` (Path), `bytes`, `classes` (how many), `source`, and `largest_difference`.

    `largest_difference` is that of the logits of PyTorch and ONNX Runtime on the same random images (None
    where the weights were an ONNX file already). `module` saves loading the weights a second time.
    """
    from snippets.model.weights_file import SHIPPED

    source = SHIPPED if weights == "rehearsal" else located(weights)
    if not source.is_file():
        raise ModelError(
            f"There is no weights file {source}. Give weights=rehearsal or the path of a "
            ".safetensors, .pth or .onnx file."
        )
    names = None if classes is None else list(classes)
    return run.step(
        "export/fp32/size",
        _make_fp32,
        run.models / "fp32.onnx",
        source,
        names,
        module,
        inputs={"weights": source, "classes": names},
    )


def _make_fp32(path: Path, weights: Path, classes: list[str] | None, module: Any) -> dict[str, Any]:
    from snippets.model.weights_file import check_classes, is_onnx, load_model

    difference = None
    if is_onnx(weights):
        adopt_onnx(weights, path)
    else:
        if module is None:
            module, _ = load_model(weights, classes=classes)
        export_onnx(module, path)
        difference = largest_difference(module, path)
    found = count_classes(path)
    if classes is not None:
        check_classes(weights, None, found, classes)
    return {
        "file": path,
        "bytes": path.stat().st_size,
        "classes": found,
        "source": weights.name,
        "largest_difference": difference,
    }


def export_onnx(module: Any, path: str | os.PathLike[str]) -> Path:
    """Export a torch module in eval mode with PyTorch's current exporter, batch size free.

    The exporter's own clean-up is off (optimize=False), so that the graph levels of ONNX Runtime have
    their work to do. Raises ModelError when the module cannot be traced.
    """
    import torch

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    module = _without_inplace(module).eval()
    with _quiet(), no_collection(), torch.no_grad():
        try:
            program = torch.export.export(
                module,
                (torch.zeros(2, 3, SIDE, SIDE),),
                strict=False,
                dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            )
            exported = torch.onnx.export(
                program,
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                optimize=False,
                verbose=False,
            )
        except Exception as error:  # torch raises many kinds here
            raise ModelError(
                f"The model cannot be exported to ONNX: {first_line(error)}. It must take "
                f"float32 images (N,3,{SIDE},{SIDE}) and return logits."
            ) from error
    assert exported is not None
    model = exported.model_proto
    _resolve_casts(model)
    _save(model, path)
    return path


def adopt_onnx(source: Path, path: Path) -> Path:
    """Write someone's ONNX image classifier in the kit's form (see `model.foreign_onnx`), and try it.

    Any size of images, channels first or last, float32, float16 or uint8, a free or a fixed batch. Raises ModelError,
    with the remedy, for a file that is not readable or is no image classifier.
    """
    from snippets.model import foreign_onnx

    taken = foreign_onnx.take(source)
    path.parent.mkdir(parents=True, exist_ok=True)

    def written() -> tuple[tuple[int, ...], str]:
        _save(taken.model, path)
        return _try_out(path)

    shape, reason = written()
    if reason and taken.batch and foreign_onnx.free_batch(taken.model, taken.batch):
        shape, reason = written()
    if not reason and len(shape) == 4 and shape[1] * shape[2] * shape[3] == max(shape[1:]):
        foreign_onnx.flatten_output(taken.model)
        shape, reason = written()
    if reason and taken.batch:
        raise ModelError(
            f"{source} is fixed to batches of {taken.batch} ({reason}). Export it with a free batch size: "
            "torch.onnx.export(model, (images,), 'model.onnx', dynamo=True, "
            "dynamic_shapes=({0: torch.export.Dim('batch')},)) with two images or more."
        )
    if reason:
        raise ModelError(
            f"{source} does not run on images: {reason}. Run it once where it was made (onnxruntime.InferenceSession), "
            "and export it again with opset_version=18."
        )
    if len(shape) != 2 or shape[1] < 2:
        raise ModelError(
            f"{source} returned {shape} for {TRIED} images, not ({TRIED}, classes). Export it so that it returns a "
            "score for each class (logits), without what comes after."
        )
    return path


def from_pixels(source: Path, path: Path) -> Path:
    """Write a file in the kit's form so that it takes pixels: uint8 (N,H,W,3) as `image.decode` returns them.

    `image.preprocess` becomes the first four operations of the graph, so that a request carries a quarter of the bytes.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(source)
    graph = model.graph
    _, channels, height, width = (dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim)
    normal = f"{INPUT}_normalized"
    for node in graph.node:
        for number, name in enumerate(node.input):
            if name == INPUT:
                node.input[number] = normal
    scale = 1 / (255 * np.asarray(STD, dtype=np.float32))
    shift = -np.asarray(MEAN, dtype=np.float32) / np.asarray(STD, dtype=np.float32)
    for name, each in (("pixel_scale", scale), ("pixel_shift", shift)):
        graph.initializer.append(numpy_helper.from_array(each.astype(np.float32).reshape(1, 3, 1, 1), name))
    first = [
        # Bytes are cheaper to rearrange than floats.
        helper.make_node("Transpose", [INPUT], ["pixels_planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pixels_planes"], ["pixels_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels_float", "pixel_scale"], ["pixels_scaled"]),
        helper.make_node("Add", ["pixels_scaled", "pixel_shift"], [normal]),
    ]
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", height, width, channels]))
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(model, path)
    return path


def largest_difference(module: Any, path: Path, count: int = 4, seed: int = 0) -> float:
    """Largest absolute difference of the logits of a torch module and of the ONNX file, on random images."""
    import torch

    from snippets.engine.providers import session

    images = np.random.default_rng(seed).standard_normal((count, 3, SIDE, SIDE), dtype=np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(images)).numpy()
    return float(np.abs(session(path, level="none")(images) - expected).max())


def count_classes(path: Path) -> int:
    """Number of logits an ONNX file gives for one image."""
    from snippets.engine.providers import session

    return int(session(path, level="none")(np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)).shape[1])


def _try_out(path: Path) -> tuple[tuple[int, ...], str]:
    """The shape that several images give, and why the file cannot be used with any batch, in words (one is empty)."""
    from snippets.engine.providers import session

    images = np.random.default_rng(0).standard_normal((TRIED, 3, SIDE, SIDE)).astype(np.float32)
    try:
        model = session(path, level="none")
        together = model(images)
        alone = np.concatenate([model(images[n : n + 1]) for n in range(TRIED)])
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        return (), reason_of(error)
    if together.shape != alone.shape:  # the values may differ: dynamic int8 finds one range for a whole batch
        return (), f"{TRIED} images give {together.shape}, one by one they give {alone.shape}"
    return tuple(together.shape), ""


def _resolve_casts(model: Any) -> None:
    """Write "cast like that tensor" as "cast to float32": in this file it always is.

    CastLike is a function that ONNX Runtime expands only after it has folded constants, so that every
    level would look alike. With the type written out, folding constants is visible where it happens.
    """
    from onnx import TensorProto, helper

    for node in model.graph.node:
        if node.op_type == "CastLike":
            del node.input[1:]
            node.op_type = "Cast"
            node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))


def _save(model: Any, path: Path) -> None:
    """Write the model without the exporter's notes about source lines, atomically."""
    import onnx

    graph = model.graph
    del graph.value_info[:]  # shapes of what is in between can be inferred, and the exporter's may be wrong
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    del model.functions[:]
    del graph.metadata_props[:]
    with replacing(path) as partial:
        onnx.save(model, partial)


def _without_inplace(module: Any) -> Any:
    """A copy whose activations do not write in place: the exporter takes half the time over it."""
    import copy

    module = copy.deepcopy(module)
    for part in module.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    return module


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's remarks about packages that this kit does not use."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)
