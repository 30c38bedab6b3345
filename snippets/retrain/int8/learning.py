"""Training steps on a network whose weights are being rounded: plain ones, with a small rate.

Defining layers needs torch at import time, so other modules import this one inside functions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from snippets.engine.providers import session
from snippets.retrain.int8.int8_graph import Int8Graph
from snippets.retrain.int8.lesson import Lesson
from snippets.smaller.finish import Pictures, batches, training

BATCH = 11
BIAS_RATE = 1e-3


def learn(network: Int8Graph, pictures: Pictures, lesson: Lesson, threads: int, seed: int = 1) -> dict[str, Any]:
    """Train a network on whole pictures at full size, in place.

    Returns `loss` float64 (steps,), the cross-entropy of each batch, `images`, and `seconds` of it all.
    """
    began = time.perf_counter()
    with training(threads, seed):
        loss = list(_steps(network, pictures, lesson, seed))
    return {
        "loss": np.array(loss, dtype=np.float64),
        "images": len(pictures.labels),
        "seconds": time.perf_counter() - began,
    }


def difference(network: Int8Graph, file: Path, images: np.ndarray) -> float:
    """Largest difference of the logits of a network and of an ONNX file on float32 images (N,3,H,W), of the largest."""
    with torch.inference_mode():
        ours = network(torch.from_numpy(images)).numpy()
    return float(np.abs(session(file)(images) - ours).max() / np.abs(ours).max())


def _steps(network: Int8Graph, pictures: Pictures, lesson: Lesson, seed: int) -> Iterator[float]:
    """Train batch by batch, the rates falling to zero; each batch's loss."""
    chance = np.random.default_rng(seed)
    total = lesson.epochs * -(-len(pictures.labels) // BATCH)
    weights = {"params": list(network.shares), "lr": lesson.rate}
    optimizer = torch.optim.Adam([weights, {"params": list(network.biases), "lr": BIAS_RATE}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    for _ in range(lesson.epochs):
        for batch, labels in batches(pictures, chance, BATCH):
            loss = functional.cross_entropy(network(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield loss.item()
