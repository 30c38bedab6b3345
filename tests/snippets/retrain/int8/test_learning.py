"""A few steps bring down the loss of a network that is being rounded, the same way every time."""

from __future__ import annotations

import numpy as np
import torch

from snippets.data.image import preprocess
from snippets.retrain.int8 import learning
from snippets.retrain.int8.int8_graph import Int8Graph
from snippets.retrain.int8.lesson import Lesson
from tests.snippets.retrain.conftest import Small

Photos = tuple[np.ndarray, np.ndarray]


def learnt(small: Small, photos: Photos, epochs: int) -> tuple[Int8Graph, dict]:
    network = Int8Graph(small.per_tensor, small.prepared)
    return network, learning.learn(network, learning.Pictures(*photos), Lesson(12, epochs, 0.01), threads=1)


def test_training_lowers_the_loss_and_is_the_same_every_time(small: Small, photos: Photos) -> None:
    _, found = learnt(small, photos, 20)
    assert found["loss"].shape == (40,) and found["images"] == 12 and found["seconds"] > 0
    assert found["loss"][-4:].mean() < 0.8 * found["loss"][:4].mean()
    assert np.array_equal(learnt(small, photos, 20)[1]["loss"], found["loss"])


def test_what_was_learnt_is_in_the_file(small: Small, photos: Photos, tmp_path) -> None:
    network, _ = learnt(small, photos, 20)
    images = preprocess(photos[0])
    with torch.inference_mode():
        right = network(torch.from_numpy(images)).argmax(1).numpy() == photos[1]
    assert right.mean() > 0.6
    file = network.write(tmp_path / "learnt.onnx")
    assert learning.difference(network, file, images) < 0.05
    assert learning.difference(network, small.per_tensor, images) > learning.difference(network, file, images)
