"""Train the MobileNetV2 that ships with the kit: `python -m snippets.model.train`.

From random weights, on pictures of the rehearsal set's training split and further draws of the same
generator. Two phases, because a network this deep learns slowly from one label a picture:

1. Crops at the pictures' own scale, with the generator's map of what lies where: each place of the last layer
   (and of two layers on the way, deep supervision) learns to name the food it sees. Small crops are cheap.
2. Whole pictures at full size with one label each, as the network is used.

Sources: deep supervision, Lee et al., AISTATS 2015; averaged weights, Polyak and Juditsky 1992; training and
testing at one scale, Touvron et al., NeurIPS 2019. Evaluation is read once, at the end.
"""

from __future__ import annotations

import argparse
import copy
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from snippets.data.datasets import dataset
from snippets.data.food11_classes import CLASSES
from snippets.data.image import SIDE, decode, preprocess
from snippets.data.progress import progress_bar
from snippets.data.rehearsal import pictures as rehearsal
from snippets.files import building, cache_folder
from snippets.machine.host import cores
from snippets.model.mobilenet import mobilenet_v2
from snippets.model.weights_file import SHIPPED, load_model, save_weights

COUNT = len(CLASSES)
EARLY_WEIGHT, MIDDLE_WEIGHT = 0.3, 0.5
WEIGHT_DECAY = 0.02
SMOOTHING = 0.1
BATCH = 16
# Steps that the averaged weights look back on, roughly.
AVERAGE_OVER = 150


