"""Structured pruning: channels taken out of a MobileNetV2 for good, which leaves a smaller network of plain layers.

An inverted residual widens its input to six times the channels, filters each of these by itself, and reads them all
again. Only these inner channels go, and those that the classifier reads: what blocks hand on and add up stays as it
was, so that no other layer has to follow.

Which ones: out goes the channel whose loss costs the outputs of the layer that reads it least, once the weights of the
others have made up for it as well as they can; then the next one. That is the Optimal Brain Surgeon of Hassibi and
Stork (NeurIPS 1992) for whole channels, layer by layer (Frantar and Alistarh, "Optimal brain compression", NeurIPS
2022).

Layers need torch at import time, so other modules import this one inside functions.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from snippets.model.mobilenet import InvertedResidual, MobileNetV2
from snippets.retrain.products import products

MULTIPLE = 16
"""Kernels compute 8 or 16 channels at once: a part of such a block costs as much as all of it."""
RIDGE = 1e-2
"""What is added to each channel's spread, relative to their mean: pictures are few, and weights shall stay small."""
TOGETHER = 24
"""How many channels' parts are subtracted from the inverse at once, which is far faster than one by one."""


def without(model: MobileNetV2, batches: Sequence[torch.Tensor], share: float) -> MobileNetV2:
    """A copy with about `share` of the inner channels of each block left (a multiple of 16), in evaluation mode.

    `batches`: pictures float32 (N,3,H,W), on which the layers shall give what they gave.
    """
    small = copy.deepcopy(model).eval()
    with torch.no_grad():
        for one in products(model.eval(), small, batches):
            if one.makers:
                matters = None if one.norm is None else _scale(one.norm)
                count = _count(one.reads.shape[1], share)
                kept, weights, constants = remaining(one.reads, one.wanted, count, matters)
                for conv, norm in one.makers:
                    _keep(conv, norm, kept)
                one.put(weights, constants)
    small.last_channel = small.classifier[1].in_features  # type: ignore[assignment]
    return small


def inner(model: MobileNetV2) -> list[int]:
    """How many channels are inside each block that widens its input, and how many the classifier reads."""
    blocks: list[Any] = [block for block in model.features if isinstance(block, InvertedResidual)]
    last: Any = model.classifier[1]
    return [block.conv[0][0].out_channels for block in blocks if len(block.conv) == 4] + [last.in_features]


def remaining(
    reads: torch.Tensor, wanted: torch.Tensor, count: int, matters: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The `count` columns of `reads` (rows, inputs) that give `wanted` (rows, outputs) best, linearly.

    Returns their numbers in order (count,), weights (outputs, count) and constants (outputs,). `matters` (outputs,):
    what an error of each output counts (default: all the same).
    """
    reads, wanted = reads.double(), wanted.double()
    x, y = reads - reads.mean(0), wanted - wanted.mean(0)
    spread = x.T @ x / len(x)
    spread += RIDGE * spread.diagonal().mean().clamp(min=1e-12) * torch.eye(len(spread))
    inverse = torch.linalg.inv(spread)
    weights = inverse @ (x.T @ y) / len(x)
    scale = torch.ones(y.shape[1], dtype=y.dtype) if matters is None else matters.double()
    diagonal, left = inverse.diagonal().clone(), torch.ones(len(weights), dtype=torch.bool)
    waiting: list[torch.Tensor] = []
    for _ in range(len(weights) - count):
        cost = (weights * scale).square().sum(1) / diagonal
        out = int(cost.masked_fill(~left, torch.inf).argmin())
        column = inverse[:, out].clone()
        if waiting:
            lost = torch.stack(waiting, 1)
            column -= lost @ lost[out]
        weights -= torch.outer(column / column[out], weights[out])
        waiting.append(column / column[out].sqrt())
        diagonal -= waiting[-1].square()
        left[out] = False
        if len(waiting) == TOGETHER:
            lost = torch.stack(waiting, 1)
            inverse -= lost @ lost.T
            waiting.clear()
    kept = left.nonzero()[:, 0]
    chosen = weights[kept].T
    return kept, chosen.float().contiguous(), (wanted.mean(0) - chosen @ reads.mean(0)[kept]).float()


def _scale(norm: nn.BatchNorm2d) -> torch.Tensor:
    """By how much a normalization stretches each of its inputs."""
    assert norm.running_var is not None
    return norm.weight / (norm.running_var + norm.eps).sqrt()


def _keep(conv: nn.Conv2d, norm: nn.BatchNorm2d, kept: torch.Tensor) -> None:
    """Keep these outputs of a convolution and its normalization; a depthwise one reads as many as it gives."""
    conv.weight, conv.out_channels = nn.Parameter(conv.weight[kept].clone()), len(kept)
    if conv.groups > 1:
        conv.groups = conv.in_channels = len(kept)
    norm.weight, norm.bias = nn.Parameter(norm.weight[kept].clone()), nn.Parameter(norm.bias[kept].clone())
    norm.num_features = len(kept)
    for name in ("running_mean", "running_var"):
        norm.register_buffer(name, getattr(norm, name)[kept].clone())


def _count(channels: int, share: float) -> int:
    """About `share` of the channels: the nearest multiple of 16, at least one of them and no more than there are."""
    return min(channels, max(1, round(channels * share / MULTIPLE)) * MULTIPLE)
