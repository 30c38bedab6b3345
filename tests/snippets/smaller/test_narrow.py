"""A narrower network holds the weights of the channels that count, in the places where they belong."""

from __future__ import annotations

import torch

from snippets.model.mobilenet import mobilenet_v2
from snippets.smaller.narrow import narrowed


def norms(model: torch.nn.Module) -> list[torch.nn.BatchNorm2d]:
    """All batch normalizations of a network."""
    return [one for one in model.modules() if isinstance(one, torch.nn.BatchNorm2d)]


def test_at_full_width_it_is_the_same_network() -> None:
    torch.manual_seed(0)
    wide = mobilenet_v2(3).eval()
    same = narrowed(wide, 1.0).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(same(x), wide(x))


def test_channels_that_nobody_reads_go_first_and_then_nothing_is_lost() -> None:
    """All that the narrow network drops is silent in the wide one: both compute the same."""
    torch.manual_seed(0)
    wide = mobilenet_v2(3).eval()
    narrow = mobilenet_v2(3, 0.5)
    with torch.no_grad():
        for old, new in zip(norms(wide), norms(narrow), strict=True):
            old.weight[: old.num_features - new.num_features] = 0  # the first half of the channels is silent
    half = narrowed(wide, 0.5).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(half(x), wide(x), atol=1e-5)
    assert half.get_parameter("features.0.0.weight").shape[0] == 16
