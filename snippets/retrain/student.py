"""A student network that is small enough to be trained in seconds, and its training from labels or a teacher's logits.

The student sees a coarse picture: its first operation averages squares of SHRINK x SHRINK pixels, so that it takes the
same 224x224 input as every other network here and works on a sixteenth of it. Training averages beforehand, once.

Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network" (2015).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from snippets.data.image import SIDE, preprocess
from snippets.smaller.finish import training
from snippets.smaller.networks import Residual

SHRINK = 4
WIDTHS = (16, 32, 64, 128)
BATCH = 32
RATE = 4e-3
WEIGHT_DECAY = 0.02
THREADS = 1
"""So small a network gains little from more, and then learns the same on machines with other numbers of cores."""
SHIFT = 4
"""By how many of its coarse pixels a picture is shifted at most while it is learnt from."""


class Student(nn.Module):
    """A convolution and three residual blocks on the coarse picture: float32 (N,3,224,224) -> logits (N,classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.shrink = nn.AvgPool2d(SHRINK)
        self.features = nn.Sequential(
            nn.Conv2d(3, first, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            *(Residual(inputs, outputs, 2) for inputs, outputs in pairwise(WIDTHS)),
        )
        self.classifier = nn.Linear(WIDTHS[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 images (N,3,224,224) -> logits (N,classes)."""
        return self.of_coarse(self.shrink(x))

    def of_coarse(self, x: torch.Tensor) -> torch.Tensor:
        """Coarse pictures, float32 (N,3,56,56), as `coarse` makes them -> logits (N,classes)."""
        return self.classifier(self.features(x).mean(dim=(2, 3)))


@dataclass(frozen=True)
class Pictures:
    """What is learnt from: coarse `images` float32 (N,3,56,56), int64 `labels` (N,), and `logits` (N,classes)."""

    images: np.ndarray
    labels: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """How a student learns: `steps` of BATCH pictures; `weight` of the teacher (0: labels alone) at a `temperature`."""

    steps: int
    weight: float
    temperature: float


def coarse(images: np.ndarray, batch: int = 64) -> np.ndarray:
    """uint8 images (N,224,224,3) -> float32 (N,3,56,56): preprocessed, then averaged as the student does it."""
    side = SIDE // SHRINK
    found = np.empty((len(images), 3, side, side), dtype=np.float32)
    for start in range(0, len(images), batch):
        x = preprocess(images[start : start + batch])
        found[start : start + batch] = functional.avg_pool2d(torch.from_numpy(x), SHRINK).numpy()
    return found


def learn(pictures: Pictures, recipe: Recipe, seed: int) -> tuple[Student, np.ndarray, float]:
    """A student in evaluation mode, the loss of each of its steps (float64), and the seconds that they took.

    `seed` decides what it begins with and which pictures come when and how (mirrored, shifted): students of one seed
    differ in nothing but what they learn from.
    """
    began = time.perf_counter()
    with training(THREADS, seed):
        student = Student(pictures.logits.shape[1]).to(memory_format=torch.channels_last)
        losses = _steps(student, pictures, recipe, np.random.default_rng(seed))
    return student.eval(), np.array(losses, dtype=np.float64), time.perf_counter() - began


def loss_of(logits: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Cross-entropy with the labels, and with the teacher's softened answers (N,classes), as the recipe weighs them.

    Softened are both logits, by dividing through the temperature T. Their divergence is multiplied by T squared, for
    its gradient shrinks by that (section 2 of the paper).
    """
    hard = functional.cross_entropy(logits, labels)
    if not recipe.weight:
        return hard
    warm = recipe.temperature
    soft = functional.kl_div(
        functional.log_softmax(logits / warm, 1), functional.softmax(teacher / warm, 1), reduction="batchmean"
    )
    return (1 - recipe.weight) * hard + recipe.weight * warm**2 * soft


def classify(student: Student, images: np.ndarray, batch: int = 110) -> np.ndarray:
    """Class numbers, int64 (N,), of coarse pictures float32 (N,3,56,56)."""
    with training(THREADS, 0), torch.inference_mode():
        parts = [
            student.of_coarse(torch.from_numpy(images[start : start + batch])).argmax(1)
            for start in range(0, len(images), batch)
        ]
    return torch.cat(parts).numpy()


def _steps(student: Student, pictures: Pictures, recipe: Recipe, chance: np.random.Generator) -> list[float]:
    images, labels, logits = map(torch.from_numpy, (pictures.images, pictures.labels, pictures.logits))
    optimizer = torch.optim.AdamW(student.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=recipe.steps, pct_start=0.2)
    order = np.empty(0, dtype=np.int64)
    losses = []
    student.train()
    for _ in range(recipe.steps):
        while len(order) < BATCH:
            order = np.concatenate([order, chance.permutation(len(labels))])
        rows, order = order[:BATCH], order[BATCH:]
        x = _moved(images[rows], chance)
        loss = loss_of(student.of_coarse(x), labels[rows], logits[rows], recipe)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def _moved(x: torch.Tensor, chance: np.random.Generator) -> torch.Tensor:
    """A batch mirrored or not and shifted, all its pictures alike; what comes in at a side is mirrored there."""
    across, down = chance.integers(-SHIFT, SHIFT + 1, 2)
    if chance.random() < 0.5:
        x = x.flip(3)
    side = x.shape[-1]
    padded = functional.pad(x, (SHIFT, SHIFT, SHIFT, SHIFT), mode="reflect")
    moved = padded[:, :, SHIFT + down : SHIFT + down + side, SHIFT + across : SHIFT + across + side]
    return moved.contiguous(memory_format=torch.channels_last)