class Guided(nn.Module):
    """A network asked what lies where: float32 (N,3,S,S) -> maps of logits at S/8, S/16 and where its features end.

    The network has `features` and a `classifier` that ends in a linear layer, and `taps`: the two places on the way
    where the map is asked for too, each as (number of the feature, channels before it).
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.classes = int(model.classifier[-1].out_features)
        (self.early_at, early), (self.middle_at, middle) = model.taps
        self.early = nn.Conv2d(early, self.classes + 1, 1)
        self.middle = nn.Conv2d(middle, self.classes + 1, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """float32 images (N,3,S,S) -> logits (N,classes+1,S/8,S/8), (N,classes+1,S/16,S/16), (N,classes,s,s)."""
        features, final = self.model.features, self.model.classifier[-1]
        x = features[: self.early_at](x)
        early = self.early(x)
        x = features[self.early_at : self.middle_at](x)
        middle = self.middle(x)
        x = functional.dropout(features[self.middle_at :](x), 0.2, self.training)
        return early, middle, functional.conv2d(x, final.weight[:, :, None, None], final.bias)


class Trainer:
    """A model, its running average, and the pictures that it learns from.

    `model`: a network as Guided takes it (default: MobileNetV2, from the weights `start` or from random ones). One that
    tells fewer classes apart than there are learns from pictures of the first ones alone; other food is none to it.
    """

    def __init__(self, pictures: int, start: str = "", seed: int = 1, model: Any = None) -> None:
        torch.manual_seed(seed)
        self.chance = np.random.default_rng(seed)
        if model is None:
            model = load_model(start, CLASSES)[0] if start else mobilenet_v2(COUNT)
        self.guided = Guided(model).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.guided.model).requires_grad_(False)
        images, labels, maps = _pictures(pictures)
        known = labels < self.guided.classes
        self.images, self.labels = images[known], labels[known]
        self.maps = np.where(maps[known] <= self.guided.classes, maps[known], 0)

    def phase(self, name: str, side: int, epochs: int, rate: float) -> None:
        """Train for some epochs; `name` is 'crops' or 'whole', `rate` the highest learning rate."""
        count = len(self.images) // BATCH
        weights = [p for p in self.guided.parameters() if p.ndim > 1]
        rest = [p for p in self.guided.parameters() if p.ndim <= 1]
        groups = [{"params": weights, "weight_decay": WEIGHT_DECAY}, {"params": rest, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=count * epochs, pct_start=0.1, div_factor=5
        )
        loss_of = self._crops if name == "crops" else self._whole
        self.guided.train()
        for epoch in range(epochs):
            began, total, right = time.perf_counter(), 0.0, 0.0
            order = self.chance.permutation(len(self.images))
            for step in range(count):
                loss, share = loss_of(order[step * BATCH : (step + 1) * BATCH], side)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.guided.parameters(), 3.0)
                optimizer.step()
                schedule.step()
                self.follow(epoch * count + step)
                total, right = total + loss.item(), right + share
            print(
                f"{name} {side}x{side}, epoch {epoch + 1} of {epochs}: loss {total / count:.3f}, "
                f"right {right / count:.3f}, {time.perf_counter() - began:.0f} s",
                flush=True,
            )

    def settle(self) -> None:
        """Recompute the statistics of the average's batch normalization."""
        _settle_statistics(self.average)

    def finish(self, output: Path) -> nn.Module:
        """Settle the average's statistics and save it."""
        self.settle()
        save_weights(self.average, output, CLASSES)
        return self.average

    def _crops(self, rows: np.ndarray, side: int) -> tuple[torch.Tensor, float]:
        """Loss, and the share of food places named rightly, on turned crops at about the pictures' own scale."""
        where = self.views(len(rows), side / SIDE * self.chance.uniform(0.8, 1.25, len(rows)), 0.35)
        x = self._relit(sample_views(torch.from_numpy(preprocess(self.images[rows])), where, side, "bilinear"))
        food = sample_views(torch.from_numpy(self.maps[rows]).float()[:, None], where, side // 8, "nearest")
        early = functional.one_hot(food[:, 0].long(), self.guided.classes + 1).permute(0, 3, 1, 2).float()
        guesses = self.guided(x)
        middle = functional.avg_pool2d(early, early.shape[-1] // guesses[1].shape[-1])
        final = functional.avg_pool2d(early, early.shape[-1] // guesses[2].shape[-1])[:, 1:]
        loss = EARLY_WEIGHT * map_loss(guesses[0], early) + MIDDLE_WEIGHT * map_loss(guesses[1], middle)
        seen = final.sum(1) > 0.5
        right = (guesses[2].argmax(1) == final.argmax(1))[seen].float().mean().nan_to_num(0.0)
        return loss + map_loss(guesses[2], final), float(right)

    def _whole(self, rows: np.ndarray, side: int) -> tuple[torch.Tensor, float]:
        """Loss and share named rightly, on whole pictures, turned."""
        where = self.views(len(rows), self.chance.uniform(0.85, 1.0, len(rows)), 0.08)
        x = self._relit(sample_views(torch.from_numpy(preprocess(self.images[rows])), where, side, "bilinear"))
        labels = torch.from_numpy(self.labels[rows])
        logits = self.guided.model(x)
        loss = functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        return loss, float((logits.argmax(1) == labels).float().mean())

    def views(self, count: int, zoom: np.ndarray, reach: float) -> torch.Tensor:
        """Where to look: affine maps (count,2,3), turned, mirrored, shifted by at most `reach`."""
        angle = self.chance.uniform(0, 2 * np.pi, count)
        mirror = self.chance.choice((-1.0, 1.0), count)
        shift = self.chance.uniform(-reach, reach, (count, 2))
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        rows = [np.stack([mirror * cos, -sin, shift[:, 0]], 1), np.stack([mirror * sin, cos, shift[:, 1]], 1)]
        return torch.from_numpy(np.stack(rows, 1).astype(np.float32))

    def _relit(self, x: torch.Tensor) -> torch.Tensor:
        """Another exposure and colour of the light for each picture."""
        gain, lift = (
            self.chance.uniform(0.8, 1.25, (len(x), 3, 1, 1)),
            self.chance.uniform(-0.2, 0.2, (len(x), 3, 1, 1)),
        )
        x = x * torch.from_numpy(gain.astype(np.float32)) + torch.from_numpy(lift.astype(np.float32))
        return x.contiguous(memory_format=torch.channels_last)

    def follow(self, step: int) -> None:
        """Move the averaged weights towards the current ones."""
        share = max(1 / AVERAGE_OVER, 1 / (1 + step))
        current = [p.detach() for p in self.guided.model.parameters()]
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), current, share)


def share_right(model: nn.Module, split: Any, batch: int = 32) -> float:
    """Share of a split that the model names rightly."""
    model.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(split.labels), batch):
            x = torch.from_numpy(preprocess(split.images[start : start + batch]))
            guess = model(x.contiguous(memory_format=torch.channels_last)).argmax(1).numpy()
            right += int((guess == split.labels[start : start + batch]).sum())
    return right / len(split.labels)


