"""What a teacher brought, on predictions few enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snippets.retrain import gain
from snippets.stats import Estimate

LABELS = [1, 1, 1, 1, 1]


def test_gains_are_paired_by_seed_and_by_image() -> None:
    """Seed 1: wrong, wrong, right becomes right, right, wrong: one more of five. Seed 2: as many, though others."""
    alone = [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]]
    taught = [[1, 1, 0, 1, 1], [1, 0, 1, 1, 1]]
    first, second = gain.by_seed(taught, alone, LABELS)
    assert first.value == pytest.approx(0.2) and second.value == 0
    # Two gained and one lost of five, half an image more in each cell: 1 of 7, and 1.96 x sqrt(4 - 1 / 7) / 7.
    assert first.high == pytest.approx(1 / 7 + 1.959964 * math.sqrt(27 / 7) / 7)


def test_three_seeds_bound_their_mean_by_students_t_with_two_degrees_of_freedom() -> None:
    """6, 2 and 4: mean 4, standard deviation 2; t is 4.3027: 4.3027 x 2 / sqrt(3) = 4.968."""
    mean = gain.over_seeds([Estimate(value, -1.0, 1.0) for value in (6.0, 2.0, 4.0)])
    assert mean.value == 4 and mean.high - 4 == pytest.approx(4.968, abs=1e-3)


@pytest.mark.parametrize(
    ("mean", "told"),
    [
        (Estimate(4, 1, 7), "the teacher taught more than the labels did"),
        (Estimate(-4, -7, -1), "the labels taught more than the teacher did"),
        (Estimate(4, -1, 9), "these seeds do not decide whether the teacher taught more than the labels did"),
        (Estimate(4, 0, 8), "these seeds do not decide whether the teacher taught more than the labels did"),
    ],
)
def test_the_verdict_claims_what_the_interval_allows(mean: Estimate, told: str) -> None:
    assert gain.verdict(mean) == told


def test_students_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="do not pair"):
        gain.by_seed([LABELS], [LABELS, LABELS], LABELS)
    with pytest.raises(ValueError, match="do not pair"):
        gain.by_seed([], [], LABELS)
    with pytest.raises(ValueError, match="same images"):
        gain.by_seed([LABELS], [LABELS[:4]], LABELS)


def test_the_picture_shown_has_the_median_gap_between_its_two_largest_logits() -> None:
    logits = np.array([[5.0, 1.0, 0.0], [2.0, 8.0, 1.0], [0.0, 1.0, 3.0]])  # gaps 4, 6, 2
    assert gain.example(logits) == 0
    assert gain.two_largest(logits).tolist() == [[5, 1], [8, 2], [3, 1]]


@pytest.mark.parametrize("broken", [[1.0, 2.0], [[1.0]], np.empty((0, 3)), [[1.0, float("nan")]]])
def test_what_are_no_logits_is_refused(broken) -> None:
    with pytest.raises(ValueError, match="no logits"):
        gain.two_largest(broken)


def test_a_temperature_brings_two_classes_nearer_to_each_other() -> None:
    """A logit larger by ln 16 is 16 times as probable, and at a temperature of 2 the root of it, 4 times."""
    assert gain.favour(math.log(16), 1) == pytest.approx(16)
    assert gain.favour(math.log(16), 2) == pytest.approx(4)
