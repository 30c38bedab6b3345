"""The products of a MobileNetV2, one after the other: what each reads, and what it gave in the whole network.

    with torch.no_grad():
        for one in products(whole, pruned, batches):
            one.put(weights, constants)      # what follows is fed by the pruned layers before it

A product is a layer that adds up all channels: a 1x1 convolution, or the classifier. Layer by layer a network can be
pruned without training: what a layer has left is fitted to what it gave before (least squares), on a few pictures.
Source: He et al., "Channel pruning for accelerating very deep neural networks", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from snippets.model.mobilenet import InvertedResidual, MobileNetV2

PLACES = 64
"""Places of each picture at which a layer is looked at, on average."""


@dataclass(frozen=True)
class Product:
    """One product `layer` of the network that is pruned, and the normalization after it (None: the classifier's).

    `reads` (rows, inputs): what it reads at some places of the pictures, as the layers before it are now. `wanted`
    (rows, outputs): what it gave there in the whole network. `makers`: the convolutions, each with its normalization,
    that make what it reads, where nobody else reads that.
    """

    layer: Any
    norm: nn.BatchNorm2d | None
    reads: torch.Tensor
    wanted: torch.Tensor
    makers: tuple[tuple[Any, Any], ...] = ()

    def put(self, weights: torch.Tensor, constants: torch.Tensor) -> None:
        """Give the layer other weights (outputs, inputs), and what is added to its outputs (outputs,)."""
        if self.norm is None:
            self.layer.weight, self.layer.bias = nn.Parameter(weights), nn.Parameter(constants)
            self.layer.in_features = weights.shape[1]
            return
        self.layer.weight, self.layer.in_channels = nn.Parameter(weights[:, :, None, None]), weights.shape[1]
        # The convolution has no constants of its own; its normalization subtracts some.
        assert self.norm.running_mean is not None
        self.norm.running_mean -= constants


def products(whole: MobileNetV2, pruned: MobileNetV2, batches: Sequence[torch.Tensor]) -> Iterator[Product]:
    """Each product of `pruned`, from the first to the classifier. `batches`: pictures float32 (N,3,H,W).

    Both networks are of one kind and in evaluation mode; gradients are switched off by the caller.
    """
    theirs, ours = list(batches), list(batches)
    pairs: list[tuple[Any, Any]] = list(zip(whole.features, pruned.features, strict=True))
    for old, new in pairs:
        if isinstance(new, InvertedResidual):
            *before, project, norm = new.conv
            if len(before) == 2:
                yield Product(before[0][0], before[0][1], *_rows(ours, [old.conv[0][0](x) for x in theirs]))
            inside = [nn.Sequential(*before)(x) for x in ours]
            makers = tuple((one[0], one[1]) for one in before) if len(before) == 2 else ()
            given = [old.conv[:-1](x) for x in theirs]
            yield Product(project, norm, *_rows(inside, given), makers)
            added = [old.conv[-1](x) for x in given]
            theirs = [x + y for x, y in zip(theirs, added, strict=True)] if old.use_res_connect else added
        else:
            if new[0].kernel_size == (1, 1):
                yield Product(new[0], new[1], *_rows(ours, [old[0](x) for x in theirs]))
            theirs = [old(x) for x in theirs]
        ours = [new(x) for x in ours]
    classify, last = whole.classifier[1], pairs[-1][1]
    # The classifier is given the mean of all places, and can as well read each of them.
    logits = [classify(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) for x in theirs]
    yield Product(pruned.classifier[1], None, *_rows(ours, logits), ((last[0], last[1]),))


def _rows(reads: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Channels at the same places of the same pictures, of (N,C,h,w) each: (rows, channels)."""
    chance = torch.Generator().manual_seed(0)
    rows: tuple[list[torch.Tensor], list[torch.Tensor]] = [], []
    for pair in zip(reads, wanted, strict=True):
        flat = [each.permute(0, 2, 3, 1).flatten(0, 2) for each in pair]
        places = torch.randperm(len(flat[0]), generator=chance)[: PLACES * len(pair[0])]
        for kept, each in zip(rows, flat, strict=True):
            kept.append(each[places])
    return torch.cat(rows[0]), torch.cat(rows[1])
