"""The weights that ship for the other networks, kept in 16 bits (half the bytes), and their way into a new network."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from snippets.errors import ModelError
from snippets.files import replacing

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent / "weights"
EMBEDDING = "embedding"
LAST = "classifier.1."


def path(name: str) -> Path:
    """Where the kit keeps the weights of a network."""
    return FOLDER / f"{name}.safetensors"


def save(model: nn.Module, to: str | os.PathLike[str], labels: Sequence[str]) -> Path:
    """Write a network's weights as float16 safetensors with its labels, whole or not at all."""
    from safetensors.torch import save_file

    to = Path(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    with replacing(to) as partial:
        save_file(tensors, partial, metadata={"labels": json.dumps(list(labels))})
    return to


def labels(file: Path) -> tuple[str, ...]:
    """The classes that a file of weights tells apart, in the order of its outputs. ModelError where it is missing."""
    from safetensors import safe_open

    with safe_open(_present(file), framework="numpy") as content:
        return tuple(json.loads(content.metadata()["labels"]))


def load(name: str, file: Path | None = None) -> nn.Module:
    """A network with the weights of `file` (default: the shipped ones), in evaluation mode. ModelError if missing."""
    from safetensors.torch import load_file

    from snippets.smaller import networks

    file = _present(file or path(name))
    build = networks.NETWORKS["resnet" if name == EMBEDDING else name]
    model = build(len(labels(file)))
    model.load_state_dict({key: t.float() if t.is_floating_point() else t for key, t in load_file(file).items()})
    return model.eval()


def take_features(model: nn.Module, source: nn.Module) -> None:
    """Copy everything but the classifier from a network of the same kind."""
    state = {key: tensor for key, tensor in source.state_dict().items() if not key.startswith(LAST)}
    model.load_state_dict(state, strict=False)


def _present(file: Path) -> Path:
    if not file.is_file():
        raise ModelError(f"The weights {file} are missing. Restore them from the kit's release.")
    return file
