"""Training lowers its loss, sees maps and pictures in the same place, and saves weights that load."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from snippets.data.rehearsal import pictures
from snippets.model import train
from snippets.model.train import Trainer, share_right
from snippets.model.weights_file import load_model


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(train, "cache_folder", lambda: tmp_path_factory.mktemp("cache"))
    torch.set_num_threads(1)
    yield Trainer(pictures=22)
    patch.undo()


def test_pictures_labels_and_maps_belong_together(trainer):
    assert trainer.images.shape == (22, 224, 224, 3) and trainer.labels.tolist() == [n % 11 for n in range(22)]
    for label, food in zip(trainer.labels, trainer.maps, strict=True):
        assert (food == 1 + label).any() and food.max() <= 11


def test_a_view_shows_picture_and_map_at_the_same_place(trainer):
    flag = torch.zeros(4, 1, 64, 64)
    flag[:, :, 10:30, 40:60] = 1
    where = trainer.views(4, np.array([0.5, 0.7, 0.9, 1.0]), 0.2)
    fine = train.sample_views(flag, where, 64, "bilinear")
    coarse = train.sample_views(flag, where, 16, "nearest")
    averaged = torch.nn.functional.avg_pool2d(fine, 4)
    assert ((averaged > 0.5) == (coarse > 0.5)).float().mean() > 0.97
    assert 0.02 < coarse.mean() < 0.6


def test_the_map_loss_is_the_cross_entropy_over_what_is_there():
    logits = torch.zeros(1, 2, 1, 2)
    logits[0, 0, 0, 0] = np.log(3.0)
    shares = torch.tensor([[[[0.5, 0.0]], [[0.5, 0.0]]]])
    assert train.map_loss(logits, shares).item() == pytest.approx(-0.5 * np.log(0.75) - 0.5 * np.log(0.25))


@pytest.mark.parametrize("loss_of", ["_crops", "_whole"])
def test_a_few_steps_on_the_same_pictures_lower_the_loss(trainer, loss_of):
    optimizer = torch.optim.AdamW(trainer.guided.parameters(), lr=0.002)
    losses = []
    for _ in range(8):
        loss, share = getattr(trainer, loss_of)(np.arange(11), 32)
        assert 0 <= share <= 1
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-2:]) < np.mean(losses[:2])


def test_the_average_follows_the_weights(trainer):
    trainer.follow(0)  # the first step takes them over whole
    for mine, theirs in zip(trainer.average.parameters(), trainer.guided.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with torch.no_grad():
        next(trainer.guided.model.parameters()).add_(1.0)
    before = next(trainer.average.parameters()).clone()
    trainer.follow(10**6)
    moved = (next(trainer.average.parameters()) - before).mean().item()
    assert moved == pytest.approx(1 / train.AVERAGE_OVER, rel=1e-3)


def test_a_phase_runs_and_what_is_saved_loads_again(trainer, tmp_path, capsys):
    trainer.phase("whole", side=32, epochs=1, rate=0.0001)
    assert "whole 32x32, epoch 1 of 1: loss" in capsys.readouterr().out
    train.save_weights(trainer.average, tmp_path / "w.safetensors", pictures.CLASSES)
    model, labels = load_model(tmp_path / "w.safetensors", pictures.CLASSES)
    x = torch.rand(1, 3, 64, 64)
    trainer.average.eval()
    with torch.inference_mode():
        np.testing.assert_allclose(model(x), trainer.average(x), atol=1e-5)


def test_accuracy_counts_what_is_named_rightly():
    class Reddest(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0].mean((1, 2)), x[:, 2].mean((1, 2))], 1)

    images = np.zeros((40, 8, 8, 3), dtype=np.uint8)
    images[:25, ..., 0] = 255
    images[25:, ..., 2] = 255
    labels = np.array([0] * 20 + [1] * 20)
    assert share_right(Reddest(), SimpleNamespace(images=images, labels=labels)) == 35 / 40


def test_the_command_explains_itself():
    shown = subprocess.run(
        [sys.executable, "-m", "snippets.model.train", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--phases" in shown and "--start" in shown
