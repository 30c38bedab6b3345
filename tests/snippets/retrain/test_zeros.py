"""The smallest weights become zero, layer by layer; the others make up for them, and learn while zeros stay zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snippets.errors import ModelError
from snippets.model.mobilenet import MobileNetV2, mobilenet_v2
from snippets.retrain import zeros


@pytest.fixture(scope="module")
def model() -> MobileNetV2:
    """A quarter of MobileNetV2's width, for three classes."""
    torch.manual_seed(0)
    return mobilenet_v2(3, 0.25).eval()


@pytest.fixture(scope="module")
def sparse(model: MobileNetV2) -> MobileNetV2:
    torch.manual_seed(1)
    return zeros.without(model, [torch.randn(2, 3, 64, 64)], 0.8)


def weights(model: nn.Module) -> list[tuple[nn.Module, torch.Tensor]]:
    return [(one, one.weight) for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]


def share(tensors: list[torch.Tensor]) -> float:
    return sum(int((one == 0).sum()) for one in tensors) / sum(one.numel() for one in tensors)


def test_the_largest_in_size_stay() -> None:
    values = torch.tensor([[0.1, -0.9, 0.3], [0.0, -0.2, 0.4]])
    assert zeros.largest(values, 2).tolist() == [[False, True, False], [False, False, True]]


def test_layers_keep_in_proportion_to_the_square_root_and_none_more_than_it_has() -> None:
    """Roots 1, 10, 20: of 62 the first would get 2 and has 1; the others share 61 as 1 to 2."""
    assert zeros.shared_out([1, 100, 400], 62) == [1, 20, 41]
    assert zeros.shared_out([4, 16], 20) == [4, 16]
    assert zeros.shared_out([100, 100], 50) == [25, 25]


def test_what_stays_makes_up_for_a_copy_that_went_and_for_the_mean_of_another_channel() -> None:
    """y = 2 a + 3 b + c, and b is a copy of a. Without b, a has to count 5; without c, its mean of 7 is a constant."""
    torch.manual_seed(0)
    a, c = torch.randn(500), torch.randn(500) + 7
    reads = torch.stack([a, a, c], 1)
    wanted = (reads @ torch.tensor([2.0, 3.0, 1.0]))[:, None].repeat(1, 2)
    start = torch.tensor([[2.0, 3.0, 1.0]]).repeat(2, 1)
    mask = torch.tensor([[True, False, True], [True, True, False]])
    found, constants = zeros.refitted(reads, wanted, start, mask)
    assert found[0].tolist() == pytest.approx([5.0, 0.0, 1.0], abs=0.06)
    assert found[1, :2].sum().item() == pytest.approx(5.0, abs=0.15) and found[1, 2] == 0
    assert constants.tolist() == pytest.approx([0.0, 7.0], abs=0.5)


def test_with_nothing_taken_the_weights_stay_what_they_were() -> None:
    torch.manual_seed(0)
    reads, start = torch.randn(300, 4), torch.randn(2, 4)
    found, constants = zeros.refitted(reads, reads @ start.T, start, torch.ones(2, 4, dtype=torch.bool))
    assert torch.allclose(found, start, atol=1e-3) and constants.abs().max() < 1e-3


def test_the_share_is_that_of_all_weights_and_the_filters_have_none(model: MobileNetV2, sparse: MobileNetV2) -> None:
    assert share([one for _, one in weights(sparse)]) == pytest.approx(0.8, abs=0.001)
    filters = [one for layer, one in weights(sparse) if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)]
    assert len(filters) == 18 and share(filters) == 0
    products = sorted((one.numel(), share([one])) for layer, one in weights(sparse) if one.shape[2:] in ((), (1, 1)))
    assert products[0][1] == 0 and products[-1][1] > 0.85  # a large layer can spare more
    assert share([one for _, one in weights(model)]) == 0


def test_zeros_stay_zero_while_the_others_are_trained(sparse: MobileNetV2) -> None:
    before = [(one == 0).numpy() for _, one in weights(sparse)]
    stem = sparse.get_parameter("features.0.0.weight").clone()
    optimizer = torch.optim.AdamW(sparse.parameters(), 0.01, weight_decay=0.02)
    for _ in range(2):
        loss = sparse(torch.ones(2, 3, 32, 32)).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    zeros.settle(sparse)
    after = [(one == 0).numpy() for _, one in weights(sparse)]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(before, after, strict=True))
    assert not torch.equal(sparse.get_parameter("features.0.0.weight"), stem)
    assert set(sparse.state_dict()) == set(mobilenet_v2(3, 0.25).state_dict())


def test_more_zeros_than_products_have_weights_are_refused(model: MobileNetV2) -> None:
    with pytest.raises(ModelError, match=r"99% zeros are [\d,]+, but only [\d,]+ weights may become zero"):
        zeros.without(model, [], 0.99)
