"""Load a MobileNetV2 from whatever a course has: safetensors, a state_dict, or a pickled torchvision model.

Nothing from a file is ever executed: pickles are read by torch's restricted unpickler with an allow-list of
plain layer classes, and only the tensors are taken from them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snippets.course import located
from snippets.errors import ModelError, first_line
from snippets.files import replacing
from snippets.model.file_kind import refuse_accidents

if TYPE_CHECKING:
    import torch

SHIPPED = Path(__file__).parent / "weights" / "mobilenetv2_rehearsal.safetensors"
# As people call what torch.save wrote; Lightning's checkpoints end in .ckpt, `.pth.tar` in .tar.
TORCH_SUFFIXES = (".pth", ".pt", ".ckpt", ".tar", ".bin")
FORMATS = (
    "Give a .safetensors file or a checkpoint (.pth, .pt, .ckpt, .pth.tar, .bin) of a MobileNetV2, or any image "
    "classifier as an .onnx file."
)
FIRST, LAST = "features.0.0.weight", "classifier.1.weight"


def is_onnx(path: str | os.PathLike[str]) -> bool:
    """Whether the path names an ONNX file, which runs as it is instead of through `load_model`."""
    return Path(path).suffix.lower() == ".onnx"


def load_model(
    source: str | os.PathLike[str] = "rehearsal", classes: Sequence[str] | None = None
) -> tuple[torch.nn.Module, tuple[str, ...]]:
    """The model in evaluation mode and its labels, in output order.

    `source` is `rehearsal` (the weights that ship with the kit) or a path. `classes` are those of the data: a
    different number than the weights' is a ModelError naming both, and so are different names where the file
    holds names. Labels come from the file, else from `classes`, else are "class 0", "class 1", ...
    Raises ModelError for a file that is missing, unreadable, refused, or not a MobileNetV2.
    """
    path = SHIPPED if os.fspath(source) == "rehearsal" else located(source)
    if not path.is_file():
        raise ModelError(f"No weights at {path}. Check the path, or use weights=rehearsal. {FORMATS}")
    if is_onnx(path):
        raise ModelError(f"{path} is an ONNX file: it has no torch module. Open it with providers.session instead.")
    if path.suffix.lower() not in (".safetensors", *TORCH_SUFFIXES):
        raise ModelError(f"{path}: unknown kind of weights '{path.suffix}'. {FORMATS}")
    refuse_accidents(path)
    if path.suffix.lower() == ".safetensors":
        state, labels = _read_safetensors(path)
    else:
        state, labels = _read_pickle(path), ()
    model = _build(state, path)
    count = state_classes(model)
    if labels and len(labels) != count:
        raise ModelError(f"{path} names {len(labels)} labels but has {count} outputs. Save it again with its labels.")
    if classes is not None:
        check_classes(path, labels or None, count, classes)
        labels = tuple(classes)
    return model.eval(), labels or tuple(f"class {number}" for number in range(count))


def check_classes(
    path: str | os.PathLike[str], labels: Sequence[str] | None, count: int, classes: Sequence[str]
) -> None:
    """Raise ModelError unless a model of `count` outputs (named `labels`, if known) fits the data's classes."""
    if count != len(classes):
        raise ModelError(
            f"{path} tells {count} classes apart but the data has {len(classes)} ({_shown(classes)}). Choose weights "
            "and data of the same course, or train the model on this data."
        )
    if labels is not None and list(labels) != list(classes):
        raise ModelError(
            f"{path} was trained for other classes ({_shown(labels)}) than the data's ({_shown(classes)}). Choose "
            "weights and data that belong together; the order of the classes matters too."
        )


def state_classes(model: torch.nn.Module) -> int:
    """How many classes a MobileNetV2 tells apart."""
    return int(model.get_parameter(LAST).shape[0])


def save_weights(model: torch.nn.Module, path: str | os.PathLike[str], labels: Sequence[str]) -> Path:
    """Write a model's weights and labels as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={"labels": json.dumps(list(labels))})
    return path


def _read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            labels = json.loads((file.metadata() or {}).get("labels", "[]"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is not a readable safetensors file ({error}). Copy or download it again.") from error
    return state, tuple(str(label) for label in labels)


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name from a torch file, read by the restricted unpickler."""
    import pickle

    import torch

    from snippets.model.torchvision_names import allowed_classes

    try:
        with torch.serialization.safe_globals(allowed_classes()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} was refused and nothing in it was run: it holds more than tensors and MobileNetV2's layers. "
            "If you trust its author, save it there again with torch.save(model.state_dict(), ...). "
            f"({first_line(error)})"
        ) from error
    except Exception as error:
        raise ModelError(f"{path} is not a readable torch file ({first_line(error)}). Copy it again.") from error
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The state_dict inside a module, a checkpoint, or a state_dict; without a wrapper's prefix."""
    import torch

    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and key in content:
            content = content[key]
            content = content.state_dict() if isinstance(content, torch.nn.Module) else content
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} holds a {type(content).__name__}, not a model or its state_dict. {FORMATS}")
    start = next((name.removesuffix(FIRST) for name in content if str(name).endswith(FIRST)), "")
    return {
        str(name).removeprefix(start): tensor
        for name, tensor in content.items()
        if isinstance(tensor, torch.Tensor) and str(name).startswith(start)
    }


def _build(state: dict[str, torch.Tensor], path: Path) -> torch.nn.Module:
    """A MobileNetV2 of the width and class count that the tensors have, filled with them."""
    from snippets.model.mobilenet import mobilenet_v2

    if FIRST not in state or LAST not in state or state[LAST].ndim != 2:
        raise ModelError(f"{path} does not hold a MobileNetV2 ('{FIRST}' or '{LAST}' is missing). {FORMATS}")
    width = _width(state)
    if width is None:
        raise ModelError(
            f"{path} is like a MobileNetV2 but its layers have sizes that no width multiplier gives. Export it to "
            "ONNX and give the .onnx file instead."
        )
    model = mobilenet_v2(int(state[LAST].shape[0]), width)
    try:
        model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in state.items()})
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit a MobileNetV2: {first_line(error)}. {FORMATS}") from error
    return model


def _width(state: Mapping[str, torch.Tensor]) -> float | None:
    """The width multiplier whose layer sizes are the file's."""
    from snippets.model.mobilenet import INVERTED_RESIDUALS, round_channels

    def channels(name: str) -> int:
        return int(state[name].shape[0]) if name in state else -1

    found = [channels(FIRST), channels("features.1.conv.1.weight")]
    index = 2
    for _, _, repeats, _ in INVERTED_RESIDUALS[1:]:
        found += [channels(f"features.{index}.conv.2.weight")]
        index += repeats
    for hundredths in (100, *range(5, 301)):
        width = hundredths / 100
        sizes = [round_channels(32 * width)] + [round_channels(row[1] * width) for row in INVERTED_RESIDUALS]
        if sizes == found and state[LAST].shape[1] == round_channels(1280 * max(1.0, width)):
            return width
    return None


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
