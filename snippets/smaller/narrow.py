"""A narrower MobileNetV2 out of a wide one: in each layer the channels that count most, with the weights they have.

What is left computes something else than before, and is trained again; but it learns faster than from random weights.
A channel counts by how strongly the next layer reads it: its spread after batch normalization times the norm of
the weights that read it (in the manner of Li et al., "Pruning filters for efficient ConvNets", ICLR 2017).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from snippets.model.mobilenet import InvertedResidual, MobileNetV2, mobilenet_v2


def narrowed(wide: MobileNetV2, width: float) -> MobileNetV2:
    """A MobileNetV2 of that width, filled from `wide` (of a larger one, for as many classes); in training mode."""
    classes = int(wide.get_parameter("classifier.1.weight").shape[0])
    narrow = mobilenet_v2(classes, width)
    pairs: list[tuple[Any, Any]] = list(zip(wide.features, narrow.features, strict=True))
    with torch.no_grad():
        stem = _kept(_importance(pairs[0][0][1], _readers(wide, 0)), pairs[0][1][0].out_channels)
        _copy(pairs[0][0][0], pairs[0][0][1], pairs[0][1][0], pairs[0][1][1], (stem, torch.arange(3)))
        inputs = stem
        for place, (old, new) in enumerate(pairs[1:-1], start=1):
            inputs = _block(old, new, inputs, _outputs(wide, place, inputs, new))
        last, small = pairs[-1]
        every = torch.arange(last[0].out_channels)
        _copy(last[0], last[1], small[0], small[1], (every[: small[0].out_channels], inputs))
        final, smaller = wide.classifier[1], narrow.classifier[1]
        smaller.weight.copy_(final.weight[:, : smaller.in_features])
        smaller.bias.copy_(final.bias)
    return narrow


def _block(old: InvertedResidual, new: InvertedResidual, inputs: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """Fill one block that reads the channels `inputs` and gives `outputs`; returns these."""
    layers: tuple[Any, Any] = (old.conv, new.conv)
    widens = len(old.conv) == 4
    hidden = inputs
    if widens:
        project, norm = layers[0][2], layers[0][1][1]
        hidden = _kept(_importance(norm, project.weight), layers[1][0][0].out_channels)
        _copy(layers[0][0][0], layers[0][0][1], layers[1][0][0], layers[1][0][1], (hidden, inputs))
    depth = 1 if widens else 0
    _copy(layers[0][depth][0], layers[0][depth][1], layers[1][depth][0], layers[1][depth][1], (hidden, torch.arange(1)))
    _copy(layers[0][depth + 1], layers[0][-1], layers[1][depth + 1], layers[1][-1], (outputs, hidden))
    return outputs


def _outputs(wide: MobileNetV2, place: int, inputs: torch.Tensor, new: InvertedResidual) -> torch.Tensor:
    """The channels that block `place` keeps: those of its input where both are added up."""
    if new.use_res_connect:
        return inputs
    norm: Any = wide.features[place].get_submodule("conv")[-1]  # type: ignore[index]
    layers: Any = new.conv
    return _kept(_importance(norm, _readers(wide, place)), layers[-1].num_features)


def _readers(wide: MobileNetV2, place: int) -> torch.Tensor:
    """Weights (out, in, h, w) of the convolution that reads the output of feature `place`."""
    following: Any = wide.features[place + 1]
    first = following.conv[0][0] if isinstance(following, InvertedResidual) else following[0]
    if first.groups > 1:  # a depthwise one: each channel is read by its own filter
        return first.weight.transpose(0, 1)
    return first.weight


def _importance(norm: nn.BatchNorm2d, readers: torch.Tensor) -> torch.Tensor:
    return norm.weight.abs() * readers.square().sum(dim=(0, 2, 3)).sqrt()


def _kept(importance: torch.Tensor, count: int) -> torch.Tensor:
    """Numbers of the `count` largest, in their order."""
    return importance.argsort(descending=True)[:count].sort().values


def _copy(old: Any, old_norm: Any, new: Any, new_norm: Any, chosen: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Fill a convolution and its normalization from the (outputs, inputs) that are `chosen` of the old ones."""
    rows, columns = chosen
    new.weight.copy_(old.weight[rows][:, columns])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new_norm, name).copy_(getattr(old_norm, name)[rows])
