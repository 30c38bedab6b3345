"""Weights travel through 16 bits, and the shipped ones are whole, small and of the kit's classes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from snippets.data.food11_classes import CLASSES
from snippets.errors import ModelError
from snippets.smaller import family, networks, pretrain, weights


def test_a_network_comes_back_as_it_was_saved_but_for_rounding(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = networks.build("transformer", 3).eval()
    file = weights.save(model, tmp_path / "small.safetensors", ("a", "b", "c"))
    again = weights.load("transformer", file)
    assert weights.labels(file) == ("a", "b", "c") and not again.training
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert (again(x) - model(x)).abs().max() < 0.02


def test_features_are_taken_over_and_the_classifier_is_not() -> None:
    source, model = networks.build("resnet", 3), networks.build("resnet", 5)
    head = model.get_parameter("classifier.1.weight").clone()
    weights.take_features(model, source)
    assert torch.equal(model.get_parameter("features.0.0.weight"), source.get_parameter("features.0.0.weight"))
    assert torch.equal(model.get_parameter("classifier.1.weight"), head)


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.safetensors are missing"):
        weights.load("resnet", tmp_path / "gone.safetensors")


@pytest.mark.parametrize("name", (*family.OTHERS, family.EMBEDDING))
def test_the_shipped_weights_load_and_are_small(name: str) -> None:
    assert weights.path(name).stat().st_size < 10e6
    expected = CLASSES[: pretrain.SEEN] if name == family.EMBEDDING else CLASSES
    assert weights.labels(weights.path(name)) == tuple(expected)
    with torch.inference_mode():
        assert torch.isfinite(weights.load(name)(torch.zeros(1, 3, 224, 224))).all()


def test_all_shipped_weights_together_are_below_30_mb() -> None:
    assert sum(file.stat().st_size for file in weights.FOLDER.iterdir()) < 30e6
