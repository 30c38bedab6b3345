"""Channels go for good: those that nobody misses first, and what is left makes up for them as well as it can."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from snippets.model.mobilenet import MobileNetV2, mobilenet_v2
from snippets.retrain import channels


@pytest.fixture
def model() -> MobileNetV2:
    """A quarter of MobileNetV2's width, for three classes, its normalizations as if it had been trained."""
    torch.manual_seed(0)
    found = mobilenet_v2(3, 0.25)
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[operator, union-attr]
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[operator, union-attr]
    return found.eval()


def pictures(count: int = 4, side: int = 64) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(count, 3, side, side)]


def test_a_channel_that_is_a_copy_goes_and_its_twin_takes_over_its_weight() -> None:
    """The first two columns are the same, and the output is 2 of the first, 3 of the second, 1 of the third, and 5."""
    torch.manual_seed(0)
    x = torch.randn(400, 3)
    x[:, 1] = x[:, 0]
    wanted = (2 * x[:, :1] + 3 * x[:, 1:2] + x[:, 2:]) + 5
    kept, weights, constant = channels.remaining(x, wanted, 2)
    assert len(set(kept.tolist()) & {0, 1}) == 1 and 2 in kept
    assert weights[0].tolist() == pytest.approx([5.0, 1.0], rel=0.02)
    assert constant.tolist() == pytest.approx([5.0], abs=0.02)


def test_the_channel_that_matters_least_goes_first() -> None:
    """Independent columns of one spread: what is lost is the square of the weight, counted as much as its output is."""
    torch.manual_seed(0)
    x = torch.randn(2000, 3)
    wanted = torch.stack([3 * x[:, 0] + x[:, 1], 2 * x[:, 2]], 1)
    assert channels.remaining(x, wanted, 2)[0].tolist() == [0, 2]
    assert channels.remaining(x, wanted, 2, torch.tensor([1.0, 0.1]))[0].tolist() == [0, 1]


def test_what_stays_whole_computes_the_same(model: MobileNetV2) -> None:
    same = channels.without(model, pictures(16), 1.0)
    assert channels.inner(same) == channels.inner(model)
    (x,) = pictures()
    with torch.no_grad():
        assert (same(x) - model(x)).abs().max() < 0.2 * model(x).abs().max()


def widening(model: MobileNetV2) -> list[Any]:
    """The layers (convolution, normalization, activation) whose outputs are the channels that may go."""
    blocks: list[Any] = [one for one in model.features if hasattr(one, "conv") and len(one.conv) == 4]
    return [block.conv[0] for block in blocks] + [model.features[-1]]


def test_channels_that_are_silent_are_those_that_go(model: MobileNetV2) -> None:
    """As many channels as have to go give zero whatever they read: the first ones of each layer."""
    counts = channels.inner(channels.without(model, pictures(), 0.5))
    with torch.no_grad():
        for layer, count in zip(widening(model), counts, strict=True):
            layer[1].weight[: len(layer[1].weight) - count] = 0
            layer[1].bias[: len(layer[1].weight) - count] = 0
    depthwise: list[Any] = [one.conv[1][1] for one in model.features if hasattr(one, "conv") and len(one.conv) == 4]
    with torch.no_grad():
        for norm, count in zip(depthwise, counts, strict=False):
            norm.bias[: len(norm.bias) - count] = -1  # what is constant is cut off at zero
            norm.weight[: len(norm.bias) - count] = 0
    small = channels.without(model, pictures(), 0.5)
    for old, new, count in zip(widening(model), widening(small), counts, strict=True):
        assert torch.equal(new[0].weight, old[0].weight[-count:])


def test_every_layer_fits_the_next_and_counts_are_multiples_of_16(model: MobileNetV2) -> None:
    before = channels.inner(model)
    small = channels.without(model, pictures(), 0.5)
    after = channels.inner(small)
    assert channels.inner(model) == before  # it was a copy that was cut
    assert all(count % 16 == 0 for count in after) and len(after) == len(before) == 17
    assert all(abs(count - wide / 2) <= 8 or count == 16 for count, wide in zip(after, before, strict=True))
    with torch.no_grad():
        assert small(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    assert not small.training
