"""Spreading channels changes the numbers of a network and not its function."""

from __future__ import annotations

import pytest
import torch

from snippets.model.mobilenet import mobilenet_v2
from snippets.model.spread import main, spread
from snippets.model.weights_file import load_model, save_weights


@pytest.mark.parametrize("width", [1.0, 0.35])
def test_the_function_stays_while_the_channels_drift_apart(width: float) -> None:
    torch.manual_seed(0)
    model = mobilenet_v2(5, width=width).eval()
    images = torch.randn(2, 3, 224, 224)
    norm = model.features[3].conv[-1]
    with torch.inference_mode():
        before = model(images)
    weights = norm.weight.detach().clone()
    spread(model, ratio=6.0)
    with torch.inference_mode():
        after = model(images)
    assert torch.allclose(before, after, atol=1e-4)
    factors = norm.weight.detach() / weights
    assert factors.max() / factors.min() > 4 and factors.min() >= 1 / 6.01 and factors.max() <= 6.01


def test_the_command_writes_weights_that_load(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    source = save_weights(mobilenet_v2(2, width=0.35).eval(), tmp_path / "a.safetensors", ("x", "y"))
    monkeypatch.setattr("sys.argv", ["spread", str(source), str(tmp_path / "b.safetensors"), "--ratio", "3"])
    main()
    assert load_model(tmp_path / "b.safetensors")[1] == ("x", "y")
