"""A pickled torchvision model finds a place for each of its layers, and nothing else is let in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from snippets.model.torchvision_names import TORCHVISION_NAMES, allowed_classes


@pytest.fixture(scope="module")
def allowed() -> dict[str, type]:
    """What may be unpickled, by the name that a pickle says."""
    found = {}
    for entry in allowed_classes():
        kind, name = entry if isinstance(entry, tuple) else (entry, f"{entry.__module__}.{entry.__qualname__}")
        found[name] = kind
    return found


@pytest.mark.parametrize("name", TORCHVISION_NAMES)
def test_a_stand_in_is_an_empty_module_of_torchvisions_name(allowed: dict[str, type], name: str) -> None:
    kind = allowed[name]
    assert kind.__name__ == name.rpartition(".")[2] and kind.__bases__ == (nn.Module,)
    assert list(kind().children()) == [] and "forward" not in vars(kind)


def test_the_layers_of_a_mobilenet_are_torchs_own(allowed: dict[str, type]) -> None:
    for kind in (nn.Conv2d, nn.BatchNorm2d, nn.ReLU6, nn.Sequential, nn.Dropout, nn.Linear, nn.DataParallel):
        assert kind in allowed.values()


def test_all_that_is_allowed_is_a_layer(allowed: dict[str, type]) -> None:
    assert all(issubclass(kind, nn.Module) for kind in allowed.values())


def test_torch_takes_the_list_as_it_is_and_torchvision_is_not_imported(tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU6()), tmp_path / "layers.pth")
    with torch.serialization.safe_globals(allowed_classes()):
        layers = torch.load(tmp_path / "layers.pth", weights_only=True)
    assert [type(layer) for layer in layers] == [nn.Conv2d, nn.ReLU6]
    assert "torchvision" not in sys.modules
