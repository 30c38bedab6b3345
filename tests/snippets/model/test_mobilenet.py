"""The network has torchvision's names, the paper's size, and any width or class count."""

from __future__ import annotations

import pytest
import torch

from snippets.errors import ModelError
from snippets.model.mobilenet import mobilenet_v2, round_channels


def test_parameter_names_and_shapes_are_torchvisions():
    state = mobilenet_v2(1000).state_dict()
    assert len(state) == 314
    assert state["features.0.0.weight"].shape == (32, 3, 3, 3)
    assert state["features.1.conv.1.weight"].shape == (16, 32, 1, 1)
    assert state["features.2.conv.0.1.running_mean"].shape == (96,)
    assert state["features.17.conv.2.weight"].shape == (320, 960, 1, 1)
    assert state["features.18.0.weight"].shape == (1280, 320, 1, 1)
    assert state["classifier.1.weight"].shape == (1000, 1280)


def test_it_has_as_many_parameters_as_published():
    assert sum(p.numel() for p in mobilenet_v2(1000).parameters()) == 3_504_872


@pytest.mark.parametrize(("classes", "width"), [(2, 0.35), (11, 0.5), (101, 1.0), (5, 1.4)])
def test_any_class_count_and_width_runs(classes, width):
    model = mobilenet_v2(classes, width).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, 64, 64)).shape == (2, classes)


def test_channels_are_rounded_as_the_authors_do():
    assert [round_channels(32 * width) for width in (0.1, 0.35, 0.5, 0.75, 1.0, 1.4)] == [8, 16, 16, 24, 32, 48]


def test_the_same_seed_gives_the_same_network():
    models = []
    for _ in range(2):
        torch.manual_seed(3)
        models.append(mobilenet_v2(4, 0.35))
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


@pytest.mark.parametrize(("classes", "width"), [(1, 1.0), (0, 1.0), (11, 0.0), (11, -1.0)])
def test_senseless_sizes_are_refused(classes, width):
    with pytest.raises(ModelError):
        mobilenet_v2(classes, width)
