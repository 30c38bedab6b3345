"""Fake quantization: float32 numbers that take only the values of integers, and a gradient in spite of it.

Rounding is a staircase: its gradient is zero nearly everywhere, so nothing would be learnt through it. The
*straight-through estimator* takes the gradient of what was meant, a straight line, and passes it on as if nothing had
been rounded; only a value that was cut off at an end gets none, for there the output does not move.

Sources: Bengio, Leonard, Courville, "Estimating or propagating gradients through stochastic neurons", 2013 (arXiv
1308.3432); B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", CVPR 2018 (arXiv 1712.05877), section 3; the gradient of a step's width is that of Esser et al., "Learned
step size quantization", ICLR 2020 (arXiv 1902.08153).

It needs torch at import time, so other modules import this one inside functions.
"""

from __future__ import annotations

import torch

LEAST, MOST = 0, 255
"""The integers of an activation, which is asymmetric."""
NOTHING = 1e-12
"""Width of a step where all weights are zero."""


def activation(x: torch.Tensor, scale: float, zero: int) -> torch.Tensor:
    """An activation as 8-bit integers would hold it, one scale for the tensor: the nearest step, cut off at the ends.

    Its gradient goes straight through where nothing was cut off. By torch's own kernel, which takes a single pass.
    """
    return torch.fake_quantize_per_tensor_affine(x, scale, zero, LEAST, MOST)


def weight_step(weight: torch.Tensor, top: int, axis: int | None) -> torch.Tensor:
    """Width of a weight's steps: the largest absolute value becomes `top`.

    `axis`: the dimension of the output channels, each of which has its own; None: one for the tensor. Its shape can be
    broadcast to the weight's.
    """
    if axis is None:
        largest = weight.abs().amax()
    else:
        largest = weight.abs().amax([dim for dim in range(weight.ndim) if dim != axis], keepdim=True)
    return largest.clamp(min=NOTHING) / top


def weight(value: torch.Tensor, top: int, axis: int | None) -> torch.Tensor:
    """A weight as integers from -`top` to `top` would hold it, its widths as `weight_step` gives them.

    The gradient goes straight through the rounding, and to the largest weight, whose size is that of all steps.
    """
    step = weight_step(value, top, axis)
    return through(value / step) * step


def through(x: torch.Tensor) -> torch.Tensor:
    """Rounded to whole numbers, half to even; its gradient is that of x."""
    return x + (x.round() - x).detach()
