"""The other networks: shapes, sizes that can be counted on paper, and where training looks in."""

from __future__ import annotations

import pytest
import torch

from snippets.errors import ModelError
from snippets.model.train import Guided
from snippets.smaller import networks


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_each_network_gives_a_score_for_each_class_whatever_the_side(name: str) -> None:
    model = networks.build(name, 5).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
        assert model(torch.zeros(1, 3, 96, 96)).shape == (1, 5)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_training_looks_in_at_an_eighth_and_a_sixteenth_of_the_side(name: str) -> None:
    early, middle, final = Guided(networks.build(name, 5))(torch.zeros(2, 3, 64, 64))
    assert early.shape == (2, 6, 8, 8) and middle.shape == (2, 6, 4, 4)
    assert final.shape[:2] == (2, 5) and final.shape[2] in (2, 4)


def test_a_residual_block_has_the_parameters_of_its_layers() -> None:
    """8 -> 16 channels: 8 x 16 x 9 and 16 x 16 x 9 weights, 8 x 16 on the way round, and three norms of 2 x 16."""
    block = networks.Residual(8, 16, 2)
    assert sum(one.numel() for one in block.parameters()) == 1152 + 2304 + 128 + 96
    assert block(torch.zeros(1, 8, 6, 6)).shape == (1, 16, 3, 3)


def test_attention_lets_each_place_see_every_other() -> None:
    torch.manual_seed(0)
    block = networks.Attention(8, 2).eval()
    x = torch.randn(1, 8, 2, 3)
    other = x.clone()
    other[0, 0, 1, 2] += 1.0
    with torch.inference_mode():
        moved = (block(other) - block(x)).abs().amax(dim=1)[0]
    assert (moved > 0).all(), "the last place changed, and the first one saw it"


def test_a_depthwise_filter_tells_the_border_from_the_middle() -> None:
    block = networks.Positions(1)
    with torch.no_grad():
        block.filter.weight.fill_(1.0)
        block.filter.bias.zero_()
    seen = block(torch.ones(1, 1, 3, 3))[0, 0]
    assert seen[1, 1] == 1 + 9 and seen[0, 0] == 1 + 4 and seen[0, 1] == 1 + 6


@pytest.mark.parametrize(
    ("name", "classes", "told"), [("alexnet", 5, "no network 'alexnet'"), ("resnet", 1, "2 classes")]
)
def test_what_cannot_be_built_is_refused_with_a_remedy(name: str, classes: int, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        networks.build(name, classes)
