"""Unstructured pruning: in each layer the smallest weights become zero, and stay it while the others are trained.

Magnitude pruning, layer by layer (Han et al., "Learning both weights and connections for efficient neural networks",
NeurIPS 2015), of the 1x1 convolutions and the classifier, which hold nearly all weights. A large layer can spare more:
each keeps a number in proportion to the square root of what it has. A weight is small beside the channel that it is
multiplied with: its size times that channel's spread (Sun et al., "A simple and effective pruning approach for large
language models", ICLR 2024). What is left makes up for what went (`products`). The stem and the depthwise filters, nine
weights a channel, stay whole: they are few, and each is dear.

Masks are torch's own; importing this needs torch, so other modules do it inside functions.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils import prune

from snippets.errors import ModelError
from snippets.model.mobilenet import MobileNetV2
from snippets.retrain.products import products

STEPS = 20
"""Of conjugate gradients, with which a layer's other weights make up for those that went."""
RIDGE = 1e-2
"""How much the weights are held to what they were, relative to the spread of a channel."""


def without(model: MobileNetV2, batches: Sequence[torch.Tensor], share: float) -> MobileNetV2:
    """A copy in which `share` of all weights of convolutions and matrices is zero, masked until `settle`.

    `batches`: pictures float32 (N,3,H,W), on which the layers shall give what they gave. Raises ModelError where the
    layers that may have zeros have fewer weights than that.
    """
    sparse = copy.deepcopy(model).eval()
    left = iter(_left(sparse, share))
    with torch.no_grad():
        for one in products(model.eval(), sparse, batches):
            weights = one.layer.weight.flatten(1)
            mask = largest(weights * one.reads.std(0), next(left))
            one.put(*refitted(one.reads, one.wanted, weights, mask))
            prune.custom_from_mask(one.layer, "weight", mask.reshape(one.layer.weight.shape))
    return sparse


def largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Which `count` of some numbers are the largest in size: of the same shape, True where they are."""
    mask = torch.zeros(values.numel(), dtype=torch.bool)
    mask[values.abs().flatten().topk(count).indices] = True
    return mask.reshape(values.shape)


def refitted(
    reads: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (outputs, inputs), zero outside `mask`, and constants (outputs,) with which `reads` best give `wanted`.

    Least squares, held a little to the `weights` that there were, by conjugate gradients (Hestenes and Stiefel, 1952),
    all outputs side by side; inputs are taken in units of their spread.
    """
    spread = reads.std(0).clamp(min=1e-6)
    x, y = (reads - reads.mean(0)) / spread, wanted - wanted.mean(0)
    start, free = (weights * spread).T, mask.T.float()
    matrix = x.T @ x / len(x) + RIDGE * torch.eye(x.shape[1])
    found = start * free
    rest = (x.T @ y / len(x) + RIDGE * start - matrix @ found) * free
    way, size = rest, rest.square().sum(0)
    for _ in range(STEPS):
        ahead = (matrix @ way) * free
        far = size / (way * ahead).sum(0).clamp(min=1e-20)
        found, rest = found + far * way, rest - far * ahead
        before, size = size, rest.square().sum(0)
        way = rest + size / before.clamp(min=1e-20) * way
    fitted = (found.T / spread) * mask
    return fitted, wanted.mean(0) - fitted @ reads.mean(0)


def settle(model: nn.Module) -> None:
    """Write the zeros into the weights and take the masks off, in place."""
    for module in model.modules():
        if hasattr(module, "weight_mask"):
            prune.remove(module, "weight")


def shared_out(sizes: Sequence[int], total: int) -> list[int]:
    """How many weights layers of these `sizes` keep, `total` in all but for rounding: in proportion to their roots."""
    whole: set[int] = set()
    while True:
        free = [place for place in range(len(sizes)) if place not in whole]
        rate = (total - sum(sizes[place] for place in whole)) / sum(sizes[place] ** 0.5 for place in free)
        full = {place for place in free if rate * sizes[place] ** 0.5 >= sizes[place]}
        if not full or full == set(free):
            return [size if place in whole | full else round(rate * size**0.5) for place, size in enumerate(sizes)]
        whole |= full


def _left(model: nn.Module, share: float) -> list[int]:
    """How many weights each product keeps, in their order, so that `share` of all is zero."""
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    sizes = [one.weight.numel() for one in layers if isinstance(one, nn.Linear) or one.kernel_size == (1, 1)]
    gone, most = round(share * sum(layer.weight.numel() for layer in layers)), sum(sizes)
    if gone > most:
        raise ModelError(f"{share:.0%} zeros are {gone:,}, but only {most:,} weights may become zero. Ask for fewer.")
    return shared_out(sizes, most - gone)
