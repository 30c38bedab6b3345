"""The last steps of training, taken in the notebook: a network at full size, or a small head on frozen features.

The shipped weights have mostly seen crops and small pictures. On whole pictures at full size batch normalization meets
other statistics (Touvron et al., NeurIPS 2019), so they are taken again, and then stay fixed while a few more steps are
trained.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from snippets.data.image import preprocess

BATCH = 11
RATE = 3e-4
WEIGHT_DECAY = 0.02
PENALTY = 1e-3
"""How much the head's weights are held down (they read features of size 1)."""


@dataclass(frozen=True)
class Pictures:
    """What is learnt from: uint8 `images` (N,224,224,3) and int64 `labels` (N,)."""

    images: np.ndarray
    labels: np.ndarray


def finish(
    model: nn.Module, pictures: Pictures, epochs: int, threads: int, *, rate: float = 0.0, statistics: bool = True
) -> dict[str, Any]:
    """Train a network on whole pictures at full size, in place, and put it in evaluation mode.

    `rate`: the learning rate that falls to zero (0: RATE). `statistics`: whether those of batch normalization are taken
    again first (`take_statistics`).

    Returns `loss` float64 (steps,), the cross-entropy of each batch, `images`, and `seconds` of it all.
    """
    began = time.perf_counter()
    with training(threads, 1):
        if statistics:
            take_statistics(model, pictures)
        loss = list(_steps(model, pictures, epochs, rate or RATE))
    return {
        "loss": np.array(loss, dtype=np.float64),
        "images": len(pictures.labels),
        "seconds": time.perf_counter() - began,
    }


def adapt(model: nn.Module, pictures: Pictures, threads: int) -> dict[str, Any]:
    """Fit a new classifier to a network's features, which stay as they are: logistic regression, in place.

    The classifier must have an output for each class. Returns `images`, `embedding_seconds` (computing the features)
    and `seconds` (fitting the head to them), and `loss` float64 (1,) at the end.
    """
    began = time.perf_counter()
    last = _last(model)
    model.eval()
    with training(threads, 1):
        with torch.inference_mode():
            parts = [
                model.get_submodule("features")(batch).mean(dim=(2, 3)) for batch, _ in batches(pictures, None, 32)
            ]
        features = torch.cat(parts).clone()
        embedded = time.perf_counter()
        middle, spread = features.mean(0), features.std(0) + 1e-6
        head = nn.Linear(features.shape[1], last.out_features)
        loss = _regress(head, (features - middle) / spread, torch.from_numpy(pictures.labels))
        with torch.no_grad():  # what scales the features moves into the head, so that serving takes no step more
            last.weight.copy_(head.weight / spread)
            last.bias.copy_(head.bias - last.weight @ middle)
    return {
        "images": len(pictures.labels),
        "embedding_seconds": embedded - began,
        "seconds": time.perf_counter() - embedded,
        "loss": np.array([loss], dtype=np.float64),
    }


def take_statistics(model: nn.Module, pictures: Pictures) -> None:
    """Take the statistics of batch normalization again, as plain means over these pictures, and keep them."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    with torch.no_grad():
        for batch, _ in batches(pictures, np.random.default_rng(0), 2 * BATCH):
            model(batch)
    for norm in norms:
        norm.momentum = 0.1
        norm.eval()


@contextmanager
def training(threads: int, seed: int) -> Iterator[None]:
    """torch seeded, with so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _steps(model: nn.Module, pictures: Pictures, epochs: int, rate: float) -> Iterator[float]:
    """Train batch by batch, the rate falling to zero; each batch's loss."""
    chance = np.random.default_rng(1)
    total = epochs * -(-len(pictures.labels) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    model.eval()  # batch normalization keeps its statistics; the other layers are the same in both modes
    for _ in range(epochs):
        for batch, labels in batches(pictures, chance, BATCH):
            loss = functional.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield loss.item()


def batches(
    pictures: Pictures, chance: np.random.Generator | None = None, size: int = 2 * BATCH
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of (images float32 (n,3,224,224), labels int64 (n,)): in order, or shuffled and half of them mirrored."""
    count = len(pictures.labels)
    order: Sequence[int] | np.ndarray = np.arange(count) if chance is None else chance.permutation(count)
    for start in range(0, count, size):
        rows = np.sort(order[start : start + size])
        x = torch.from_numpy(preprocess(pictures.images[rows]))
        if chance is not None and chance.random() < 0.5:
            x = x.flip(3)
        yield x.contiguous(memory_format=torch.channels_last), torch.from_numpy(pictures.labels[rows])


def _regress(head: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> float:
    """Fit the head (L-BFGS) and return its loss."""
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        return functional.cross_entropy(head(features), labels) + PENALTY * head.weight.square().sum()

    def step() -> float:
        optimizer.zero_grad()
        found = loss()
        found.backward()
        return found.item()

    optimizer.step(step)
    with torch.no_grad():
        return float(functional.cross_entropy(head(features), labels))


def _last(model: nn.Module) -> nn.Linear:
    last = model.get_submodule("classifier.1")
    assert isinstance(last, nn.Linear)
    return last
