"""The script that trains what ships: each network has its phases, and the residual one goes on from the embedding."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import torch

from snippets.model import train
from snippets.smaller import family, pretrain, weights


def test_every_network_has_its_phases_and_each_can_be_read() -> None:
    assert set(pretrain.PHASES) == {*family.OTHERS, family.EMBEDDING}
    for phases in pretrain.PHASES.values():
        for phase in phases.split():
            kind, side, epochs, rate = phase.split(":")
            assert kind in ("crops", "whole") and int(side) % 32 == 0 and int(epochs) > 0 and 0 < float(rate) < 0.1


def test_the_residual_network_begins_with_the_embedding() -> None:
    ours, theirs = pretrain.start("resnet").state_dict(), weights.load(family.EMBEDDING).state_dict()
    assert torch.equal(ours["features.5.second.0.weight"], theirs["features.5.second.0.weight"])
    assert ours["classifier.1.weight"].shape[0] == 11 and theirs["classifier.1.weight"].shape[0] == pretrain.SEEN


def test_a_network_of_some_classes_learns_from_their_pictures_and_sees_no_other_food(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(train, "cache_folder", lambda: tmp_path)
    trainer = train.Trainer(22, model=pretrain.start(family.EMBEDDING))
    assert sorted(set(trainer.labels.tolist())) == list(range(pretrain.SEEN)) and len(trainer.images) == 12
    assert trainer.maps.max() == pretrain.SEEN
    loss, share = trainer._crops(np.arange(4), 64)
    assert torch.isfinite(loss) and 0 <= share <= 1


def test_the_command_names_the_networks() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "snippets.smaller.pretrain", "--help"], capture_output=True, text=True, check=True
    )
    assert "mobilenet-half" in found.stdout and "--start" in found.stdout
