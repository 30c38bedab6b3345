"""The last steps lower the loss, and a head on frozen features separates what they separate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snippets.smaller import finish
from snippets.smaller.finish import Pictures


@pytest.fixture
def pictures() -> Pictures:
    """Twelve pictures of three classes, which differ in their colour."""
    images = np.zeros((12, 224, 224, 3), dtype=np.uint8)
    labels = np.arange(12) % 3
    for row, label in enumerate(labels):
        images[row, ..., label] = 200 + row
    return Pictures(images, labels)


class Small(nn.Module):
    """A network of the same form as the kit's: features that keep both dimensions, and a classifier on their mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 4, 8, 32), nn.BatchNorm2d(4), nn.ReLU())
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,3,H,W) -> (N,3)."""
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def test_the_loss_falls_and_every_step_is_told(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish, "RATE", 0.05)
    model = Small()
    found = finish.finish(model, pictures, epochs=10, threads=1)
    # Twelve pictures are a batch of eleven and one of one, ten times.
    assert found["loss"].shape == (20,) and found["images"] == 12 and found["seconds"] > 0
    assert found["loss"][-4:].mean() < 0.7 * found["loss"][:4].mean()
    assert not model.training


def test_the_same_seed_gives_the_same_network(pictures: Pictures) -> None:
    first, second = Small(), Small()
    losses = [finish.finish(model, pictures, epochs=1, threads=1)["loss"] for model in (first, second)]
    assert losses[0].tolist() == losses[1].tolist()


def test_statistics_are_those_of_the_pictures(pictures: Pictures) -> None:
    model = Small()
    finish.take_statistics(model, pictures)
    norm = model.features[1]
    assert isinstance(norm, nn.BatchNorm2d) and not norm.training
    assert norm.running_var is not None and (norm.running_var != 1).all()


def test_a_head_is_fitted_and_the_features_stay(pictures: Pictures) -> None:
    model = Small()
    model.eval()
    before = {name: one.clone() for name, one in model.features.state_dict().items()}
    found = finish.adapt(model, pictures, threads=1)
    assert all(torch.equal(one, before[name]) for name, one in model.features.state_dict().items())
    assert found["embedding_seconds"] > 0 and found["seconds"] > 0 and found["loss"].shape == (1,)
    from snippets.data.image import preprocess

    with torch.inference_mode():
        guess = model(torch.from_numpy(preprocess(pictures.images))).argmax(1).numpy()
    assert guess.tolist() == pictures.labels.tolist()


def test_the_number_of_threads_is_given_back() -> None:
    before = torch.get_num_threads()
    with finish.training(1, 0):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
