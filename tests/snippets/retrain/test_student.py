"""The student sees a coarse picture, and two of one seed differ in nothing but what they learn from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from snippets.data.image import preprocess
from snippets.retrain import student
from snippets.retrain.student import Pictures, Recipe, Student

CLASSES = 3
LABELS_ALONE = Recipe(steps=3, weight=0.0, temperature=4.0)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pictures(images: np.ndarray) -> Pictures:
    labels = np.arange(40) % CLASSES
    return Pictures(student.coarse(images), labels, np.eye(CLASSES, dtype=np.float32)[labels] * 5)


def test_what_is_averaged_beforehand_is_what_the_graph_would_average(images: np.ndarray, pictures: Pictures) -> None:
    model = Student(CLASSES).eval()
    with torch.inference_mode():
        whole = model(torch.from_numpy(preprocess(images[:2])))
        small = model.of_coarse(torch.from_numpy(pictures.images[:2]))
    assert pictures.images.shape == (40, 3, 56, 56) and torch.allclose(whole, small, atol=1e-4)


def test_two_students_of_a_seed_that_learn_from_the_same_are_the_same_and_another_seed_is_another(
    pictures: Pictures,
) -> None:
    def learnt(seed: int, recipe: Recipe = LABELS_ALONE) -> np.ndarray:
        return student.learn(pictures, recipe, seed)[0].classifier.weight.detach().numpy()

    assert np.array_equal(learnt(1), learnt(1)) and not np.array_equal(learnt(1), learnt(2))
    assert not np.array_equal(learnt(1), learnt(1, Recipe(3, 0.9, 4.0)))


def test_students_of_a_seed_meet_the_same_pictures_in_the_same_order(pictures: Pictures, monkeypatch) -> None:
    met: list[np.ndarray] = []
    inner = student.loss_of

    def looking(logits, labels, teacher, recipe):
        met.append(labels.numpy().copy())
        return inner(logits, labels, teacher, recipe)

    monkeypatch.setattr(student, "loss_of", looking)
    for weight in (0.0, 0.9):
        student.learn(pictures, Recipe(3, weight, 4.0), 1)
    assert np.array_equal(np.array(met[:3]), np.array(met[3:])) and len({tuple(one) for one in met[:3]}) == 3


def test_the_loss_is_the_labels_and_the_softened_teachers_as_they_are_weighed() -> None:
    """Student (0, 0): cross-entropy ln 2. Teacher (2 ln 3, 0), at T = 2 three to one: its divergence from one to one is
    3/4 ln(3/2) + 1/4 ln(1/2) = 0.1308, times T squared 0.5232."""
    logits, labels = torch.zeros(1, 2), torch.tensor([1])
    teacher = torch.tensor([[2 * math.log(3), 0.0]])
    soft = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))

    def loss(weight: float) -> float:
        return float(student.loss_of(logits, labels, teacher, Recipe(1, weight, 2.0)))

    assert loss(0.0) == pytest.approx(math.log(2))
    assert loss(1.0) == pytest.approx(soft, rel=1e-5)
    assert loss(0.25) == pytest.approx(0.75 * math.log(2) + 0.25 * soft, rel=1e-5)


def test_a_teacher_that_says_what_the_student_says_has_nothing_to_add() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    assert float(student.loss_of(logits, torch.tensor([0]), logits, Recipe(1, 1.0, 4.0))) == pytest.approx(0, abs=1e-6)


def test_a_student_learns_what_is_easy(images: np.ndarray) -> None:
    """Dark, grey and bright pictures: named rightly after some steps, from labels and from a teacher alone."""
    labels = np.arange(40) % CLASSES
    shades = np.clip(images * 0.1 + 80.0 * labels[:, None, None, None], 0, 255).astype(np.uint8)
    easy = Pictures(student.coarse(shades), labels, np.eye(CLASSES, dtype=np.float32)[labels] * 5)
    for weight in (0.0, 1.0):
        model, loss, seconds = student.learn(easy, Recipe(25, weight, 2.0), 1)
        assert (student.classify(model, easy.images) == labels).mean() > 0.9
        assert loss.shape == (25,) and loss[-1] < loss[0] and seconds > 0
