"""What a teacher brought, from predictions on the same images: with the teacher, without it, once for each seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from snippets import stats
from snippets.stats import Estimate

LABELS, TEACHER = "labels", "teacher"
SOURCES = (LABELS, TEACHER)
SEEDS = (1, 2, 3)


def by_seed(
    with_teacher: Sequence[ArrayLike], with_labels: Sequence[ArrayLike], labels: ArrayLike
) -> tuple[Estimate, ...]:
    """Accuracy with the teacher minus that with labels, for each seed, paired image by image.

    `with_teacher`, `with_labels`: predictions (images,) of each seed, in one order; `labels`: (images,). The intervals
    are those of `stats.accuracy_loss`: what other images might show of these very students. ValueError where they do
    not pair.
    """
    if len(with_teacher) != len(with_labels) or not with_teacher:
        raise ValueError(f"{len(with_teacher)} students with a teacher, {len(with_labels)} without: they do not pair")
    if {np.shape(one) for one in (*with_teacher, *with_labels)} != {np.shape(labels)}:
        raise ValueError("not all students classified the same images")
    return tuple(
        stats.accuracy_loss(alone, taught, labels) for taught, alone in zip(with_teacher, with_labels, strict=True)
    )


def over_seeds(gains: Sequence[Estimate]) -> Estimate:
    """The mean gain with Student's interval over the seeds: what other seeds might show on these very images."""
    return stats.between_replications([one.value for one in gains])


def verdict(mean: Estimate) -> str:
    """What seeds may claim of a mean gain, in words."""
    if mean.low > 0:
        return "the teacher taught more than the labels did"
    if mean.high < 0:
        return "the labels taught more than the teacher did"
    return "these seeds do not decide whether the teacher taught more than the labels did"


def example(logits: ArrayLike) -> int:
    """Which picture's logits (images, classes) are shown: that with the median gap between its two largest ones."""
    gaps = -np.diff(two_largest(logits), axis=1).ravel()
    return int(np.argsort(gaps, kind="stable")[len(gaps) // 2])


def two_largest(logits: ArrayLike) -> np.ndarray:
    """The largest and the second largest logit of each picture, float64 (images, 2).

    ValueError for anything but a table of numbers with two columns or more.
    """
    found = np.asarray(logits, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] < 2 or not len(found) or not np.isfinite(found).all():
        raise ValueError(f"no logits of pictures: {found.shape}")
    return -np.sort(-found, axis=1)[:, :2]


def favour(gap: float, temperature: float) -> float:
    """How many times as probable as another class one is whose logit is larger by `gap`, at a temperature above 0."""
    return float(np.exp(gap / temperature))
