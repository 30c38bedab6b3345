"""Rounded to what integers hold, with the gradient of what was not rounded."""

from __future__ import annotations

import pytest
import torch

from snippets.retrain.int8 import fake_quantize


def test_an_activation_takes_the_nearest_step_and_is_cut_off_at_both_ends() -> None:
    # Steps of 0.5 with 10 for zero: integers 0 to 255 stand for -5 to 122.5. 0.74 is 1.48 steps; 0.75 lies between 1
    # and 2 steps, and a half goes to the even one; so does 0.25, to 0.
    x = torch.tensor([-9.0, -5.0, 0.0, 0.24, 0.25, 0.74, 0.75, 122.5, 200.0])
    found = fake_quantize.activation(x, 0.5, 10)
    assert found.tolist() == [-5.0, -5.0, 0.0, 0.0, 0.0, 0.5, 1.0, 122.5, 122.5]


def test_its_gradient_goes_straight_through_except_where_it_was_cut_off() -> None:
    x = torch.tensor([-9.0, 0.24, 0.74, 122.5, 200.0], requires_grad=True)
    (fake_quantize.activation(x, 0.5, 10) * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 0.0]


class StraightThrough(torch.autograd.Function):
    """As the notebook spells it out."""

    @staticmethod
    def forward(ctx, x, scale, zero):
        steps = (x / scale).round() + zero
        ctx.save_for_backward((steps >= 0) & (steps <= 255))
        return (steps.clamp(0, 255) - zero) * scale

    @staticmethod
    def backward(ctx, gradient):
        (inside,) = ctx.saved_tensors
        return gradient * inside, None, None


def test_activations_and_gradients_are_those_that_the_notebook_spells_out() -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.empty(4, 5, 6, 6, requires_grad=True) for _ in range(2))
    with torch.no_grad():
        ours.copy_(torch.randn(ours.shape).mul(3))
        theirs.copy_(ours)
    a, b = fake_quantize.activation(ours, 0.02, 117), StraightThrough.apply(theirs, 0.02, 117)
    assert torch.allclose(a, b, atol=1e-5)
    (a * torch.arange(a.numel()).reshape(a.shape)).sum().backward()
    (b * torch.arange(a.numel()).reshape(a.shape)).sum().backward()
    assert ours.grad is not None and torch.equal(ours.grad, theirs.grad)
    assert 0 < (ours.grad == 0).float().mean() < 0.5


# 127 steps to the largest: of all (2.54, steps of 0.02), or of each channel (0.254 and 2.54, steps of 0.002 and 0.02).
@pytest.mark.parametrize(("axis", "small"), [(None, [0.26, 0.0, 0.04]), (0, [0.254, 0.006, 0.04])])
def test_weights_have_one_scale_or_one_for_each_channel(axis: int | None, small: list[float]) -> None:
    weight = torch.tensor([[0.254, 0.006, 0.04], [2.54, -1.0, 0.031]])
    found = fake_quantize.weight(weight, 127, axis)
    assert found[0].tolist() == pytest.approx(small, abs=1e-6)
    assert found[1].tolist() == pytest.approx([2.54, -1.0, 0.04], abs=1e-6)


def test_four_bits_leave_fifteen_values() -> None:
    found = fake_quantize.weight(torch.linspace(-1, 1, 201), 7, None)
    assert len(found.unique()) == 15 and found.max() == 1


def test_a_weight_learns_although_it_is_rounded_and_the_largest_moves_all_steps() -> None:
    # Of the largest 1.0 with 2 steps: steps of 0.5. 0.3 becomes 0.5, 0.8 becomes 1.0.
    weight = torch.tensor([0.3, 0.8, 1.0], requires_grad=True)
    found = fake_quantize.weight(weight, 2, None)
    assert found.tolist() == [0.5, 1.0, 1.0]
    found.sum().backward()
    # Straight through: 1 for each. A step that is wider by d moves 0.5 to 0.5 + 0.4 d (what rounding added, 0.4 steps),
    # 1.0 by 0.4 d; the largest gains both, over 2 steps: 1 + 0.8 / 2.
    assert weight.grad is not None and weight.grad.tolist() == pytest.approx([1.0, 1.0, 1.4])


def test_a_tensor_of_zeros_stays_one() -> None:
    assert fake_quantize.weight(torch.zeros(2, 3), 127, 0).abs().max() == 0
