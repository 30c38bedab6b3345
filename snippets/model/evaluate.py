"""Accuracy: predictions of a model on a split of the data, kept whole so that anyone can recount them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snippets.data.datasets import Split
from snippets.data.image import preprocess
from snippets.errors import DataError

Logits = Callable[[np.ndarray], np.ndarray]
READY = 512
"""How many preprocessed images are kept (600 kB each)."""
_kept: list[tuple[np.ndarray, int, np.ndarray]] = []


def subset(labels: np.ndarray, count: int) -> np.ndarray:
    """Sorted indices of `count` images, every class in its share and evenly spread over its images.

    All of them for 0 or too large a count.
    """
    total = len(labels)
    if count <= 0 or count >= total:
        return np.arange(total)
    classes, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / total
    takes = np.floor(shares).astype(int)
    takes[np.argsort(takes - shares, kind="stable")[: count - takes.sum()]] += 1  # the largest remainders
    chosen = [
        np.flatnonzero(labels == label)[((np.arange(take) + 0.5) * size / max(take, 1)).astype(int)]
        for label, size, take in zip(classes, sizes, takes, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def predict(
    model: Logits,
    images: np.ndarray,
    batch: int = 32,
    indices: np.ndarray | None = None,
    known: Mapping[int, np.ndarray] | None = None,
    ready: np.ndarray | None = None,
) -> np.ndarray:
    """Class numbers, int64 (N,), of uint8 images (N,224,224,3), in batches through the kit's one preprocess.

    `known`: class numbers of batches that this model has classified already, by the number of the batch.
    `ready`: the first of the chosen images, already preprocessed.
    """
    chosen = np.arange(len(images)) if indices is None else indices
    if len(chosen) == 0:
        raise DataError("There are no images to evaluate. Choose a split that has some.")
    found = []
    for number, start in enumerate(range(0, len(chosen), batch)):
        part = chosen[start : start + batch]
        end = start + len(part)
        if known and number in known:
            found.append(known[number])
            continue
        inputs = ready[start:end] if ready is not None and end <= len(ready) else preprocess(images[part])
        found.append(np.asarray(model(inputs)).argmax(axis=1))
    return np.concatenate(found).astype(np.int64)


def accuracy_step(
    model: Logits,
    split: Split,
    name: str,
    *,
    limit: int = 0,
    batch: int = 32,
    known: Mapping[int, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Result of a recorded `accuracy` step: `predictions` and `labels` int64 (n,), `indices`, the split's name.

    `limit` takes that many images, every class in its share; 0 takes all. `known`: see `predict`.
    """
    indices = subset(split.labels, limit)
    return {
        "predictions": predict(model, split.images, batch, indices, known, preprocessed(split, limit)),
        "labels": split.labels[indices].astype(np.int64),
        "indices": indices.astype(np.int64),
        "split": name,
    }


def preprocessed(split: Split, limit: int = 0) -> np.ndarray:
    """The first images (at most `READY`) that `accuracy_step` with this `limit` classifies, float32 (n,3,224,224).

    The last call's are kept: what many models classify in turn is preprocessed once.
    """
    for images, kept, ready in _kept:
        if images is split.images and kept == limit:
            return ready
    _kept.clear()
    ready = preprocess(split.images[subset(split.labels, limit)[:READY]])
    _kept.append((split.images, limit, ready))
    return ready


def whole_batches(split: Split, size: int, limit: int = 0) -> list[np.ndarray]:
    """The batches that `accuracy_step` with the same `limit` begins with, each float32 (size,3,224,224).

    A last, smaller batch is left out, and so is what is beyond the first `READY` images. None of a split that has fewer
    than `size`.
    """
    ready = preprocessed(split, limit)
    return [ready[start : start + size] for start in range(0, len(ready) - size + 1, size)]


def real_batch(split: Split, size: int, seed: int = 0) -> np.ndarray:
    """`size` preprocessed images of a split, float32 (size,3,224,224), drawn with a fixed seed, repeated if few."""
    draw = np.random.default_rng(seed)
    total = len(split.labels)
    indices = draw.choice(total, size, replace=size > total)
    return np.concatenate([preprocess(split.images[start : start + 1]) for start in indices])


def confusion(predictions: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (classes,classes): row the true class, column the predicted one."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, predictions), 1)
    return table
