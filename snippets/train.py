"""Train the MobileNetV2 that ships with the kit: `python -m snippets.train`.

From random weights, on pictures of the rehearsal set's training split and further draws of the same
generator (`--pictures`), small pictures first and full size last, which costs a third of training at full
size throughout. Validation chooses nothing but is printed after each stage; evaluation is read once, at the end.

Sources: progressive resizing and its scale mismatch, Touvron et al., "Fixing the train-test resolution
discrepancy", NeurIPS 2019; averaged weights, Izmailov et al., UAI 2018.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import rehearsal
from snippets.cache import cache_folder, processors
from snippets.data import dataset
from snippets.image import SIDE, decode, preprocess
from snippets.model import SHIPPED, load_model, save_weights

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Stage:
    """Some epochs at one picture size. `rate` is the learning rate that the stage begins with."""

    side: int
    epochs: int
    batch: int = 32


STAGES = (Stage(64, 12, 16), Stage(96, 8, 16), Stage(128, 3, 16), Stage(224, 1))
PICTURES = 3300
PEAK_RATE = 3e-3
WEIGHT_DECAY = 0.02
SMOOTHING = 0.1
# Steps that the averaged weights look back on, roughly.
AVERAGE_OVER = 300


def train(
    stages: tuple[Stage, ...], pictures: int, output: Path, start: str = "", peak: float = PEAK_RATE, seed: int = 1
) -> dict[str, float]:
    """Train, save the weights to `output` after each stage, and return the accuracies of the last.

    Keys: `validation` and `evaluation`, each a fraction of 1.
    """
    import torch

    from snippets.mobilenet import mobilenet_v2

    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    files, labels = _training_files(pictures)
    model = load_model(start, rehearsal.CLASSES)[0] if start else mobilenet_v2(len(rehearsal.CLASSES))
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(_groups(model), lr=peak)
    steps = sum(-(-len(files) // stage.batch) * stage.epochs for stage in stages)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps, pct_start=0.15)
    validation = dataset("rehearsal").split("validation")
    for stage in stages:
        images = _load(files, min(SIDE, stage.side * 5 // 4))
        for epoch in range(stage.epochs):
            began, total, right = time.perf_counter(), 0.0, 0
            model.train()
            for x, y in _batches(images, labels, stage, chance):
                logits = model(x)
                loss = torch.nn.functional.cross_entropy(logits, y, label_smoothing=SMOOTHING)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
                optimizer.step()
                schedule.step()
                _follow(average, model, schedule.last_epoch)
                total += loss.item() * len(y)
                right += int((logits.argmax(1) == y).sum())
            print(
                f"{stage.side}x{stage.side} epoch {epoch + 1}/{stage.epochs}: loss {total / len(files):.3f}, "
                f"training accuracy {right / len(files):.3f}, {time.perf_counter() - began:.0f} s",
                flush=True,
            )
        _settle_statistics(average)
        save_weights(average, output, rehearsal.CLASSES)
        print(f"validation accuracy at {SIDE}x{SIDE}: {accuracy(average, validation):.4f}", flush=True)
    evaluation = dataset("rehearsal").split("evaluation")
    return {"validation": accuracy(average, validation), "evaluation": accuracy(average, evaluation)}


def accuracy(model: torch.nn.Module, split: Any, batch: int = 32) -> float:
    """Share of a split that the model names rightly."""
    import torch

    model.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(split.labels), batch):
            x = torch.from_numpy(preprocess(split.images[start : start + batch]))
            guess = model(x.contiguous(memory_format=torch.channels_last)).argmax(1).numpy()
            right += int((guess == split.labels[start : start + batch]).sum())
    return right / len(split.labels)


def _training_files(pictures: int) -> tuple[list[Path], np.ndarray]:
    """The training split, and beyond its end the same generator's further pictures."""
    counts = {"training": pictures}
    folder = rehearsal.generate(cache_folder() / f"rehearsal-training-{rehearsal.fingerprint(counts)}", counts)
    files = sorted(folder.glob("*/*/*.jpg"))
    return files, np.array([rehearsal.CLASSES.index(file.parent.name) for file in files])


def _load(files: list[Path], side: int) -> np.ndarray:
    """All pictures, decoded at `side`: uint8 (N,side,side,3)."""
    images = np.empty((len(files), side, side, 3), dtype=np.uint8)
    with ThreadPoolExecutor(processors()) as pool:
        for row, pixels in enumerate(pool.map(lambda file: decode(file, side), files)):
            images[row] = pixels
    return images


def _batches(images: np.ndarray, labels: np.ndarray, stage: Stage, chance: np.random.Generator) -> Iterator[Any]:
    """One epoch in random order, each picture turned, mirrored, scaled and relit."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    order = chance.permutation(len(images))
    for start in range(0, len(order), stage.batch):
        rows = order[start : start + stage.batch]
        x = torch.from_numpy(preprocess(images[rows]))
        count = len(rows)
        angle = chance.uniform(0, 2 * np.pi, count)
        zoom = chance.uniform(0.75, 1.0, count)
        mirror = chance.choice((-1.0, 1.0), count)
        shift = chance.uniform(-0.12, 0.12, (count, 2))
        turn = np.empty((count, 2, 3), dtype=np.float32)
        turn[:, 0] = np.stack([zoom * mirror * np.cos(angle), -zoom * np.sin(angle), shift[:, 0]], axis=1)
        turn[:, 1] = np.stack([zoom * mirror * np.sin(angle), zoom * np.cos(angle), shift[:, 1]], axis=1)
        grid = affine_grid(torch.from_numpy(turn), [count, 3, stage.side, stage.side], align_corners=False)
        x = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
        gain = torch.from_numpy(chance.uniform(0.8, 1.25, (count, 3, 1, 1)).astype(np.float32))
        lift = torch.from_numpy(chance.uniform(-0.2, 0.2, (count, 3, 1, 1)).astype(np.float32))
        x = (x * gain + lift).contiguous(memory_format=torch.channels_last)
        yield x, torch.from_numpy(labels[rows])


def _groups(model: torch.nn.Module) -> list[dict[str, Any]]:
    """Weight decay for convolutions and the classifier only, not for biases and normalization."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}]


def _follow(average: torch.nn.Module, model: torch.nn.Module, step: int) -> None:
    """Move the averaged weights towards the current ones."""
    import torch

    share = max(1 / AVERAGE_OVER, 1 / (1 + step))
    with torch.no_grad():
        mine, theirs = list(average.parameters()), [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(mine, theirs, share)


def _settle_statistics(model: torch.nn.Module) -> None:
    """Recompute batch normalization's statistics for these weights at full size, on the training split."""
    import torch

    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=SHIPPED, help="where the weights go")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="pictures to train on (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads (more than one pays on an idle machine)")
    parser.add_argument("--stages", default="", help="side:epochs,... instead of the default, e.g. 64:4,128:2")
    parser.add_argument("--start", default="", help="weights to go on from (default: random ones)")
    parser.add_argument("--peak", type=float, default=PEAK_RATE, help="highest learning rate (default %(default)s)")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    stages: tuple[Stage, ...] = STAGES
    if arguments.stages:
        stages = tuple(Stage(*map(int, part.split(":"))) for part in arguments.stages.split(","))
    for split, value in train(stages, arguments.pictures, arguments.output, arguments.start, arguments.peak).items():
        print(f"{split} accuracy: {value:.4f}")


if __name__ == "__main__":
    main()