def sample_views(x: torch.Tensor, where: torch.Tensor, side: int, mode: str) -> torch.Tensor:
    """Look at (N,C,H,W) through the affine maps (N,2,3): (N,C,side,side); `mode` is bilinear or nearest."""
    grid = functional.affine_grid(where, [len(x), x.shape[1], side, side], align_corners=False)
    return functional.grid_sample(x, grid, mode=mode, padding_mode="reflection", align_corners=False)


def map_loss(logits: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the share of each class at each place, both (N,C,h,w), averaged over what is there."""
    return -(shares * functional.log_softmax(logits, 1)).sum() / shares.sum().clamp(min=1)


def _pictures(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The training split and, beyond its end, the same generator's further pictures; labels; maps."""
    counts = {"training": count}
    folder = rehearsal.generate(cache_folder() / f"rehearsal-training-{rehearsal.fingerprint(counts)}", counts)
    labels = np.arange(count) % COUNT
    numbers = np.arange(count) // COUNT
    files = [
        folder / "training" / CLASSES[label] / f"{label}_{number}.jpg"
        for label, number in zip(labels, numbers, strict=True)
    ]
    images = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8)
    with ThreadPoolExecutor(cores()) as pool:
        for row, pixels in enumerate(pool.map(decode, files)):
            images[row] = pixels
    with building(folder.with_name(f"{folder.name}-maps")) as partial:
        if partial is not None:
            with progress_bar("Mapping pictures", count) as bar:
                maps = []
                for label, number in zip(labels, numbers, strict=True):
                    maps.append(rehearsal.where(int(label), "training", int(number)))
                    bar.update()
            np.save(partial / "maps.npy", np.stack(maps))
    return images, labels, np.load(folder.with_name(f"{folder.name}-maps") / "maps.npy")


def _settle_statistics(model: nn.Module) -> None:
    """Recompute batch normalization's statistics for these weights at full size, on the training split."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    images = dataset("rehearsal").split("training").images
    model.train()
    with torch.no_grad():
        for first in range(10):
            # Every twentieth picture: the split lies sorted by class.
            x = torch.from_numpy(preprocess(images[first::20]))
            model(x.contiguous(memory_format=torch.channels_last))
    model.eval()
    for norm in norms:
        norm.momentum = 0.1


def main() -> None:
    """Parse the command line, train, print the accuracies."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=SHIPPED, help="where the weights go")
    parser.add_argument("--start", default="", help="weights to go on from (default: random ones)")
    parser.add_argument("--pictures", type=int, default=3300, help="pictures to train on (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads (more than one pays on an idle machine)")
    parser.add_argument(
        "--phases",
        default="crops:96:8:0.002 whole:224:3:0.0005",
        help="kind:side:epochs:rate, in order (default %(default)s)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    trainer = Trainer(arguments.pictures, arguments.start)
    model: nn.Module = trainer.average
    for phase in arguments.phases.split():
        name, side, epochs, rate = phase.split(":")
        trainer.phase(name, int(side), int(epochs), float(rate))
        model = trainer.finish(arguments.output)
        print(f"validation accuracy: {share_right(model, dataset('rehearsal').split('validation')):.4f}", flush=True)
    print(f"evaluation accuracy: {share_right(model, dataset('rehearsal').split('evaluation')):.4f}")


if __name__ == "__main__":
    main()
