"""Train the networks that ship with `5_smaller`: `python -m snippets.smaller.pretrain NAME`, minutes of one core each.

Trained as `snippets.model.train` does it, for a fraction of its time: crops are cheap and teach what food looks like,
and some epochs of whole pictures what the main dish is. The notebook goes on from there. The residual network first
learns the first `SEEN` dishes alone; that is the *embedding* of the notebook, the stand-in for a network that somebody
trained on other things. Then it learns all of them. The narrow MobileNetV2 is cut out of the wide one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snippets.data.datasets import dataset
from snippets.data.food11_classes import CLASSES
from snippets.model.train import Trainer, share_right
from snippets.model.weights_file import load_model
from snippets.smaller import networks, weights
from snippets.smaller.narrow import narrowed

SEEN = 6
PHASES = {
    "embedding": "crops:96:16:0.003 whole:224:1:0.0004",
    "resnet": "crops:96:4:0.002 whole:224:2:0.0006",
    "mobilenet-half": "crops:96:3:0.002 whole:224:1:0.0008",
    "transformer": "crops:96:10:0.002 whole:224:2:0.0006 whole:224:4:0.001",
}


def start(name: str) -> nn.Module:
    """The network that training begins with.

    Random weights; but the residual network goes on from the embedding, and the narrow MobileNetV2 from half of the
    channels of the shipped one.
    """
    if name == "embedding":
        return networks.resnet(SEEN)
    if name == "mobilenet-half":
        wide: Any = load_model()[0]
        return narrowed(wide, 0.5)
    model = networks.build(name, len(CLASSES))
    if name == "resnet":
        weights.take_features(model, weights.load("embedding"))
    return model


def main() -> None:
    """Parse the command line, train, save, print the accuracies."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=PHASES, help="which network")
    parser.add_argument("--output", type=Path, help="where the weights go (default: where the kit keeps them)")
    parser.add_argument("--start", type=Path, help="weights to go on from (default: as the network begins)")
    parser.add_argument("--pictures", type=int, default=3300, help="pictures to train on (default %(default)s)")
    parser.add_argument("--phases", default="", help="kind:side:epochs:rate, in order (default: the network's own)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = weights.load(arguments.name, arguments.start) if arguments.start else start(arguments.name)
    trainer = Trainer(arguments.pictures, model=model)
    labels = CLASSES[: trainer.guided.classes]
    output = arguments.output or weights.path(arguments.name)
    for phase in (arguments.phases or PHASES[arguments.name]).split():
        kind, side, epochs, rate = phase.split(":")
        trainer.phase(kind, int(side), int(epochs), float(rate))
        trainer.settle()
        weights.save(trainer.average, output, labels)
        if len(labels) == len(CLASSES):
            right = share_right(trainer.average, dataset("rehearsal").split("validation"))
            print(f"validation accuracy: {right:.4f}", flush=True)


if __name__ == "__main__":
    main()
