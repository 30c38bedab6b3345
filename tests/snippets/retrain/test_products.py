"""The products of a network in their order: what each reads now, and what it gave in the whole network."""

from __future__ import annotations

import copy

import pytest
import torch

from snippets.model.mobilenet import MobileNetV2, mobilenet_v2
from snippets.retrain.products import Product, products


@pytest.fixture(scope="module")
def model() -> MobileNetV2:
    """A quarter of MobileNetV2's width, for three classes; the means that its normalizations subtract are no zeros."""
    torch.manual_seed(0)
    found = mobilenet_v2(3, 0.25)
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[operator, union-attr]
    return found.eval()


PICTURES = [torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))]


def gives(one: Product) -> torch.Tensor:
    """What the layer makes of what it reads, as the whole network's layer would be asked: (rows, outputs)."""
    constants = 0 if one.layer.bias is None else one.layer.bias
    return one.reads @ one.layer.weight.flatten(1).T + constants


def test_in_an_untouched_network_each_product_gives_what_it_gave(model: MobileNetV2) -> None:
    with torch.no_grad():
        found = list(products(model, copy.deepcopy(model), PICTURES))
        # Two in each of 16 blocks, one in the first block, which does not widen, the last features and the classifier.
        assert len(found) == 2 * 16 + 1 + 2
        assert all(torch.allclose(gives(one), one.wanted, atol=1e-4) for one in found)
    # Where a channel may go: inside the 16 blocks (widening and depthwise make it), and before the classifier.
    assert [len(one.makers) for one in found if one.makers] == [2] * 16 + [1]
    assert [one.norm is None for one in found] == [False] * 34 + [True]


def test_later_products_read_what_the_pruned_ones_before_them_give(model: MobileNetV2) -> None:
    pruned = copy.deepcopy(model)
    with torch.no_grad():
        for place, one in enumerate(products(model, pruned, PICTURES)):
            if place == 0:
                one.put(torch.zeros_like(one.layer.weight.flatten(1)), torch.zeros(one.layer.out_channels))
            elif place == 1:
                assert not torch.allclose(gives(one), one.wanted, atol=1e-4)
                break


def test_weights_that_are_put_there_are_computed_with_and_constants_are_added(model: MobileNetV2) -> None:
    pruned = copy.deepcopy(model)
    shift = 0.25
    with torch.no_grad():
        for place, one in enumerate(products(model, pruned, PICTURES)):
            if one.norm is None:
                one.put(2 * one.layer.weight, one.layer.bias + 1)
            elif place == 0:
                before = one.norm(one.layer(torch.ones(1, one.layer.in_channels, 1, 1)))
                one.put(one.layer.weight.flatten(1), torch.full((one.layer.out_channels,), shift))
                after = one.norm(one.layer(torch.ones(1, one.layer.in_channels, 1, 1)))
                scale = one.norm.weight / (one.norm.running_var + one.norm.eps).sqrt()
                assert torch.allclose((after - before).flatten(), shift * scale, atol=1e-5)
    ours, theirs = pruned.classifier[1], model.classifier[1]
    assert torch.equal(ours.get_parameter("weight"), 2 * theirs.get_parameter("weight"))
    assert torch.equal(ours.get_parameter("bias"), theirs.get_parameter("bias") + 1)
